"""Hostile tables: every row comes back as it was, or is named as one that cannot be read."""

import csv
import gzip
import io
import json
import re

import pytest
from hostile import examples, texts
from hypothesis import example, given, settings
from hypothesis import strategies as st

from glove_lstm.data.text_rows import open_files
from glove_lstm.errors import DataError

# Texts that any file can hold; with a byte-order mark at its beginning, a file would be read without it.
plain = texts.map(lambda text: re.sub("[\0\ud800-\udfff\ufeff]", "", text)[:300])
rows_of_table = st.lists(st.tuples(plain, st.booleans() | st.just(True)), min_size=1, max_size=8)


def csv_line(*fields: str, delimiter: str = ",", quoting: int = csv.QUOTE_ALL) -> bytes:
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter, quoting=quoting).writerow(fields)
    return file.getvalue().removesuffix("\r\n").encode()


def broken_csv(text: str, delimiter: str) -> list[bytes]:
    one_line = re.sub('[\r\n"\t,]', " ", text)
    return [
        csv_line("1", text, "more", delimiter=delimiter),
        f'1{delimiter}"{one_line}" and'.encode(),
        f'"{one_line}"x{delimiter}2'.encode(),
    ]


def broken_json(row: bytes) -> list[bytes]:
    broken = [row[:-1], row + row, b"[" + row + b"]", row.replace(b"}", b"\0}")]
    values = [b"null", b"7", b'"text"', b'{"text": [1]}', b'{"text": {"text": "a"}}', b"9" * 5000]
    return [*broken, *values, b"{'text': 1}", b'{"text": "a\tb"}', b'{"text": ' * 100_000]


@st.composite
def tables(draw) -> tuple[str, bytes, list[str | None]]:
    """A file's name and bytes, and the text of each row, or None if it cannot be read."""
    name = draw(st.sampled_from(["a.csv", "a.tsv", "a.jsonl", "a.json", "a.csv.gz", "a.jsonl.gz"]))
    rows = [text if good else None for text, good in draw(rows_of_table)]
    if name == "a.json":
        bad = st.sampled_from([[1], 7, None, "text", {"text": [1]}, {"text": {}}])
        records = [draw(bad) if text is None else {"text": text} for text in rows]
        return name, json.dumps(records, indent=draw(st.sampled_from([None, 1]))).encode(), rows
    is_json, delimiter = "json" in name, "\t" if "tsv" in name else ","
    lines = []
    for text in rows:
        quoting = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
        good = csv_line("1", text or "", delimiter=delimiter, quoting=quoting)
        if is_json:
            good = json.dumps({"text": text or ""}, ensure_ascii=draw(st.booleans())).encode()
        bad = broken_json(good) if is_json else broken_csv(draw(plain), delimiter)
        blank = draw(st.sampled_from([b"", b"", b"", b"\n"]))  # is not a row
        lines.append(
            (draw(st.sampled_from(bad)) if text is None else good) + draw(line_ends) + blank
        )
    header = b"" if is_json else csv_line("n", "text", delimiter=delimiter) + draw(line_ends)
    data = draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + header + b"".join(lines)
    return name, gzip.compress(data) if name.endswith(".gz") else data, rows


line_ends = st.sampled_from([b"\n", b"\n", b"\r\n", b"\r"])


@settings(max_examples=examples(150), deadline=None)
@given(table=tables())
@example(table=("a.jsonl", b'{"text": "a"}\n{"text": \n{"text": "b"}\n', ["a", None, "b"]))
@example(table=("a.csv", b'text\na\n"never closed\nb\n', ["a", None]))
def test_every_row_comes_back_or_is_named(table, tmp_path_factory) -> None:
    name, data, rows = table
    path = tmp_path_factory.mktemp("table") / name
    path.write_bytes(data)
    bad = [number for number, text in enumerate(rows, 1) if text is None]
    # JSON objects are checked before texts.
    any_of = "|".join(map(str, bad if ".json" in name else bad[:1]))
    if bad:
        with pytest.raises(DataError, match=rf"{re.escape(name)}, row ({any_of})\b"):
            read(path)
    else:
        assert read(path) == list(enumerate(rows, 1))


def read(path) -> list[tuple[int, str]]:
    return [(row.number, row.text) for row in open_files([path])]
