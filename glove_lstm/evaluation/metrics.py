"""Measures of a classifier: one `evaluate.Metric` for the Trainer and for reports, and bootstrap intervals."""

from collections.abc import Callable, Sequence
from typing import Any, cast

import datasets
import evaluate
import numpy as np
from numpy.typing import NDArray
from sklearn import metrics as sk
from transformers import EvalPrediction

from glove_lstm.inference.scores import softmax

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_BINS = 15
_COVERAGES = (1.0, 0.9, 0.8, 0.7, 0.5)  # shown on the card


class ClassificationMetrics(evaluate.Metric):
    """Accuracy, F1, precision, recall, MCC, ROC AUC, expected calibration error and Brier score; needs no network.

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
        probabilities, labels = np.asarray(predictions, dtype=np.float64), np.asarray(references)
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
            # 0 if all labels are the same, as scikit-learn defines it with a warning.
            "mcc": float(sk.matthews_corrcoef(labels, predicted)) if len(np.unique(labels)) > 1 else 0.0,
            "roc_auc": _roc_auc(probabilities, labels),
            "ece": expected_calibration_error(probabilities, labels),
            "brier": float(((probabilities - np.eye(len(classes))[labels]) ** 2).sum(axis=1).mean()),
        }


def measure(probabilities: Floats, labels: Ints) -> dict[str, float]:
    """Compute `ClassificationMetrics` of probabilities (n, classes) and labels (n,); NaN where one is not defined."""
    metric = ClassificationMetrics(keep_in_memory=True)
    return cast(dict[str, float], metric.compute(predictions=probabilities, references=labels))


def compute_metrics(prediction: EvalPrediction) -> dict[str, float]:
    """Compute `ClassificationMetrics` for the Trainer, from logits or a tuple that begins with them."""
    predictions = prediction.predictions
    logits = predictions[0] if isinstance(predictions, tuple) else predictions
    return measure(softmax(np.asarray(logits)), np.asarray(prediction.label_ids))


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


def coverage_curve(probabilities: Floats, labels: Ints) -> tuple[Floats, Floats]:
    """Share of the texts above each threshold of confidence, and their accuracy (El-Yaniv and Wiener 2010).

    Args:
        probabilities: (n, classes), n at least 1.
        labels: (n,).

    Returns:
        Coverages, ascending, and accuracies; (m,) for m distinct confidences.
    """
    counts, hits = _by_confidence(probabilities, labels)
    covered = counts.cumsum()
    return covered / len(labels), hits.cumsum() / covered


def area_under_risk_coverage(probabilities: Floats, labels: Ints) -> float:
    """Mean, over k from 1 to n, of the error among the k surest texts (AURC; Geifman et al. 2019): lower is better.

    Texts of equal confidence count as their mean, so that the order of the rows changes nothing.
    """
    counts, hits = _by_confidence(probabilities, labels)
    wrong = np.repeat((counts - hits) / counts, counts)
    return float((wrong.cumsum() / np.arange(1, len(labels) + 1)).mean())


def coverage_table(
    probabilities: Floats, labels: Ints, coverages: Sequence[float] = _COVERAGES
) -> list[dict[str, float]]:
    """Thresholds of the score that keep at least these shares of the texts, and the accuracy of the kept ones.

    Returns:
        A row for each: "threshold", rounded down to the four decimals that are printed (0 keeps all), "coverage", the
        share of kept texts, and "accuracy".
    """
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    falling = np.sort(confidence)[::-1]
    table = []
    for share in coverages:
        last = falling[max(int(np.ceil(share * len(labels))), 1) - 1]
        whole = np.floor(last * 1e4)
        whole -= whole / 1e4 > last  # the multiplication rounded up
        threshold = 0.0 if share >= 1 else float(whole / 1e4)
        kept = confidence >= threshold
        table.append(
            {
                "threshold": threshold,
                "coverage": float(kept.mean()),
                "accuracy": float(correct[kept].mean()),
            }
        )
    return table


def bootstrap_interval(
    statistic: Callable[[Ints], float], size: int, *, samples: int = 1000
) -> tuple[float, float]:
    """95 % percentile interval of a statistic over rows drawn with replacement (Efron 1979).

    Args:
        statistic: Of the given row indices.
        size: Number of rows.
        samples: Draws.
    """
    generator = np.random.default_rng(0)
    values = [statistic(generator.integers(size, size=size)) for _ in range(samples)]
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def mean_interval(values: NDArray[Any]) -> tuple[float, float]:
    """95 % bootstrap interval of the mean of values (n,)."""
    return bootstrap_interval(lambda rows: float(values[rows].mean()), len(values))


def accuracy_with_interval(correct: NDArray[np.bool_]) -> dict[str, Any]:
    """Accuracy of rows that were right or wrong, and its 95 % bootstrap interval."""
    return {"accuracy": float(correct.mean()), "accuracy_interval": mean_interval(correct)}


def measure_with_intervals(probabilities: Floats, labels: Ints) -> dict[str, Any]:
    """Add rows, the majority class's share, the accuracy's interval and abstention to `measure`."""
    return {
        "rows": len(labels),
        **measure(probabilities, labels),
        **accuracy_with_interval(probabilities.argmax(axis=1) == labels),
        "majority_share": float(np.bincount(labels).max() / len(labels)),
        "aurc": area_under_risk_coverage(probabilities, labels),
        "coverage": coverage_table(probabilities, labels),
    }


def measure_labels(probabilities: Floats, labels: Ints, names: Sequence[str]) -> dict[str, Any]:
    """Add more intervals, the confusion matrix, and precision and recall by label to `measure_with_intervals`.

    Args:
        probabilities: (n, classes).
        labels: (n,).
        names: Of the classes.

    Returns:
        Flat measures with `f1_interval`, `brier_interval` and `ece_interval` beside; `confusion`, rows by true and
        columns by predicted label; `by_label`: name -> rows, precision, recall and their intervals, where 0 / 0 is 0.
    """
    predicted, size = probabilities.argmax(axis=1), len(names)

    def confusion(rows: Ints) -> Ints:
        pairs = labels[rows] * size + predicted[rows]
        return np.bincount(pairs, minlength=size * size).reshape(size, size)

    def interval(of_counts: Callable[[Ints], float]) -> tuple[float, float]:
        return bootstrap_interval(lambda rows: of_counts(confusion(rows)), len(labels))

    counts = confusion(np.arange(len(labels)))
    squares = ((probabilities - np.eye(size)[labels]) ** 2).sum(axis=1)
    ece = expected_calibration_error(probabilities, labels)
    low, high = bootstrap_interval(
        lambda rows: expected_calibration_error(probabilities[rows], labels[rows]), len(labels)
    )
    by_label = {}
    for index, name in enumerate(names):
        by_label[name] = {
            "rows": int(counts[index].sum()),
            "precision": _precision(counts)[index],
            "precision_interval": interval(lambda c, index=index: _precision(c)[index]),  # type: ignore[misc]
            "recall": _precision(counts.T)[index],
            "recall_interval": interval(lambda c, index=index: _precision(c.T)[index]),  # type: ignore[misc]
        }
    return {
        **measure_with_intervals(probabilities, labels),
        "f1_interval": interval(_macro_f1),
        "brier_interval": mean_interval(squares),
        # Noise adds to this error in each draw, so that the draws lie above the estimate; the basic interval (Efron and
        # Tibshirani 1993) mirrors them.
        "ece_interval": (max(2 * ece - high, 0.0), max(2 * ece - low, 0.0)),
        "confusion": counts.tolist(),
        "by_label": by_label,
    }


def _precision(counts: Ints) -> list[float]:
    """By label; of the transposed matrix it is the recall."""
    return (counts.diagonal() / np.maximum(counts.sum(axis=0), 1)).tolist()


def _macro_f1(counts: Ints) -> float:
    return float((2 * counts.diagonal() / np.maximum(counts.sum(axis=0) + counts.sum(axis=1), 1)).mean())


def _by_confidence(probabilities: Floats, labels: Ints) -> tuple[Ints, Ints]:
    """How many texts have each confidence, from the highest on, and how many of these are right."""
    correct = probabilities.argmax(axis=1) == labels
    _, which, counts = np.unique(probabilities.max(axis=1), return_inverse=True, return_counts=True)
    hits = np.bincount(which.reshape(-1), weights=correct).astype(np.int64)
    return counts[::-1], hits[::-1]


def _roc_auc(probabilities: Floats, labels: Ints) -> float:
    present = np.unique(labels)
    if len(present) < 2:
        return float("nan")
    if probabilities.shape[1] == 2:
        return float(sk.roc_auc_score(labels, probabilities[:, 1]))
    # One class against the rest, over the classes that occur.
    return float(np.mean([sk.roc_auc_score(labels == index, probabilities[:, index]) for index in present]))
