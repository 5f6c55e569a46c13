"""Corpora of a data folder (`--data_dir`), as tables.

Their columns are `text`, `text_pair` (the bodies of articles; "" where a text has none) and `label` (a number).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from glove_lstm.tables.examples import Examples
from glove_lstm.tables.load import Rows, load_splits

NAMES = ["FAKE", "REAL"]
REVIEW_NAMES = ["neg", "pos"]  # of Chinese reviews
# "WASHINGTON (Reuters) - ", "PARIS/LONDON (Reuters) - ": in every REAL article of ISOT and in no FAKE one.
_DATELINE = re.compile(r"^.{0,120}?\(Reuters\)\s*[-\u2013\u2014]+\s*", re.DOTALL)
_FILES = {
    "titles": "fake_or_real_news/titles.csv",
    "head": "fake_or_real_news/head.csv",
    "recovery": "recovery/recovery.csv.gz",
    "isot": "isot/isot.csv.gz",
}
STANDARD = {  # task -> split -> file
    "sst2": {
        "train": "stsa.binary.train",
        "validation": "stsa.binary.dev",
        "test": "stsa.binary.test",
    },
    "trec": {"train": "TREC.train.all", "test": "TREC.test.all"},
    "subj": {"train": "subj.all"},
}


@dataclass(frozen=True, eq=False)
class Splits:
    """The training, validation and test texts of a corpus."""

    label_names: list[str]
    train: pd.DataFrame
    validation: pd.DataFrame
    test: pd.DataFrame


def joined_texts(rows: pd.DataFrame) -> list[str]:
    """Return each row as one text, as the tokenizer reads a title and its body."""
    texts = rows["text"].tolist()
    if "text_pair" not in rows:
        return texts
    bodies = rows["text_pair"].tolist()
    return [f"{text} {body}" for text, body in zip(texts, bodies, strict=True)]


def select(rows: pd.DataFrame, numbers: Sequence[int] | NDArray[np.int64]) -> pd.DataFrame:
    """Return some rows, numbered anew."""
    return rows.iloc[numbers].reset_index(drop=True)


def join(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return the rows of all tables, which have the same columns."""
    return pd.concat(tables, ignore_index=True)


def labelled_texts(rows: pd.DataFrame, label_names: list[str]) -> Examples:
    """Return rows with their texts joined."""
    return Examples(joined_texts(rows), rows["label"].to_numpy(), label_names)


def named_labels(texts: Examples) -> list[str]:
    """Return the name of each text's label."""
    return [texts.label_names[label] for label in texts.labels]


def distinct(rows: pd.DataFrame) -> pd.DataFrame:
    """Drop rows whose body (title, for titles) is empty or repeats an earlier one, white space aside."""
    texts = rows["text_pair" if "text_pair" in rows else "text"]
    folded = pd.Series([" ".join(text.split()) for text in texts])
    return select(rows, np.flatnonzero(~folded.duplicated() & (folded != "")))


def read_table(path: Path) -> pd.DataFrame:
    """Read a CSV file whose cells are all texts."""
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def read(folder: Path, name: str) -> pd.DataFrame:
    """Read a file of one source: titles or first articles ("head") of fake_or_real_news, ReCOVery, or ISOT."""
    names = {"text": "text_pair", "title": "text"}
    table = read_table(folder / _FILES[name]).rename(columns=names)
    table["label"] = table["label"].map(NAMES.index)
    return table[[column for column in ("text", "text_pair", "label") if column in table]]


def isot(folder: Path) -> pd.DataFrame:
    """A sample of ISOT, without datelines."""
    rows = read(folder, "isot")
    bodies = [_DATELINE.sub("", body) for body in rows["text_pair"]]
    return rows.assign(text_pair=bodies)


def liar(folder: Path, config: str | None = None) -> Splits:
    """LIAR, with six labels, or with `config` "two" with two."""
    data = load_splits("liar", config, data_files=folder / "liar")

    def table(rows: Rows) -> pd.DataFrame:
        labels = [data.label_names.index(label) for label in rows.labels]
        return pd.DataFrame({"text": rows.texts, "label": labels})

    parts = (table(data.splits[split]) for split in ("train", "validation", "test"))
    return Splits(data.label_names, *parts)


def standard(folder: Path, name: str) -> dict[str, pd.DataFrame]:
    """Read the files of SST-2, TREC or SUBJ, one text a line after its label, by split."""
    encoding = "utf-8" if name == "sst2" else "latin-1"
    tables = {}
    for split, file in STANDARD[name].items():
        text = (folder / "standard" / file).read_text(encoding=encoding)
        lines = [line.split(" ", 1) for line in text.strip("\n").split("\n")]
        tables[split] = pd.DataFrame(
            {"text": [text for _, text in lines], "label": [int(label) for label, _ in lines]}
        )
    return tables


def chinese_reviews(folder: Path, split: str) -> pd.DataFrame:
    """Reviews in Chinese, with two labels; `split` is train or test."""
    table = read_table(folder / "languages" / f"reviews_zh.{split}.csv.gz")
    return pd.DataFrame({"text": table["text"], "label": table["label"].map(REVIEW_NAMES.index)})
