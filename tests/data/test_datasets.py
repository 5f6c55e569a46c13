"""Datasets on the Hub and in a folder: their splits under our names, and their labels in their own order."""

import pytest
from support import labelled_rows, split_sizes

from glove_lstm.data.files import without_folders
from glove_lstm.data.load import load_splits


def test_a_dataset_on_the_hub(on_the_hub):
    load = on_the_hub(train=[0, 1, 1], test=[1, 0])
    data = load_splits("someone/reviews", "plain", revision="v1")
    assert load.call_args.args == ("someone/reviews", "plain")
    assert load.call_args.kwargs["revision"] == "v1"
    assert data.description == "someone/reviews (plain)"
    assert data.text_column_names == ["review"]
    assert data.label_names == ["pos", "neg"]  # in the order of the ClassLabel
    assert data.splits["train"].labels == ["pos", "neg", "neg"]
    assert data.splits["test"].texts == ["test 0", "test 1"]
    turned = load_splits("someone/reviews", label_names=["neg", "pos"])
    assert turned.label_names == ["neg", "pos"]
    assert turned.splits["train"].labels == ["pos", "neg", "neg"]


@pytest.mark.parametrize(
    ("splits", "read", "warning"),
    [
        ({"train": [0, 1], "dev": [0, 1]}, {"train": "train", "validation": "dev"}, ""),
        (
            {"train": [0, 1], "dev": [0, 1], "validation": [0, 1], "unsupervised": [0, 1]},
            {"train": "train", "validation": "validation"},
            "dev, unsupervised",
        ),
        ({"everything": [0, 1]}, {"train": "everything"}, ""),
        ({"test": [0, 1]}, {"test": "test"}, ""),
        ({"train": [0, 1], "test": [-1, -1]}, {"train": "train"}, "split test of someone/reviews"),
    ],
)
def test_names_of_splits(on_the_hub, caplog, splits, read, warning):
    caplog.set_level("WARNING", "glove_lstm")  # a command run before may have set INFO
    on_the_hub(**splits)
    data = load_splits("someone/reviews")
    first_texts = {name: rows.texts[0] for name, rows in data.splits.items()}
    assert first_texts == {name: f"{split} 0" for name, split in read.items()}
    assert bool(caplog.messages) == bool(warning)
    assert warning in caplog.text


def test_a_folder(file, tmp_path):
    file(labelled_rows(40))
    data = load_splits(str(tmp_path))
    assert split_sizes(data) == {"train": 40}
    assert data.label_names == ["FAKE", "REAL"]
    assert data.description == f"./{tmp_path.name}"


def test_names_that_are_published_have_no_folders(tmp_path):
    archive = tmp_path / "glove.zip"
    archive.touch()
    cached = tmp_path / "models--user--mine" / "snapshots" / "0a1b"
    assert without_folders(str(archive)) == "glove.zip"
    assert without_folders(str(archive / "50d.txt")) == "50d.txt"
    assert without_folders(str(cached)) == "user/mine"
    assert without_folders("a/b") == "a/b"
