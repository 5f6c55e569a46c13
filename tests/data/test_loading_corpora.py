"""Several files as one split, and the column of sources."""

import pytest

from glove_lstm.data.loading import load_splits
from glove_lstm.errors import DataError


def rows_of(corpus, count=60, **more):
    return [
        {
            "title": f"{corpus} title {n}",
            "text": f"{corpus} body {n} {n * n} {-n}",
            "label": ("REAL", "FAKE")[n % 2],
            "site": f"{corpus}{n % 12}.org" if n % 10 else "",
            **more,
        }
        for n in range(count)
    ]


def without(rows, *names):
    return [{key: value for key, value in row.items() if key not in names} for row in rows]


def test_files_are_joined_and_name_the_corpus(file):
    paths = [
        file(rows_of("a"), "a.csv"),
        file(without(rows_of("b"), "title", "site"), "b.v2.jsonl.gz"),
        file(without(rows_of("c", 4, label="FAKE"), "text", "site"), "c.parquet"),
    ]
    test = file(rows_of("t", 3), "t.csv")
    data = load_splits(train_file=paths, test_file=test)
    train = data.splits["train"]
    assert data.text_column_names == ["title", "text"]
    assert data.label_names == ["FAKE", "REAL"]
    assert train["source"][:] == ["a"] * 60 + ["b.v2"] * 60 + ["c"] * 4
    assert data.splits["test"]["source"][:] == ["t"] * 3
    assert [train[row]["text"] for row in (0, 60, 120)] == ["a title 0", "", "c title 0"]
    assert [train[row]["text_pair"] for row in (60, 120)] == ["b body 0 0 0", ""]
    assert all(path.name in data.description for path in paths)

    data = load_splits(train_file=paths[0], test_file=paths)
    assert ["source" in rows.column_names for rows in data.splits.values()] == [False, True]

    data = load_splits(train_file=paths, source_column_name="site")
    assert data.splits["train"][:3]["source"] == ["a", "a/a1.org", "a/a2.org"]
    assert set(data.splits["train"]["source"][60:]) == {"b.v2", "c"}


def test_one_file(file):
    path = file(rows_of("a"), "a.csv.gz")
    splits = load_splits(train_file=[path], validation_file=str(path)).splits
    assert splits["train"].column_names == ["text", "text_pair", "label"]
    rows = without(rows_of("a"), "title", "text")
    rows = [{**row, "headline": f"words {n}"} for n, row in enumerate(rows)]
    data = load_splits(train_file=file(rows, "b.csv"), source_column_name="site")
    assert data.text_column_names == ["headline"]  # the column of sources is no text
    assert data.splits["train"]["source"][0].startswith("b")


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
