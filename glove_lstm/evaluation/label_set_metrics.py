"""Metrics of classifiers that give a text several labels, with bootstrap intervals."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from glove_lstm.evaluation.metrics import (
    Floats,
    Ints,
    accuracy_with_interval,
    bootstrap_interval,
    expected_calibration_error,
)


def measure_label_sets(
    scores: Floats, labels: Floats, thresholds: Sequence[float], names: Sequence[str]
) -> dict[str, Any]:
    """Measure scores (n, labels) against labels (n, labels) of 1 and 0, with a threshold for each label.

    Returns:
        `accuracy`, the share of texts whose labels are all right; `f1`, the mean over the labels; `micro_f1`, over
        all pairs of a text and a label; `ece` and `brier` of these pairs; `majority_share` of the most frequent set;
        `by_label`, as `measure_labels` has it.
    """
    truth, predicted = labels > 0, scores >= np.asarray(thresholds)
    counted = np.hstack([truth & predicted, predicted, truth]).astype(float)

    def values(rows: Ints) -> Floats:
        """Precision by label, recall by label, macro F1, micro F1: (2 * labels + 2,)."""
        totals = np.bincount(rows, minlength=len(counted)) @ counted
        right, claimed, true = totals.reshape(3, -1)
        f1 = (2 * right / np.maximum(claimed + true, 1)).mean()
        micro = 2 * right.sum() / max((claimed + true).sum(), 1)
        precision, recall = right / np.maximum(claimed, 1), right / np.maximum(true, 1)
        return np.concatenate([precision, recall, [f1, micro]])

    of_labels = [f"{measure}/{name}" for measure in ("precision", "recall") for name in names]
    keys = [*of_labels, "f1", "micro_f1"]
    found = dict(zip(keys, values(np.arange(len(labels))).tolist(), strict=True))
    intervals = dict(zip(keys, bootstrap_interval(values, len(labels)), strict=True))
    pairs = np.stack([1 - scores, scores], axis=2).reshape(-1, 2)
    sets = np.unique(truth, axis=0, return_counts=True)[1]
    by_label: dict[str, dict[str, Any]] = {}
    for name, rows, threshold in zip(names, truth.sum(axis=0).tolist(), thresholds, strict=True):
        by_label[name] = {"rows": rows, "threshold": threshold}
        for measure in ("precision", "recall"):
            by_label[name][measure] = found[f"{measure}/{name}"]
            by_label[name][f"{measure}_interval"] = intervals[f"{measure}/{name}"]
    return {
        "rows": len(labels),
        **accuracy_with_interval((truth == predicted).all(axis=1)),
        **{name: found[name] for name in ("f1", "micro_f1")},
        **{f"{name}_interval": intervals[name] for name in ("f1", "micro_f1")},
        "majority_share": float(sets.max() / len(labels)),
        "ece": expected_calibration_error(pairs, truth.ravel().astype(np.int64)),
        "brier": float(((scores - truth) ** 2).mean()),
        "by_label": by_label,
    }
