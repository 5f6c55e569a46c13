"""Labels and scores as CSV, JSON lines or Parquet, window by window."""

import csv
import io
import json
import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, TextIO

import numpy as np
from numpy.typing import NDArray

from glove_lstm.data.errors import DataError
from glove_lstm.data.streaming import TextRow

ABSTAIN = "ABSTAIN"  # what stands for a label where the score is too low
_DIGITS = 6  # of a score


@dataclass(frozen=True, eq=False)
class Labelled:
    """What was found out about n rows.

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
    """What the columns are.

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
    """Takes windows in order."""

    def write(self, found: Labelled) -> None:
        """Add a window."""

    def close(self) -> None:
        """Finish the file; a stream that was given stays open."""


class CsvWriter:
    """A header, then a line a row."""

    def __init__(self, target: Path | TextIO, layout: Layout) -> None:
        self._stack, self._file = _open(target)
        self._named = layout.named
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._writer.writerow(layout.columns)

    def write(self, found: Labelled) -> None:
        """See `LabelWriter`."""
        for row, label, scores in zip(found.rows, found.labels, found.rounded, strict=True):
            file = [row.file] if self._named else []
            self._writer.writerow([*file, row.number, label, *(f"{score:.{_DIGITS}f}" for score in scores)])

    def close(self) -> None:
        """See `LabelWriter`."""
        self._stack.close()


class JsonlWriter:
    """An object a line."""

    def __init__(self, target: Path | TextIO, layout: Layout) -> None:
        self._stack, self._file = _open(target)
        self._layout = layout

    def write(self, found: Labelled) -> None:
        """See `LabelWriter`."""
        names = self._layout.label_names
        for row, label, (best, *scores) in zip(found.rows, found.labels, found.rounded, strict=True):
            values: dict[str, Any] = {"file": row.file} if self._layout.named else {}
            values |= {"row": row.number, "label": label, "score": best}
            values["scores"] = dict(zip(names, scores, strict=True))
            values |= self.more(row)
            self._file.write(json.dumps(values, ensure_ascii=False) + "\n")

    def more(self, row: TextRow) -> dict[str, Any]:  # noqa: ARG002 (for subclasses)
        """What else to say of a row; nothing here."""
        return {}

    def close(self) -> None:
        """See `LabelWriter`."""
        self._stack.close()


class ParquetWriter:
    """A row group a window; scores in double precision."""

    def __init__(self, target: Path | TextIO, layout: Layout) -> None:
        try:
            import pyarrow as pa
            import pyarrow.parquet as pq
        except ImportError as error:
            raise DataError("Parquet needs pyarrow: pip install pyarrow.") from error
        if not isinstance(target, Path):
            raise DataError("Parquet cannot go to standard output; name a file or a folder.")
        kinds = {"file": pa.string(), "row": pa.int64(), "label": pa.string()}
        self._schema = pa.schema([(name, kinds.get(name, pa.float64())) for name in layout.columns])
        self._named = layout.named
        self._writer = pq.ParquetWriter(target, self._schema)

    def write(self, found: Labelled) -> None:
        """See `LabelWriter`."""
        import pyarrow as pa

        files = [[row.file for row in found.rows]] if self._named else []
        scores = np.array(found.rounded, dtype=np.float64).reshape(len(found.rows), -1).T
        values = [*files, [row.number for row in found.rows], list(found.labels), *scores]
        arrays = [pa.array(column, field.type) for column, field in zip(values, self._schema, strict=True)]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))

    def close(self) -> None:
        """See `LabelWriter`."""
        self._writer.close()


WRITERS: dict[str, Callable[[Path | TextIO, Layout], LabelWriter]] = {
    "csv": CsvWriter,
    "jsonl": JsonlWriter,
    "parquet": ParquetWriter,
}


def join_parts(parts: Sequence[Path], target: Path, kind: str, layout: Layout) -> None:
    """Write one file out of several of the same layout, in constant memory."""
    if kind == "parquet":
        _join_parquet(parts, target)
        return
    header = io.StringIO()
    WRITERS[kind](header, layout).close()  # what every part begins with
    start = header.getvalue().encode()
    with target.open("wb") as joined:
        joined.write(start)
        for part in parts:
            with part.open("rb") as file:
                file.seek(len(start))
                shutil.copyfileobj(file, joined, 1 << 20)


def _join_parquet(parts: Sequence[Path], target: Path) -> None:
    import pyarrow.parquet as pq

    with pq.ParquetWriter(target, pq.read_schema(parts[0])) as writer:
        for part in parts:
            writer.write_table(pq.read_table(part, partitioning=None))


def _open(target: Path | TextIO) -> tuple[ExitStack, TextIO]:
    """The file, and what closes it."""
    stack = ExitStack()
    opened: AbstractContextManager[TextIO] = (
        target.open("w", encoding="utf-8", newline="") if isinstance(target, Path) else nullcontext(target)
    )
    return stack, stack.enter_context(opened)
