"""Text files and CSV, opened and checked, with errors that name the file and the row; `row_readers` builds on it.

A row's number is 1 for the first row of data; a CSV header does not count.
"""

import gzip
import importlib.util
import io
import json
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from glove_lstm.data.errors import DataError

if TYPE_CHECKING:
    from _csv import Reader as _Reader

Record = Mapping[str, Any]

FORMATS = (".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet")
MAX_FIELD = 1 << 26  # characters; the csv module's 131,072 are too few for long articles
NUL = "has a NUL character, which no text has"


def _private_csv() -> Any:
    """Return a csv module of our own, because the limit of a field's length is the module's, for all threads."""
    spec = importlib.util.find_spec("_csv")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.field_size_limit(MAX_FIELD)
    return module


csv = _private_csv()


def read_csv(
    path: Path, delimiter: str = ",", skipped: "Counter[str] | None" = None
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (row number, row) of a CSV file with a header, in constant memory.

    Args:
        path: The file, in UTF-8, perhaps gzipped. A row with a NUL character is malformed.
        delimiter: What separates columns.
        skipped: Given, malformed rows are counted here by their fault instead of raising.

    Raises:
        DataError: If the file or one of its rows is malformed.
    """
    with open_text(path) as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        if looks_like_html(path):
            raise DataError(f"{path} is an HTML page, not CSV; download the file itself.")
        header = read_header(reader, str(path))
        row = 0
        while True:
            row += 1
            try:
                values = next(reader)
                if any("\0" in value for value in values):
                    raise DataError(f"{path}, row {row} (line {reader.line_num}) {NUL}; correct it.")
                if len(values) == len(header):
                    yield row, dict(zip(header, values, strict=True))
                elif values:
                    raise csv.Error(f"columns: {len(values)}, but {len(header)} in the header")
                else:  # a blank line is no row
                    row -= 1
            except StopIteration:
                return
            except csv.Error as error:
                if skipped is None:
                    raise DataError(
                        f"{path}, row {row} (line {reader.line_num}) is malformed ({error}); "
                        "correct it, or get the file again if it was cut short."
                    ) from error
                skipped[str(error).partition(":")[0]] += 1


def read_header(reader: "_Reader", where: str) -> list[str]:
    """Read the first line of a CSV file and check it.

    Raises:
        DataError: It is missing, malformed, or names a column twice.
    """
    try:
        header = next(reader, [])
    except csv.Error as error:
        raise DataError(f"The header of {where} is not CSV ({error}); correct it.") from error
    if not header:
        raise DataError(f"{where} is empty; give a file with a header and rows.")
    twice = [name for name, count in Counter(header).items() if count > 1]
    if twice:
        raise DataError(f"The header of {where} names the column {twice[0]!r} twice; rename one.")
    return header


@contextmanager
def open_text(path: Path, undecodable: str = "strict") -> Iterator[TextIO]:
    """Open a UTF-8 text, perhaps gzipped, so that whatever goes wrong while it is read is a DataError.

    Args:
        path: The file.
        undecodable: What becomes of bytes that are not UTF-8: a name as `open(errors=)` takes it.
    """
    check_file(path)
    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as binary:
            yield io.TextIOWrapper(binary, encoding="utf-8-sig", errors=undecodable, newline="")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not UTF-8 text ({error.reason}); convert it, for instance with iconv."
        ) from error
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} is damaged or cannot be read ({error}); get it again.") from error


def file_format(path: Path) -> str:
    """Return which of `FORMATS` a file's name means; `.gz` may follow after a text format.

    Raises:
        DataError: It means none.
    """
    suffixes = [suffix.lower() for suffix in path.suffixes]
    suffix = (suffixes[:-1] if suffixes[-1:] == [".gz"] else suffixes)[-1:]
    if not suffix or suffix[0] not in FORMATS or (suffix == [".parquet"] and suffixes[-1] == ".gz"):
        raise DataError(
            f"{path} is of no known format; its name must end in {', '.join(FORMATS)}, or .gz after text."
        )
    return suffix[0]


def check_file(path: Path) -> None:
    """Raise a DataError unless `path` is a file."""
    if not path.is_file():
        raise DataError(f"{path} {'is not a file' if path.exists() else 'does not exist'}; check the path.")


def check_revision(name: str | Path, revision: str | None) -> None:
    """Raise a DataError where a revision is asked for of a folder, which has none."""
    if revision is not None and Path(name).is_dir():
        raise DataError(f"{name} is a folder, which has no revision {revision!r}; leave the revision out.")


def has_json_lines(path: Path) -> bool:
    """Say whether a .json file holds an object a line, as `datasets` reads it too."""
    with open_text(path) as file:
        start = "".join(islice(file, 2)).lstrip()
    first, _, rest = start.partition("\n")
    return first.startswith("{") and first.rstrip().endswith("}") and rest.startswith("{")


def read_json_list(path: Path) -> list[Any]:
    """Return what a .json file lists, whether or not it is an object.

    Raises:
        DataError: It is no JSON, or no list.
    """
    with open_text(path) as file:
        try:
            records = json.load(file)
        except (ValueError, RecursionError) as error:
            raise DataError(
                f"{path} is not JSON ({error}); correct it, or name JSON lines .jsonl."
            ) from error
    if isinstance(records, dict):
        records = records["data"] if isinstance(records.get("data"), list) else [records]
    if not isinstance(records, list):
        raise DataError(f"{path} holds no list of objects; write [{{...}}, ...] or an object a line.")
    return records


def read_checkpoint_json(path: Path) -> dict[str, Any]:
    """Return the JSON object of one of a checkpoint's files, as `read_json_object` does."""
    return read_json_object(path, "get the checkpoint again")


def read_json_object(path: Path, mend: str) -> dict[str, Any]:
    """Return the JSON object of a file.

    Args:
        path: The file.
        mend: What is to be done about a file that holds none.

    Raises:
        DataError: It is missing or no JSON object.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise DataError(f"{path} is no JSON ({error}): {mend}.") from None
    if not isinstance(found, dict):
        raise DataError(f"{path} holds no JSON object: {mend}.")
    return found


def looks_like_html(path: Path) -> bool:
    """Say whether the file begins like a web page, which is what a server's error often is."""
    with path.open("rb") as file:
        start = file.read(512).lstrip().lower()
    return start.startswith((b"<!doctype html", b"<html"))


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, without a full stop, to stand inside a sentence."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(". ") if lines else type(error).__name__
