"""Files that appear whole or not at all."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from glove_lstm.data.errors import DataError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a name to write to; the file gets its real name when the block ends well, and is removed otherwise."""
    path = path.resolve()  # through a link, to the file that it means
    if path.is_dir():
        raise DataError(f"{path} is a folder; give the name of a file.")
    if path.exists() and not path.is_file():  # a device or a pipe, which nobody wants replaced
        yield path
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    os.close(handle)
    part = Path(name)
    try:
        yield part
        part.chmod(0o666 & ~_umask())  # mkstemp's files are private
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def whole_files(folder: Path, *, last: str = "config.json") -> Iterator[Path]:
    """Give an empty folder to write to; its files move into the real one, one by one, when the block ends well.

    Args:
        folder: Where they go; files of the same name are replaced, others stay.
        last: The file that moves at the end, so that a reader who finds it finds the others.
    """
    folder.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(dir=folder, prefix=".saving-"))
    try:
        yield part
        files = [path for path in sorted(part.rglob("*")) if path.is_file()]
        for path in sorted(files, key=lambda path: path.name == last):
            target = folder / path.relative_to(part)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.chmod(0o666 & ~_umask())  # safetensors writes files that only their owner can read
            path.replace(target)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
