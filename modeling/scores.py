"""From logits to probabilities, with numpy alone."""

import numpy as np
from numpy.typing import NDArray


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Probabilities of (n, classes) logits."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def sigmoid(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """The probability of each of (n, classes) logits by itself."""
    return np.exp(-np.logaddexp(0, -logits.astype(np.float64)))
