import hashlib
import logging
from pathlib import Path

import pytest

from glove_lstm.data import fake_or_real_news
from glove_lstm.data.fake_or_real_news import FakeOrRealNews
from glove_lstm.errors import DataError

SHARED = Path(__file__).parents[3] / "shared" / "data" / "fake_or_real_news"
COLUMNS = ["id", "title", "text", "label"]


def made_up(count=100):
    """Rows of which every tenth repeats the text of the one before it."""
    rows = []
    for number in range(count):
        text = " ".join(f"w{number - (number % 10 == 9)}x{at}" for at in range(30))
        row = {"": number + 7, "title": f"Title {number}, with a comma", "text": text}
        rows.append({**row, "label": ("FAKE", "REAL")[number // 2 % 2]})
    return rows


def prepare(**kwargs):
    builder = FakeOrRealNews(**kwargs)
    builder.download_and_prepare()
    return builder.as_dataset()


def test_the_default_config(file, caplog):
    rows = made_up()
    path = file(rows)
    splits = prepare(data_files=path)
    assert [len(split) for split in splits.values()] == [70, 10, 20]
    assert splits["train"].column_names == COLUMNS
    assert splits["train"].features["label"].names == ["FAKE", "REAL"]
    found = sorted(
        [row["id"], row["title"], row["text"], ("FAKE", "REAL")[row["label"]]]
        for split in splits.values()
        for row in split
    )
    assert found == [list(row.values()) for row in rows]
    assert splits["validation"]["id"][:] == [10, 18, 27, 61, 63, 67, 72, 84, 90, 94]
    owner = {text: name for name, split in splits.items() for text in split["text"]}
    assert all(owner[text] == name for name, split in splits.items() for text in split["text"])
    assert f"{path} is not the canonical file" in caplog.text


def test_equal_titles_are_on_one_side(file):
    rows = [
        {"": n, "title": f"Title {n // 4}", "text": f"own words {n} {n * n}", "label": "FAKE"}
        for n in range(80)
    ]
    splits = prepare(data_files=file(rows))
    titles = [set(split["title"]) for split in splits.values()]
    assert sum(map(len, titles)) == 20


def test_the_article_config(file):
    splits = prepare(config_name="article", data_files=file(made_up()))
    sizes = {name: (len(split), sum(split["label"])) for name, split in splits.items()}
    assert sizes == {"train": (80, 40), "validation": (20, 10)}


def test_a_changed_file_is_read_again(file):
    path = file(made_up())
    first, same = (prepare(data_files=path)["test"]["id"][:] for _ in range(2))
    assert first == same
    file(made_up(50))
    assert len(prepare(data_files=path)["test"]) == 10


def test_a_verified_download(file, server, caplog, monkeypatch):
    caplog.set_level(logging.INFO)
    data = file(made_up()).read_bytes()
    url = server.put("/news.csv", data)
    monkeypatch.setattr(FakeOrRealNews, "URL", url)
    with pytest.raises(DataError, match=r"git blob id \w+ instead of 3eb6d94.* \(or give a copy"):
        prepare()
    blob_id = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
    monkeypatch.setattr(fake_or_real_news, "BLOB_ID", blob_id)
    server.requests.clear()
    assert len(prepare()["train"]) == 70
    assert f"reading {url}" in caplog.text
    prepare()
    prepare(config_name="article")
    assert len(server.requests) == 1


BAD_FILES = {
    b",title,text,label\n": "news.csv has no rows",
    b"title,label\n,FAKE\n": "has no column '', 'text'; its header must be ,title,text,label",
    b",title,text,label\n1,a,b,fake\n": "row 1 has the label 'fake'; it must be FAKE or REAL",
    b",title,text,label\nx,a,b,FAKE\n": "row 1 has the id 'x'; it must be a whole number",
    b'{"": null, "title": "a", "text": null, "label": "FAKE"}\n': "row 1 has the id None",
}


@pytest.mark.parametrize(("data", "message"), BAD_FILES.items())
def test_bad_files(file, data, message):
    name = "news.jsonl" if data.startswith(b"{") else "news.csv"
    with pytest.raises(DataError, match=message) as error:
        prepare(data_files=file(data, name))
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
    assert sum(map(len, splits.values())) == 256
    assert sum(sum(split["label"]) for split in splits.values()) == 133
    assert 8476 in [number for split in splits.values() for number in split["id"]]
