import io
import zipfile
from pathlib import Path

import pytest

from glove_lstm.data.liar import LABELS, Liar
from glove_lstm.errors import DataError

SHARED = Path(__file__).parents[3] / "shared" / "data" / "liar"


def line(number, label=None, text='"A quotation that never ends', counts="1\t2.0\t3\t4\t"):
    label = LABELS[number % 6] if label is None else label
    return (
        f"{number}.json\t{label}\t{text}\tsubject\tspeaker\tjob\tstate\tparty\t{counts}\tcontext\n"
    )


def files(count=12):
    return {
        name: "".join(line(number) for number in range(count))
        for name in ("train.tsv", "valid.tsv", "test.tsv")
    }


@pytest.fixture
def folder(tmp_path):
    for name, text in files().items():
        (tmp_path / name).write_text(text)
    return tmp_path


def archive(members):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in members.items():
            file.writestr(name, text)
    return data.getvalue()


def prepare(**kwargs):
    builder = Liar(**kwargs)
    builder.download_and_prepare()
    return builder.as_dataset()


def test_six_labels(folder):
    splits = prepare(data_dir=folder)
    assert [len(split) for split in splits.values()] == [12, 12, 12]
    assert splits["train"].features["label"].names == list(LABELS)
    row = splits["train"][1]
    assert (row["id"], row["label"], row["text"]) == ("1.json", 1, '"A quotation that never ends')
    assert (row["false_counts"], row["pants_on_fire_counts"]) == (2, None)
    assert row["context"] == "context"


def test_two_labels(folder):
    train = prepare(config_name="two", data_dir=folder)["train"]
    assert train.features["label"].names == ["FAKE", "REAL"]
    assert train["label"][:6] == [0, 0, 0, 1, 1, 1]


def test_an_archive(server, monkeypatch):
    data = archive({f"liar/{name}": text for name, text in files().items()} | {"README": "read me"})
    monkeypatch.setattr(Liar, "URL", server.put("/liar.zip", data))
    splits = prepare()
    assert [len(split) for split in splits.values()] == [12, 12, 12]


LIE = files() | {"train.tsv": line(0, "lie")}


def damaged(content: bytes) -> bytes:
    """Break the compressed data of the first member, whose header is whole."""
    start = 30 + len("train.tsv")
    return content[:start] + b"\xff" * 8 + content[start + 8 :]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            archive({"train.tsv": line(0), "test.tsv": line(0)}),
            r"liar.zip has no member \*valid.tsv",
        ),
        (archive(LIE), r"liar.zip/train.tsv, row 1 has the label 'lie'"),
        (archive(files() | {"train.tsv": b"\xff\n"}), r"train.tsv is not UTF-8 text"),
        (archive(files())[:-40], r"liar.zip sent is no complete zip archive"),
        (damaged(archive(files())), r"liar.zip is damaged"),
    ],
)
def test_bad_archives(server, content, message, monkeypatch):
    monkeypatch.setattr(Liar, "URL", server.put("/liar.zip", content))
    with pytest.raises(DataError, match=message):
        prepare()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"train.tsv has no rows"),
        (line(0) + line(1, "TRUE"), r"row 2 has the label 'TRUE', not of pants-fire, false"),
        (line(0) + "only\ttwo\n", r"row 2 has 2 columns, not 14"),
        (line(0, counts="1\t2\tmany\t4\t5"), r"row 1 has the count 'many'"),
    ],
)
def test_bad_files(folder, text, message):
    (folder / "train.tsv").write_text(text)
    with pytest.raises(DataError, match=message):
        prepare(data_dir=folder)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data are not here")
def test_the_genuine_files():
    splits = prepare(data_dir=SHARED)
    assert [len(split) for split in splits.values()] == [10269, 1284, 1283]
