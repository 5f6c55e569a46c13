"""Distillation: a model learns from the logits of teachers, also on texts without labels.

1. The "model of the labels" learns from the labels, if there are any.
2. The target is a weighted sum of the teachers' logits. The logits of the model of the labels are added if its
   cross-entropy on the validation texts is lower. The weights are fitted to the validation texts.
3. The student continues from the model of the labels. Its LSTM learns the target, with the squared difference as loss,
   on the training texts, altered copies of them, and unlabelled texts. Its n-grams stay as they are; but if most texts
   are unlabelled, they are fitted again, to the best label of the target for each text.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax, softmax
from torch import nn
from transformers import set_seed

from glove_lstm.data.splits import rows_without_near_duplicates
from glove_lstm.errors import DataError
from glove_lstm.inference.prediction import predict_logits
from glove_lstm.training.calibration import Calibration, fit_scales
from glove_lstm.training.held_out import FEWEST
from glove_lstm.training.initial_model import InitialModel
from glove_lstm.training.labelled_texts import LabelledTexts
from glove_lstm.training.result import TrainingResult
from glove_lstm.training.resuming import LABELLED_MODEL, FirstModel
from glove_lstm.training.teacher_logits import ask
from glove_lstm.training.teachers import LoadedTeacher
from glove_lstm.training.train_model import (
    Job,
    check_selection,
    make_initial_model,
    one_thread,
    train_from,
    train_model,
)
from glove_lstm.training.transfer_set import altered_copies, without_near_duplicates

logger = logging.getLogger(__name__)

Floats = NDArray[np.floating]

# Copies and the target regularise already: more dropout costs accuracy on validation texts.
_DROPOUT = 0.1
# Unlabelled texts that are held out for the calibration if there are no validation texts; enough for a temperature.
_CALIBRATING_SHARE = 0.1
_MOST_CALIBRATING = 1_000


@dataclass(frozen=True, eq=False)
class _Target:
    """The logits that the student learns: a weighted sum over the teachers and the model of the labels."""

    teachers: Sequence[LoadedTeacher]
    weights: Floats  # of the teachers, then of the model of the labels
    labelled: TrainingResult | None  # the model of the labels, if it is part of the target
    label_names: Sequence[str]
    cache: Path  # folder of the teachers' logits

    def logits(self, texts: Sequence[str]) -> Floats:
        """Return the target for n texts: (n, classes)."""
        parts = _ask_all(self.teachers, texts, self.label_names, self.cache)
        if self.labelled is not None:
            parts = np.concatenate([parts, _logits_of(self.labelled, texts)], axis=1)
        return np.tensordot(parts, self.weights, (1, 0))


@dataclass(frozen=True, eq=False)
class _HeldOut:
    """Texts that calibrate the student and measure how often it agrees with the teachers."""

    texts: LabelledTexts
    teachers_labels: NDArray[np.int64]  # (n,) the best label by the teachers' weighted logits


def distil(
    job: Job,
    train: LabelledTexts,
    validation: LabelledTexts | None,
    first: FirstModel | None = None,
    *,
    teachers: Sequence[LoadedTeacher],
    unlabelled: Sequence[str],
    cache: Path,
) -> TrainingResult:
    """Train a model on the logits of its teachers.

    Args:
        job: As for `train_model`.
        train: Texts with labels. There may be no texts, but it names the labels.
        validation: Texts to which the weights of the target and the calibration are fitted. If there are none and no
            first model, the target is the mean of the teachers' logits, and the calibration is fitted to a tenth of the
            unlabelled texts, with labels drawn from the scores of the target.
        first: The first model, if this is the final one. Its target and its calibration are used.
        teachers: One or more.
        unlabelled: More texts, for which the model learns the logits. Near duplicates of validation texts are left out.
        cache: Folder for the teachers' logits.

    Raises:
        DataError: No texts are left to learn from, or a teacher does not fit the labels.
    """
    check_selection(job.recipe, has_validation=validation is not None)
    unlabelled = without_near_duplicates(unlabelled, validation, "validation")
    if not len(train) and not unlabelled:
        raise DataError(
            "All unlabelled texts are near duplicates of validation texts; give others."
        )
    job = replace(job, more_texts=unlabelled)
    labelled = None
    if len(train):
        labelled = _labelled_model(job, train, validation, first)
    student = _initial_student(job, labelled, train, validation)
    names = student.model.config.label_names

    began = time.perf_counter()
    held_out: _HeldOut | None = None
    uses_drawn_labels = False
    if validation is not None:
        validation = validation.with_label_names(names)
        target, held_out = _fit_target(teachers, labelled, validation, cache)
    elif first is not None:
        target = _target_of(first, teachers, labelled, names, cache)
    else:
        equal_weights = np.full(len(teachers), 1 / len(teachers))
        target = _Target(teachers, equal_weights, None, names, cache)
        unlabelled, held_out = _hold_out(unlabelled, train, target, job.recipe.training.seed)
        uses_drawn_labels = True
    copies = altered_copies(train.texts, job.recipe.copies_of_each(len(train)), job.glove)
    texts = [*train.texts, *copies, *unlabelled]
    target_logits = target.logits(texts)
    teaching_seconds = time.perf_counter() - began

    logger.info("The student learns from the teacher on %s texts.", f"{len(texts):,}")
    result = _train_student(
        job,
        student,
        texts,
        target_logits,
        held_out,
        first,
        fits_ngrams=len(unlabelled) > len(train),
    )
    agreement = _agreement(held_out, result) if first is None else _agreement_of(first)
    if uses_drawn_labels:
        result = _without_drawn_labels(result)

    counts = {"texts": len(texts), "copies": len(copies), "unlabelled": len(unlabelled)}
    about = result.about
    about["distillation"] = {**_about_target(target), **counts, **agreement}
    about["rows"]["train"] = len(train)  # without the copies and the unlabelled texts
    about["seconds"]["teachers"] = round(teaching_seconds, 2)
    if labelled is not None:
        about["distillation"]["labelled_model"] = _about_labelled(labelled)
        for stage, seconds in labelled.about["seconds"].items():
            about["seconds"][stage] = round(about["seconds"][stage] + seconds, 2)

    held_out_texts = [] if held_out is None else held_out.texts.texts
    record = student.record_of([*train.texts, *unlabelled], held_out_texts)
    train = train.with_label_names(names)
    return replace(result, train=train, measured_train=train, training_texts=record)


def _labelled_model(
    job: Job, train: LabelledTexts, validation: LabelledTexts | None, first: FirstModel | None
) -> TrainingResult:
    """Train the model of the labels. Trackers get the curves of the student only."""
    training = job.recipe.training
    folder = Path(str(training.output_dir), LABELLED_MODEL)
    if training.resume_from_checkpoint and validation is not None:
        FirstModel.load(folder, validation)  # raises an error if its validation texts were others
    logger.info("Model of the labels: %s texts.", f"{len(train):,}")
    recipe = job.recipe.with_training(output_dir=str(folder), report_to=[])
    first_labelled = None  # the model of the labels from which the first student continued
    if first is not None:
        values = first.about["distillation"]["labelled_model"]["calibration"]
        first_labelled = replace(first, calibration=Calibration(**values))
    labelled = train_model(replace(job, recipe=recipe), train, validation, first_labelled)
    if training.writes_checkpoints and validation is not None:
        labelled.as_first_model().save(folder, validation)
    return labelled


def _initial_student(
    job: Job,
    labelled: TrainingResult | None,
    train: LabelledTexts,
    validation: LabelledTexts | None,
) -> InitialModel:
    """Return the model of the labels, which the student's training changes, or a new model if there is none."""
    if labelled is None:
        set_seed(job.recipe.training.seed)
        return make_initial_model(job, job.recipe, train, validation)
    return InitialModel(
        labelled.model,
        labelled.tokenizer,
        labelled.about,
        fine_tuned=True,
        earlier=labelled.training_texts,
    )


def _target_of(
    first: FirstModel,
    teachers: Sequence[LoadedTeacher],
    labelled: TrainingResult | None,
    names: Sequence[str],
    cache: Path,
) -> _Target:
    """Return the target of the first model, but with the final model of the labels."""
    about = first.about["distillation"]
    weights = [teacher["weight"] for teacher in about["teachers"]]
    if about["weight_of_labelled_model"] is None:
        return _Target(teachers, np.array(weights), None, names, cache)
    weights.append(about["weight_of_labelled_model"])
    return _Target(teachers, np.array(weights), labelled, names, cache)


def _fit_target(
    teachers: Sequence[LoadedTeacher],
    labelled: TrainingResult | None,
    validation: LabelledTexts,
    cache: Path,
) -> tuple[_Target, _HeldOut]:
    """Fit the weights of the target to the validation texts.

    The model of the labels is left out if its cross-entropy is higher than the teachers': it would mainly add what it
    memorised of the training texts.
    """
    names = validation.label_names
    labels = validation.labels
    teacher_logits = _ask_all(teachers, validation.texts, names, cache)
    weights = np.array(fit_scales(teacher_logits, labels))
    target = _Target(teachers, weights, None, names, cache)
    weighted_logits = np.tensordot(teacher_logits, weights, (1, 0))
    held_out = _HeldOut(validation, weighted_logits.argmax(axis=1))
    if labelled is None:
        return target, held_out

    own_logits = _logits_of(labelled, validation.texts)
    [scale] = fit_scales(own_logits, labels)
    teacher_loss = _cross_entropy(weighted_logits, labels)
    own_loss = _cross_entropy(scale * own_logits[:, 0], labels)
    losses = f"teachers {teacher_loss:.3f}, model of the labels {own_loss:.3f}"
    logger.info("Cross-entropy on the validation texts: %s.", losses)
    if own_loss < teacher_loss:
        all_logits = np.concatenate([teacher_logits, own_logits], axis=1)
        weights = np.array(fit_scales(all_logits, labels))
        target = replace(target, weights=weights, labelled=labelled)
    return target, held_out


def _ask_all(
    teachers: Sequence[LoadedTeacher], texts: Sequence[str], names: Sequence[str], cache: Path
) -> Floats:
    """Return the logits of all teachers for n texts: (n, teachers, classes)."""
    return np.stack([ask(teacher, texts, names, cache) for teacher in teachers], axis=1)


def _logits_of(labelled: TrainingResult, texts: Sequence[str]) -> Floats:
    """Return the logits of the model of the labels for n texts, each with mean 0: (n, 1, classes)."""
    with one_thread():
        logits = predict_logits(labelled.model, labelled.tokenizer, texts)
    return (logits - logits.mean(axis=1, keepdims=True))[:, None]


def _cross_entropy(logits: Floats, labels: NDArray[np.integer]) -> float:
    log_scores = log_softmax(logits, axis=1)
    return float(-log_scores[np.arange(len(labels)), labels].mean())


def _hold_out(
    unlabelled: Sequence[str], train: LabelledTexts, target: _Target, seed: int
) -> tuple[Sequence[str], _HeldOut | None]:
    """Hold out some unlabelled texts, with labels drawn from the scores of the target.

    Returns:
        The texts to learn from, without near duplicates of the others; and the held-out texts, or None if they would be
        too few.
    """
    count = min(round(_CALIBRATING_SHARE * len(unlabelled)), _MOST_CALIBRATING)
    candidates = rows_without_near_duplicates(unlabelled, train.texts)
    if min(count, len(candidates)) < FEWEST:
        return unlabelled, None
    generator = np.random.default_rng(seed)
    chosen = generator.permutation(candidates)[:count]
    texts = [unlabelled[row] for row in chosen]
    logits = target.logits(texts)

    # Draw a label for each text by its scores: a number from 0 to 1 exceeds the cumulated scores of all labels before
    # the drawn one.
    cumulated = softmax(logits, axis=1).cumsum(axis=1)
    drawn = generator.random((len(texts), 1))
    labels = (drawn > cumulated[:, :-1]).sum(axis=1)
    held_out = LabelledTexts(texts, labels, target.label_names)

    other_rows = np.setdiff1d(np.arange(len(unlabelled)), chosen)
    others = [unlabelled[row] for row in other_rows]
    others = without_near_duplicates(others, held_out, "calibrating")
    return others, _HeldOut(held_out, logits.argmax(axis=1))


def _train_student(
    job: Job,
    student: InitialModel,
    texts: Sequence[str],
    target_logits: Floats,
    held_out: _HeldOut | None,
    first: FirstModel | None,
    *,
    fits_ngrams: bool,
) -> TrainingResult:
    """Fit the LSTM of the student to the target and, if asked, its n-grams to the best label of the target."""
    began = time.perf_counter()
    model = student.model
    # The student learns with raw logits: undo the calibration of the model of the labels.
    Calibration.none().apply(model.config)
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = _DROPOUT
    if model.ngrams is not None and fits_ngrams:
        nn.init.zeros_(model.ngrams.weights)
        nn.init.zeros_(model.ngrams.bias)
    job = replace(job, class_weight=None)  # weights are for training on labels only
    recipe = job.recipe.sized(len(texts), held_out is not None, distils=True)
    best_labels = LabelledTexts(texts, target_logits.argmax(axis=1), model.config.label_names)
    set_seed(recipe.training.seed)
    with one_thread():
        return train_from(
            student,
            job,
            recipe,
            best_labels,
            None if held_out is None else held_out.texts,
            targets=target_logits.astype(np.float32),
            fits_ngrams=fits_ngrams,
            first=first,
            began=began,
        )


def _about_target(target: _Target) -> dict[str, Any]:
    """Describe the teachers and the weights of the target, for metrics.json."""
    teachers = []
    teacher_weights = target.weights[: len(target.teachers)].tolist()
    for teacher, weight in zip(target.teachers, teacher_weights, strict=True):
        teachers.append({**teacher.about, "weight": weight})
    labelled_weight = None
    if target.labelled is not None:
        labelled_weight = float(target.weights[-1])
    return {"teachers": teachers, "weight_of_labelled_model": labelled_weight}


def _agreement(held_out: _HeldOut | None, result: TrainingResult) -> dict[str, Any]:
    """Return the share of held-out texts on which student and teachers have the same best label."""
    if held_out is None or result.validation_logits is None:
        return {"held_out": 0}
    same = held_out.teachers_labels == result.validation_logits.argmax(axis=1)
    return {"held_out": len(same), "agreement": float(same.mean())}


def _agreement_of(first: FirstModel) -> dict[str, Any]:
    about = first.about["distillation"]
    return {"held_out": about["held_out"], "agreement": about["agreement"]}


def _about_labelled(labelled: TrainingResult) -> dict[str, Any]:
    """Describe the model of the labels, for metrics.json. The final model uses its calibration."""
    calibration = asdict(labelled.calibration)
    return {"arguments": labelled.about["arguments"], "calibration": calibration}


def _without_drawn_labels(result: TrainingResult) -> TrainingResult:
    """Return a result without measures on drawn labels, which say nothing about true labels."""
    result.about["rows"].pop("validation", None)
    history = [_without_measures(log) for log in result.history]
    return replace(
        result, validation=None, validation_logits=None, validation_seen=0, history=history
    )


def _without_measures(log: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in log.items() if not name.startswith("eval_")}
