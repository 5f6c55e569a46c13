"""Read the rows of CSV, TSV, JSON, JSON lines and Parquet files, and of standard input.

    reader = open_reader(Path("news.csv.gz"))
    for number, row in reader.records(["title", "text"]):
        ...                                               # a record by column name

Rows are numbered from 1, without the CSV header and blank lines. Memory does not grow with the input, except for a JSON
list. Only the standard library is imported at the start.
"""

import gzip
import importlib.util
import io
import json
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, TextIO

from glove_lstm.data.files import check_file, looks_like_html, user_path
from glove_lstm.errors import DataError, first_line

FORMATS = (".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet")
MAX_ROW = 1 << 26  # characters of a line, or of a field of CSV
SURROGATES = re.compile("[\ud800-\udfff]")
_NOT_UTF8 = "is not UTF-8 text; convert it, for instance with iconv"
_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_OF_HUB = re.compile(r"/models--([^/]+)--([^/]+)/snapshots/\w+$")  # in the cache of the Hub
_PEEKED = 100  # JSON objects that tell the columns
_PARQUET_BATCH = 256  # rows converted to Python objects at a time

Record = Mapping[str, Any]


@dataclass(frozen=True)
class RowReader:
    """One input, whose rows are read once."""

    where: str  # names the input in errors
    columns: list[str]  # for JSON, those of the first 100 rows
    first: Record | None  # the first row, which `records` yields too; None if there are no rows
    read: Callable[[Sequence[str]], Iterable[Record]]  # the rows, given the columns that are needed
    # The labels of each ClassLabel column of a dataset.
    class_names: Mapping[str, list[str]] = field(default_factory=dict)
    header: bool = (
        False  # whether the columns are the first line of a file, which may be a row by mistake
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "where", encodable(self.where))

    def records(self, columns: Sequence[str] | None = None) -> Iterator[tuple[int, Record]]:
        """Yield every row with its number.

        Raises:
            DataError: A row cannot be read.
        """
        yield from enumerate(self.read(self.columns if columns is None else columns), start=1)


def encodable(text: str) -> str:
    """Replace lone surrogates, such as those of a file name that is not UTF-8: they cannot be written."""
    return text if text.isascii() else SURROGATES.sub("\ufffd", text)


def without_folders(name: str) -> str:
    """Keep this machine's folders private: return a path's last part, and for the Hub's cache the repository.

    A path is what exists, or is a member of an archive; other names come back as they are.
    """
    path = user_path(name)
    if cached := _OF_HUB.search(path.absolute().as_posix()):
        return f"{cached[1]}/{cached[2]}"
    is_path = path.exists() or any(folder.is_file() for folder in path.parents)
    return encodable(path.name or path.resolve().name) if is_path else name


def open_reader(path: Path) -> RowReader:
    """Open a CSV, TSV, JSON, JSONL or Parquet file; the text formats may be gzipped.

    JSON may hold a list of objects, such a list under "data", or an object a line.

    Raises:
        DataError: The file is missing, of an unknown format, or its beginning is damaged. Damage further on
            raises when it is reached.
    """
    kind = file_format(path)
    if kind == ".parquet":
        return _open_parquet(path)
    if kind == ".json" and not _has_json_lines(path):
        return peek(str(path), _list_rows(path))
    if kind in _DELIMITERS and looks_like_html(path):
        raise DataError(f"{path} is an HTML page, not CSV; download the file itself.")
    return open_text_rows(_open_text(path, "surrogateescape"), str(path), kind)


def peek(where: str, rows: Iterator[Record], columns: list[str] | None = None) -> RowReader:
    """Return a reader of rows that can be iterated once; see `RowReader`."""
    head = list(islice(rows, _PEEKED if columns is None else 1))
    names = list(dict.fromkeys(chain(*head))) if columns is None else columns
    first = head[0] if head else None
    return RowReader(where, names, first, lambda _: chain(head, rows))


def file_format(path: Path) -> str:
    """Return the format of a file by its name, one of `FORMATS`; a text format may be followed by `.gz`.

    Raises:
        DataError: The name has no such suffix, or there is no such file.
    """
    check_file(path)
    name = path.name.lower()
    kind = Path(name.removesuffix(".gz")).suffix
    if kind not in FORMATS or name.endswith(".parquet.gz"):
        raise DataError(
            f"{path} is of no known format; its name must end in {', '.join(FORMATS)}, or .gz after text."
        )
    return kind


def open_text_rows(opened: AbstractContextManager[TextIO], where: str, kind: str) -> RowReader:
    """Open CSV (`kind` ".csv"), TSV or JSON lines of a text with surrogates for bytes that are not UTF-8."""
    if kind not in _DELIMITERS:
        return peek(where, _json_rows(opened, where))
    rows = _csv_rows(opened, where, _DELIMITERS[kind])
    columns = next(rows)
    wrong = {".csv": "[;\t]", ".tsv": ","}[kind]
    if len(columns) == 1 and re.search(wrong, columns[0]):
        separator = "commas" if kind == ".csv" else "tabs"
        raise DataError(
            f"{where} has the one column {columns[0]!r}; separate columns by {separator}."
        )
    return replace(peek(where, rows, columns), header=True)


def _has_json_lines(path: Path) -> bool:
    """Return whether a .json file holds an object a line."""
    with _open_text(path) as file:
        first, second = (file.readline().strip() for _ in range(2))
    return first.startswith("{") and first.endswith("}") and second.startswith("{")


def _list_rows(path: Path) -> Iterator[Record]:
    with _open_text(path) as file:
        try:
            records = json.load(file)
        except (ValueError, RecursionError) as error:
            raise DataError(
                f"{path} is not JSON ({error}); correct it, or name JSON lines .jsonl."
            ) from error
    if isinstance(records, dict):
        records = records["data"] if isinstance(records.get("data"), list) else [records]
    if not isinstance(records, list):
        raise DataError(f"{path} holds no list of objects; write [{{...}}, ...], or one a line.")
    for number, record in enumerate(records, start=1):
        yield _check_object(record, f"{path}, row {number}")


def _open_parquet(path: Path) -> RowReader:
    with _open_parquet_file(path) as file:
        columns = list(file.schema_arrow.names)
    _check_header(str(path), columns)
    read = partial(_parquet_rows, path)
    return RowReader(str(path), columns, next(read(columns), None), read)


@contextmanager
def _open_parquet_file(path: Path) -> Iterator[Any]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise DataError(f"{path} needs pyarrow; run: pip install 'glove-lstm[train]'.") from None
    try:
        # Without pre_buffer, which holds whole column chunks: a row group may be the whole file.
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20) as file:
            yield file
    except (OSError, pa.ArrowException, UnicodeError, ArithmeticError, LookupError) as error:
        raise DataError(
            f"{path} cannot be read as Parquet ({first_line(error)}); get it again, or correct it."
        ) from error


def _parquet_rows(path: Path, columns: Sequence[str]) -> Iterator[Record]:
    with _open_parquet_file(path) as file:
        for batch in file.iter_batches(_PARQUET_BATCH, columns=list(columns)):
            yield from batch.to_pylist()


def _private_csv() -> Any:
    """Load a copy of the csv module, because its limit on a field's length is process-wide."""
    spec: Any = importlib.util.find_spec("_csv")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.field_size_limit(MAX_ROW)  # the default cuts off long articles
    return module


csv = _private_csv()


@contextmanager
def _open_text(path: Path, errors: str = "strict") -> Iterator[TextIO]:
    """Open a UTF-8 text, perhaps gzipped; a read error inside the block is raised as a DataError."""
    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as binary:
            yield io.TextIOWrapper(binary, encoding="utf-8-sig", errors=errors, newline="")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} {_NOT_UTF8} ({error.reason}).") from error
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} is damaged or cannot be read ({error}); get it again.") from error


def checked_lines(file: TextIO, where: str) -> Iterator[str]:
    """Yield the lines of a text with surrogates for bytes that are not UTF-8, which are refused."""
    number = 0
    while line := file.readline(MAX_ROW + 1):
        number += 1
        if len(line) > MAX_ROW:
            raise DataError(f"{where}, line {number} has more than {MAX_ROW:,} characters; cut it.")
        if not line.isascii() and SURROGATES.search(line):
            raise DataError(f"{where}, line {number} {_NOT_UTF8}.")
        yield line


def _csv_rows(opened: AbstractContextManager[TextIO], where: str, delimiter: str) -> Iterator[Any]:
    """Yield the header, a list, then a record for every row."""
    with opened as file:
        reader = csv.reader(checked_lines(file, where), delimiter=delimiter, strict=True)
        try:
            header = [name.strip() for name in next(filter(None, reader), [])]
        except csv.Error as error:
            raise DataError(f"The header of {where} is not CSV ({error}); correct it.") from None
        _check_header(where, header)
        yield header
        number = 1
        while True:
            place = f"{where}, row {number} (line {reader.line_num + 1})"
            try:
                values = next(reader, None)
            except csv.Error as error:
                raise DataError(f"{place} is not CSV ({error}); correct it.") from None
            if values is None:
                return
            if not values:  # a blank line is no row
                continue
            if len(values) != len(header):
                raise DataError(
                    f"{place} has {len(values)} columns, but the header {len(header)}; correct it."
                )
            yield dict(zip(header, values, strict=True))
            number += 1


def _check_header(where: str, header: Sequence[str]) -> None:
    """Raise a DataError if there is no column, or a name occurs twice."""
    if not header:
        raise DataError(f"{where} is empty; give a file with a header and rows.")
    twice = [name for name, count in Counter(header).items() if count > 1]
    if twice:
        raise DataError(f"The header of {where} names the column {twice[0]!r} twice; rename one.")


def _json_rows(opened: AbstractContextManager[TextIO], where: str) -> Iterator[Record]:
    """Yield every row of JSON lines; blank lines are skipped."""
    row = 0
    with opened as file:
        for number, line in enumerate(checked_lines(file, where), start=1):
            if line.isspace():
                continue
            row += 1
            place = f"{where}, row {row} (line {number})"
            try:
                value = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise DataError(f"{place} is not JSON ({error}); correct it.") from None
            yield _check_object(value, place)


def _check_object(value: Any, place: str) -> Record:
    """Return a JSON value if it is an object."""
    if not isinstance(value, dict):
        raise DataError(f"{place} is not an object with named values; correct it.")
    return value
