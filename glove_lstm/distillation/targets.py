"""What the two parts of a model learn: labels, a teacher's labels for more texts, or its logits."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from glove_lstm.distillation.copies import copies_of_each, make_copies
from glove_lstm.distillation.teacher import Teacher
from glove_lstm.distillation.temperature import fit_temperature
from glove_lstm.errors import DataError
from glove_lstm.tables.examples import Examples, Split
from glove_lstm.vectors.glove import GloveVectors

logger = logging.getLogger(__name__)

Floats = NDArray[np.floating]
# Of the teacher's logits for the texts that calibrate: a student that agrees with most of its teacher's best labels is
# too unsure if it must also be as unsure as the teacher about each. DECISIONS.md says what was tried.
_SHARPNESS = 1.5

Kind = Literal["labels", "label sets", "logits"]


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
        calibration_probabilities: Those of a teacher, (n, labels), which calibrate instead of labels; None: labels do.
        calibration_logits: Centred logits of the teacher for them, (n, labels); None: there is none.
        copies: Number of altered copies among `texts`.
        temperature: The teacher's logits are divided by it.
    """

    kind: Kind
    texts: Sequence[str]
    values: NDArray[Any]
    weights: NDArray[np.float64] | None
    ngram_examples: Examples
    calibration: Examples | None = None
    labels_of_calibration: str = "people"
    calibration_probabilities: NDArray[np.float64] | None = None
    calibration_logits: Floats | None = None
    copies: int = 0
    temperature: float = 1.0


def make_targets(
    split: Split,
    teacher: Teacher | None,
    *,
    copies_per_text: int | None,
    glove: GloveVectors | None,
) -> Targets:
    """Return what a model learns from the texts of a training.

    - Without a teacher, the labels.
    - With a teacher, if most texts have no label: the labels, and the teacher's best label of each other text, weighted
      by the square of its probability.
    - Else the teacher's logits, for the texts and altered copies of them; the n-grams learn the labels.

    Args:
        split: The texts.
        teacher: A teacher that has learned the labels; None: there is none.
        copies_per_text: Altered copies of each labelled text, if logits are learned; None: `copies_of_each` tells their
            number.
        glove: Vectors by which words are exchanged in copies; None: none are.

    Raises:
        DataError: There are to be copies, but no logits are learned.
    """
    train = split.train
    if teacher is None:
        kind: Kind = "label sets" if train.is_multi_label else "labels"
        return Targets(
            kind, train.texts, train.labels, train.weights, train, calibration=split.validation
        )
    learns_best_labels = len(split.unlabelled) > len(train)
    if learns_best_labels and copies_per_text:
        raise DataError(
            "augmented_copies is for a teacher's logits; if most texts have no label, its labels are learned: leave it "
            "out."
        )
    calibration = split.validation
    calibration_logits = None
    calibration_probabilities = None
    temperature = 1.0
    if split.validation is not None:
        calibration_logits = teacher.logits(split.validation.texts)
        temperature = _temperature_of(teacher, calibration_logits, split.validation)
    elif len(split.held_out_unlabelled):
        texts = split.held_out_unlabelled
        calibration_logits = teacher.logits(texts)
        calibration = Examples(texts, calibration_logits.argmax(axis=1), train.label_names)
        if teacher.learns_labels:  # of another teacher, nothing is known of how sure it may be
            calibration_probabilities = softmax(
                _SHARPNESS * calibration_logits.astype(np.float64), axis=1
            )
    if learns_best_labels:
        targets = _best_labels(teacher, train, split.unlabelled, temperature)
    else:
        if copies_per_text is None:
            copies_per_text = copies_of_each(len(train))
        copies = make_copies(train.texts, copies_per_text, glove)
        targets = _logits(teacher, train, copies, split.unlabelled, temperature)
    return replace(
        targets,
        calibration=calibration,
        labels_of_calibration="people" if split.validation is not None else "teacher",
        calibration_probabilities=calibration_probabilities,
        calibration_logits=calibration_logits,
        temperature=temperature,
    )


def _best_labels(
    teacher: Teacher, train: Examples, unlabelled: Sequence[str], temperature: float
) -> Targets:
    """Return labels as targets: those of labelled texts, and a teacher's best label of each other text."""
    probabilities = softmax(teacher.logits(unlabelled) / temperature, axis=1)
    weights = probabilities.max(axis=1).astype(np.float64) ** 2
    examples = train.with_more(unlabelled, probabilities.argmax(axis=1), weights)
    logger.info("The model learns the teacher's best labels for %s texts.", f"{len(unlabelled):,}")
    return Targets("labels", examples.texts, examples.labels, examples.weights, examples)


def _logits(
    teacher: Teacher,
    train: Examples,
    copies: Sequence[str],
    unlabelled: Sequence[str],
    temperature: float,
) -> Targets:
    """Return a teacher's logits as targets of the LSTM: for labelled texts, copies of them, and other texts."""
    texts = [*train.texts, *copies, *unlabelled]
    logger.info("The model learns the teacher's logits for %s texts.", f"{len(texts):,}")
    logits = teacher.logits(texts) / np.float32(temperature)
    # The weights of texts and labels apply to the n-grams only, and to the regression of an encoder.
    return Targets("logits", texts, logits, None, ngram_examples=train, copies=len(copies))


def _temperature_of(teacher: Teacher, logits: Floats, validation: Examples) -> float:
    """Return the temperature at which logits fit the labels of validation texts; 1 if they are calibrated already."""
    if teacher.learns_labels:
        return 1.0
    return fit_temperature(logits.astype(np.float64), validation.labels)
