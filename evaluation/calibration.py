"""Temperature scaling (Guo et al. 2017, https://arxiv.org/abs/1706.04599)."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

_LOW, _HIGH = np.log(0.05), np.log(20.0)


def fit_temperature(logits: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
    """The number to divide logits by for the smallest cross-entropy on validation data.

    Args:
        logits: (n, classes), at temperature 1.
        labels: (n,) class indices.

    Returns:
        A number from 0.05 to 20.
    """
    logits = logits.astype(np.float64)
    rows = np.arange(len(labels))

    def loss(log_temperature: float) -> float:
        return float(-log_softmax(logits / np.exp(log_temperature), axis=1)[rows, labels].mean())

    return float(np.exp(minimize_scalar(loss, bounds=(_LOW, _HIGH), method="bounded").x))
