"""Turn logits into probabilities, with numpy only."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glove_lstm.errors import DataError

# `problem_type` of models that give a text any number of labels.
MULTI_LABEL = "multi_label_classification"
_ONE_LABEL = (None, "single_label_classification")


def decision_thresholds(config: Mapping[str, Any]) -> list[float] | None:
    """Return the score from which a text gets each label, from the values of config.json.

    Returns:
        A threshold for each label, by default 0.5; None if a text gets exactly one label.
    """
    if config.get("problem_type") != MULTI_LABEL:
        return None
    labels = config.get("id2label")
    label_count = len(labels) if labels else 2  # transformers leaves out its two default labels
    return config.get("thresholds") or [0.5] * label_count


def chooses_one_label(config: Mapping[str, Any]) -> bool:
    """Return whether a model chooses one of several labels for each text, from the values of config.json."""
    labels = config.get("id2label")
    label_count = len(labels) if labels else 2  # transformers leaves out its two default labels
    return config.get("problem_type") in _ONE_LABEL and label_count > 1


def scores_of(logits: NDArray[np.floating], problem_type: str | None) -> NDArray[np.float64]:
    """Return scores of (n, labels) logits for a `problem_type`.

    They are as the text-classification pipeline of transformers gives them.

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
        return sigmoid(logits)
    return softmax(logits)


def sigmoid(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return 1 / (1 + exp(-logits)), without overflow."""
    return np.exp(-np.logaddexp(0, -logits.astype(np.float64)))


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the softmax of (n, labels) logits over the labels."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    exponentials = np.exp(shifted)
    return exponentials / exponentials.sum(axis=1, keepdims=True)
