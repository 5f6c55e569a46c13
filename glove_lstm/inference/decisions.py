"""From logits to scores, and from scores to labels; `promise.py` says from which score on a label is sure."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glove_lstm.checkpoint.names import MULTI_LABEL
from glove_lstm.errors import DataError
from glove_lstm.tables.labels import Label

# Scores


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
    if problem_type == MULTI_LABEL:
        return np.exp(-np.logaddexp(0, -logits.astype(np.float64)))  # a sigmoid without overflow
    return softmax(logits)


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the softmax of (n, labels) logits over the labels."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    exponentials = np.exp(shifted)
    return exponentials / exponentials.sum(axis=1, keepdims=True)


# Labels


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


def labels_above(scores: NDArray[np.floating], thresholds: Sequence[float]) -> NDArray[np.bool_]:
    """Return whether each score (n, labels) reaches the threshold of its label, so that the text has the label."""
    return scores >= np.asarray(thresholds)


def decide(
    scores: NDArray[np.floating], label_names: Sequence[str], thresholds: Sequence[float] | None
) -> list[Label]:
    """Return the label of each text.

    Args:
        scores: (n, labels).
        label_names: In the order of the scores.
        thresholds: Of `decision_thresholds`.

    Returns:
        The labels with the best scores; with thresholds, the lists of the labels that reach them.
    """
    if thresholds is None:
        return [label_names[best] for best in scores.argmax(axis=1)]
    return [
        [label_names[number] for number in has_label.nonzero()[0]]
        for has_label in labels_above(scores, thresholds)
    ]


def are_unsure(scores: NDArray[np.floating], unsure_below: float) -> NDArray[np.bool_]:
    """Return whether the best of the scores (n, labels) of each text is below a threshold."""
    return scores.max(axis=1) < unsure_below
