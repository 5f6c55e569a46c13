"""Metrics of a classifier with 95 % intervals, for the Trainer and for reports."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn import metrics as sk
from transformers import EvalPrediction

from glove_lstm.inference.scores import softmax

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_BINS = 15
_SOURCE_ROWS = 20  # fewer give no figure
_COVERAGES = (1.0, 0.9, 0.8, 0.7, 0.5)  # shown on the card
_SAMPLES = 1000


def measure(probabilities: Floats, labels: Ints) -> dict[str, Any]:
    """Return accuracy, F1, precision, recall, MCC, ROC AUC, expected calibration error and Brier score.

    F1, precision, recall and ROC AUC are macro averages over the classes that the labels have, so that none depends on
    which label is called positive. For a single label MCC is 0, and ROC AUC is None.

    Args:
        probabilities: (n, classes).
        labels: (n,) class indices.
    """
    probabilities, labels = np.asarray(probabilities, dtype=np.float64), np.asarray(labels)
    predicted = probabilities.argmax(axis=1)
    present = np.unique(labels)
    precision, recall, f1, _ = sk.precision_recall_fscore_support(
        labels, predicted, labels=present, average="macro", zero_division=0
    )
    mcc, auc = 0.0, None
    if len(present) > 1:
        mcc = sk.matthews_corrcoef(labels, predicted)
        one_hot = labels[:, None] == present
        auc = float(sk.roc_auc_score(one_hot, probabilities[:, present]))
    return {
        "accuracy": float((predicted == labels).mean()),
        "f1": float(f1),
        "precision": float(precision),
        "recall": float(recall),
        "mcc": float(mcc),
        "roc_auc": auc,
        "ece": expected_calibration_error(probabilities, labels),
        "brier": float(_brier(probabilities, labels).mean()),
    }


def compute_metrics(prediction: EvalPrediction) -> dict[str, Any]:
    """Compute `measure` for the Trainer, from logits or a tuple whose first item is the logits."""
    predictions = prediction.predictions
    logits = np.asarray(predictions[0] if isinstance(predictions, tuple) else predictions)
    labels = np.asarray(prediction.label_ids)
    if labels.ndim == 1:
        return measure(softmax(logits), labels)
    predicted = logits > 0  # several labels a text
    f1 = sk.f1_score(labels, predicted, average="macro", zero_division=0)
    micro_f1 = sk.f1_score(labels, predicted, average="micro", zero_division=0)
    return {"accuracy": sk.accuracy_score(labels, predicted), "f1": f1, "micro_f1": micro_f1}


def expected_calibration_error(probabilities: Floats, labels: Ints) -> float:
    """Return the mean gap of confidence and accuracy over equal-width bins (Naeini et al. 2015; Guo et al. 2017)."""
    counts, accuracy, confidence = reliability(probabilities, labels)
    return float((counts * abs(accuracy - confidence)).sum() / len(labels))


def reliability(probabilities: Floats, labels: Ints) -> tuple[Ints, Floats, Floats]:
    """Return rows, accuracy and mean confidence of each non-empty bin of the highest probability, out of 15."""
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    _, which, counts = np.unique(bins, return_inverse=True, return_counts=True)
    hits, sure = (np.bincount(which, weights=values) for values in (correct, confidence))
    return counts, hits / counts, sure / counts


def coverage_table(probabilities: Floats, labels: Ints) -> list[dict[str, float]]:
    """Find thresholds of the score that keep at least some shares of the texts, and the accuracy on these.

    Returns:
        A row for each share, from 1 to 0.5: "threshold", rounded down to four decimals as printed (0 keeps all),
        "coverage", the share of kept texts, and "accuracy".
    """
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    table = []
    for share in _COVERAGES:
        last = np.sort(confidence)[-max(int(np.ceil(share * len(labels))), 1)]
        threshold = float(np.floor(last * 1e4) / 1e4) if share < 1 else 0.0
        if threshold > last:  # the multiplication rounded up
            threshold = float(np.floor(last * 1e4 - 1) / 1e4)
        kept = confidence >= threshold
        row = {"coverage": float(kept.mean()), "accuracy": float(correct[kept].mean())}
        table.append({"threshold": threshold, **row})
    return table


def bootstrap_interval(statistic: Callable[[Ints], Any], size: int) -> Any:
    """Return the 95 % percentile interval of a statistic over rows drawn with replacement (Efron 1979).

    Args:
        statistic: Maps row indices to a number, or to k numbers.
        size: Number of rows.

    Returns:
        [low, high], or k such pairs.
    """
    generator = np.random.default_rng(0)
    values = [statistic(generator.integers(size, size=size)) for _ in range(_SAMPLES)]
    return np.quantile(values, [0.025, 0.975], axis=0).T.tolist()


def mean_interval(values: NDArray[Any]) -> list[float]:
    """Return the 95 % bootstrap interval of the mean of values (n,)."""
    return bootstrap_interval(lambda rows: values[rows].mean(), len(values))


def share_with_interval(name: str, count: int, total: int) -> dict[str, Any]:
    """Return a share and its 95 % interval (Wilson 1927), which is not empty where the share is 0 or 1; 0 / 0 is 0."""
    if not total:
        return {name: 0.0, f"{name}_interval": [0.0, 1.0]}
    low, high = binomtest(count, total).proportion_ci(method="wilson")
    return {name: count / total, f"{name}_interval": [float(low), float(high)]}


def accuracy_with_interval(correct: NDArray[np.bool_]) -> dict[str, Any]:
    """Return the accuracy and its 95 % interval, from n booleans."""
    return share_with_interval("accuracy", int(correct.sum()), len(correct))


def measure_with_intervals(probabilities: Floats, labels: Ints) -> dict[str, Any]:
    """Add rows, the share of the majority class, the accuracy's interval and abstention to `measure`."""
    return {
        "rows": len(labels),
        **measure(probabilities, labels),
        **accuracy_with_interval(probabilities.argmax(axis=1) == labels),
        "majority_share": float(np.bincount(labels).max() / len(labels)),
        "coverage": coverage_table(probabilities, labels),
    }


def measure_labels(probabilities: Floats, labels: Ints, names: Sequence[str]) -> dict[str, Any]:
    """Add more intervals, the confusion matrix, and precision and recall by label to `measure_with_intervals`.

    Args:
        probabilities: (n, classes).
        labels: (n,).
        names: Class names.

    Returns:
        The measures, with `f1_interval` and `brier_interval`; `confusion`, rows by true and columns by predicted label;
        `by_label`: name -> rows, precision, recall and their intervals, where 0 / 0 is 0.
    """
    predicted, size, present = probabilities.argmax(axis=1), len(names), np.unique(labels)

    def confusion(rows: Ints) -> Ints:
        pairs = labels[rows] * size + predicted[rows]
        return np.bincount(pairs, minlength=size * size).reshape(size, size)

    def f1(rows: Ints) -> float:
        counts = confusion(rows)
        either = counts.sum(axis=1) + counts.sum(axis=0)
        return float((2 * counts.diagonal() / np.maximum(either, 1))[present].mean())

    counts = confusion(np.arange(len(labels)))
    sizes = counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0)
    return {
        **measure_with_intervals(probabilities, labels),
        "f1_interval": bootstrap_interval(f1, len(labels)),
        "brier_interval": mean_interval(_brier(probabilities, labels)),
        "confusion": counts.tolist(),
        "by_label": {
            name: {
                "rows": true,
                **share_with_interval("precision", right, claimed),
                **share_with_interval("recall", right, true),
            }
            for name, right, true, claimed in zip(names, *np.array(sizes).tolist(), strict=True)
        },
    }


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
        hits, sizes = times @ right, times @ either
        by_label = hits / np.maximum(sizes, 1)
        return np.append(by_label, [by_label.mean(), hits.sum() / max(sizes.sum(), 1)])

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


def measure_sources(
    probabilities: Floats, labels: Ints, sources: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Measure each corpus and each source with at least 20 rows.

    Args:
        probabilities: (n, classes).
        labels: (n,).
        sources: CORPUS or CORPUS/PUBLISHER of each text.

    Returns:
        Name -> rows, accuracy and, where there is every label, balanced accuracy and ROC AUC.
    """
    rows_of: dict[str, list[int]] = {}
    for row, source in enumerate(sources):
        for name in {source, source.partition("/")[0]}:
            rows_of.setdefault(name, []).append(row)
    measured: dict[str, dict[str, Any]] = {}
    for name, rows in sorted(rows_of.items()):
        if len(rows) < _SOURCE_ROWS:
            continue
        measures = measure(probabilities[rows], labels[rows])
        measured[name] = {"rows": len(rows), "accuracy": measures["accuracy"]}
        if len(np.unique(labels[rows])) == probabilities.shape[1]:
            measured[name]["balanced_accuracy"] = measures["recall"]
            measured[name]["roc_auc"] = measures["roc_auc"]
    return measured


def _brier(probabilities: Floats, labels: Ints) -> Floats:
    """Return the squared distance of each row from its one-hot label, (n,)."""
    one_hot = np.eye(probabilities.shape[1])[labels]
    return np.asarray(((probabilities - one_hot) ** 2).sum(axis=1))
