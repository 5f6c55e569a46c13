import hashlib
import logging
from pathlib import Path

import pytest

from glove_lstm.data.fake_or_real_news import FakeOrRealNews
from glove_lstm.errors import DataError

SHARED = Path(__file__).parents[3] / "shared" / "data" / "fake_or_real_news"
LABELS = ["FAKE", "REAL"]


def made_up(count=100):
    """Rows of which every tenth repeats the text of the one before it."""
    rows = []
    for number in range(count):
        is_copy = number % 10 == 9
        own = number - 1 if is_copy else number
        words = [f"w{own}x{place}" for place in range(30)]
        rows.append(
            {
                "": number + 7,
                "title": f"Title {number}, with a comma",
                "text": " ".join(words),
                "label": LABELS[number // 2 % 2],
            }
        )
    return rows


def prepare(builder=FakeOrRealNews, **kwargs):
    prepared = builder(**kwargs)
    prepared.download_and_prepare()
    return prepared.as_dataset()


def test_the_default_config(file, caplog):
    rows = made_up()
    path = file(rows)
    splits = prepare(data_files=path)
    assert [len(split) for split in splits.values()] == [70, 10, 20]
    assert splits["train"].column_names == ["id", "title", "text", "label"]
    assert splits["train"].features["label"].names == LABELS
    found = []
    for split in splits.values():
        found += [[row["id"], row["title"], row["text"], LABELS[row["label"]]] for row in split]
    assert sorted(found) == [list(row.values()) for row in rows]
    assert splits["validation"]["id"][:] == [10, 18, 27, 61, 63, 67, 72, 84, 90, 94]
    assert f"{path} is not the canonical file" in caplog.text

    split_of_text = {}
    for name, split in splits.items():
        for text in split["text"]:
            assert split_of_text.setdefault(text, name) == name


def test_equal_titles_are_on_one_side(file):
    rows = []
    for number in range(80):
        text = f"own words {number} {number * number}"
        rows.append({"": number, "title": f"Title {number // 4}", "text": text, "label": "FAKE"})
    splits = prepare(data_files=file(rows))
    distinct_titles = [len(set(split["title"])) for split in splits.values()]
    assert sum(distinct_titles) == 20


def test_the_article_config(file):
    splits = prepare(config_name="article", data_files=file(made_up()))
    assert list(splits) == ["train", "validation"]
    assert [len(split) for split in splits.values()] == [80, 20]
    real_texts = [sum(split["label"]) for split in splits.values()]
    assert real_texts == [40, 10]


def test_a_changed_file_is_read_again(file):
    path = file(made_up())
    first = prepare(data_files=path)["test"]["id"][:]
    assert prepare(data_files=path)["test"]["id"][:] == first
    file(made_up(50))
    assert len(prepare(data_files=path)["test"]) == 10


def test_a_verified_download(file, server, caplog):
    caplog.set_level(logging.INFO)
    data = file(made_up()).read_bytes()

    class Other(FakeOrRealNews):
        URL = server.put("/news.csv", data)

    with pytest.raises(DataError, match=r"git blob id \w+ instead of 3eb6d94.* \(or give a copy"):
        prepare(Other)

    class Same(Other):
        BLOB_ID = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()

    server.requests.clear()
    assert len(prepare(Same)["train"]) == 70
    assert f"reading {Same.URL}" in caplog.text
    prepare(Same)
    prepare(Same, config_name="article")
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b",title,text,label\n", "news.csv has no rows"),
        (b"title,label\n,FAKE\n", "no column '', 'text'; its header must be ,title,text,label"),
        (b",title,text,label\n1,a,b,fake\n", "row 1 has the label 'fake'; it must be FAKE or REAL"),
        (b",title,text,label\nx,a,b,FAKE\n", "row 1 has the id 'x'; it must be a whole number"),
    ],
)
def test_bad_files(file, data, message):
    with pytest.raises(DataError, match=message) as error:
        prepare(data_files=file(data, "news.csv"))
    assert "\n" not in str(error.value)


def test_bad_arguments(tmp_path):
    with pytest.raises(DataError, match=r"none.csv does not exist; check the path"):
        prepare(data_files=tmp_path / "none.csv")
    with pytest.raises(DataError, match=r"is not a file; check the path"):
        prepare(data_files=tmp_path)
    with pytest.raises(DataError, match=r"no config 'x'; choose from default, article"):
        prepare(config_name="x")
    with pytest.raises(DataError, match=r"FakeOrRealNews takes no data_dir; give data_files"):
        prepare(data_dir=tmp_path)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data are not here")
def test_the_genuine_head():
    splits = prepare(data_files=SHARED / "head.csv")
    ids = []
    labels = []
    for split in splits.values():
        ids += split["id"][:]
        labels += split["label"][:]
    assert len(ids) == 256
    assert 8476 in ids
    assert sum(labels) == 133
