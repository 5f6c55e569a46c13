"""Temperature scaling of logits (Guo et al. 2017, https://arxiv.org/abs/1706.04599)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

Floats = NDArray[np.float64]

FEWEST_TEXTS = 10  # for a calibration
LOWEST_SCALE = 0.01  # 1 / temperature
HIGHEST_SCALE = 20.0


def as_questions(logits: Floats, labels: NDArray[Any]) -> tuple[Floats, NDArray[np.int64]]:
    """Turn multi-label logits (n, labels) into logits of yes-or-no questions (n * labels, 2), with their classes.

    The logit of a label becomes minus a half of it for no, and a half of it for yes. Then the softmax of yes is the
    sigmoid of the label, and multi-label models are calibrated like others. Logits and labels (n,) of texts of one
    label each are returned as they are.
    """
    if labels.ndim == 1:
        return logits, labels
    flat = logits.reshape(-1)
    return np.stack([-flat / 2, flat / 2], axis=1), labels.reshape(-1).astype(np.int64)


def smoothed_targets(classes: NDArray[np.integer], count: int) -> Floats:
    """Return smoothed targets (n, count), so that few texts do not give extreme temperatures (Platt 1999).

    The target of a text's class is 1 - doubt instead of 1, and the other classes share the doubt. The doubt is
    1 / (n / 2 + 2): 8 texts have the targets 5/6 and 1/6.
    """
    doubt = 1 / (len(classes) / 2 + 2)
    targets = np.full((len(classes), count), doubt / (count - 1))
    targets[np.arange(len(classes)), classes] = 1 - doubt
    return targets


def best_scale(logits: Floats, targets: Floats) -> tuple[float, float]:
    """Return the factor of logits (n, classes) with the smallest cross-entropy, from 0.01 to 20, and that value."""

    def loss(log_scale: float) -> float:
        return -(targets * log_softmax(np.exp(log_scale) * logits, axis=1)).sum() / len(targets)

    bounds = (np.log(LOWEST_SCALE), np.log(HIGHEST_SCALE))
    best = minimize_scalar(loss, bounds=bounds, method="bounded")
    return float(np.exp(best.x)), float(best.fun)


def loss_at_best_temperature(logits: Floats, classes: NDArray[np.integer]) -> float:
    """Return the mean cross-entropy of logits (n, classes) at the temperature at which it is smallest."""
    return best_scale(logits, np.eye(logits.shape[1])[classes])[1]


def fit_temperature(logits: Floats, classes: NDArray[np.integer]) -> float:
    """Return the temperature of logits (n, classes) at which the cross-entropy is smallest, with smoothed targets."""
    return 1 / best_scale(logits, smoothed_targets(classes, logits.shape[1]))[0]
