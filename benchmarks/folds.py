"""Folds of each task."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import corpora
from benchmarks.corpora import join, select
from glove_lstm.errors import DataError

TASKS = ("titles", "recovery", "liar", *corpora.STANDARD, "reviews_zh")
FOLDS = 5
# Task -> fold -> a digit for each text: 0 it trains, 1 it validates, 2 it tests. Stored, so that rows of different
# versions of the code are of the same texts; PROTOCOL.md says how they were made.
DIVISIONS = Path(__file__).with_name("folds.json")


@dataclass(frozen=True, eq=False)
class Fold:
    """The texts of one training, and its test texts; tables as benchmarks.corpora describes them."""

    name: str
    label_names: list[str]
    train: pd.DataFrame
    validation: pd.DataFrame
    test: pd.DataFrame

    @property
    def every(self) -> pd.DataFrame:
        """The texts that train and those that validate."""
        return join([self.train, self.validation])

    @cached_property
    def digest(self) -> str:
        """A hash of all texts and labels in their order."""
        sha = hashlib.sha256(json.dumps(self.label_names).encode())
        parts = [("train", self.train), ("validation", self.validation), (self.name, self.test)]
        for name, rows in parts:
            sha.update(json.dumps([name, len(rows)]).encode())
            bodies = rows["text_pair"] if "text_pair" in rows else [None] * len(rows)
            for row in zip(rows["text"], bodies, rows["label"].tolist(), strict=True):
                sha.update(json.dumps(row).encode())
        return sha.hexdigest()


def make_folds(task: str, folder: Path, count: int = FOLDS) -> list[Fold]:
    """Make the folds of a task; where it is cross-validated, the first `count`."""
    if task in ("titles", "recovery"):
        rows = corpora.distinct(corpora.read(folder, task))
        divisions = _divisions(task)[:count]
        return [
            Fold(str(number), corpora.NAMES, *_divide(rows, division))
            for number, division in enumerate(divisions, start=1)
        ]
    if task == "liar":
        splits = corpora.liar(folder)
        return [Fold("test", splits.label_names, splits.train, splits.validation, splits.test)]
    if task == "reviews_zh":
        every = corpora.chinese_reviews(folder, "train")
        is_validation = np.arange(len(every)) % 10 == 0
        train, validation = (
            select(every, np.flatnonzero(rows)) for rows in (~is_validation, is_validation)
        )
        test = corpora.chinese_reviews(folder, "test")
        return [Fold("test", corpora.REVIEW_NAMES, train, validation, test)]
    tables = corpora.standard(folder, task)
    names = [str(label) for label in sorted(set(tables["train"]["label"]))]
    if "validation" not in tables:
        [division] = _divisions(task)
        train, validation, test = _divide(tables["train"], division)
        tables = {"test": test, **tables, "train": train, "validation": validation}
    return [Fold("test", names, tables["train"], tables["validation"], tables["test"])]


def _divisions(task: str) -> list[str]:
    return json.loads(DIVISIONS.read_text(encoding="utf-8"))[task]


def _divide(rows: pd.DataFrame, division: str) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    if len(rows) != len(division):
        raise DataError(
            f"{DIVISIONS} divides {len(division):,} texts, but the data folder has {len(rows):,}: give the corpora "
            "that PROTOCOL.md describes."
        )
    parts = np.array(list(division))
    train, validation, test = (select(rows, np.flatnonzero(parts == part)) for part in "012")
    return train, validation, test
