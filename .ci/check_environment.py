"""Say what this environment lacks to develop glove-lstm: the version of Python, packages, Chromium, npm.

It imports nothing that could be missing. The exit status is 1 if the tests cannot run.
"""

import re
import shutil
import sys
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

_OLDEST_PYTHON = (3, 11)
_INSTALL = "run make install in a virtual environment"
_NEEDED = ("", "train", "test")  # by the tests; "": the base install
_OTHERS = ("docs", "dev")


def main() -> int:
    """Print a line for each thing that is needed; return the exit status."""
    problems = [_python_problem(), *_missing_packages(_NEEDED), _hub_problem()]
    found = [problem for problem in problems if problem]
    others = [*_missing_packages(_OTHERS), _chromium_note(), _npm_note()]
    notes = [note for note in others if note]
    for line in (*found, *notes):
        sys.stdout.write(f"{line}\n")
    if not found:
        sys.stdout.write("All that the tests need is here.\n")
    return 1 if found else 0


def _python_problem() -> str:
    if sys.version_info >= _OLDEST_PYTHON:
        return ""
    wanted = ".".join(map(str, _OLDEST_PYTHON))
    return f"Python {sys.version.split()[0]} is too old: use {wanted} or newer."


def _missing_packages(extras: tuple[str, ...]) -> list[str]:
    """Return a sentence for each extra of which packages are missing."""
    try:
        requirements = requires("glove-lstm") or []
    except PackageNotFoundError:
        return [f"glove-lstm is not installed: {_INSTALL}."] if "" in extras else []
    missing: dict[str, list[str]] = {}
    for requirement in requirements:
        name = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
        extra = "".join(re.findall(r"extra == ['\"](\w+)['\"]", requirement))
        if extra in extras and not _is_installed(name):
            missing.setdefault(extra, []).append(name)
    return [
        f"{f'The extra [{extra}]' if extra else 'The base install'} lacks {', '.join(names)}: {_INSTALL}."
        for extra, names in missing.items()
    ]


def _is_installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


def _hub_problem() -> str:
    model = Path(__file__).parents[1] / "hub" / "model.safetensors"
    return "" if model.is_file() else f"{model} is missing: clone the repository again."


def _chromium_note() -> str:
    if shutil.which("chromium") or shutil.which("google-chrome"):
        return ""
    return (
        "There is no chromium or google-chrome: the tests of app and page are skipped. Install one."
    )


def _npm_note() -> str:
    if shutil.which("npm"):
        return ""
    return "There is no npm: make ci skips the test of the page with ONNX Runtime. Install Node.js."


if __name__ == "__main__":
    sys.exit(main())
