"""Write files atomically."""

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from glove_lstm.data.files import check_folder
from glove_lstm.errors import DataError

_LAST = "config.json"  # readers of a checkpoint look for it first


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a path to write to; it replaces `path` when the block ends, and is removed if the block raises."""
    if path.is_dir():
        raise DataError(f"{path} is a folder; give the name of a file.")
    if path.exists() and not path.is_file():  # a device or a pipe
        yield path
        return
    path = path.resolve()  # a link stays, and its target is replaced
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def whole_files(folder: Path) -> Iterator[Path]:
    """Yield an empty folder to write to; its files move into `folder`, one by one, when the block ends.

    config.json is removed first and moved last: a folder with it is complete.

    Args:
        folder: Target folder; files of the same name are replaced, others stay.
    """
    check_folder(folder)
    part = folder / f".saving-{uuid.uuid4().hex}.part"
    part.mkdir(parents=True)
    try:
        yield part
        files = [path for path in sorted(part.rglob("*")) if path.is_file()]
        if part / _LAST in files:
            (folder / _LAST).unlink(missing_ok=True)
        for path in sorted(files, key=lambda path: path.name == _LAST):
            target = folder / path.relative_to(part)
            target.parent.mkdir(parents=True, exist_ok=True)
            # safetensors makes files readable by their owner only; the folder has the user's default mode.
            path.chmod(part.stat().st_mode & 0o666)
            path.replace(target)
    finally:
        shutil.rmtree(part, ignore_errors=True)
