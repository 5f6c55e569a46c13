"""Turn logits into probabilities, with numpy only."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glove_lstm.errors import DataError

MULTI_LABEL = "multi_label_classification"  # `problem_type` where a text may have several labels


def decision_thresholds(config: Mapping[str, Any]) -> list[float] | None:
    """Return the least score of each label that a text gets, from config.json; None for one label a text.

    Raises:
        DataError: There is not one number for each label.
    """
    if config.get("problem_type") != MULTI_LABEL:
        return None
    labels = config.get("id2label")
    count = len(labels) if labels else 2  # of GloveLstmConfig's default labels
    thresholds = config.get("thresholds")
    if not thresholds:
        return [0.5] * count
    numbers = [value for value in thresholds if isinstance(value, int | float) and value >= 0]
    if len(numbers) != count or len(thresholds) != count:
        problem = f"config.json of the checkpoint has thresholds {thresholds!r} for {count} labels"
        raise DataError(f"{problem}; give one number of at least 0 for each label.")
    return numbers


def scores_of(logits: NDArray[np.floating], problem_type: str | None) -> NDArray[np.float64]:
    """Return scores of (n, labels) logits, equal to the pipeline's for the config's `problem_type`.

    Raises:
        DataError: A logit is NaN or infinite.
    """
    if not np.isfinite(logits).all():
        raise DataError(
            "The model's logits are not finite numbers: its weights are too large; get another checkpoint, or train "
            "with a lower learning rate."
        )
    if problem_type == "regression":
        return logits.astype(np.float64)
    if problem_type == MULTI_LABEL or logits.shape[1] == 1:
        return np.exp(-np.logaddexp(0, -logits.astype(np.float64)))
    return softmax(logits)


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the softmax of (n, labels) logits over the labels."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)
