import csv
import io

import pytest

from glove_lstm.data.errors import DataError
from glove_lstm.data.fake_news_corpus import TYPES, FakeNewsCorpus

HEADER = ["", "id", "domain", "type", "url", "content", "title", "authors"]


def content(rows):
    text = io.StringIO()
    csv.writer(text).writerows([HEADER, *rows])
    return text.getvalue()


def made_up(count=600, kinds=("fake", "reliable", "bias")):
    return [
        [
            n,
            n,
            "site.example",
            kinds[n % len(kinds)],
            f"http://site.example/{n}",
            f"Body {n // 6}\n{n % 2}",
            f"T {n}",
            "",
        ]
        for n in range(count)
    ]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "corpus.csv"

    def write(text):
        path.write_text(text)
        return path

    return write


def prepare(**kwargs):
    builder = FakeNewsCorpus(**kwargs)
    builder.download_and_prepare()
    return builder.as_dataset()


def test_fake_and_reliable_only(file):
    splits = prepare(data_files=file(content(made_up())))
    assert list(splits) == ["train", "validation", "test"]
    assert splits["train"].column_names == ["id", "title", "text", "label"]
    assert splits["train"].features["label"].names == ["FAKE", "REAL"]
    rows = [row for split in splits.values() for row in split]
    assert sorted(row["id"] for row in rows) == [n for n in range(600) if n % 3 < 2]
    assert all(row["label"] == row["id"] % 3 for row in rows)
    bodies = [set(split["text"]) for split in splits.values()]
    assert sum(map(len, bodies)) == len(set.union(*bodies))  # equal bodies are on one side
    assert len(bodies[0]) > len(bodies[2]) > len(bodies[1]) > 0


def test_all_types_and_a_mapping_of_ones_own(file):
    path = file(content(made_up(600, (*TYPES, "unknown", ""))))
    splits = prepare(config_name="types", data_files=path)
    assert splits["train"].features["label"].names == list(TYPES)
    splits = prepare(data_files=path, label_of={"hate": "BAD", "junksci": "BAD", "political": "GOOD"})
    assert splits["train"].features["label"].names == ["BAD", "GOOD"]


def test_streaming(file):
    path = file(content(made_up()))
    stream = FakeNewsCorpus(data_files=path).as_streaming_dataset(split="test")
    assert [row["id"] for row in stream] == prepare(data_files=path)["test"]["id"][:]


def test_malformed_rows_are_skipped_and_counted(file, caplog):
    good = content(made_up(60))
    bad = [
        "torn,row",
        "9,x,d,fake,u,c,t,",
        '9,9,d,fake,u,"a"b,t,',
        "9,9,d,fake,u, ,,",
        "9,9,d,fake,u,NUL,t,",
        '9,9,d,fake,"never closed',
    ]
    splits = prepare(data_files=file(good + "\n".join(bad)))
    rows = [row for split in splits.values() for row in split]
    assert len(rows) == 41
    assert "NUL" in {row["text"] for row in rows}
    message = caplog.records[0].getMessage()
    for reason in (
        "1 with columns",
        "1 with an id that is no number",
        "1 with neither title",
        "1 with unexpected end of data",
    ):
        assert reason in message


def test_errors(file, tmp_path):
    with pytest.raises(DataError, match=r"downloads nothing; give the CSV file's path as data_files"):
        FakeNewsCorpus()
    with pytest.raises(DataError, match=r"lacks the column id, type, url, content"):
        prepare(data_files=file("title,text\na,b\n"))
    with pytest.raises(DataError, match="has no usable row of the types fake, reliable"):
        prepare(data_files=file(content(made_up(9, ["bias"]))))
    with pytest.raises(DataError, match=r"test_fraction 0.95 must be positive and sum below 1"):
        prepare(data_files=file(content(made_up())), test_fraction=0.95)
    with pytest.raises(DataError, match=r"corpus.csv is empty"):
        prepare(data_files=file(""))
