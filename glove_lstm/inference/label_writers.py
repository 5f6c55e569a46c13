"""Write labels and scores as CSV, JSON lines or Parquet."""

import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, TextIO

import numpy as np
from numpy.typing import NDArray

from glove_lstm.data.errors import DataError
from glove_lstm.data.streaming import TextRow

ABSTAIN = "ABSTAIN"  # instead of a label where the best score is too low
_DIGITS = 6  # of a score


@dataclass(frozen=True, eq=False)
class Labelled:
    """n rows with their labels and scores.

    Attributes:
        rows: The rows.
        labels: The best label of each, or `ABSTAIN`.
        scores: (n, labels), as the model gives them.
    """

    rows: Sequence[TextRow]
    labels: Sequence[str]
    scores: NDArray[np.floating]

    @cached_property
    def rounded(self) -> list[list[float]]:
        """The best score of each row, then those of every label."""
        best = self.scores.max(axis=1, keepdims=True)
        return np.round(np.hstack([best, self.scores]).astype(np.float64), _DIGITS).tolist()


@dataclass(frozen=True)
class Layout:
    """The columns of the output.

    Attributes:
        label_names: In the order of the scores.
        named: Whether there is a column `file` beside `row`.
    """

    label_names: Sequence[str]
    named: bool = False

    @property
    def columns(self) -> list[str]:
        """Their names, in a table."""
        files = ["file"] if self.named else []
        return [*files, "row", "label", "score", *(f"score_{name}" for name in self.label_names)]


class LabelWriter(Protocol):
    """Takes labelled rows in order."""

    def write(self, labelled: Labelled) -> None:
        """Add rows."""

    def close(self) -> None:
        """Finish the file; a stream that was given stays open."""


class _TextWriter:
    """Opens the file, where it is not open yet."""

    def __init__(self, target: Path | TextIO, layout: Layout) -> None:
        self._layout = layout
        self._owned = isinstance(target, Path)
        self._file = (
            target.open("w", encoding="utf-8", newline="") if isinstance(target, Path) else target
        )

    def close(self) -> None:
        """See `LabelWriter`."""
        if self._owned:
            self._file.close()


class CsvWriter(_TextWriter):
    """A header, then a line a row."""

    def __init__(self, target: Path | TextIO, layout: Layout) -> None:
        super().__init__(target, layout)
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._writer.writerow(layout.columns)

    def write(self, labelled: Labelled) -> None:
        """See `LabelWriter`."""
        for row, label, scores in zip(
            labelled.rows, labelled.labels, labelled.rounded, strict=True
        ):
            file = [row.file] if self._layout.named else []
            self._writer.writerow(
                [*file, row.number, label, *(f"{score:.{_DIGITS}f}" for score in scores)]
            )


class JsonlWriter(_TextWriter):
    """An object a line."""

    def write(self, labelled: Labelled) -> None:
        """See `LabelWriter`."""
        names = self._layout.label_names
        for row, label, (best, *scores) in zip(
            labelled.rows, labelled.labels, labelled.rounded, strict=True
        ):
            values: dict[str, Any] = {"file": row.file} if self._layout.named else {}
            values |= {"row": row.number, "label": label, "score": best}
            values["scores"] = dict(zip(names, scores, strict=True))
            values |= self.more(row)
            self._file.write(json.dumps(values, ensure_ascii=False) + "\n")

    def more(self, row: TextRow) -> dict[str, Any]:  # noqa: ARG002 (for subclasses)
        """Further values of a row; none here."""
        return {}


class ParquetWriter:
    """A row group for each call; scores in double precision."""

    def __init__(self, target: Path | TextIO, layout: Layout) -> None:
        try:
            import pyarrow as pa
            import pyarrow.parquet as pq
        except ImportError as error:
            raise DataError("Parquet needs pyarrow: pip install pyarrow.") from error
        kinds = {"file": pa.string(), "row": pa.int64(), "label": pa.string()}
        self._schema = pa.schema([(name, kinds.get(name, pa.float64())) for name in layout.columns])
        self._named = layout.named
        self._writer = pq.ParquetWriter(target, self._schema)

    def write(self, labelled: Labelled) -> None:
        """See `LabelWriter`."""
        import pyarrow as pa

        files = [[row.file for row in labelled.rows]] if self._named else []
        scores = np.array(labelled.rounded, dtype=np.float64).reshape(len(labelled.rows), -1).T
        values = [*files, [row.number for row in labelled.rows], list(labelled.labels), *scores]
        self._writer.write_table(pa.table(values, schema=self._schema))

    def close(self) -> None:
        """See `LabelWriter`."""
        self._writer.close()


WRITERS: dict[str, Callable[[Path | TextIO, Layout], LabelWriter]] = {
    "csv": CsvWriter,
    "jsonl": JsonlWriter,
    "parquet": ParquetWriter,
}
