"""The predicted label of each measured text, the surest mistakes first."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import classification_report

from glove_lstm.inference.decisions import decide, labels_above
from glove_lstm.inference.output_formats import csv_cell, label_cell, shortened
from glove_lstm.printable import markdown_table, one_line
from glove_lstm.tables.examples import Examples

_SHOWN = 3  # mistakes in a report
_CHARACTERS = 60  # of a text in a report


@dataclass(frozen=True, eq=False)
class Predictions:
    """The scores of n texts.

    Attributes:
        texts: The texts with their true labels, in the order of the scores.
        rows: The number of each text in its table, from 1.
        files: The table of each text, if there are several; None: there is one.
        scores: (n, labels).
        thresholds: Scores from which a text gets each label; None: it has exactly one.
    """

    texts: Examples
    rows: Sequence[int]
    files: Sequence[str] | None
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

    def by_label(self) -> dict[str, dict[str, float]]:
        """Return precision, recall, F1 and support of each label, by its name."""
        report = self._classification_report(output_dict=True)
        return {name: report[str(number)] for number, name in enumerate(self.texts.label_names)}

    def label_report(self) -> str:
        """Return a table of precision, recall, F1 and support of each label."""
        names = [one_line(name) for name in self.texts.label_names]
        return str(self._classification_report(target_names=names, digits=4)).rstrip()

    def _classification_report(self, **options: Any) -> Any:
        return classification_report(
            self.texts.labels,
            self.predicted,
            labels=range(len(self.texts.label_names)),
            zero_division=0,
            **options,
        )

    def _record(self, number: int) -> dict[str, Any]:
        """Return the columns of a text."""
        names = self.texts.label_names
        true = self.texts.labels[number]
        if self.thresholds is None:
            label = names[true]
        else:
            columns = true.nonzero()[0]
            label = label_cell([names[column] for column in columns])
        [predicted] = decide(self.scores[[number]], names, self.thresholds)
        return {
            **({} if self.files is None else {"file": self.files[number]}),
            "row": self.rows[number],
            "text": self.texts.texts[number],
            "label": label,
            "predicted": label_cell(predicted),
            "score": float(self.scores[number].max()),
        }

    @cached_property
    def predicted(self) -> NDArray[Any]:
        """The predicted labels, in numbers, as `texts` has the true ones."""
        if self.thresholds is None:
            return self.scores.argmax(axis=1)
        return labels_above(self.scores, self.thresholds).astype(np.int64)

    @cached_property
    def _is_wrong(self) -> NDArray[np.bool_]:
        is_wrong = self.predicted != self.texts.labels
        return is_wrong if is_wrong.ndim == 1 else is_wrong.any(axis=1)

    @cached_property
    def _order(self) -> list[int]:
        """The numbers of the texts: mistakes before others, each by the largest error of a score."""
        truth = self.texts.labels
        if truth.ndim == 1:
            truth = np.eye(self.scores.shape[1], dtype=np.int64)[truth]
        errors = np.abs(self.scores - truth).max(axis=1)
        # Of several labels, errors above 0.5 need not be mistakes, because thresholds differ.
        return np.lexsort((-errors, ~self._is_wrong)).tolist()
