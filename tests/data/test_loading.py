"""load_splits on files: columns, labels, empty texts, and mistakes. Table formats are in test_tables.py."""

import pytest
from support import LABELLED_ROWS as ROWS

from glove_lstm.data.loading import load_splits
from glove_lstm.errors import DataError


def test_rows_are_plain_values(file):
    rows = load_splits(train_file=file(ROWS)).rows("train")
    assert rows.texts[1] == f"Title 1 {ROWS[1]['text']}"
    assert rows.labels[:2] == ["REAL", "FAKE"]
    assert rows.sources is None


def test_lists_of_labels_are_plain_values(file):
    lists = [{"text": "a", "label": ["x", "y"]}, {"text": "b", "label": []}]
    data = load_splits(train_file=file(lists, "a.jsonl"))
    assert data.rows("train").labels == [["x", "y"], []]


@pytest.mark.parametrize(
    ("row", "columns"),
    [
        ({"title": "t", "text": "b"}, ["title", "text"]),
        ({"text": "b", "more": "m"}, ["text"]),
        ({"row": 7, "title": "t"}, ["title"]),
        ({"number": 7, "statement": "s"}, ["statement"]),
    ],
)
def test_text_columns_by_default(file, row, columns):
    path = file([{**row, "label": "x"}, {**row, "label": "y"}])
    assert load_splits(train_file=path).text_column_names == columns


def test_text_columns_on_request(file):
    row = {"title": "1", "text": "2", "more": "3"}
    path = file([{**row, "label": "x"}, {**row, "label": "y"}])
    for requested in (["more", "title", "text"], "more, title,text"):
        data = load_splits(train_file=path, text_column_names=requested)
        assert data.text_column_names == ["more", "title", "text"]
        first = data.splits["train"][0]
        assert first["text"] == "3"
        assert first["text_pair"] == "1 2"
    data = load_splits(train_file=path, text_column_names="text")
    assert data.splits["train"][0] == {"text": "2", "label": 0}


@pytest.mark.parametrize(
    ("labels", "names", "numbers"),
    [
        (["REAL", "FAKE"], ["FAKE", "REAL"], [1, 0]),
        (["b", "c", "a"], ["a", "b", "c"], [1, 2, 0]),
        ([10, 9, 2], ["2", "9", "10"], [2, 1, 0]),
        ([1.0, 0.0], ["0", "1"], [1, 0]),
        ([True, False], ["False", "True"], [1, 0]),
    ],
)
def test_labels_are_named_and_numbered(file, labels, names, numbers, caplog):
    rows = [{"text": "a", "label": label} for label in labels]
    data = load_splits(train_file=file(rows, "a.jsonl"))
    assert data.label_names == names
    assert data.splits["train"]["label"][:] == numbers
    assert "look alike" not in caplog.text


def test_labels_that_look_alike_are_named(file, caplog):
    names = ["Fake", "fake", "fake "]
    rows = [{"text": "a", "label": name} for name in names]
    data = load_splits(train_file=file(rows, "a.jsonl"))
    assert data.label_names == names
    assert "look alike" in caplog.text


def test_odd_labels(file):
    odd = "[" * 100_000  # deeper than a parser of JSON goes
    rows = [{"text": "a", "label": "x\ud800"}, {"text": "b", "label": odd}]
    data = load_splits(train_file=file(rows, "a.jsonl"))
    assert data.label_names == [odd, "x\ufffd"]


def test_labels_that_a_model_fixes(file):
    path = file(ROWS)
    data = load_splits(test_file=path, label_names=["REAL", "FAKE", "SATIRE"])
    assert list(data.splits) == ["test"]
    assert data.label_names == ["REAL", "FAKE", "SATIRE"]
    assert data.splits["test"]["label"][:2] == [0, 1]


@pytest.fixture
def with_empty_texts(file):
    """A file whose first row has a title alone, and whose second row has no text at all."""
    title_alone = {**ROWS[0], "text": ""}
    no_text = {**ROWS[1], "title": None, "text": ""}
    return file([title_alone, no_text, *ROWS[2:]], "a.jsonl")


def test_a_row_without_text_is_refused(with_empty_texts):
    message = r"a.jsonl, row 2 has no text in title, text; fill it, or pass --on_empty drop"
    with pytest.raises(DataError, match=message):
        load_splits(train_file=with_empty_texts)


def test_a_row_without_text_may_be_kept_or_dropped(with_empty_texts, caplog):
    kept = load_splits(train_file=with_empty_texts, on_empty="keep").splits["train"]
    assert kept[:2]["text"] == ["Title 0", ""]
    assert kept[:2]["text_pair"] == ["", ""]
    dropped = load_splits(train_file=with_empty_texts, on_empty="drop").splits["train"]
    assert len(dropped) == len(ROWS) - 1
    assert "1 rows without text; --on_empty is drop." in caplog.text


MANY_LABELS = "".join(f"t,{number}\n" for number in range(1001))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\nx,y\n", "a.csv has no column 'label'; set label_column_name to one of 'a', 'b'"),
        ("a,b,label\nx,y,z\n", "2 columns that may be text; set text_column_names from 'a', 'b'"),
        ("a,label\n1,z\n", "a.csv has 0 columns that may be text"),
        ("text,label\na,b\nc, \n", "a.csv, row 2 has no label in 'label'; label or remove it"),
        ("text,label\na,b\nc,b\n", "a.csv has the label 'b' only; a classifier needs two or more"),
        (f"text,label\n{MANY_LABELS}", "a.csv has 1001 different labels"),
        ("text,label\na,\"['b', 'c']\"\n", r"row 1 has the label \['b', 'c'\], which is no JSON"),
        ('text,label\na," [b, c]"\n', r"row 1 has the label  \[b, c\], which is no JSON"),
        ('{"text": "a", "label": 0.5}\n', "has the label 0.5; labels must be text or whole numb"),
        ('{"text": "a", "label": [0, 1, 0]}\n', r"a.jsonl has a 0 or 1 for each label in"),
        ('{"text": "a", "label": [{}]}\n', r"a.jsonl, row 1 has the label \{\}"),
    ],
)
def test_bad_files(file, content, message):
    name = "a.jsonl" if content.startswith("{") else "a.csv"
    with pytest.raises(DataError, match=message) as error:
        load_splits(train_file=file(content, name))
    assert "\n" not in str(error.value)


def test_a_validation_file_with_another_label(file):
    other = file("title,text,label\na,b,FAKE\na,b,SATIRE\n", "v.csv")
    with pytest.raises(
        DataError, match=r"v.csv, row 2 has the label 'SATIRE', not one of FAKE, REAL; correct"
    ):
        load_splits(train_file=file(ROWS), validation_file=other)


def test_validation_files_without_a_column(file):
    files = [file("text,label\nb,FAKE\n", name) for name in ("v.csv", "w.csv")]
    with pytest.raises(DataError, match=r"v.csv has no column 'title', which another file"):
        load_splits(train_file=file(ROWS), validation_file=files)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "There is nothing to load"),
        ({"dataset_name": ""}, "dataset_name is empty"),
        ({"dataset_name": "liar", "revision": "main"}, "liar is no dataset on the Hub"),
    ],
)
def test_bad_arguments_without_a_file(arguments, message):
    with pytest.raises(DataError, match=message):
        load_splits(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dataset_name": "liar"}, "Both the dataset liar and train_file are given"),
        ({"data_dir": "."}, "data_dir needs dataset_name"),
        ({"text_column_names": "body"}, "has no column 'body'; set text_column_names"),
        ({"text_column_names": []}, "has no column ''"),
        ({"text_column_names": "label"}, "must differ from each other and from the label"),
        ({"label_names": ["FAKE", "REAL", "FAKE"]}, "label_names has 'FAKE' twice"),
    ],
)
def test_bad_arguments_beside_a_file(file, arguments, message):
    with pytest.raises(DataError, match=message):
        load_splits(train_file=file(ROWS), **arguments)
