"""A table gives the same texts, labels and groups from every format and from files and datasets."""

import csv
import gzip
import io
import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from glove_lstm.errors import DataError
from glove_lstm.files import expand_globs
from glove_lstm.tables.columns import Row, open_files, read_rows
from glove_lstm.tables.in_memory import read_texts
from glove_lstm.tables.load import load_splits
from glove_lstm.tables.tables import checked_lines

ROWS = []
for number in range(1, 24):
    text = f"body, of\n{number} é \U0001f600" if number % 3 else ""
    ROWS.append({"title": f"Title {number}", "text": text, "label": f"class {number % 2}"})
PAIRS = [(row["title"], row["text"]) for row in ROWS]
LINES = "\n\n".join(map(json.dumps, ROWS))
INCOMPLETE = [{name: value for name, value in row.items() if value} for row in ROWS]


def as_csv(delimiter: str) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(ROWS[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(ROWS)
    return text.getvalue()


FORMATS = {
    "a.csv.gz": ROWS,
    "a.tsv": ROWS,
    "a.jsonl.gz": ROWS,
    "a.json": ROWS,
    "a.parquet": ROWS,
    "byte-order-mark.csv": "\ufeff" + as_csv(","),
    "of-excel.csv": "\ufeff" + as_csv(";"),
    "byte-order-mark.jsonl": "\ufeff" + LINES,
    "values-left-out.json": INCOMPLETE,
    "indented.json": json.dumps(ROWS, indent=2),
    "lines.json": "\n".join(map(json.dumps, ROWS)),
}


def read(paths, text_column_names=None, **options):
    """The columns that files choose, and their rows."""
    tables, columns = open_files(paths, text_column_names, **options)
    return columns, [row for table in tables for row in read_rows(table, columns)]


@pytest.mark.parametrize(("name", "content"), FORMATS.items())
def test_every_format_and_door(file, name, content):
    path = file(content, name)
    columns, rows = read([path])
    assert columns.text == ["title", "text"]
    assert rows == [
        Row(str(path), number, title, text) for number, (title, text) in enumerate(PAIRS, 1)
    ]

    data = load_splits(train_file=path)
    assert data.text_column_names == ["title", "text"]
    train = data.splits["train"]
    assert train.texts == [f"{title} {text}" for title, text in PAIRS]
    assert train.labels == [row["label"] for row in ROWS]
    assert train.numbers == list(range(1, len(ROWS) + 1))
    assert train.files == [str(path)] * len(ROWS)
    assert train.groups is None


def test_texts_in_a_frame():
    frame = pd.DataFrame(ROWS)[["title", "text"]]
    assert list(zip(*read_texts(frame), strict=True)) == PAIRS


def test_kept_columns(file):
    path = file([{"id": 7, "text": "a", "tags": ["x"]}, {"id": None, "text": "b"}], "a.jsonl")
    columns, [first, second] = read([path], kept="id, tags,text")
    assert columns.others == ["id", "tags", "text"]
    assert first.cells == {"id": 7, "tags": ["x"], "text": "a"}
    assert second.cells == {"id": None, "tags": None, "text": "b"}


def test_a_long_line(file):
    """A field of CSV may be longer than Python's default allows; an endless line is refused."""
    _, [long, short] = read([file(f"text\n{'word ' * 40_000}\nshort\n", "a.csv")])
    assert (len(long.text), short.text) == (200_000, "short")
    lines = checked_lines(io.StringIO("good\n" + "x" * 1000), "a.jsonl", longest=100)
    assert next(lines) == "good\n"
    with pytest.raises(DataError, match=r"a.jsonl, line 2"):
        next(lines)


# Columns


@pytest.mark.parametrize(
    ("row", "options", "columns"),
    [
        ({"text": "b", "title": "t"}, {}, ["title", "text"]),
        ({"text": "b", "more": "m"}, {}, ["text"]),
        ({"row": 7, "title": "t"}, {}, ["title"]),
        ({"number": 7, "statement": "s"}, {}, ["statement"]),
        ({"statement": "s", "score": "", "note": " "}, {}, ["statement"]),
        ({"text": "b", "more": "m"}, {"trained": ["more"]}, ["more"]),
        ({"text": "b", "more": "m"}, {"trained": ["more", "body"]}, ["text"]),
        ({"text": "b", "more": "m"}, {"text_column_names": "more, text"}, ["more", "text"]),
    ],
)
def test_text_columns(file, row, options, columns):
    path = file([{**row, "label": "x"}, {**row, "label": "y"}])
    joined = " ".join(row[name] for name in columns)
    chosen, rows = read([path], **options)
    assert chosen.text == columns
    assert [row.joined for row in rows] == [joined, joined]
    if "trained" in options:
        options = {"trained_columns": options["trained"]}
    data = load_splits(train_file=path, **options)
    assert data.text_column_names == columns
    assert data.splits["train"].texts == [joined, joined]


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet"])
@pytest.mark.parametrize("first", ["1984", None])
def test_the_first_rows_show_which_columns_hold_text(file, name, first):
    """Not the first row alone: in it, a text may be missing, or look like a number."""
    rows = [{"headline": first, "label": "x"}, {"headline": "b", "label": "y"}]
    _, [number, text] = read([file(rows, name)])
    assert (number.text, text.text) == (first or "", "b")
    with_authors = [{"author": "Ann", **row} for row in rows]
    with pytest.raises(DataError, match="2 columns that may be text"):
        read([file(with_authors, f"authors-{name}")])


def test_several_files(file, tmp_path):
    """Some engines write parts without rows."""
    paths = [file(ROWS[:7], name) for name in ("1.csv", "2.jsonl", "4.parquet")]
    for name in ("0.jsonl", "3.jsonl"):
        file("", name)
    _, rows = read(expand_globs([tmp_path / "0.jsonl", tmp_path / "*.*", tmp_path / "1.csv"]))
    wanted = []
    for path in paths:
        wanted += [(str(path), number) for number in range(1, 8)]
    assert [(row.file, row.number) for row in rows] == wanted

    data = load_splits(train_file=paths[:2], validation_file=paths[2])
    assert data.splits["train"].texts == data.splits["validation"].texts * 2
    assert data.description == "train 1.csv + 2.jsonl, validation 4.parquet"
    again = tmp_path / ".." / tmp_path.name / "1.csv"  # is read once
    of_glob = load_splits(train_file=[tmp_path / "*.*", paths[0], again]).splits["train"]
    assert of_glob.texts == data.splits["validation"].texts * 3


def test_a_row_without_text(file, caplog):
    """test_mistakes.py has the refusal."""
    rows = [
        {"title": "title alone", "text": "", "label": "x", "site": "a"},
        {"title": None, "text": " ", "label": "y", "site": "b"},
        {"title": "title", "text": "body", "label": "y", "site": "c"},
        {"title": "title", "text": "body", "label": "x", "site": "d"},
    ]
    path = file(rows, "a.jsonl")
    kept = load_splits(train_file=path, on_empty="keep", group_column_name="site").splits["train"]
    assert kept.texts == ["title alone ", "  ", "title body", "title body"]
    assert (kept.labels, kept.groups) == (["x", "y", "y", "x"], ["a", "b", "c", "d"])
    drop = load_splits(train_file=path, on_empty="drop", group_column_name="site").splits["train"]
    assert drop.texts == ["title alone ", "title body", "title body"]
    assert (drop.labels, drop.groups) == (["x", "y", "x"], ["a", "c", "d"])
    assert "1 row without" in caplog.text


def test_a_group_is_the_same_with_and_without_a_decimal_point(file):
    """Whole numbers beside missing ones are written as 1.0, by pandas for instance."""
    rows = [{"text": f"text {n}", "label": "xy"[n % 2], "site": n // 2} for n in range(6)]
    with_missing = [{**row, "site": row["site"] and float(row["site"])} for row in rows]
    files = [file(rows, "1.parquet"), file(with_missing, "2.parquet"), file(with_missing, "3.csv")]
    train = load_splits(train_file=files, group_column_name="site").splits["train"]
    assert train.groups == ["0", "0", "1", "1", "2", "2"] * 3


# Properties

cells = st.text(st.characters(codec="utf-8", exclude_characters="\0\ufeff"), min_size=1, max_size=9)
labels = cells.filter(lambda label: label.strip() and label.strip().lower() != "nan")
labels = labels.filter(lambda label: "[" not in label)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(cells, st.sampled_from("ab"), labels), min_size=1, max_size=6))
@example(rows=[("", "a", ".0")])
def test_texts_labels_and_groups_come_back(rows, tmp_path_factory):
    folder = tmp_path_factory.mktemp("formats")
    # Each text has a word, and there are two labels and enough texts of them.
    two = [(f"w {text}", label, group, group) for text, label, group in rows]
    two += [("w", label, "g", "g") for label in "ab" for _ in range(3)]
    two += [("w", label, "g", None) for label in "ab"]  # rows without a group
    frame = pd.DataFrame(two, columns=["text", "label", "other", "site"])
    frame.to_csv(folder / "a.csv", index=False, quoting=csv.QUOTE_ALL)
    (folder / "a.csv.gz").write_bytes(gzip.compress((folder / "a.csv").read_bytes()))
    pq.write_table(pa.Table.from_pandas(frame), folder / "a.parquet")
    frame.to_json(folder / "a.json", orient="records")
    for path in folder.iterdir():
        train = load_splits(train_file=path, group_column_name="site").splits["train"]
        assert train.texts == frame["text"].tolist(), path
        assert train.labels == frame["label"].tolist(), path
        *groups, alone, also_alone = train.groups
        assert groups == [group.strip().removesuffix(".0") for group in frame["site"][:-2]], path
        assert alone != also_alone
        assert {alone, also_alone}.isdisjoint(groups)
        other = {"label_column_name": "other", "label_names": [*frame["other"]]}
        # A table to measure needs no groups.
        test = load_splits(test_file=path, group_column_name="none", **other).splits["test"]
        assert test.labels == frame["other"].tolist(), path
        assert test.groups is None


@pytest.mark.parametrize(
    ("texts", "is_warned_of"),
    [(["12", "3.5", "?"], True), (["12", "room 3.5", "?"], False), (["市", "1", "2"], False)],
)
def test_texts_without_letters_may_be_of_the_wrong_column(tmp_path, caplog, texts, is_warned_of):
    path = tmp_path / "numbers.csv"
    rows = [f"{text},{label}\n" for text in texts for label in "ab"]
    path.write_text("text,label\n" + "".join(rows), encoding="utf-8")
    load_splits(train_file=path)
    warnings = [record.getMessage() for record in caplog.records if "letter" in record.getMessage()]
    assert len(warnings) == is_warned_of
    assert all("numbers.csv" in each and "--text_column_names" in each for each in warnings)
