"""Continue an interrupted training: the Trainer's own checkpoints, and the record of a finished first model."""

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from transformers.trainer_utils import get_last_checkpoint

from glove_lstm.data.files import read_json_object
from glove_lstm.data.training_texts import hash_texts
from glove_lstm.data.whole_files import whole_file
from glove_lstm.errors import DataError
from glove_lstm.output_folder import own_checkpoints
from glove_lstm.training.calibration import Calibration
from glove_lstm.training.labelled_texts import LabelledTexts

# Folders of checkpoints in the output folder: of the first of two models, and of the model of the labels in a
# distillation, which may also be in the folder of the first model.
FIRST_MODEL = "first_model"
LABELLED_MODEL = "labelled_model"
_RECORD = "finished.json"
_ADVICE = "remove the folder, or train without resume_from_checkpoint"


@dataclass(frozen=True, eq=False)
class FirstModel:
    """What the final model uses of the first one. The first model did not learn from the validation texts."""

    calibration: Calibration
    ngram_c: float | None
    validation_logits: NDArray[np.float32]  # (n, classes), calibrated
    history: list[dict[str, Any]]  # the Trainer's log
    about: dict[str, Any]  # what metrics.json says of its training

    def save(self, folder: Path, validation: LabelledTexts) -> None:
        """Write a record of this model, which is trained, and of its validation texts.

        In a resumed run, `fit` loads the record of the first of two models, and does not train it again. The record of
        a model of the labels is only checked.
        """
        values = asdict(self) | {"validation_logits": self.validation_logits.tolist()}
        values |= _identity(validation)
        with whole_file(folder / _RECORD) as part:
            part.write_text(json.dumps(values), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, validation: LabelledTexts) -> "FirstModel | None":
        """Read the record of a finished first model; None if there is none.

        Raises:
            DataError: The record is damaged, or belongs to other validation texts.
        """
        path = folder / _RECORD
        if not path.is_file():
            return None
        values = read_json_object(path, _ADVICE)
        try:
            identity = {name: values.pop(name) for name in _identity(validation)}
            logits = np.array(values.pop("validation_logits"), dtype=np.float32)
            calibration = Calibration(**values.pop("calibration"))
            first = cls(calibration=calibration, validation_logits=logits, **values)
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{path} is damaged ({error}): {_ADVICE}.") from None
        if identity != _identity(validation):
            raise DataError(f"{path} belongs to other validation texts or labels: {_ADVICE}.")
        return first

    @classmethod
    def check(cls, folder: Path, validation: LabelledTexts) -> None:
        """Raise a DataError if a record in a folder is damaged, or belongs to other validation texts."""
        cls.load(folder, validation)


def _identity(validation: LabelledTexts) -> dict[str, list[Any]]:
    """Return hashes of the validation texts, and their labels: the logits of a first model belong to them."""
    texts = hash_texts(validation.texts).tolist()
    return {"validation_texts": texts, "validation_labels": validation.labels.tolist()}


def prepare_output(output_dir: Path, resume: str | bool | None, start: str | None) -> None:
    """Check the checkpoint of a resumed run; in a new run, remove the checkpoints of an earlier run.

    If a new run were interrupted before its first checkpoint, resuming would continue from an earlier run's.

    Args:
        output_dir: Output folder of the training.
        resume: The argument `resume_from_checkpoint`: True, or the path of a checkpoint of one of the models.
        start: The argument `model_name_or_path`.

    Raises:
        DataError: `resume` is no checkpoint in the output folder, or `start` is one that would be removed.
    """
    own_checkpoints(output_dir)  # refuses those of others
    first_model = output_dir / FIRST_MODEL
    folders = [first_model / LABELLED_MODEL, first_model, output_dir / LABELLED_MODEL, output_dir]
    if not resume:
        _remove_checkpoints(folders, output_dir, start)
        return
    if _is_last(resume):
        return
    path = Path(str(resume)).resolve()
    is_own = path.parent in [folder.resolve() for folder in folders]
    if not is_own or not _is_checkpoint(path):
        problem = f"resume_from_checkpoint is {resume}, which is no checkpoint in {output_dir}"
        raise DataError(f"{problem}; give OUTPUT_DIR/checkpoint-N, or True for the last one.")


def _remove_checkpoints(folders: list[Path], output_dir: Path, start: str | None) -> None:
    checkpoints: list[Path] = []
    for folder in folders:
        checkpoints += filter(_is_checkpoint, folder.glob("checkpoint-*"))
    if start is not None:
        removed = [checkpoint.resolve() for checkpoint in checkpoints]
        if Path(start).resolve() in removed:
            problem = f"model_name_or_path is {start}, which a training into {output_dir} removes"
            raise DataError(f"{problem}; give another output_dir.")
    for folder in folders:
        (folder / _RECORD).unlink(missing_ok=True)
    for checkpoint in checkpoints:
        shutil.rmtree(checkpoint)


def _is_checkpoint(path: Path) -> bool:
    """Whether a path is a folder that the Trainer names so: checkpoint-N."""
    prefix, _, step = path.name.rpartition("-")
    return prefix == "checkpoint" and step.isdecimal() and path.is_dir()


def last_checkpoint(folder: Path, resume: str | bool | None) -> str | None:
    """Return the checkpoint in the output folder of a model from which its training continues, if any.

    Args:
        folder: Output folder of a model.
        resume: The argument `resume_from_checkpoint`: True for the last checkpoint; or a path. If the path lies in
            the folder of another model, this model continues from its own last checkpoint.
    """
    if not resume:
        return None
    if not _is_last(resume):
        path = Path(str(resume))
        if path.resolve().parent == folder.resolve():
            return str(path)
    if not folder.is_dir():
        return None
    return get_last_checkpoint(folder)


def _is_last(resume: str | bool) -> bool:
    """Whether `resume_from_checkpoint` is True, or "True" on a command line."""
    return str(resume).lower() == "true"
