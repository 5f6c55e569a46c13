"""Read texts of any amount, row by row: from files, globs, standard input, or columns in memory.

    for row in open_files(["news-*.csv", "more.parquet"]):
        ...                                        # a TextRow

Memory does not grow with the input.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from glove_lstm.errors import DataError
from glove_lstm.files import expand_globs, fingerprint, is_glob
from glove_lstm.tables.columns import (
    TextColumns,
    check_column,
    choose_kept_columns,
    choose_text_columns,
    is_blank,
    is_missing,
    python_values,
)
from glove_lstm.tables.tables import (
    Record,
    Table,
    check_names_differ,
    file_format,
    make_table,
    open_table,
    open_text_table,
)


@dataclass(frozen=True, slots=True)
class TextRow:
    """A row to classify."""

    file: str  # name of the input
    number: int  # of the row in the input, from 1
    text: str  # the first text column
    pair: str | None = None  # the other text columns, joined by a space; None if there are none
    kept: tuple[Any, ...] = ()  # the values of further columns, which the output repeats

    @property
    def joined(self) -> str:
        """Both texts, joined by a space."""
        return self.text if self.pair is None else f"{self.text} {self.pair}"

    @property
    def empty(self) -> bool:
        """Whether both texts are blank."""
        return is_blank(self.joined)


def read_text_rows(
    table: Table, columns: TextColumns, kept_columns: Sequence[str] = ()
) -> Iterator[TextRow]:
    """Yield the rows of a table that has these columns, with the values of `kept_columns`.

    Raises:
        DataError: The table is damaged, or a value is no text.
    """
    needed = list(dict.fromkeys([*columns.names, *kept_columns]))
    for number, record in table.records(needed):
        text, *others = columns.read(record, table.row_name(number))
        pair = " ".join(others) if others else None
        kept = tuple(record.get(name) for name in kept_columns)
        yield TextRow(table.name, number, text, pair, kept)


class TextSource:
    """Rows of one or more inputs, in order; can be iterated once.

    Attributes:
        columns: The text columns, chosen by the first input with rows.
        may_have_several_files: Whether several files may have been asked for: several paths, or a pattern, even one
            that matches a single file. The output then names the file of each row.
        kept: The columns that the output repeats, with their values in the first row.

    Args:
        inputs: The inputs; each is opened when the rows before it have been read.
        text_column_names: As for `choose_text_columns`.
        trained_columns: The text columns that a model was trained on.
        paths: The files of the inputs; none for inputs that can be read only once.
        may_have_several_files: See above.
        keep_columns: Columns that the output repeats, in a list or separated by commas.
    """

    def __init__(
        self,
        inputs: Iterable[Table],
        text_column_names: str | Sequence[str] | None = None,
        trained_columns: Sequence[str] | None = None,
        *,
        paths: Sequence[Path] = (),
        may_have_several_files: bool = False,
        keep_columns: str | Sequence[str] | None = None,
    ) -> None:
        self.may_have_several_files = may_have_several_files
        self._paths = paths
        remaining = iter(inputs)
        first = _first_with_rows(remaining)
        self._tables = chain([first], remaining)
        self._columns = choose_text_columns(first, text_column_names, trained=trained_columns)
        self.columns = self._columns.names
        self.kept: dict[str, Any] = {}
        for name in choose_kept_columns(first, keep_columns):
            values = (record.get(name) for record in first.head)
            self.kept[name] = next((value for value in values if not is_missing(value)), None)

    def identity(self) -> list[dict[str, Any]] | None:
        """Return the present fingerprints of the files as JSON values; None for inputs that can be read only once."""
        if not self._paths:
            return None
        return [fingerprint(path) for path in self._paths]

    def __iter__(self) -> Iterator[TextRow]:
        """Yield every row.

        Raises:
            DataError: An input is damaged or lacks a column, or a row cannot be read.
        """
        for table in self._tables:
            self._columns.check(table, "first input")
            for name in self.kept:
                if table.first is not None:
                    check_column(table, name, "keep_columns")
            yield from read_text_rows(table, self._columns, list(self.kept))


def _first_with_rows(inputs: Iterator[Table]) -> Table:
    """Return the next table that has rows. Tables without rows are skipped: engines such as Spark write such parts."""
    last_name = "The input"
    for table in inputs:
        if table.first is not None:
            return table
        last_name = table.name
    raise DataError(f"{last_name} has no rows; give data.")


def open_files(
    patterns: str | Path | Iterable[str | Path],
    text_column_names: str | Sequence[str] | None = None,
    trained_columns: Sequence[str] | None = None,
    keep_columns: str | Sequence[str] | None = None,
) -> TextSource:
    """Open CSV, TSV, JSON, JSONL and Parquet files; text formats may be gzipped.

    Args:
        patterns: One or more paths or globs (`**` matches folders), whose files are read in the order of their names,
            each once.
        text_column_names: As for `choose_text_columns`.
        trained_columns: The text columns that a model was trained on.
        keep_columns: Columns that the output repeats, in a list or separated by commas.

    Raises:
        DataError: A file is missing or of an unknown format, or the first file lacks the columns.
    """
    patterns = [patterns] if isinstance(patterns, str | Path) else list(patterns)
    paths = expand_globs(patterns)
    for path in paths:
        file_format(path)  # refuses a wrong file now, not after the rows of others
    return TextSource(
        map(open_table, paths),
        text_column_names,
        trained_columns,
        paths=paths,
        may_have_several_files=len(patterns) > 1 or any(map(is_glob, patterns)),
        keep_columns=keep_columns,
    )


def open_stream(
    stream: BinaryIO,
    stream_format: str,
    text_column_names: str | Sequence[str] | None = None,
    trained_columns: Sequence[str] | None = None,
    keep_columns: str | Sequence[str] | None = None,
) -> TextSource:
    """Read a table in UTF-8 from standard input.

    Args:
        stream: The standard input.
        stream_format: "csv", "tsv" or "jsonl".
        text_column_names: This and the other arguments are as for `open_files`.
        trained_columns: See there.
        keep_columns: See there.
    """
    text = TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
    table = open_text_table(text, "standard input", suffix=f".{stream_format}")
    return TextSource([table], text_column_names, trained_columns, keep_columns=keep_columns)


def open_texts(texts: Iterable[str], name: str) -> TextSource:
    """Take texts as rows of a table with the column "text"; `name` names it in errors."""
    rows = ({"text": text} for text in texts)
    return TextSource([make_table(name, rows, ["text"])])


def columns_table(columns: Mapping[Any, Any], name: str) -> Table:
    """Take columns in memory as a table.

    Args:
        columns: Columns by name, as lists or arrays; or a data frame. Columns whose names are no strings are left out.
        name: Names the table in errors.

    Raises:
        DataError: Two columns have the same name.
    """
    names = [column for column in columns if isinstance(column, str)]
    check_names_differ(name, names)

    def read(needed: Sequence[str]) -> Iterator[Record]:
        values = [python_values(columns[column]) for column in needed]
        for cells in zip(*values, strict=True):
            yield dict(zip(needed, cells, strict=True))

    first = {}  # of each column, the first value that is not missing
    for column in names:
        present = (value for value in columns[column] if not is_missing(value))
        first[column] = next(present, None)
    has_rows = any(len(columns[column]) for column in names)
    return Table(name, names, [first] if has_rows else [], read)
