"""Label inputs of any size in constant memory. A killed run into a folder can be resumed.

The folder holds part-00000.csv (or .jsonl, .parquet), part-00001.csv, ..., each with a fixed range of the input's rows,
and run.json with the arguments of the run.
"""

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from glove_lstm.errors import DataError, counted, shown
from glove_lstm.files import check_writable, fingerprint, locked, read_json_object, whole_file
from glove_lstm.inference.classifier import Classifier
from glove_lstm.inference.decisions import are_unsure, decide
from glove_lstm.inference.output_formats import Labelled, Layout, open_writer
from glove_lstm.progress import progress as progress_bar
from glove_lstm.tables.columns import Columns, Row, is_missing, read_rows
from glove_lstm.tables.tables import Table
from glove_lstm.version import __version__

_MOST_CHARACTERS = 1 << 24  # of text in a part, if rows are very long
_ARGUMENTS = "run.json"
_LOCK = ".predict.lock"  # exists while a run writes to the folder, and after a run was killed
# Patterns of unfinished files, as `whole_file` names them: of a part, and of run.json.
_UNFINISHED_PART = ".part-*.part"
_UNFINISHED_ARGUMENTS = f".{_ARGUMENTS}.*.part"


@dataclass(frozen=True)
class Source:
    """The rows to label: tables with their columns, or texts that are in none."""

    columns: Columns
    tables: Sequence[Table] = ()
    texts: Iterable[Row] = ()
    paths: Sequence[Path] = ()  # of the tables
    has_file_column: bool = False  # whether the output names the file of each row

    @property
    def kept(self) -> dict[str, Any]:
        """The columns that the output repeats, with their first values."""
        cells = [cells for table in self.tables[:1] for cells in table.head()]
        kept = {}
        for name in self.columns.others:
            values = (row.get(name) for row in cells)
            kept[name] = next((value for value in values if not is_missing(value)), None)
        return kept

    def __iter__(self) -> Iterator[Row]:
        yield from self.texts
        for table in self.tables:
            yield from read_rows(table, self.columns)


@dataclass(frozen=True)
class Labeller:
    """A classifier, and the score below which a row is marked as unsure."""

    classifier: Classifier
    unsure_below: float | None = None  # from 0 to 1; None: rows are not marked

    def __post_init__(self) -> None:
        if self.unsure_below is not None and self.classifier.thresholds:
            raise DataError("unsure_below is for models of one label a text; leave it out.")

    def layout(self, source: Source) -> Layout:
        """Return the columns of the output for the rows of a source.

        Raises:
            DataError: A column that is kept has the name of one that is written.
        """
        layout = Layout(
            self.classifier.label_names,
            has_file_column=source.has_file_column,
            marks_unsure=self.unsure_below is not None,
        )
        kept = source.kept
        for name in kept:
            if name in (*layout.columns, "scores", "explanation"):
                raise DataError(
                    f"The output has a column {shown(name)} of its own; rename the input's, or leave it out of "
                    "--keep_columns."
                )
        return replace(layout, kept=kept)

    def __call__(self, rows: Sequence[Row]) -> Labelled:
        """Classify rows. Either all or none of them have a second part."""
        texts = [row.text for row in rows]
        pairs = None
        if rows and rows[0].pair is not None:
            pairs = [row.pair or "" for row in rows]
        tokenizer = self.classifier.tokenizer
        truncated_before = tokenizer.truncated_texts
        scores = self.classifier.predict_proba(texts, pairs)
        truncated = tokenizer.truncated_texts - truncated_before
        labels = decide(scores, self.classifier.label_names, self.classifier.thresholds)
        unsure = None if self.unsure_below is None else are_unsure(scores, self.unsure_below)
        return Labelled(rows, labels, scores, unsure, truncated)


@dataclass
class Summary:
    """Counts of a run, from its start on."""

    rows: int = 0  # labelled
    empty: int = 0  # labelled rows without any text
    truncated: int = 0  # labelled rows that are longer than the model reads
    kept_parts: int = 0  # parts of an earlier run
    start: float = field(default_factory=time.perf_counter)

    def add(self, labelled: Labelled) -> None:
        """Count labelled rows."""
        self.rows += len(labelled.rows)
        self.empty += sum(row.empty for row in labelled.rows)
        self.truncated += labelled.truncated

    def __str__(self) -> str:
        seconds = time.perf_counter() - self.start
        line = (
            f"{counted(self.rows, 'row')} in {seconds:,.1f} s ({self.rows / seconds:,.0f} rows/s)"
        )
        if self.kept_parts:
            line += f"; parts of an earlier run kept: {self.kept_parts:,}"
        return line


def label_to_folder(
    source: Source,
    labeller: Labeller,
    folder: Path,
    kind: str,
    *,
    rows_per_part: int,
    progress: bool = False,
) -> Summary:
    """Write a part for every `rows_per_part` rows. Parts of an earlier run with the same arguments are kept.

    Args:
        source: The rows.
        labeller: The classifier.
        folder: For the parts. It must not hold parts of a run with other arguments.
        kind: "csv", "jsonl" or "parquet".
        rows_per_part: Rows per part; fewer if they are very long.
        progress: Whether to show a bar on standard error.

    Raises:
        DataError: Another run writes to the folder, or has written its parts; or a row cannot be read.
    """
    arguments = {
        "version": __version__,
        "inputs": [fingerprint(path) for path in source.paths] or None,
        "columns": source.columns.text,
        "keep_columns": source.columns.others,
        "model": {
            "files": dict(labeller.classifier.digests),
            "labels": list(labeller.classifier.label_names),
        },
        "format": kind,
        "rows_per_part": rows_per_part,
        "unsure_below": labeller.unsure_below,
    }
    layout = labeller.layout(source)
    summary = Summary()
    check_writable(folder)
    with locked(folder, _LOCK):
        _claim_output_folder(folder, arguments)
        for number, rows in enumerate(chunks(source, rows_per_part, progress)):
            path = folder / f"part-{number:05d}.{kind}"
            if path.exists():
                summary.kept_parts += 1
                continue
            with whole_file(path) as part, open_writer(part, kind, layout) as write:
                labelled = labeller(rows)
                write(labelled)
            summary.add(labelled)
    return summary


def _claim_output_folder(folder: Path, arguments: dict[str, Any]) -> None:
    """Write the arguments of a run into its folder, and remove what a killed run left unfinished.

    Raises:
        DataError: The folder holds parts that this run cannot go on with, a run.json that this version of the package
            did not write, or anything else without a run.json.
    """
    path = folder / _ARGUMENTS
    remedy = "remove the folder, or choose another"
    earlier = {}
    if path.exists():
        earlier = read_json_object(path, remedy)
        if earlier.keys() != arguments.keys():
            raise DataError(
                f"{path} is from another program, or another version of glove-lstm: {remedy}."
            )
    else:
        _check_holds_nothing(folder)
    different = [name for name, value in arguments.items() if earlier.get(name) != value]
    has_parts = any(folder.glob("part-*"))
    if has_parts and different:
        raise DataError(
            f"{folder} holds parts of another run (different: {', '.join(different)}): {remedy}."
        )
    if has_parts and arguments["inputs"] is None:
        raise DataError(f"{folder} holds parts, but standard input cannot be read again: {remedy}.")

    for pattern in (_UNFINISHED_PART, _UNFINISHED_ARGUMENTS):
        for unfinished in folder.glob(pattern):
            unfinished.unlink()
    with whole_file(path) as unfinished:
        unfinished.write_text(json.dumps(arguments, indent=1) + "\n", encoding="utf-8")


def _check_holds_nothing(folder: Path) -> None:
    """Raise a DataError if a folder holds more than what a run leaves that was killed at its start."""
    left_by_a_run = {folder / _LOCK, *folder.glob(_UNFINISHED_ARGUMENTS)}
    if set(folder.iterdir()) - left_by_a_run:
        raise DataError(
            f"{folder} has files, but no {_ARGUMENTS} of an earlier run; choose another."
        )


def chunks(
    source: Source,
    rows_per_part: int,
    progress: bool,
    most_characters: int = _MOST_CHARACTERS,
) -> Iterator[list[Row]]:
    """Yield all rows in chunks, which are the same in every run.

    A chunk has `rows_per_part` rows, or fewer with `most_characters` characters or more.
    """
    chunk: list[Row] = []
    characters = 0
    for row in progress_bar("Classifying", source, unit=" rows", shown=progress):
        chunk.append(row)
        characters += len(row.text) + len(row.pair or "")
        if len(chunk) == rows_per_part or characters >= most_characters:
            yield chunk
            chunk = []
            characters = 0
    if chunk:
        yield chunk
