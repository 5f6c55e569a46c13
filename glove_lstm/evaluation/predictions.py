"""The predicted label of each measured text, the surest mistakes first."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from glove_lstm.files import whole_file
from glove_lstm.inference.decisions import decide, labels_above
from glove_lstm.inference.output_formats import csv_cell, label_cell, shortened
from glove_lstm.printable import markdown_table, one_line
from glove_lstm.tables.labels import Label

PREDICTIONS_NAME = "predictions.csv"
_SHOWN = 3  # mistakes in a report
_CHARACTERS = 60  # of a text in a report


@dataclass(frozen=True, eq=False)
class Predictions:
    """The scores of n texts.

    Attributes:
        texts: The texts.
        rows: The number of each text in its table, from 1.
        files: The table of each text, if there are several; None: there is one.
        label_names: In the order of the scores.
        labels: (n,) indices of the true labels; or (n, labels), 1 where a text has the label.
        scores: (n, labels).
        thresholds: Scores from which a text gets each label; None: it has exactly one.
    """

    texts: Sequence[str]
    rows: Sequence[int]
    files: Sequence[str] | None
    label_names: Sequence[str]
    labels: NDArray[np.int64]
    scores: NDArray[np.float64]
    thresholds: Sequence[float] | None

    def write(self, path: Path) -> None:
        """Write a CSV file: file (if there are several), row, text, label, predicted, score."""
        with whole_file(path) as part, part.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow([*self._place_names(), "text", "label", "predicted", "score"])
            true, predicted = self._true_labels(), self._predicted_labels()
            for place in self._order():
                values = [
                    *self._place(place),
                    self.texts[place],
                    label_cell(true[place]),
                    label_cell(predicted[place]),
                    float(self.scores[place].max()),
                ]
                writer.writerow([csv_cell(value) for value in values])

    def surest_mistakes(self) -> str:
        """Return a table of the three surest mistakes; "" if there are none."""
        true, predicted = self._true_labels(), self._predicted_labels()
        rows = []
        for place in self._order()[:_SHOWN]:
            if not self._is_wrong()[place]:
                break
            rows.append(
                [
                    *map(str, self._place(place)),
                    label_cell(true[place]),
                    label_cell(predicted[place]),
                    f"{self.scores[place].max():.4f}",
                    shortened(one_line(self.texts[place]), _CHARACTERS),
                ]
            )
        if not rows:
            return ""
        header = [*self._place_names(), "label", "predicted", "score", "text"]
        return f"The surest mistakes:\n\n{markdown_table(header, rows)}"

    def _place_names(self) -> list[str]:
        return ["row"] if self.files is None else ["file", "row"]

    def _place(self, place: int) -> list[str | int]:
        row = self.rows[place]
        return [row] if self.files is None else [self.files[place], row]

    def _true_labels(self) -> list[Label]:
        if self.labels.ndim == 1:
            return [self.label_names[label] for label in self.labels]
        return [[self.label_names[label] for label in row.nonzero()[0]] for row in self.labels]

    def _predicted_labels(self) -> list[Label]:
        return decide(self.scores, self.label_names, self.thresholds)

    def _is_wrong(self) -> NDArray[np.bool_]:
        if self.thresholds is None:
            return self.scores.argmax(axis=1) != self.labels
        return (labels_above(self.scores, self.thresholds) != (self.labels > 0)).any(axis=1)

    def _order(self) -> list[int]:
        """Return the places of the texts: mistakes before others, each by the largest error of a score."""
        truth = self.labels
        if truth.ndim == 1:
            truth = np.eye(len(self.label_names), dtype=np.int64)[truth]
        errors = np.abs(self.scores - truth).max(axis=1)
        # Of several labels, errors above 0.5 need not be mistakes, because thresholds differ.
        return np.lexsort((-errors, ~self._is_wrong())).tolist()
