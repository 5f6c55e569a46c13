"""Turn logits into probabilities, with numpy only."""

import numpy as np
from numpy.typing import NDArray


def scores_of(logits: NDArray[np.floating], problem_type: str | None) -> NDArray[np.float64]:
    """Return probabilities of (n, labels) logits, equal to the pipeline's for the config's `problem_type`."""
    if problem_type == "multi_label_classification" or logits.shape[1] == 1:
        return np.exp(-np.logaddexp(0, -logits.astype(np.float64)))
    return softmax(logits)


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the softmax of (n, labels) logits over the labels."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)
