import pytest
from support import LABELLED_ROWS as ROWS

from glove_lstm.data.loading import load_splits
from glove_lstm.errors import DataError


def test_rows_are_plain_values(file):
    rows = load_splits(train_file=file(ROWS)).rows("train")
    assert rows.texts[1] == f"Title 1 {ROWS[1]['text']}"
    assert rows.labels[:2] == ["REAL", "FAKE"]
    assert rows.sources is None
    lists = [{"text": "a", "label": ["x", "y"]}, {"text": "b", "label": []}]
    assert load_splits(train_file=file(lists, "a.jsonl")).rows("train").labels == [["x", "y"], []]


@pytest.mark.parametrize(
    ("columns", "asked", "found"),
    [
        ("title,text,label", None, ["title", "text"]),
        ("text,more,label", None, ["text"]),
        ("row,title,label", None, ["title"]),
        ("1,statement,label", None, ["statement"]),
        ("title,text,label", "text", ["text"]),
        ("title,text,label", "text, title", ["text", "title"]),
        ("a,b,c,label", ["c", "a", "b"], ["c", "a", "b"]),
    ],
)
def test_text_columns(file, columns, asked, found):
    names = columns.split(",")
    first = ",".join("7" if name in ("row", "1") else f"{name}-value" for name in names)
    second = first.replace("label-value", "other")
    path = file(f"{columns}\n{first}\n{second}\n")
    data = load_splits(train_file=path, text_column_names=asked)
    assert data.text_column_names == found
    row = data.splits["train"][0]
    assert row["text"] == f"{found[0]}-value"
    assert row.get("text_pair") == (" ".join(f"{name}-value" for name in found[1:]) or None)


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (["REAL", "FAKE"], ["FAKE", "REAL"]),
        (["b", "c", "a"], ["a", "b", "c"]),
        ([10, 9, 2], ["2", "9", "10"]),
        ([1.0, 0.0], ["0", "1"]),
        ([True, False], ["False", "True"]),
        (["Fake", "fake", "fake "], ["Fake", "fake", "fake "]),
    ],
)
def test_label_names(file, labels, names, caplog):
    rows = [{"text": f"t{n}", "label": label} for n, label in enumerate(labels)]
    data = load_splits(train_file=file(rows, "a.jsonl"))
    assert data.label_names == names
    assert ("look alike" in caplog.text) == ("Fake" in names)
    assert [names[label] for label in data.splits["train"]["label"]] == [
        str(int(label)) if isinstance(label, float) else str(label) for label in labels
    ]


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
    said = r"train.csv, row 2 has the label 'FAKE', not one of REAL, B; correct it"
    with pytest.raises(DataError, match=said):
        load_splits(test_file=path, label_names=["REAL", "B"])


def test_empty_texts(file, caplog):
    first, second = ROWS[:2]
    rows = [{**first, "text": ""}, {**second, "title": None, "text": ""}, *ROWS[2:]]
    path = file(rows, "a.jsonl")
    said = r"a.jsonl, row 2 has no text in title, text; fill it, or pass --on_empty drop"
    with pytest.raises(DataError, match=said):
        load_splits(train_file=path)
    kept = load_splits(train_file=path, on_empty="keep").splits["train"]
    assert kept[:2]["text"] == ["Title 0", ""]
    assert kept[:2]["text_pair"] == ["", ""]
    left = load_splits(train_file=path, on_empty="drop").splits["train"]
    assert len(left) == 39
    assert "1 rows without text (drop)" in caplog.text


BAD_FILES = [
    ("a,b\nx,y\n", "a.csv has no column 'label'; set label_column_name to one of 'a', 'b'"),
    ("a,b,label\nx,y,z\n", "has 2 columns that may be text; set text_column_names from 'a', 'b'"),
    ("a,label\n1,z\n", "a.csv has 0 columns that may be text"),
    ("text,label\na,b\nc, \n", "a.csv, row 2 has no label in 'label'; label or remove it"),
    ("text,label\na,b\nc,b\n", "a.csv has the label 'b' only; a classifier needs two or more"),
    ("text,label\n" + "".join(f"t,{n}\n" for n in range(1001)), "a.csv has 1001 different labels"),
    ('{"text": "a", "label": 0.5}\n', "row 1 has the label 0.5; labels must be text or whole numb"),
    ("text,label\na,\"['b', 'c']\"\n", r"row 1 has the label \['b', 'c'\], which is no JSON"),
    ('text,label\na," [b, c]"\n', r"row 1 has the label  \[b, c\], which is no JSON"),
    ('{"text": "a", "label": [0, 1, 0]}\n', r"a.jsonl has a 0 or 1 for each label in"),
    ('{"text": "a", "label": [{}]}\n', r"a.jsonl, row 1 has the label \{\}"),
]


@pytest.mark.parametrize(("content", "message"), BAD_FILES)
def test_bad_files(file, content, message):
    name = "a.jsonl" if content.startswith("{") else "a.csv"
    with pytest.raises(DataError, match=message) as error:
        load_splits(train_file=file(content, name))
    assert "\n" not in str(error.value)


def test_a_validation_file_that_does_not_fit(file):
    train, other = file(ROWS), file("title,text,label\na,b,FAKE\na,b,SATIRE\n", "v.csv")
    said = r"v.csv, row 2 has the label 'SATIRE', not one of FAKE, REAL"
    with pytest.raises(DataError, match=said):
        load_splits(train_file=train, validation_file=other)
    other = file("text,label\nb,FAKE\n", "v.csv")
    said = r"v.csv has no column 'title', which the first split has"
    for files in (other, [other, file("text,label\nb,FAKE\n", "w.csv")]):
        with pytest.raises(DataError, match=said):
            load_splits(train_file=train, validation_file=files)


def test_bad_arguments(file):
    train = {"train_file": file(ROWS)}
    for arguments, message in [
        ({}, "There is nothing to load"),
        ({"dataset_name": ""}, "dataset_name is empty"),
        ({"dataset_name": "liar", **train}, "Both the dataset liar and train_file are given"),
        ({"data_dir": ".", **train}, "data_dir needs dataset_name"),
        ({"dataset_name": "liar", "revision": "main"}, "liar is no dataset on the Hub"),
        ({**train, "text_column_names": "body"}, "has no column 'body'; set text_column_names"),
        ({**train, "label_names": ["FAKE", "REAL", "FAKE"]}, "label_names has 'FAKE' twice"),
        ({**train, "text_column_names": []}, "has no column ''"),
        ({**train, "text_column_names": "label"}, "must differ from each other and from the label"),
    ]:
        with pytest.raises(DataError, match=message):
            load_splits(**arguments)
