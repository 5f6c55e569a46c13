"""Read texts of any amount, row by row: from files, globs or standard input.

    for row in open_files(["news-*.csv", "more.parquet"]):
        ...                                        # a TextRow

Memory does not grow with the input.
"""

import glob
import io
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from glove_lstm.data.files import user_path
from glove_lstm.data.reading import (
    Record,
    RowReader,
    encodable,
    file_format,
    open_reader,
    open_text_rows,
    peek,
)
from glove_lstm.errors import DataError

logger = logging.getLogger(__name__)

_SHOWN = 60  # characters of a column's name in a message

Identity = list[dict[str, Any]]  # fingerprints of inputs, as JSON values


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
        return not (self.text.strip() or (self.pair or "").strip())


class TextSource:
    """Rows of one or more inputs, in order; can be iterated once.

    Args:
        readers: Of the inputs.
        text_column_names: As for `load_splits`.
        trained_columns: As for `load_splits`.
        identity: Returns the present fingerprints of the inputs; None for inputs that can be read only once.
        named: Whether rows may come from several files, so that the output must name them.
    """

    def __init__(
        self,
        readers: Iterable[RowReader],
        text_column_names: str | Sequence[str] | None = None,
        trained_columns: Sequence[str] | None = None,
        *,
        identity: Callable[[], Identity | None] = lambda: None,
        named: bool = False,
    ) -> None:
        self.identity, self.named = identity, named
        readers = iter(readers)
        for first in readers:
            if first.first is not None:
                break
        else:
            raise DataError(f"{first.where} has no rows; give data.")
        self._readers = chain([first], readers)
        self.columns = choose_columns(
            first.where,
            first.columns,
            first.first,
            text_column_names,
            header=first.header,
            trained=trained_columns,
        )
        as_trained = trained_columns is not None and self.columns == list(trained_columns)
        self._default_columns = text_column_names is None and not as_trained

    def __iter__(self) -> Iterator[TextRow]:
        """Yield every row.

        Raises:
            DataError: An input is damaged or lacks a column, or a row cannot be read.
        """
        for reader in self._readers:
            missing = [name for name in self.columns if name not in reader.columns]
            if missing and reader.first is not None:
                raise DataError(
                    f"{reader.where} has no column {missing[0]!r}, which the first input has; add it."
                )
            if self._default_columns:
                check_unread_columns(reader.where, reader.columns, self.columns, "first input")
            for number, record in reader.records(self.columns):
                place = f"{reader.where}, row {number}"
                text, *pairs = [read_text(record.get(name), place, name) for name in self.columns]
                yield TextRow(reader.where, number, text, " ".join(pairs) if pairs else None)


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
        DataError: A file is missing or of an unknown format, or the first one has no such columns.
    """
    asked = [str(pattern) for pattern in patterns]
    paths = list(dict.fromkeys(path for pattern in asked for path in _expand(pattern)))
    for path in paths:
        file_format(path)
    return TextSource(
        map(open_reader, paths),
        text_column_names,
        trained_columns,
        identity=lambda: [fingerprint(path) for path in paths],
        named=len(asked) > 1 or _is_glob(asked[0]),
    )


def open_stream(
    stream: BinaryIO,
    kind: str,
    text_column_names: str | Sequence[str] | None = None,
    trained_columns: Sequence[str] | None = None,
) -> TextSource:
    """Read CSV, TSV or JSONL (`kind`) in UTF-8 from standard input; see `open_files`."""
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
    reader = open_text_rows(text, "standard input", f".{kind}")
    return TextSource([reader], text_column_names, trained_columns)


def open_texts(texts: Iterable[str], where: str) -> TextSource:
    """Take texts as rows of the one column "text"; `where` names them in errors."""
    return TextSource([peek(where, ({"text": text} for text in texts), ["text"])])


def fingerprint(path: Path) -> dict[str, Any]:
    """Return values that differ for another file, or after a change of this one."""
    status = path.stat()
    return {"path": str(path.resolve()), "bytes": status.st_size, "modified_ns": status.st_mtime_ns}


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


def choose_columns(
    where: str,
    columns: Sequence[str],
    first: Record,
    asked: str | Sequence[str] | None,
    label_column: str | None = None,
    *,
    header: bool = False,
    trained: Sequence[str] | None = None,
) -> list[str]:
    """Return the requested text columns, or the default ones; log a default one with another name than title or text.

    Args:
        where: Names the table in errors.
        columns: Columns of the table.
        first: First row of the table.
        asked: A list, or names separated by commas; None takes title and text, else text, else title, else the
            only column of text.
        label_column: Required, and never a text column; None if labels are not needed ("label" is left out then).
        header: Whether `columns` is the first line of a file.
        trained: Text columns that a model was trained on, the default where the table has them all.

    Raises:
        DataError: There are no such columns, or several that may be text, or the header looks like a text.
    """
    if header and asked is None and len(columns) == 1 and len(columns[0].split()) > 1:
        raise DataError(
            f"The first line of {where} looks like a text, {_shortened(columns[0])!r}; add a header such as text "
            "above it, or set text_column_names if it is one."
        )
    listing = ", ".join(repr(name) for name in columns)
    if label_column is not None and label_column not in columns:
        raise DataError(
            f"{where} has no column {label_column!r}; set label_column_name to one of {listing}."
        )
    if asked is not None:
        return _requested_columns(where, columns, asked, label_column)
    readable = set(columns) - {label_column}
    if trained and readable.issuperset(trained):
        return list(trained)
    others = [name for name in columns if name != (label_column or "label")]
    return _default_columns(where, others, first, listing)


def _requested_columns(
    where: str, columns: Sequence[str], asked: str | Sequence[str], label_column: str | None
) -> list[str]:
    names = asked.split(",") if isinstance(asked, str) else list(asked)
    names = [name if name in columns else name.strip() for name in names]
    for name in names or [""]:
        if name not in columns:
            listing = ", ".join(repr(column) for column in columns)
            raise DataError(
                f"{where} has no column {name!r}; set text_column_names to some of {listing}."
            )
    if label_column in names or len(set(names)) < len(names):
        raise DataError(
            f"text_column_names {', '.join(names)} must differ from each other and from the label."
        )
    return names


def _default_columns(where: str, columns: Sequence[str], first: Record, listing: str) -> list[str]:
    for names in (["title", "text"], ["text"], ["title"]):
        if all(name in columns for name in names):
            return names
    names = [name for name in columns if _is_text(first.get(name))]
    if len(names) != 1:
        raise DataError(
            f"{where} has {len(names)} columns that may be text; set text_column_names from {listing}."
        )
    logger.info("%s: the text is read from the column %r.", where, _shortened(names[0]))
    return names


def check_unread_columns(
    where: str, columns: Sequence[str], chosen: Sequence[str], chooser: str
) -> None:
    """Refuse a column `title` or `text` that is not read, because the default columns are those of an earlier table.

    Args:
        where: Names the table in errors.
        columns: Columns of the table.
        chosen: Columns that are read.
        chooser: Names the table that they were chosen by.

    Raises:
        DataError: There is such a column.
    """
    for name in ("text", "title"):
        if name in columns and name not in chosen:
            raise DataError(
                f"{where} has the column {name!r}, which is not read, because the {chooser} lacks it; "
                "set text_column_names."
            )


def _shortened(name: str) -> str:
    return name if len(name) <= _SHOWN else f"{name[:_SHOWN]}..."


def _is_text(value: Any) -> bool:
    """Return whether a value is a string and, since everything in a CSV file is one, not a number."""
    try:
        float(value)
    except (TypeError, ValueError, OverflowError):
        return isinstance(value, str)
    return False


def read_text(value: Any, place: str, column: str) -> str:
    """Return the text as Unicode that Arrow takes; "" where there is none."""
    if value is None or value != value:  # NaN is how pandas writes a missing text
        return ""
    if isinstance(value, str):
        # JSON can spell lone surrogates, which Arrow refuses; the tokenizer reads them as U+FFFD, too.
        return encodable(value)
    if isinstance(value, int | float):
        return str(value)
    raise DataError(
        f"{place} has {type(value).__name__} instead of text in {column!r}; choose another column."
    )
