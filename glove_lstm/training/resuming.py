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
from glove_lstm.training.calibration import Calibration
from glove_lstm.training.labelled_texts import LabelledTexts

# Folders of checkpoints in the output folder: of a first model, and of a model that learns labels before it learns the
# logits of a teacher. The former may hold one of the latter.
FIRST_MODEL = "first_model"
LABELLED_MODEL = "labelled_model"
_RECORD = "finished.json"
_ADVICE = "remove the folder, or train without resume_from_checkpoint"


@dataclass(frozen=True, eq=False)
class FirstModel:
    """What a final model takes over from the first one, which did not learn from the validation texts."""

    calibration: Calibration
    ngram_c: float | None
    validation_logits: NDArray[np.float32]  # (n, classes), calibrated
    history: list[dict[str, Any]]  # the Trainer's log
    about: dict[str, Any]  # what metrics.json says of its training

    def save(self, folder: Path, validation: LabelledTexts) -> None:
        """Write the record, after which a resumed run with these validation texts does not train this model again."""
        values = asdict(self) | {"validation_logits": self.validation_logits.tolist()}
        values |= _identity(validation)
        with whole_file(folder / _RECORD) as part:
            part.write_text(json.dumps(values), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, validation: LabelledTexts) -> "FirstModel | None":
        """Read the record of a finished first model; None if there is none.

        Raises:
            DataError: The record is damaged, or of other validation texts.
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
            raise DataError(f"{path} is of other validation texts or labels: {_ADVICE}.")
        return first


def _identity(validation: LabelledTexts) -> dict[str, list[Any]]:
    """Return hashes of validation texts, and their labels: what the logits of a first model belong to."""
    texts = hash_texts(validation.texts).tolist()
    return {"validation_texts": texts, "validation_labels": validation.labels.tolist()}


def prepare_output(output_dir: Path, resume: str | bool | None, start: str | None) -> None:
    """Check the checkpoint of a run that is resumed; in another run, remove the checkpoints of an earlier one.

    Those would be continued if the new run were interrupted before its first checkpoint, and then resumed.

    Args:
        output_dir: Output folder of the training.
        resume: The argument `resume_from_checkpoint`: True, or the path of a checkpoint of one of the models.
        start: The argument `model_name_or_path`.

    Raises:
        DataError: `resume` is no checkpoint in the output folder, or `start` is one that would be removed.
    """
    folders = []
    for parent in (output_dir / FIRST_MODEL, output_dir):
        folders += [parent / LABELLED_MODEL, parent]
    if not resume:
        earlier = [folder for parent in folders for folder in parent.glob("checkpoint-*")]
        if start is not None and Path(start).resolve() in [folder.resolve() for folder in earlier]:
            problem = f"model_name_or_path is {start}, which a training into {output_dir} removes"
            raise DataError(f"{problem}; give another output_dir.")
        for folder in folders:
            (folder / _RECORD).unlink(missing_ok=True)
        for folder in earlier:
            shutil.rmtree(folder)
        return
    if _is_last(resume):
        return
    path = Path(str(resume)).resolve()
    is_own = path.parent in [folder.resolve() for folder in folders]
    is_checkpoint = path.name.removeprefix("checkpoint-").isdecimal()
    if not path.is_dir() or not is_own or not is_checkpoint:
        problem = f"resume_from_checkpoint is {resume}, which is no checkpoint in {output_dir}"
        raise DataError(f"{problem}; give OUTPUT_DIR/checkpoint-N, or True for the last one.")


def last_checkpoint(folder: Path, resume: str | bool | None) -> str | None:
    """Return the checkpoint in the output folder of a model from which its training continues, if any.

    Args:
        folder: Output folder of a model.
        resume: The argument `resume_from_checkpoint`: True for the last checkpoint; or a path, which is used by the
            model in whose folder it lies.
    """
    if not resume:
        return None
    if not _is_last(resume):
        path = Path(str(resume))
        if path.resolve().parent == folder.resolve():
            return str(path)
    return get_last_checkpoint(folder) if folder.is_dir() else None


def _is_last(resume: str | bool) -> bool:
    """Whether the last checkpoint is asked for; a command line has words only."""
    return str(resume).lower() == "true"
