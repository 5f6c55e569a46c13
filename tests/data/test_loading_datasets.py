"""load_splits on the built-in datasets, datasets on the Hub, and folders."""

from unittest import mock

import datasets
import pyarrow as pa
import pytest
from support import LABELLED_ROWS as ROWS
from support import split_sizes as sizes

from glove_lstm.data.files import without_folders
from glove_lstm.data.loading import load_splits
from glove_lstm.errors import DataError


def test_fake_or_real_news(file):
    rows = []
    for row in ROWS:
        columns = dict(row)
        rows.append({"": columns.pop("id"), **columns})
    data = load_splits("fake_or_real_news", data_files=file(rows, "news.csv"))
    assert sizes(data) == {"train": 28, "validation": 4, "test": 8}
    assert data.splits["train"].column_names == ["text", "text_pair", "label"]
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
    assert data.splits["test"][1] == {"text": "says 1", "label": 1}


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
    assert data.splits["train"]["label"][:] == [0, 1, 1]
    turned = load_splits("someone/reviews", label_names=["neg", "pos"])
    assert turned.splits["train"]["label"][:] == [1, 0, 0]


def test_names_of_validation_splits(on_the_hub, caplog):
    caplog.set_level("WARNING", "glove_lstm")  # a command run before may have set INFO
    on_the_hub(train=split(0, 1), dev=split(0, 1, 1))
    assert sizes(load_splits("someone/reviews")) == {"train": 2, "validation": 3}
    assert not caplog.messages

    others = {"dev": split(0, 1), "unsupervised": split(0, 1)}
    on_the_hub(train=split(0, 1), validation=split(0, 1, 1), **others)
    assert sizes(load_splits("someone/reviews")) == {"train": 2, "validation": 3}
    assert caplog.messages == ["someone/reviews: left out the splits dev, unsupervised."]


def test_a_dataset_with_one_split_of_any_name_trains(on_the_hub):
    on_the_hub(everything=split(0, 1))
    assert sizes(load_splits("someone/reviews")) == {"train": 2}


def test_an_unlabelled_split_is_left_out(on_the_hub, caplog):
    on_the_hub(train=split(0, 1), test=split(-1, -1))
    assert sizes(load_splits("someone/reviews")) == {"train": 2}
    assert "split test of someone/reviews: left out, because it has no labels" in caplog.text
    on_the_hub(test=split(-1, -1))
    with pytest.raises(DataError, match="No split of someone/reviews has labels in 'label'"):
        load_splits("someone/reviews")


def test_labels_that_are_missing_or_have_no_name(on_the_hub):
    on_the_hub(train=split(0, 1, -1))
    with pytest.raises(DataError, match="split train of someone/reviews has 1 rows without a lab"):
        load_splits("someone/reviews")
    rows = split(0, 1, 0)
    table = rows.data.table.set_column(2, "label", pa.array([0, 1, -2]))
    on_the_hub(train=datasets.Dataset(table, info=rows.info))  # as from a Parquet file
    with pytest.raises(DataError, match="row 3 has the label -2, which has no name"):
        load_splits("someone/reviews")


def test_a_dataset_without_train_and_test(on_the_hub):
    on_the_hub(a=split(0, 1), b=split(0, 1))
    with pytest.raises(DataError, match="has the splits a, b, but needs train or test"):
        load_splits("someone/reviews")


def test_a_folder(file, tmp_path):
    file(ROWS)
    data = load_splits(str(tmp_path))
    assert sum(map(len, data.splits.values())) == 40
    assert data.label_names == ["FAKE", "REAL"]
    assert data.description == f"./{tmp_path.name}"


def test_a_dataset_that_cannot_be_loaded(on_the_hub):
    error = datasets.exceptions.DatasetNotFoundError("Config is missing.\nPick one of: a.\nMore.")
    on_the_hub().side_effect = error
    message = (
        "The dataset x/y could not be loaded: Config is missing. Pick one of: a; check its name"
    )
    with pytest.raises(DataError, match=message):
        load_splits("x/y")
