"""Read texts of any amount, row by row: from files, globs or standard input.

    for row in open_files(["news-*.csv", "more.parquet"]):
        ...                                        # a TextRow

Memory does not grow with the input.
"""

import glob
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from glove_lstm.data.cells import (
    check_unread_columns,
    choose_columns,
    has_text,
    read_text_and_pair,
)
from glove_lstm.data.files import fingerprint, user_path
from glove_lstm.data.tables import Table, file_format, make_table, open_table, open_text_table
from glove_lstm.errors import DataError


@dataclass(frozen=True, slots=True)
class TextRow:
    """A row to classify."""

    file: str  # name of the input
    number: int  # of the row in the input, from 1
    text: str  # the first text column
    pair: str | None = None  # the other text columns, joined by a space; None if there are none

    @property
    def joined(self) -> str:
        """Both texts, joined by a space."""
        return self.text if self.pair is None else f"{self.text} {self.pair}"

    @property
    def empty(self) -> bool:
        """Whether both texts are blank."""
        return not has_text(self.text, self.pair)


class TextSource:
    """Rows of one or more inputs, in order; can be iterated once.

    Attributes:
        columns: The text columns, chosen by the first input with rows.
        may_have_several_files: Whether several files may have been asked for: several paths, or a pattern, even one
            that matches a single file. The output then names the file of each row.

    Args:
        tables: The inputs; each is opened when the rows before it have been read.
        text_column_names: As for `load_splits`.
        trained_columns: As for `load_splits`.
        paths: The files of the tables; none for inputs that can be read only once.
        may_have_several_files: See above.
    """

    def __init__(
        self,
        tables: Iterable[Table],
        text_column_names: str | Sequence[str] | None = None,
        trained_columns: Sequence[str] | None = None,
        *,
        paths: Sequence[Path] = (),
        may_have_several_files: bool = False,
    ) -> None:
        self.may_have_several_files = may_have_several_files
        self._paths = paths
        remaining = iter(tables)
        first = _first_with_rows(remaining)
        self._tables = chain([first], remaining)
        self.columns = choose_columns(
            first.name,
            first.columns,
            first.first or {},
            text_column_names,
            has_header=first.has_header,
            trained=trained_columns,
        )
        are_requested = text_column_names is not None
        are_trained = trained_columns is not None and self.columns == list(trained_columns)
        # The columns are a default, chosen by the first input; a later input may have a `title` or `text` beside them.
        self._columns_are_defaults = not are_requested and not are_trained

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
            self._check_columns(table)
            for number, record in table.records(self.columns):
                text, pair = read_text_and_pair(record, self.columns, table.row_name(number))
                yield TextRow(table.name, number, text, pair)

    def _check_columns(self, table: Table) -> None:
        lacking = [name for name in self.columns if name not in table.columns]
        has_rows = table.first is not None
        if lacking and has_rows:
            raise DataError(
                f"{table.name} has no column {lacking[0]!r}, which the first input has; add it."
            )
        if self._columns_are_defaults:
            check_unread_columns(table.name, table.columns, self.columns, "first input")


def _first_with_rows(tables: Iterator[Table]) -> Table:
    """Return the next table that has rows. Tables without rows are skipped: engines such as Spark write such parts."""
    last_name = "The input"
    for table in tables:
        if table.first is not None:
            return table
        last_name = table.name
    raise DataError(f"{last_name} has no rows; give data.")


def open_files(
    patterns: Iterable[str | Path],
    text_column_names: str | Sequence[str] | None = None,
    trained_columns: Sequence[str] | None = None,
) -> TextSource:
    """Open CSV, TSV, JSON, JSONL and Parquet files; text formats may be gzipped.

    Args:
        patterns: Paths or globs (`**` matches folders), whose files are read in the order of their names,
            each once.
        text_column_names: As for `load_splits`.
        trained_columns: As for `load_splits`.

    Raises:
        DataError: A file is missing or of an unknown format, or the first file lacks the columns.
    """
    names = [str(pattern) for pattern in patterns]
    expanded = chain.from_iterable(_expand(name) for name in names)
    paths = list(dict.fromkeys(expanded))  # each once
    for path in paths:
        file_format(path)  # refuses a wrong file now, not after the rows of others
    has_glob = any(_is_glob(name) for name in names)
    return TextSource(
        map(open_table, paths),
        text_column_names,
        trained_columns,
        paths=paths,
        may_have_several_files=len(names) > 1 or has_glob,
    )


def open_stream(
    stream: BinaryIO,
    stream_format: str,
    text_column_names: str | Sequence[str] | None = None,
    trained_columns: Sequence[str] | None = None,
) -> TextSource:
    """Read a table in UTF-8 from standard input; `stream_format` is "csv", "tsv" or "jsonl". See `open_files`."""
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
    table = open_text_table(text, "standard input", suffix=f".{stream_format}")
    return TextSource([table], text_column_names, trained_columns)


def open_texts(texts: Iterable[str], name: str) -> TextSource:
    """Take texts as rows of a table with the column "text"; `name` names it in errors."""
    rows = ({"text": text} for text in texts)
    return TextSource([make_table(name, rows, ["text"])])


def _expand(pattern: str) -> list[Path]:
    path = user_path(pattern)
    if not _is_glob(pattern):
        return [path]
    names = glob.iglob(str(path), recursive=True)  # noqa: PTH207 - Path.glob takes no absolute pattern
    paths = sorted(path for path in map(Path, names) if path.is_file())
    if not paths:
        raise DataError(f"No file matches {pattern}; check the path.")
    return paths


def _is_glob(pattern: str) -> bool:
    """Return whether a path is a pattern; a file may have a bracket in its name."""
    return glob.has_magic(pattern) and not user_path(pattern).exists()
