"""A dataset on the Hub: its splits under our names, and its labels in their own order; and names of data."""

import pytest

from glove_lstm.files import without_folders
from glove_lstm.tables.load import load_splits


def test_a_dataset_on_the_hub(on_the_hub, caplog):
    caplog.set_level("WARNING", "glove_lstm")  # a command run before may have set INFO
    load = on_the_hub(train=[0, 1, 1], dev=[1, 0], unsupervised=[0, 1], test=[-1, -1])
    data = load_splits("someone/reviews", "plain", dataset_revision="v1")
    assert load.call_args.args == ("someone/reviews", "plain")
    assert load.call_args.kwargs["revision"] == "v1"
    assert data.description == "someone/reviews (plain)"
    assert data.text_column_names == ["review"]
    assert data.label_names == ["pos", "neg"]  # in the order of the ClassLabel
    assert data.splits.keys() == {"train", "validation"}
    assert data.splits["train"].labels == ["pos", "neg", "neg"]
    assert data.splits["validation"].texts == ["dev 0", "dev 1"]
    for split in ("unsupervised", "split test of someone/reviews"):  # the last one has no labels
        assert split in caplog.text
    assert "has a letter" not in caplog.text
    turned = load_splits("someone/reviews", label_names=["neg", "pos"])
    assert turned.label_names == ["neg", "pos"]
    assert turned.splits["train"].labels == ["pos", "neg", "neg"]


@pytest.mark.parametrize("suffix", ["csv", "tsv", "csv.gz"])
def test_csv_files_of_a_folder(file, tmp_path, suffix):
    """pandas alone would take 01 for 1, and NA for nothing."""
    file([{"text": "NA", "label": "01"}, {"text": "null", "label": "1"}] * 3, f"train.{suffix}")
    data = load_splits(dataset_name=str(tmp_path))
    assert data.description == f"./{tmp_path.name}"
    assert data.label_names == ["01", "1"]
    assert data.splits["train"].texts == ["NA", "null"] * 3


def test_a_folder_may_say_how_its_csv_files_are_read(tmp_path):
    (tmp_path / "train.csv").write_text("text;label\na, b;x\nc;y\n")
    (tmp_path / "README.md").write_text(
        "---\nconfigs:\n- config_name: default\n  data_files: train.csv\n  sep: ;\n---\n"
    )
    assert load_splits(dataset_name=str(tmp_path)).splits["train"].texts == ["a, b", "c"]


def test_names_that_are_published_have_no_folders(tmp_path):
    archive = tmp_path / "glove.zip"
    archive.touch()
    cached = tmp_path / "models--user--mine" / "snapshots" / "0a1b"
    assert without_folders(str(archive)) == "glove.zip"
    assert without_folders(str(cached)) == "user/mine"
    assert without_folders("a/b") == "a/b"
