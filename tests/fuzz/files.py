"""Hostile tables, of which it is known what each row holds: every row must come back, or be named."""

import csv
import gzip
import io
import json
import random
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fuzz.texts import make_text
from fuzz.tokens import Finding
from glove_lstm.data import reading
from glove_lstm.data.errors import DataError
from glove_lstm.data.streaming import TextRow, open_files
from glove_lstm.inference.bulk import Labeller, label_to_folder

LIMIT = 4000  # characters of a row, instead of the 67,108,864 of everyday
_CSV_LINE_ENDS = (b"\n", b"\n", b"\r\n", b"\r")


@dataclass(frozen=True)
class Table:
    """A file.

    Attributes:
        name: With the suffix that tells its format.
        data: Its bytes.
        rows: The text of each row, or None where the row cannot be read.
    """

    name: str
    data: bytes
    rows: list[str | None]


def make_table(seed: int, number: int) -> Table:
    """Table number `number` of a seed."""
    generator = random.Random(f"table {seed} {number}")
    name = generator.choice(
        ["a.csv", "a.csv", "a.tsv", "a.jsonl", "a.jsonl", "a.json", "a.csv.gz", "a.jsonl.gz"]
    )
    count = generator.randrange(1, 12)
    texts = [_plain(make_text(seed + 1, 100 * number + row)) for row in range(count)]
    bad = generator.choice([0.0, 0.2, 0.6])
    make = {".csv": _csv, ".tsv": _csv, ".jsonl": _jsonl, ".json": _json}[reading.file_format(Path(name))]
    data, rows = make(generator, texts, bad, "\t" if "tsv" in name else ",")
    return Table(name, gzip.compress(data, mtime=0) if name.endswith(".gz") else data, rows)


def _plain(text: str) -> str:
    """A text that any file can hold, and that a header's encoding mark cannot be taken for."""
    return re.sub("[\0\ud800-\udfff\ufeff]", "", text)[
        :300
    ]  # with every character as JSON spells it, still below LIMIT


Made = tuple[bytes, list[str | None]]


def _csv(generator: random.Random, texts: list[str], bad: float, delimiter: str) -> Made:
    """Two columns, so that no row is a blank line; every row with a line end of its own."""

    def line(*fields: str) -> bytes:
        file = io.StringIO()
        quoting = generator.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
        csv.writer(file, delimiter=delimiter, quoting=quoting).writerow(fields)
        return file.getvalue().removesuffix("\r\n").encode()

    def broken(text: str) -> bytes:
        one_line = re.sub('[\r\n"\t,]', " ", text)
        return generator.choice(
            [
                lambda: line("1", text, "more"),
                lambda: line("1", text + "\0") if generator.random() < 0.5 else b"1\0" + line("", text),
                lambda: (
                    line("1", text) + generator.choice([b"\xff", b"\xe9t\xe9", b"\xf0\x9f", b"\xed\xa0\x80"])
                ),
                lambda: f'1{delimiter}"{one_line}" and'.encode(),
                lambda: f'"{one_line}"x{delimiter}2'.encode(),
                lambda: line("1", f"long {one_line} " * LIMIT),
                lambda: line("1", "\n".join(["a line of many"] * LIMIT)),
                lambda: line("1", f"short\n{'long ' * LIMIT}\nshort"),
            ]
        )()

    lines, rows = [line("n", "text")], []
    for text in texts:
        good = generator.random() >= bad
        lines.append(line("1", text) if good else broken(text))
        rows.append(text if good else None)
        if generator.random() < 0.1:
            lines.append(b"")  # a blank line is no row
    if bad and generator.random() < 0.1:
        lines.append(b'1,"never closed' if delimiter == "," else b'1\t"never closed')
        rows.append(None)
    ends = [generator.choice(_CSV_LINE_ENDS) for _ in lines[1:]]
    data = b"".join(line + end for line, end in zip(lines, [*ends, b""], strict=True))
    return generator.choice([b"", b"\xef\xbb\xbf"]) + data, rows


def _jsonl(generator: random.Random, texts: list[str], bad: float, _: str) -> Made:
    lines, rows = [], []
    for text in texts:
        good = generator.random() >= bad
        row = json.dumps({"text": text}, ensure_ascii=generator.random() < 0.5).encode()
        broken = (
            row[:-1], row + row, b"[" + row + b"]", b'{"text": ' * 100_000, b"null", b"7", b'"text"', row + b"\xff",
            row.replace(b"}", b"\0}"), b'{"text": [1]}', b'{"text": {"text": "a"}}', b"{'text': 1}", b"9" * 5000,
            json.dumps({"text": "long " * LIMIT}).encode(), b'{"text": "\xe9"}', b'{"text": "a\tb"}',
        )  # fmt: skip
        lines.append(row if good else generator.choice(broken))
        rows.append(text if good else None)
        if generator.random() < 0.1:
            lines.append(b"  ")
    data = b"".join(line + generator.choice([b"\n", b"\r\n", b"\r"]) for line in lines)
    return generator.choice([b"", b"\xef\xbb\xbf"]) + data, rows


def _json(generator: random.Random, texts: list[str], bad: float, _: str) -> Made:
    """One list, or objects a line under the same name."""
    records, rows = [], []
    for text in texts:
        good = generator.random() >= bad
        broken = ([1], 7, None, "text", {"text": [1]}, {"text": {}})
        records.append({"text": text} if good else generator.choice(broken))
        rows.append(text if good else None)
    if generator.random() < 0.3:
        return "".join(json.dumps(record) + "\n" for record in [{"text": "a"}, {"text": "b"}, *records]).encode(), [
            "a", "b", *rows,
        ]  # fmt: skip
    return json.dumps(records, indent=generator.choice([None, 1])).encode(), rows


def check_table(table: Table) -> list[Finding]:
    """What is wrong with how a table is read."""
    with tempfile.TemporaryDirectory() as scratch, _short_rows():
        path = Path(scratch) / table.name
        path.write_bytes(table.data)
        return [Finding(f"{table.name}: {table.data!r}", promise) for promise in _broken(path, table.rows)]


def _broken(path: Path, rows: list[str | None]) -> Iterator[str]:
    """The promises that are not kept."""
    bad = [number for number, text in enumerate(rows, 1) if text is None]
    told = _try(
        lambda: label_to_folder(open_files([path]), _LABELLER, path.with_name("fail"), "csv", model={})
    )
    if bad:
        if not isinstance(told, DataError):
            yield f"a row that cannot be read ends the run, unless it is to be skipped: {told}"
        elif not re.search(rf"{re.escape(path.name)}, row {bad[0]}\b", str(told)) and len(bad) < len(rows):
            yield f"the first row that cannot be read, {bad[0]}, is named: {told}"
    elif isinstance(told, BaseException):
        yield f"a good file is read: {told!r}"
    if len(bad) < len(rows):  # what has no good row at all is taken for something else, and refused
        yield from _broken_by_skipping(path, rows, bad)


def _broken_by_skipping(path: Path, rows: list[str | None], bad: list[int]) -> Iterator[str]:
    found = _try(
        lambda: [row for _, window in open_files([path], skip_bad=True).windows(5) for row in window or ()]
    )
    if isinstance(found, BaseException):
        yield f"rows that can be read are read where the others may be skipped: {found!r}"
        return
    texts = [row.text if isinstance(row, TextRow) else None for row in found]
    if texts != rows:
        yield f"every row comes back as it was, or as one that cannot be read: {texts!r:.300}"
    elif [row.number for row in found] != list(range(1, len(rows) + 1)):
        yield "rows are numbered from 1"
    folder = path.with_name("skip")
    told = _try(
        lambda: label_to_folder(
            open_files([path], skip_bad=True), _LABELLER, folder, "csv", model={}, rows_per_part=4
        )
    )
    if isinstance(told, BaseException):
        yield f"bulk prediction goes through: {told!r}"
        return
    totals = json.loads((folder / "_complete.json").read_text())
    noted = sorted(
        json.loads(line)["number"]
        for errors in folder.glob("_errors-*.jsonl")
        for line in errors.read_text().splitlines()
    )
    labelled = sum(len(list(csv.DictReader(part.open(newline="")))) for part in folder.glob("part-*.csv"))
    counts = (labelled, totals["skipped"], totals["rows"], noted)
    if counts != (len(rows) - len(bad), len(bad), len(rows), bad):
        yield f"labelled and skipped rows add up, and the skipped ones are noted: {counts}"


def _labels(texts: list[str], _: list[str] | None):
    return np.full((len(texts), 2), 0.5)


_LABELLER = Labeller(_labels, ("FAKE", "REAL"))


def _try(action: Callable[[], object]):
    try:
        return action()
    except Exception as error:
        return error


@contextmanager
def _short_rows() -> Iterator[None]:
    before = reading.MAX_ROW
    reading.MAX_ROW = LIMIT
    try:
        yield
    finally:
        reading.MAX_ROW = before
