"""A mistake in the data is one sentence with the file, the row, the name and the remedy."""

import gzip
import json

import datasets
import pytest
from support import assert_refused

from glove_lstm.files import expand_globs
from glove_lstm.tables import liar
from glove_lstm.tables.columns import open_files, read_rows
from glove_lstm.tables.fake_or_real_news import FakeOrRealNews
from glove_lstm.tables.load import load_splits
from glove_lstm.vectors import glove
from glove_lstm.vectors.download import download
from glove_lstm.vectors.glove import load_glove


def rows(*cases):
    """Rows of a table of mistakes, named by their first values."""
    return [pytest.param(*case, id=f"{number}-{case[0]}") for number, case in enumerate(cases)]


def read(paths):
    """Read files as to predict."""
    tables, columns = open_files(expand_globs(paths))
    return [list(read_rows(table, columns)) for table in tables]


# Tables

CUT_GZIP = gzip.compress(b"text,label\n" + b"a b c,x\n" * 999)[:-10]
DIALOGUE = '"This is one.\tx\nb\ty\nThe end."\ty\n'
COLUMNS = json.dumps({"text": ["a"] * 999, "label": ["b"] * 999})
# Rows of JSON lines may differ; the first hundred tell the columns.
LATE_TITLE = [{"text": f"text {row}", "label": "ab"[row % 2]} for row in range(150)]
LATE_TITLE[120]["title"] = "a title"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    rows(
        ("cut.csv.gz", CUT_GZIP, ["damaged"]),
        ("latin1.csv", b"text,label\na,b\ncaf\xe9,b\n", ["line 3", "UTF-8"]),
        ("empty.csv", "", ["rows"]),
        ("twice.csv", "a,a\nb,c\n", ["'a'"]),
        ("header.csv", '"text"x,label\na,b\n', ["header", "CSV"]),
        ("short.csv", "text,label\na,b\n\nc\n", ["row 2 (line 4)", "1 column,", "2"]),
        ("quotes.tsv", f"text\tlabel\na\tx\n{DIALOGUE}", ["row 2", "line 3", "quotes"]),
        ("commas.tsv", "text,label\na,FAKE\n", ["'text,label'", "header"]),
        ("semicolons.tsv", "text;label\na;FAKE\n", ["'text;label'", "header"]),
        ("bars.csv", "text|label\na|FAKE\n", ["'text|label'", "commas"]),
        ("tabs.csv", "text\tlabel\na\tFAKE\n", ["'text\\tlabel'", "commas"]),
        ("records.json", '[{"text": "a", "label": "b"}, 7]', ["row 2", "object"]),
        ("columns.json", COLUMNS, ["row 1", "list", "'text'"]),
        ("late.jsonl", LATE_TITLE, ["row 121", "'title'", "text_column_names"]),
        ("garbage.parquet", b"PAR1", ["Parquet"]),
        ("noextension", "text,label\na,b\n", [".csv", ".parquet"]),
        ("headless.csv", "A headline by a man\nAnother\n", ["header", "'A headline by a man'"]),
    ),
)
def test_tables(file, name, content, words):
    """To predict and to train."""
    path = file(content, name)
    assert_refused([name, *words], read, [path])
    assert_refused([name, *words], load_splits, train_file=path)


def labelled(*labels):
    return [{"text": f"a text {number}", "label": label} for number, label in enumerate(labels)]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    rows(
        ("a.csv", "a,b\nx,y\n", ["'label'", "label_column_name", "'a', 'b'"]),
        ("a.csv", "a,b,label\nx,y,z\n", ["2 columns", "text_column_names", "'a', 'b'"]),
        ("a.csv", "text,label\na,x\nc,NaN\n", ["row 2", "'label'"]),
        ("a.csv", labelled("b", "b"), ["'b'"]),
        ("a.csv", labelled(*range(1001)), ["1,001", "1,000", "label_column_name"]),
        ("a.csv", labelled(*map(str, range(300))), ["300", "ids", "label_column_name", "a teacher"]),
        ("a.jsonl", labelled([1, 2], [3]), ["3 different labels", "2 texts"]),
        ("a.csv", "text,label\na,\"['b', 'c']\"\n", ["row 1", "JSON", '["a", "b"]']),
        ("a.jsonl", labelled(0.5), ["row 1", "0.5", "whole numbers"]),
        ("a.jsonl", labelled([0, 1, 0]), ["0 or 1", "'label'"]),
        ("a.jsonl", labelled("x", ["x"]), ["row 2", "['x']", "one label"]),
        ("a.jsonl", labelled(["x"], "x"), ["row 2", "'x'", "list of labels"]),
        ("a.jsonl", [{"title": "", "text": " ", "label": "x"}], ["row 1", "'title', 'text'", "--on_empty"]),
        ("a.jsonl", [{"text": [1], "label": "x"}], ["row 1", "list", "'text'"]),
    ),
)  # fmt: skip
def test_labels(file, name, content, words):
    assert_refused([name, *words], load_splits, train_file=file(content, name))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, ["dataset_name", "train_file", "test_file"]),
        ({"dataset_name": "liar", "dataset_revision": "main"}, ["liar", "revision"]),
        ({"dataset_name": "liar", "train_file": "a.csv"}, ["liar", "train_file"]),
        ({"train_file": "a.csv", "data_files": "x"}, ["data_files", "dataset_name"]),
        ({"train_file": "no.csv"}, ["no.csv"]),
        ({"train_file": ["a.csv", "*.tsv"]}, ["*.tsv"]),
        ({"train_file": "a.csv", "text_column_names": "body"}, ["a.csv", "'body'", "text_column_names"]),
        ({"train_file": "a.csv", "text_column_names": ""}, ["a.csv", "''", "text_column_names"]),
        ({"train_file": "a.csv", "label_column_name": "class"}, ["a.csv", "'class'", "label_column_name"]),
        ({"train_file": "a.csv", "group_column_name": "site"}, ["a.csv", "'site'", "group_column_name"]),
        ({"train_file": "a.csv", "validation_file": "b.csv"}, ["b.csv, row 1", "'y'", "--skip_unknown_labels"]),
        ({"train_file": "a.csv", "validation_file": "c.csv"}, ["c.csv, row 1", "'title'", "text_column_names"]),
        (["a.csv", "c.csv"], ["c.csv", "'title'", "text_column_names"]),
    ],
    ids=str,
)  # fmt: skip
def test_arguments(file, tmp_path, monkeypatch, arguments, words):
    """Of `load_splits`; or files to predict."""
    monkeypatch.chdir(tmp_path)
    file(labelled("x", "z"), "a.csv")
    file(labelled("y", "x"), "b.csv")
    file([{"title": "a", **row} for row in labelled("x", "z")], "c.csv")
    if isinstance(arguments, list):
        assert_refused(words, read, arguments)
    else:
        assert_refused(words, load_splits, **arguments)


# Datasets

NO_CONFIG = datasets.exceptions.DatasetNotFoundError("No config.\nPick one of: a.\nMore.")


@pytest.mark.parametrize(
    ("splits", "words"),
    [
        ({"test": [-1, -1]}, ["someone/reviews", "'label'"]),
        ({"train": [0, 1, -1]}, ["split train of someone/reviews, row 3", "no label"]),
        ({"a": [0, 1], "b": [0, 1]}, ["someone/reviews", "'a', 'b'", "train", "test"]),
        (NO_CONFIG, ["someone/reviews", "No config. Pick one of: a", "dataset_config_name"]),
    ],
)
def test_datasets(on_the_hub, splits, words):
    if isinstance(splits, Exception):
        on_the_hub().side_effect = splits
    else:
        on_the_hub(**splits)
    assert_refused(words, load_splits, "someone/reviews")


NEWS = ",title,text,label\n"


@pytest.mark.parametrize(
    ("content", "arguments", "words"),
    [
        ("title,label\n,FAKE\n", {}, ["news.csv", NEWS.strip()]),
        (f"{NEWS}1,a,b,FAKE\n2,a,b,fake\n", {}, ["news.csv, row 2", "FAKE", "REAL"]),
        (f"{NEWS}x,a,b,FAKE\n", {}, ["news.csv, row 1", "whole number"]),
        (NEWS, {"data_files": "none.csv"}, ["none.csv"]),
        (NEWS, {"dataset_config_name": "x"}, ["'x'", "default, article"]),
    ],
)
def test_fake_or_real_news(file, tmp_path, monkeypatch, content, arguments, words):
    monkeypatch.chdir(tmp_path)
    file(content, "news.csv")
    arguments = {"data_files": "news.csv", **arguments}
    assert_refused(words, load_splits, "fake_or_real_news", **arguments)


def test_a_dataset_with_another_blob_id(server, monkeypatch):
    url = server.put("/news.csv", f"{NEWS}1,a,b,FAKE\n".encode())
    monkeypatch.setattr(FakeOrRealNews, "URL", url)
    words = [url, FakeOrRealNews.BLOB_ID, "data_files"]
    assert_refused(words, load_splits, "fake_or_real_news")


STATEMENT = "\t".join(("1.json", "true", "A statement", *"abcde12345x")) + "\n"
STATEMENTS = dict.fromkeys(("train.tsv", "valid.tsv", "test.tsv"), STATEMENT)


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"train.tsv": STATEMENT, "test.tsv": STATEMENT}, ["valid.tsv", "does not exist"]),
        ({**STATEMENTS, "train.tsv": STATEMENT + STATEMENT.replace("true", "TRUE")}, ["liar", "TRUE"]),
    ],
)  # fmt: skip
def test_liar(file, server, monkeypatch, members, words):
    data = file(members, "liar.zip").read_bytes()
    monkeypatch.setattr(liar, "URL", server.put("/liar.zip", data))
    assert_refused(words, load_splits, "liar")


# Vectors

VECTORS = "the 1 2 3\n, -0.5 1e-3 0\nof 7 8 9.25\n"
TWO_MEMBERS = {"glove.3d.txt": VECTORS, "glove.2d.txt": "a 1 2\n"}


@pytest.mark.parametrize(
    ("name", "content", "words"),
    rows(
        ("v.txt", "word\nother\n", ["v.txt", "vectors"]),
        ("v.txt", f"{VECTORS}short 1 2\n", ["v.txt, line 4", "2 values", "3"]),
        ("v.txt", f"{VECTORS}b_d 1_0 2 3\n", ["v.txt, line 4", "number"]),
        ("v.txt", f"{VECTORS}bad 1 nan 3\n", ["v.txt, line 4", "finite"]),
        ("v.txt", f"\n{VECTORS}the 1 1 1\nbad 1 2 1e99\n", ["v.txt, line 6", "finite"]),
        ("v.txt.gz", gzip.compress(VECTORS.encode() * 1000)[:-20], ["v.txt.gz", "damaged"]),
        ("v.zip", TWO_MEMBERS, ["v.zip", "*.txt", "'glove.3d.txt', 'glove.2d.txt'", "unpack it"]),
    ),
)
def test_vectors(file, name, content, words):
    path = file(content, name)
    assert_refused(words, load_glove, path)


def test_vectors_by_name(archives, monkeypatch):
    vectors = " ".join(["0.5"] * 50)
    archives("42B.300d", {"glove.txt": f"the {vectors}\n"})
    archives("6B", {"glove.6B.50d.txt": f"the {vectors}\n"})
    archives("twitter.27B", {"glove.txt": "x"})
    monkeypatch.setitem(glove.SHA256, "twitter.27B", "0" * 64)
    mistakes = {
        "7B.50d": ["7B.50d", "6B.50d, 6B.100d", "2024.dolma.300d"],
        "42B.300d": ["42B.300d", "line 1", "50 values", "300"],
        "6B.200d": ["glove.6B.zip", "*glove.6B.200d.txt", "glove.6B.50d.txt"],
        "twitter.27B.25d": ["glove.twitter.27B.zip", "SHA256"],
    }
    for name, words in mistakes.items():
        assert_refused(words, load_glove, name)


# Downloads


@pytest.mark.parametrize(
    ("name", "fault", "words"),
    rows(
        ("f.bin", {"cuts": [200_000]}, ["f.bin", "network"]),
        ("f.bin", {"files": {}}, ["f.bin", "404", "network"]),
        ("f.bin", {}, ["f.bin", "GLOVE_LSTM_CACHE"]),  # the cache is a file
        ("a.zip", {}, ["a.zip", "zip archive"]),
    ),
)
def test_downloads(server, private_cache, name, fault, words):
    url = server.put(f"/{name}", b"x" * 600_000)
    vars(server).update(fault)
    if "GLOVE_LSTM_CACHE" in words:
        (private_cache / "glove_lstm").write_text("")
    assert_refused(words, download, url)
    assert {path.suffix for path in private_cache.rglob("*.*") if path.is_file()} <= {".lock"}
