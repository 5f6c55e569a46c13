"""The result of a training, and what metrics.json says of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase
from transformers.trainer_callback import TrainerState

from glove_lstm.checkpoint.checkpoint import Checkpoint
from glove_lstm.checkpoint.text_record import TextRecord
from glove_lstm.inference.torch_classifier import predict_logits
from glove_lstm.modeling.modeling_glove_lstm import GloveLstmForSequenceClassification
from glove_lstm.training.labelled_texts import LabelledTexts
from glove_lstm.training.lesson import Lesson
from glove_lstm.training.recipe import Recipe
from glove_lstm.version import __version__


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """A trained model, and how it was made."""

    model: GloveLstmForSequenceClassification  # with the calibration in its config
    tokenizer: PreTrainedTokenizerBase
    train: LabelledTexts  # labelled texts that it learned from; with a teacher, it learned from other texts, too
    validation: LabelledTexts | None  # texts of the calibration; None: not calibrated to labels
    validation_logits: NDArray[np.float32] | None  # (n, labels), after the calibration
    validation_seen: int  # number of validation texts that are also in `train`
    training_texts: TextRecord  # record of all texts that were used
    history: list[dict[str, Any]]  # the Trainer's log
    about: dict[str, Any]  # arguments, versions, hardware and time, for metrics.json

    def without_texts(self) -> "TrainingResult":
        """Return the result without texts, so that it is small when it is kept or pickled.

        The labels of the validation texts stay, because they are measured.
        """
        validation = None
        if self.validation is not None:
            validation = self.validation.without_texts()
        return replace(self, train=self.train.select([]), validation=validation)


def make_result(
    model: GloveLstmForSequenceClassification,
    tokenizer: PreTrainedTokenizerBase,
    checkpoint: Checkpoint | None,
    train: LabelledTexts,
    lesson: Lesson,
    state: TrainerState,
    about: dict[str, Any],
) -> TrainingResult:
    """Measure a model on its held-out texts, and record all texts.

    Args:
        model: The model, trained and calibrated.
        tokenizer: Its tokenizer.
        checkpoint: The checkpoint that was fine-tuned, if any.
        train: The labelled training texts.
        lesson: What it learned.
        state: Of the Trainer.
        about: See `describe`; the numbers that need the held-out texts are added.
    """
    validation = lesson.held_out
    logits = None
    if validation is not None:
        logits = predict_logits(model, tokenizer, validation.texts)
    validation_texts = [] if validation is None else validation.texts
    earlier = None if checkpoint is None else checkpoint.training_texts()
    record = TextRecord.of([*train.texts, *lesson.unlabelled], validation_texts)
    if checkpoint is not None:
        record = record.added_to(earlier)
    about = about | _numbers_of_held_out(lesson, logits, earlier, about)

    history = state.log_history
    if lesson.teaching is not None and lesson.teaching.held_out_labels_are_the_teachers:
        # The teacher's labels calibrate, but they measure no accuracy.
        validation = logits = None
        history = [_without_measures(log) for log in history]
    seen = 0
    if validation is not None:
        was_trained_on, _ = TextRecord.of(train.texts, ()).find(validation.texts)
        seen = int(was_trained_on.sum())
    return TrainingResult(
        model=model,
        tokenizer=tokenizer,
        train=train,
        validation=validation,
        validation_logits=logits,
        validation_seen=seen,
        training_texts=record,
        history=history,
        about=about,
    )


def _numbers_of_held_out(
    lesson: Lesson,
    logits: NDArray[np.float32] | None,
    earlier: TextRecord | None,
    about: Mapping[str, Any],
) -> dict[str, Any]:
    """Return what metrics.json says of n held-out texts, with their logits (n, labels), if there are any."""
    numbers: dict[str, Any] = {}
    held_out = lesson.held_out
    if held_out is None or logits is None:
        return numbers
    if earlier is not None and earlier.complete:
        was_trained_on, _ = earlier.find(held_out.texts)
        numbers["known_before"] = int(was_trained_on.sum())
    teaching = lesson.teaching
    if teaching is None or not teaching.held_out_labels_are_the_teachers:
        numbers["rows"] = about["rows"] | {"validation": len(held_out)}
    if teaching is not None and teaching.held_out_logits is not None:
        agrees = teaching.held_out_logits.argmax(axis=1) == logits.argmax(axis=1)
        numbers["distillation"] = teaching.about | {"agreement": float(agrees.mean())}
    return numbers


def _without_measures(log: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in log.items() if not name.startswith("eval_")}


def describe(
    model: GloveLstmForSequenceClassification,
    tokenizer: PreTrainedTokenizerBase,
    recipe: Recipe,
    lesson: Lesson,
    state: TrainerState,
    *,
    rows: int,
    resumed: bool,
    ngram_c: float | None,
    label_weights: Mapping[str, float] | None,
    seconds: Mapping[str, float],
) -> dict[str, Any]:
    """Return what metrics.json says of a training.

    Args:
        model: The model, trained and calibrated.
        tokenizer: Its tokenizer.
        recipe: With the values that were used.
        lesson: What it learned.
        state: Of the Trainer.
        rows: Number of labelled training texts.
        resumed: Whether the training continued from a checkpoint of the Trainer.
        ngram_c: C of the n-grams.
        label_weights: Weight of each label; None: 1.
        seconds: Time of each stage.
    """
    config = model.config
    best_step = None
    if recipe.training.load_best_model_at_end:
        best_step = state.best_global_step
    about: dict[str, Any] = {
        "preset": recipe.preset,
        "temperature": config.temperature,
        "shrinkage": config.shrinkage,
        "ngram_weight": None if model.ngrams is None else config.ngram_weight,
        "ngram_c": ngram_c,
        "resumed": resumed,
        "epochs": state.epoch,
        "best_step": best_step,
        "hardware": _hardware(model.device),
        "arguments": recipe.described(tokenizer),
        "versions": {
            "glove_lstm": __version__,
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        },
        "parameters": model.num_parameters(),
        "rows": {"train": rows},
        "seconds": {stage: round(spent, 2) for stage, spent in seconds.items()},
    }
    if label_weights is not None:
        about["class_weight"] = dict(label_weights)
    if lesson.teaching is not None:
        about["distillation"] = lesson.teaching.about
        about["arguments"] |= {
            "dropout": config.dropout,
            "embedding_dropout": config.embedding_dropout,
        }
    return about


def _hardware(device: torch.device) -> str:
    if device.type == "cpu":
        return "CPU, one thread"
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return device.type
