"""Metrics of a classifier with 95 % intervals."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn import metrics as sk

from glove_lstm.inference.decisions import softmax

if TYPE_CHECKING:
    from transformers import EvalPrediction

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_BINS = 15  # of the confidence, for the calibration error
_COVERAGES = (1.0, 0.9, 0.8, 0.7, 0.5)  # shares of texts in the table of coverage
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
        "brier": float(brier_scores(probabilities, labels).mean()),
    }


def compute_metrics(prediction: "EvalPrediction") -> dict[str, Any]:
    """Compute `basic_measures` for the Trainer; for multi-label texts, accuracy, macro F1 and micro F1."""
    logits = prediction.predictions
    if isinstance(logits, tuple):
        logits = logits[0]  # further outputs of the model follow
    logits = np.asarray(logits)
    labels = np.asarray(prediction.label_ids)
    if labels.ndim == 1:
        return basic_measures(softmax(logits), labels)
    truth = labels > 0
    predicted = logits > 0  # the sigmoid is above 0.5
    accuracy = float((truth == predicted).all(axis=1).mean())
    macro_f1, micro_f1 = f1_scores(truth, predicted)
    return {"accuracy": accuracy, "f1": macro_f1, "micro_f1": micro_f1}


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
        kept = confidence >= threshold
        table.append(
            {
                "threshold": threshold,
                "coverage": float(kept.mean()),
                "accuracy": float(is_correct[kept].mean()),
            }
        )
    return table


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


def accuracy_with_interval(is_correct: NDArray[np.bool_]) -> dict[str, Any]:
    """Return `accuracy` and its 95 % interval, `accuracy_interval` (Wilson 1927), from n booleans.

    Unlike a bootstrap interval, it does not shrink to a point if the accuracy is 0 or 1.
    """
    correct, total = int(is_correct.sum()), len(is_correct)
    low, high = binomtest(correct, total).proportion_ci(method="wilson")
    return {"accuracy": correct / total, "accuracy_interval": [float(low), float(high)]}


def f1_scores(labels: NDArray[Any], predicted: NDArray[Any]) -> tuple[float, float]:
    """Return the macro F1 of the labels that occur, and the micro F1; 0 if none occurs.

    A hundred times as fast as those of scikit-learn, for a bootstrap.

    Args:
        labels: (n,) indices of labels; or (n, labels), whether a text has the label.
        predicted: As `labels`.
    """
    if labels.ndim == 2:
        true = labels.sum(axis=0)
        guessed = predicted.sum(axis=0)
        correct = (labels & predicted).sum(axis=0)
    else:
        count = max(labels.max(), predicted.max()) + 1
        true = np.bincount(labels, minlength=count)
        guessed = np.bincount(predicted, minlength=count)
        correct = np.bincount(labels[labels == predicted], minlength=count)
    occurs = true > 0
    if not occurs.any():
        return 0.0, 0.0
    f1 = 2 * correct[occurs] / (true + guessed)[occurs]
    micro_f1 = 2 * correct.sum() / (true + guessed).sum()
    return float(f1.mean()), float(micro_f1)


def brier_scores(probabilities: Floats, labels: Ints) -> Floats:
    """Return the squared distance of each row from its one-hot label, (n,)."""
    one_hot = np.eye(probabilities.shape[1])[labels]
    return np.asarray(((probabilities - one_hot) ** 2).sum(axis=1))
