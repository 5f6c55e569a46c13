"""Train a classifier. The command, the estimator and the benchmarks all call `fit`.

result = fit(texts, labels, recipe=make_recipe(glove="6B.50d"))
result.model, result.tokenizer
"""

import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from transformers import EvalPrediction, set_seed

from glove_lstm.checkpoint.checkpoint import Checkpoint
from glove_lstm.errors import DataError
from glove_lstm.tables.labels import Label, sorted_label_names
from glove_lstm.text.light_tokenizer import LightTokenizer
from glove_lstm.training.answers import check_labels
from glove_lstm.training.arguments import GloveLstmTrainingArguments
from glove_lstm.training.batches import TokenizedTexts, tokenize, tokenize_for_lstm
from glove_lstm.training.calibration import calibrate
from glove_lstm.training.checkpoints import (
    checkpoint_to_resume,
    claimed_folder,
    remove_checkpoints,
)
from glove_lstm.training.division import (
    Division,
    divide,
    enough_to_hold_out,
    hold_out_unlabelled,
)
from glove_lstm.training.labelled_texts import ClassWeight, LabelledTexts, class_weights
from glove_lstm.training.lesson import Lesson, lesson_of_labels, lesson_of_teacher
from glove_lstm.training.ngrams import fit_ngrams
from glove_lstm.training.recipe import Recipe, make_recipe
from glove_lstm.training.result import TrainingResult, describe, make_result
from glove_lstm.training.start import lower_dropout, model_of_checkpoint, new_model
from glove_lstm.training.teacher import (
    LoadedClassifier,
    LoadedEncoder,
    LoadedTeacher,
    Teacher,
    TeacherLike,
    load_teacher,
)
from glove_lstm.training.trainer import train_lstm
from glove_lstm.vectors.glove import GloveVectors, load_glove

_DROPOUT_ON_LOGITS = 0.1  # the higher rates of the preset cost accuracy on validation texts
# With fewer labels and an encoder, all labelled texts teach, and unlabelled ones calibrate; DECISIONS.md says why.
_FEW_LABELS = 200


def fit(
    texts: Sequence[str],
    labels: Sequence[Label],
    validation: tuple[Sequence[str], Sequence[Label]] | None = None,
    *,
    recipe: Recipe | None = None,
    label_names: Sequence[str] | None = None,
    groups: Sequence[Hashable] | None = None,
    class_weight: ClassWeight | None = None,
    sample_weight: NDArray[Any] | None = None,
    glove: GloveVectors | None = None,
    compute_metrics: Callable[[EvalPrediction], dict[str, float]] | None = None,
    teacher: TeacherLike | None = None,
    unlabelled: Sequence[str] = (),
) -> TrainingResult:
    """Train and calibrate a classifier.

    Hold some texts out, unless validation texts are given; build or load tokenizer and network; fit the n-grams; train
    the LSTM; and calibrate the scores on the held-out texts. With a teacher, the LSTM learns the teacher's logits
    instead of labels: for the texts, for altered copies of them, and for unlabelled texts.

    Args:
        texts: n texts; join a title and its body by a space. With unlabelled texts, the list may be empty.
        labels: The label of each text; for multi-label texts, its list of labels.
        validation: Texts with labels that calibrate the scores. The model does not learn from them. None: texts are
            held out as `validation_fraction` of the recipe says; with a teacher and few labels, unlabelled ones.
        recipe: Arguments of tokenizer, network and training; None: the default preset.
        label_names: All labels, in the order of the logits; None: as `sorted_label_names` orders them. A checkpoint
            that is fine-tuned and has all of these labels keeps its own.
        groups: n values, such as authors. The texts of a group are either all held out or all trained on. Without
            effect if validation texts are given.
        class_weight: "balanced", or the weight of each label; see `class_weights`.
        sample_weight: (n,) weight of each text. With a teacher, the weights of labels and texts apply to the n-grams,
            and to the regression on an encoder's embeddings.
        glove: Vectors that are already loaded, instead of the recipe's.
        compute_metrics: Metrics of the held-out texts after each epoch, for the Trainer.
        teacher: A classifier or an encoder to learn from; see `load_teacher`. It should not have seen the held-out
            texts.
        unlabelled: Texts without labels, for which the model learns the teacher's logits.

    Raises:
        DataError: Texts, labels and arguments do not fit together.
    """
    seconds = _Stopwatch()
    if recipe is None:
        recipe = make_recipe()
    checkpoint: Checkpoint | None = None
    if recipe.model.model_name_or_path is not None:
        checkpoint = Checkpoint.open(recipe.model.model_name_or_path)
        checkpoint.check_files()  # now, and not after the hours of a teacher or a training
    unlabelled = list(unlabelled)
    _check_count(texts, unlabelled)
    groups = None if groups is None else list(groups)
    own_names = sorted_label_names(labels) if label_names is None else list(label_names)
    loaded_teacher = _load_teacher(teacher, own_names, unlabelled, recipe)
    names = _label_names(own_names, checkpoint, loaded_teacher)
    labelled = LabelledTexts.of(texts, labels, names, sample_weight)
    held_out: LabelledTexts | None = None
    if validation is not None:
        held_out = LabelledTexts.of(*validation, names, name="validation labels")
    _check(labelled, held_out, loaded_teacher, groups)

    with _claimed_output(recipe, teacher) as resumed_from:
        train, groups = _without_weight_0(labelled, groups)
        division = Division(train, held_out, unlabelled)
        if held_out is None:
            division = _hold_out(train, groups, unlabelled, recipe, loaded_teacher)
        _check_selection(recipe, division.held_out)
        label_weights = _label_weights(class_weight, division.train)
        train = _weighted(division.train, label_weights)
        division = replace(division, train=train)
        if glove is None and checkpoint is None:
            glove = load_glove(recipe.tokenizer.glove)
        seconds.end_of("prepare")

        lesson = _make_lesson(loaded_teacher, division, recipe, glove)
        complete_recipe = recipe.for_lesson(
            len(lesson.texts),
            on_logits=lesson.teaching is not None,
            new_labels=checkpoint is not None and list(names) != list(checkpoint.label_names),
            is_multi_label=train.is_multi_label,
            has_held_out=lesson.held_out is not None,
        )
        arguments = complete_recipe.training
        seconds.end_of("teacher")

        # The teacher used all cores; what follows is faster on one.
        with one_thread():
            set_seed(arguments.seed)
            if checkpoint is None:
                assert glove is not None
                model, tokenizer, origin = new_model(
                    complete_recipe, train, lesson.unlabelled, glove
                )
                glove = None  # frees the memory of the vectors
            else:
                model, tokenizer, origin = model_of_checkpoint(checkpoint, complete_recipe, train)
            if lesson.teaching is not None:
                lower_dropout(model, _DROPOUT_ON_LOGITS, kept=recipe.given)

            encoder = LightTokenizer.of(tokenizer)
            held_out_tokens: TokenizedTexts | None = None
            if lesson.held_out is not None:
                held_out_tokens = tokenize(lesson.held_out.texts, encoder, lesson.held_out.labels)
            ngram_c = fit_ngrams(
                model, tokenizer, encoder, lesson.ngram_texts, held_out_tokens, arguments
            )
            seconds.end_of("prepare")

            lstm_tokens = tokenize_for_lstm(lesson, encoder, model.config.lstm_length, arguments)
            _remove_earlier_checkpoints(arguments, resumed_from)
            state = train_lstm(
                model,
                arguments,
                lstm_tokens,
                held_out_tokens,
                tokenizer,
                compute_metrics=compute_metrics,
                checkpoint=resumed_from,
            )
            seconds.end_of("train")

            if lesson.held_out is not None:
                calibrate(
                    model,
                    encoder,
                    lesson.held_out,
                    with_corrupted=arguments.corrupted_share > 0,
                    seed=arguments.seed,
                )
            seconds.end_of("calibrate")
            about = origin | describe(
                model,
                tokenizer,
                complete_recipe,
                lesson,
                state,
                rows=len(train),
                resumed=resumed_from is not None,
                ngram_c=ngram_c,
                label_weights=label_weights,
                seconds=seconds.by_stage,
            )
            return make_result(model, tokenizer, checkpoint, train, lesson, state, about)


class _Stopwatch:
    """The seconds that were spent in each stage."""

    def __init__(self) -> None:
        self.by_stage: dict[str, float] = {}
        self._last = time.perf_counter()

    def end_of(self, stage: str) -> None:
        """Add the time since the end of the stage before."""
        now = time.perf_counter()
        self.by_stage[stage] = self.by_stage.get(stage, 0.0) + now - self._last
        self._last = now


def _check_count(texts: Sequence[str], unlabelled: Sequence[str]) -> None:
    if not len(texts) and not len(unlabelled):
        raise DataError("There are no training texts; give some.")


def _load_teacher(
    teacher: TeacherLike | None,
    label_names: Sequence[str],
    unlabelled: Sequence[str],
    recipe: Recipe,
) -> LoadedTeacher | None:
    if teacher is None:
        if len(unlabelled):
            raise DataError("Unlabelled texts need a teacher; give one.")
        if recipe.training.augmented_copies is not None:
            raise DataError("augmented_copies is for a training with a teacher; leave it out.")
        return None
    if recipe.training.world_size > 1:
        raise DataError("A training with a teacher needs a single process; start one.")
    return load_teacher(teacher, recipe.training.device, label_names)


def _label_names(
    names: Sequence[str], checkpoint: Checkpoint | None, teacher: LoadedTeacher | None
) -> Sequence[str]:
    """Return the labels in the order of the model's logits.

    The first that applies: those of the checkpoint, if it has all labels; those of the texts; those of the teacher.
    """
    if not names and isinstance(teacher, LoadedClassifier):
        names = teacher.label_names
    if checkpoint is not None and set(names) <= set(checkpoint.label_names):
        return checkpoint.label_names
    return names


def _check(
    train: LabelledTexts,
    validation: LabelledTexts | None,
    teacher: LoadedTeacher | None,
    groups: Sequence[Hashable] | None,
) -> None:
    if not train.label_names:
        raise DataError(
            "No text has a label (and no teacher names its labels); give labels, or another teacher."
        )
    if len(train.label_names) < 2 and not train.is_multi_label:
        label = train.label_names[0]
        raise DataError(f"All texts have the label {label!r}; a classifier needs two or more.")
    if groups is not None and len(groups) != len(train):
        raise DataError(f"There are {len(train)} texts, but {len(groups)} values of groups.")
    if validation is not None:
        if not len(validation):
            raise DataError("There are no validation texts; give some.")
        if len(train) and validation.is_multi_label != train.is_multi_label:
            raise DataError(
                "Validation texts must have one label each if training texts do, and lists of labels if they do."
            )
    if teacher is None:
        return
    check_labels(teacher, train.label_names)
    if train.is_multi_label or (validation is not None and validation.is_multi_label):
        raise DataError("A teacher is for one label a text; leave it out.")


def _claimed_output(
    recipe: Recipe, teacher: TeacherLike | None
) -> AbstractContextManager[str | None]:
    """Claim the output folder, in the first process only; the value is the checkpoint to resume from, if any."""
    training = recipe.training
    folder = Path(str(training.output_dir))
    resume = training.resume_from_checkpoint
    if training.process_index > 0:
        return nullcontext(checkpoint_to_resume(folder, resume))
    models = []
    if recipe.model.model_name_or_path is not None:
        models.append(recipe.model.model_name_or_path)
    if isinstance(teacher, Teacher):
        models.append(teacher.model)
    elif isinstance(teacher, str | Path):
        models.append(str(teacher))
    return claimed_folder(folder, resume, models)


def _remove_earlier_checkpoints(
    arguments: GloveLstmTrainingArguments, resumed_from: str | None
) -> None:
    """Remove the checkpoints of an earlier training, unless this one continues it."""
    if resumed_from is None and arguments.process_index == 0:
        remove_checkpoints(Path(str(arguments.output_dir)))


def _hold_out(
    texts: LabelledTexts,
    groups: Sequence[Hashable] | None,
    unlabelled: Sequence[str],
    recipe: Recipe,
    teacher: LoadedTeacher | None,
) -> Division:
    """Hold texts out as the recipe says: labelled ones, or unlabelled ones if labels are few and a teacher tells them.

    An encoder learns from all of a few labelled texts, unless a share of them is asked for, or they must choose the
    epoch.
    """
    training = recipe.training
    fraction = training.validation_fraction
    labels_are_few = not enough_to_hold_out(len(texts), fraction)
    if isinstance(teacher, LoadedEncoder) and fraction is None and not training.needs_validation:
        labels_are_few = len(texts) < _FEW_LABELS
    with one_thread():
        if teacher is not None and labels_are_few:
            others, chosen = hold_out_unlabelled(unlabelled, texts.texts, training.seed)
            if chosen:
                return Division(texts, None, others, chosen)
        train, held_out = divide(texts, fraction, training.seed, groups)
    return Division(train, held_out, unlabelled)


def _check_selection(recipe: Recipe, held_out: LabelledTexts | None) -> None:
    if recipe.training.needs_validation and held_out is None:
        raise DataError(
            "load_best_model_at_end, early_stopping_patience, save_strategy best and the schedules "
            "reduce_lr_on_plateau and greedy need validation texts; give some."
        )


def _without_weight_0(
    texts: LabelledTexts, groups: Sequence[Hashable] | None
) -> tuple[LabelledTexts, Sequence[Hashable] | None]:
    """Leave out the texts of weight 0, with their groups: they must neither teach nor calibrate."""
    if texts.weights is None:
        return texts, groups
    rows = np.flatnonzero(texts.weights).tolist()
    if groups is not None:
        groups = [groups[row] for row in rows]
    return texts.select(rows), groups


def _make_lesson(
    teacher: LoadedTeacher | None,
    division: Division,
    recipe: Recipe,
    glove: GloveVectors | None,
) -> Lesson:
    if teacher is None:
        return lesson_of_labels(division.train, division.held_out)
    return lesson_of_teacher(
        teacher,
        division,
        copies=recipe.training.augmented_copies,
        glove=glove,
        folder=Path(str(recipe.training.output_dir)),
        seed=recipe.training.seed,
    )


def _label_weights(
    class_weight: ClassWeight | None, train: LabelledTexts
) -> dict[str, float] | None:
    """Return the weight of each label; None: all labels have the same."""
    if class_weight is None or not len(train):
        return None
    names = train.label_names
    weights = class_weights(class_weight, names, train.labels, train.weights)
    return dict(zip(names, weights.tolist(), strict=True))


def _weighted(train: LabelledTexts, label_weights: dict[str, float] | None) -> LabelledTexts:
    """Return the texts with their own weights, scaled to mean 1, times the weights of their labels."""
    weights = train.weights
    if weights is not None:
        weights = weights / weights.mean()
    if label_weights is not None:
        weight_by_number = np.array([label_weights[name] for name in train.label_names])
        weights_of_labels = weight_by_number[train.labels]
        weights = weights_of_labels if weights is None else weights * weights_of_labels
    return replace(train, weights=weights)


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one core: a small network gains little from a second one, and OpenMP threads spin while they wait."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)
