"""What the two parts of a model learn: labels, or a teacher's logits for more texts."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from glove_lstm.distillation.copies import copies_of_each, make_copies
from glove_lstm.distillation.teacher import Teacher
from glove_lstm.distillation.temperature import fit_temperature
from glove_lstm.errors import DataError
from glove_lstm.splits.splitter import rows_without_near_duplicates
from glove_lstm.tables.examples import Examples, Split
from glove_lstm.vectors.glove import GloveVectors

logger = logging.getLogger(__name__)

Floats = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Targets:
    """What a model learns, and what calibrates it.

    Attributes:
        kind: Of `values`; the loss of the LSTM follows from it.
        texts: m texts that the LSTM learns from.
        values: (m,) class indices for "labels"; (m, labels) with 1 for each label that a text has for "label sets";
            (m, labels) logits with mean 0 for "logits".
        weights: (m,) in the loss of the LSTM; None: 1.
        ngram_examples: What the n-grams learn from.
        calibration: Labelled texts that are held out; None: there are none.
        labels_of_calibration: Whose labels these are: "people", or "teacher".
        copies: Number of altered copies among `texts`.
        temperature: The teacher's logits are divided by it.
    """

    kind: Literal["labels", "label sets", "logits"]
    texts: Sequence[str]
    values: NDArray[Any]
    weights: NDArray[np.float64] | None
    ngram_examples: Examples
    calibration: Examples | None
    labels_of_calibration: str = "people"
    copies: int = 0
    temperature: float = 1.0


def make_targets(
    split: Split,
    teacher: Teacher | None,
    *,
    copies_per_text: int | None,
    glove: GloveVectors | None,
    seed: int,
) -> Targets:
    """Return what a model learns from the texts of a training.

    Without a teacher, both parts of the model learn the labels. With one, the LSTM learns its logits: for labelled
    texts, altered copies of them, and texts without labels. The n-grams learn the labels; if there are more texts
    without labels than with, they also learn the teacher's best label of each.

    Args:
        split: The texts.
        teacher: A teacher that has learned the labels; None: there is none.
        copies_per_text: Altered copies of each labelled text; None: `copies_of_each` tells their number.
        glove: Vectors by which words are exchanged in copies; None: none are.
        seed: Of the labels that are drawn for held-out texts.
    """
    train = split.train
    if teacher is None:
        return Targets(
            "label sets" if train.is_multi_label else "labels",
            train.texts,
            train.labels,
            train.weights,
            ngram_examples=train,
            calibration=split.validation,
        )
    if copies_per_text is None:
        copies_per_text = copies_of_each(len(train), len(split.unlabelled))
    copies = make_copies(train.texts, copies_per_text, glove)
    temperature = _temperature_of(teacher, split.validation)
    logits_of_labelled = teacher.logits([*train.texts, *copies])
    logits_of_unlabelled = teacher.logits(split.unlabelled)
    logits = np.concatenate([logits_of_labelled, logits_of_unlabelled]) / np.float32(temperature)
    ngram_examples = train
    if len(split.unlabelled) > len(train):
        best_labels = logits_of_unlabelled.argmax(axis=1)
        ngram_examples = train.with_more(split.unlabelled, best_labels)
    calibration = split.validation
    if len(split.held_out_unlabelled):
        calibration = _labelled_by(teacher, split.held_out_unlabelled, train.label_names, seed)
    texts = [*train.texts, *copies, *split.unlabelled]
    logger.info("The model learns the teacher's logits for %s texts.", f"{len(texts):,}")
    return Targets(
        "logits",
        texts,
        logits,
        weights=None,  # those of texts and labels apply to the n-grams only
        ngram_examples=ngram_examples,
        calibration=calibration,
        labels_of_calibration="people" if split.validation is not None else "teacher",
        copies=len(copies),
        temperature=temperature,
    )


def _temperature_of(teacher: Teacher, validation: Examples | None) -> float:
    """Return the temperature of a teacher; 1 if its logits are calibrated, or if no labelled text is held out."""
    if teacher.learns_labels or validation is None:
        return 1.0
    return fit_temperature(teacher.logits(validation.texts).astype(np.float64), validation.labels)


def _labelled_by(
    teacher: Teacher, texts: Sequence[str], label_names: Sequence[str], seed: int
) -> Examples:
    """Return texts with a teacher's labels.

    They are drawn by the probabilities of a teacher that has learned the labels, so that they are as unsure as it is.
    Of another teacher, they are the best ones: nothing is known of how sure it may be.
    """
    logits = teacher.logits(texts)
    labels = logits.argmax(axis=1)
    if teacher.learns_labels:
        labels = _drawn_labels(logits, seed)
    return Examples(texts, labels, label_names)


def _drawn_labels(logits: Floats, seed: int) -> NDArray[np.int64]:
    """Draw a label for each text by its probabilities: (n, labels) -> (n,)."""
    limits = softmax(logits.astype(np.float64), axis=1).cumsum(axis=1)
    drawn = np.random.default_rng(seed).random((len(logits), 1))
    return (drawn > limits[:, :-1]).sum(axis=1)


def without_near_duplicates(texts: Sequence[str], others: Sequence[str], name: str) -> list[str]:
    """Return texts without labels, but for near duplicates of other texts; a warning says how many these are.

    Args:
        texts: n texts.
        others: Texts that measure or calibrate the model.
        name: What the warning calls them.

    Raises:
        DataError: No text is left.
    """
    if not len(texts) or not len(others):
        return list(texts)
    kept = rows_without_near_duplicates(texts, others)
    if not len(kept):
        raise DataError(
            f"All unlabelled texts are near duplicates of {name} texts; give others, or leave them out."
        )
    if len(kept) < len(texts):
        left_out = f"{len(texts) - len(kept):,} of {len(texts):,}"
        logger.warning(
            "%s unlabelled texts are left out: they are near duplicates of %s texts.",
            left_out,
            name,
        )
    return [texts[row] for row in kept]
