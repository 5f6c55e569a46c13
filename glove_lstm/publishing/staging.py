"""Checks of the files that a push sends: secrets, paths of this machine, and use in a clean process."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from huggingface_hub import get_token

from glove_lstm.errors import DataError

_SECRETS = re.compile(
    rb"\bhf_[A-Za-z0-9]{30,}|\bgh[opsu]_[A-Za-z0-9]{30,}|\bgithub_pat_\w{30,}|\bsk-[A-Za-z0-9_-]{30,}"
    rb"|\bAKIA[0-9A-Z]{16}\b|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
_LOCAL_PATHS = re.compile(
    rb"(?<![\w.:/])/(?:home|Users|root|tmp|private/var|mnt|workspace)/[\w.-]|\b[A-Za-z]:\\{1,2}Users\\"
)
# Logins, caches and offline switches of this machine.
_HIDDEN_VARIABLES = ("HF_", "HUGGING", "TRANSFORMERS_", "GLOVE_LSTM_")


def list_files(folder: Path) -> dict[str, int]:
    """Return the size in bytes of each file, by its path inside the folder."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}


def check_private(data: bytes, name: str) -> None:
    """Refuse a file with a token, a key or a path of this machine.

    Raises:
        DataError: The file holds one; the message does not show the secret.
    """
    token = get_token()
    if _SECRETS.search(data) or (token and token.encode() in data):
        raise DataError(f"{name} holds a token or a key; remove it, and revoke it.")
    home = os.fsencode(Path.home())
    match = _LOCAL_PATHS.search(data) or (
        len(home) > 1 and re.search(re.escape(home) + rb"(?![\w-])", data)
    )
    if match:
        start = data[match.start() : match.start() + 40].decode(errors="replace")
        path = re.split(r'[\s"]', start)[0]
        raise DataError(f"{name} holds a path of this machine ({path}...); remove it.")


def error_in_clean_process(code: str, folder: Path, source: Path) -> str | None:
    """Run Python code on a copy of a folder, in a process without login, cache and network.

    `sys.argv[1]` of the code is the copy's path. Returns the last line of its error, which names `source` instead; None
    on success.
    """
    kept = [name for name in os.environ if not name.startswith(_HIDDEN_VARIABLES)]
    env = {name: os.environ[name] for name in kept} | {"PYTHONWARNINGS": "ignore"}
    with tempfile.TemporaryDirectory() as home:
        copy = shutil.copytree(folder, Path(home) / "copy")
        env |= {"HF_HOME": str(Path(home) / "hf"), "HF_HUB_OFFLINE": "1"}
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-P", "-c", code, str(copy)],
            env=env,
            cwd=home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    if not done.returncode:
        return None
    lines = done.stderr.replace(str(copy), str(source)).strip().splitlines()
    return lines[-1].rstrip(".") if lines else "it was killed"
