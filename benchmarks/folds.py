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
from glove_lstm.data.loading import LoadedData, joined_texts, load_splits
from glove_lstm.data.sources import split_by_source
from glove_lstm.data.splits import grouped_stratified_split, near_duplicate_groups
from glove_lstm.evaluation.robustness import perturb
from glove_lstm.training.held_out import HeldOut
from glove_lstm.training.labelled_texts import LabelledTexts

TASKS = (
    *("titles", "recovery", "liar", *corpora.STANDARD, "left_out", "sources_out"),
    *("provenance_fake", "provenance_real"),
)
FOLDS = 5
_VALIDATION = 0.1  # of a fold's training texts
_MOST = 1_500  # rows of a corpus of the tasks left_out and sources_out


@dataclass(frozen=True)
class Fold:
    """The texts of one training, and its tests by cell.

    The columns of `training` and of the tests are `text`, perhaps `text_pair`, `label`, an index into `label_names`,
    and perhaps `source`. Cells of one name in several folds are one cell in the results.
    """

    name: str
    label_names: list[str]
    training: Dataset  # all training texts
    held_out: HeldOut  # rows of them that train a first model, and rows that validate it
    tests: dict[str, Dataset]

    @cached_property
    def texts(self) -> LabelledTexts:
        """All training texts, as `fit` takes them."""
        return corpora.labelled_texts(self.training, self.label_names)

    @cached_property
    def digest(self) -> str:
        """A hash of all texts and labels in their order."""
        sha = hashlib.sha256(json.dumps(self.label_names).encode())
        train = self.training.select(self.held_out.train)
        validation = self.training.select(self.held_out.validation)
        parts = [("train", train), ("validation", validation), *sorted(self.tests.items())]
        # On left_out some texts train the final model only. The name is that of earlier versions: the hashes of stored
        # results stay the same.
        if len(self.training) > len(train) + len(validation):
            parts.append(("uncut", self.training))
        for name, rows in parts:
            sha.update(json.dumps([name, len(rows)]).encode())
            for row in rows:
                sha.update(json.dumps([row["text"], row.get("text_pair"), row["label"]]).encode())
        return sha.hexdigest()


def make_folds(task: str, folder: Path, count: int = FOLDS) -> list[Fold]:
    """Make the folds of a task; where it is cross-validated, the first `count` (PROTOCOL.md describes them)."""
    if task == "liar":
        return [_given_fold(load_splits("liar", data_dir=folder / "liar"))]
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


def _given_fold(data: LoadedData) -> Fold:
    """The only fold of data that have a test split."""
    splits = data.splits
    tests = {"test": splits["test"]}
    return _fold("test", data.label_names, splits["train"], splits["validation"], tests)


def _fold(
    name: str,
    label_names: list[str],
    train: Dataset,
    validation: Dataset,
    tests: dict[str, Dataset],
) -> Fold:
    """Join the texts of the first model and those that validate it."""
    training = concatenate_datasets([train, validation])
    rows = np.arange(len(training))
    held_out = HeldOut(rows[: len(train)], rows[len(train) :])
    return Fold(name, label_names, training, held_out, tests)


def _cross_validation(texts: Dataset, label_names: list[str]) -> Iterator[Fold]:
    labels = np.array(texts["label"])
    groups = near_duplicate_groups(list(joined_texts(texts)))
    splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    for number, (rows, test) in enumerate(splitter.split(labels, labels, groups), start=1):
        train, validation = grouped_stratified_split(
            labels[rows], groups[rows], [1 - _VALIDATION, _VALIDATION], seed=0
        )
        yield _fold(
            str(number),
            label_names,
            texts.select(rows[train]),
            texts.select(rows[validation]),
            {str(number): texts.select(test)},
        )


def _unseen_sources(task: str, folder: Path) -> Iterator[Fold]:
    """Test on corpora, or on publishers of some, of which the training texts hold nothing (PROTOCOL.md)."""
    rows = _training_corpora(folder)
    labels = np.array(rows["label"])
    corpus_of, publisher_of = _corpora_and_publishers(rows)
    groups = near_duplicate_groups(list(joined_texts(rows)))
    titles = near_duplicate_groups(rows["text"][:])
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
            tests[str(corpus)] = rows.select(unseen[corpus_of[unseen] == corpus])

        training = rows.select(others)
        if task == "left_out":
            yield Fold(name, corpora.NAMES, training, corpora.hold_out(training), tests)
            continue
        train, validation = split_by_source(
            training["source"][:],
            training["label"][:],
            groups[others],
            _VALIDATION,
            0,
            "The corpora",
        )
        yield _fold(name, corpora.NAMES, training.select(train), training.select(validation), tests)


def _corpora_and_publishers(rows: Dataset) -> tuple[NDArray[np.str_], NDArray[np.str_]]:
    """Return the corpus and the publisher of each row; without a publisher, an empty string."""
    parts = np.array([source.partition("/") for source in rows["source"]])
    return parts[:, 0], parts[:, 2]


def _publishers_in_turn(
    labels: NDArray[np.int64], corpus_of: NDArray[np.str_], publisher_of: NDArray[np.str_]
) -> dict[str, NDArray[np.int64]]:
    """Divide the publishers of some corpora into test sets: name -> rows."""
    named = np.flatnonzero(np.isin(corpus_of, corpora.SOURCES_OUT) & (publisher_of != ""))
    splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    parts = splitter.split(named, labels[named], publisher_of[named])
    return {str(number): named[test] for number, (_, test) in enumerate(parts, start=1)}


def _training_corpora(folder: Path) -> Dataset:
    parts = []
    for name, most in corpora.TRAINING_CORPORA.items():
        parts.append(corpora.corpus(folder, name, min(most, _MOST)))
    return concatenate_datasets(parts)


def _provenance(folder: Path, label: str) -> tuple[Dataset, list[str]]:
    """Return texts of one label, with their corpora as labels, and the names of these.

    What can be told apart may be learned in place of the label.
    """
    rows = _training_corpora(folder)
    rows = rows.select(np.flatnonzero(np.array(rows["label"]) == corpora.NAMES.index(label)))
    corpus_of, _ = _corpora_and_publishers(rows)
    names, numbers = np.unique(corpus_of, return_inverse=True)
    rows = rows.remove_columns("label").add_column("label", numbers.tolist())
    return rows, names.tolist()


def corrupted(rows: Dataset, kind: str) -> Dataset:
    """Return test texts with errors; the same for every model."""
    texts = {name: rows[name][:] for name in ("text", "text_pair") if name in rows.column_names}
    changed = {name: perturb(kind, column, seed=0) for name, column in texts.items()}
    return Dataset.from_dict({**changed, "label": rows["label"][:]})
