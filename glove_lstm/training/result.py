"""What a training returns."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase
from transformers.trainer_callback import TrainerState

from glove_lstm.checkpoint import Checkpoint
from glove_lstm.data.text_record import TextRecord
from glove_lstm.inference.torch_classifier import predict_logits
from glove_lstm.modeling.modeling_glove_lstm import GloveLstmForSequenceClassification
from glove_lstm.training.labelled_texts import LabelledTexts
from glove_lstm.training.lesson import Lesson
from glove_lstm.training.recipe import Recipe
from glove_lstm.training.start import Start
from glove_lstm.version import __version__


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """A trained model, and how it was made."""

    model: GloveLstmForSequenceClassification  # with the calibration in its config
    tokenizer: PreTrainedTokenizerBase
    train: LabelledTexts  # labelled texts that it learned from; with a teacher, it learned from other texts, too
    validation: LabelledTexts | None  # texts of the calibration; None: not calibrated to labels
    validation_logits: NDArray[np.float32] | None  # (n, classes) calibrated logits for `validation`
    validation_seen: int  # number of validation texts that are also in `train`
    training_texts: TextRecord  # record of all texts that were used
    history: list[dict[str, Any]]  # the Trainer's log
    about: dict[str, Any]  # arguments, versions, hardware and time, for metrics.json

    def without_texts(self) -> "TrainingResult":
        """Return the result without texts, so that it is small when it is kept or pickled."""
        validation = None
        if self.validation is not None:
            validation = self.validation.without_texts()
        return replace(self, train=self.train.select([]), validation=validation)


def make_result(
    start: Start,
    checkpoint: Checkpoint | None,
    train: LabelledTexts,
    lesson: Lesson,
    state: TrainerState,
    about: dict[str, Any],
) -> TrainingResult:
    """Return the trained model of `start`, with its logits for the held-out texts and a record of all texts.

    Args:
        start: The model, trained and calibrated.
        checkpoint: The checkpoint that was fine-tuned, if any.
        train: The labelled training texts.
        lesson: What it learned.
        state: Of the Trainer.
        about: See `describe`.
    """
    held_out = lesson.held_out
    trained_texts = [*train.texts, *lesson.unlabelled]
    held_out_texts = [] if held_out is None else held_out.texts
    record = TextRecord.of(trained_texts, held_out_texts)
    history = state.log_history
    if checkpoint is not None:
        earlier = checkpoint.training_texts()
        record = record.added_to(earlier)
        if earlier is not None and earlier.complete and held_out is not None:
            was_trained_on, _ = earlier.find(held_out.texts)
            about["known_before"] = int(was_trained_on.sum())

    logits = None
    if held_out is not None:
        logits = predict_logits(start.model, start.tokenizer, held_out.texts)
        if lesson.teacher_logits is not None:
            same = lesson.teacher_logits.argmax(axis=1) == logits.argmax(axis=1)
            about["distillation"]["agreement"] = float(same.mean())
    if lesson.held_out_is_unlabelled:  # the teacher's labels say nothing about the accuracy
        held_out = logits = None
        history = [_without_measures(log) for log in history]

    seen = 0
    if held_out is not None:
        was_trained_on, _ = TextRecord.of(train.texts, ()).find(held_out.texts)
        seen = int(was_trained_on.sum())
        about["rows"]["validation"] = len(held_out)
    return TrainingResult(
        model=start.model,
        tokenizer=start.tokenizer,
        train=train,
        validation=held_out,
        validation_logits=logits,
        validation_seen=seen,
        training_texts=record,
        history=history,
        about=about,
    )


def _without_measures(log: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in log.items() if not name.startswith("eval_")}


def describe(
    start: Start,
    recipe: Recipe,
    lesson: Lesson,
    state: TrainerState,
    *,
    rows: int,
    ngram_c: float | None,
    label_weights: Mapping[str, float] | None,
    seconds: Mapping[str, float],
) -> dict[str, Any]:
    """Return what metrics.json says of a training.

    Args:
        start: The model, trained and calibrated.
        recipe: With the values that were used.
        lesson: What it learned.
        state: Of the Trainer.
        rows: Number of labelled training texts.
        ngram_c: C of the n-grams.
        label_weights: Weight of each label; None: 1.
        seconds: Time of each stage.
    """
    model = start.model
    config = model.config
    arguments = recipe.training
    best_step = None
    if arguments.load_best_model_at_end:
        best_step = state.best_global_step
    about = start.about | {
        "preset": recipe.preset,
        "temperature": config.temperature,
        "shrinkage": config.shrinkage,
        "ngram_weight": None if model.ngrams is None else config.ngram_weight,
        "ngram_c": ngram_c,
        "resumed": bool(arguments.resume_from_checkpoint),
        "epochs": state.epoch,
        "best_step": best_step,
        "hardware": _hardware(model.device),
        "arguments": recipe.described(start.tokenizer),
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
    if lesson.about is not None:
        about["distillation"] = dict(lesson.about)
    return about


def _hardware(device: torch.device) -> str:
    if device.type == "cpu":
        return "CPU, one thread"
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return device.type
