"""The Trainer's checkpoints in the output folder of a training."""

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from glove_lstm.errors import DataError
from glove_lstm.output_folder import locked, own_checkpoints

_LOCK = ".train.lock"  # exists while a training writes to the folder, and after one was killed
_STATE = "trainer_state.json"  # the last file of a checkpoint that the Trainer writes


@contextmanager
def claimed_folder(
    folder: Path, resume: str | bool | None, models: Sequence[str]
) -> Iterator[str | None]:
    """Keep other trainings out of a folder, and yield the checkpoint to resume from, if any.

    Args:
        folder: Output folder of the training.
        resume: The argument `resume_from_checkpoint`.
        models: The models that the training reads: the one that it fine-tunes, and the teacher.

    Raises:
        DataError: Another training writes to the folder, it has checkpoints of another program, `resume` is no
            checkpoint in it, or one of the models is a checkpoint that `remove_checkpoints` would remove.
    """
    with locked(folder, _LOCK):
        removed = [checkpoint.resolve() for checkpoint in own_checkpoints(folder)]
        for model in models:
            if Path(model).resolve() in removed and not resume:
                raise DataError(
                    f"The model {model} would be removed by a training into {folder}; give another output_dir."
                )
        yield checkpoint_to_resume(folder, resume)


def checkpoint_to_resume(folder: Path, resume: str | bool | None) -> str | None:
    """Return the newest complete checkpoint in a folder if `resume` is True, or the one at the path `resume`.

    Raises:
        DataError: There is no complete checkpoint at the path, or one of its files is damaged.
    """
    if not resume:
        return None
    complete = [checkpoint for checkpoint in own_checkpoints(folder) if _is_complete(checkpoint)]
    if resume is True:
        if not complete:
            return None
        return _checked(max(complete, key=_step))
    path = Path(resume).resolve()
    for checkpoint in complete:
        if checkpoint.resolve() == path:
            return _checked(checkpoint)
    raise DataError(
        f"resume_from_checkpoint is {resume}, which is no complete checkpoint in {folder}; give "
        "OUTPUT_DIR/checkpoint-N, or True for the last one."
    )


def _checked(checkpoint: Path) -> str:
    """Return a checkpoint whose files of torch, which are zip archives, are whole.

    Of a damaged one, torch would advise to run the code in it.
    """
    for path in sorted(checkpoint.glob("*.pt*")):  # optimizer.pt, scheduler.pt, rng_state.pth
        try:
            with ZipFile(path) as archive:
                is_damaged = archive.testzip() is not None
        except BadZipFile:
            is_damaged = True
        if is_damaged:
            raise DataError(
                f"{path} is damaged: give another checkpoint, or train without resume_from_checkpoint."
            )
    return str(checkpoint)


def remove_checkpoints(folder: Path) -> None:
    """Remove the checkpoints of an earlier training.

    Otherwise, resuming a run that was interrupted before its first checkpoint would continue the earlier run.
    """
    for checkpoint in own_checkpoints(folder):
        if checkpoint.is_symlink():
            checkpoint.unlink()
        else:
            shutil.rmtree(checkpoint)


def _is_complete(checkpoint: Path) -> bool:
    try:
        json.loads((checkpoint / _STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return True


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.removeprefix("checkpoint-"))
