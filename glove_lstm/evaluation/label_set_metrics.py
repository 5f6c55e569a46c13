"""Metrics of classifiers that give a text several labels, with bootstrap intervals."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glove_lstm.evaluation.metrics import (
    Floats,
    Ints,
    accuracy_with_interval,
    bootstrap_interval,
    expected_calibration_error,
)


def measure_label_sets(
    scores: Floats, labels: NDArray[Any], thresholds: Sequence[float], names: Sequence[str]
) -> dict[str, Any]:
    """Measure scores (n, labels) against labels (n, labels) of 1 and 0, with a threshold for each label.

    Returns:
        `accuracy`, the share of texts whose labels are all right; `f1`, the mean over the labels; `micro_f1`, over
        all pairs of a text and a label; `ece` and `brier` of these pairs; `majority_share` of the most frequent set;
        `by_label`: name -> rows, threshold, F1 and its interval.
    """
    truth, predicted = labels > 0, scores >= np.asarray(thresholds)
    right, either = (truth & predicted) * 2.0, truth * 1.0 + predicted

    def f1(rows: Ints) -> Floats:
        """F1 by label, macro F1, micro F1: (labels + 2,), where 0 / 0 is 0."""
        times = np.bincount(rows, minlength=len(truth))
        found, all_of = times @ right, times @ either
        by_label = found / np.maximum(all_of, 1)
        return np.append(by_label, [by_label.mean(), found.sum() / max(all_of.sum(), 1)])

    *values, macro, micro = f1(np.arange(len(truth))).tolist()
    *intervals, macro_interval, micro_interval = bootstrap_interval(f1, len(truth))
    rows, sets = truth.sum(axis=0).tolist(), np.unique(truth, axis=0, return_counts=True)[1]
    columns = zip(rows, thresholds, values, intervals, strict=True)
    fields = "rows", "threshold", "f1", "f1_interval"
    by_label = [dict(zip(fields, column, strict=True)) for column in columns]
    pairs = np.stack([1 - scores, scores], axis=2).reshape(-1, 2)
    return {
        "rows": len(truth),
        **accuracy_with_interval((truth == predicted).all(axis=1)),
        "f1": macro,
        "f1_interval": macro_interval,
        "micro_f1": micro,
        "micro_f1_interval": micro_interval,
        "majority_share": float(sets.max() / len(truth)),
        "ece": expected_calibration_error(pairs, truth.ravel().astype(np.int64)),
        "brier": float(((scores - truth) ** 2).mean()),
        "by_label": dict(zip(names, by_label, strict=True)),
    }
