"""What a training returns."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from glove_lstm.data.training_texts import TrainingTexts
from glove_lstm.modeling.modeling_glove_lstm import GloveLstmForSequenceClassification
from glove_lstm.training.calibration import Calibration
from glove_lstm.training.labelled_texts import LabelledTexts
from glove_lstm.training.resuming import FirstModel


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """A trained model, and how it was made.

    If validation texts were held out, two models may have been trained: the first model is calibrated on these texts;
    the final model, `model`, learns from all texts and uses this calibration.
    """

    model: GloveLstmForSequenceClassification  # with the calibration in its config
    tokenizer: PreTrainedTokenizerBase
    train: LabelledTexts  # labelled texts that `model` learned from; a student learns from copies and other texts, too
    validation: LabelledTexts | None  # texts of the calibration; None: not calibrated to labels
    # (n, classes) calibrated logits for `validation`, of the first model if there were two.
    validation_logits: NDArray[np.float32] | None
    calibration: Calibration
    ngram_c: float | None  # C of the n-gram classifier
    first_train: LabelledTexts  # training texts of the first model, or of the only one
    validation_seen: int  # number of validation texts that are also in `first_train`
    training_texts: TrainingTexts  # record of all texts that were used
    history: list[dict[str, Any]]  # the Trainer's log, of the first model if there were two
    about: dict[str, Any]  # arguments, versions, hardware and time, for metrics.json

    def without_texts(self) -> "TrainingResult":
        """Return the result without texts, so that it is small when it is kept or pickled."""
        no_rows = np.zeros(0, dtype=np.int64)
        validation: LabelledTexts | None = None
        if self.validation is not None:
            validation = self.validation.without_texts()
        return replace(
            self,
            train=self.train.select(no_rows),
            first_train=self.first_train.select(no_rows),
            validation=validation,
        )

    def as_first_model(self) -> FirstModel:
        """Return the part of this model that a final model uses."""
        assert self.validation_logits is not None
        return FirstModel(
            calibration=self.calibration,
            ngram_c=self.ngram_c,
            validation_logits=self.validation_logits,
            history=self.history,
            about=self.about,
        )
