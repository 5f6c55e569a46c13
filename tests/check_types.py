"""Run the type checker, and prove that it sees every folder: an error planted in each must be found.

python tests/check_types.py
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = {
    "modeling": "",
    "data": "data.",
    "tokenization": "tokenization.",
    "evaluation": "evaluation.",
    "app": "app.",
    "scripts": "scripts.",
}


def check(folder: Path, cache: Path) -> subprocess.CompletedProcess[str]:
    """Mypy over a tree laid out as the package is imported."""
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--config-file",
        str(ROOT / "pyproject.toml"),
        "--cache-dir",
        str(cache),
    ]
    return subprocess.run([*command, "-p", "glove_lstm"], cwd=folder, capture_output=True, text=True)


def main() -> int:
    """0 when the types are clean and every planted error was found."""
    with tempfile.TemporaryDirectory() as scratch:
        tree, cache = Path(scratch) / "tree", Path(scratch) / "cache"
        for source, name in FOLDERS.items():
            target = tree / "glove_lstm" / name.rstrip(".")
            shutil.copytree(ROOT / source, target, dirs_exist_ok=True)
        clean = check(tree, cache)
        sys.stdout.write(clean.stdout + clean.stderr)
        if clean.returncode:
            return 1
        for name in FOLDERS.values():
            planted = tree / "glove_lstm" / name.rstrip(".") / "planted_error.py"
            planted.write_text('"""Planted."""\n\nNUMBER: int = "no number"\n')
        found = check(tree, cache).stdout
        missed = [
            source
            for source, name in FOLDERS.items()
            if f"{name.rstrip('.')}/planted_error.py:3".lstrip("/") not in found
        ]
        sys.stdout.write(f"planted errors missed in: {', '.join(missed) or 'no folder'}\n")
        return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
