"""Our two datasets: fake_or_real_news, verified and with its duplicates in one split, and liar."""

import hashlib
import logging

import pytest

from glove_lstm.files import without_folders
from glove_lstm.tables import liar
from glove_lstm.tables.fake_or_real_news import FakeOrRealNews
from glove_lstm.tables.liar import FILES, LABELS, load_liar
from glove_lstm.tables.load import load_splits
from glove_lstm.tables.named_datasets import id_on_hub


def made_up():
    """100 articles of which every tenth repeats the text of the one before it, and some others its title."""
    rows = []
    for number in range(100):
        own = number - 1 if number % 10 == 9 else number
        titled = number - 1 if number % 10 == 4 else number
        rows.append(
            {
                "": number + 7,
                "title": f"Title {titled}, with a comma",
                "text": " ".join(f"w{own}x{place}" for place in range(30)),
                "label": ("FAKE", "REAL")[number // 2 % 2],
            }
        )
    return rows


def split_sizes(data):
    return {split: len(rows) for split, rows in data.splits.items()}


def prepare(**kwargs):
    builder = FakeOrRealNews(**kwargs)
    builder.download_and_prepare()
    return builder.as_dataset()


def test_the_default_config(file, caplog):
    rows = made_up()
    path = file(rows)
    splits = prepare(data_files=str(path))
    assert f"{path} is not the canonical file" in caplog.text
    assert [len(split) for split in splits.values()] == [70, 10, 20]
    assert splits["train"].column_names == ["id", "title", "text", "label"]
    labels = splits["train"].features["label"].names
    assert labels == ["FAKE", "REAL"]
    found = []
    split_of = {}
    for name, split in splits.items():
        for row in split:
            found.append([row["id"], row["title"], row["text"], labels[row["label"]]])
            for column in ("title", "text"):
                assert split_of.setdefault(row[column], name) == name
    assert sorted(found) == [list(row.values()) for row in rows]
    # Also in other processes.
    assert splits["validation"]["id"][:] == [18, 34, 35, 36, 49, 54, 55, 56, 72, 94]


def test_the_article_config(file):
    splits = prepare(config_name="article", data_files=str(file(made_up())))
    assert list(splits) == ["train", "validation"]
    assert [len(split) for split in splits.values()] == [80, 20]
    assert [sum(split["label"]) for split in splits.values()] == [40, 10]  # REAL texts


def test_a_verified_download(file, server, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    data = file(made_up()).read_bytes()
    url = server.put("/news.csv", data)
    monkeypatch.setattr(FakeOrRealNews, "URL", url)
    blob_id = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
    monkeypatch.setattr(FakeOrRealNews, "BLOB_ID", blob_id)
    for config in ("default", "default", "article"):
        assert len(prepare(config_name=config)["train"]) >= 70
    assert "canonical" not in caplog.text
    assert len(server.requests) == 1


STATEMENT = '"A quotation that never ends'


def statements():
    """The content of each file of liar: 12 statements."""
    content = ""
    for number in range(12):
        speaker = ("subject", "speaker", "job", "state", "party")
        counts = ("1", "2.0", "3", "4", "")
        label = LABELS[number % 6]
        content += "\t".join((f"{number}.json", label, STATEMENT, *speaker, *counts, "context\n"))
    return dict.fromkeys(FILES.values(), content)


def test_liar_has_six_labels(file, server, monkeypatch):
    archive = file({**statements(), "README": "read me"}, "liar.zip")
    monkeypatch.setattr(liar, "URL", server.put("/liar.zip", archive.read_bytes()))
    train = load_liar()["train"]
    assert train.features["label"].names == list(LABELS)
    row = train[1]
    assert (row["id"], row["label"], row["text"]) == ("1.json", 1, STATEMENT)
    assert (row["false_counts"], row["context"]) == ("2.0", "context")


def test_our_datasets_by_name(file, tmp_path):
    path = file(made_up(), "news.csv")
    data = load_splits("fake_or_real_news", data_files=path)
    assert split_sizes(data) == {"train": 70, "validation": 10, "test": 20}
    assert data.text_column_names == ["title", "text"]
    assert data.description == "fake_or_real_news (default) from news.csv"

    for name, text in statements().items():
        file(text, name)
    data = load_splits("liar", "two", data_files=tmp_path)
    assert split_sizes(data) == {"train": 12, "validation": 12, "test": 12}
    assert data.label_names == ["FAKE", "REAL"]
    assert data.text_column_names == ["text"]
    assert data.splits["test"].texts == [STATEMENT] * 12
    assert data.splits["test"].labels == ["FAKE", "FAKE", "FAKE", "REAL", "REAL", "REAL"] * 2


# Datasets of the Hub and of folders


@pytest.mark.parametrize(
    ("name", "data_files", "expected"),
    [
        ("imdb", None, "imdb"),
        ("user/data", "a.csv", "user/data"),
        ("liar", None, None),
        ("csv", "a.csv", None),
        (".", None, None),
    ],
)
def test_the_id_of_a_dataset_on_the_hub(name, data_files, expected):
    assert id_on_hub(name, data_files) == expected


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


def test_csv_files_of_a_folder(file, tmp_path):
    """pandas alone would take 01 for 1, and NA for nothing."""
    file([{"text": "NA", "label": "01"}, {"text": "null", "label": "1"}] * 3, "train.csv.gz")
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
