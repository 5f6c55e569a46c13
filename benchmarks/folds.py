"""Folds of each task, and their test texts with errors."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np
from datasets import Dataset, concatenate_datasets
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from benchmarks import corpora
from glove_lstm.data.corruptions import CORRUPTIONS
from glove_lstm.data.loading import LoadedData
from glove_lstm.data.sources import split_by_source
from glove_lstm.data.splits import grouped_stratified_split, near_duplicate_groups
from glove_lstm.evaluation.robustness import perturb
from glove_lstm.training.training_texts import joined_texts

Ints = NDArray[np.int64]

STANDARD = ("sst2", "trec", "subj")
TASKS = ("titles", "recovery", "liar", "left_out", *STANDARD)
FOLDS = 5
_VALIDATION = 0.1  # of a fold's training texts
_MOST = 1_500  # rows of a corpus of the task left_out
_LEFT_OUT = (  # corpora with both labels, of outlets first, then of fact-checkers
    *("allsides_partisan_vs_reliable", "leads_breitbart_rt_nyt2017", "onion_vs_nottheonion"),
    *("clef_checkthat2021_22", "gossipcop_titles2018", "coaid2020"),
    *("covid_rumor_news2020", "snopes_claims2020"),
)
_TEXTS = ("text", "text_pair")


@dataclass(frozen=True)
class Fold:
    """One training and its tests.

    Attributes:
        name: Among the folds of its task.
        data: "train" and "validation".
        tests: The test texts by cell; columns `text`, maybe `text_pair`, and `label`.
        texts: The number of each test text among all test texts of the task, by cell. A text of two cells has the
            same number in both, and is drawn together in a bootstrap.
    """

    name: str
    data: LoadedData
    tests: dict[str, Dataset]
    texts: dict[str, Ints]

    @cached_property
    def corrupted(self) -> dict[str, dict[str, Dataset]]:
        """The tests with errors, by kind of error (`CORRUPTIONS`) and cell; the same for every model."""
        return {
            kind: {cell: _corrupted(kind, rows) for cell, rows in self.tests.items()}
            for kind in CORRUPTIONS
        }

    @cached_property
    def digest(self) -> str:
        """A hash of all texts and labels in their order, those with errors too."""
        sha = hashlib.sha256(json.dumps(self.data.label_names).encode())
        parts = [self.data.splits, self.tests, *self.corrupted.values()]
        for name, rows in (pair for part in parts for pair in sorted(part.items())):
            sha.update(json.dumps([name, len(rows)]).encode())
            for row in rows:
                sha.update(json.dumps([row["text"], row.get("text_pair"), row["label"]]).encode())
        return sha.hexdigest()


def make_folds(task: str, folder: Path, count: int = FOLDS) -> list[Fold]:
    """Make the folds of a task.

    Args:
        task: Of `TASKS`. "titles" and "recovery" are cross-validated; "left_out" trains on all
            training corpora but one and tests on that one; the others have test sets of their own.
        folder: Laid out as ../shared/data is.
        count: How many of the five folds of titles and recovery.

    Raises:
        DataError: Data are missing.
    """
    if task in ("liar", *STANDARD):
        data = corpora.liar(folder) if task == "liar" else corpora.standard(folder, task)
        return [_fold("test", data, {"test": np.arange(len(data.splits["test"]))})]
    if task == "left_out":
        return list(_left_out(folder))
    rows = corpora.distinct({"titles": corpora.titles, "recovery": corpora.recovery}[task](folder))
    return list(islice(_cross_validation(rows, task), count))


def _cross_validation(texts: Dataset, task: str) -> Iterator[Fold]:
    labels = np.array(texts["label"])
    groups = near_duplicate_groups(list(joined_texts(texts)))
    splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    for number, (rows, test) in enumerate(splitter.split(labels, labels, groups), start=1):
        train, validation = _cut(rows, labels, groups)
        parts = {"train": train, "validation": validation, "test": test}
        name = str(number)
        yield _fold(name, corpora.as_data(texts, parts, task), {name: test})


def _fold(name: str, data: LoadedData, texts: dict[str, Ints]) -> Fold:
    """Of data with a "test" split, the test of the only cell."""
    [cell] = texts
    splits = {part: data.splits[part] for part in ("train", "validation")}
    trained = LoadedData(splits, data.label_names, data.text_column_names, data.source)
    return Fold(name, trained, {cell: data.splits["test"]}, texts)


def _left_out(folder: Path) -> Iterator[Fold]:
    """Train on all training corpora but one, and test on that one, without texts that the others hold too."""
    rows = {
        name: corpora.corpus(folder, name, min(most, _MOST))
        for name, most in corpora.TRAINING_CORPORA.items()
    }
    first = 0
    for name in _LEFT_OUT:
        others = concatenate_datasets([rows[other] for other in rows if other != name])
        kept = corpora.unseen(rows[name], others)
        groups = near_duplicate_groups(list(joined_texts(others)))
        labels = np.array(others["label"])
        train, validation = split_by_source(
            others["source"][:], labels.tolist(), groups, _VALIDATION, 0, "The training corpora"
        )
        data = corpora.as_data(
            others, {"train": train, "validation": validation}, f"without {name}"
        )
        yield Fold(
            name, data, {name: rows[name].select(kept)}, {name: first + np.arange(len(kept))}
        )
        first += len(kept)


def _cut(rows: Ints, labels: Ints, groups: Ints) -> tuple[Ints, Ints]:
    """Training and validation rows, with near duplicates on one side."""
    train, validation = grouped_stratified_split(
        labels[rows], groups[rows], [1 - _VALIDATION, _VALIDATION], seed=0
    )
    return rows[train], rows[validation]


def _corrupted(kind: str, rows: Dataset) -> Dataset:
    columns = {name: rows[name][:] for name in rows.column_names if name in {*_TEXTS, "label"}}
    for name in columns.keys() & set(_TEXTS):
        columns[name] = perturb(kind, columns[name], seed=0)
    return Dataset.from_dict(columns)
