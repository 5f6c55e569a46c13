"""Measures of a classifier, as an `evaluate.Metric` that needs no network, with bootstrap intervals."""

from collections.abc import Callable
from typing import Any

import datasets
import evaluate
import numpy as np
from numpy.typing import NDArray
from sklearn import metrics as sk

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MEASURES = ("accuracy", "f1", "precision", "recall", "mcc", "roc_auc", "ece", "brier")
_BINS = 15


class ClassificationMetrics(evaluate.Metric):
    """Accuracy, F1, precision, recall, MCC, ROC AUC, expected calibration error and Brier score.

    `predictions` are rows of class probabilities, `references` class indices. F1, precision, recall and ROC AUC are
    macro averages over the classes, so that none of them depends on which label is called positive.
    """

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=self.__class__.__doc__ or "",
            citation="",
            inputs_description="predictions: class probabilities (n, classes); references: class indices (n,)",
            features=datasets.Features(
                {
                    "predictions": datasets.Sequence(datasets.Value("float64")),
                    "references": datasets.Value("int64"),
                }
            ),
        )

    def _compute(self, predictions: Any, references: Any) -> dict[str, float]:
        return measure(np.asarray(predictions, dtype=np.float64), np.asarray(references, dtype=np.int64))


def measure(probabilities: Floats, labels: Ints) -> dict[str, float]:
    """All of `MEASURES`.

    Args:
        probabilities: (n, classes), rows that add up to 1.
        labels: (n,).

    Returns:
        Measure -> value; ROC AUC is NaN where only one class occurs.
    """
    predicted = probabilities.argmax(axis=1)
    classes = list(range(probabilities.shape[1]))
    scores = sk.precision_recall_fscore_support(
        labels, predicted, labels=classes, average="macro", zero_division=0
    )
    return {
        "accuracy": float((predicted == labels).mean()),
        "f1": float(scores[2]),
        "precision": float(scores[0]),
        "recall": float(scores[1]),
        "mcc": float(sk.matthews_corrcoef(labels, predicted)),
        "roc_auc": _roc_auc(probabilities, labels),
        "ece": expected_calibration_error(probabilities, labels),
        "brier": float(((probabilities - np.eye(len(classes))[labels]) ** 2).sum(axis=1).mean()),
    }


def expected_calibration_error(probabilities: Floats, labels: Ints, bins: int = _BINS) -> float:
    """Mean distance between confidence and accuracy over equal-width bins (Naeini et al. 2015; Guo et al. 2017).

    Args:
        probabilities: (n, classes).
        labels: (n,).
        bins: Of the highest probability, from 0 to 1.
    """
    return float(
        sum(abs(count * (hit - sure)) for count, hit, sure in reliability(probabilities, labels, bins))
        / len(labels)
    )


def reliability(probabilities: Floats, labels: Ints, bins: int = _BINS) -> list[tuple[int, float, float]]:
    """Rows, accuracy and mean confidence of each bin of the highest probability; (0, 0, 0) where a bin is empty."""
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    result = []
    for index in range(bins):
        rows = which == index
        count = int(rows.sum())
        result.append(
            (count, float(correct[rows].mean()), float(confidence[rows].mean())) if count else (0, 0.0, 0.0)
        )
    return result


def bootstrap_interval(
    statistic: Callable[[Ints], float], size: int, *, samples: int = 1000, level: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """Percentile interval of a statistic over rows drawn with replacement (Efron 1979).

    Args:
        statistic: Of the given row indices.
        size: Number of rows.
        samples: Draws.
        level: Share of the draws inside.
        seed: Of the draws.
    """
    generator = np.random.default_rng(seed)
    values = [statistic(generator.integers(size, size=size)) for _ in range(samples)]
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def accuracy_with_interval(correct: NDArray[np.bool_]) -> dict[str, Any]:
    """Accuracy of rows that were right or wrong, and its 95 % bootstrap interval."""
    interval = bootstrap_interval(lambda rows: float(correct[rows].mean()), len(correct))
    return {"accuracy": float(correct.mean()), "accuracy_interval": interval}


def measure_with_intervals(probabilities: Floats, labels: Ints) -> dict[str, Any]:
    """`measure`, the number of rows, the majority class's share, and the interval of the accuracy."""
    return {
        "rows": len(labels),
        **measure(probabilities, labels),
        **accuracy_with_interval(probabilities.argmax(axis=1) == labels),
        "majority_share": float(np.bincount(labels).max() / len(labels)),
    }


def _roc_auc(probabilities: Floats, labels: Ints) -> float:
    present = np.unique(labels)
    if len(present) < 2:
        return float("nan")
    if probabilities.shape[1] == 2:
        return float(sk.roc_auc_score(labels, probabilities[:, 1]))
    # One class against the rest, over the classes that occur.
    return float(np.mean([sk.roc_auc_score(labels == index, probabilities[:, index]) for index in present]))
