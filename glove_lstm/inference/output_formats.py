"""Write labels and scores as CSV, JSON lines or Parquet, or as a table to read."""

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from glove_lstm.errors import DataError, first_line, shown
from glove_lstm.inference.explain import Explanation
from glove_lstm.printable import one_line, printable
from glove_lstm.tables.columns import Row, is_missing
from glove_lstm.tables.labels import Label
from glove_lstm.tokenization.word_shapes import replace_surrogates

UNSURE = "unsure"  # the column of a file, and the label in a readable table
_DECIMALS = 6  # of a score
_SHOWN = 90  # characters of a text in a readable table
# Of an explanation:
_LISTED = 5  # words for the label, and words against it
_MOST_LISTED = 60  # characters of a run of words
_FOR, _AGAINST, _UNMARKED = "\x1b[4;34m", "\x1b[3;33m", "\x1b[0m"

Explain = Callable[[str], Explanation]


@dataclass(frozen=True, eq=False)
class Labelled:
    """n rows with their labels and scores."""

    rows: Sequence[Row]
    labels: Sequence[Label]
    scores: NDArray[np.floating]  # (n, labels)
    unsure: NDArray[np.bool_] | None = None  # (n,) whether the score is too low; None: not asked
    truncated: int = 0  # rows that are longer than the model reads


Write = Callable[[Labelled], None]  # adds rows to a file, in order


@dataclass(frozen=True)
class Layout:
    """What is written of a row.

    Raises:
        DataError: A column that is kept has the name of one that is written.
    """

    label_names: Sequence[str]  # in the order of the scores
    has_file_column: bool = False  # `file`, before `row`
    marks_unsure: bool = False  # whether there is a column `unsure` after `score`
    # Columns of the input that the output repeats after `row`, each with its type in Parquet; None: text.
    kept: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        counts = Counter([*self.columns, "scores", "explanation"])
        for name in self.kept:
            if counts[name] > 1:
                raise DataError(
                    f"The output has a column {shown(name)} of its own; rename the input's, or leave it out of "
                    "--keep_columns."
                )

    @property
    def columns(self) -> list[str]:
        """The names of the columns in a table."""
        names = ["file"] if self.has_file_column else []
        names += ["row", *self.kept, "label", "score"]
        if self.marks_unsure:
            names.append(UNSURE)
        return names + [f"score_{name}" for name in self.label_names]

    def records(self, labelled: Labelled) -> Iterator[dict[str, Any]]:
        """Yield each row as JSON has it: file, row, kept columns, label, score, unsure, and scores by label."""
        all_scores = labelled.scores.astype(np.float64).round(_DECIMALS).tolist()
        for number, (row, scores) in enumerate(zip(labelled.rows, all_scores, strict=True)):
            record: dict[str, Any] = {"file": row.file} if self.has_file_column else {}
            record["row"] = row.number
            for name in self.kept:
                cell = row.cells[name]
                record[name] = None if is_missing(cell) else cell
            record["label"] = labelled.labels[number]
            record["score"] = max(scores)
            if labelled.unsure is not None:
                record[UNSURE] = bool(labelled.unsure[number])
            record["scores"] = dict(zip(self.label_names, scores, strict=True))
            yield record

    def table_rows(self, labelled: Labelled) -> Iterator[dict[str, Any]]:
        """Yield each row with a value for each of `columns`."""
        for record in self.records(labelled):
            for name, kind in self.kept.items():
                if kind is None:
                    record[name] = kept_text(record[name])
            scores = record.pop("scores")
            record["label"] = label_cell(record["label"])
            yield record | {f"score_{name}": score for name, score in scores.items()}


def kept_text(value: Any) -> str | None:
    """Return a value of a kept column as text; None if it is missing."""
    if is_missing(value):
        return None
    if isinstance(value, list | dict | bool):
        value = json.dumps(value, ensure_ascii=False, default=str)
    return replace_surrogates(str(value))


def label_cell(label: Label) -> str:
    """Return the cell of a table for a label. A list becomes JSON, which training reads."""
    return label if isinstance(label, str) else json.dumps(label, ensure_ascii=False)


def csv_cell(value: str | float | bool | None) -> str:
    """Return the cell of a CSV file for a value."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.{_DECIMALS}f}"
    # Before Python 3.13, csv leaves a carriage return without quotation marks, and it would end the row.
    return str(value).replace("\r\n", "\n").replace("\r", "\n")


@contextmanager
def open_writer(
    target: Path | TextIO, kind: str, layout: Layout, explain: Explain | None = None
) -> Iterator[Write]:
    """Open a file for labelled rows; a stream stays open.

    Args:
        target: A file; or a text stream, except for parquet.
        kind: "csv", "jsonl", "parquet", or "table" for people.
        layout: The columns.
        explain: Adds explanations to jsonl, and shows them instead of a table. Not used for csv and parquet.
    """
    if kind == "parquet":
        with _parquet_writer(target, layout) as write:
            yield write
        return
    opened: Any = nullcontext(target)
    if isinstance(target, Path):
        opened = target.open("w", encoding="utf-8", newline="")
    with opened as file:
        if kind == "csv":
            yield _csv_writer(file, layout)
        elif kind == "jsonl":
            yield _jsonl_writer(file, layout, explain)
        elif explain is not None:
            yield _explanation_writer(file, layout, explain)
        else:
            yield _table_writer(file, layout)


def _table_writer(file: TextIO, layout: Layout) -> Write:
    """Write a readable table of labels and texts. An unsure row has the two best labels with their scores."""
    width = max(len(name) for name in [*layout.label_names, "label", UNSURE])
    file.write(f"{'label':<{width}}  score  text\n")

    def write(labelled: Labelled) -> None:
        for row, record in zip(labelled.rows, layout.records(labelled), strict=True):
            shown_label = one_line(label_cell(record["label"]))
            shown_score = f"{record['score']:.3f}"
            if record.get(UNSURE):
                shown_label = UNSURE
                shown_score = _two_best(record["scores"])
            text = shortened(one_line(row.joined), _SHOWN)
            file.write(f"{shown_label:<{width}}  {shown_score}  {text}\n")

    return write


def _two_best(scores: Mapping[str, float]) -> str:
    """Return the two best labels with their scores, such as "FAKE 0.546, REAL 0.454"."""
    best_first = sorted(scores, key=lambda label: -scores[label])
    return ", ".join(f"{one_line(label)} {scores[label]:.3f}" for label in best_first[:2])


def _explanation_writer(file: TextIO, layout: Layout, explain: Explain) -> Write:
    """Write explanations as text, with marked words if the file is a terminal."""
    marks_words = file.isatty()

    def write(labelled: Labelled) -> None:
        for row, record in zip(labelled.rows, layout.records(labelled), strict=True):
            explanation = explain(row.joined)
            best = explanation.label
            heading = UNSURE if record.get(UNSURE) else label_cell(record["label"])
            if heading != best:
                heading = f"{heading} (best: {best})"
            score = record["scores"][best]
            shown = _marked(explanation) if marks_words else printable(explanation.text)
            file.write(f"{one_line(heading)}  {score:.3f}\n{shown}\n")
            file.write(_strongest(explanation, f"for {best}", sign=1))
            file.write(_strongest(explanation, f"against {best}", sign=-1))

    return write


def _marked(explanation: Explanation) -> str:
    """Return the text with its words marked for a terminal: underlined for the label, in italics against it."""
    text = printable(explanation.text)
    parts = []
    end_of_last = 0
    for word, share in explanation.marked:
        mark = _FOR if share > 0 else _AGAINST
        marked_word = f"{mark}{text[word.begin : word.end]}{_UNMARKED}"
        parts += [text[end_of_last : word.begin], marked_word]
        end_of_last = word.end
    return "".join([*parts, text[end_of_last:]])


def _strongest(explanation: Explanation, heading: str, *, sign: int) -> str:
    """Return a line with the words whose effects have this sign, the strongest first."""
    words = [word for word in explanation.effects if sign * word.effect > 0]
    words.sort(key=lambda word: -abs(word.effect))
    shown = []
    for word in words[:_LISTED]:
        # A long text has runs of words.
        part = shortened(one_line(explanation.text[word.begin : word.end]), _MOST_LISTED)
        shown.append(f"{part} {word.effect:+.2f}")
    return f"{one_line(heading)}: {', '.join(shown) or 'no word'}\n"


def word_effects(explanation: Explanation) -> list[dict[str, Any]]:
    """Return the effects of an explanation for JSON."""
    return [
        {
            "begin": word.begin,
            "end": word.end,
            "word": explanation.text[word.begin : word.end],
            "effect": round(word.effect, _DECIMALS),
        }
        for word in explanation.effects
    ]


def shortened(text: str, most: int) -> str:
    """Return a text of at most `most` characters; an ellipsis stands for the rest."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


@contextmanager
def _parquet_writer(target: Path | TextIO, layout: Layout) -> Iterator[Write]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {"file": pa.string(), "row": pa.int64(), "label": pa.string(), UNSURE: pa.bool_()}
    types |= {name: kind or pa.string() for name, kind in layout.kept.items()}
    score_type = pa.float64()
    schema = pa.schema([(name, types.get(name, score_type)) for name in layout.columns])

    with pq.ParquetWriter(target, schema) as parquet:

        def write(labelled: Labelled) -> None:
            records = list(layout.table_rows(labelled))
            try:
                table = pa.Table.from_pylist(records, schema)
            except pa.ArrowException as error:
                raise DataError(
                    f"A kept column has other types than in the first file ({first_line(error)}); write CSV or JSON "
                    "lines."
                ) from None
            parquet.write_table(table)

        yield write


def _csv_writer(file: TextIO, layout: Layout) -> Write:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([csv_cell(name) for name in layout.columns])

    def write(labelled: Labelled) -> None:
        for row in layout.table_rows(labelled):
            writer.writerow([csv_cell(value) for value in row.values()])

    return write


def _jsonl_writer(file: TextIO, layout: Layout, explain: Explain | None) -> Write:
    def write(labelled: Labelled) -> None:
        for row, record in zip(labelled.rows, layout.records(labelled), strict=True):
            if explain is not None:
                explanation = explain(row.joined)
                record["explanation"] = {
                    "text": explanation.text,
                    "label": explanation.label,
                    "effects": word_effects(explanation),
                }
            line = json.dumps(record, ensure_ascii=False, default=str)
            file.write(f"{replace_surrogates(line)}\n")

    return write
