"""load_splits: columns, labels, groups, empty texts; our datasets, datasets on the Hub, and folders."""

from decimal import Decimal
from unittest import mock

import datasets
import pyarrow as pa
import pytest
from support import LABELLED_ROWS as ROWS
from support import split_sizes as sizes

from glove_lstm.data.files import without_folders
from glove_lstm.data.load import load_splits
from glove_lstm.errors import DataError

# Columns


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


@pytest.mark.parametrize("requested", [["more", "title", "text"], "more, title,text"])
def test_text_columns_on_request(file, requested):
    row = {"title": "1", "text": "2", "more": "3"}
    path = file([{**row, "label": "x"}, {**row, "label": "y"}])
    data = load_splits(train_file=path, text_column_names=requested)
    assert data.text_column_names == ["more", "title", "text"]
    assert data.splits["train"].texts == ["3 1 2", "3 1 2"]


def test_groups_of_the_training_texts(file):
    rows = [
        {**row, "site": site} for row, site in zip(ROWS, ["a", " b ", 7, None] * 10, strict=True)
    ]
    train = file(rows, "train.jsonl")
    data = load_splits(train_file=train, test_file=file(ROWS, "t.csv"), group_column_name="site")
    groups = data.splits["train"].groups
    assert groups[:3] == groups[4:7] == ["a", "b", "7"]
    assert groups[3] != groups[7]  # a row without a group is alone
    assert data.splits["test"].groups is None  # and the test file needs no groups
    alone = [{"site": "a", "body": "b", "label": label} for label in "xy"]
    assert load_splits(
        train_file=file(alone, "c.csv"), group_column_name="site"
    ).text_column_names == ["body"]


# Labels


@pytest.mark.parametrize(
    ("labels", "names", "read"),
    [
        (["REAL", "FAKE"], ["FAKE", "REAL"], ["REAL", "FAKE"]),
        ([10, 2], ["2", "10"], ["10", "2"]),
        ([1.0, 0.0], ["0", "1"], ["1", "0"]),
        ([True, False], ["False", "True"], ["True", "False"]),
        (["NA", "None"], ["NA", "None"], ["NA", "None"]),
        ([["x", "y"], []], ["x", "y"], [["x", "y"], []]),
        (['["x", "y"]', '["y"]'], ["x", "y"], [["x", "y"], ["y"]]),
        ([Decimal("1.00"), Decimal("0.00")], ["0", "1"], ["1", "0"]),
    ],
    ids=str,
)
def test_labels_are_named_in_order(file, labels, names, read, caplog):
    rows = [{"text": "a", "label": label} for label in labels]
    data = load_splits(train_file=file(rows, "a.parquet"))
    assert data.label_names == names
    assert data.splits["train"].labels == read
    assert data.is_multi_label == isinstance(read[0], list)
    assert not caplog.messages or caplog.records[0].levelname == "INFO"


@pytest.mark.parametrize(
    ("labels", "words"),
    [(["Fake", "fake", "fake "] * 3, "look alike"), (["1.5", "2.5"], "numbers with decimals")],
)
def test_doubtful_labels_are_mentioned(file, labels, words, caplog):
    rows = [{"text": "a", "label": label} for label in labels]
    data = load_splits(train_file=file(rows, "a.csv"))
    assert data.label_names == sorted(set(labels))
    assert words in caplog.text


def test_odd_labels(file):
    odd = "[" * 100_000  # deeper than a parser of JSON goes
    rows = [{"text": "a", "label": "x\ud800"}, {"text": "b", "label": odd}]
    data = load_splits(train_file=file(rows, "a.jsonl"))
    assert data.label_names == [odd, "x\ufffd"]


def test_labels_that_a_model_fixes(file):
    data = load_splits(test_file=file(ROWS), label_names=["REAL", "FAKE", "SATIRE"])
    assert sizes(data) == {"test": 40}
    assert data.label_names == ["REAL", "FAKE", "SATIRE"]
    assert data.splits["test"].labels[:2] == ["REAL", "FAKE"]


# Empty texts


@pytest.fixture
def with_empty_texts(file):
    """A file whose first row has a title alone, and whose second row has no text at all."""
    title_alone = {**ROWS[0], "text": ""}
    no_text = {**ROWS[1], "title": None, "text": ""}
    return file([title_alone, no_text, *ROWS[2:]], "a.jsonl")


def test_a_row_without_text_is_refused(with_empty_texts):
    with pytest.raises(DataError, match=r"a.jsonl, row 2 .*title, text.*--on_empty"):
        load_splits(train_file=with_empty_texts)


def test_a_row_without_text_may_be_kept_or_dropped(with_empty_texts, caplog):
    kept = load_splits(train_file=with_empty_texts, on_empty="keep").splits["train"]
    assert kept.texts[:2] == ["Title 0 ", " "]
    dropped = load_splits(train_file=with_empty_texts, on_empty="drop").splits["train"]
    assert dropped.labels == [kept.labels[0], *kept.labels[2:]]
    assert "1 rows without text" in caplog.text


# Datasets


def test_fake_or_real_news(file):
    rows = []
    for row in ROWS:
        columns = dict(row)
        rows.append({"": columns.pop("id"), **columns})
    data = load_splits("fake_or_real_news", data_files=file(rows, "news.csv"))
    assert sizes(data) == {"train": 28, "validation": 4, "test": 8}
    assert data.text_column_names == ["title", "text"]
    assert data.description == "fake_or_real_news (default) from news.csv"


def test_liar(file, tmp_path):
    speaker_counts_and_context = "\t".join("abcde12345x")
    content = ""
    for number in range(4):
        label = ("false", "true")[number % 2]
        content += f"{number}\t{label}\tsays {number}\t{speaker_counts_and_context}\n"
    for name in ("train.tsv", "valid.tsv", "test.tsv"):
        file(content, name)
    data = load_splits("liar", "two", data_dir=tmp_path)
    assert sizes(data) == {"train": 4, "validation": 4, "test": 4}
    assert data.label_names == ["FAKE", "REAL"]
    assert data.splits["test"].texts[1] == "says 1"
    assert data.splits["test"].labels == ["FAKE", "REAL"] * 2


def test_names_that_are_published_have_no_folders(tmp_path):
    archive = tmp_path / "glove.zip"
    archive.touch()
    cached = tmp_path / "models--user--mine" / "snapshots" / "0a1b"
    assert without_folders(str(archive)) == "glove.zip"
    assert without_folders(str(archive / "50d.txt")) == "50d.txt"
    assert without_folders(str(cached)) == "user/mine"
    assert without_folders("a/b") == "a/b"


FEATURES = datasets.Features(
    review=datasets.Value("string"),
    kind=datasets.ClassLabel(names=["x", "y"]),  # is not read
    label=datasets.ClassLabel(names=["pos", "neg"]),
)


def split(*labels):
    columns = {
        "review": [f"review {row}" for row in range(len(labels))],
        "kind": [0] * len(labels),
        "label": labels,
    }
    return datasets.Dataset.from_dict(columns, features=FEATURES)


@pytest.fixture
def on_the_hub(monkeypatch):
    """A function that puts splits on the Hub as someone/reviews."""

    def put(**splits):
        load = mock.Mock(return_value=datasets.DatasetDict(splits))
        monkeypatch.setattr(datasets, "load_dataset", load)
        return load

    return put


def test_a_dataset_on_the_hub(on_the_hub):
    load = on_the_hub(train=split(0, 1, 1), test=split(1, 0))
    data = load_splits("someone/reviews", "plain", revision="v1")
    assert load.call_args.args == ("someone/reviews", "plain")
    assert load.call_args.kwargs["revision"] == "v1"
    assert data.label_names == ["pos", "neg"]  # in the order of the ClassLabel
    assert data.description == "someone/reviews (plain)"
    assert data.text_column_names == ["review"]
    assert data.splits["train"].labels == ["pos", "neg", "neg"]
    turned = load_splits("someone/reviews", label_names=["neg", "pos"])
    assert turned.label_names == ["neg", "pos"]
    assert turned.splits["train"].labels == ["pos", "neg", "neg"]


def test_names_of_validation_splits(on_the_hub, caplog):
    caplog.set_level("WARNING", "glove_lstm")  # a command run before may have set INFO
    on_the_hub(train=split(0, 1), dev=split(0, 1, 1))
    assert sizes(load_splits("someone/reviews")) == {"train": 2, "validation": 3}
    assert not caplog.messages

    others = {"dev": split(0, 1), "unsupervised": split(0, 1)}
    on_the_hub(train=split(0, 1), validation=split(0, 1, 1), **others)
    assert sizes(load_splits("someone/reviews")) == {"train": 2, "validation": 3}
    [message] = caplog.messages
    assert "dev, unsupervised" in message


def test_a_dataset_with_one_split_of_any_name_trains(on_the_hub):
    on_the_hub(everything=split(0, 1))
    assert sizes(load_splits("someone/reviews")) == {"train": 2}


def test_an_unlabelled_split_is_left_out(on_the_hub, caplog):
    on_the_hub(train=split(0, 1), test=split(-1, -1))
    assert sizes(load_splits("someone/reviews")) == {"train": 2}
    assert "split test of someone/reviews: left out" in caplog.text


ONE = split(0, 1, 0)
BAD_INDEX = datasets.Dataset(
    ONE.data.table.set_column(2, "label", pa.array([0, 1, -2])), info=ONE.info
)


@pytest.mark.parametrize(
    ("splits", "words"),
    [
        ({"test": split(-1, -1)}, "someone/reviews .*'label'"),
        ({"train": split(0, 1, -1)}, "split train of someone/reviews .*1 rows without a label"),
        ({"train": BAD_INDEX}, "split train of someone/reviews, row 3 .*-2"),
        ({"a": split(0, 1), "b": split(0, 1)}, "a, b, but needs train or test"),
    ],
)
def test_datasets_that_cannot_be_used(on_the_hub, splits, words):
    on_the_hub(**splits)
    with pytest.raises(DataError, match=words):
        load_splits("someone/reviews")


def test_a_folder(file, tmp_path):
    file(ROWS)
    data = load_splits(str(tmp_path))
    assert sum(sizes(data).values()) == 40
    assert data.label_names == ["FAKE", "REAL"]
    assert data.description == f"./{tmp_path.name}"


def test_a_dataset_that_cannot_be_loaded(on_the_hub):
    error = datasets.exceptions.DatasetNotFoundError("Config is missing.\nPick one of: a.\nMore.")
    on_the_hub().side_effect = error
    words = "x/y .*Config is missing. Pick one of: a; .*dataset_config_name"
    with pytest.raises(DataError, match=words):
        load_splits("x/y")
