"""Texts out of inputs of any size, in windows: files, globs, standard input, and datasets on the Hub.

source = open_files(["news-*.csv", "more.parquet"])
for index, rows in source.windows(4096):
    for row in rows: ...                                 # a TextRow, or a BadRow where `skip_bad` allows it

A window is the same rows whatever the process that reads it, so that windows can be shared out and read again.
"""

import glob
import hashlib
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from glove_lstm.data.columns import choose_columns, read_text
from glove_lstm.data.errors import DataError
from glove_lstm.data.reading import Record, check_file, file_format
from glove_lstm.data.row_readers import (
    Fault,
    RowReader,
    SequentialReader,
    open_reader,
    open_stream_reader,
)

_HEAD = 1 << 16  # bytes at the beginning of a file that go into its fingerprint
Identity = dict[str, Any]  # what tells one input from another, for JSON


@dataclass(frozen=True, slots=True)
class TextRow:
    """A row to classify.

    Attributes:
        file: The input that it is from.
        number: Its number there, from 1.
        text: The first text column.
        pair: The other ones, joined by a space; None where there are none.
    """

    file: str
    number: int
    text: str
    pair: str | None = None

    @property
    def empty(self) -> bool:
        """Whether there is no text at all."""
        return not (self.text.strip() or (self.pair or "").strip())


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be read: where it is, and a sentence that says so."""

    file: str
    number: int
    reason: str


@dataclass(frozen=True)
class Input:
    """Something that a reader can be opened on, and what tells it from others."""

    open: Callable[[], RowReader]
    identity: Callable[[], Identity] = dict


class TextSource:
    """Rows of one or more inputs, in order; read once.

    Attributes:
        columns: The text columns.
        total: How many rows there are, where that is known beforehand.
        resumable: Whether the inputs can be read again, and told from others.
        skip_bad: Whether rows that cannot be read are given as `BadRow` instead of raising.
        seen: How many rows `windows` has read or passed over.
        named: Whether rows may be from several files, so that their numbers alone do not tell them apart.
    """

    def __init__(
        self,
        inputs: Sequence[Input],
        text_column_names: str | Sequence[str] | None = None,
        *,
        skip_bad: bool = False,
        resumable: bool = True,
        named: bool = False,
    ) -> None:
        self.resumable, self.named = resumable, named
        self._all = self._inputs = inputs
        self.skip_bad = skip_bad
        self.seen = 0
        self.columns: list[str] = []
        self._first = self._open_first(text_column_names)
        self.total = self._count()

    def identity(self) -> list[Identity]:
        """Fingerprints of the inputs, as they are now."""
        return [one.identity() for one in self._all]

    def windows(
        self, rows: int, wanted: Callable[[int], bool] = lambda _: True
    ) -> Iterator[tuple[int, Iterator[TextRow | BadRow] | None]]:
        """Give every window's index, and its rows if it is wanted.

        Args:
            rows: How many make a window; the last one has fewer. A bad row counts.
            wanted: Of an index from 0. Rows of other windows are passed over, which is cheap.

        Yields:
            (index, rows); rows that are not taken before the next window are lost.

        Raises:
            DataError: An input is damaged, or a row is bad and `skip_bad` is not set.
        """
        with closing(_Position(self._readers())) as position:
            index = 0
            while True:
                if wanted(index):
                    found = position.read(rows, self._row)
                    first = next(found, None)
                    if first is None:
                        return
                    window = chain([first], found)
                    yield index, window
                    deque(window, maxlen=0)
                elif position.skip(rows):
                    yield index, None
                else:
                    return
                index += 1
                self.seen = position.passed

    def _open_first(self, asked: str | Sequence[str] | None) -> RowReader:
        """Open the first input that has rows, and choose the columns by it."""
        for index, one in enumerate(self._inputs):
            reader = one.open()
            first = reader.first()
            if first is not None:
                self.columns = choose_columns(reader.where, reader.columns, first, asked)
                reader.select(self.columns)
                self._inputs = self._inputs[index:]
                return reader
            reader.close()
        which = reader.where if len(self._inputs) == 1 else "None of the files"
        raise DataError(f"{which} has {'no' if len(self._inputs) == 1 else 'any'} rows; give data.")

    def _count(self) -> int | None:
        total = self._first.total
        for one in self._inputs[1:]:
            if total is None:
                break
            with closing(one.open()) as reader:
                total = None if reader.total is None else total + reader.total
        return total

    def _readers(self) -> Iterator[RowReader]:
        yield self._first
        for one in self._inputs[1:]:
            reader = one.open()
            known = [name for name in self.columns if name in reader.columns]
            if len(known) < len(self.columns) and (reader.fixed or not known) and reader.first() is not None:
                name = next(name for name in self.columns if name not in known)
                raise DataError(f"{reader.where} has no column {name!r}, which the first input has; add it.")
            reader.select(known)
            yield reader

    def _row(self, where: str, number: int, record: Record | Fault) -> TextRow | BadRow:
        try:
            if isinstance(record, Fault):
                raise DataError(f"{record.sentence(where, number)}.")
            text, *pairs = [read_text(record.get(name), where, number, name) for name in self.columns]
        except DataError as error:
            if not self.skip_bad:
                raise DataError(f"{str(error).rstrip('.')}; correct it, or pass --on_error skip.") from None
            return BadRow(where, number, str(error))
        return TextRow(where, number, text, " ".join(pairs) if pairs else None)


class _Position:
    """Where we are in a row of readers, each opened when the one before it ends."""

    def __init__(self, readers: Iterator[RowReader]) -> None:
        self._readers = readers
        self._reader = next(readers, None)
        self.passed = 0  # rows, of all inputs

    def skip(self, count: int) -> int:
        """Pass over up to `count` rows; fewer only at the very end."""
        passed = 0
        while passed < count and self._reader:
            passed += self._reader.skip(count - passed)
            if passed < count:
                self._advance()
        self.passed += passed
        return passed

    def read(
        self, count: int, make: Callable[[str, int, Record | Fault], TextRow | BadRow]
    ) -> Iterator[TextRow | BadRow]:
        """Give up to `count` rows; fewer only at the very end."""
        while count and self._reader:
            for number, record in self._reader.read(count):
                count -= 1
                self.passed += 1
                yield make(self._reader.where, number, record)
            if count:
                self._advance()

    def close(self) -> None:
        """Let go of the file that is open."""
        if self._reader:
            self._reader.close()

    def _advance(self) -> None:
        self.close()
        self._reader = next(self._readers, None)


def open_files(
    patterns: Iterable[str | Path],
    text_column_names: str | Sequence[str] | None = None,
    *,
    skip_bad: bool = False,
) -> TextSource:
    """Open CSV, TSV, JSON, JSONL and Parquet files; text formats may be gzipped.

    Args:
        patterns: Paths or globs (`**` goes into folders), whose files are read in the order of their names.
        text_column_names: As for `load_splits`.
        skip_bad: Give a row that cannot be read as a `BadRow` instead of raising.

    Raises:
        DataError: A file is missing or of an unknown format, or the first one has no such columns.
    """
    asked = [str(pattern) for pattern in patterns]
    paths = list(chain.from_iterable(_expand(pattern) for pattern in asked))
    for path in paths:
        file_format(path)
        check_file(path)
    twice = [path for path, count in Counter(path.resolve() for path in paths).items() if count > 1]
    if twice:
        raise DataError(f"{twice[0]} is given twice; give it once.")
    inputs = [Input(partial(open_reader, path), partial(fingerprint, path)) for path in paths]
    named = len(asked) > 1 or _is_glob(asked[0])
    return TextSource(inputs, text_column_names, skip_bad=skip_bad, named=named)


def open_stream(
    stream: BinaryIO,
    kind: str,
    text_column_names: str | Sequence[str] | None = None,
    *,
    skip_bad: bool = False,
) -> TextSource:
    """Read CSV, TSV or JSONL (`kind`) in UTF-8 from standard input; it cannot be read again.

    Raises:
        DataError: As `open_files`.
    """
    one = Input(lambda: open_stream_reader(stream, f".{kind}"))
    return TextSource([one], text_column_names, skip_bad=skip_bad, resumable=False)


def open_texts(texts: Iterable[str], where: str) -> TextSource:
    """Take texts as they are; the one column is "text".

    Raises:
        DataError: There are none.
    """
    records = ({"text": text} for text in texts)
    one = Input(lambda: SequentialReader(where, records, columns=["text"]))
    return TextSource([one], ["text"], resumable=False)


def _expand(pattern: str) -> list[Path]:
    path = Path(pattern).expanduser()
    if path.exists() or not _is_glob(pattern):  # a file may have a bracket in its name
        return [path]
    names = glob.iglob(str(path), recursive=True)  # noqa: PTH207 - Path.glob takes no absolute pattern
    found = sorted(Path(name) for name in names if Path(name).is_file())
    if not found:
        raise DataError(f"No file matches {pattern}; check the path.")
    return found


def _is_glob(pattern: str) -> bool:
    return glob.has_magic(pattern) and not Path(pattern).expanduser().exists()


def fingerprint(path: Path) -> Identity:
    """What tells a file, as it is now, from others and from itself after a change; only its beginning is read."""
    found = path.stat()
    with path.open("rb") as file:
        head = hashlib.sha256(file.read(_HEAD)).hexdigest()
    return {
        "path": str(path.resolve()),
        "bytes": found.st_size,
        "modified_ns": found.st_mtime_ns,
        "head": head,
    }
