"""The report of `glove-lstm evaluate`, as text and as files."""

import csv
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import classification_report, confusion_matrix

from glove_lstm.checkpoint.new_folder import check_new_folder, new_folder
from glove_lstm.evaluation.metrics import Measures
from glove_lstm.evaluation.plots import plot_measured
from glove_lstm.evaluation.robustness import robustness_table
from glove_lstm.inference.decisions import labels_above
from glove_lstm.inference.output_formats import csv_cell, label_cell, shortened
from glove_lstm.printable import markdown_table, one_line
from glove_lstm.tables.examples import Examples

logger = logging.getLogger(__name__)

_SHOWN = 3  # mistakes
_CHARACTERS = 60  # of a text that is shown


@dataclass(frozen=True, eq=False)
class Report:
    """Measures of a classifier on n labelled texts, and its label for each; `make_report` makes it."""

    introduction: str  # sentences about the texts
    figures: dict[str, Any]  # the contents of eval.json
    measures: Measures
    texts: Examples
    places: Sequence[Mapping[str, Any]]  # the first columns of predictions.csv, such as `row`
    scores: NDArray[np.float64]  # (n, labels)
    predicted: NDArray[Any]  # labels in numbers, as `texts` has the true ones

    def text(self) -> str:
        """Format everything for a terminal."""
        names = [one_line(name) for name in self.texts.label_names]
        sections = [
            self.introduction,
            self.measures.table(),
            *self.measures.remarks(),
            _by_label(self.texts, self.predicted, target_names=names, digits=4).rstrip(),
        ]
        if self.measures.coverage is not None:
            sections.append(_coverage_table(self.measures.coverage))
        if self._is_wrong.any():
            sections.append(self._surest_mistakes())
        if "robustness" in self.figures:
            sections.append(robustness_table(self.figures["robustness"]))
        if "top_words" in self.figures:
            sections.append("The words that speak most for each label:")
            for label, words in self.figures["top_words"].items():
                sections.append(one_line(f"{label}: {', '.join(words)}"))
        return "\n\n".join(sections) + "\n"

    def save(self, folder: str | Path) -> None:
        """Write eval.json, predictions.csv and, for one label a text, plots: all of them, or nothing.

        Args:
            folder: A new or empty folder.

        Raises:
            DataError: The folder holds something, or cannot be written.
        """
        folder = Path(folder)
        check_new_folder(folder)
        with new_folder(folder) as unfinished:
            text = json.dumps(self.figures, indent=2, ensure_ascii=False, allow_nan=False)
            (unfinished / "eval.json").write_text(f"{text}\n", encoding="utf-8", errors="replace")
            self._write_predictions(unfinished / "predictions.csv")
            if not self.texts.is_multi_label:
                plot_measured(self.scores, self.texts.labels, self.texts.label_names, unfinished)

    def _write_predictions(self, path: Path) -> None:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, self._record(0), lineterminator="\n")
            writer.writeheader()
            for number in self._order:
                record = self._record(number)
                writer.writerow({name: csv_cell(value) for name, value in record.items()})

    def _surest_mistakes(self) -> str:
        records = []
        for number in self._order[: min(_SHOWN, self._is_wrong.sum())]:
            record = self._record(number)
            record["score"] = f"{record['score']:.4f}"
            record["text"] = shortened(one_line(record.pop("text")), _CHARACTERS)  # as last column
            records.append(record)
        rows = [list(map(str, record.values())) for record in records]
        heading = "The surest mistakes, by the largest error of a score:"
        return f"{heading}\n\n{markdown_table(list(records[0]), rows)}"

    def _record(self, number: int) -> dict[str, Any]:
        """Return the columns of a text in predictions.csv."""
        return {
            **self.places[number],
            "text": self.texts.texts[number],
            "label": self._label(self.texts.labels[number]),
            "predicted": self._label(self.predicted[number]),
            "score": float(self.scores[number].max()),
        }

    def _label(self, numbers: NDArray[Any]) -> str:
        """Return the label of a text, from its number; or its labels, from a 0 or 1 for each."""
        names = self.texts.label_names
        if self.texts.is_multi_label:
            return label_cell([names[number] for number in numbers.nonzero()[0].tolist()])
        return names[int(numbers)]

    @cached_property
    def _is_wrong(self) -> NDArray[np.bool_]:
        is_wrong = self.predicted != self.texts.labels
        return is_wrong.any(axis=1) if self.texts.is_multi_label else is_wrong

    @cached_property
    def _order(self) -> list[int]:
        """The numbers of the texts: mistakes before others, each by the largest error of a score."""
        truth = self.texts.labels
        if not self.texts.is_multi_label:
            truth = np.eye(self.scores.shape[1], dtype=np.int64)[truth]
        errors = np.abs(self.scores - truth).max(axis=1)
        # Of several labels, errors above 0.5 need not be mistakes, because thresholds differ.
        return np.lexsort((-errors, ~self._is_wrong)).tolist()


def make_report(
    introduction: str,
    source: Mapping[str, Any],
    texts: Examples,
    places: Sequence[Mapping[str, Any]],
    scores: NDArray[np.float64],
    thresholds: Any,
    further: Mapping[str, Any] | None = None,
) -> Report:
    """Measure scores of n texts.

    `source` holds the first entries of eval.json, and `further` the last ones: "robustness" and "top_words", if they
    are measured. `thresholds` is as for `Measures.of`.
    """
    predicted = scores.argmax(axis=1)
    if thresholds is not None:
        predicted = labels_above(scores, thresholds).astype(np.int64)
    measures = Measures.of(scores, texts.labels, texts.label_names, thresholds)
    figures = {**source, "labels": list(texts.label_names), **measures.to_json()}
    by_number = _by_label(texts, predicted, output_dict=True)
    figures["by_label"] = {
        name: by_number[str(number)] for number, name in enumerate(texts.label_names)
    }
    if thresholds is None:
        labels = range(len(texts.label_names))
        confusion = confusion_matrix(texts.labels, predicted, labels=labels)
        figures["confusion"] = confusion.tolist()  # a row for each true label
    figures |= further or {}
    return Report(introduction, figures, measures, texts, places, scores, predicted)


def _by_label(texts: Examples, predicted: NDArray[Any], **options: Any) -> Any:
    """Return precision, recall, F1 and support of each label."""
    labels = range(len(texts.label_names))
    return classification_report(texts.labels, predicted, labels=labels, zero_division=0, **options)


def _coverage_table(coverage: Sequence[Mapping[str, float]]) -> str:
    rows = []
    for kept in coverage:
        cells = [f"{kept['threshold']:.4f}", f"{kept['coverage']:.1%}", f"{kept['accuracy']:.4f}"]
        rows.append(cells)
    return markdown_table(["score at least", "texts", "accuracy"], rows)
