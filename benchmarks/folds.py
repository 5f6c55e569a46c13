"""Folds of each task, and their test texts with errors."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from benchmarks import corpora
from benchmarks.corpora import join, joined_texts, select
from benchmarks.corruptions import CORRUPTIONS
from benchmarks.sources import corpora_and_publishers, split_by_source
from benchmarks.splits import grouped_stratified_split
from glove_lstm.evaluation.robustness import perturb
from glove_lstm.splits.splitter import near_duplicate_groups

TASKS = (
    *("titles", "recovery", "liar", *corpora.STANDARD, "left_out", "sources_out"),
    *("provenance_fake", "provenance_real"),
)
FOLDS = 5
_VALIDATION = 0.1  # of a fold's training texts
_MOST = 1_500  # rows of a corpus of the tasks left_out and sources_out


@dataclass(frozen=True, eq=False)
class Fold:
    """The texts of one training, and its tests by cell; tables as benchmarks.corpora describes them.

    Cells of one name in several folds are one cell in the results.
    """

    name: str
    label_names: list[str]
    train: pd.DataFrame
    validation: pd.DataFrame
    every: pd.DataFrame  # both; on left_out also texts that are like those of validation
    tests: dict[str, pd.DataFrame]
    by_source: bool = False  # whether the validation texts have other sources than `train`

    @cached_property
    def digest(self) -> str:
        """A hash of all texts and labels in their order."""
        sha = hashlib.sha256(json.dumps(self.label_names).encode())
        parts = [("train", self.train), ("validation", self.validation)]
        parts += sorted(self.tests.items())
        # The name is that of earlier versions: the hashes of stored results stay the same.
        if len(self.every) > len(self.train) + len(self.validation):
            parts.append(("uncut", self.every))
        for name, rows in parts:
            sha.update(json.dumps([name, len(rows)]).encode())
            bodies = rows["text_pair"] if "text_pair" in rows else [None] * len(rows)
            for row in zip(rows["text"], bodies, rows["label"].tolist(), strict=True):
                sha.update(json.dumps(row).encode())
        return sha.hexdigest()


def make_folds(task: str, folder: Path, count: int = FOLDS) -> list[Fold]:
    """Make the folds of a task; where it is cross-validated, the first `count` (PROTOCOL.md describes them)."""
    if task == "liar":
        return [_given_fold(corpora.liar(folder))]
    if task in corpora.STANDARD:
        return [_given_fold(corpora.standard(folder, task))]
    if task in ("left_out", "sources_out"):
        return list(_unseen_sources(task, folder))
    if task.startswith("provenance"):
        label = task.removeprefix("provenance_").upper()
        texts, names = _provenance(folder, label)
    else:
        texts = corpora.distinct(corpora.read(folder, task))
        names = corpora.NAMES
    return list(islice(_cross_validation(texts, names), count))


def _given_fold(splits: corpora.Splits) -> Fold:
    """Return the only fold of a corpus that has a test split."""
    every = join([splits.train, splits.validation])
    tests = {"test": splits.test}
    return Fold("test", splits.label_names, splits.train, splits.validation, every, tests)


def _cross_validation(texts: pd.DataFrame, label_names: list[str]) -> Iterator[Fold]:
    labels = texts["label"].to_numpy()
    groups = near_duplicate_groups(joined_texts(texts))
    splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    for number, (rows, test) in enumerate(splitter.split(labels, labels, groups), start=1):
        shares = (1 - _VALIDATION, _VALIDATION)
        parts = grouped_stratified_split(labels[rows], groups[rows], shares, seed=0)
        train, validation = (select(texts, rows[part]) for part in parts)
        tests = {str(number): select(texts, test)}
        every = join([train, validation])
        yield Fold(str(number), label_names, train, validation, every, tests)


def _unseen_sources(task: str, folder: Path) -> Iterator[Fold]:
    """Test on corpora, or on publishers of some, of which the training texts hold nothing (PROTOCOL.md)."""
    rows = _training_corpora(folder)
    labels = rows["label"].to_numpy()
    corpus_of, publisher_of = corpora_and_publishers(rows["source"].tolist())
    groups = near_duplicate_groups(joined_texts(rows))
    titles = near_duplicate_groups(rows["text"].tolist())
    if task == "left_out":
        held = {name: np.flatnonzero(corpus_of == name) for name in corpora.LEFT_OUT}
    else:
        held = _publishers_in_turn(labels, corpus_of, publisher_of)
    for name, test in held.items():
        is_hidden = np.isin(publisher_of, publisher_of[test]) & (publisher_of != "")
        is_hidden[test] = True
        others = np.flatnonzero(~is_hidden)
        is_seen = np.isin(groups[test], groups[others]) | np.isin(titles[test], titles[others])
        unseen = test[~is_seen]
        tests = {}
        for corpus in np.unique(corpus_of[unseen]):
            tests[str(corpus)] = select(rows, unseen[corpus_of[unseen] == corpus])

        every = select(rows, others)
        if task == "left_out":
            parts = corpora.hold_out(every)
        else:
            parts = split_by_source(
                every["source"].tolist(), labels[others].tolist(), groups[others], _VALIDATION, 0
            )
        train, validation = (select(every, part) for part in parts)
        if task == "sources_out":
            every = join([train, validation])
        yield Fold(name, corpora.NAMES, train, validation, every, tests, by_source=True)


def _publishers_in_turn(
    labels: NDArray[np.int64], corpus_of: NDArray[np.str_], publisher_of: NDArray[np.str_]
) -> dict[str, NDArray[np.int64]]:
    """Divide the publishers of some corpora into test sets: name -> rows."""
    named = np.flatnonzero(np.isin(corpus_of, corpora.SOURCES_OUT) & (publisher_of != ""))
    splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    parts = splitter.split(named, labels[named], publisher_of[named])
    return {str(number): named[test] for number, (_, test) in enumerate(parts, start=1)}


def _training_corpora(folder: Path) -> pd.DataFrame:
    tables = []
    for name, most in corpora.TRAINING_CORPORA.items():
        tables.append(corpora.corpus(folder, name, min(most, _MOST)))
    return join(tables)


def _provenance(folder: Path, label: str) -> tuple[pd.DataFrame, list[str]]:
    """Return texts of one label, with their corpora as labels, and the names of these.

    What can be told apart may be learned in place of the label.
    """
    rows = _training_corpora(folder)
    rows = select(rows, np.flatnonzero(rows["label"] == corpora.NAMES.index(label)))
    corpus_of, _ = corpora_and_publishers(rows["source"].tolist())
    names, numbers = np.unique(corpus_of, return_inverse=True)
    return rows.assign(label=numbers), names.tolist()


def corrupted(rows: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Return test texts with errors; the same for every model."""
    columns = [name for name in ("text", "text_pair") if name in rows]
    change = CORRUPTIONS[kind]
    return rows.assign(**{name: perturb(change, rows[name].tolist(), seed=0) for name in columns})
