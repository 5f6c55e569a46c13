"""Read the rows of CSV, TSV, JSON, JSON lines and Parquet files, and of standard input.

    table = open_table(Path("news.csv.gz"))
    for number, record in table.records(["title", "text"]):
        ...                                               # a row's values by column name

Rows are numbered from 1, without the CSV header and blank lines. Memory does not grow with the input, except for a JSON
list. pyarrow is imported for Parquet only.
"""

import csv
import gzip
import io
import json
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any, TextIO

from glove_lstm.errors import DataError, counted, first_line, how_to_install, listed, shown
from glove_lstm.files import check_file, looks_like_html
from glove_lstm.tokenization.word_shapes import replace_surrogates

FORMATS = (".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet")
MAX_LINE = 1 << 26  # characters of a line, or of a field of CSV
_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_NOT_UTF8 = "is not UTF-8 text; convert it, for instance with iconv"
ROWS_OF_HEAD = 100  # rows that tell which columns hold text, and of JSON which columns there are
_PARQUET_BATCH = 256  # rows converted to Python objects at a time
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\s*')  # Excel writes it above the header, and hides it

# The default of 131,072 characters refuses long articles. It holds for the whole process.
csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE))

Record = Mapping[str, Any]


# A name of a column has fewer words and characters.
_WORDS_OF_SENTENCE = 5
_CHARACTERS_OF_SENTENCE = 60


@dataclass(frozen=True)
class Table:
    """One input, whose rows are read once, by `records`."""

    name: str  # of the file, for errors
    columns: list[str]  # in JSON, the names in the first 100 rows
    head: Sequence[Record]  # the first rows, up to 100, which `records` yields too
    read: Callable[[Sequence[str]], Iterable[Record]]  # from the needed columns to the rows
    class_names: Mapping[str, list[str]] = field(default_factory=dict)  # of ClassLabel columns
    has_header: bool = False  # whether `columns` is the first line of a file

    @property
    def first(self) -> Record | None:
        """The first row; None if there are no rows."""
        return self.head[0] if self.head else None

    def records(self, columns: Sequence[str] | None = None) -> Iterator[tuple[int, Record]]:
        """Yield every row with its number, from 1.

        Args:
            columns: The columns that are needed; None: all.

        Raises:
            DataError: A row cannot be read.
        """
        needed = self.columns if columns is None else columns
        yield from enumerate(self.read(needed), start=1)

    def row_name(self, number: int) -> str:
        """Return the name of a row for errors."""
        return f"{self.name}, row {number}"


def open_table(path: Path) -> Table:
    """Open a CSV, TSV, JSON, JSONL or Parquet file; the text formats may be gzipped.

    JSON may hold a list of objects, the same under "data", or an object a line.

    Raises:
        DataError: The file is missing, of an unknown format, or its beginning is damaged. Damage further on
            raises when it is reached.
    """
    suffix = file_format(path)
    name = replace_surrogates(str(path))
    if suffix == ".parquet":
        return _open_parquet(path, name)
    if suffix == ".json" and not _has_json_lines(path):
        return make_table(name, _read_json_list(path, name))
    if suffix in _DELIMITERS and looks_like_html(path):
        raise DataError(f"{name} is an HTML page, not CSV; download the file itself.")
    return open_text_table(_open_text(path, "surrogateescape"), name, suffix)


def open_text_table(text: AbstractContextManager[TextIO], name: str, suffix: str) -> Table:
    """Open CSV, TSV or JSON lines.

    Args:
        text: A text with surrogates for bytes that are not UTF-8.
        name: Names the table in errors.
        suffix: ".csv", ".tsv"; anything else is JSON lines.
    """
    lines = _lines_of(text, name)
    if suffix not in _DELIMITERS:
        return make_table(name, _read_json_lines(lines, name))

    delimiter = _DELIMITERS[suffix]
    first_line_of_file = next(lines, "")
    separator_line = _SEPARATOR_LINE.fullmatch(first_line_of_file)
    if separator_line:
        delimiter = separator_line[1]
        first_line_of_file = "\n"  # blank lines are skipped, and counted
    reader = csv.reader(chain([first_line_of_file], lines), delimiter=delimiter, strict=True)
    try:
        names: list[str] = next(filter(None, reader), [])
    except csv.Error as error:
        raise DataError(f"The header of {name} is not CSV ({error}); correct it.") from None
    header = [column.strip() for column in names]
    _check_header(name, header)
    other_separators, separator = ("[;\t]", "commas") if suffix == ".csv" else (",", "tabs")
    if len(header) == 1 and re.search(other_separators, header[0]):
        raise DataError(
            f"{name} has the one column {shown(header[0])}; separate columns by {separator}, or put a line such as "
            "sep=; before the header."
        )
    table = make_table(name, _read_csv_rows(reader, header, name), header)
    return replace(table, has_header=True)


def make_table(name: str, rows: Iterator[Record], columns: list[str] | None = None) -> Table:
    """Return a table of rows that can be iterated once; without `columns`, the first 100 rows tell them."""
    head = list(islice(rows, ROWS_OF_HEAD))
    if columns is None:
        names = chain.from_iterable(head)  # iterating over a row gives its names
        columns = list(dict.fromkeys(names))
    return Table(name, columns, head, read=lambda _: chain(head, rows))


def file_format(path: Path) -> str:
    """Return the format of a file by its name, one of `FORMATS`; a text format may be followed by `.gz`.

    Raises:
        DataError: The name has another suffix, or the file does not exist.
    """
    check_file(path)
    name = path.name.lower()
    suffix = Path(name.removesuffix(".gz")).suffix
    if suffix not in FORMATS or name.endswith(".parquet.gz"):
        raise DataError(
            f"{path} is of no known format; its name must end in {', '.join(FORMATS)}, or .gz after text."
        )
    return suffix


# Text


@contextmanager
def _open_text(path: Path, errors: str = "strict") -> Iterator[TextIO]:
    """Open a UTF-8 text, perhaps gzipped; a read error inside the block is raised as a DataError."""
    is_gzip = path.suffix.lower() == ".gz"
    try:
        with gzip.open(path) if is_gzip else path.open("rb") as binary:
            yield io.TextIOWrapper(binary, encoding="utf-8-sig", errors=errors, newline="")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} {_NOT_UTF8} ({error.reason}).") from error
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} is damaged or cannot be read ({error}); get it again.") from error


def _lines_of(text: AbstractContextManager[TextIO], name: str) -> Iterator[str]:
    with text as file:
        yield from checked_lines(file, name)


def checked_lines(file: TextIO, name: str, longest: int = MAX_LINE) -> Iterator[str]:
    """Yield the lines of a text.

    Args:
        file: A text with surrogates for bytes that are not UTF-8.
        name: Names the text in errors.
        longest: Characters that a line may have.

    Raises:
        DataError: A line is too long or not UTF-8.
    """
    number = 0
    while line := file.readline(longest + 1):
        number += 1
        if len(line) > longest:
            raise DataError(f"{name}, line {number} has more than {longest:,} characters; cut it.")
        has_surrogates = replace_surrogates(line) != line
        if has_surrogates:
            raise DataError(f"{name}, line {number} {_NOT_UTF8}.")
        yield line


# CSV and TSV


def _read_csv_rows(reader: Any, header: Sequence[str], name: str) -> Iterator[Record]:
    number = 1  # of the next row
    while True:
        row_name = f"{name}, row {number} (line {reader.line_num + 1})"
        try:
            values = next(reader, None)
        except csv.Error as error:
            raise DataError(f"{row_name} is not CSV ({error}); correct it.") from None
        if values is None:
            return
        if not values:  # a blank line is no row
            continue
        if len(values) != len(header):
            raise DataError(
                f"{row_name} has {counted(len(values), 'column')}, but the header {len(header)}; correct it."
            )
        if reader.dialect.delimiter == "\t":
            _check_no_swallowed_rows(values, row_name)
        yield dict(zip(header, values, strict=True))
        number += 1


def _check_no_swallowed_rows(values: Sequence[str], row_name: str) -> None:
    """Raise a DataError if a cell of TSV has tabs and line ends: its quotes are those of two texts."""
    for value in values:
        if "\t" in value and "\n" in value:
            raise DataError(
                f"{row_name} has tabs and line ends in one cell: if its quotes belong to the texts, quote these texts "
                "and double the quotes in them; else replace the tabs by spaces."
            )


def _check_header(name: str, header: Sequence[str]) -> None:
    """Raise a DataError if there is no column, or a name occurs twice."""
    if not header:
        raise DataError(f"{name} is empty; give a file with a header and rows.")
    check_names_differ(name, header)


def check_names_differ(name: str, columns: Sequence[str]) -> None:
    """Raise a DataError if a name of a column occurs twice in the table that is called `name`."""
    for column, count in Counter(columns).items():
        if count > 1:
            raise DataError(
                f"{name} has the column {shown(column)} twice; rename one, or add a header if it has none."
            )


# JSON


def _has_json_lines(path: Path) -> bool:
    """Return whether a .json file holds an object a line."""
    with _open_text(path) as file:
        first = file.readline().strip()
        second = file.readline().strip()
    return first.startswith("{") and first.endswith("}") and second.startswith("{")


def _read_json_list(path: Path, name: str) -> Iterator[Record]:
    with _open_text(path) as file:
        try:
            records = json.load(file, object_pairs_hook=_object_of)
        except (ValueError, RecursionError) as error:
            raise DataError(
                f"{name} is not JSON ({error}); correct it, or name JSON lines .jsonl."
            ) from error
    if isinstance(records, dict):
        data = records.get("data")
        holds_columns = all(isinstance(value, list | dict) for value in records.values())
        if isinstance(data, list):
            records = data
        elif records and holds_columns:  # as pandas writes them by default
            raise DataError(
                f"{name} holds columns ({listed(records)}), not rows; write a list of objects, [{{...}}, ...], as "
                'pandas does with orient="records".'
            )
        else:
            records = [records]  # a single row
    if not isinstance(records, list):
        raise DataError(f"{name} holds no list of objects; write [{{...}}, ...], or one a line.")
    for number, record in enumerate(records, start=1):
        yield _check_object(record, f"{name}, row {number}")


def _read_json_lines(lines: Iterable[str], name: str) -> Iterator[Record]:
    number = 0  # of the row; blank lines are no rows
    for line_number, line in enumerate(lines, start=1):
        if line.isspace():
            continue
        number += 1
        row_name = f"{name}, row {number} (line {line_number})"
        try:
            value = json.loads(line, object_pairs_hook=_object_of)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{row_name} is not JSON ({error}); correct it.") from None
        yield _check_object(value, row_name)


def _object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON, of which Python would keep the last of two values of one name."""
    value = dict(pairs)
    if len(value) < len(pairs):
        [(name, _)] = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f"{shown(name)} occurs twice in an object")
    return value


def _check_object(value: Any, row_name: str) -> Record:
    """Return a JSON value if it is an object."""
    if not isinstance(value, dict):
        raise DataError(f"{row_name} is not an object with named values; correct it.")
    return value


# Parquet


def _open_parquet(path: Path, name: str) -> Table:
    def read(needed: Sequence[str]) -> Iterator[Record]:
        with _open_parquet_file(path) as file:
            for batch in file.iter_batches(_PARQUET_BATCH, columns=list(needed)):
                yield from batch.to_pylist()

    with _open_parquet_file(path) as file:
        columns = list(file.schema_arrow.names)
    _check_header(name, columns)
    head = list(islice(read(columns), ROWS_OF_HEAD))
    return Table(name, columns, head, read)


@contextmanager
def _open_parquet_file(path: Path) -> Iterator[Any]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise DataError(f"{path} needs pyarrow; run: {how_to_install('train')}.") from None
    try:
        # Without pre_buffer, which holds whole column chunks: a row group may be the whole file.
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20) as file:
            yield file
    except (OSError, pa.ArrowException, UnicodeError, ArithmeticError, LookupError) as error:
        raise DataError(
            f"{path} cannot be read as Parquet ({first_line(error)}); get it again, or correct it."
        ) from error


def check_header_is_no_data(table: Table) -> None:
    """Refuse a header with a name that looks like a value: the first row would be lost."""
    for name in table.columns:
        is_lonely_text = len(table.columns) == 1 and len(name.split()) > 1
        if is_lonely_text or _looks_like_data(name):
            raise DataError(
                f"The first line of {table.name} looks like data, not like a header: {shown(name)}. Add a line with "
                "the names of the columns, or set text_column_names if these are the names."
            )


def _looks_like_data(name: str) -> bool:
    """Return whether a name of a column is a number or a date, a sentence, or very long."""
    has_digits = any(map(str.isdecimal, name))
    has_letters = any(map(str.isalpha, name))
    if has_digits and not has_letters:
        return True
    return len(name) > _CHARACTERS_OF_SENTENCE or len(name.split()) >= _WORDS_OF_SENTENCE
