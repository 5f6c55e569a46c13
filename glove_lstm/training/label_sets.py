"""Calibration of classifiers that give a text several labels."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


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
        order = np.argsort(-column, kind="stable")
        ranked, following = column[order], np.append(column[order][1:], 0.0)
        f1 = 2 * truth[order].cumsum() / (np.arange(len(order)) + 1 + truth.sum())
        best = np.where(ranked > following, f1, -1).argmax()  # equal scores stay on one side
        thresholds.append(float(ranked[best] + following[best]) / 2 if truth.any() else 0.5)
    return thresholds
