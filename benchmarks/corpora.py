"""Corpora of a data folder (`--data_dir`), with the columns `text`, `text_pair` (articles only) and `label`."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
from datasets import Dataset, concatenate_datasets

from glove_lstm.data.errors import DataError
from glove_lstm.data.loading import LoadedData, load_splits
from glove_lstm.data.splits import grouped_stratified_split, near_duplicate_groups
from glove_lstm.training.training_texts import joined_texts

NAMES = ["FAKE", "REAL"]
HEAD_ROWS = 256  # head.csv holds the articles of these first rows of titles.csv
# "WASHINGTON (Reuters) - ", "PARIS/LONDON (Reuters) - ": in every REAL article of ISOT and in no FAKE one.
_DATELINE = re.compile(r"^.{0,120}?\(Reuters\)\s*[-\u2013\u2014]+\s*", re.DOTALL)
_STANDARD = {
    "sst2": {
        "train": "stsa.binary.train",
        "validation": "stsa.binary.dev",
        "test": "stsa.binary.test",
    },
    "trec": {"train": "TREC.train.all", "test": "TREC.test.all"},
    "subj": {"train": "subj.all"},
}
_TRUE_STATEMENTS = ("half-true", "mostly-true", "true")


def titles(folder: Path, *, first_row: int = 0) -> Dataset:
    """Titles of fake_or_real_news."""
    rows = _read(folder / "fake_or_real_news" / "titles.csv")
    return rows.select(range(first_row, len(rows)))


def head(folder: Path) -> Dataset:
    """The first articles of fake_or_real_news."""
    return _read(folder / "fake_or_real_news" / "head.csv")


def recovery(folder: Path) -> Dataset:
    """ReCOVery."""
    return _read(folder / "recovery" / "recovery.csv.gz")


def isot(folder: Path) -> Dataset:
    """A sample of ISOT, without datelines."""
    rows = _read(folder / "isot" / "isot.csv.gz")
    bodies = [_DATELINE.sub("", body) for body in rows["text_pair"]]
    return rows.remove_columns("text_pair").add_column("text_pair", bodies)


def liar(folder: Path) -> LoadedData:
    """LIAR with its six labels and its own splits."""
    _check(folder / "liar" / "test.tsv")
    return load_splits("liar", data_dir=folder / "liar")


def standard(folder: Path, name: str) -> LoadedData:
    """SST-2, TREC or SUBJ, one text a line after its label; SUBJ has no split, so a tenth is its test set.

    Args:
        folder: The data folder.
        name: "sst2", "trec" or "subj".
    """
    encoding = "utf-8" if name == "sst2" else "latin-1"
    splits = {}
    for split, file in _STANDARD[name].items():
        path = folder / "standard" / file
        _check(path)
        lines = path.read_text(encoding=encoding).strip("\n").split("\n")
        labels, texts = zip(*(line.split(" ", 1) for line in lines), strict=True)
        splits[split] = Dataset.from_dict({"text": texts, "label": [int(one) for one in labels]})
    shares = {split: 0.1 for split in ("validation", "test") if split not in splits}
    shares = {"train": 1 - sum(shares.values()), **shares}
    rows = splits.pop("train")
    groups = near_duplicate_groups(rows["text"][:])
    parts = grouped_stratified_split(rows["label"][:], groups, list(shares.values()), seed=0)
    splits |= {split: rows.select(part) for split, part in zip(shares, parts, strict=True)}
    return LoadedData(splits, [str(label) for label in sorted(set(rows["label"]))], ["text"], name)


def other_corpora(folder: Path) -> dict[str, Dataset]:
    """Corpora that the default checkpoint never saw; of LIAR the test statements, with two labels."""
    data = liar(folder)
    test = data.splits["test"]
    labels = [int(data.label_names[label] in _TRUE_STATEMENTS) for label in test["label"]]
    two = Dataset.from_dict({"text": test["text"][:], "label": labels})
    return {"recovery": distinct(recovery(folder)), "liar (two labels)": two}


def hub_corpus(folder: Path) -> LoadedData:
    """Training texts of the default checkpoint, and the tenth that is kept for validation."""
    corpora = titles(folder, first_row=HEAD_ROWS), head(folder), isot(folder)
    parts = [distinct(rows) for rows in corpora]
    parts[0] = parts[0].add_column("text_pair", [""] * len(parts[0]))
    order = ["text", "text_pair", "label"]
    rows = concatenate_datasets([part.select_columns(order) for part in parts])
    groups = near_duplicate_groups(list(joined_texts(rows)))
    labels = np.array(rows["label"])
    train, validation = grouped_stratified_split(labels, groups, [0.9, 0.1], seed=42)
    source = "titles and head of fake_or_real_news, ISOT"
    return as_data(rows, {"train": train, "validation": validation}, source)


def distinct(rows: Dataset) -> Dataset:
    """Drop rows whose body (title, for titles) is empty or repeats an earlier one, white space aside."""
    seen = {""}
    kept = []
    for row, text in enumerate(rows["text_pair" if "text_pair" in rows.column_names else "text"]):
        folded = " ".join(text.split())
        if folded not in seen:
            seen.add(folded)
            kept.append(row)
    return rows.select(kept)


def as_data(rows: Dataset, splits: Mapping[str, Iterable[int]], source: str) -> LoadedData:
    """Row numbers of a corpus by split, in the form that `run_experiment` takes."""
    columns = ["title", "text"] if "text_pair" in rows.column_names else ["title"]
    selected = {name: rows.select(chosen) for name, chosen in splits.items()}
    return LoadedData(selected, NAMES, columns, source)


def _read(path: Path) -> Dataset:
    _check(path)
    types = dict.fromkeys(("title", "text", "label"), pa.string())
    table = pyarrow.csv.read_csv(
        path,
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(column_types=types),
    )
    columns = {"text": table["title"].to_pylist()}
    if "text" in table.column_names:
        columns["text_pair"] = table["text"].to_pylist()
    return Dataset.from_dict(
        {**columns, "label": [NAMES.index(label) for label in table["label"].to_pylist()]}
    )


def _check(path: Path) -> None:
    if not path.is_file():
        raise DataError(f"{path} is missing. Give a --data_dir that holds it.")
