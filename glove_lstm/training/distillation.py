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
from glove_lstm.modeling.modeling_glove_lstm import GloveLstmForSequenceClassification
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
_STUDENT_DROPOUT = {"dropout": _DROPOUT, "embedding_dropout": _DROPOUT}
# Unlabelled texts that are held out for the calibration if there are no validation texts; enough for a temperature.
_CALIBRATING_SHARE = 0.1
_MOST_CALIBRATING = 1_000


@dataclass(frozen=True, eq=False)
class _Target:
    """The logits that the student learns: a weighted sum over the teachers and the model of the labels."""

    teachers: Sequence[LoadedTeacher]
    weights: Floats  # of the teachers, then of the model of the labels
    labelled_model: TrainingResult | None  # the model of the labels, if it is part of the target
    label_names: Sequence[str]
    cache: Path  # folder of the teachers' logits

    def logits(self, texts: Sequence[str]) -> Floats:
        """Return the target for n texts: (n, classes)."""
        parts = _ask_all(self.teachers, texts, self.label_names, self.cache)
        if self.labelled_model is not None:
            parts = np.concatenate([parts, _logits_of(self.labelled_model, texts)], axis=1)
        return np.tensordot(parts, self.weights, (1, 0))


@dataclass(frozen=True, eq=False)
class _CalibratingTexts:
    """Texts that calibrate the student and measure how often it agrees with the teachers."""

    texts: LabelledTexts
    teachers_labels: NDArray[np.int64]  # (n,) the best label by the teachers' weighted logits
    has_drawn_labels: bool = False  # labels that are drawn from the target, as none are known


@dataclass(frozen=True, eq=False)
class _Lesson:
    """What the student learns."""

    target: _Target
    texts: Sequence[str]  # training texts, their altered copies, and unlabelled texts
    logits: Floats  # (n, classes) the target for these texts
    copies: int  # number of altered copies
    unlabelled: Sequence[str]


def distil(
    job: Job,
    train: LabelledTexts,
    validation: LabelledTexts | None,
    first: FirstModel | None = None,
    *,
    teachers: Sequence[LoadedTeacher],
    unlabelled: Sequence[str],
    fits_ngrams: bool,
    cache: Path,
) -> TrainingResult:
    """Train a model on the logits of its teachers.

    Args:
        job: As for `train_model`.
        train: Texts with labels. There may be no texts, but it names the labels.
        validation: Texts to which the weights of the target and the calibration are fitted. If there are none and no
            first model, the target is the mean of the teachers' logits, and the calibration is fitted to a tenth of the
            unlabelled texts, at most 1,000, with labels drawn from the scores of the target. If these would be fewer
            than 10, the scores are not calibrated.
        first: The first model, if this is the final one. Its target and its calibration are used.
        teachers: One or more.
        unlabelled: More texts, for which the model learns the logits. Near duplicates of validation texts are left out.
        fits_ngrams: Whether the n-grams of the student are fitted again, because most texts have no label.
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
    labelled_model = None
    if len(train):
        labelled_model = _labelled_model(job, train, validation, first)
    student = _initial_student(job, labelled_model, train, validation)
    names = student.model.config.label_names
    train = train.with_label_names(names)

    began = time.perf_counter()
    calibrating: _CalibratingTexts | None = None
    if validation is not None:
        validation = validation.with_label_names(names)
        target, calibrating = _fit_target(teachers, labelled_model, validation, cache)
    elif first is not None:
        target = _target_of_first_model(first, teachers, labelled_model, names, cache)
    else:
        target = _mean_of_teachers(teachers, names, cache)
        seed = job.recipe.training.seed
        unlabelled, calibrating = _hold_out(unlabelled, train, target, seed)
    # Before the training, which changes the model of the labels.
    lesson = _make_lesson(job, train, unlabelled, target)
    teaching_seconds = time.perf_counter() - began

    logger.info("The student learns from the teacher on %s texts.", f"{len(lesson.texts):,}")
    result = _train_student(
        job, student, lesson, train, calibrating, first, fits_ngrams=fits_ngrams
    )
    agreement = _agreement(calibrating, result, first)
    if calibrating is not None and calibrating.has_drawn_labels:
        result = _without_measures_on_drawn_labels(result)

    about = result.about
    about["distillation"] = _about_lesson(lesson) | agreement
    about["arguments"] |= _STUDENT_DROPOUT
    about["rows"]["train"] = len(train)  # without the copies and the unlabelled texts
    about["seconds"]["teachers"] = round(teaching_seconds, 2)
    if labelled_model is not None:
        _add_labelled_model(about, labelled_model)

    calibrating_texts: Sequence[str] = ()
    if calibrating is not None:
        calibrating_texts = calibrating.texts.texts
    record = student.record_of([*train.texts, *lesson.unlabelled], calibrating_texts)
    return replace(result, train=train, first_train=train, training_texts=record)


def _labelled_model(
    job: Job, train: LabelledTexts, validation: LabelledTexts | None, first: FirstModel | None
) -> TrainingResult:
    """Train the model of the labels. Trackers get the curves of the student only."""
    training = job.recipe.training
    folder = Path(str(training.output_dir), LABELLED_MODEL)
    if training.resume_from_checkpoint and validation is not None:
        # This model is always trained again, from its last checkpoint, which must belong to the same validation texts.
        FirstModel.check(folder, validation)
    logger.info("Model of the labels: %s texts.", f"{len(train):,}")
    recipe = job.recipe.with_training(output_dir=str(folder), report_to=[])
    # With a final model, four models are trained: of the labels, the student, and both again on all texts. The third
    # uses the C and the calibration of the first. `first` is the record of the second: it has the same C, but a
    # calibration of its own.
    first_labelled_model = None
    if first is not None:
        values = first.about["distillation"]["labelled_model"]["calibration"]
        first_labelled_model = replace(first, calibration=Calibration(**values))
    labelled_model = train_model(
        replace(job, recipe=recipe), train, validation, first_labelled_model
    )
    if training.writes_checkpoints and validation is not None:
        labelled_model.as_first_model().save(folder, validation)
    return labelled_model


def _initial_student(
    job: Job,
    labelled_model: TrainingResult | None,
    train: LabelledTexts,
    validation: LabelledTexts | None,
) -> InitialModel:
    """Return the model of the labels, which the student's training changes, or a new model if there is none."""
    if labelled_model is None:
        set_seed(job.recipe.training.seed)
        return make_initial_model(job, job.recipe, train, validation)
    return InitialModel(
        labelled_model.model,
        labelled_model.tokenizer,
        labelled_model.about,
        has_learned=True,
        earlier=labelled_model.training_texts,
    )


def _fit_target(
    teachers: Sequence[LoadedTeacher],
    labelled_model: TrainingResult | None,
    validation: LabelledTexts,
    cache: Path,
) -> tuple[_Target, _CalibratingTexts]:
    """Fit the weights of the target to the validation texts.

    The model of the labels is left out if its cross-entropy is higher than the teachers': it would mainly add what it
    memorised of the training texts.

    Returns:
        The target; and the validation texts with the teachers' best labels.
    """
    names = validation.label_names
    labels = validation.labels
    teacher_logits = _ask_all(teachers, validation.texts, names, cache)
    weights = np.array(fit_scales(teacher_logits, labels))
    target = _Target(teachers, weights, None, names, cache)
    weighted_logits = np.tensordot(teacher_logits, weights, (1, 0))
    calibrating = _CalibratingTexts(validation, weighted_logits.argmax(axis=1))
    if labelled_model is None:
        return target, calibrating

    own_logits = _logits_of(labelled_model, validation.texts)
    [scale] = fit_scales(own_logits, labels)
    teacher_loss = _cross_entropy(weighted_logits, labels)
    own_loss = _cross_entropy(scale * own_logits[:, 0], labels)
    losses = f"teachers {teacher_loss:.3f}, model of the labels {own_loss:.3f}"
    logger.info("Cross-entropy on the validation texts: %s.", losses)
    if own_loss < teacher_loss:
        all_logits = np.concatenate([teacher_logits, own_logits], axis=1)
        weights = np.array(fit_scales(all_logits, labels))
        target = replace(target, weights=weights, labelled_model=labelled_model)
    return target, calibrating


def _target_of_first_model(
    first: FirstModel,
    teachers: Sequence[LoadedTeacher],
    labelled_model: TrainingResult | None,
    names: Sequence[str],
    cache: Path,
) -> _Target:
    """Return the target with the weights of the first model's target, but with the final model of the labels."""
    about = first.about["distillation"]
    weights = [teacher["weight"] for teacher in about["teachers"]]
    labelled_weight = about["weight_of_labelled_model"]
    if labelled_weight is None:
        return _Target(teachers, np.array(weights), None, names, cache)
    weights.append(labelled_weight)
    return _Target(teachers, np.array(weights), labelled_model, names, cache)


def _mean_of_teachers(
    teachers: Sequence[LoadedTeacher], names: Sequence[str], cache: Path
) -> _Target:
    """Return the target if there are no labels to which weights could be fitted."""
    weights = np.full(len(teachers), 1 / len(teachers))
    return _Target(teachers, weights, None, names, cache)


def _ask_all(
    teachers: Sequence[LoadedTeacher], texts: Sequence[str], names: Sequence[str], cache: Path
) -> Floats:
    """Return the logits of all teachers for n texts: (n, teachers, classes)."""
    return np.stack([ask(teacher, texts, names, cache) for teacher in teachers], axis=1)


def _logits_of(labelled_model: TrainingResult, texts: Sequence[str]) -> Floats:
    """Return the logits of the model of the labels for n texts, each with mean 0: (n, 1, classes)."""
    with one_thread():
        logits = predict_logits(labelled_model.model, labelled_model.tokenizer, texts)
    return (logits - logits.mean(axis=1, keepdims=True))[:, None]


def _cross_entropy(logits: Floats, labels: NDArray[np.integer]) -> float:
    log_scores = log_softmax(logits, axis=1)
    return float(-log_scores[np.arange(len(labels)), labels].mean())


def _hold_out(
    unlabelled: Sequence[str], train: LabelledTexts, target: _Target, seed: int
) -> tuple[Sequence[str], _CalibratingTexts | None]:
    """Hold out some unlabelled texts, with labels drawn from the scores of the target.

    Returns:
        The texts to learn from, without near duplicates of the held-out texts; and the held-out texts, or None if they
        would be too few.
    """
    count = min(round(_CALIBRATING_SHARE * len(unlabelled)), _MOST_CALIBRATING)
    candidates = rows_without_near_duplicates(unlabelled, train.texts)
    if min(count, len(candidates)) < FEWEST:
        return unlabelled, None
    generator = np.random.default_rng(seed)
    chosen = generator.permutation(candidates)[:count]
    texts = [unlabelled[row] for row in chosen]
    logits = target.logits(texts)
    labels = _draw_labels(logits, generator)
    held_out = LabelledTexts(texts, labels, target.label_names)

    other_rows = np.setdiff1d(np.arange(len(unlabelled)), chosen)
    others = [unlabelled[row] for row in other_rows]
    others = without_near_duplicates(others, held_out, "calibrating")
    return others, _CalibratingTexts(held_out, logits.argmax(axis=1), has_drawn_labels=True)


def _draw_labels(logits: Floats, generator: np.random.Generator) -> NDArray[np.int64]:
    """Draw a label for each text by its scores, the softmax of logits (n, classes)."""
    # The drawn label is the first one with which the cumulated scores reach a random number from 0 to 1.
    cumulated = softmax(logits, axis=1).cumsum(axis=1)
    drawn = generator.random((len(logits), 1))
    return (drawn > cumulated[:, :-1]).sum(axis=1)


def _make_lesson(
    job: Job, train: LabelledTexts, unlabelled: Sequence[str], target: _Target
) -> _Lesson:
    """Alter copies of the training texts, and compute the target for all texts."""
    copies_of_each = job.recipe.copies_of_each(len(train))
    copies = altered_copies(train.texts, copies_of_each, job.glove)
    texts = [*train.texts, *copies, *unlabelled]
    return _Lesson(target, texts, target.logits(texts), len(copies), unlabelled)


def _train_student(
    job: Job,
    student: InitialModel,
    lesson: _Lesson,
    train: LabelledTexts,
    calibrating: _CalibratingTexts | None,
    first: FirstModel | None,
    *,
    fits_ngrams: bool,
) -> TrainingResult:
    """Fit the LSTM of the student to the target, and perhaps its n-grams to the best label of the target."""
    began = time.perf_counter()
    _prepare_student(student.model, forgets_ngrams=fits_ngrams)
    validation: LabelledTexts | None = None
    if calibrating is not None:
        validation = calibrating.texts
    job = replace(job, class_weight=None)  # weights are for training on labels only
    recipe = job.recipe.sized(len(lesson.texts), validation is not None, distils=True)
    best_labels = LabelledTexts(lesson.texts, lesson.logits.argmax(axis=1), train.label_names)
    set_seed(recipe.training.seed)
    with one_thread():
        return train_from(
            student,
            job,
            recipe,
            best_labels,
            validation,
            targets=lesson.logits.astype(np.float32),
            fits_ngrams=fits_ngrams,
            first=first,
            began=began,
        )


def _prepare_student(model: GloveLstmForSequenceClassification, *, forgets_ngrams: bool) -> None:
    """Undo the calibration of the model of the labels, set the student's dropout, and perhaps set its n-grams to zero.

    Weights that are not zero would be features of the new fit, as in fine-tuning.
    """
    Calibration.none().apply(model.config)
    model.config.update(_STUDENT_DROPOUT)
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = _DROPOUT
    if model.ngrams is not None and forgets_ngrams:
        nn.init.zeros_(model.ngrams.weights)
        nn.init.zeros_(model.ngrams.bias)


def _agreement(
    calibrating: _CalibratingTexts | None, result: TrainingResult, first: FirstModel | None
) -> dict[str, Any]:
    """Return the share of held-out texts on which student and teachers have the same best label.

    The final model has no held-out texts: it reports the share of the first model.
    """
    if first is not None:
        about = first.about["distillation"]
        return {"held_out": about["held_out"], "agreement": about["agreement"]}
    if calibrating is None or result.validation_logits is None:
        return {"held_out": 0}
    same = calibrating.teachers_labels == result.validation_logits.argmax(axis=1)
    return {"held_out": len(same), "agreement": float(same.mean())}


def _without_measures_on_drawn_labels(result: TrainingResult) -> TrainingResult:
    """Return a result without measures on drawn labels, which say nothing about true labels."""
    result.about["rows"].pop("validation", None)
    history = []
    for log in result.history:
        kept = {name: value for name, value in log.items() if not name.startswith("eval_")}
        history.append(kept)
    return replace(
        result, validation=None, validation_logits=None, validation_seen=0, history=history
    )


def _about_lesson(lesson: _Lesson) -> dict[str, Any]:
    """Describe the teachers, their weights, and the texts, for metrics.json."""
    target = lesson.target
    teachers = []
    teacher_weights = target.weights[: len(target.teachers)].tolist()
    for teacher, weight in zip(target.teachers, teacher_weights, strict=True):
        teachers.append({**teacher.about, "weight": weight})
    labelled_weight = None
    if target.labelled_model is not None:
        labelled_weight = float(target.weights[-1])
    return {
        "teachers": teachers,
        "weight_of_labelled_model": labelled_weight,
        "texts": len(lesson.texts),
        "copies": lesson.copies,
        "unlabelled": len(lesson.unlabelled),
    }


def _add_labelled_model(about: dict[str, Any], labelled_model: TrainingResult) -> None:
    """Describe the model of the labels in metrics.json, and add its time.

    `_labelled_model` reads the calibration when it trains the final model of the labels.
    """
    about["distillation"]["labelled_model"] = {
        "arguments": labelled_model.about["arguments"],
        "calibration": asdict(labelled_model.calibration),
    }
    for stage, seconds in labelled_model.about["seconds"].items():
        about["seconds"][stage] = round(about["seconds"][stage] + seconds, 2)
