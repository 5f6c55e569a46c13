"""Train a classifier. The command, the estimator and the benchmarks all call `fit`.

trained = fit(texts, labels, settings=make_settings(glove="6B.50d"))
trained.classifier.predict_proba(["A text"])
trained.record.calibration.temperature
"""

import logging
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from transformers import EvalPrediction, PreTrainedTokenizerBase, set_seed

from glove_lstm.checkpoint.text_record import TextRecord
from glove_lstm.distillation.targets import Targets, make_targets
from glove_lstm.distillation.teacher import Teacher, TeacherLike, open_teacher
from glove_lstm.errors import DataError, listed
from glove_lstm.files import without_folders
from glove_lstm.inference.light_classifier import LightClassifier
from glove_lstm.inference.onnx_export import classifier_in_memory
from glove_lstm.modeling.configuration_glove_lstm import UNCALIBRATED
from glove_lstm.modeling.modeling_glove_lstm import GloveLstmForSequenceClassification
from glove_lstm.tables.examples import ClassWeight, Examples, Split
from glove_lstm.tables.labels import Label, sorted_label_names
from glove_lstm.text.light_tokenizer import LightTokenizer
from glove_lstm.training.calibration import calibrate
from glove_lstm.training.hold_out import hold_out
from glove_lstm.training.initial_model import (
    LoadedCheckpoint,
    load_checkpoint,
    model_of_checkpoint,
    new_model,
)
from glove_lstm.training.lstm import train_lstm
from glove_lstm.training.ngrams import are_few, fit_ngrams
from glove_lstm.training.record import TeacherRecord, TrainingRecord
from glove_lstm.training.schedule import with_schedule
from glove_lstm.training.settings import Settings, make_settings
from glove_lstm.vectors.glove import GloveVectors, language_warning, load_glove
from glove_lstm.version import __version__

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained model, and how it was made.

    Attributes:
        model: The model as transformers saves it.
        tokenizer: Its tokenizer, as transformers saves it.
        record: How it was made.
        train: Labelled texts that it learned from; if it was refitted, without the validation texts.
        validation: Labelled texts that were held out, with the logits of the model, or of the first one if it was
            refitted; None: there are none.
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
        return classifier_in_memory(self.model, self.tokenizer)

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: not the session of the classifier."""
        return {name: value for name, value in vars(self).items() if name != "classifier"}


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
    _check_texts(texts, validation, groups, class_weight, unlabelled)
    _check_teacher(teacher, labels, validation, unlabelled)
    checkpoint = load_checkpoint(settings)
    opened_teacher = None
    if teacher is not None:
        opened_teacher = open_teacher(
            teacher, training_device(settings), label_names, seed=settings.seed
        )
    names = _label_names(labels, label_names, checkpoint, opened_teacher)
    labelled = Examples.from_names(texts, labels, names, sample_weight)
    given_validation = None
    if validation is not None:
        given_validation = Examples.from_names(*validation, names, name="validation labels")
    _check_labels(labelled, given_validation)
    if checkpoint is None and opened_teacher is None:
        _check_that_labels_differ(labelled)
    if checkpoint is None:
        glove = load_glove(settings.glove) if glove is None else glove
        _check_language([*texts, *unlabelled], glove)

    # 1. Hold texts out.
    split = hold_out(
        labelled,
        given_validation,
        list(unlabelled),
        groups=None if groups is None else list(groups),
        class_weight=class_weight,
        teacher=opened_teacher,
        settings=settings,
    )
    text_record = _text_record(split, checkpoint)

    # 2. Give the teacher the labels: an encoder learns them when it is first asked; a classifier or a function knows
    # them already, and only puts them into their order.
    if opened_teacher is not None:
        opened_teacher.fit(split.train)

    # 3. Make the targets: the labels; or these and a teacher's best labels of other texts; or a teacher's logits. The
    # default epochs, batch size and learning rates follow from them.
    targets = make_targets(split, opened_teacher, glove=glove)
    learns_logits = targets.kind == "logits"
    if targets.kind != "labels":
        # Only the loss of single labels is smoothed, and the record must not claim more.
        settings = replace(settings, label_smoothing_factor=0.0)
    settings = with_schedule(
        settings,
        len(targets.texts),
        len(names),
        learns_logits=learns_logits,
        has_new_labels=checkpoint is not None and checkpoint.has_other_labels(names),
    )

    # The teacher used all cores; what follows is faster on one.
    with _one_thread():
        # 4. Make the initial model.
        set_seed(settings.seed)
        model, tokenizer, vocabulary_with_vectors = _initial_model(
            settings, split, checkpoint, glove, learns_logits=learns_logits
        )
        name_of_glove = None if glove is None else without_folders(glove.source)
        if split.refit_texts is None:
            glove = None  # it is large
        light_tokenizer = LightTokenizer.of(tokenizer)

        # 5. Fit the n-grams.
        texts_are_few = are_few(len(split.refit_texts or targets.ngram_examples))
        ngram_c = fit_ngrams(
            model,
            light_tokenizer,
            _words_of(tokenizer),
            targets.ngram_examples,
            targets.calibration_texts,
            settings,
            texts_are_few=texts_are_few,
        )

        # 6. Train the LSTM.
        state = train_lstm(
            model, light_tokenizer, targets, split.validation, settings, compute_metrics
        )

        # 7. Calibrate.
        has_vectors = checkpoint is not None or bool(vocabulary_with_vectors)
        calibration = calibrate(model, light_tokenizer, targets, settings, has_vectors=has_vectors)
        classifier = classifier_in_memory(model, light_tokenizer)
        scored = split.validation
        if scored is not None:
            scored = replace(scored, logits=classifier.predict_logits(scored.texts))

        # Where labels have few texts, those that calibrated teach, too: steps 4 to 6 again, with this calibration.
        if split.refit_texts is not None:
            assert glove is not None
            calibration_values = {name: getattr(model.config, name) for name in UNCALIBRATED}
            set_seed(settings.seed)
            model, tokenizer, vocabulary_with_vectors = new_model(
                settings, split.refit_texts, (), glove, learns_logits=False
            )
            ngram_c = _refit(model, tokenizer, split.refit_texts, settings, ngram_c)
            model.config.update(calibration_values)

        # 8. Return the model, and how it was made.
        record = TrainingRecord(
            preset=settings.preset,
            options=settings.recorded(model.config),
            train_texts=len(split.all_labelled),
            validation_texts=0 if split.validation is None else len(split.validation),
            glove=name_of_glove if checkpoint is None else None,
            vocabulary_with_vectors=vocabulary_with_vectors,
            fine_tuned_from=None if checkpoint is None else checkpoint.name,
            label_weights=split.label_weights,
            ngram_c=ngram_c,
            epochs=float(state.epoch or 0),
            history=state.log_history,
            calibration=calibration,
            teacher=_teacher_record(opened_teacher, split, targets, classifier),
            parameters=model.num_parameters(),
            hardware=_hardware(model.device, opened_teacher),
            versions={
                "glove_lstm": __version__,
                "torch": torch.__version__,
                "transformers": transformers.__version__,
            },
            seconds=round(time.perf_counter() - began, 2),
            refitted=split.refit_texts is not None,
        )
    return Trained(model, tokenizer, record, split.train, scored, text_record)


def _initial_model(
    settings: Settings,
    split: Split,
    checkpoint: LoadedCheckpoint | None,
    glove: GloveVectors | None,
    *,
    learns_logits: bool,
) -> tuple[GloveLstmForSequenceClassification, PreTrainedTokenizerBase, float | None]:
    """Return a model, its tokenizer, and the share of the words of a new one that have a vector."""
    if checkpoint is not None:
        model = model_of_checkpoint(checkpoint, settings, split.train, learns_logits=learns_logits)
        return model, checkpoint.tokenizer, None
    assert glove is not None
    return new_model(settings, split.train, split.unlabelled, glove, learns_logits=learns_logits)


def _refit(
    model: GloveLstmForSequenceClassification,
    tokenizer: PreTrainedTokenizerBase,
    texts: Examples,
    settings: Settings,
    ngram_c: float | None,
) -> float | None:
    """Train a new model on all labelled texts, with the C and the schedule of the calibrated one, and return this C."""
    logger.info("The calibrated model is trained anew on all %d texts.", len(texts))
    light_tokenizer = LightTokenizer.of(tokenizer)
    targets = make_targets(Split(texts, None), None, glove=None)
    ngram_c = fit_ngrams(
        model,
        light_tokenizer,
        _words_of(tokenizer),
        texts,
        None,
        replace(settings, ngram_c=ngram_c),
        texts_are_few=are_few(len(texts)),
    )
    train_lstm(model, light_tokenizer, targets, None, settings, None)
    return ngram_c


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


def training_device(settings: Settings) -> torch.device:
    """Return where a training computes: on the GPU, if there is one."""
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    if settings.use_cpu or accelerator is None:
        return torch.device("cpu")
    return accelerator


# What is given


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
) -> None:
    """Check that texts, and what is said of them, fit together."""
    if not len(texts) and not len(unlabelled):
        raise DataError("There are no training texts; give some.")
    if class_weight is not None and not len(texts):
        raise DataError("class_weight is for texts with labels; give them, or leave it out.")
    if groups is not None and len(groups) != len(texts):
        raise DataError(f"There are {len(texts)} texts, but {len(groups)} values of groups.")
    if validation is not None and not len(validation[0]):
        raise DataError("There are no validation texts; give some.")


def _check_teacher(
    teacher: TeacherLike | None,
    labels: Sequence[Label],
    validation: tuple[Sequence[str], Sequence[Label]] | None,
    unlabelled: Sequence[str],
) -> None:
    """Check that a training may have a teacher, before it is downloaded."""
    if teacher is None:
        if len(unlabelled):
            raise DataError("Unlabelled texts need a teacher; give one.")
        return
    all_labels = list(labels)
    if validation is not None:
        all_labels += validation[1]
    if not all(isinstance(label, str) for label in all_labels):
        raise DataError("A teacher is for one label a text; leave it out.")


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


def _check_language(texts: Sequence[str], glove: GloveVectors) -> None:
    """Warn if the vectors seem to be of another language than the texts."""
    warning = language_warning(texts, glove.words, without_folders(glove.source))
    if warning:
        logger.warning("%s", warning)


# What is recorded


def _text_record(split: Split, checkpoint: LoadedCheckpoint | None) -> TextRecord:
    """Record the texts of this training, and those of the training of the checkpoint."""
    learned = [*split.all_labelled.texts, *split.unlabelled]
    record = TextRecord.of(learned, split.held_out_texts)
    if checkpoint is None:
        return record
    return record.added_to(checkpoint.text_record)


def _words_of(tokenizer: PreTrainedTokenizerBase) -> dict[str, int]:
    """Return the words of a vocabulary with their ids."""
    special = set(tokenizer.all_special_ids)
    vocabulary = tokenizer.get_vocab()
    return {word: number for word, number in vocabulary.items() if number not in special}


def _teacher_record(
    teacher: Teacher | None, split: Split, targets: Targets, classifier: LightClassifier
) -> TeacherRecord | None:
    if teacher is None:
        return None
    agreement = None
    calibration = targets.calibration_texts
    if calibration is not None and calibration.teacher_logits is not None:
        logits_of_model = classifier.predict_logits(calibration.texts)
        is_same = logits_of_model.argmax(axis=1) == calibration.teacher_logits.argmax(axis=1)
        agreement = float(is_same.mean())
    return TeacherRecord(
        name=teacher.name,
        kind=teacher.kind,
        revision=teacher.revision,
        license=teacher.license,
        learned="logits" if targets.kind == "logits" else "best labels",
        temperature=targets.temperature,
        texts=len(targets.texts),
        copies=targets.copies,
        unlabelled=len(split.unlabelled),
        agreement=agreement,
        settings=teacher.settings,
    )


def _hardware(device: torch.device, teacher: Teacher | None) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "cpu" and teacher is None:
        return "CPU, one thread"
    return device.type.upper()  # a teacher uses all cores
