"""Write a file atomically."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from glove_lstm.errors import DataError


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
