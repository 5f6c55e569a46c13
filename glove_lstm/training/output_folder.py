"""The output folder of a training: its lock, and the Trainer's checkpoints in it."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from glove_lstm.errors import DataError

_LOCK = ".train.lock"  # exists while a training writes to the folder, and after one was killed
# The Trainer writes config.json near the beginning of a checkpoint, and its state at the end.
_CONFIG = "config.json"
_STATE = "trainer_state.json"


@contextmanager
def claimed(
    folder: Path, resume: str | bool | None, start: str | None, *, rotates: bool = False
) -> Iterator[None]:
    """Keep other trainings out of a folder, and remove the checkpoints of an earlier one, unless it is resumed.

    If a new run were interrupted before its first checkpoint, resuming would continue from an earlier run's.

    Args:
        folder: Output folder of the training.
        resume: The argument `resume_from_checkpoint`.
        start: The argument `model_name_or_path`.
        rotates: Whether the Trainer removes old checkpoints; it would also remove those of others.

    Raises:
        DataError: Another training writes to the folder, `resume` is no checkpoint in it, `start` is one that would
            be removed, or the Trainer would remove a folder that is not ours.
    """
    with _locked(folder):
        if rotates:
            _check_no_others(folder)
        if resume:
            checkpoint_to_resume(folder, resume)
        else:
            _remove_checkpoints(folder, start)
        yield


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold a lock, which the operating system releases when this process ends, killed or not."""
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / _LOCK
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise DataError(
            f"Another training writes to {folder}: wait until it ends, or choose another output_dir."
        ) from None
    try:
        yield
    finally:
        # Remove it before the release: nobody can lock a file that is gone. Windows refuses to remove an open file.
        with suppress(OSError):
            path.unlink()
        lock.release()


def checkpoint_to_resume(folder: Path, resume: str | bool | None) -> str | None:
    """Return the checkpoint from which a training continues, if any.

    Args:
        folder: Output folder of the training.
        resume: The argument `resume_from_checkpoint`: True, or "True" on a command line, for the newest complete
            checkpoint in the folder; or the path of one.

    Raises:
        DataError: The path is no complete checkpoint in the folder.
    """
    if not resume or str(resume).lower() == "false":
        return None
    complete = [checkpoint for checkpoint in _own_checkpoints(folder) if _is_complete(checkpoint)]
    if str(resume).lower() == "true":
        if not complete:
            return None
        return str(max(complete, key=_step))
    path = Path(str(resume)).resolve()
    for checkpoint in complete:
        if checkpoint.resolve() == path:
            return str(checkpoint)
    raise DataError(
        f"resume_from_checkpoint is {resume}, which is no complete checkpoint in {folder}; give "
        "OUTPUT_DIR/checkpoint-N, or True for the last one."
    )


def _remove_checkpoints(folder: Path, start: str | None) -> None:
    checkpoints = _own_checkpoints(folder)
    if start is not None:
        removed = [checkpoint.resolve() for checkpoint in checkpoints]
        if Path(start).resolve() in removed:
            raise DataError(
                f"model_name_or_path is {start}, which a training into {folder} removes; give another output_dir."
            )
    for checkpoint in checkpoints:
        shutil.rmtree(checkpoint)


def _check_no_others(folder: Path) -> None:
    own = _own_checkpoints(folder)
    for path in sorted(folder.glob("checkpoint-*")):
        if path.is_dir() and path not in own:
            raise DataError(
                f"{path} is not a checkpoint of glove-lstm, and this training would remove it: give another output_dir, "
                "or --save_strategy no."
            )


def _own_checkpoints(folder: Path) -> list[Path]:
    """Return the folders checkpoint-N of our trainings; an empty one is ours, too: it was being written."""
    own = []
    for path in folder.glob("checkpoint-*"):
        if not path.is_dir() or not path.name.removeprefix("checkpoint-").isdecimal():
            continue
        is_empty = not any(path.iterdir())
        if is_empty or _read(path / _CONFIG).get("model_type") == "glove_lstm":
            own.append(path)
    return own


def _is_complete(checkpoint: Path) -> bool:
    return bool(_read(checkpoint / _STATE))


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.removeprefix("checkpoint-"))


def _read(path: Path) -> dict[str, object]:
    """Return the object in a JSON file; an empty one if the file is missing or cut off."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
