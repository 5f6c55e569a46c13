"""Continue an interrupted training: the Trainer's own checkpoints, and the record of a finished first model."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from transformers.trainer_utils import get_last_checkpoint

from glove_lstm.data.files import DataError, read_json_object
from glove_lstm.data.whole_files import whole_file
from glove_lstm.training.calibration import Calibration

FIRST_MODEL = "first_model"  # folder of its checkpoints, in the output folder
_RECORD = "finished.json"


@dataclass(frozen=True, eq=False)
class FirstModel:
    """What a final model takes over from the first one, which did not learn from the validation texts."""

    calibration: Calibration
    ngram_c: float | None
    validation_logits: NDArray[np.float32]  # (n, classes), calibrated
    history: list[dict[str, Any]]  # the Trainer's log
    about: dict[str, Any]  # what metrics.json says of its training

    def save(self, folder: Path) -> None:
        """Write the record, after which this model is not trained again by a resumed run."""
        values = asdict(self) | {"validation_logits": self.validation_logits.tolist()}
        with whole_file(folder / _RECORD) as part:
            part.write_text(json.dumps(values), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, texts: int) -> "FirstModel | None":
        """Read the record of a finished first model with this number of validation texts; None if there is none.

        Raises:
            DataError: The record is damaged, or of other texts.
        """
        path = folder / _RECORD
        if not path.is_file():
            return None
        advice = "remove the folder, or train without resume_from_checkpoint"
        values = read_json_object(path, advice)
        try:
            logits = np.array(values.pop("validation_logits"), dtype=np.float32)
            calibration = Calibration(**values.pop("calibration"))
            first = cls(calibration=calibration, validation_logits=logits, **values)
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{path} is damaged ({error}): {advice}.") from None
        if len(logits) != texts:
            problem = f"{path} is of {len(logits)} validation texts, not {texts}"
            raise DataError(f"{problem}: {advice}.")
        return first


def last_checkpoint(folder: Path, resume: str | bool | None) -> str | None:
    """Return the checkpoint in the output folder of a model from which its training continues, if any.

    Args:
        folder: Output folder of the model.
        resume: The argument `resume_from_checkpoint`: True, or the path of a checkpoint of this or of the other model.

    Raises:
        DataError: The path is no folder.
    """
    if not resume:
        return None
    if resume is not True and str(resume).lower() != "true":
        path = Path(str(resume))
        if not path.is_dir():
            problem = f"resume_from_checkpoint is {resume}, which is no folder"
            raise DataError(f"{problem}; give OUTPUT_DIR/checkpoint-N, or True for the last one.")
        if path.resolve().parent == folder.resolve():
            return str(path)
    return get_last_checkpoint(folder) if folder.is_dir() else None
