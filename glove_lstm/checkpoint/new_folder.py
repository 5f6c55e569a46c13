"""Write the folder of a checkpoint or a report: complete, or not there at all.

The files are written into a hidden folder beside the target, which is renamed at the end. The target must be new or
empty; with `overwrite`, it may also hold an earlier checkpoint of this package, and nothing else.
"""

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from glove_lstm.checkpoint.names import CARD_NAME, CONFIG_NAME, MODEL_NAMES, MODEL_TYPE, remote_code
from glove_lstm.errors import DataError, first_line
from glove_lstm.files import check_is_no_file, check_writable, read_checkpoint_json


def check_new_folder(folder: Path) -> None:
    """Raise a DataError unless a folder is new or empty, and can be written. Nothing is created."""
    if folder.is_dir() and any(folder.iterdir()):
        raise DataError(f"{folder} is not empty; give a new folder.")
    check_target(folder)


def check_target(folder: Path, *, overwrite: bool = False) -> None:
    """Check that a checkpoint can be written to a folder, before the work of a training. Nothing is created.

    Raises:
        DataError: The folder cannot be written; or it holds something, and `overwrite` is not set or something is not
            of a checkpoint of this package.
    """
    check_is_no_file(folder)
    check_writable(folder.resolve().parent)
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    stranger = _first_stranger(folder)
    if stranger is not None:
        raise DataError(
            f"{folder} has {stranger}, which is not of a checkpoint of glove-lstm: give a new folder, or an empty one."
        )
    if not overwrite:
        raise DataError(
            f"{folder} has a checkpoint: give a new folder, or replace it with --overwrite_output_dir True (in Python: "
            "overwrite=True)."
        )


def _first_stranger(folder: Path) -> str | None:
    """Return the first entry of a folder that no checkpoint of this package has; None if there is none."""
    try:
        is_ours = read_checkpoint_json(folder / CONFIG_NAME).get("model_type") == MODEL_TYPE
    except DataError:
        is_ours = False
    of_code = {path.name for path in remote_code()}
    names = {*MODEL_NAMES, CARD_NAME, *of_code} if is_ours else set()
    allowed = {folder / name for name in names}
    folders = {path.parent for path in allowed}
    for path in sorted(folder.rglob("*")):
        is_expected = path in folders if path.is_dir() else path in allowed
        if not is_expected:
            return path.relative_to(folder).as_posix()
    return None


@contextmanager
def new_folder(target: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield a hidden folder to write to; when the block ends, it becomes the target. If it raises, nothing changes.

    Raises:
        DataError: The target has appeared or changed meanwhile. The finished folder stays beside it.
    """
    target = target.resolve()
    hidden = f".{target.name}.{uuid.uuid4().hex[:8]}"
    unfinished = target.with_name(f"{hidden}.part")
    unfinished.mkdir(parents=True)
    try:
        yield unfinished
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    try:
        check_target(target, overwrite=overwrite)  # again: nothing but a checkpoint is ever removed
        earlier = target.with_name(f"{hidden}.old")
        if target.exists():
            target.rename(earlier)
        unfinished.rename(target)
    except (DataError, OSError) as error:
        raise DataError(f"{first_line(error)}. The finished folder is {unfinished}.") from error
    shutil.rmtree(earlier, ignore_errors=True)
