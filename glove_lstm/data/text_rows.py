"""Read the rows of CSV and JSON lines; a row that cannot be read does not end the reading.

Imports nothing but the standard library.
"""

import gzip
import importlib.util
import io
import json
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TextIO

from glove_lstm.data.errors import DataError
from glove_lstm.data.files import check_file

MAX_ROW = 1 << 26  # characters

Record = Mapping[str, Any]
Problem = str  # what is wrong with a row; continues the sentence "FILE, row N ..."


def _private_csv() -> Any:
    """Load a copy of the csv module, because its limit on a field's length is process-wide."""
    spec = importlib.util.find_spec("_csv")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.field_size_limit(MAX_ROW)  # the default cuts off long articles
    return module


csv = _private_csv()


@contextmanager
def open_text(path: Path, errors: str = "strict") -> Iterator[TextIO]:
    """Open a UTF-8 text, perhaps gzipped; a read error inside the block is raised as a DataError.

    Args:
        path: The file.
        errors: What to do about bytes that are not UTF-8, as for `open`.
    """
    check_file(path)
    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as binary:
            yield io.TextIOWrapper(binary, encoding="utf-8-sig", errors=errors, newline="")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not UTF-8 text ({error.reason}); convert it, for instance with iconv."
        ) from error
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} is damaged or cannot be read ({error}); get it again.") from error


class _Lines:
    """The lines of a text; what is wrong with a line is noted, and the line repaired.

    A repaired line lets the csv module find the end of the row, and the good rows after it.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._problem: Problem | None = None
        self._row_length = 0
        self.number = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._file.readline(MAX_ROW + 1)
        if not line:
            raise StopIteration
        self.number += 1
        self._row_length += len(line)
        if self._row_length > MAX_ROW:
            self._problem = f"has more than {MAX_ROW:,} characters"
            return self._skip_rest(line)
        if "\0" in line:
            self._problem = "has a NUL character, which no text has"
            line = line.replace("\0", "")
        if not line.isascii():
            try:
                line.encode()
            except UnicodeEncodeError:  # surrogates stand for the bytes that are not UTF-8
                self._problem = "is not UTF-8 text; convert it, for instance with iconv"
                line = line.encode("utf-8", "replace").decode()
        return line

    def _skip_rest(self, line: str) -> str:
        """Return a quote if the line has an odd number of them: the row ends where its quotes close."""
        quotes = line.count('"')
        while line and line[-1] not in "\r\n":
            line = self._file.readline(MAX_ROW)
            quotes += line.count('"')
        return '"' if quotes % 2 else ""

    def end_row(self) -> Problem | None:
        """Return the problem of the lines since the last call."""
        problem, self._problem, self._row_length = self._problem, None, 0
        return problem


def csv_rows(opened: AbstractContextManager[TextIO], where: str, delimiter: str) -> Iterator[Any]:
    """Yield the header, a list, then a record or problem for every row."""
    with opened as file:
        lines = _Lines(file)
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        try:
            header: list[str] = next(reader, [])
        except csv.Error as error:
            raise DataError(f"The header of {where} is not CSV ({error}); correct it.") from error
        if problem := lines.end_row():
            raise DataError(f"The header of {where} (line {lines.number}) {problem}.")
        if not header:
            raise DataError(f"{where} is empty; give a file with a header and rows.")
        check_header(where, header)
        yield header
        while True:
            start = lines.number + 1
            values: list[str] = []
            problem = None
            try:
                values = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                problem = f"is malformed ({error})"
            problem = lines.end_row() or problem
            if not values and not problem:  # a blank line is no row
                continue
            if not problem and len(values) != len(header):
                problem = f"has {len(values)} columns, but the header {len(header)}"
            if problem:
                end = lines.number
                place = f"line {start}" if start == end else f"lines {start} to {end}"
                yield f"({place}) {problem}"
            else:
                yield dict(zip(header, values, strict=True))


def check_header(where: str, header: Sequence[str]) -> None:
    """Raise a DataError if a column name occurs twice."""
    twice = [name for name, count in Counter(header).items() if count > 1]
    if twice:
        raise DataError(f"The header of {where} names the column {twice[0]!r} twice; rename one.")


def json_rows(opened: AbstractContextManager[TextIO]) -> Iterator[Record | Problem]:
    """Yield every row of JSON lines; blank lines are none."""
    with opened as file:
        lines = _Lines(file)
        for line in lines:
            row: Record | Problem | None = lines.end_row()
            if row is None and line.isspace():
                continue
            if row is None:
                try:
                    row = check_object(json.loads(line))
                except (ValueError, RecursionError) as error:
                    row = f"is not JSON ({error})"
            yield f"(line {lines.number}) {row}" if isinstance(row, Problem) else row


def check_object(value: Any) -> Record | Problem:
    """Return a JSON value if it is an object, else what is wrong with it."""
    return value if isinstance(value, dict) else "is not an object with named values"
