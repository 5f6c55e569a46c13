"""Folds of each task, and their test texts with errors."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np
from datasets import Dataset, concatenate_datasets
from sklearn.model_selection import StratifiedGroupKFold

from benchmarks import corpora
from glove_lstm.data.loading import LoadedData, load_splits
from glove_lstm.data.sources import split_by_source
from glove_lstm.data.splits import grouped_stratified_split, near_duplicate_groups
from glove_lstm.evaluation.robustness import perturb
from glove_lstm.data.loading import joined_texts

TASKS = (
    *("titles", "recovery", "liar", *corpora.STANDARD, "left_out", "sources_out"),
    *("provenance_fake", "provenance_real"),
)
FOLDS = 5
_VALIDATION = 0.1  # of a fold's training texts
_MOST = 1_500  # rows of a corpus of the tasks left_out and sources_out


@dataclass(frozen=True)
class Fold:
    """One training ("train", "validation", and all its texts in `uncut`) and its tests, by cell.

    Cells of one name in several folds are one cell in the results.
    """

    name: str
    data: LoadedData
    tests: dict[str, Dataset]

    @cached_property
    def digest(self) -> str:
        """A hash of all texts and labels in their order."""
        sha = hashlib.sha256(json.dumps(self.data.label_names).encode())
        splits, uncut = self.data.splits, self.data.uncut
        parts = [*sorted(splits.items()), *sorted(self.tests.items())]
        # On left_out some texts train the second model only.
        if uncut and len(uncut) > sum(map(len, splits.values())):
            parts.append(("uncut", uncut))
        for name, rows in parts:
            sha.update(json.dumps([name, len(rows)]).encode())
            for row in rows:
                sha.update(json.dumps([row["text"], row.get("text_pair"), row["label"]]).encode())
        return sha.hexdigest()


def make_folds(task: str, folder: Path, count: int = FOLDS) -> list[Fold]:
    """Make the folds of a task; where it is cross-validated, the first `count` (docs/benchmarks.md describes them)."""
    if task == "liar":
        return [_fold("test", load_splits("liar", data_dir=folder / "liar"))]
    if task in corpora.STANDARD:
        return [_fold("test", corpora.standard(folder, task))]
    if task in ("left_out", "sources_out"):
        return list(_unseen_sources(task, folder))
    if task.startswith("provenance"):
        data = _provenance(folder, task.rpartition("_")[2].upper())
    else:
        texts = corpora.distinct(corpora.read(folder, task))
        data = corpora.as_data(texts, {"all": range(len(texts))}, task)
    return list(islice(_cross_validation(data), count))


def _cross_validation(data: LoadedData) -> Iterator[Fold]:
    texts = data.splits["all"]
    labels = np.array(texts["label"])
    groups = near_duplicate_groups(list(joined_texts(texts)))
    splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    for number, (rows, test) in enumerate(splitter.split(labels, labels, groups), start=1):
        train, validation = grouped_stratified_split(
            labels[rows], groups[rows], [1 - _VALIDATION, _VALIDATION], seed=0
        )
        parts = {"train": rows[train], "validation": rows[validation], "test": test}
        splits = {name: texts.select(chosen) for name, chosen in parts.items()}
        yield _fold(str(number), replace(data, splits=splits))


def _fold(name: str, data: LoadedData) -> Fold:
    """Of data with a "test" split, the test of the only cell."""
    splits = {part: data.splits[part] for part in ("train", "validation")}
    uncut = concatenate_datasets(list(splits.values()))
    return Fold(name, replace(data, splits=splits, uncut=uncut), {name: data.splits["test"]})


def _unseen_sources(task: str, folder: Path) -> Iterator[Fold]:
    """Test on corpora, or on publishers of some, of which the training texts hold nothing (docs/benchmarks.md)."""
    rows = _training_corpora(folder)
    labels = np.array(rows["label"])
    names = [source.partition("/") for source in rows["source"]]
    corpus_of, publisher_of = (np.array([name[part] for name in names]) for part in (0, 2))
    groups = near_duplicate_groups(list(joined_texts(rows)))
    titles = near_duplicate_groups(rows["text"][:])
    if task == "left_out":
        held = {name: np.flatnonzero(corpus_of == name) for name in corpora.LEFT_OUT}
    else:
        named = np.flatnonzero(np.isin(corpus_of, corpora.SOURCES_OUT) & (publisher_of != ""))
        splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
        parts = splitter.split(named, labels[named], publisher_of[named])
        held = {str(number): named[test] for number, (_, test) in enumerate(parts, start=1)}
    for name, test in held.items():
        hidden = np.isin(publisher_of, publisher_of[test]) & (publisher_of != "")
        hidden[test] = True
        others = np.flatnonzero(~hidden)
        seen = np.isin(groups[test], groups[others]) | np.isin(titles[test], titles[others])
        kept = test[~seen]
        training = rows.select(others)
        if task == "left_out":
            cut = list(corpora.held_out(training))
        else:
            sources, numbers = training["source"][:], training["label"][:]
            cut = split_by_source(sources, numbers, groups[others], _VALIDATION, 0, "The corpora")
        splits = dict(zip(("train", "validation"), cut, strict=True))
        data = corpora.as_data(training, splits, f"without {name}")
        both = concatenate_datasets(list(data.splits.values()))  # on left_out, not all texts
        data = replace(data, uncut=training if task == "left_out" else both)
        corpora_here = np.unique(corpus_of[kept])
        tests = {str(one): rows.select(kept[corpus_of[kept] == one]) for one in corpora_here}
        yield Fold(name, data, tests)


def _training_corpora(folder: Path) -> Dataset:
    sizes = corpora.TRAINING_CORPORA.items()
    parts = [corpora.corpus(folder, name, min(most, _MOST)) for name, most in sizes]
    return concatenate_datasets(parts)


def _provenance(folder: Path, label: str) -> LoadedData:
    """Texts of one label, with their corpora as labels: what can be told apart may be learned in place of the label."""
    rows = _training_corpora(folder)
    rows = rows.select(np.flatnonzero(np.array(rows["label"]) == corpora.NAMES.index(label)))
    corpus_of = [source.partition("/")[0] for source in rows["source"]]
    names, numbers = np.unique(corpus_of, return_inverse=True)
    rows = rows.remove_columns("label").add_column("label", numbers.tolist())
    return LoadedData({"all": rows}, names.tolist(), ["title", "text"], f"{label} texts")


def corrupted(rows: Dataset, kind: str) -> Dataset:
    """Return test texts with errors; the same for every model."""
    texts = {name: rows[name][:] for name in ("text", "text_pair") if name in rows.column_names}
    changed = {name: perturb(kind, column, seed=0) for name, column in texts.items()}
    return Dataset.from_dict({**changed, "label": rows["label"][:]})
