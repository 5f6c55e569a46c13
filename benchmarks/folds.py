"""What the benchmark trains and tests on: the folds of each task, and their test texts with errors."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, train_test_split

from benchmarks import corpora
from benchmarks.corpora import Texts
from glove_lstm.data.corruptions import CORRUPTIONS
from glove_lstm.data.errors import DataError
from glove_lstm.data.loading import LoadedData, load_splits
from glove_lstm.data.splits import grouped_stratified_split, near_duplicate_groups
from glove_lstm.evaluation.robustness import perturb

Ints = NDArray[np.int64]

TASKS = ("titles", "recovery", "liar", "cross")
_FOLDS = 5
_VALIDATION = 0.1  # of a fold's training texts, for the temperature
_PARTS = ("text", "text_pair")


@dataclass(frozen=True)
class Fold:
    """One training, and what it is tested on.

    Attributes:
        name: Among the folds of its task.
        data: "train" and "validation".
        tests: The test texts by cell; columns `text`, maybe `text_pair`, and `label`.
        texts: The number of each test text among all test texts of the task, by cell: what two cells share has the
            same number, and is drawn together in a bootstrap.
    """

    name: str
    data: LoadedData
    tests: dict[str, Dataset]
    texts: dict[str, Ints]

    @cached_property
    def corrupted(self) -> dict[str, dict[str, Dataset]]:
        """The tests with errors, by kind of error (`CORRUPTIONS`) and cell; the same for every model."""
        return {
            kind: {cell: _corrupted(kind, rows) for cell, rows in self.tests.items()} for kind in CORRUPTIONS
        }

    @cached_property
    def digest(self) -> str:
        """A hash of all its texts and labels in their order, those with errors too."""
        found = hashlib.sha256(json.dumps(self.data.label_names).encode())
        splits = [self.data.splits, self.tests, *self.corrupted.values()]
        for name, rows in (pair for group in splits for pair in sorted(group.items())):
            found.update(json.dumps([name, len(rows)]).encode())
            for row in rows:
                found.update(json.dumps([row["text"], row.get("text_pair"), row["label"]]).encode())
        return found.hexdigest()


def make_folds(task: str, folder: Path, count: int, *, grouped: bool = False) -> list[Fold]:
    """The folds of a task.

    Args:
        task: Of `TASKS`. "titles" and "recovery" are cross-validated; "liar" has a test set of its own; "cross" trains
            on each of ReCOVery, ISOT and the titles, and tests on the two others and on the first articles of
            fake_or_real_news.
        folder: Laid out as ../shared/data is.
        count: How many of the five folds of titles and recovery.
        grouped: Whether near duplicates stay in one fold of titles and recovery. (LIAR's split is given, and cross
            leaves them out in any case.)

    Raises:
        DataError: Data are missing, or too few.
    """
    if task == "liar":
        return [_liar(folder)]
    if task == "cross":
        return list(_cross(folder))
    texts = {"titles": corpora.titles, "recovery": corpora.recovery}[task](folder).distinct()
    if min(np.bincount(texts.labels, minlength=2)) < 2 * _FOLDS:
        raise DataError(
            f"{folder} has fewer than {2 * _FOLDS} distinct texts of a label for the task {task}."
        )
    return list(islice(_cross_validation(texts, task, grouped), count))


def _cross_validation(texts: Texts, task: str, grouped: bool) -> Iterator[Fold]:
    labels = np.array(texts.labels)
    groups = near_duplicate_groups(texts.joined()) if grouped else None
    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    splitter = kind(_FOLDS, shuffle=True, random_state=0)
    for number, (rows, test) in enumerate(splitter.split(labels, labels, groups), start=1):
        if groups is not None:
            train, validation = _cut(rows, labels, groups)
        else:
            train, validation = train_test_split(
                rows, test_size=_VALIDATION, random_state=0, stratify=labels[rows]
            )
        parts = {"train": train, "validation": validation, "test": test}
        name = str(number)
        yield _fold(name, corpora.as_data(texts, parts, task), {name: np.asarray(test, dtype=np.int64)})


def _fold(name: str, data: LoadedData, texts: dict[str, Ints]) -> Fold:
    """Of data with a "test" split, the test of the only cell."""
    [cell] = texts
    splits = {part: data.splits[part] for part in ("train", "validation")}
    trained = LoadedData(splits, data.label_names, data.text_column_names, data.source)
    return Fold(name, trained, {cell: data.splits["test"]}, texts)


def _liar(folder: Path) -> Fold:
    data = load_splits("liar", data_dir=folder / "liar")
    return _fold("test", data, {"test": np.arange(len(data.splits["test"]))})


def _cross(folder: Path) -> Iterator[Fold]:
    """Nine cells. A test text is left out where the training texts have a near duplicate of it, or of its title."""
    # head.csv holds the articles of the first rows of the titles: those rows train nothing, but are test texts.
    tests = {
        "recovery": corpora.recovery(folder).distinct(),
        "isot": corpora.isot(folder).distinct(),
        "titles": corpora.titles(folder).distinct(),
        "head": corpora.head(folder).distinct(),
    }
    later_titles = corpora.titles(folder, first_row=corpora.HEAD_ROWS).distinct()
    trains = {"recovery": tests["recovery"], "isot": tests["isot"], "titles": later_titles}
    whole, title = _groups([*tests.values(), later_titles])
    where = dict(zip([*tests, "later titles"], _ranges([*tests.values(), later_titles]), strict=True))
    for name, texts in trains.items():
        own = where["later titles" if name == "titles" else name]
        train, validation = _cut(np.arange(len(texts)), np.array(texts.labels), whole[own])
        if not len(train) or not len(validation):
            raise DataError(f"{folder} has too few texts of {name} to train on.")
        data = corpora.as_data(texts, {"train": train, "validation": validation}, name)
        rows, numbers = {}, {}
        for other, test in tests.items():
            if other == name:
                continue
            there = where[other]
            seen = np.isin(whole[there], whole[own]) | np.isin(title[there], title[own])
            kept = np.flatnonzero(~seen)
            if not len(kept):
                raise DataError(f"All texts of {other} in {folder} stand among those of {name}.")
            cell = f"{name}->{other}"
            rows[cell] = corpora.as_data(test, {other: kept}, other).splits[other]
            numbers[cell] = there[kept]
        yield Fold(name, data, rows, numbers)


def _groups(parts: Sequence[Texts]) -> tuple[Ints, Ints]:
    """Groups of near duplicates over several corpora: of whole texts, and of titles."""
    whole = near_duplicate_groups([text for part in parts for text in part.joined()])
    return whole, near_duplicate_groups([title for part in parts for title in part.titles])


def _ranges(parts: Sequence[Texts]) -> list[Ints]:
    """The row numbers of each corpus where all stand one after the other."""
    ends = np.cumsum([len(part) for part in parts])
    return [np.arange(end - len(part), end) for part, end in zip(parts, ends, strict=True)]


def _cut(rows: Ints, labels: Ints, groups: Ints) -> tuple[Ints, Ints]:
    """Training and validation rows; near duplicates on one side."""
    train, validation = grouped_stratified_split(
        labels[rows], groups[rows], [1 - _VALIDATION, _VALIDATION], seed=0
    )
    return rows[train], rows[validation]


def _corrupted(kind: str, rows: Dataset) -> Dataset:
    columns = {name: rows[name][:] for name in rows.column_names if name in {*_PARTS, "label"}}
    for part in _PARTS:
        if part in columns:
            columns[part] = perturb(kind, columns[part], seed=0)
    return Dataset.from_dict(columns)
