"""Texts in windows out of every kind of input, and what becomes of rows that cannot be read."""

import gzip
import io
import sys

import pytest

from glove_lstm.data.loading import load_splits
from glove_lstm.data.tables import checked_lines
from glove_lstm.data.text_rows import open_files, open_stream
from glove_lstm.errors import DataError

ROWS = [{"title": f"Title {n}", "text": f"body, of\n{n} é" if n % 3 else ""} for n in range(1, 24)]


@pytest.mark.parametrize(
    "name",
    ["a.csv", "a.csv.gz", "a.tsv", "a.jsonl", "a.jsonl.gz", "a.ndjson", "a.json", "a.parquet"],
)
def test_every_format_gives_the_same_rows(file, name):
    source = open_files([file(ROWS, name)])
    assert source.columns == ["title", "text"]
    assert [(row.number, row.text, row.pair) for row in source] == [
        (number, row["title"], row["text"]) for number, row in enumerate(ROWS, 1)
    ]


def test_files_of_different_formats(file, tmp_path):
    paths = [file(ROWS[:7], name) for name in ("0.csv", "1.jsonl", "2.parquet")]
    source = open_files([tmp_path / "0.csv", str(tmp_path / "[12].*")])
    assert source.named
    assert [(row.file, row.number) for row in source] == [
        (str(path), n) for path in paths for n in range(1, 8)
    ]
    assert not open_files([paths[0]]).named


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl"])
def test_standard_input(file, kind):
    data = file(ROWS, f"a.{kind}").read_bytes()
    source = open_stream(io.BytesIO(data), kind)
    assert source.identity() is None
    assert [row.text for row in list(source)] == [row["title"] for row in ROWS]
    with pytest.raises(DataError, match="standard input"):
        open_stream(io.BytesIO(b""), kind)


def test_reading_ends_at_a_byte_that_is_not_utf8(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"text\ngood\ncaf\xe9\n")
    read = []
    with pytest.raises(DataError, match=r"a.csv, line 3 is not UTF-8"):
        read.extend(row.text for row in open_files([tmp_path / "a.csv"]))
    assert read == ["good"]


def test_reading_ends_at_an_endless_line():
    lines = checked_lines(io.StringIO("good\n" + "x" * 1000), "a.jsonl", longest=100)
    assert next(lines) == "good\n"
    with pytest.raises(DataError, match=r"a.jsonl, line 2 has more than 100 characters; cut it"):
        next(lines)


def test_mistakes_name_the_file(file, tmp_path):
    whole = file(ROWS, "whole.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(b"text\n" + b"a b c\n" * 99999)[:-100])
    (tmp_path / "utf16.csv").write_bytes("text\na\n".encode("utf-16"))
    for name, text in {
        "page.csv": "<html><body>",
        "empty.csv": "",
        "empty.jsonl": "",
        "rows.csv": "text\n",
        "twice.csv": "a,a\nb,c\n",
        "header.csv": '"text"x\na\n',
        "garbage.jsonl": "a\nb\n",
        "array.jsonl": "[1]\n",
        "list.json": "[",
        "number.json": "7",
        "noextension": "text\na\n",
        "semicolons.csv": "text;label\na;FAKE\n",
    }.items():
        (tmp_path / name).write_text(text)
    for name, words in {
        "none.csv": "does not exist",
        "*.tsv": "No file matches",
        "cut.parquet": "cannot be read as Parquet",
        "cut.csv.gz": "damaged",
        "page.csv": "HTML page",
        "utf16.csv": "line 1 is not UTF-8",
        "empty.csv": "is empty",
        "empty.jsonl": "no rows",
        "rows.csv": "no rows",
        "twice.csv": "names the column 'a' twice",
        "header.csv": "is not CSV",
        "garbage.jsonl": "row 1 .* not JSON",
        "array.jsonl": "row 1 .* not an object",
        "list.json": "not JSON",
        "number.json": "no list of objects",
        "noextension": "of no known format",
        "semicolons.csv": "separate columns by commas",
    }.items():
        with pytest.raises(DataError, match=words) as error:
            list(open_files([tmp_path / name]))
        assert name in str(error.value)
    rows = list(open_files([tmp_path / "whole.parquet", tmp_path / "who*.parquet"]))
    assert len(rows) == len(ROWS)
    with pytest.raises(DataError, match="no column 'body'"):
        open_files([tmp_path / "whole.parquet"], "body")


def test_a_later_file_without_the_columns_is_refused(file, tmp_path):
    file(ROWS, "1.csv")
    file([{"text": "a"}], "2.csv")
    with pytest.raises(DataError, match=r"1\.csv has the column 'title', which is not read"):
        list(open_files([tmp_path / "2.csv", tmp_path / "1.csv"]))
    with pytest.raises(DataError, match=r"2\.csv has no column 'title'"):
        list(open_files([tmp_path / "*.csv"]))
    # A JSON row may leave a value out.
    file([{"text": "a"}, {"title": "b"}], "3.jsonl")
    rows = list(open_files([tmp_path / "1.csv", tmp_path / "3.jsonl"]))
    assert [(row.text, row.pair) for row in rows[-2:]] == [("", "a"), ("b", "")]
    file([{"text": "a"}, {"title": "b", "text": "c"}], "4.jsonl")
    rows = list(open_files([tmp_path / "4.jsonl"]))
    assert [(row.text, row.pair) for row in rows] == [("", "a"), ("b", "c")]
    file([{"headline": "a", "text": "b"}], "5.jsonl")
    with pytest.raises(DataError, match=r"5\.jsonl has no column 'title'"):
        list(open_files([tmp_path / "4.jsonl", tmp_path / "5.jsonl"]))
    # A part without rows, as engines write them, is fine.
    file("", "0.jsonl")
    assert len(list(open_files([tmp_path / "0.jsonl", tmp_path / "1.csv"]))) == 23


LONG = "Council votes on the bridge " * 20
LONE = f"{LONG}\nAnother headline\n"


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.csv.gz"])
def test_a_first_line_that_looks_like_a_text_is_no_header(file, name):
    path = file(LONE, name)
    said = (
        rf"The first line of .*{name} looks like a text, 'Council .{{20,60}}\.\.\.'; add a header"
    )
    with pytest.raises(DataError, match=said):
        open_files([path])
    with pytest.raises(DataError, match=said):
        load_splits(train_file=path)
    named = open_files([path], LONG.strip())
    assert [row.text for row in named] == ["Another headline"]
    with pytest.raises(DataError, match="The first line of standard input looks like a text"):
        open_stream(io.BytesIO(LONE.encode()), "csv")


def test_other_names_with_spaces_are_columns(file):
    for name in ("a.jsonl", "a.parquet"):
        assert open_files([file([{"article body": "a"}], name)]).columns == ["article body"]
    assert open_files([file("id,article body\n1,a\n", "b.csv")]).columns == ["article body"]


def test_a_column_of_another_name_is_reported(file, caplog):
    caplog.set_level("INFO")
    for content, said in {
        "text\na\n": "",
        "title,text\na,b\n": "",
        "Headline\na\n": "a.csv: the text is read from the column 'Headline'.\n",
    }.items():
        caplog.clear()
        open_files([file(content, "a.csv")])
        assert "".join(f"{message}\n" for message in caplog.messages).endswith(said)
        assert bool(caplog.messages) == bool(said)
        open_files([file(content, "a.csv")], content.partition("\n")[0])
        assert len(caplog.messages) == bool(said)


def test_parquet_without_pyarrow_names_the_extra(file, monkeypatch):
    path = file(ROWS, "a.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    said = r"a.parquet needs pyarrow.* pip install 'glove-lstm\[train\]'"
    with pytest.raises(DataError, match=said):
        open_files([path])
