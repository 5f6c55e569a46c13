"""Several files as one split, and the column of sources."""

import pytest

from glove_lstm.data.loading import load_splits
from glove_lstm.errors import DataError


def rows_of(corpus, count=60, **more):
    """Rows of which every tenth has no site; `more` are other values for all of them."""
    rows = []
    for number in range(count):
        row = {
            "title": f"{corpus} title {number}",
            "text": f"{corpus} body {number} {number * number} {-number}",
            "label": ("REAL", "FAKE")[number % 2],
            "site": f"{corpus}{number % 12}.org",
        }
        if number % 10 == 0:
            row["site"] = ""
        rows.append(row | more)
    return rows


def without(rows, *names):
    shorter = [dict(row) for row in rows]
    for row in shorter:
        for name in names:
            del row[name]
    return shorter


@pytest.fixture
def corpora(file):
    """Three files: with both text columns, with bodies only, and with titles and one label only."""
    return [
        file(rows_of("a"), "a.csv"),
        file(without(rows_of("b"), "title", "site"), "b.v2.jsonl.gz"),
        file(without(rows_of("c", 4, label="FAKE"), "text", "site"), "c.parquet"),
    ]


def test_files_are_joined(corpora):
    data = load_splits(train_file=corpora)
    assert data.text_column_names == ["title", "text"]
    assert data.label_names == ["FAKE", "REAL"]
    for path in corpora:
        assert path.name in data.description
    train = data.splits["train"]
    assert [train[row]["text"] for row in (0, 60, 120)] == ["a title 0", "", "c title 0"]
    assert [train[row]["text_pair"] for row in (60, 120)] == ["b body 0 0 0", ""]


def test_rows_name_their_corpus(corpora, file):
    test = file(rows_of("t", 3), "t.csv")
    splits = load_splits(train_file=corpora, test_file=test).splits
    assert splits["train"]["source"][:] == ["a"] * 60 + ["b.v2"] * 60 + ["c"] * 4
    assert splits["test"]["source"][:] == ["t"] * 3

    splits = load_splits(train_file=corpora[0], test_file=corpora).splits
    assert "source" not in splits["train"].column_names
    assert "source" in splits["test"].column_names


def test_rows_name_their_publisher(corpora):
    train = load_splits(train_file=corpora, source_column_name="site").splits["train"]
    assert train[:3]["source"] == ["a", "a/a1.org", "a/a2.org"]
    assert set(train["source"][60:]) == {"b.v2", "c"}


def test_one_file_in_a_list(file):
    path = file(rows_of("a"), "a.csv.gz")
    splits = load_splits(train_file=[path], validation_file=str(path)).splits
    assert splits["train"].column_names == ["text", "text_pair", "label"]


def test_the_column_of_sources_is_no_text(file):
    rows = [{"headline": row["title"], **row} for row in rows_of("b")]
    path = file(without(rows, "title", "text"), "b.csv")
    data = load_splits(train_file=path, source_column_name="site")
    assert data.text_column_names == ["headline"]
    assert data.splits["train"]["source"][1] == "b/b1.org"


@pytest.mark.parametrize(
    ("rows", "name", "message"),
    [
        (without(rows_of("b"), "label"), "b.csv", r"b.csv has no column 'label'"),
        (without(rows_of("b"), "title", "text"), "b.csv", r"b.csv has no column 'title'"),
        (rows_of("b", 9, label="x"), "b.csv", r"b.csv has the label 'x', which .*a.csv lacks"),
        (rows_of("b", 9, site=[]), "b.jsonl", r"b.jsonl, row 1 has list instead of text in 'site'"),
        (rows_of("b"), "a.jsonl", r"a.jsonl and .*a.csv have the same name; rename one"),
        ("[]", "b.json", r"b.json has no rows"),
    ],
)
def test_files_that_do_not_fit(file, rows, name, message):
    paths = [file(rows_of("a"), "a.csv"), file(rows, name)]
    with pytest.raises(DataError, match=message):
        load_splits(train_file=paths, source_column_name="site")
