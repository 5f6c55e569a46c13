"""Weights of labels in training, and the calibration of several labels a text."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glove_lstm.errors import DataError

Floats = NDArray[np.float64]

ClassWeight = str | Mapping[str, float]  # "balanced", or the weight of each label


def class_weights(
    class_weight: ClassWeight,
    names: Sequence[str],
    labels: NDArray[np.integer],
    sample_weight: Floats | None = None,
) -> Floats:
    """Return the weight of each label, (classes,).

    Args:
        class_weight: "balanced" for n / (classes * count), as in scikit-learn; or label -> weight.
        names: The labels.
        labels: (n,) class indices. A label without texts needs no weight.
        sample_weight: (n,) weights of the texts in the counts.

    Raises:
        DataError: A weight is missing or not positive, or a text may have several labels.
    """
    if labels.ndim == 2:
        raise DataError("class_weight is for one label a text; leave it out.")
    if class_weight == "balanced":
        counts = np.bincount(labels, sample_weight, len(names)).astype(np.float64)
        counts[counts == 0] = counts.sum() / (counts > 0).sum()
        return counts.mean() / counts
    if not isinstance(class_weight, Mapping):
        problem = f"class_weight is {class_weight!r}"
        raise DataError(f"{problem}; give 'balanced', or a weight for each label.")
    with_texts = {names[label] for label in np.unique(labels)}
    _check_weights(class_weight, names, with_texts)
    return np.array([class_weight.get(name, 1.0) for name in names], dtype=np.float64)


def _check_weights(weights: Mapping[str, float], names: Sequence[str], needed: set[str]) -> None:
    others = weights.keys() - set(names)
    if others:
        known = ", ".join(names)
        raise DataError(f"class_weight: {min(others)!r} is not one of {known}; correct it.")
    for name in names:
        if name not in weights:
            if name not in needed:
                continue
            raise DataError(f"class_weight has no weight for the label {name!r}; add it.")
        value = weights[name]
        is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
        if not is_number or not 0 < value < math.inf:
            problem = f"class_weight: the weight of {name!r} is {value!r}"
            raise DataError(f"{problem}; give a positive number.")


def as_binary(part_logits: Floats) -> Floats:
    """Turn logits (n, parts, labels) into those of yes-or-no questions (n * labels, parts, 2).

    The softmax of these is the sigmoid of the former, so that one temperature calibrates both.
    """
    logits = np.moveaxis(part_logits, 1, 2).reshape(-1, part_logits.shape[1])
    return np.stack([-logits / 2, logits / 2], axis=2)


def fit_thresholds(scores: Floats, labels: NDArray[Any]) -> list[float]:
    """Find the threshold of each label with the best F1, halfway between two scores; 0.5 if no text has the label.

    Args:
        scores: (n, labels).
        labels: (n, labels), 1 where a text has the label.
    """
    thresholds = []
    for column, truth in zip(scores.T, labels.T, strict=True):
        if not truth.any():
            thresholds.append(0.5)
            continue
        order = np.argsort(-column, kind="stable")
        ranked = column[order]
        following = np.append(ranked[1:], 0.0)
        hits = truth[order].cumsum()
        predicted = np.arange(1, len(order) + 1)
        f1 = 2 * hits / (predicted + truth.sum())
        f1[ranked == following] = -1  # equal scores stay on one side
        best = f1.argmax()
        thresholds.append(float(ranked[best] + following[best]) / 2)
    return thresholds
