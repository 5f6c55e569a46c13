"""A table gives the same texts and labels by every door, or a sentence that names the mistake and its place."""

import csv
import gzip
import io
import json
import sys
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glove_lstm.data.columns import TextColumns
from glove_lstm.data.in_memory import read_texts
from glove_lstm.data.load import load_splits
from glove_lstm.data.tables import checked_lines
from glove_lstm.data.text_rows import (
    TextRow,
    columns_table,
    open_files,
    open_stream,
    read_text_rows,
)
from glove_lstm.errors import DataError

ROWS = []
for number in range(1, 24):
    text = f"body, of\n{number} é \U0001f600" if number % 3 else ""
    ROWS.append({"title": f"Title {number}", "text": text, "label": f"class {number % 2}"})
TITLES = [row["title"] for row in ROWS]
BODIES = [row["text"] for row in ROWS]
LINES = "\n\n".join(map(json.dumps, ROWS))


def as_csv(delimiter: str) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(ROWS[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(ROWS)
    return text.getvalue()


FORMATS = {
    "a.csv": ROWS,
    "a.csv.gz": ROWS,
    "a.tsv": ROWS,
    "a.jsonl": ROWS,
    "a.jsonl.gz": ROWS,
    "a.ndjson": ROWS,
    "a.json": ROWS,
    "a.parquet": ROWS,
    "of-excel.csv": "\ufeffsep=;\r\n" + as_csv(";"),
    "separator.csv": "sep=,\n" + as_csv(","),
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
    pairs = zip(TITLES, BODIES, strict=True)
    expected = [TextRow(str(path), number, *pair) for number, pair in enumerate(pairs, 1)]
    rows = list(source)
    assert rows == expected

    data = load_splits(train_file=path)
    assert data.text_column_names == ["title", "text"]
    train = data.splits["train"]
    assert train.texts == [row.joined for row in rows]
    assert train.labels == [row["label"] for row in ROWS]
    assert train.groups is None


@pytest.mark.parametrize("form", [pd.DataFrame, pa.Table.from_pylist], ids=["frame", "batch"])
def test_columns_in_memory_give_the_same_rows(form):
    columns = form(ROWS)
    if isinstance(columns, pa.Table):
        columns = columns.to_pydict()
    table = columns_table(columns, "here")
    rows = list(read_text_rows(table, TextColumns(["title", "text"])))
    assert texts_of(rows) == list(zip(TITLES, BODIES, strict=True))
    assert texts_of(rows) == list(
        zip(*read_texts(pd.DataFrame(ROWS)[["title", "text"]]), strict=True)
    )


def test_a_frame_with_two_columns_of_a_name_is_refused():
    frame = pd.DataFrame([["a", "b"]], columns=["text", "text"])
    with pytest.raises(DataError, match=r"here .*'text' twice"):
        columns_table(frame, "here")


@pytest.mark.parametrize(
    ("stream_format", "content"), [("csv", as_csv(",")), ("tsv", as_csv("\t")), ("jsonl", LINES)]
)
def test_standard_input_gives_the_same_rows(stream_format, content):
    source = open_stream(io.BytesIO(content.encode()), stream_format)
    assert texts_of(source) == list(zip(TITLES, BODIES, strict=True))


# Mistakes. The words that matter: the place, the name, the remedy.

CUT = gzip.compress(b"text,label\n" + b"a b c,x\n" * 99999)[:-100]
LONG_LINE = "A long line of words "


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("cut.csv.gz", CUT, "damaged"),
        ("page.csv", b"<html><body>", "HTML"),
        ("latin1.csv", b"text,label\na,b\ncaf\xe9,b\n", "line 3 .*UTF-8"),
        ("empty.csv", b"", "empty"),
        ("empty.json", b"[]", "no rows"),
        ("header-only.csv", b"text,label\n", "no rows"),
        ("twice.csv", b"a,a\nb,c\n", "'a' twice"),
        ("header.csv", b'"text"x,label\na,b\n', "not CSV"),
        ("quotes.csv", b'text,label\na,b\n"c"d,b\n', r"row 2 \(line 3\).* not CSV"),
        ("short.csv", b"text,label\na,b\n\nc\n", r"row 2 \(line 4\).* 1 columns.* 2;"),
        ("after-sep.csv", b"sep=;\ntext;label\na\n", r"row 1 \(line 3\).* 1 columns"),
        ("semicolons.csv", b"text;label\na;FAKE\n", "commas"),
        ("commas.tsv", b"text,label\na,FAKE\n", "tabs"),
        ("garbage.jsonl", b"a\nb\n", r"row 1 \(line 1\).* not JSON"),
        ("list.json", b"[", "not JSON"),
        ("number.json", b"7", "no list of objects"),
        ("records.json", b'[{"text": "a", "label": "b"}, 7]', "row 2 .*not an object"),
        ("columns.json", json.dumps({"text": ["a"] * 999, "label": ["b"] * 999}), "'text', 'label'.*orient"),
        ("frame.json", json.dumps({"text": {"0": "a"}, "label": {"0": "b"}}), "'text', 'label'.*orient"),
        ("columns.jsonl", json.dumps({"text": ["a"] * 999, "label": ["b"] * 999}), "row 1 .*list .*'text'"),
        ("garbage.parquet", b"PAR1", "cannot be read as Parquet"),
        ("noextension", b"text,label\na,b\n", "no known format"),
        ("id.csv", b"1,A headline\n2,Another\n", "header.*'1'.*text_column_names"),
        ("date.csv", b"2017-01-01,headline\n2017-01-02,b\n", "header.*'2017-01-01'"),
        ("sentence.csv", b"FAKE,A headline about a man\nREAL,b\n", "header.*'A headline about a man'"),
        ("one-text.csv", b"Council votes\nAnother\n", "header.*'Council votes'"),
        ("long.csv", LONG_LINE * 20 + "\nAnother\n", r"header.*'A long line.{10,60}\.\.\.\."),
    ],
)  # fmt: skip
def test_both_doors_name_the_mistake(tmp_path, name, content, words):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    pattern = rf"{name}.*{words}"
    with pytest.raises(DataError, match=pattern) as of_prediction:
        list(open_files([path]))
    with pytest.raises(DataError, match=pattern) as of_training:
        load_splits(train_file=path)
    for error in (of_prediction, of_training):
        sentence = str(error.value).replace(str(tmp_path), "")
        assert "\n" not in sentence
        assert len(sentence) < 300


def labelled(*labels):
    return [{"text": f"a text {number}", "label": label} for number, label in enumerate(labels)]


@pytest.mark.parametrize(
    ("name", "rows", "words"),
    [
        ("a.csv", "a,b\nx,y\n", "no column 'label'; set label_column_name to one of 'a', 'b'"),
        ("a.csv", "a,b,label\nx,y,z\n", "2 columns .*text_column_names from 'a', 'b'"),
        ("a.csv", "a,label\n1,z\n", "0 columns that may be text"),
        ("a.csv", "text,label\na,x\nc, \n", "row 2 has no label in 'label'"),
        ("a.csv", "text,label\na,x\nc,NaN\n", "row 2 has no label in 'label'"),
        ("a.jsonl", '{"text": "a", "label": NaN}', "row 1 has no label in 'label'"),
        ("a.jsonl", labelled("x", None), "row 2 has no label in 'label'"),
        ("a.parquet", labelled("x", None), "row 2 has no label in 'label'"),
        ("a.csv", labelled("b", "b"), "the label 'b' only"),
        ("a.csv", labelled(*range(1001)), "1,001 different labels for 1,001 texts"),
        ("a.csv", labelled(*(f"0.{number:03}" for number in range(300))), "300 .*label_column_name"),
        ("a.jsonl", labelled([1, 2], [3]), "3 different labels for 2 texts"),
        ("a.csv", "text,label\na,\"['b', 'c']\"\n", "row 1 .*no JSON"),
        ("a.csv", 'text,label\na," [b, c]"\n', "row 1 .*no JSON"),
        ("a.jsonl", labelled(0.5), "row 1 .*0.5.*whole numbers"),
        ("a.parquet", labelled(Decimal("0.50"), Decimal("1.00")), "row 1 .*whole numbers"),
        ("a.jsonl", labelled([0, 1, 0]), "0 or 1 for each label in 'label'"),
        ("a.jsonl", labelled([{}]), r"row 1 has the label \{\}"),
        ("a.jsonl", labelled("x", ["x"]), "row 2 .*one label"),
        ("a.jsonl", labelled(["x"], "x"), "row 2 .*a list of labels"),
        ("a.jsonl", [{"text": " ", "label": "x"}], "row 1 has no text in text.*--on_empty"),
        ("a.jsonl", [{"text": [1], "label": "x"}], "row 1 has list instead of text in 'text'"),
    ],
)  # fmt: skip
def test_mistakes_of_labelled_tables(file, name, rows, words):
    with pytest.raises(DataError, match=rf"{name}.*{words}") as error:
        load_splits(train_file=file(rows, name))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "nothing to load"),
        ({"dataset_name": ""}, "dataset_name is empty"),
        ({"dataset_name": "liar", "revision": "main"}, "liar .*no revision"),
        ({"dataset_name": "liar", "train_file": "a.csv"}, "liar and train_file"),
        ({"train_file": "a.csv", "data_dir": "x"}, "data_dir needs dataset_name"),
        ({"train_file": "no.csv"}, r"no\.csv does not exist"),
        ({"train_file": "a.csv", "text_column_names": "body"}, r"a\.csv .*'body'.*text_column_names"),
        ({"train_file": "a.csv", "text_column_names": ""}, r"a\.csv .*''.*text_column_names"),
        ({"train_file": "a.csv", "text_column_names": "text,text"}, "must differ: 'text', 'text'"),
        ({"train_file": "a.csv", "text_column_names": "label"}, "must differ: 'label'"),
        ({"train_file": "a.csv", "group_column_name": "label"}, "must differ: 'label'"),
        ({"train_file": "a.csv", "label_column_name": "class"}, r"a\.csv .*'class'.*label_column_name"),
        ({"train_file": "a.csv", "group_column_name": "site"}, r"a\.csv .*'site'.*group_column_name"),
        ({"train_file": ["a.csv", "b.csv"]}, r"b\.csv has the label 'y', which .*a\.csv lacks"),
        ({"train_file": "a.csv", "validation_file": "b.csv"}, r"b\.csv, row 1 .*'y', not one of x, z"),
        ({"train_file": "a.csv", "validation_file": "c.csv"}, r"c\.csv .*'title'.*text_column_names"),
        ({"train_file": "c.csv", "test_file": "a.csv"}, r"a\.csv has no column 'title'"),
    ],
)  # fmt: skip
def test_mistakes_of_arguments(file, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    file(labelled("x", "z"), "a.csv")
    file(labelled("y", "x"), "b.csv")
    file([{"title": "a", **row} for row in labelled("x", "z")], "c.csv")
    with pytest.raises(DataError, match=words):
        load_splits(**arguments)


def test_the_rows_before_a_mistake_are_given(file):
    rows = iter(open_files([file(b"text\ngood\ncaf\xe9\n", "a.csv")]))
    assert next(rows).text == "good"
    with pytest.raises(DataError, match=r"a.csv, line 3"):
        next(rows)


def test_a_long_field_is_read(file):
    path = file(f"text,label\n{'word ' * 40_000},REAL\nshort,FAKE\n")
    assert len(load_splits(train_file=path).splits["train"]) == 2


def test_a_longer_line_is_refused():
    lines = checked_lines(io.StringIO("good\n" + "x" * 1000), "a.jsonl", longest=100)
    assert next(lines) == "good\n"
    with pytest.raises(DataError, match=r"a.jsonl, line 2"):
        next(lines)


def test_parquet_without_pyarrow_names_the_extra(file, monkeypatch):
    path = file(ROWS, "a.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DataError, match=r"pyarrow.*\[train\]"):
        open_files([path])


# Headers


def test_a_first_line_that_is_named_is_a_header(file):
    path = file("1,A headline about a man\n2,Another\n", "a.csv")
    source = open_files([path], "A headline about a man")
    assert texts_of(source) == [("Another", None)]


@pytest.mark.parametrize(
    "content",
    [
        ",title,text,label\n1,a,b,x\n2,c,d,y\n",
        "text,label,How sure are you about your answer?\na,x,1\nb,y,2\n",
        "id,article body,label\n1,a,x\n2,b,y\n",
    ],
)
def test_other_headers_are_read(file, content):
    path = file(content, "a.csv")
    assert len(list(open_files([path]))) == len(load_splits(train_file=path).splits["train"]) == 2


def test_a_first_line_in_doubt_is_mentioned(file, caplog):
    caplog.set_level("INFO")
    known = [
        open_files([file("text\na\n", "a.csv")]),
        open_files([file("Headline\na\n", "b.csv")], "Headline"),
        open_files([file("Headline\na\n", "b.csv")], trained_columns=["Headline"]),
    ]
    assert [source.columns for source in known] == [["text"], ["Headline"], ["Headline"]]
    assert not caplog.messages
    open_files([file("Breaking\na\n", "c.csv")])
    [message] = caplog.messages
    assert "first line was taken as the header" in message
    assert "'Breaking'" in message


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

    data = load_splits(train_file=paths[:2], validation_file=paths[2])
    assert data.splits["train"].texts == data.splits["validation"].texts * 2
    assert data.description == "train 0.csv + 1.jsonl, validation 2.parquet"


def test_files_that_are_not_there(file, tmp_path):
    path = file(ROWS, "a.parquet")
    with pytest.raises(DataError, match=r"none\.csv does not exist"):
        open_files([path, tmp_path / "none.csv"])
    with pytest.raises(DataError, match=r"\*\.tsv"):
        open_files([path, tmp_path / "*.tsv"])


def test_later_files_must_have_the_columns_of_the_first(file):
    pairs = file(ROWS, "pairs.csv")
    bodies = file([{"text": "a"}], "bodies.csv")
    headlines = file([{"headline": "a", "text": "b"}], "headlines.jsonl")
    with pytest.raises(DataError, match=r"pairs\.csv has the column 'title'.*text_column_names"):
        list(open_files([bodies, pairs]))
    for lacking in (bodies, headlines):
        with pytest.raises(DataError, match=rf"{lacking.name} has no column 'title'"):
            list(open_files([pairs, lacking]))


def test_a_part_without_rows_as_engines_write_them_is_fine(file):
    paths = [file("", "0.jsonl"), file(ROWS, "1.csv"), file("", "2.jsonl")]
    assert len(list(open_files(paths))) == len(ROWS)


def test_a_row_of_json_may_leave_a_value_out(file):
    path = file([{"text": "a"}, {"title": "b"}, {"title": "c", "text": "d"}], "a.jsonl")
    assert texts_of(open_files([path])) == [("", "a"), ("b", ""), ("c", "d")]


# Properties

cells = st.text(st.characters(codec="utf-8", exclude_characters="\0\ufeff"), min_size=1, max_size=9)
labels = cells.filter(lambda label: label.strip() and label.strip().lower() != "nan")
labels = labels.filter(lambda label: "[" not in label)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(cells, st.sampled_from("ab"), labels), min_size=1, max_size=6))
def test_texts_labels_and_groups_come_back_from_every_format(rows, tmp_path_factory):
    folder = tmp_path_factory.mktemp("formats")
    # Each text has a word, and there are two labels and enough texts of them.
    two = [(f"w {text}", label, group) for text, label, group in rows]
    two += [("w", label, "g") for label in "ab" for _ in range(3)]
    columns = ["text", "label", "site"]
    frame = pd.DataFrame(two, columns=columns)
    frame.to_csv(folder / "a.csv", index=False, quoting=csv.QUOTE_ALL)
    pq.write_table(pa.Table.from_pandas(frame), folder / "a.parquet")
    frame.to_json(folder / "a.json", orient="records")
    for path in folder.iterdir():
        train = load_splits(train_file=path, group_column_name="site").splits["train"]
        assert train.texts == frame["text"].tolist(), path
        assert train.labels == frame["label"].tolist(), path
        assert train.groups == [group.strip() for group in frame["site"]], path
        named = load_splits(test_file=path, label_column_name="site", label_names=[*frame["site"]])
        assert named.splits["test"].labels == frame["site"].tolist(), path
