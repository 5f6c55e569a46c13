"""The predicted label of each measured text, the surest mistakes first."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glove_lstm.inference.decisions import decide, labels_above
from glove_lstm.inference.output_formats import csv_cell, label_cell, shortened
from glove_lstm.printable import markdown_table, one_line

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
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, self._record(0), lineterminator="\n")
            writer.writeheader()
            for number in self._order:
                record = self._record(number)
                writer.writerow({name: csv_cell(value) for name, value in record.items()})

    def surest_mistakes(self) -> str:
        """Return a table of the three surest mistakes; "" if there are none."""
        records = []
        for number in self._order[: min(_SHOWN, self._is_wrong.sum())]:
            record = self._record(number)
            record["score"] = f"{record['score']:.4f}"
            record["text"] = shortened(one_line(record.pop("text")), _CHARACTERS)  # as last column
            records.append(record)
        if not records:
            return ""
        rows = [list(map(str, record.values())) for record in records]
        return f"The surest mistakes:\n\n{markdown_table(list(records[0]), rows)}"

    def _record(self, number: int) -> dict[str, Any]:
        """Return the columns of a text."""
        true = self.labels[number]
        if self.thresholds is None:
            label = self.label_names[true]
        else:
            label = label_cell([self.label_names[column] for column in true.nonzero()[0]])
        [predicted] = decide(self.scores[[number]], self.label_names, self.thresholds)
        return {
            **({} if self.files is None else {"file": self.files[number]}),
            "row": self.rows[number],
            "text": self.texts[number],
            "label": label,
            "predicted": label_cell(predicted),
            "score": float(self.scores[number].max()),
        }

    @cached_property
    def _is_wrong(self) -> NDArray[np.bool_]:
        if self.thresholds is None:
            return self.scores.argmax(axis=1) != self.labels
        return (labels_above(self.scores, self.thresholds) != (self.labels > 0)).any(axis=1)

    @cached_property
    def _order(self) -> list[int]:
        """The numbers of the texts: mistakes before others, each by the largest error of a score."""
        truth = self.labels
        if truth.ndim == 1:
            truth = np.eye(len(self.label_names), dtype=np.int64)[truth]
        errors = np.abs(self.scores - truth).max(axis=1)
        # Of several labels, errors above 0.5 need not be mistakes, because thresholds differ.
        return np.lexsort((-errors, ~self._is_wrong)).tolist()
