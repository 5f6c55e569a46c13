"""What the two parts of a model learn in any training: labels, a teacher's labels for more texts, or its logits."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from scipy.stats import binomtest

from glove_lstm.distillation.copies import copies_of_each, make_copies
from glove_lstm.distillation.teacher import Teacher
from glove_lstm.tables.examples import Examples, Split, weights_of_labels
from glove_lstm.temperature import FEWEST_TEXTS, fit_temperature
from glove_lstm.vectors.glove import GloveVectors

logger = logging.getLogger(__name__)

Floats = NDArray[np.floating]
# The teacher's logits are multiplied by it before their probabilities calibrate a student. With 1, students are too
# unsure; DECISIONS.md says what was tried.
_SHARPNESS = 1.5
_SIGNIFICANCE = 0.05
_LARGEST_FACTOR = 4.0  # of the weights of the texts of a label

Kind = Literal["labels", "label sets", "logits"]


@dataclass(frozen=True, eq=False)
class Targets:
    """What a model learns, and what calibrates it.

    Attributes:
        kind: Of `values`; the loss of the LSTM follows from it.
        texts: m texts that the LSTM learns from; unless it learns logits, they and `values` are `ngram_examples`.
        values: (m,) class indices for "labels"; (m, labels) with 1 for each label that a text has for "label sets";
            (m, labels) logits with mean 0 for "logits".
        weights: (m,) in the loss of the LSTM; None: 1.
        ngram_examples: What the n-grams learn from.
        calibration_texts: What calibrates the model; None: nothing does.
        probabilities: (n, labels) of a teacher, which calibrate instead of the labels of `calibration_texts`; None: the
            labels do.
        copies: Number of altered copies among `texts`.
        temperature: The teacher's logits are divided by it.
    """

    kind: Kind
    texts: Sequence[str]
    values: NDArray[Any]
    weights: NDArray[np.float64] | None
    ngram_examples: Examples
    calibration_texts: Examples | None = None
    probabilities: NDArray[np.float64] | None = None
    copies: int = 0
    temperature: float = 1.0


def make_targets(split: Split, teacher: Teacher | None, *, glove: GloveVectors | None) -> Targets:
    """Return what a model learns from the texts of a training.

    - Without a teacher, the labels.
    - With a teacher, if most texts have no label: the labels, and the teacher's best label of each other text, weighted
      by how sure it is.
    - Else the teacher's logits, for the texts and altered copies of labelled ones; the n-grams learn the labels.

    Args:
        split: The texts.
        teacher: A teacher that has been given the labels; None: there is none.
        glove: Vectors by which words are exchanged in copies; None: none are.
    """
    train = split.train
    calibration_texts = _calibration_texts(split, teacher)
    if teacher is None:
        kind: Kind = "label sets" if train.is_multi_label else "labels"
        return Targets(kind, train.texts, train.labels, train.weights, train, calibration_texts)
    # The logits of a teacher that learned the labels are calibrated; others are fitted to labels of people.
    temperature = 1.0
    probabilities = None
    if calibration_texts is not None:
        if teacher.learns_labels and calibration_texts.labels_of == "teacher":
            probabilities = _sharpened(calibration_texts)
        if not teacher.learns_labels and calibration_texts.labels_of == "people":
            temperature = _temperature_of_teacher(calibration_texts)
    if split.most_are_unlabelled:
        examples = _with_best_labels(teacher, split, temperature)
        count = f"{len(split.unlabelled):,}"
        logger.info("The model learns the teacher's best labels for %s texts.", count)
        targets = Targets("labels", examples.texts, examples.labels, examples.weights, examples)
    else:
        targets = _logits(teacher, split, temperature, glove)
    return replace(
        targets,
        calibration_texts=calibration_texts,
        probabilities=probabilities,
        temperature=temperature,
    )


def _calibration_texts(split: Split, teacher: Teacher | None) -> Examples | None:
    """Return validation texts with their labels, or held-out texts without labels with those of a teacher."""
    if split.validation is not None:
        logits = None if teacher is None else teacher.logits(split.validation.texts)
        return replace(split.validation, teacher_logits=logits)
    if teacher is None or not len(split.held_out_unlabelled):
        return None
    logits = teacher.logits(split.held_out_unlabelled)
    return Examples(
        split.held_out_unlabelled,
        logits.argmax(axis=1),
        split.train.label_names,
        teacher_logits=logits,
        labels_of="teacher",
    )


def _sharpened(calibration: Examples) -> NDArray[np.float64]:
    """Return the probabilities of a teacher's labels that calibrate a student."""
    assert calibration.teacher_logits is not None
    return softmax(_SHARPNESS * calibration.teacher_logits.astype(np.float64), axis=1)


def _with_best_labels(teacher: Teacher, split: Split, temperature: float) -> Examples:
    """Return the labelled texts, and the others with a teacher's best label of each."""
    train, unlabelled = split.train, split.unlabelled
    probabilities = softmax(teacher.logits(unlabelled) / temperature, axis=1)
    best = probabilities.argmax(axis=1)
    weights = _weights_of_best(probabilities)
    if not teacher.learns_labels:  # else it has learned the weights of the labels
        weights *= weights_of_labels(best, train.label_names, split.label_weights)
    return train.with_more(unlabelled, best, weights)


def _weights_of_best(probabilities: Floats) -> NDArray[np.float64]:
    """Return a weight for the best label of each of n texts: its squared probability, times a factor of the label.

    The squares favour labels of which a teacher is surer, mostly frequent ones. The factors restore the share that each
    label has in the probabilities, unless they would be larger than 4.

    Args:
        probabilities: (n, labels).
    """
    best = probabilities.argmax(axis=1)
    weights = probabilities.max(axis=1).astype(np.float64) ** 2
    shares = probabilities.mean(axis=0)
    of_labels = np.bincount(best, weights=weights, minlength=len(shares))
    factors = shares[best] * weights.sum() / of_labels[best]
    return weights * np.minimum(factors, _LARGEST_FACTOR)


def _logits(
    teacher: Teacher,
    split: Split,
    temperature: float,
    glove: GloveVectors | None,
) -> Targets:
    """Return a teacher's logits as targets of the LSTM: for labelled texts, their copies, and texts without labels.

    A copy weighs as its text, and a text without a label as the teacher's best label of it.
    """
    train = split.train
    copies_per_text = copies_of_each(len(train))
    copies = make_copies(train.texts, copies_per_text, glove)
    texts = [*train.texts, *copies, *split.unlabelled]
    logger.info("The model learns the teacher's logits for %s texts.", f"{len(texts):,}")
    logits = teacher.logits(texts) / np.float32(temperature)
    weights = None
    if train.weights is not None:
        best = logits[len(train) + len(copies) :].argmax(axis=1)
        of_others = weights_of_labels(best, train.label_names, split.label_weights)
        of_copies = np.repeat(train.weights, copies_per_text)
        weights = np.concatenate([train.weights, of_copies, of_others])
    return Targets("logits", texts, logits, weights, train, copies=len(copies))


def _temperature_of_teacher(calibration: Examples) -> float:
    """Return the temperature at which a teacher's logits fit labels of people; 1 if these are too few to tell."""
    if len(calibration) < FEWEST_TEXTS:
        return 1.0
    assert calibration.teacher_logits is not None
    logits = calibration.teacher_logits.astype(np.float64)
    labels = calibration.labels
    _warn_of_wrong_labels(logits, labels)
    return fit_temperature(logits, labels)


def _warn_of_wrong_labels(logits: Floats, labels: NDArray[np.integer]) -> None:
    """Warn of a teacher that is significantly worse than the most frequent label."""
    right = int((logits.argmax(axis=1) == labels).sum())
    most_frequent = np.bincount(labels).max() / len(labels)
    chance = binomtest(right, len(labels), most_frequent, alternative="less").pvalue
    if chance < _SIGNIFICANCE:
        logger.warning(
            "The teacher is right for %.0f %% of the %d held-out texts; always answering the most frequent label would "
            "be for %.0f %%: are its labels in another order, or of another task?",
            100 * right / len(labels),
            len(labels),
            100 * most_frequent,
        )
