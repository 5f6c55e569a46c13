"""Distillation: a model learns from the logits of teachers, on more texts than those with labels.

1. A first model learns from the labels, if there are any.
2. The target is a weighted sum of the logits of the teachers, and of the first model if it is better than they are.
   The weights are fitted to validation texts.
3. The model goes on from the first one with the squared difference to the target, on the training texts, altered
   copies of them, and unlabelled texts. Its n-grams are fitted anew to the best label of the target for these texts.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax, softmax
from torch import nn
from transformers import set_seed

from glove_lstm.inference.prediction import predict_logits
from glove_lstm.training.calibration import Calibration, fit_scales
from glove_lstm.training.held_out import FEWEST
from glove_lstm.training.initial_model import InitialModel
from glove_lstm.training.labelled_texts import LabelledTexts
from glove_lstm.training.result import TrainingResult
from glove_lstm.training.resuming import FIRST_MODEL
from glove_lstm.training.teacher_logits import ask
from glove_lstm.training.teachers import LoadedTeacher
from glove_lstm.training.train_model import (
    Job,
    make_initial_model,
    one_thread,
    train_from,
    train_model,
)
from glove_lstm.training.transfer_set import altered_copies

logger = logging.getLogger(__name__)

Floats = NDArray[np.floating]

_CALIBRATING = 1_000  # unlabelled texts, at most, that calibrate where no texts with labels do
_CALIBRATING_SHARE = 0.1  # of the unlabelled texts


def distil(
    job: Job,
    teachers: Sequence[LoadedTeacher],
    train: LabelledTexts,
    validation: LabelledTexts | None,
) -> TrainingResult:
    """Train a model on the logits of its teachers, also for the unlabelled texts of the job.

    Args:
        job: As for `train_model`.
        teachers: One or more.
        train: Texts with labels; or none, but the names of the labels.
        validation: Texts that fit the weights of the target, and calibrate the model. None: the target is the mean of
            the teachers' logits, and a tenth of the unlabelled texts calibrates, with labels drawn from its scores.

    Raises:
        DataError: A teacher does not fit the labels.
    """
    began = time.perf_counter()
    first = _first_model(job, train, validation) if len(train) else None
    start = _start(job, first, train, validation)
    target = _fit_target(job, teachers, first, start.model.config.label_names, validation)
    unlabelled = job.unlabelled
    calibrating = validation
    if validation is None:
        unlabelled, calibrating = _hold_out(unlabelled, target, job.recipe.training.seed)

    copies = altered_copies(train.texts, job.recipe.copies_of_each(len(train)))
    texts = [*train.texts, *copies, *unlabelled]
    logger.info("The model learns from the teacher on %s texts.", f"{len(texts):,}")
    result = _learn(job, start, texts, target.logits(texts), calibrating, began)

    about = result.about
    about["distillation"] = {
        **_about_teachers(target),
        **_agreement(target, result),
        "texts": len(texts),
        "copies": len(copies),
        "unlabelled": len(unlabelled),
    }
    about["rows"]["train"] = len(train)
    if first is not None:
        for stage, seconds in first.about["seconds"].items():
            about["seconds"][stage] += seconds
    held_out = [] if calibrating is None else calibrating.texts
    record = start.record_of([*train.texts, *unlabelled], held_out)
    if validation is None:  # labels that were drawn measure nothing
        about["rows"].pop("validation", None)
        result = replace(result, validation=None, validation_logits=None)
    return replace(result, train=train, measured_train=train, training_texts=record)


@dataclass(frozen=True, eq=False)
class _Target:
    """What the model learns: a weighted sum of the logits of teachers, and perhaps of a first model."""

    teachers: Sequence[LoadedTeacher]
    first: TrainingResult | None
    label_names: Sequence[str]
    folder: Path  # holds the answers of the teachers
    weights: Floats  # of the teachers, then of the first model

    def parts(self, texts: Sequence[str]) -> Floats:
        """Return the logits of teachers and first model for n texts, each with mean 0: (n, parts, classes)."""
        parts = [ask(teacher, texts, self.label_names, self.folder) for teacher in self.teachers]
        if self.first is not None:
            with one_thread():
                logits = predict_logits(self.first.model, self.first.tokenizer, texts)
            parts.append(logits - logits.mean(axis=1, keepdims=True))
        return np.stack(parts, axis=1)

    def logits(self, texts: Sequence[str]) -> Floats:
        """Return the target for n texts: (n, classes)."""
        return np.tensordot(self.parts(texts), self.weights, (1, 0))


def _first_model(
    job: Job, train: LabelledTexts, validation: LabelledTexts | None
) -> TrainingResult:
    """Train a model on the labels. A tracker gets the curves of the model that follows."""
    logger.info("First model: %s texts with labels.", f"{len(train):,}")
    folder = Path(str(job.recipe.training.output_dir), FIRST_MODEL)
    recipe = job.recipe.with_training(output_dir=str(folder), report_to=[])
    return train_model(replace(job, recipe=recipe), train, validation)


def _start(
    job: Job, first: TrainingResult | None, train: LabelledTexts, validation: LabelledTexts | None
) -> InitialModel:
    """Return the first model, from which the training goes on; or a new one."""
    if first is None:
        set_seed(job.recipe.training.seed)
        return make_initial_model(job, job.recipe, train, validation)
    about = first.about
    texts = first.training_texts
    return InitialModel(first.model, first.tokenizer, about, fine_tuned=True, earlier=texts)


def _fit_target(
    job: Job,
    teachers: Sequence[LoadedTeacher],
    first: TrainingResult | None,
    label_names: Sequence[str],
    validation: LabelledTexts | None,
) -> _Target:
    """Weigh the logits by the cross-entropy on validation texts; without any, the teachers count alike.

    A first model that is worse than the teachers would add little but its memory of the training texts.
    """
    folder = Path(str(job.recipe.training.output_dir))
    equal = np.full(len(teachers), 1 / len(teachers))
    alone = _Target(teachers, None, label_names, folder, equal)
    if validation is None:
        return alone
    labels = validation.with_label_names(label_names).labels
    parts = alone.parts(validation.texts)
    alone = replace(alone, weights=np.array(fit_scales(parts, labels)))
    if first is None:
        return alone

    together = replace(alone, first=first)
    parts = together.parts(validation.texts)
    of_first = parts[:, -1:]
    loss_of_teachers = _loss(parts[:, :-1], alone.weights, labels)
    loss_of_first = _loss(of_first, np.array(fit_scales(of_first, labels)), labels)
    losses = f"teachers {loss_of_teachers:.3f}, first model {loss_of_first:.3f}"
    logger.info("Cross-entropy on the validation texts: %s.", losses)
    if loss_of_first > loss_of_teachers:
        return alone
    return replace(together, weights=np.array(fit_scales(parts, labels)))


def _loss(parts: Floats, weights: Floats, labels: NDArray[np.integer]) -> float:
    """Return the cross-entropy of the weighted sum of logits (n, parts, classes)."""
    log_scores = log_softmax(np.tensordot(parts, weights, (1, 0)), axis=1)
    return float(-log_scores[np.arange(len(labels)), labels].mean())


def _hold_out(
    texts: Sequence[str], target: _Target, seed: int
) -> tuple[Sequence[str], LabelledTexts | None]:
    """Hold some unlabelled texts out, with labels drawn from the scores of the target; none if there are too few."""
    count = min(round(_CALIBRATING_SHARE * len(texts)), _CALIBRATING)
    if count < FEWEST:
        return texts, None
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(texts))
    held_out = [texts[row] for row in order[:count]]
    chances = softmax(target.logits(held_out), axis=1).cumsum(axis=1)
    drawn = (generator.random((count, 1)) > chances[:, :-1]).sum(axis=1)
    calibrating = LabelledTexts(held_out, drawn, target.label_names)
    return [texts[row] for row in np.sort(order[count:])], calibrating


def _learn(
    job: Job,
    start: InitialModel,
    texts: Sequence[str],
    targets: Floats,
    validation: LabelledTexts | None,
    began: float,
) -> TrainingResult:
    """Fit the n-grams of a model to the best label of the target, and its LSTM to the target."""
    model = start.model
    Calibration().apply(model.config)
    if model.ngrams is not None:
        nn.init.zeros_(model.ngrams.weights)
        nn.init.zeros_(model.ngrams.bias)
    # Weights of labels and sources are for the first model.
    job = replace(job, class_weight=None)
    recipe = job.recipe.sized(len(texts), validation is not None, distils=True)
    labelled = LabelledTexts(texts, targets.argmax(axis=1), model.config.label_names)
    set_seed(recipe.training.seed)
    with one_thread():
        return train_from(
            start,
            job,
            recipe,
            labelled,
            validation,
            targets=targets.astype(np.float32),
            began=began,
        )


def _about_teachers(target: _Target) -> dict[str, Any]:
    """Return who the teachers were, and the weights of the target."""
    teachers = []
    for teacher, weight in zip(target.teachers, target.weights.tolist(), strict=False):
        teachers.append({**teacher.about, "weight": weight})
    weight_of_first = None if target.first is None else float(target.weights[-1])
    return {"teachers": teachers, "weight_of_first_model": weight_of_first}


def _agreement(target: _Target, result: TrainingResult) -> dict[str, Any]:
    """Return how often the best label of the model is that of the teachers together, on held-out texts."""
    if result.validation is None or result.validation_logits is None:
        return {"held_out": 0}
    count = len(target.teachers)
    parts = target.parts(result.validation.texts)[:, :count]
    of_teachers = np.tensordot(parts, target.weights[:count], (1, 0))
    same = of_teachers.argmax(axis=1) == result.validation_logits.argmax(axis=1)
    return {"held_out": len(same), "agreement": float(same.mean())}
