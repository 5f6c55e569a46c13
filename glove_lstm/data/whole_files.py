"""Write files so that they appear whole or not at all."""

import glob
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from glove_lstm.data.errors import DataError

try:
    import fcntl
except ImportError:  # not on Windows, where what a killed process left behind stays
    fcntl = None  # type: ignore[assignment]

_LAST = "config.json"  # what readers of a checkpoint look for first


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a path to write to; it becomes `path` when the block ends, and is removed if the block raises."""
    path = path.resolve()  # through a link, to the file that it means
    if path.is_dir():
        raise DataError(f"{path} is a folder; give the name of a file.")
    if path.exists() and not path.is_file():  # a device or a pipe, which nobody wants replaced
        yield path
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with hidden_file(path) as part:
        yield part
        part.replace(path)


@contextmanager
def hidden_file(path: Path) -> Iterator[Path]:
    """Yield the path of an empty file beside `path`, removed in the end; after a kill, by the next call."""
    with _hidden(path.parent, f".{path.name}.", _make_file) as part:
        yield part


@contextmanager
def whole_files(folder: Path) -> Iterator[Path]:
    """Yield an empty folder to write to; its files move into `folder`, one by one, when the block ends.

    An older config.json is removed first, and the new one moves last: a reader that finds it finds all the
    new files.

    Args:
        folder: Where the files go; files of the same name are replaced, others stay.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _hidden(folder, ".saving-", tempfile.mkdtemp) as part:
        yield part
        files = [path for path in sorted(part.rglob("*")) if path.is_file()]
        mode = stat.S_IMODE(Path(_make_file(dir=part)).stat().st_mode)
        if part / _LAST in files:
            (folder / _LAST).unlink(missing_ok=True)
        for path in sorted(files, key=lambda path: path.name == _LAST):
            target = folder / path.relative_to(part)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.chmod(mode)  # safetensors writes files that only their owner can read
            path.replace(target)


@contextmanager
def _hidden(folder: Path, prefix: str, make: Callable[..., str]) -> Iterator[Path]:
    """Make a hidden file or folder, and remove it in the end; remove what killed processes left, too."""
    guard = _lock(folder, wait=True)  # another process would remove a new one before it is locked
    try:
        for path in folder.glob(f"{glob.escape(prefix)}*.part"):
            abandoned = _lock(path, wait=False)
            if abandoned is not None:
                _remove(path)
                os.close(abandoned)
        part = Path(make(dir=folder, prefix=prefix, suffix=".part"))
        held = _lock(part, wait=False)
    finally:
        if guard is not None:
            os.close(guard)
    try:
        yield part
    finally:
        _remove(part)
        if held is not None:
            os.close(held)


def _make_file(**named: Any) -> str:
    """Make an empty file as `open` does, so that others may read it; `tempfile.mkstemp` makes private ones."""
    name = tempfile.mktemp(**named)  # noqa: S306 - O_EXCL refuses a name that somebody took meanwhile
    os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    return name


def _lock(path: Path, *, wait: bool) -> int | None:
    """Lock a file or folder until the handle is closed or the process ends; None if that fails."""
    if fcntl is None:
        return None
    handle = None
    try:
        handle = os.open(path, os.O_RDONLY)
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:  # held by another process, gone, or on a file system without locks
        if handle is not None:
            os.close(handle)
        return None
    return handle


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)
