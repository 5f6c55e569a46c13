"""The output folder of a training: its lock, and the Trainer's checkpoints in it."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from glove_lstm.errors import DataError
from glove_lstm.output_folder import own_checkpoints

_LOCK = ".train.lock"  # exists while a training writes to the folder, and after one was killed
_STATE = "trainer_state.json"  # which the Trainer writes at the end of a checkpoint


@contextmanager
def claimed(folder: Path, resume: str | bool | None, start: str | None) -> Iterator[None]:
    """Keep other trainings out of a folder, and remove the checkpoints of an earlier one, unless it is resumed.

    If a new run were interrupted before its first checkpoint, resuming would continue from an earlier run's.

    Args:
        folder: Output folder of the training.
        resume: The argument `resume_from_checkpoint`.
        start: The argument `model_name_or_path`.

    Raises:
        DataError: Another training writes to the folder, it has checkpoints of another program, `resume` is no
            checkpoint in it, or `start` is one that would be removed.
    """
    with _locked(folder):
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
    complete = [checkpoint for checkpoint in own_checkpoints(folder) if _is_complete(checkpoint)]
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
    checkpoints = own_checkpoints(folder)
    if start is not None:
        removed = [checkpoint.resolve() for checkpoint in checkpoints]
        if Path(start).resolve() in removed:
            raise DataError(
                f"model_name_or_path is {start}, which a training into {folder} removes; give another output_dir."
            )
    for checkpoint in checkpoints:
        shutil.rmtree(checkpoint)


def _is_complete(checkpoint: Path) -> bool:
    try:
        json.loads((checkpoint / _STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return True


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.removeprefix("checkpoint-"))
