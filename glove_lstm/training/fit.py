"""Train a classifier. The command, the estimator and the benchmarks all call `fit`.

trained = fit(texts, labels, settings=make_settings(glove="6B.50d"))
trained.classifier.predict_proba(["A text"])
trained.record.calibration.temperature
"""

import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from transformers import EvalPrediction, PreTrainedTokenizerBase, set_seed

from glove_lstm.checkpoint.text_record import TextRecord
from glove_lstm.distillation.targets import make_targets
from glove_lstm.distillation.teacher import Teacher, TeacherLike, open_teacher
from glove_lstm.errors import DataError, listed
from glove_lstm.inference.light_classifier import LightClassifier
from glove_lstm.inference.onnx_export import light_classifier
from glove_lstm.modeling.modeling_glove_lstm import GloveLstmForSequenceClassification
from glove_lstm.tables.examples import ClassWeight, Examples
from glove_lstm.tables.labels import Label, labels_as_strings, sorted_label_names
from glove_lstm.text.light_tokenizer import LightTokenizer
from glove_lstm.training.batches import tokenize, tokenize_targets
from glove_lstm.training.calibration import calibrate
from glove_lstm.training.hold_out import hold_out
from glove_lstm.training.initial_model import (
    LoadedCheckpoint,
    load_checkpoint,
    make_initial_model,
)
from glove_lstm.training.lstm import train_lstm
from glove_lstm.training.make_record import count_known_texts, make_record, make_text_record
from glove_lstm.training.ngrams import fit_ngrams
from glove_lstm.training.record import TrainingRecord
from glove_lstm.training.settings import Settings, make_settings
from glove_lstm.vectors.glove import GloveVectors, load_glove


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained model, and how it was made.

    Attributes:
        model: The model as transformers saves it.
        tokenizer: Its tokenizer, as transformers saves it.
        record: How it was made.
        train: Labelled texts that it learned from.
        validation: Labelled texts that were held out, with the model's logits; None: there are none.
        text_record: Record of all texts that were used.
    """

    model: GloveLstmForSequenceClassification
    tokenizer: PreTrainedTokenizerBase
    record: TrainingRecord
    train: Examples
    validation: Examples | None
    text_record: TextRecord

    @cached_property
    def classifier(self) -> LightClassifier:
        """The calibrated model in ONNX Runtime."""
        return light_classifier(self.model, self.tokenizer)

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: not the session of the classifier."""
        return {name: value for name, value in vars(self).items() if name != "classifier"}

    def without_texts(self) -> "Trained":
        """Return it without texts, so that it is small when it is kept or pickled.

        The labels of the validation texts stay, because they are measured.
        """
        validation = None
        if self.validation is not None:
            validation = replace(self.validation, texts=[""] * len(self.validation))
        return replace(self, train=self.train.select([]), validation=validation)


def fit(
    texts: Sequence[str],
    labels: Sequence[Label],
    validation: tuple[Sequence[str], Sequence[Label]] | None = None,
    *,
    settings: Settings | None = None,
    label_names: Sequence[str] | None = None,
    groups: Sequence[Hashable] | None = None,
    class_weight: ClassWeight | None = None,
    sample_weight: NDArray[Any] | None = None,
    glove: GloveVectors | None = None,
    teacher: TeacherLike | None = None,
    unlabelled: Sequence[str] = (),
    compute_metrics: Callable[[EvalPrediction], dict[str, float]] | None = None,
) -> Trained:
    """Train and calibrate a classifier. Nothing is written but the package's cache folder.

    Args:
        texts: n texts; join a title and its body by a space. With unlabelled texts, the list may be empty.
        labels: The label of each text; for multi-label texts, its list of labels.
        validation: Texts with labels that calibrate the scores. The model does not learn from them. None: texts are
            held out; see `hold_out`.
        settings: Of tokenizer, network and training; None: the default preset.
        label_names: All labels, in the order of the logits; None: as `sorted_label_names` orders them. A checkpoint
            that is fine-tuned and has all of these labels keeps its own.
        groups: n values, such as authors. The texts of a group are either all held out or all trained on; a text whose
            value is blank is alone. Without effect if validation texts are given.
        class_weight: "balanced", or the weight of each label; see `class_weights`.
        sample_weight: (n,) weight of each text. A text that only a teacher labels has the weight of that label.
        glove: Vectors that are already loaded, instead of those of the settings.
        teacher: What the model learns from, beside the labels; see `open_teacher`. A classifier should not have seen
            the held-out texts.
        unlabelled: Texts without labels, for which the model learns from the teacher.
        compute_metrics: Metrics of the validation texts after each epoch, for the Trainer.

    Raises:
        DataError: Texts, labels and settings do not fit together, or the training diverged.
    """
    began = time.perf_counter()
    settings = settings or make_settings()
    _check_texts(texts, validation, groups, class_weight, unlabelled, settings)
    checkpoint = load_checkpoint(settings.model)
    opened_teacher = None
    if teacher is not None:
        _check_teacher(labels, validation, settings)
        opened_teacher = _open_teacher(teacher, labels, label_names, settings)
    elif len(unlabelled):
        raise DataError("Unlabelled texts need a teacher; give one.")
    elif settings.training.augmented_copies is not None:
        raise DataError("augmented_copies is for a training with a teacher; leave it out.")
    names = _label_names(labels, label_names, checkpoint, opened_teacher)
    labelled = Examples.from_names(texts, labels, names, sample_weight)
    given_validation = None
    if validation is not None:
        given_validation = Examples.from_names(*validation, names, name="validation labels")
    _check_labels(labelled, given_validation)
    if checkpoint is None and opened_teacher is None:
        _check_that_labels_differ(labelled)
    if glove is None and checkpoint is None:
        glove = load_glove(settings.tokenizer.glove)

    # 1. Hold texts out.
    split = hold_out(
        labelled,
        given_validation,
        list(unlabelled),
        groups=None if groups is None else list(groups),
        class_weight=class_weight,
        teacher=opened_teacher,
        arguments=settings.training,
    )
    validation_seen = count_known_texts(split, checkpoint)

    # 2. Give the teacher the labels: an encoder learns them when it is first asked; a classifier or a function knows
    # them already, and only puts them into their order.
    if opened_teacher is not None:
        opened_teacher.fit(split.train)

    # 3. Make the targets: the labels; or these and a teacher's best labels of other texts; or a teacher's logits. The
    # default epochs, batch size and learning rates follow from them.
    targets = make_targets(
        split,
        opened_teacher,
        copies_per_text=settings.training.augmented_copies,
        glove=glove,
    )
    settings = settings.for_targets(
        len(targets.texts),
        kind=targets.kind,
        has_validation=split.validation is not None,
        new_labels=checkpoint is not None and checkpoint.has_other_labels(names),
    )

    # The teacher used all cores; what follows is faster on one.
    with _one_thread():
        # 4. Make the initial model.
        set_seed(settings.training.seed)
        initial = make_initial_model(settings, split, targets, glove, checkpoint)
        model = initial.model
        del glove  # it is large
        tokenizer = LightTokenizer.of(initial.tokenizer)
        calibration_tokens = None
        if targets.calibration_texts is not None:
            examples = targets.calibration_texts
            calibration_tokens = tokenize(examples.texts, tokenizer, examples.labels)

        # 5. Fit the n-grams.
        ngram_c = fit_ngrams(
            initial, tokenizer, targets.ngram_examples, calibration_tokens, settings.training
        )

        # 6. Train the LSTM. It is measured after each epoch, unless the labels that calibrate are a teacher's.
        state = train_lstm(
            model,
            tokenize_targets(targets, tokenizer, model.config.lstm_length, settings.training),
            targets.kind,
            calibration_tokens if split.validation is not None else None,
            settings.training,
            compute_metrics,
        )

        # 7. Calibrate.
        calibration = calibrate(
            model,
            tokenizer,
            targets,
            settings.training,
            has_vectors=initial.vocabulary_with_vectors != 0,
        )

        # 8. Return the model, and how it was made.
        classifier = light_classifier(model, tokenizer)
        scored = None
        if split.validation is not None:
            logits = classifier.predict_logits(split.validation.texts)
            scored = replace(split.validation, logits=logits)
        record = make_record(
            settings,
            split,
            targets,
            initial,
            state,
            model,
            validation_seen=validation_seen,
            checkpoint=checkpoint,
            teacher=opened_teacher,
            classifier=classifier,
            calibration=calibration,
            ngram_c=ngram_c,
            seconds=round(time.perf_counter() - began, 2),
        )
    return Trained(
        model=model,
        tokenizer=initial.tokenizer,
        record=record,
        train=split.train,
        validation=scored,
        text_record=make_text_record(split, checkpoint),
    )


@contextmanager
def _one_thread() -> Iterator[None]:
    """Compute on one core: a small network gains little from a second one, and OpenMP threads spin while they wait."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)


# What is given


def _open_teacher(
    teacher: TeacherLike,
    labels: Sequence[Label],
    label_names: Sequence[str] | None,
    settings: Settings,
) -> Teacher:
    """Open the teacher.

    A function has the labels that are given, or else those of the texts; in the classifier's own order, if it is a
    method of a classifier that has the same labels.
    """
    names = sorted_label_names(labels) if label_names is None else list(label_names)
    classifier = getattr(teacher, "__self__", None)
    own_labels = getattr(classifier, "classes_", None)  # of scikit-learn
    if own_labels is None:
        own_labels = getattr(classifier, "label_names", None)  # of `LightClassifier`
    if own_labels is not None:
        own_names = labels_as_strings(own_labels)
        if not names or sorted(own_names) == sorted(names):
            names = own_names
    return open_teacher(teacher, settings.training.device, names, seed=settings.training.seed)


def _label_names(
    labels: Sequence[Label],
    label_names: Sequence[str] | None,
    checkpoint: LoadedCheckpoint | None,
    teacher: Teacher | None,
) -> list[str]:
    """Return the labels in the order of the model's logits.

    They are given, or those of the texts, or else those of the teacher. A checkpoint that has them all keeps its own;
    with a teacher, which knows or learns no others, only if it has no others.
    """
    names = sorted_label_names(labels) if label_names is None else list(label_names)
    if not names and teacher is not None:
        names = list(teacher.label_names)
    if checkpoint is not None:
        others = set(checkpoint.label_names) - set(names)
        has_all = set(names) <= set(checkpoint.label_names)
        if has_all and (teacher is None or not others):
            names = list(checkpoint.label_names)
    return names


def _check_texts(
    texts: Sequence[str],
    validation: tuple[Sequence[str], Sequence[Label]] | None,
    groups: Sequence[Hashable] | None,
    class_weight: ClassWeight | None,
    unlabelled: Sequence[str],
    settings: Settings,
) -> None:
    """Check that texts, and what is said of them, fit together."""
    if not len(texts) and not len(unlabelled):
        raise DataError("There are no training texts; give some.")
    if class_weight is not None and not len(texts):
        raise DataError("class_weight is for texts with labels; give them, or leave it out.")
    if groups is not None and len(groups) != len(texts):
        raise DataError(f"There are {len(texts)} texts, but {len(groups)} values of groups.")
    if validation is not None:
        if not len(validation[0]):
            raise DataError("There are no validation texts; give some.")
        if "validation_fraction" in settings.given:
            raise DataError(
                "validation_fraction is for trainings without validation texts; give one of the two."
            )


def _check_teacher(
    labels: Sequence[Label],
    validation: tuple[Sequence[str], Sequence[Label]] | None,
    settings: Settings,
) -> None:
    """Check that a training may have a teacher, before it is downloaded."""
    all_labels = list(labels)
    if validation is not None:
        all_labels += validation[1]
    if not all(isinstance(label, str) for label in all_labels):
        raise DataError("A teacher is for one label a text; leave it out.")
    if settings.training.world_size > 1:
        raise DataError("A training with a teacher needs a single process; start one.")


def _check_labels(labelled: Examples, validation: Examples | None) -> None:
    """Check that there are labels, and that validation texts have such labels, too."""
    names = labelled.label_names
    if not names:
        raise DataError(
            "No text has a label (and no teacher names its labels); give labels, or another teacher."
        )
    if len(set(names)) < len(names):
        raise DataError(f"label_names has a label twice: {listed(names)}; name each once.")
    if len(names) < 2 and not labelled.is_multi_label:
        raise DataError(
            f"All labels are of one class, {names[0]!r}; a classifier needs two or more."
        )
    if validation is None or not len(labelled):
        return
    if validation.is_multi_label != labelled.is_multi_label:
        raise DataError(
            "Validation texts must have one label each if training texts do, and lists of labels if they do."
        )


def _check_that_labels_differ(labelled: Examples) -> None:
    """Refuse texts that all have the same label; texts of weight 0 do not count."""
    if labelled.is_multi_label:
        return
    labels = labelled.labels
    if labelled.weights is not None:
        labels = labels[labelled.weights > 0]
    [first, *others] = np.unique(labels)
    if not others:
        name = labelled.label_names[first]
        raise DataError(f"All texts have the label {name!r}; a classifier needs two or more.")
