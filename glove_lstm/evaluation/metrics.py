"""Measures of a classifier on labelled texts, with 95 % intervals."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn import metrics as sk

from glove_lstm.errors import counted, shown
from glove_lstm.inference.decisions import labels_above, softmax
from glove_lstm.printable import markdown_table

if TYPE_CHECKING:
    from transformers import EvalPrediction

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Interval = Sequence[float]  # low, high

_BINS = 15  # of the confidence, for the calibration error
_COVERAGES = (0.9, 0.8, 0.7, 0.5)  # shares of texts in the table of coverage
_SAMPLES = 1000  # of a bootstrap
_SKEWED = 0.8  # from this share of the largest class on, accuracy hides the other classes
_TITLES = {
    "accuracy": "accuracy",
    "f1": "macro F1",
    "micro_f1": "micro F1",
    "brier": "Brier score",
    "ece": "ECE",
    "mcc": "Matthews correlation",
    "roc_auc": "ROC AUC",
    "majority_share": "largest class",
}


@dataclass(frozen=True, kw_only=True)
class Measures:
    """Measures of a model on n texts, which have one label each, or any number of them.

    F1, precision, recall and ROC AUC are means over the labels that occur, so that no label is the positive one. What
    is None is not defined for these texts, or was not measured. Intervals are Wilson's for the accuracy, and else of a
    bootstrap.
    """

    rows: int  # n
    accuracy: float  # share of texts whose label is right, or whose labels all are
    accuracy_interval: Interval
    f1: float
    f1_interval: Interval | None = None  # hub/ was measured without
    brier: float  # of several labels, the mean over all pairs of a text and a label
    brier_interval: Interval | None = None  # for one label a text
    ece: float  # of several labels, that of all pairs of a text and a label
    majority_share: float  # of the texts, with the most frequent label or set of labels
    # For one label a text:
    precision: float | None = None
    recall: float | None = None
    mcc: float | None = None
    roc_auc: float | None = None
    coverage: list[dict[str, float]] | None = None  # see `coverage_table`
    rarest: dict[str, Any] | None = None  # `label`, `rows` and `recall` of the rarest that occurs
    # For several:
    micro_f1: float | None = None
    micro_f1_interval: Interval | None = None

    seen: int | None = None  # texts that the training, or one before it, used; None: unknown

    @classmethod
    def of(
        cls,
        scores: Floats,
        labels: NDArray[Any],
        names: Sequence[str],
        thresholds: Sequence[float] | None,
    ) -> "Measures":
        """Measure scores.

        Args:
            scores: (n, labels).
            labels: (n,) indices of the labels; or with thresholds, (n, labels) of 1 and 0.
            names: Names of the labels.
            thresholds: Scores from which a text gets each label, (labels,) or (n, labels); None: it has exactly one.
        """
        scores = np.asarray(scores, dtype=np.float64)
        if thresholds is None:
            return cls._of_one_label(scores, labels, names)
        return cls._of_label_sets(scores, labels > 0, labels_above(scores, thresholds))

    @classmethod
    def _of_one_label(cls, scores: Floats, labels: Ints, names: Sequence[str]) -> "Measures":
        predicted = scores.argmax(axis=1)
        is_correct = predicted == labels
        present, rows = np.unique(labels, return_counts=True)
        rarest = present[rows.argmin()]
        macro_interval, _ = bootstrap_interval(
            lambda drawn: f1_scores(labels[drawn], predicted[drawn]), len(labels)
        )
        return cls(
            rows=len(labels),
            **basic_measures(scores, labels),
            accuracy_interval=accuracy_with_interval(is_correct)["accuracy_interval"],
            f1_interval=macro_interval,
            brier_interval=mean_interval(_brier_scores(scores, labels)),
            majority_share=float(rows.max() / len(labels)),
            coverage=coverage_table(scores, labels),
            rarest={
                "label": names[rarest],
                "rows": int(rows.min()),
                "recall": float(is_correct[labels == rarest].mean()),
            },
        )

    @classmethod
    def _of_label_sets(
        cls, scores: Floats, truth: NDArray[np.bool_], predicted: NDArray[np.bool_]
    ) -> "Measures":
        macro_interval, micro_interval = bootstrap_interval(
            lambda drawn: f1_scores(truth[drawn], predicted[drawn]), len(truth)
        )
        is_correct = (truth == predicted).all(axis=1)
        _, rows_of_sets = np.unique(truth, axis=0, return_counts=True)
        # Each pair of a text and a label is a question with the classes no and yes.
        question_scores = np.stack([1 - scores, scores], axis=2).reshape(-1, 2)
        answers = truth.ravel().astype(np.int64)
        return cls(
            rows=len(truth),
            **label_set_measures(truth, predicted),
            accuracy_interval=accuracy_with_interval(is_correct)["accuracy_interval"],
            f1_interval=macro_interval,
            micro_f1_interval=micro_interval,
            brier=float(((scores - truth) ** 2).mean()),
            ece=expected_calibration_error(question_scores, answers),
            majority_share=float(rows_of_sets.max() / len(truth)),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the measures that there are, by name, as metrics.json and eval.json hold them."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def summary(self) -> str:
        """Return the main measures in a line."""
        low, high = self.accuracy_interval
        rows = f"{self.rows} rows"
        if self.seen:
            rows += f", {self.seen} of them used in training"
        micro_f1 = "" if self.micro_f1 is None else f", micro F1 {self.micro_f1:.4f}"
        return (
            f"accuracy {self.accuracy:.4f} (95 % interval {low:.4f} to {high:.4f}, {rows}; largest class "
            f"{self.majority_share:.4f}){micro_f1}, ECE {self.ece:.4f}"
        )

    def table(self) -> str:
        """Return a table of the measures, with their intervals."""
        rows = []
        for name, title in _TITLES.items():
            value = getattr(self, name)
            if value is not None:
                interval = getattr(self, f"{name}_interval", None)
                rows.append([title, *figure_cells(value, interval)])
        return markdown_table(["measure", "value", "95 % interval"], rows)

    def remarks(self) -> list[str]:
        """Return sentences about the measures; none if classes are even and the model beats the largest one."""
        sentences = []
        if self.rarest is not None and _SKEWED < self.majority_share < 1:
            sentences.append(
                f"The largest class has {self.majority_share:.1%} of the texts, which hides the others in the "
                f"accuracy: macro F1 is {self.f1:.4f}, and the recall of the rarest label, "
                f"{shown(self.rarest['label'])} ({counted(self.rarest['rows'], 'text')}), is "
                f"{self.rarest['recall']:.4f}. A training with --class_weight balanced finds more texts of rare labels."
            )
        lowest, _ = self.accuracy_interval
        if lowest <= self.majority_share:
            sentences.append(
                "The accuracy is not better than that of always answering the largest class, "
                f"{self.majority_share:.4f}: its interval begins at {lowest:.4f}."
            )
        return sentences


def results_table(
    measured: Mapping[str, Measures], baseline: Mapping[str, Mapping[str, Any]]
) -> str:
    """Return the table of a model card.

    Args:
        measured: Name of texts, such as "test" -> their measures.
        baseline: Name of texts -> `accuracy` of the linear model; it may lack some.
    """
    header = ["texts", "number", "accuracy", "95 % interval", "linear model", "largest class"]
    header += ["macro F1", "calibration error"]
    rows = []
    for name, measures in measured.items():
        linear = f"{baseline[name]['accuracy']:.4f}" if name in baseline else ""
        accuracy = figure_cells(measures.accuracy, measures.accuracy_interval)
        others = [f"{value:.4f}" for value in (measures.majority_share, measures.f1, measures.ece)]
        rows.append([name, f"{measures.rows:,}", *accuracy, linear, *others])
    return markdown_table(header, rows)


def figure_cells(value: float, interval: Interval | None = None, sign: str = "") -> list[str]:
    """Return the cells of a figure and of its interval, if it has one; with the sign "+", as in +0.0500."""
    cells = [f"{value:{sign}.4f}"]
    if interval is not None:
        low, high = interval
        cells.append(f"{low:{sign}.4f} to {high:{sign}.4f}")
    return cells


# Figures


def basic_measures(probabilities: Floats, labels: Ints) -> dict[str, Any]:
    """Return those of `Measures` that one label a text has, from probabilities (n, classes) and class indices (n,).

    If only one class occurs, MCC is 0, and ROC AUC is None.
    """
    predicted = probabilities.argmax(axis=1)
    present = np.unique(labels)
    precision, recall, f1, _ = sk.precision_recall_fscore_support(
        labels, predicted, labels=present, average="macro", zero_division=0
    )
    mcc, auc = 0.0, None
    if len(present) > 1:
        mcc = sk.matthews_corrcoef(labels, predicted)
        auc = float(sk.roc_auc_score(labels[:, None] == present, probabilities[:, present]))
    return {
        "accuracy": float((predicted == labels).mean()),
        "f1": float(f1),
        "precision": float(precision),
        "recall": float(recall),
        "mcc": float(mcc),
        "roc_auc": auc,
        "ece": expected_calibration_error(probabilities, labels),
        "brier": float(_brier_scores(probabilities, labels).mean()),
    }


def label_set_measures(truth: NDArray[np.bool_], predicted: NDArray[np.bool_]) -> dict[str, Any]:
    """Return the share of n texts whose labels are all right, macro F1 and micro F1, from (n, labels)."""
    macro_f1, micro_f1 = f1_scores(truth, predicted)
    accuracy = float((truth == predicted).all(axis=1).mean())
    return {"accuracy": accuracy, "f1": macro_f1, "micro_f1": micro_f1}


def compute_metrics(prediction: "EvalPrediction") -> dict[str, Any]:
    """Measure validation texts for the Trainer: `basic_measures`, or `label_set_measures`."""
    logits = prediction.predictions
    if isinstance(logits, tuple):
        logits = logits[0]  # further outputs of the model follow
    labels = np.asarray(prediction.label_ids)
    if labels.ndim == 1:
        return basic_measures(softmax(logits), labels)
    return label_set_measures(labels > 0, logits > 0)  # above 0, the sigmoid is above 0.5


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


def _brier_scores(probabilities: Floats, labels: Ints) -> Floats:
    """Return the squared distance of each row from its one-hot label, (n,)."""
    one_hot = np.eye(probabilities.shape[1])[labels]
    return np.asarray(((probabilities - one_hot) ** 2).sum(axis=1))


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
    is_correct = probabilities.argmax(axis=1) == labels
    descending = np.sort(confidence)[::-1]
    thresholds = [0.0]
    for share in _COVERAGES:
        texts_to_keep = int(np.ceil(share * len(labels)))
        thresholds.append(float(np.floor(descending[texts_to_keep - 1] * 1e4) / 1e4))
    table = []
    for threshold in thresholds:
        kept = confidence >= threshold
        row = {"threshold": threshold, "coverage": kept.mean(), "accuracy": is_correct[kept].mean()}
        table.append({name: float(value) for name, value in row.items()})
    return table


# Intervals


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
