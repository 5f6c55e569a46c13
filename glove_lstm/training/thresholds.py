"""Thresholds of a multi-label model: a text gets each label whose score reaches the label's threshold."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

Floats = NDArray[np.float64]

# A label's best threshold counts as half at this many texts with the label; DECISIONS.md says why.
_TEXTS_FOR_HALF = 20
_FEWEST_TEXTS = 5  # with the label; of fewer, the best threshold of a label is a matter of chance
# Best thresholds are this far from 0 and 1 at least, because their logits are averaged.
_NEAREST_TO_EDGE = 1e-3


def fit_thresholds(scores: Floats, labels: NDArray[np.number]) -> tuple[list[float], list[int]]:
    """Fit the threshold of each label to calibrated scores.

    The threshold with the best F1 of few texts is a matter of chance. A label's best threshold is therefore averaged
    with the common one, that with the best micro F1, and the common one with 0.5. The logits of the thresholds are
    averaged. The weight of a best threshold is n / (n + 20) for n texts with the label, or n labels of all texts.

    Args:
        scores: (n, labels).
        labels: (n, labels), 1 where a text has the label.

    Returns:
        The thresholds, and the indices of the labels that fewer than five texts have: they get the common threshold.
    """
    has_label = labels.astype(bool)
    best = [_best_threshold(*column) for column in zip(scores.T, has_label.T, strict=True)]
    best_of_all = _best_threshold(scores.ravel(), has_label.ravel())
    common = _pulled(best_of_all, int(has_label.sum()), towards=0.5)
    counts = has_label.sum(axis=0).tolist()
    thresholds = []
    unfitted = []
    for label, count in enumerate(counts):
        if count < _FEWEST_TEXTS:
            unfitted.append(label)
            thresholds.append(common)
        else:
            thresholds.append(_pulled(best[label], count, towards=common))
    return thresholds, unfitted


def _pulled(threshold: float, count: int, towards: float) -> float:
    """Average the logits of two thresholds; `count` texts with the label decide the weight of the first one."""
    weight = count / (count + _TEXTS_FOR_HALF)
    bounded = np.clip(threshold, _NEAREST_TO_EDGE, 1 - _NEAREST_TO_EDGE)
    return float(expit(weight * logit(bounded) + (1 - weight) * logit(towards)))


def _best_threshold(scores: Floats, has_label: NDArray[np.bool_]) -> float:
    """Return the threshold with the best F1, halfway between two scores: scores (n,), has_label (n,)."""
    order = np.argsort(-scores, kind="stable")
    descending = scores[order]
    next_lower = np.append(descending[1:], 0.0)
    # F1 if the texts with the 1, 2, ... n highest scores get the label.
    predicted = np.arange(1, len(order) + 1)
    true_positives = has_label[order].cumsum()
    f1 = 2 * true_positives / (predicted + has_label.sum())
    f1[descending == next_lower] = -1  # no threshold divides equal scores
    best = f1.argmax()
    return float(descending[best] + next_lower[best]) / 2
