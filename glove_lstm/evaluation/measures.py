"""The measures of a model on the texts of a split, which print themselves."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glove_lstm.errors import counted, shown
from glove_lstm.evaluation.metrics import (
    Floats,
    Ints,
    accuracy_with_interval,
    basic_measures,
    bootstrap_interval,
    brier_scores,
    coverage_table,
    expected_calibration_error,
    f1_scores,
    mean_interval,
)
from glove_lstm.inference.decisions import labels_above
from glove_lstm.printable import markdown_table

Interval = Sequence[float]  # low, high

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
            thresholds: (labels,) scores from which a text gets each label; None: it has exactly one.
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

        def macro_f1(drawn: Ints) -> float:
            macro, _ = f1_scores(labels[drawn], predicted[drawn])
            return macro

        return cls(
            rows=len(labels),
            **(basic_measures(scores, labels) | accuracy_with_interval(is_correct)),
            f1_interval=bootstrap_interval(macro_f1, len(labels)),
            brier_interval=mean_interval(brier_scores(scores, labels)),
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
        macro_f1, micro_f1 = f1_scores(truth, predicted)
        macro_interval, micro_interval = bootstrap_interval(
            lambda drawn: f1_scores(truth[drawn], predicted[drawn]), len(truth)
        )
        _, rows_of_sets = np.unique(truth, axis=0, return_counts=True)
        # Each pair of a text and a label is a question with the classes no and yes.
        question_scores = np.stack([1 - scores, scores], axis=2).reshape(-1, 2)
        answers = truth.ravel().astype(np.int64)
        return cls(
            rows=len(truth),
            **accuracy_with_interval((truth == predicted).all(axis=1)),
            f1=macro_f1,
            f1_interval=macro_interval,
            micro_f1=micro_f1,
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
            if value is None:
                continue
            interval = getattr(self, f"{name}_interval", None)
            rows.append([title, *figure_cells(value, interval)])
        return markdown_table(["measure", "value", "95 % interval"], rows)

    def remarks(self, *, advise: bool) -> list[str]:
        """Return sentences about the measures; none if classes are even and the model beats the largest one.

        Args:
            advise: Whether to advise to weigh the classes in training; not if they were, or if that is unknown.
        """
        sentences = []
        if self.rarest is not None and _SKEWED < self.majority_share < 1:
            sentence = (
                f"The largest class has {self.majority_share:.1%} of the texts, which hides the others in the "
                f"accuracy: macro F1 is {self.f1:.4f}, and the recall of the rarest label, "
                f"{shown(self.rarest['label'])} ({counted(self.rarest['rows'], 'text')}), is "
                f"{self.rarest['recall']:.4f}."
            )
            if advise:
                sentence += " A training with --class_weight balanced finds more of its texts."
            sentences.append(sentence)
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
