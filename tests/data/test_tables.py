"""Every format of table gives the same rows to prediction and to training, or a sentence that names the mistake."""

import gzip
import io
import json
import sys

import pytest

from glove_lstm.data.loading import load_splits
from glove_lstm.data.tables import checked_lines
from glove_lstm.data.text_rows import open_files, open_stream
from glove_lstm.errors import DataError

ROWS = []
for number in range(1, 24):
    text = f"body, of\n{number} é \U0001f600" if number % 3 else ""
    ROWS.append({"title": f"Title {number}", "text": text, "label": f"class {number % 2}"})
LINES = "\n\n".join(map(json.dumps, ROWS))

FORMATS = {
    "a.csv": ROWS,
    "a.csv.gz": ROWS,
    "a.tsv": ROWS,
    "a.jsonl": ROWS,
    "a.jsonl.gz": ROWS,
    "a.ndjson": ROWS,
    "a.json": ROWS,
    "a.parquet": ROWS,
    "blank-lines.jsonl": LINES,
    "indented.json": json.dumps(ROWS, indent=2),
    "under-data.json": json.dumps({"data": ROWS}),
    "lines.json": "\n".join(map(json.dumps, ROWS)),
    "byte-order-mark.jsonl": "\ufeff" + LINES,
}


def texts_of(source):
    return [(row.text, row.pair) for row in source]


@pytest.mark.parametrize(("name", "content"), FORMATS.items())
def test_every_format_gives_the_same_rows_to_prediction_and_to_training(file, name, content):
    path = file(content, name)
    source = open_files([path])
    assert source.columns == ["title", "text"]
    rows = [(row.number, row.text, row.pair) for row in source]
    assert rows == [(number, row["title"], row["text"]) for number, row in enumerate(ROWS, 1)]

    data = load_splits(train_file=path)
    assert data.text_column_names == ["title", "text"]
    train = data.splits["train"]
    assert train["text"][:] == [row["title"] for row in ROWS]
    assert train["text_pair"][:] == [row["text"] for row in ROWS]
    labels = [data.label_names[number] for number in train["label"]]
    assert labels == [row["label"] for row in ROWS]


def test_a_byte_order_mark_is_no_part_of_a_header(file):
    path = file(b"\xef\xbb\xbftext,label\na,x\nb,y\n", "of-excel.csv")
    assert texts_of(open_files([path])) == [("a", None), ("b", None)]
    assert load_splits(train_file=path).splits["train"]["text"][:] == ["a", "b"]


# Mistakes

CUT = gzip.compress(b"text,label\n" + b"a b c,x\n" * 99999)[:-100]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("cut.csv.gz", CUT, "is damaged"),
        ("page.csv", b"<html><body>", "is an HTML page"),
        ("latin1.csv", b"text,label\na,b\ncaf\xe9,b\n", "line 3 is not UTF-8"),
        ("empty.csv", b"", "is empty"),
        ("empty.json", b"[]", "has no rows"),
        ("header-only.csv", b"text,label\n", "has no rows"),
        ("twice.csv", b"a,a\nb,c\n", "names the column 'a' twice"),
        ("header.csv", b'"text"x,label\na,b\n', "is not CSV"),
        ("quotes.csv", b'text,label\na,b\n"c"d,b\n', r"row 2 \(line 3\) is not CSV"),
        ("short.csv", b"text,label\na,b\n\nc\n", r"row 2 \(line 4\) has 1 columns, but the head"),
        ("semicolons.csv", b"text;label\na;FAKE\n", "separate columns by commas"),
        ("commas.tsv", b"text,label\na,FAKE\n", "separate columns by tabs"),
        ("garbage.jsonl", b"a\nb\n", r"row 1 \(line 1\) is not JSON"),
        ("list.json", b"[", "is not JSON"),
        ("number.json", b"7", "holds no list of objects"),
        ("records.json", b'[{"text": "a", "label": "b"}, 7]', "row 2 is not an object"),
        ("garbage.parquet", b"PAR1", "cannot be read as Parquet"),
        ("noextension", b"text,label\na,b\n", "is of no known format"),
    ],
)
def test_both_routes_name_the_mistake(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    pattern = rf"{name}.* {message}"
    with pytest.raises(DataError, match=pattern) as of_prediction:
        list(open_files([path]))
    with pytest.raises(DataError, match=pattern) as of_training:
        load_splits(train_file=path)
    assert "\n" not in str(of_prediction.value) + str(of_training.value)


def test_the_rows_before_a_mistake_are_given(file):
    rows = iter(open_files([file(b"text\ngood\ncaf\xe9\n", "a.csv")]))
    assert next(rows).text == "good"
    with pytest.raises(DataError, match=r"a.csv, line 3 is not UTF-8"):
        next(rows)


def test_a_long_field_is_read(file):
    path = file(f"text,label\n{'word ' * 40_000},REAL\nshort,FAKE\n")
    assert len(load_splits(train_file=path).splits["train"]) == 2


def test_a_longer_line_is_refused():
    lines = checked_lines(io.StringIO("good\n" + "x" * 1000), "a.jsonl", longest=100)
    assert next(lines) == "good\n"
    with pytest.raises(DataError, match=r"a.jsonl, line 2 has more than 100 characters; cut it"):
        next(lines)


def test_parquet_without_pyarrow_names_the_extra(file, monkeypatch):
    path = file(ROWS, "a.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    message = r"a.parquet needs pyarrow.* pip install 'glove-lstm\[train\]'"
    with pytest.raises(DataError, match=message):
        open_files([path])


# Several files


def test_several_files(file, tmp_path):
    paths = [file(ROWS[:7], name) for name in ("0.csv", "1.jsonl", "2.parquet")]
    source = open_files([tmp_path / "0.csv", str(tmp_path / "[12].*"), tmp_path / "0.csv"])
    assert source.may_have_several_files
    wanted = []
    for path in paths:
        wanted += [(str(path), number) for number in range(1, 8)]
    assert [(row.file, row.number) for row in source] == wanted
    assert not open_files([paths[0]]).may_have_several_files


def test_files_that_are_not_there(file, tmp_path):
    path = file(ROWS, "a.parquet")
    with pytest.raises(DataError, match=r"none\.csv does not exist"):
        open_files([path, tmp_path / "none.csv"])
    with pytest.raises(DataError, match=r"No file matches .*\*\.tsv"):
        open_files([path, tmp_path / "*.tsv"])


def test_later_files_must_have_the_columns_of_the_first(file):
    pairs = file(ROWS, "pairs.csv")
    bodies = file([{"text": "a"}], "bodies.csv")
    headlines = file([{"headline": "a", "text": "b"}], "headlines.jsonl")
    with pytest.raises(DataError, match=r"pairs\.csv has the column 'title', which is not read"):
        list(open_files([bodies, pairs]))
    for lacking in (bodies, headlines):
        with pytest.raises(DataError, match=rf"{lacking.name} has no column 'title'"):
            list(open_files([pairs, lacking]))


def test_a_part_without_rows_as_engines_write_them_is_fine(file):
    paths = [file("", "0.jsonl"), file(ROWS, "1.csv"), file("", "2.jsonl")]
    assert len(list(open_files(paths))) == len(ROWS)


# Columns


def test_a_column_that_is_not_there(file):
    with pytest.raises(DataError, match=r"a.parquet has no column 'body'"):
        open_files([file(ROWS, "a.parquet")], "body")


def test_a_row_of_json_may_leave_a_value_out(file):
    path = file([{"text": "a"}, {"title": "b"}, {"title": "c", "text": "d"}], "a.jsonl")
    assert texts_of(open_files([path])) == [("", "a"), ("b", ""), ("c", "d")]


def test_a_first_line_that_looks_like_a_text_is_no_header(file):
    headline = "Council votes on the bridge " * 20
    path = file(f"{headline}\nAnother headline\n", "a.csv")
    message = r"The first line of .*a.csv looks like a text, 'Council .{20,60}\.\.\.'; add a"
    with pytest.raises(DataError, match=message):
        open_files([path])
    with pytest.raises(DataError, match="The first line of standard input looks like a text"):
        open_stream(io.BytesIO(path.read_bytes()), "csv")
    with pytest.raises(DataError, match=message):
        load_splits(train_file=path)
    requested = open_files([path], headline.strip())
    assert texts_of(requested) == [("Another headline", None)]


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ([{"article body": "a"}], "a.jsonl"),
        ("id,article body\n1,a\n", "b.csv"),
    ],
)
def test_other_names_with_spaces_are_columns(file, content, name):
    assert open_files([file(content, name)]).columns == ["article body"]


def test_a_column_of_another_name_is_reported(file, caplog):
    caplog.set_level("INFO")
    open_files([file("text\na\n", "a.csv")])
    open_files([file("title,text\na,b\n", "b.csv")])
    path = file("Headline\na\n", "c.csv")
    open_files([path], "Headline")
    assert not caplog.messages
    open_files([path])
    assert caplog.messages == [f"{path}: the text is read from the column 'Headline'."]
