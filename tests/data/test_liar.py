import io
import zipfile
from pathlib import Path

import pytest

from glove_lstm.data.liar import FILES, LABELS, Liar
from glove_lstm.errors import DataError

SHARED = Path(__file__).parents[3] / "shared" / "data" / "liar"
STATEMENT = '"A quotation that never ends'


def line(number, label=None, counts=("1", "2.0", "3", "4", "")):
    label = label or LABELS[number % 6]
    speaker = ("subject", "speaker", "job", "state", "party")
    values = (f"{number}.json", label, STATEMENT, *speaker, *counts, "context")
    return "\t".join(values) + "\n"


def files():
    """The content of each file: 12 statements."""
    content = "".join(line(number) for number in range(12))
    return dict.fromkeys(FILES.values(), content)


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


def prepare(builder=Liar, **kwargs):
    prepared = builder(**kwargs)
    prepared.download_and_prepare()
    return prepared.as_dataset()


def served_by(server, content):
    """The builder, which downloads this content."""

    class Served(Liar):
        URL = server.put("/liar.zip", content)

    return Served


def test_six_labels(folder):
    splits = prepare(data_dir=folder)
    assert [len(split) for split in splits.values()] == [12, 12, 12]
    assert splits["train"].features["label"].names == list(LABELS)
    row = splits["train"][1]
    assert row["id"] == "1.json"
    assert row["label"] == 1
    assert row["text"] == STATEMENT
    assert row["false_counts"] == 2
    assert row["pants_on_fire_counts"] is None
    assert row["context"] == "context"


def test_two_labels(folder):
    train = prepare(config_name="two", data_dir=folder)["train"]
    assert train.features["label"].names == ["FAKE", "REAL"]
    assert train["label"][:6] == [0, 0, 0, 1, 1, 1]


def test_an_archive(server):
    members = {f"liar/{name}": text for name, text in files().items()}
    content = archive({**members, "README": "read me"})
    splits = prepare(served_by(server, content))
    assert [len(split) for split in splits.values()] == [12, 12, 12]


WITHOUT_VALID = archive({"train.tsv": line(0), "test.tsv": line(0)})
NOT_UTF8 = archive({**files(), "train.tsv": b"\xff\n"})


def damaged(content: bytes) -> bytes:
    """Break the compressed data of the first member, whose header is whole."""
    start = 30 + len("train.tsv")
    return content[:start] + b"\xff" * 8 + content[start + 8 :]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (WITHOUT_VALID, r"liar.zip has no member \*valid.tsv"),
        (NOT_UTF8, r"train.tsv is not UTF-8 text"),
        (damaged(archive(files())), r"liar.zip is damaged"),
    ],
)
def test_bad_archives(server, content, message):
    with pytest.raises(DataError, match=message):
        prepare(served_by(server, content))


MANY = ("1", "2", "many", "4", "5")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"train.tsv has no rows"),
        (line(0) + line(1, "TRUE"), r"row 2 has the label 'TRUE', not one of pants-fire, false"),
        (line(0) + "only\ttwo\n", r"row 2 has 2 columns, not 14"),
        (line(0, counts=MANY), r"row 1 has the count 'many'"),
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
