"""Metrics of a classifier with 95 % intervals, for the Trainer and for reports."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn import metrics as sk
from transformers import EvalPrediction

from glove_lstm.inference.decisions import labels_above, softmax

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_BINS = 15  # of the confidence, for the calibration error
_COVERAGES = (1.0, 0.9, 0.8, 0.7, 0.5)  # shares of texts in the table of coverage
_SURE_SHARE = 0.9  # of the texts reach the suggested threshold, about
# The suggested threshold is at most 0.6: a label that is right in more than 60 % of cases is not called unsure.
_MOST_TWENTIETHS = 12
_SAMPLES = 1000  # of a bootstrap


def basic_measures(probabilities: Floats, labels: Ints) -> dict[str, Any]:
    """Return accuracy, F1, precision, recall, MCC, ROC AUC, expected calibration error and Brier score.

    F1, precision, recall and ROC AUC are macro averages over the classes that occur in the labels, so that no class is
    the positive one. If only one class occurs, MCC is 0, and ROC AUC is None.

    Args:
        probabilities: (n, classes).
        labels: (n,) class indices.
    """
    probabilities = np.asarray(probabilities, dtype=np.float64)
    labels = np.asarray(labels)
    predicted = probabilities.argmax(axis=1)
    present = np.unique(labels)
    precision, recall, f1, _ = sk.precision_recall_fscore_support(
        labels, predicted, labels=present, average="macro", zero_division=0
    )
    mcc = 0.0
    auc = None
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
    """Compute `basic_measures` for the Trainer; for multi-label texts, accuracy, macro F1 and micro F1."""
    logits = prediction.predictions
    if isinstance(logits, tuple):
        logits = logits[0]  # further outputs of the model follow
    logits = np.asarray(logits)
    labels = np.asarray(prediction.label_ids)
    if labels.ndim == 1:
        return basic_measures(softmax(logits), labels)
    predicted = logits > 0  # the sigmoid is above 0.5
    f1 = sk.f1_score(labels, predicted, average="macro", zero_division=0)
    micro_f1 = sk.f1_score(labels, predicted, average="micro", zero_division=0)
    return {"accuracy": sk.accuracy_score(labels, predicted), "f1": f1, "micro_f1": micro_f1}


def expected_calibration_error(probabilities: Floats, labels: Ints) -> float:
    """Return the mean gap of confidence and accuracy over equal-width bins (Naeini et al. 2015; Guo et al. 2017)."""
    counts, accuracy, confidence = reliability(probabilities, labels)
    return float((counts * abs(accuracy - confidence)).sum() / len(labels))


def reliability(probabilities: Floats, labels: Ints) -> tuple[Ints, Floats, Floats]:
    """Return the number of rows, the accuracy and the mean confidence of each non-empty bin.

    The confidence of a row is its highest probability. Rows are put into 15 bins of equal width by their confidence.
    """
    confidence = probabilities.max(axis=1)
    is_correct = probabilities.argmax(axis=1) == labels
    bins = (confidence * _BINS).astype(int)
    bins = np.minimum(bins, _BINS - 1)  # confidence 1 is in the last bin
    _, bin_of, counts = np.unique(bins, return_inverse=True, return_counts=True)
    correct = np.bincount(bin_of, weights=is_correct)
    total_confidence = np.bincount(bin_of, weights=confidence)
    return counts, correct / counts, total_confidence / counts


def coverage_table(probabilities: Floats, labels: Ints) -> list[dict[str, float]]:
    """Find the highest score thresholds that keep at least 90, 80, 70 and 50 % of the texts; for 100 %, it is 0.

    The score of a text is its highest probability. Texts below a threshold can be left without a label.

    Returns:
        A row for each share. "threshold" is rounded down to the four decimals that are printed. "coverage" is the share
        of texts whose score reaches it, and "accuracy" is the accuracy on these texts.
    """
    confidence = probabilities.max(axis=1)
    descending = np.sort(confidence)[::-1]
    is_correct = probabilities.argmax(axis=1) == labels
    table = []
    for share in _COVERAGES:
        threshold = 0.0
        if share < 1:
            texts_to_keep = max(int(np.ceil(share * len(labels))), 1)
            threshold = float(np.floor(descending[texts_to_keep - 1] * 1e4) / 1e4)
        table.append(_coverage_row(threshold, confidence, is_correct))
    return table


def suggest_threshold(probabilities: Floats, labels: Ints) -> dict[str, float]:
    """Suggest a score below which a label is called unsure; most texts reach it.

    Returns:
        A row as in `coverage_table`. "threshold" is the multiple of 0.05, up to 0.6, whose coverage is nearest to 0.9.
    """
    confidence = probabilities.max(axis=1)
    is_correct = probabilities.argmax(axis=1) == labels
    rows = []
    for twentieths in range(_MOST_TWENTIETHS + 1):
        rows.append(_coverage_row(twentieths / 20, confidence, is_correct))
        if (confidence >= (twentieths + 1) / 20).sum() == 0:
            break  # no text reaches a higher threshold
    rows.reverse()  # of equally near rows, `min` returns the first: that with the highest threshold
    return min(rows, key=lambda row: abs(row["coverage"] - _SURE_SHARE))


def _coverage_row(
    threshold: float, confidence: Floats, is_correct: NDArray[np.bool_]
) -> dict[str, float]:
    kept = confidence >= threshold
    return {
        "threshold": threshold,
        "coverage": float(kept.mean()),
        "accuracy": float(is_correct[kept].mean()),
    }


def bootstrap_interval(statistic: Callable[[Ints], Any], size: int) -> Any:
    """Return the 95 % bootstrap interval of a statistic, by percentiles (Efron 1979).

    Rows are drawn with replacement, as many as there are.

    Args:
        statistic: Function from row indices to a number, or to k numbers.
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
    """Return count / total and its 95 % interval (Wilson 1927), under the keys `name` and `name`_interval.

    Unlike a bootstrap interval, it does not shrink to a point if the share is 0 or 1. If the total is 0, the share is 0
    and the interval 0 to 1.
    """
    if not total:
        return {name: 0.0, f"{name}_interval": [0.0, 1.0]}
    low, high = binomtest(count, total).proportion_ci(method="wilson")
    return {name: count / total, f"{name}_interval": [float(low), float(high)]}


def accuracy_with_interval(correct: NDArray[np.bool_]) -> dict[str, Any]:
    """Return the accuracy and its 95 % interval, from n booleans."""
    return share_with_interval("accuracy", int(correct.sum()), len(correct))


def measure(
    scores: Floats, labels: NDArray[Any], names: Sequence[str], thresholds: Sequence[float] | None
) -> dict[str, Any]:
    """Measure the scores of the texts of a split.

    Args:
        scores: (n, labels).
        labels: (n,) indices of the labels; or with thresholds, (n, labels) of 1 and 0.
        names: Names of the labels.
        thresholds: (labels,) scores from which a text gets each label; None: it has exactly one.

    Returns:
        `basic_measures` with `rows`, the interval of the accuracy, the share of the majority class, `coverage`, and
        `rarest`: label, rows and recall of the rarest label that occurs. With thresholds: `accuracy`, the share of
        texts whose labels are all correct; `f1`, the mean over the labels; `micro_f1`, `ece` and `brier` over all pairs
        of a text and a label; `majority_share`, the share of texts with the most frequent set of labels; `by_label`:
        name -> rows, threshold, F1 and its interval.
    """
    if thresholds is not None:
        return _measure_label_sets(scores, labels, names, thresholds)
    is_correct = scores.argmax(axis=1) == labels
    present, rows = np.unique(labels, return_counts=True)
    rarest = present[rows.argmin()]
    return {
        "rows": len(labels),
        **basic_measures(scores, labels),
        **accuracy_with_interval(is_correct),
        "majority_share": float(rows.max() / len(labels)),
        "coverage": coverage_table(scores, labels),
        "rarest": {
            "label": names[rarest],
            "rows": int(rows.min()),
            "recall": float(is_correct[labels == rarest].mean()),
        },
    }


def measure_by_label(probabilities: Floats, labels: Ints, names: Sequence[str]) -> dict[str, Any]:
    """Return what a report has beside `measure`, of a model that gives a text one label.

    Args:
        probabilities: (n, classes).
        labels: (n,).
        names: Class names.

    Returns:
        `f1_interval` and `brier_interval`; `confusion`, with a row for each true label and a column for each predicted
        one; `by_label`: name -> rows, precision, recall and their intervals, where 0 / 0 is 0.
    """
    predicted = probabilities.argmax(axis=1)
    classes = np.arange(len(names))
    confusion = sk.confusion_matrix(labels, predicted, labels=classes)
    by_label = {}
    for label, name in enumerate(names):
        correct_rows = int(confusion[label, label])
        true_rows = int(confusion[label].sum())
        predicted_rows = int(confusion[:, label].sum())
        by_label[name] = {
            "rows": true_rows,
            **share_with_interval("precision", correct_rows, predicted_rows),
            **share_with_interval("recall", correct_rows, true_rows),
        }
    present = np.unique(labels)
    f1_scores = _f1_statistic(labels[:, None] == present, predicted[:, None] == present)
    *_, f1_interval, _ = bootstrap_interval(f1_scores, len(labels))
    return {
        "f1_interval": f1_interval,
        "brier_interval": mean_interval(_brier(probabilities, labels)),
        "confusion": confusion.tolist(),
        "by_label": by_label,
    }


def _measure_label_sets(
    scores: Floats, labels: NDArray[Any], names: Sequence[str], thresholds: Sequence[float]
) -> dict[str, Any]:
    """Measure the scores of a multi-label model; see `measure`."""
    truth = labels > 0
    predicted = labels_above(scores, thresholds)
    f1_scores = _f1_statistic(truth, predicted)
    *f1_by_label, macro_f1, micro_f1 = f1_scores(np.arange(len(truth))).tolist()
    *intervals_by_label, macro_interval, micro_interval = bootstrap_interval(f1_scores, len(truth))

    by_label = {}
    for label, name in enumerate(names):
        by_label[name] = {
            "rows": int(truth[:, label].sum()),
            "threshold": thresholds[label],
            "f1": f1_by_label[label],
            "f1_interval": intervals_by_label[label],
        }

    is_correct = (truth == predicted).all(axis=1)
    _, rows_of_sets = np.unique(truth, axis=0, return_counts=True)
    # Each pair of a text and a label is a question with the classes no and yes.
    question_scores = np.stack([1 - scores, scores], axis=2).reshape(-1, 2)
    answers = truth.ravel().astype(np.int64)
    return {
        "rows": len(truth),
        **accuracy_with_interval(is_correct),
        "f1": macro_f1,
        "f1_interval": macro_interval,
        "micro_f1": micro_f1,
        "micro_f1_interval": micro_interval,
        "majority_share": float(rows_of_sets.max() / len(truth)),
        "ece": expected_calibration_error(question_scores, answers),
        "brier": float(((scores - truth) ** 2).mean()),
        "by_label": by_label,
    }


def _f1_statistic(
    truth: NDArray[np.bool_], predicted: NDArray[np.bool_]
) -> Callable[[Ints], Floats]:
    """Return a function from rows to the F1 of each label, the macro F1 and the micro F1: (labels + 2,).

    A row may be drawn several times. 0 / 0 is 0. A label that occurs in `truth`, but in no drawn row, does not count in
    the macro F1.

    Args:
        truth: (n, labels).
        predicted: (n, labels).
    """
    # F1 is 2 * correct / (true + predicted).
    twice_correct = (truth & predicted) * 2.0
    is_true = truth * 1.0
    true_and_predicted = is_true + predicted
    never_occurs = ~truth.any(axis=0)

    def f1_scores(rows: Ints) -> Floats:
        # Multiplying with the number of draws of each text sums over the drawn texts, without copies of their rows.
        draws = np.bincount(rows, minlength=len(truth))
        numerators = draws @ twice_correct
        denominators = draws @ true_and_predicted
        by_label = numerators / np.maximum(denominators, 1)
        counting = by_label[(draws @ is_true > 0) | never_occurs]
        macro = counting.mean() if len(counting) else 0.0
        micro = numerators.sum() / max(denominators.sum(), 1)
        return np.append(by_label, [macro, micro])

    return f1_scores


def _brier(probabilities: Floats, labels: Ints) -> Floats:
    """Return the squared distance of each row from its one-hot label, (n,)."""
    one_hot = np.eye(probabilities.shape[1])[labels]
    return np.asarray(((probabilities - one_hot) ** 2).sum(axis=1))
