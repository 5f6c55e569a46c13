"""Read the cells of CSV, TSV, JSON, JSON lines and Parquet files.

    table = open_table(Path("news.csv.gz"))
    for cells in table.read(["title", "text"]):
        ...                                               # the cells of a row by column

`columns.py` makes a `Row` of them. The CSV header and blank lines are no rows. Memory does not grow with the input,
except for a JSON list. pyarrow is imported for Parquet only.
"""

import csv
import gzip
import io
import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, TextIO

from glove_lstm.errors import DataError, counted, first_line, how_to_install, shown
from glove_lstm.files import check_file
from glove_lstm.tokenization.word_shapes import replace_surrogates

_FORMATS = (".csv", ".tsv", ".json", ".jsonl", ".parquet")
_MAX_LINE = 1 << 26  # characters of a line, or of a field of CSV
_ROWS_OF_HEAD = 100  # rows that tell which columns there are, and which of them hold text
_PARQUET_BATCH = 256  # rows converted to Python objects at a time

# The default of 131,072 characters refuses long articles. It holds for the whole process.
csv.field_size_limit(max(csv.field_size_limit(), _MAX_LINE))

Cells = Mapping[str, Any]  # of a row, by column


@dataclass(frozen=True)
class Table:
    """A file, or a split of a dataset.

    Attributes:
        name: For errors.
        read: From the needed columns, None for all, to the cells of each row; it begins anew at each call.
        class_names: The labels in the order of a dataset's ClassLabel, by column.
    """

    name: str
    read: Callable[[list[str] | None], Iterator[Cells]]
    class_names: Mapping[str, list[str]] = field(default_factory=dict)

    def head(self) -> list[Cells]:
        """Read the first rows, up to 100. They are not kept: there may be many files."""
        return list(islice(self.read(None), _ROWS_OF_HEAD))

    @cached_property
    def columns(self) -> list[str]:
        """The names of the columns in the first rows; none if there are no rows."""
        return list(dict.fromkeys(chain.from_iterable(self.head())))


def open_table(path: Path) -> Table:
    """Open a file, of which the table reads as much as it needs; text may be gzipped.

    Raises:
        DataError: The file is missing, or of an unknown format.
    """
    check_file(path)
    name = replace_surrogates(str(path))
    lower = path.name.lower()
    suffix = Path(lower.removesuffix(".gz")).suffix
    if suffix not in _FORMATS or lower.endswith(".parquet.gz"):
        raise DataError(
            f"{name} is of no known format; its name must end in {', '.join(_FORMATS)}, or .gz after text."
        )
    if suffix == ".parquet":
        return Table(name, partial(_read_parquet, path))
    read = _read_csv if suffix in (".csv", ".tsv") else _read_json
    return Table(name, lambda _: read(_read_lines(path), name, suffix))


# Lines


def _read_lines(path: Path) -> Iterator[str]:
    is_gzip = path.suffix.lower() == ".gz"
    try:
        with gzip.open(path) if is_gzip else path.open("rb") as binary:
            text = io.TextIOWrapper(
                binary, encoding="utf-8-sig", errors="surrogateescape", newline=""
            )
            yield from checked_lines(text, replace_surrogates(str(path)))
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} is damaged or cannot be read ({error}); get it again.") from error


def checked_lines(file: TextIO, name: str, longest: int = _MAX_LINE) -> Iterator[str]:
    """Yield the lines of a text, in which surrogates stand for bytes that are not UTF-8.

    Raises:
        DataError: A line is not UTF-8, or has more characters than `longest`.
    """
    lines = iter(partial(file.readline, longest + 1), "")
    for number, line in enumerate(lines, 1):
        if len(line) > longest:
            raise DataError(f"{name}, line {number} has more than {longest:,} characters; cut it.")
        has_surrogates = replace_surrogates(line) != line
        if has_surrogates:
            raise DataError(
                f"{name}, line {number} is not UTF-8 text; convert it, for instance with iconv."
            )
        yield line


# CSV and TSV


def _read_csv(lines: Iterator[str], name: str, suffix: str) -> Iterator[Cells]:
    first = next(lines, "")
    delimiter = "\t" if suffix == ".tsv" else ","
    if suffix == ".csv" and ";" in first and "," not in first:
        delimiter = ";"
    reader = csv.reader(chain([first], lines), delimiter=delimiter, strict=True)
    header: list[str] = []
    number = 0  # of the row; the header and blank lines are none
    line = 1  # with which the row begins
    try:
        for values in reader:
            if header and values:
                number += 1
                _check_row(values, header, delimiter, f"{name}, row {number} (line {line})")
                yield dict(zip(header, values, strict=True))
            elif values:
                header = [column.strip() for column in values]
                _check_header(header, name)
            line = reader.line_num + 1
    except csv.Error as error:
        what = f"{name}, row {number + 1} (line {line})" if header else f"The header of {name}"
        raise DataError(f"{what} is not CSV ({error}); correct it.") from None


def _check_row(values: Sequence[str], header: Sequence[str], delimiter: str, row_name: str) -> None:
    """Raise a DataError if a row has another width than the header, or if quotes have joined several rows of TSV."""
    if len(values) != len(header):
        raise DataError(
            f"{row_name} has {counted(len(values), 'column')}, but the header {len(header)}; correct it."
        )
    if delimiter == "\t" and any("\t" in value and "\n" in value for value in values):
        raise DataError(
            f"{row_name} has tabs and line ends in one cell: if its quotes belong to the texts, quote these texts "
            "and double the quotes in them; else replace the tabs by spaces."
        )


def _check_header(header: Sequence[str], name: str) -> None:
    """Raise a DataError if a name occurs twice, or the only one seems to be a text: the first row would be lost."""
    _check_names_differ(header, name)
    only = header[0]
    is_name = len(only.split()) == 1 and any(map(str.isalpha, only)) and not set(",;|") & set(only)
    if len(header) == 1 and not is_name:
        raise DataError(
            f"The only column of {name} has the header {shown(only)}, which looks like a text or several columns; add "
            "a line with a name of one word, such as text, or separate columns by commas (in .tsv, by tabs)."
        )


def _check_names_differ(columns: Sequence[str], name: str) -> None:
    for column, count in Counter(columns).items():
        if count > 1:
            raise DataError(
                f"{name} has the column {shown(column)} twice; rename one, or add a header if it has none."
            )


# JSON


def _read_json(lines: Iterator[str], name: str, suffix: str) -> Iterator[Cells]:
    """Yield the objects of JSON lines; a .json file may hold a list of them instead."""
    number = 0  # of the row; blank lines are none
    for line_number, line in enumerate(lines, 1):
        if line.isspace():
            continue
        if number == 0 and suffix == ".json" and line.lstrip().startswith("["):
            records = _parse_json(line + "".join(lines), name)
            for number, record in enumerate(records, 1):
                yield _check_object(record, f"{name}, row {number}")
            return
        number += 1
        row_name = f"{name}, row {number} (line {line_number})"
        yield _check_object(_parse_json(line, row_name), row_name)


def _parse_json(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{name} is not JSON ({error}); correct it.") from None


def _check_object(value: Any, row_name: str) -> Cells:
    if not isinstance(value, dict):
        raise DataError(f"{row_name} is not an object with named values; correct it.")
    return value


# Parquet


def _read_parquet(path: Path, columns: list[str] | None) -> Iterator[Cells]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise DataError(f"{path} needs pyarrow; run: {how_to_install('train')}.") from None
    try:
        # Without pre_buffer, which holds whole column chunks: a row group may be the whole file.
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20) as file:
            _check_names_differ(file.schema_arrow.names, str(path))
            for batch in file.iter_batches(_PARQUET_BATCH, columns=columns):
                yield from batch.to_pylist()
    except (OSError, pa.ArrowException, UnicodeError, ArithmeticError, LookupError) as error:
        raise DataError(
            f"{path} cannot be read as Parquet ({first_line(error)}); get it again, or correct it."
        ) from error
