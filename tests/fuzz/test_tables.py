"""Hostile tables: every row comes back as it was, or is named as one that cannot be read."""

import csv
import io
import json
import re
from dataclasses import dataclass

import pytest
from hostile import examples, texts
from hypothesis import example, given, settings
from hypothesis import strategies as st

from glove_lstm.errors import DataError
from glove_lstm.tables.columns import open_files, read_rows

NAMES = ["a.csv", "a.tsv", "a.jsonl"]
# Texts that any file can hold. A byte-order mark at the beginning of a file would not be read.
plain = texts.map(lambda text: re.sub("[\0\ud800-\udfff\ufeff]", "", text)[:300])
rows_of_table = st.lists(plain | plain | plain | st.none(), min_size=1, max_size=8)
line_ends = st.sampled_from([b"\n", b"\n", b"\r\n", b"\r"])


@dataclass(frozen=True)
class Table:
    """A file, and the text of each of its rows; None if the row cannot be read."""

    name: str
    content: bytes
    rows: list[str | None]


def csv_line(*fields: str, delimiter: str = ",", quoting: int = csv.QUOTE_ALL) -> bytes:
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter, quoting=quoting).writerow(fields)
    return file.getvalue().removesuffix("\r\n").encode()


def broken_csv(text: str, delimiter: str) -> list[bytes]:
    """Lines that cannot be read as two columns."""
    one_line = re.sub('[\r\n"\t,]', " ", text)
    return [
        csv_line("1", text, "more", delimiter=delimiter),
        f'1{delimiter}"{one_line}" and'.encode(),
        f'"{one_line}"x{delimiter}2'.encode(),
    ]


def broken_json(line: bytes) -> list[bytes]:
    """Lines that cannot be read as an object with a text."""
    return [
        line[:-1],
        line + line,
        b"[" + line + b"]",
        line.replace(b"}", b"\0}"),
        b"null",
        b"7",
        b'"text"',
        b'{"text": [1]}',
        b'{"text": {"text": "a"}}',
        b"9" * 5000,
        b"{'text': 1}",
        b'{"text": "a\tb"}',
        b'{"text": ' * 100_000,
    ]


@st.composite
def csv_lines(draw, text: str | None, delimiter: str) -> bytes:
    if text is None:
        return draw(st.sampled_from(broken_csv(draw(plain), delimiter)))
    quoting = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    return csv_line("1", text, delimiter=delimiter, quoting=quoting)


@st.composite
def json_lines(draw, text: str | None) -> bytes:
    if text is None:
        line = json.dumps({"text": ""}).encode()
        return draw(st.sampled_from(broken_json(line)))
    return json.dumps({"text": text}, ensure_ascii=draw(st.booleans())).encode()


@st.composite
def tables(draw) -> Table:
    name = draw(st.sampled_from(NAMES))
    rows = draw(rows_of_table)
    is_json = name == "a.jsonl"
    delimiter = "\t" if name == "a.tsv" else ","
    content = b""
    if not is_json:
        content = csv_line("n", "text", delimiter=delimiter) + draw(line_ends)
    for text in rows:
        line = json_lines(text) if is_json else csv_lines(text, delimiter)
        content += draw(line) + draw(line_ends)
    if name == "a.tsv":
        rows = [None if seems_to_be_two_rows(text) else text for text in rows]
    return Table(name, content, rows)


def seems_to_be_two_rows(text: str | None) -> bool:
    """Whether a cell of TSV is refused, because its quotes may belong to the texts of two rows."""
    return text is not None and "\t" in text and "\n" in text


@settings(max_examples=examples(150), deadline=None)
@given(table=tables())
@example(table=Table("a.jsonl", b'{"text": "a"}\n{"text": \n{"text": "b"}\n', ["a", None, "b"]))
@example(table=Table("a.jsonl", b'{"text": [1]}\n{"text": \n', [None, None]))
@example(table=Table("a.csv", b'text\na\n"never closed\nb\n', ["a", None]))
@example(table=Table("a.tsv", b'"n"\t"text"\n1\t"\n\t"\n', [None]))
def test_every_row_comes_back_or_is_named(table, tmp_path_factory):
    path = tmp_path_factory.mktemp("table") / table.name
    path.write_bytes(table.content)
    if None not in table.rows:
        assert read(path) == list(enumerate(table.rows, start=1))
        return
    bad_rows = [str(number) for number, text in enumerate(table.rows, start=1) if text is None]
    if table.name != "a.jsonl":
        bad_rows = bad_rows[:1]
    # The first 100 lines of JSON are parsed before any cell is read, so a later line may be named first.
    one_of_them = "|".join(bad_rows)
    with pytest.raises(DataError, match=rf"{re.escape(table.name)}, row (?:{one_of_them})\b"):
        read(path)


def read(path) -> list[tuple[int, str]]:
    [table], columns = open_files([path])
    return [(row.number, row.text) for row in read_rows(table, columns)]
