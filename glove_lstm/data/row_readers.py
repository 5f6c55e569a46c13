"""Rows out of CSV, TSV, JSON, JSON lines and Parquet files.

`read_records` ends at a faulty row. Readers give it as such, pass over rows cheaply, and read the others one by one.

A row's number is 1 for the first row of data; a CSV header and blank lines do not count. Memory does not grow with the
input, except for JSON that is one list.
"""

import io
import json
import sys
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from itertools import accumulate, chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, TextIO

from glove_lstm.data.errors import DataError
from glove_lstm.data.reading import (
    MAX_FIELD,
    NUL,
    Record,
    check_file,
    csv,
    file_format,
    first_line,
    has_json_lines,
    looks_like_html,
    open_text,
    read_csv,
    read_header,
    read_json_list,
)

if TYPE_CHECKING:
    import pyarrow as pa

_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_PARQUET_BATCH = 256  # rows that are Python objects at a time
_PARQUET_BUFFER = 1 << 20  # bytes of a column chunk that are read at a time
_PEEKED = 1000  # faulty rows at the beginning after which the input is taken for something else


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a row.

    Attributes:
        reason: Continues the sentence "FILE, row N (line M) ...".
        lines: The first and the last line of the row in a text file, from 1; None in other formats.
    """

    reason: str
    lines: tuple[int, int] | None = None

    def sentence(self, where: str, number: int) -> str:
        """The whole of it, without a full stop."""
        if self.lines is None:
            return f"{where}, row {number} {self.reason}"
        first, last = self.lines
        lines = f"line {first}" if first == last else f"lines {first} to {last}"
        return f"{where}, row {number} ({lines}) {self.reason}"


class RowReader(Protocol):
    """A position in one input.

    Attributes:
        where: Names the input in errors.
        columns: Those of the whole input, or of its first good row.
        fixed: Whether every row has these columns; JSON may leave one out.
        total: How many rows there are, where that is known beforehand.
    """

    where: str
    columns: list[str]
    fixed: bool
    total: int | None

    def first(self) -> Record | None:
        """The next good row, which stays to be read; None where there is none."""

    def select(self, columns: Sequence[str]) -> None:
        """Read only these columns, where that saves work."""

    def skip(self, count: int) -> int:
        """Pass over up to `count` rows, faulty ones too; fewer only where the input ends."""

    def read(self, count: int) -> Iterator[tuple[int, Record | Fault]]:
        """Give up to `count` rows with their numbers."""

    def close(self) -> None:
        """Let go of the file."""


def open_reader(path: Path) -> RowReader:
    """Open a CSV, TSV, JSON, JSONL or Parquet file; text formats may be gzipped.

    Raises:
        DataError: If it is missing, of an unknown format, or its beginning is damaged; what is wrong with
            the rest raises when it is reached.
    """
    kind = file_format(path)
    check_file(path)
    if kind == ".parquet":
        return _ParquetReader(path)
    if kind == ".json" and not has_json_lines(path):
        return SequentialReader(str(path), iter(read_json_list(path)), _check_object)
    if kind in _DELIMITERS and looks_like_html(path):
        raise DataError(f"{path} is an HTML page, not CSV; download the file itself.")
    return _open_text_rows(open_text(path, "surrogateescape"), str(path), kind)


def read_records(path: Path) -> Iterator[tuple[int, Record]]:
    """Yield (row number, row) of a data file; the format follows from the name, `.gz` on top of it allowed.

    CSV values are all strings. JSON may hold a list of objects, such a list under "data", or an object a line.

    Raises:
        DataError: If the file is missing, of an unknown format, empty, damaged or cut short, or a row is malformed.
    """
    kind = file_format(path)
    rows = read_csv(path, _DELIMITERS[kind]) if kind in _DELIMITERS else _good_rows(path)
    first = next(rows, None)
    if first is None:
        raise DataError(f"{path} has no rows; give a file with data.")
    yield first
    yield from rows


def _good_rows(path: Path) -> Iterator[tuple[int, Record]]:
    with closing(open_reader(path)) as reader:
        for number, found in reader.read(sys.maxsize):
            if isinstance(found, Fault):
                raise DataError(f"{found.sentence(reader.where, number)}; correct it.")
            yield number, found


def open_stream_reader(stream: BinaryIO, kind: str) -> RowReader:
    """Read CSV (`kind` ".csv"), TSV or JSON lines in UTF-8 from standard input, once.

    Raises:
        DataError: As `open_reader`.
    """
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
    return _open_text_rows(nullcontext(text), "standard input", kind)


class SequentialReader:
    """Rows that come one after the other.

    Args:
        where: Names the input in errors.
        raw: The rows as they come; closed at the end, where it can be.
        parse: What such a row says.
        columns: None takes those of the first good row.
        total: How many rows there are, where that is known.
    """

    def __init__(
        self,
        where: str,
        raw: Iterator[Any],
        parse: Callable[[Any], Record | Fault] = lambda found: found,
        columns: list[str] | None = None,
        total: int | None = None,
    ) -> None:
        self.where, self.total = where, total
        self._opened = self._raw = raw
        self._parse = parse
        self._number = 0
        self.fixed = columns is not None
        self.columns = list(self.first() or ()) if columns is None else columns

    def first(self) -> Record | None:
        """See `RowReader`."""
        peeked: deque[Any] = deque()
        found: Record | Fault | None = None
        for raw in islice(self._raw, _PEEKED):
            peeked.append(raw)
            found = self._parse(raw)
            if not isinstance(found, Fault):
                break
        if isinstance(found, Fault):
            sentence = found.sentence(self.where, self._number + len(peeked))
            raise DataError(f"{sentence}, and no row before it is good; correct it.")
        self._raw = chain(_emptied(peeked), self._raw)
        return found

    def select(self, columns: Sequence[str]) -> None:
        """See `RowReader`."""

    def skip(self, count: int) -> int:
        """See `RowReader`."""
        passed = sum(1 for _ in islice(self._raw, count))
        self._number += passed
        return passed

    def read(self, count: int) -> Iterator[tuple[int, Record | Fault]]:
        """See `RowReader`."""
        for raw in islice(self._raw, count):
            self._number += 1
            yield self._number, self._parse(raw)

    def close(self) -> None:
        """See `RowReader`."""
        if hasattr(self._opened, "close"):
            self._opened.close()


def _emptied(rows: deque[Any]) -> Iterator[Any]:
    while rows:
        yield rows.popleft()


@dataclass(frozen=True, slots=True)
class _RawRow:
    """A row of a text file: its content, or why it has none."""

    content: Any
    fault: str | None
    lines: tuple[int, int]


class _Lines:
    """The lines of a text.

    A line that cannot be right leaves a fault behind and comes mended, so that the rows after it are found.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._fault: str | None = None
        self._length = 0  # of the row
        self.number = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._file.readline(MAX_FIELD + 1)
        if not line:
            raise StopIteration
        self.number += 1
        self._length += len(line)
        if self._length > MAX_FIELD:
            return self._pass_over(line)
        if "\0" in line:
            self._fault = NUL
            line = line.replace("\0", "")
        if not line.isascii():
            try:
                line.encode()
            except UnicodeEncodeError:  # the surrogates that stand for bytes that are not UTF-8
                self._fault = "is not UTF-8 text; convert it, for instance with iconv"
                line = line.encode("utf-8", "replace").decode()
        return line

    def _pass_over(self, line: str) -> str:
        """What is left of a line of a row that is too long: the quote that says whether the row ends with the line."""
        self._fault = f"has more than {MAX_FIELD:,} characters"
        quotes = line.count('"')
        while line and line[-1] not in "\r\n":
            line = self._file.readline(MAX_FIELD)
            quotes += line.count('"')
        return '"' if quotes % 2 else ""

    def end_row(self) -> str | None:
        """What was wrong with the lines since the last call."""
        fault, self._fault, self._length = self._fault, None, 0
        return fault


def _open_text_rows(opened: AbstractContextManager[TextIO], where: str, kind: str) -> SequentialReader:
    if kind not in _DELIMITERS:
        return SequentialReader(where, _json_rows(opened), _parse_json)
    rows = _csv_rows(opened, where, _DELIMITERS[kind])
    header = next(rows).content

    def parse(row: _RawRow) -> Record | Fault:
        if row.fault:
            return Fault(row.fault, row.lines)
        if len(row.content) != len(header):
            return Fault(f"has {len(row.content)} columns, but the header {len(header)}", row.lines)
        return dict(zip(header, row.content, strict=True))

    return SequentialReader(where, rows, parse, header)


def _csv_rows(opened: AbstractContextManager[TextIO], where: str, delimiter: str) -> Iterator[_RawRow]:
    """The header, then the rows."""
    with opened as file:
        lines = _Lines(file)
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        header = read_header(reader, where)
        if fault := lines.end_row():
            raise DataError(f"{where}: its header (line {lines.number}) {fault}.")
        yield _RawRow(header, None, (1, lines.number))
        while True:
            start = lines.number + 1
            values: list[str] = []
            fault = None
            try:
                values = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                fault = f"is malformed ({error})"
            fault = lines.end_row() or fault
            if values or fault:  # a blank line is no row
                yield _RawRow(values, fault, (start, lines.number))


def _json_rows(opened: AbstractContextManager[TextIO]) -> Iterator[_RawRow]:
    with opened as file:
        lines = _Lines(file)
        for line in lines:
            fault = lines.end_row()
            if fault or not line.isspace():
                yield _RawRow(line, fault, (lines.number, lines.number))


def _parse_json(row: _RawRow) -> Record | Fault:
    if row.fault:
        return Fault(row.fault, row.lines)
    try:
        found = json.loads(row.content)
    except (ValueError, RecursionError) as error:
        return Fault(f"is not JSON ({error})", row.lines)
    return _check_object(found, row.lines)


def _check_object(found: Any, lines: tuple[int, int] | None = None) -> Record | Fault:
    return found if isinstance(found, dict) else Fault("is not an object with named values", lines)


class _ParquetReader:
    """Passes over row groups without reading them."""

    def __init__(self, path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self.where = str(path)
        self._errors = (OSError, pa.ArrowException)
        try:
            # Without pre_buffer, which holds whole column chunks: a row group may be the whole file.
            self._file = pq.ParquetFile(path, pre_buffer=False, buffer_size=_PARQUET_BUFFER)
        except self._errors as error:
            raise self._damaged(error) from error
        data = self._file.metadata
        self.columns, self.fixed = list(self._file.schema_arrow.names), True
        self.total: int | None = data.num_rows
        sizes = [data.row_group(group).num_rows for group in range(data.num_row_groups)]
        self._starts = [0, *accumulate(sizes)]  # rows before each group
        self._selected: list[str] | None = None
        self._position = 0
        self._rows: Iterator[Record | Fault] | None = None  # from the position on

    def first(self) -> Record | None:
        """See `RowReader`."""
        return next((row for row in self._rows_from(self._position) if not isinstance(row, Fault)), None)

    def select(self, columns: Sequence[str]) -> None:
        """See `RowReader`."""
        self._selected, self._rows = list(columns), None

    def skip(self, count: int) -> int:
        """See `RowReader`."""
        passed = min(count, self._starts[-1] - self._position)
        self._position += passed
        self._rows = None
        return passed

    def read(self, count: int) -> Iterator[tuple[int, Record | Fault]]:
        """See `RowReader`."""
        if self._rows is None:
            self._rows = self._rows_from(self._position)
        for row in islice(self._rows, count):
            self._position += 1
            yield self._position, row

    def close(self) -> None:
        """See `RowReader`."""
        self._file.close()

    def _rows_from(self, position: int) -> Iterator[Record | Fault]:
        group = bisect_right(self._starts, position) - 1
        groups = range(group, len(self._starts) - 1)
        before = position - self._starts[group]  # rows of the group that are passed over
        if not groups:
            return
        try:
            for batch in self._file.iter_batches(_PARQUET_BATCH, row_groups=groups, columns=self._selected):
                if before < len(batch):
                    yield from _python_rows(batch.slice(before))
                before = max(0, before - len(batch))
        except self._errors as error:
            raise self._damaged(error) from error

    def _damaged(self, error: BaseException) -> DataError:
        return DataError(f"{self.where} is not a whole Parquet file ({first_line(error)}); get it again.")


def _python_rows(batch: "pa.RecordBatch") -> Iterator[Record | Fault]:
    try:
        yield from batch.to_pylist()
    except UnicodeDecodeError:  # to_pylist gives nothing before it has all
        for row in range(len(batch)):
            try:
                yield batch.slice(row, 1).to_pylist()[0]
            except UnicodeDecodeError:
                yield Fault("is not UTF-8 text")
