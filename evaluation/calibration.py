"""Temperature scaling (Guo et al. 2017, https://arxiv.org/abs/1706.04599), of a sum of parts."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax

_LOW, _HIGH = np.log(0.05), np.log(20.0)
_SPREAD = 0.5  # standard deviation of the logarithms of the scales around their mean, before any text is seen


def fit_scales(part_logits: NDArray[np.floating], labels: NDArray[np.integer]) -> list[float]:
    """The numbers to multiply each part's logits by, for the smallest cross-entropy of their sum on validation data.

    Of one part it is the inverse of the temperature. Several are held together by a prior that a few hundred texts
    outweigh: on fewer, chance alone would silence one part or the other.

    Args:
        part_logits: (n, parts, classes); the model's logits are the sum over its parts.
        labels: (n,) class indices.

    Returns:
        A number from 0.05 to 20 for each part.
    """
    parts = np.moveaxis(part_logits.astype(np.float64), 1, 0)
    rows = np.arange(len(labels))

    def loss(log_scales: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scales = np.exp(log_scales)
        log_probabilities = log_softmax(np.tensordot(scales, parts, axes=1), axis=1)
        error = np.exp(log_probabilities)
        error[rows, labels] -= 1
        apart = (log_scales - log_scales.mean()) / _SPREAD
        total = -log_probabilities[rows, labels].sum() + (apart**2).sum() / 2
        gradient = scales * (parts * error).sum(axis=(1, 2)) + apart / _SPREAD
        return float(total) / len(labels), gradient / len(labels)

    start = np.zeros(len(parts))
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(_LOW, _HIGH)] * len(parts))
    return np.exp(found.x).tolist()
