"""load_splits on the built-in datasets, datasets as on the Hub, and folders."""

from unittest import mock

import datasets
import pyarrow as pa
import pytest
from support import LABELLED_ROWS as ROWS
from support import split_sizes as sizes

from glove_lstm.data.files import without_folders
from glove_lstm.data.loading import load_splits
from glove_lstm.errors import DataError


def test_our_builders(file, tmp_path):
    rows = [
        {"": 7 + n} | {name: row[name] for name in ("title", "text", "label")}
        for n, row in enumerate(ROWS)
    ]
    data = load_splits("fake_or_real_news", data_files=file(rows, "news.csv"))
    assert sizes(data) == {"train": 28, "validation": 4, "test": 8}
    assert data.splits["train"].column_names == ["text", "text_pair", "label"]
    assert data.description == "fake_or_real_news (default) from news.csv"
    rest = "\t".join("abcde12345x")
    rated = [f"{n}\t{('false', 'true')[n % 2]}\tsays {n}\t{rest}\n" for n in range(4)]
    for name in ("train.tsv", "valid.tsv", "test.tsv"):
        file("".join(rated), name)
    data = load_splits("liar", "two", data_dir=tmp_path)
    assert sizes(data) == {"train": 4, "validation": 4, "test": 4}
    assert data.label_names == ["FAKE", "REAL"]
    assert data.splits["test"][1] == {"text": "says 1", "label": 1}


def test_names_that_are_published_have_no_folders(tmp_path):
    archive = tmp_path / "glove.zip"
    archive.touch()
    cached = tmp_path / "models--user--mine" / "snapshots" / "0a1b"
    names = {
        archive: "glove.zip",
        archive / "50d.txt": "50d.txt",
        cached: "user/mine",
        "a/b": "a/b",
    }
    assert {name: without_folders(str(name)) for name in names} == names


def test_a_dataset_as_on_the_hub(monkeypatch, caplog):
    """ClassLabel order, other ClassLabel columns, an unlabelled and an unknown split."""
    kind, label = (datasets.ClassLabel(names=names) for names in (["x", "y"], ["pos", "neg"]))
    features = datasets.Features(review=datasets.Value("string"), kind=kind, label=label)

    def split(labels):
        rows = [{"review": f"r{n}", "kind": 0, "label": label} for n, label in enumerate(labels)]
        return datasets.Dataset.from_list(rows, features=features)

    found = datasets.DatasetDict(
        train=split([0, 1] * 20), test=split([-1, -1]), dev=split([1, 0]), unsupervised=split([-1])
    )
    load = mock.Mock(return_value=found)
    monkeypatch.setattr(datasets, "load_dataset", load)
    data = load_splits("someone/reviews", "plain", revision="v1")
    assert load.call_args.args == ("someone/reviews", "plain")
    assert load.call_args.kwargs["revision"] == "v1"
    assert {name: len(rows) for name, rows in data.splits.items()} == {"train": 40, "validation": 2}
    assert data.label_names == ["pos", "neg"]
    assert data.description == "someone/reviews (plain)"
    assert "left out the splits unsupervised" in caplog.text
    assert "split test of someone/reviews: left out, because it has no labels" in caplog.text
    found["val"] = split([1])
    assert len(load_splits("someone/reviews").splits["validation"]) == 1
    found["validation"] = found.pop("val")
    assert len(load_splits("someone/reviews").splits["validation"]) == 1
    assert "left out the splits dev, unsupervised" in caplog.text
    turned = load_splits("someone/reviews", label_names=["neg", "pos"])
    assert turned.splits["train"]["label"][:2] == [1, 0]
    found["train"] = split([0, 1, -1])
    said = "split train of someone/reviews has 1 rows without a label"
    with pytest.raises(DataError, match=said):
        load_splits("someone/reviews")
    whole = split([0, 1, 0])
    table = whole.data.table.set_column(2, "label", pa.array([0, 1, -2]))
    found["train"] = datasets.Dataset(table, info=whole.info)  # as from a Parquet file
    with pytest.raises(DataError, match="row 3 has the label -2, which has no name"):
        load_splits("someone/reviews")
    del found["train"], found["dev"], found["validation"]
    with pytest.raises(DataError, match="No split of someone/reviews has labels in 'label'"):
        load_splits("someone/reviews")


def test_a_folder_and_an_unknown_dataset(file, tmp_path, monkeypatch):
    file(ROWS)
    data = load_splits(str(tmp_path))
    assert sum(map(len, data.splits.values())) == 40
    assert data.label_names == ["FAKE", "REAL"]

    def fail(*args, **kwargs):
        raise datasets.exceptions.DatasetNotFoundError(
            "Config is missing.\nPick one of: a, b.\nMore."
        )

    monkeypatch.setattr(datasets, "load_dataset", fail)
    said = (
        "The dataset x/y could not be loaded: Config is missing. Pick one of: a, b; check its name"
    )
    with pytest.raises(DataError, match=said):
        load_splits("x/y")
