"""Write the folder of a checkpoint or a report: complete, or not there at all.

The files are written into a hidden folder beside the target, which is renamed at the end. The target must be new or
empty; with `overwrite`, it may also hold an earlier checkpoint of this package, and nothing else.
"""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from glove_lstm.checkpoint.names import CARD_NAME, CONFIG_NAME, MODEL_NAMES, MODEL_TYPE, remote_code
from glove_lstm.errors import DataError, first_line
from glove_lstm.files import check_writable, read_checkpoint_json


class FinishedElsewhereError(DataError):
    """A folder is complete, but not where it was asked for; the message says where."""


def check_new_folder(folder: Path) -> None:
    """Check that a folder is new or empty, and can be written. Nothing is created.

    Raises:
        DataError: The folder holds something, or its name or its place does not allow it.
    """
    if folder.is_dir() and any(folder.iterdir()):
        raise DataError(f"{folder} is not empty; give a new folder.")
    check_target(folder)


def check_target(folder: Path, *, overwrite: bool = False) -> None:
    """Check that a checkpoint can be written to a folder, before the work of a training. Nothing is created.

    Raises:
        DataError: The folder holds something, and `overwrite` is not set or something is not of a checkpoint of this
            package; or its name or its place does not allow it.
    """
    if folder.is_symlink() and not folder.exists():
        raise DataError(f"{folder} is a link to nothing; give another output folder.")
    try:
        os.fspath(folder.resolve()).encode("utf-8")  # safetensors writes to no other path
    except UnicodeEncodeError:
        name = os.fspath(folder.resolve()).encode("utf-8", "replace").decode()
        raise DataError(f"{name} is no name in UTF-8; give another output folder.") from None
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{folder} is a file; give a folder.")
    if folder.is_dir():
        _check_content(folder, overwrite)
    _check_place(folder.resolve())


def _check_content(folder: Path, overwrite: bool) -> None:
    names = sorted(path.name for path in folder.iterdir())
    if not names:
        return
    stranger = _first_stranger(folder, names)
    if stranger is not None:
        raise DataError(
            f"{folder} has {stranger}, which is not of a checkpoint of glove-lstm: give a new folder, or an empty one."
        )
    if not overwrite:
        raise DataError(
            f"{folder} has a checkpoint: give a new folder, or replace it with --overwrite_output_dir True (in Python: "
            "overwrite=True)."
        )


def _first_stranger(folder: Path, names: list[str]) -> str | None:
    """Return the first entry of a folder that no checkpoint of this package has; None if there is none."""
    try:
        config = read_checkpoint_json(folder / CONFIG_NAME)
    except DataError:
        config = {}
    if config.get("model_type") != MODEL_TYPE:
        return names[0]
    files = {*MODEL_NAMES, CARD_NAME, *(path.name for path in remote_code())}
    allowed = {folder / name for name in files}
    folders = {path.parent for path in allowed}
    for path in sorted(folder.rglob("*")):
        is_expected = path in folders if path.is_dir() else path in allowed
        if not is_expected:
            return path.relative_to(folder).as_posix()
    return None


def _check_place(folder: Path) -> None:
    """Check that a folder can be renamed to this path."""
    if Path.cwd().resolve().is_relative_to(folder) or folder.is_mount():
        raise DataError(
            f"{folder} cannot be replaced while it is in use: give a folder inside it, such as {folder / 'model'}."
        )
    check_writable(folder.parent)


@contextmanager
def new_folder(target: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield a hidden folder to write to; when the block ends, it becomes the target.

    If the block raises, nothing changes. An earlier checkpoint is renamed first, and removed last: whatever fails, it
    or the new one is whole.

    Raises:
        FinishedElsewhereError: The target has appeared or changed meanwhile. The finished folder stays beside it.
    """
    target = target.resolve()
    new_parents = [parent for parent in target.parents if not parent.exists()]  # innermost first
    unfinished = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        unfinished.mkdir(parents=True)
        yield unfinished
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        for parent in new_parents:
            with suppress(OSError):
                parent.rmdir()
        raise
    try:
        check_target(target, overwrite=overwrite)
        _rename(unfinished, target)
    except BaseException as error:
        finished = target.with_name(f"{target.name}-{uuid.uuid4().hex[:8]}")
        with suppress(OSError):
            unfinished = unfinished.rename(finished)
        if isinstance(error, DataError | OSError):
            raise FinishedElsewhereError(
                f"{first_line(error)}. What was written is in {unfinished}."
            ) from error
        raise


def _rename(unfinished: Path, target: Path) -> None:
    """Give a folder the name of the target. What the target holds is removed at the end."""
    if not target.exists():
        unfinished.rename(target)
        return
    earlier = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.old")
    target.rename(earlier)
    try:
        unfinished.rename(target)
    except BaseException:
        earlier.rename(target)
        raise
    shutil.rmtree(earlier, ignore_errors=True)
