"""The output folder of a training: nothing is overwritten or removed there that is not from a training of this package.

A folder is from a training if its config.json is of our kind of model and its metrics.json says that this package made
it; a folder `checkpoint-N` of the Trainer, if its config.json is of our kind of model. The card, which people edit, is
looked at when it is written (`publishing/card.py`).
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from glove_lstm.checkpoint.names import (
    CARD_NAME,
    CONFIG_NAME,
    METRICS_NAME,
    MODEL_NAMES,
    MODEL_TYPE,
)
from glove_lstm.checkpoint.remote_code import remote_code
from glove_lstm.errors import DataError
from glove_lstm.files import check_is_no_file

_ADVICE = "move it away, or give another output folder"


def check_output_folder(folder: Path) -> None:
    """Check that a training, or another save of a model, may write into a folder.

    Raises:
        DataError: A file that would be overwritten or removed, or a folder `checkpoint-N`, is not from a training of
            this package.
    """
    checkpoints = own_checkpoints(folder)
    if _is_from_training(folder):
        return
    is_unfinished = bool(checkpoints) and not (folder / CONFIG_NAME).exists()
    if is_unfinished:  # an interrupted training began in a folder without files of others
        return
    code_names = [path.name for path in remote_code()]
    for name in (CARD_NAME, *MODEL_NAMES, *code_names):
        path = folder / name
        if path.exists():
            raise DataError(f"{path} is not from a training of glove-lstm: {_ADVICE}.")


def own_checkpoints(folder: Path) -> list[Path]:
    """Return the folders `checkpoint-N` of a training, which another training into the folder removes.

    Raises:
        DataError: One of them is not from a model of this package.
    """
    checkpoints = []
    for path in sorted(folder.glob("checkpoint-*")):
        is_numbered = path.name.removeprefix("checkpoint-").isdecimal()
        if not is_numbered and not path.is_dir():
            continue
        is_empty_folder = path.is_dir() and not any(path.iterdir())
        # The Trainer's limit on the number of checkpoints also counts, and removes, folders like `checkpoint-best`.
        if not is_numbered or (not is_empty_folder and not _is_our_model(path)):
            raise DataError(f"{path} is not from a training of glove-lstm: {_ADVICE}.")
        checkpoints.append(path)
    return checkpoints


@contextmanager
def locked(folder: Path, lock_name: str) -> Iterator[None]:
    """Keep other runs out of a folder. The operating system releases the lock when this process ends, killed or not.

    Raises:
        DataError: Another run writes to the folder.
    """
    from filelock import FileLock, Timeout  # takes 20 ms, and most predictions need no lock

    check_is_no_file(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / lock_name
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise DataError(
            f"Another run writes to {folder}: wait until it ends, or choose another folder."
        ) from None
    try:
        yield
    finally:
        # Remove it before the release: nobody can lock a file that is gone. Windows refuses to remove an open file.
        with suppress(OSError):
            path.unlink()
        lock.release()


def _is_from_training(folder: Path) -> bool:
    about = _values(folder / METRICS_NAME).get("about")
    versions = about.get("versions") if isinstance(about, dict) else None
    is_measured_by_us = isinstance(versions, dict) and "glove_lstm" in versions
    return is_measured_by_us and _is_our_model(folder)


def _is_our_model(folder: Path) -> bool:
    return _values(folder / CONFIG_NAME).get("model_type") == MODEL_TYPE


def _values(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file; an empty one if there is none."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}
