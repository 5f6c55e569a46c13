"""From logits to probabilities, with numpy alone."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def stand_alone(problem_type: str | None, label_names: Sequence[str]) -> bool:
    """Whether a text may have several labels, so that each score stands for itself, as the pipeline has it."""
    return problem_type == "multi_label_classification" or len(label_names) == 1


def scores_of(logits: NDArray[np.floating], *, multi_label: bool) -> NDArray[np.float64]:
    """Probabilities of (n, labels) logits, as the pipeline has them; see `stand_alone` for `multi_label`."""
    if multi_label:
        return np.exp(-np.logaddexp(0, -logits.astype(np.float64)))
    return softmax(logits)


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Probabilities of (n, labels) logits."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)
