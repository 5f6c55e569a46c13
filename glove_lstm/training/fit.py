"""Train a classifier. The command, the estimator and the benchmarks all call `fit`.

result = fit(texts, labels, recipe=make_recipe(glove="6B.50d"))
result.model, result.tokenizer
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from transformers import EvalPrediction

from glove_lstm.data.glove import GloveVectors, load_glove
from glove_lstm.errors import DataError
from glove_lstm.training.arguments import Recipe, make_recipe
from glove_lstm.training.distillation import distil
from glove_lstm.training.held_out import HeldOut, hold_out
from glove_lstm.training.labelled_texts import Label, LabelledTexts
from glove_lstm.training.result import TrainingResult
from glove_lstm.training.resuming import FIRST_MODEL, FirstModel, prepare_output
from glove_lstm.training.teachers import LoadedTeacher, TeacherLike, columns_of, load_teacher
from glove_lstm.training.train_model import Job, count_seen, one_thread, train_model
from glove_lstm.training.weighting import ClassWeight

logger = logging.getLogger(__name__)

TrainOne = Callable[..., TrainingResult]  # `train_model`, or `distil` with its teachers
Texts = Sequence[str]
Labels = Sequence[Label]
Sources = Sequence[str] | None
# A share or rows of the training texts; or texts of their own, with labels and perhaps sources; or none.
Validation = float | HeldOut | tuple[Texts, Labels] | tuple[Texts, Labels, Sources] | None


def fit(
    texts: Sequence[str],
    labels: Sequence[Label],
    validation: Validation = 0.1,
    *,
    recipe: Recipe | None = None,
    label_names: Sequence[str] | None = None,
    class_weight: ClassWeight | None = None,
    sample_weight: NDArray[Any] | None = None,
    sources: Sequence[str] | None = None,
    validation_by: str = "text",
    text_column_names: Sequence[str] | None = None,
    label_type: str | None = None,
    glove: GloveVectors | None = None,
    compute_metrics: Callable[[EvalPrediction], dict[str, float]] | None = None,
    teacher: TeacherLike | Sequence[TeacherLike] | None = None,
    unlabelled: Sequence[str] = (),
) -> TrainingResult:
    """Train and calibrate a classifier.

    Build or load the tokenizer and the network, fit the n-grams, train the LSTM, and calibrate on the validation texts.
    If these were held out of the texts, train a final model on all texts, with the calibration of the first model.
    There is no final model if `refit` is false, or if validation texts choose the epoch or the learning rate.

    With a teacher, each of the two models then learns from the teacher's logits (see `distil`). There is only one model
    if most texts have no label. The weights of labels, texts and sources apply to the training on labels only.

    Args:
        texts: n texts; join a title and its body by a space. With unlabelled texts, the list may be empty.
        labels: The label of each text; for multi-label texts, its list of labels.
        validation: Validation texts, with which the scores are calibrated. They are held out of the texts, if this is a
            share of them or `HeldOut` rows. No model trains on them, if this is (texts, labels) or (texts, labels,
            sources). None: the scores are not calibrated or, with a teacher and 100 unlabelled texts, calibrated to its
            scores.
        recipe: Arguments of tokenizer, network and training; None: the default preset.
        label_names: All labels, in the order of the logits; None: as `sorted_label_names` orders them.
        class_weight: "balanced", or the weight of each label; see `class_weights`.
        sample_weight: (n,) weight of each text.
        sources: CORPUS or CORPUS/PUBLISHER of each text; texts are then sampled so that corpora and publishers are
            balanced.
        validation_by: "source" holds whole publishers out.
        text_column_names: Text columns of the training table, for the config.
        label_type: Python type of the labels, for the config.
        glove: Vectors that are already loaded, instead of the recipe's.
        compute_metrics: Metrics of the validation texts after each epoch, for the Trainer.
        teacher: A classifier to learn from, or a list of them: see `load_teacher`. None of them should have seen the
            validation texts.
        unlabelled: Texts without labels, for which the model learns the teacher's logits.

    Raises:
        DataError: Texts, labels and arguments do not fit together.
    """
    if recipe is None:
        recipe = make_recipe()
    teachers = _load_teachers(teacher, recipe, unlabelled)
    names = label_names or sorted_label_names(labels) or _names_of(teachers)
    train = LabelledTexts.of(texts, labels, names, sources, sample_weight)
    _check_texts(train, unlabelled)
    _check_teachers(teachers, train)

    given_validation = _given_validation(validation, names)
    if given_validation is not None:
        _check_validation(given_validation, train)
    if train.weights is not None and not isinstance(validation, HeldOut):
        # A text of weight 0 must not calibrate. With `HeldOut` the caller leaves such texts out: to remove them here
        # would shift its row numbers.
        train = train.select(np.flatnonzero(train.weights))

    _prepare_output(recipe)
    if glove is None and recipe.model.model_name_or_path is None:
        glove = load_glove(recipe.tokenizer.glove)
    columns = None
    if text_column_names is not None:
        columns = list(text_column_names)
    job = Job(recipe, glove, class_weight, columns, label_type, compute_metrics)
    most_have_no_label = len(unlabelled) > len(train)
    train_one: TrainOne = train_model
    if teachers:
        train_one = partial(
            distil,
            teachers=teachers,
            unlabelled=unlabelled,
            fits_ngrams=most_have_no_label,
            cache=Path(str(recipe.training.output_dir)),
        )

    held_out = _held_out(train, validation, validation_by, recipe.training.seed)
    if held_out is None:  # the validation texts are given, or there are none
        return train_one(job, train, given_validation)
    first_texts = train.select(held_out.train)
    held_out_texts = train.select(held_out.validation)
    refits = recipe.training.refit and not recipe.training.validation_selects_model
    # Beside so many unlabelled texts, the held-out texts would add little to a final model.
    if not refits or most_have_no_label:
        return train_one(job, first_texts, held_out_texts)
    return _train_two(job, train_one, train, first_texts, held_out_texts)


def _load_teachers(
    teacher: TeacherLike | Sequence[TeacherLike] | None, recipe: Recipe, unlabelled: Sequence[str]
) -> list[LoadedTeacher]:
    teachers: list[Any] = [teacher]
    if teacher is None:
        teachers = []
    elif isinstance(teacher, list | tuple):
        teachers = list(teacher)
    if not teachers:
        if len(unlabelled):
            raise DataError("Unlabelled texts need a teacher; give one.")
        if recipe.training.augmented_copies is not None:
            raise DataError("augmented_copies is for a training with a teacher; leave it out.")
        return []
    if recipe.training.world_size > 1:
        raise DataError("A training with a teacher needs a single process; start one.")
    return [load_teacher(given, recipe.training.device) for given in teachers]


def _check_teachers(teachers: Sequence[LoadedTeacher], train: LabelledTexts) -> None:
    """Check that the teachers have the labels of the texts. A function must have them in the same order."""
    if teachers and train.is_multi_label:
        raise DataError("A teacher is for one label a text; leave it out.")
    for teacher in teachers:
        if teacher.label_names is None:
            teacher.label_names = list(train.label_names)
        columns_of(teacher, train.label_names)  # raises an error if the labels differ


def _given_validation(validation: Validation, names: Sequence[str]) -> LabelledTexts | None:
    """Return the validation texts on which no model trains, if they are given."""
    if not isinstance(validation, tuple):
        return None
    texts, labels = validation[:2]
    sources: Sources = None
    if len(validation) == 3:
        sources = validation[2]
    return LabelledTexts.of(texts, labels, names, sources, name="validation labels")


def _held_out(train: LabelledTexts, validation: Validation, by: str, seed: int) -> HeldOut | None:
    """Return the rows that are held out of the training texts, if any are."""
    if isinstance(validation, HeldOut):
        return validation
    if isinstance(validation, float | int) and len(train):
        with one_thread():
            return hold_out(train, validation, by, seed)
    return None


def _names_of(teachers: Sequence[LoadedTeacher]) -> list[str]:
    """Return the labels of the first teacher that names them; an empty list if no teacher does."""
    for teacher in teachers:
        if teacher.label_names is not None:
            return teacher.label_names
    return []


def sorted_label_names(labels: Sequence[Label]) -> list[str]:
    """Return the distinct labels, in numerical order if all are whole numbers, else in alphabetical order."""
    names: set[str] = set()
    for label in labels:
        if isinstance(label, str):
            names.add(label)
        else:
            names.update(label)
    if all(name.removeprefix("-").isdecimal() for name in names):
        return sorted(names, key=int)
    return sorted(names)


def _prepare_output(recipe: Recipe) -> None:
    """Remove the checkpoints of an earlier training, unless it is resumed."""
    training = recipe.training
    if training.process_index == 0:
        start = recipe.model.model_name_or_path
        prepare_output(Path(str(training.output_dir)), training.resume_from_checkpoint, start)


def _check_texts(train: LabelledTexts, unlabelled: Sequence[str]) -> None:
    if not len(train) and not len(unlabelled):
        raise DataError("There are no training texts; give some.")
    if not train.label_names:
        raise DataError(
            "No text has a label (and no teacher names its labels); give labels, or another teacher."
        )
    if len(train.label_names) < 2 and not train.is_multi_label:
        label = train.label_names[0]
        raise DataError(f"All texts have the label {label!r}; a classifier needs two or more.")


def _check_validation(validation: LabelledTexts, train: LabelledTexts) -> None:
    if not len(validation):
        raise DataError("There are no validation texts; give some, or validation=None.")
    if validation.is_multi_label != train.is_multi_label:
        raise DataError(
            "Validation texts must have one label each if training texts do, and lists of labels if they do."
        )


def _train_two(
    job: Job,
    train_one: TrainOne,
    texts: LabelledTexts,
    first_texts: LabelledTexts,
    validation: LabelledTexts,
) -> TrainingResult:
    """Train and calibrate a first model, then the final one on all texts with the calibration of the first."""
    logger.info(
        "First model: %s texts, calibrated on %s. Final model: all %s.",
        f"{len(first_texts):,}",
        f"{len(validation):,}",
        f"{len(texts):,}",
    )
    first = _first_model(job, train_one, first_texts, validation)
    # Trackers get the curves of the first model only, because it has validation texts.
    final_job = replace(job, recipe=job.recipe.with_training(report_to=[]))
    final = train_one(final_job, texts, None, first)
    seconds = {}
    for stage, spent in final.about["seconds"].items():
        seconds[stage] = round(spent + first.about["seconds"][stage], 2)
    rows = {"train": len(first_texts), "validation": len(validation), "all": len(texts)}
    names = final.model.config.label_names
    # `first.about` alone has `known_before`, which needs validation texts.
    about = first.about | final.about | {"seconds": seconds, "rows": rows}
    return replace(
        final,
        validation=validation.with_label_names(names),
        validation_logits=first.validation_logits,
        first_train=first_texts.with_label_names(names),
        validation_seen=count_seen(first_texts, validation),
        history=first.history,
        about=about,
    )


def _first_model(
    job: Job, train_one: TrainOne, train: LabelledTexts, validation: LabelledTexts
) -> FirstModel:
    """Train and calibrate the first of two models, or load it if a resumed run has finished it."""
    training = job.recipe.training
    folder = Path(str(training.output_dir), FIRST_MODEL)
    if training.resume_from_checkpoint:
        finished = FirstModel.load(folder, validation)
        if finished is not None:
            return finished
    recipe = job.recipe.with_training(output_dir=str(folder))
    first = train_one(replace(job, recipe=recipe), train, validation).as_first_model()
    if training.writes_checkpoints and training.process_index == 0:
        first.save(folder, validation)
    return first
