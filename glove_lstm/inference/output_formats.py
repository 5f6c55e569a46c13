"""Write labels and scores as CSV, JSON lines or Parquet."""

import csv
import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np
from numpy.typing import NDArray

from glove_lstm.data.streaming import TextRow

if TYPE_CHECKING:
    from glove_lstm.inference.explanation import Explanation

ABSTAIN = "ABSTAIN"  # instead of a label if the best score is too low
_DIGITS = 6  # decimals of a score
_SHOWN = 100  # characters of a text in a readable table
_FORMULA = (
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
)  # a spreadsheet takes a cell that begins so for a formula
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")

Explain = Callable[[str, str | None], "Explanation"]  # from a text and its second part


@dataclass(frozen=True, eq=False)
class Labelled:
    """n rows with their labels and scores."""

    rows: Sequence[TextRow]
    labels: Sequence[str | list[str]]  # best label of each row, or `ABSTAIN`; or a list of labels
    scores: NDArray[np.floating]  # (n, labels)

    @cached_property
    def rounded(self) -> list[list[float]]:
        """The best score of each row, then the scores of all labels."""
        best = self.scores.max(axis=1, keepdims=True)
        return np.round(np.hstack([best, self.scores]).astype(np.float64), _DIGITS).tolist()


Write = Callable[[Labelled], None]  # adds rows to a file, in order


@dataclass(frozen=True)
class Layout:
    """The columns of the output."""

    label_names: Sequence[str]  # in the order of the scores
    named: bool = False  # whether there is a column `file` beside `row`

    @property
    def columns(self) -> list[str]:
        """The names of the columns in a table."""
        names = ["file"] if self.named else []
        names += ["row", "label", "score"]
        names += [f"score_{name}" for name in self.label_names]
        return names

    def values(self, labelled: Labelled) -> list[Sequence[Any]]:
        """Return the columns' values."""
        values: list[Sequence[Any]] = []
        if self.named:
            values.append([row.file for row in labelled.rows])
        values.append([row.number for row in labelled.rows])
        values.append([label_cell(label) for label in labelled.labels])
        values += list(np.array(labelled.rounded).reshape(-1, 1 + len(self.label_names)).T)
        return values


def label_cell(label: str | list[str]) -> str:
    """Return a label for a table, and several labels as JSON, as the training reads them."""
    return label if isinstance(label, str) else json.dumps(label, ensure_ascii=False)


def csv_cell(text: str) -> str:
    """Return a text for a CSV file: with an apostrophe before what a spreadsheet would run as a formula."""
    if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text):
        text = f"'{text}"
    # Before Python 3.13, csv leaves a carriage return without quotation marks, and it would end the row.
    return text.replace("\r", "\n")


def printable(text: str) -> str:
    """Replace what a terminal might act on, one for one: all but printable characters, spaces, tabs and line feeds."""
    return "".join(
        c if c.isprintable() or c in "\t\n" or unicodedata.category(c) == "Zs" else "\ufffd"
        for c in text
    )


def one_line(text: str) -> str:
    """Make text printable, on one line."""
    return printable(" ".join(text.split()))


@contextmanager
def open_writer(
    target: Path | TextIO, kind: str, layout: Layout, explain: Explain | None = None
) -> Iterator[Write]:
    """Open a file for labelled rows; a stream stays open.

    Args:
        target: A file, or a text stream for csv and jsonl.
        kind: "csv", "jsonl" or "parquet".
        layout: The columns.
        explain: Adds explanations to jsonl.
    """
    with ExitStack() as stack:
        if kind == "parquet":
            import pyarrow as pa
            import pyarrow.parquet as pq

            kinds = {"file": pa.string(), "row": pa.int64(), "label": pa.string()}
            schema = pa.schema([(name, kinds.get(name, pa.float64())) for name in layout.columns])
            parquet = stack.enter_context(pq.ParquetWriter(target, schema))
            yield lambda labelled: parquet.write_table(pa.table(layout.values(labelled), schema))
            return
        if isinstance(target, Path):
            target = stack.enter_context(target.open("w", encoding="utf-8", newline=""))
        yield _write_csv(target, layout) if kind == "csv" else _write_jsonl(target, layout, explain)


def table_writer(file: TextIO, labels: Sequence[str]) -> Write:
    """Write a readable table of labels and texts."""
    width = max(len(name) for name in [*labels, "label"])
    file.write(f"{'label':<{width}}  score  text\n")

    def write(labelled: Labelled) -> None:
        for row, label, scores in zip(
            labelled.rows, labelled.labels, labelled.rounded, strict=True
        ):
            text = one_line(f"{row.text} {row.pair or ''}")
            shown = text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
            file.write(f"{one_line(label_cell(label)):<{width}}  {scores[0]:.3f}  {shown}\n")

    return write


def _write_csv(file: TextIO, layout: Layout) -> Write:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([csv_cell(name) for name in layout.columns])
    first_score = layout.columns.index("score")

    def write(labelled: Labelled) -> None:
        for values in zip(*layout.values(labelled), strict=True):
            *files, number, label = values[:first_score]
            scores = [f"{score:.{_DIGITS}f}" for score in values[first_score:]]
            writer.writerow([*map(csv_cell, files), number, csv_cell(label), *scores])

    return write


def _write_jsonl(file: TextIO, layout: Layout, explain: Explain | None) -> Write:
    def write(labelled: Labelled) -> None:
        for row, label, (best, *scores) in zip(
            labelled.rows, labelled.labels, labelled.rounded, strict=True
        ):
            values: dict[str, Any] = {"file": row.file} if layout.named else {}
            values |= {"row": row.number, "label": label, "score": best}
            values["scores"] = dict(zip(layout.label_names, scores, strict=True))
            if explain is not None:
                values["explanation"] = explain(row.text, row.pair).to_dict()
            file.write(json.dumps(values, ensure_ascii=False) + "\n")

    return write
