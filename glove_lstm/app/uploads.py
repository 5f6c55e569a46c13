"""What strangers send as files: read in another process, kept for a while in one folder of bounded size."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from glove_lstm.app.limits import Limits
from glove_lstm.data.errors import DataError
from glove_lstm.data.reading import FORMATS
from glove_lstm.data.streaming import BadRow, TextRow

TABLE_FORMATS = (*FORMATS, ".gz")
TEXT_FORMATS = (".txt", ".md", ".text")
NO_ROOM = "There is no room for more files just now; try again in half an hour."
_SECONDS = 90.0  # of waiting for the process
_SWEEP_SECONDS = 5.0


@dataclass
class UploadFolder:
    """The only folder that visitors' files come from and go to.

    Attributes:
        path: The folder, of this app alone.
        limits: How much it may hold, and how long.
    """

    path: Path
    limits: Limits = field(default_factory=Limits)
    _bytes: int = 0
    _swept: float = -_SWEEP_SECONDS
    _lock: Lock = field(default_factory=Lock)

    def full(self) -> bool:
        """Remove what is too old, and say whether the rest fills the folder; looks every few seconds."""
        with self._lock:
            if time.monotonic() - self._swept >= _SWEEP_SECONDS:
                self._bytes = self._sweep()
                self._swept = time.monotonic()
            return self._bytes > self.limits.stored_bytes

    def check(self, path: str | Path) -> Path:
        """Return the path of an upload.

        Raises:
            DataError: It is none, or too large.
        """
        found = Path(path).resolve()
        if not found.is_relative_to(self.path.resolve()) or not found.is_file():
            raise DataError("Only files that were uploaded here are read; upload it again.")
        if found.stat().st_size > self.limits.file_bytes:
            raise DataError(f"The file has more than {self.limits.file_bytes:,} bytes; send a part of it.")
        return found

    def _sweep(self) -> int:
        kept, oldest = 0, time.time() - self.limits.stored_seconds
        for path in sorted(self.path.rglob("*"), reverse=True):  # files before their folders
            try:
                status = path.stat()
                old = status.st_mtime < oldest
                if path.is_dir():
                    if old:
                        path.rmdir()  # refused where there is something in it
                elif old:
                    path.unlink()
                else:
                    kept += status.st_size
            except OSError:  # another request, or gradio, removed it
                continue
        return kept


def read_text_file(path: Path, limits: Limits) -> str:
    """Return the text of an uploaded file in UTF-8.

    Raises:
        DataError: It is of another kind, or too long.
    """
    if path.suffix.lower() not in TEXT_FORMATS:
        raise DataError(f"{path.name} is no text file ({', '.join(TEXT_FORMATS)}); paste its text instead.")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"{path.name} is not UTF-8 text; paste its text instead.") from None
    if len(text) > limits.characters:
        raise DataError(
            f"A text may have at most {limits.characters:,} characters here; {path.name} has {len(text):,}."
        )
    return text


def read_rows(path: Path, columns: str, limits: Limits) -> Iterator[TextRow | BadRow]:
    """Give the rows of an uploaded table.

    Args:
        path: Of a format that predict.py reads; named in errors by its last part alone.
        columns: Names of text columns, title before body, separated by commas; "" finds them.
        limits: Of rows, and characters.

    Raises:
        DataError: The file is damaged, of another kind, or beyond a limit.
    """
    environment = {"PATH": os.environ.get("PATH", ""), "OMP_NUM_THREADS": "1", "PYTHONUTF8": "1"}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    numbers = (limits.rows, limits.file_characters, limits.characters)
    module = "glove_lstm.app.reading_process"
    command = [sys.executable, "-m", module, str(path), columns, *map(str, numbers)]
    deadline = time.monotonic() + _SECONDS
    with subprocess.Popen(  # noqa: S603 - the arguments are no shell's
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if time.monotonic() > deadline:
                    break
                found = json.loads(line)
                if isinstance(found, dict):
                    raise DataError(found["error"].replace(str(path), path.name))
                if len(found) == 2:
                    yield BadRow(path.name, found[0], found[1].replace(str(path), path.name))
                else:
                    yield TextRow(path.name, *found)
        finally:
            process.kill()
    if process.returncode:
        raise DataError(f"{path.name} takes too much time or memory to read; send a part of it as CSV.")
