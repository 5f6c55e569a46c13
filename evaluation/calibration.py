"""Temperature scaling (Guo et al. 2017, https://arxiv.org/abs/1706.04599), of a sum of parts."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax

_LOW, _HIGH = 0.05, 20.0


def fit_scales(part_logits: NDArray[np.floating], labels: NDArray[np.integer]) -> list[float]:
    """The numbers to multiply each part's logits by, for the smallest cross-entropy of their sum on validation data.

    Of one part it is the inverse of the temperature. The cross-entropy is convex in the scales: it has one optimum.

    Args:
        part_logits: (n, parts, classes); the model's logits are the sum over its parts.
        labels: (n,) class indices.

    Returns:
        A number from 0.05 to 20 for each part.
    """
    parts = np.moveaxis(part_logits.astype(np.float64), 1, 0)
    rows = np.arange(len(labels))

    def loss(scales: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        log_probabilities = log_softmax(np.tensordot(scales, parts, axes=1), axis=1)
        error = np.exp(log_probabilities)
        error[rows, labels] -= 1
        gradient = (parts * error).sum(axis=(1, 2)) / len(labels)
        return float(-log_probabilities[rows, labels].mean()), gradient

    start = np.ones(len(parts))
    return minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(_LOW, _HIGH)] * len(parts)).x.tolist()
