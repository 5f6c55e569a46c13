"""What a model says of the test texts of a fold, and the folder that keeps it, so that a long benchmark can go on."""

import hashlib
import json
import logging
import sys
import tempfile
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset, concatenate_datasets
from numpy.typing import NDArray

import benchmarks
import glove_lstm.data
import glove_lstm.modeling
import glove_lstm.tokenization
import glove_lstm.training
from benchmarks.folds import Fold
from glove_lstm.data.errors import DataError
from glove_lstm.data.glove import GloveVectors, load_glove
from glove_lstm.data.typos import training_typos
from glove_lstm.data.whole_files import whole_file
from glove_lstm.evaluation import baselines, robustness
from glove_lstm.evaluation.baselines import BASELINES, COPIES, GLOVE_BASELINES, predict_with_baseline
from glove_lstm.inference import prediction
from glove_lstm.inference.prediction import predict_logits
from glove_lstm.inference.scores import softmax
from glove_lstm.training import experiment
from glove_lstm.training.arguments import parse_training_run, preset_values
from glove_lstm.training.experiment import run_experiment
from glove_lstm.training.training_texts import joined_texts

logger = logging.getLogger(__name__)

OURS = ("default", "article")
MODELS = (
    *OURS,
    "majority",
    *(f"{name}{copies}" for name in (*BASELINES, *GLOVE_BASELINES) for copies in ("", COPIES)),
)
_DIGITS = 5
_COPIES_SEED, _COPIES_SHARE = 42, 0.1  # of the first run of `default`
_OWN_ARGUMENTS = ("--preset", "--seed", "--output_dir", "--glove", "--model_name_or_path")


@dataclass(frozen=True)
class Cell:
    """Predictions for n test texts.

    Attributes:
        labels: What is right.
        predicted: Class indices.
        corrupted: Class indices of the same texts with errors, by kind of error.
        probabilities: (n, classes), rounded; None of models that have none.
    """

    labels: list[int]
    predicted: list[int]
    corrupted: dict[str, list[int]]
    probabilities: list[list[float]] | None = None

    @property
    def right(self) -> NDArray[np.float64]:
        """1 where the prediction is right, else 0."""
        return (np.array(self.predicted) == np.array(self.labels)).astype(float)

    def right_corrupted(self, kind: str) -> NDArray[np.float64]:
        """1 where it is right in spite of errors of a kind."""
        return (np.array(self.corrupted[kind]) == np.array(self.labels)).astype(float)


@dataclass(frozen=True)
class Predictor:
    """Fits models, each anew for a fold.

    Attributes:
        glove_name: A name or a file; read when a model needs it.
        arguments: Of `train.py`, over the values of our presets.
    """

    glove_name: str
    arguments: Sequence[str] = ()

    def check(self) -> None:
        """Refuse arguments before anything is trained.

        Raises:
            DataError: An argument is unknown, or is the benchmark's own.
        """
        said = {word.partition("=")[0] for word in self.arguments}
        for name in _OWN_ARGUMENTS:
            if name in said:
                raise DataError(f"{name} cannot be given here: the benchmark chooses it.")
        for model in OURS:
            parse_training_run(["--preset", model, *self.arguments])

    @cached_property
    def glove(self) -> GloveVectors:
        """The word vectors."""
        return load_glove(self.glove_name)

    def predict(self, model: str, fold: Fold, seed: int) -> dict[str, Cell]:
        """Fit a model on a fold, and classify its tests: cell -> predictions."""
        return self._ours(model, fold, seed) if model in OURS else self._baseline(model, fold)

    def recipe(self, model: str) -> Any:
        """What decides the predictions beside the fold and the seed."""
        if model in OURS:
            return [preset_values(model), list(self.arguments), self._glove_digest]
        return self._glove_digest if model.removesuffix(COPIES) in GLOVE_BASELINES else None

    @cached_property
    def _glove_digest(self) -> str:
        found = hashlib.sha256("\n".join(self.glove.words).encode())
        found.update(np.ascontiguousarray(self.glove.vectors).data)
        return found.hexdigest()

    def _ours(self, model: str, fold: Fold, seed: int) -> dict[str, Cell]:
        # Without its bar the Trainer prints; standard output is the table's.
        with tempfile.TemporaryDirectory() as scratch, redirect_stdout(sys.stderr):
            argv = ["--preset", model, *self.arguments, "--seed", str(seed), "--output_dir", scratch]
            argv += ["--disable_tqdm", "True"]
            trained = run_experiment(parse_training_run(argv), fold.data, self.glove)

        def probabilities(rows: Dataset) -> NDArray[np.float64]:
            bodies = rows["text_pair"][:] if "text_pair" in rows.column_names else None
            return softmax(predict_logits(trained.model, trained.tokenizer, rows["text"][:], bodies))

        found = {}
        for cell, rows in fold.tests.items():
            scores = probabilities(rows)
            corrupted = {
                kind: probabilities(by_cell[cell]).argmax(axis=1).tolist()
                for kind, by_cell in fold.corrupted.items()
            }
            predicted = scores.argmax(axis=1).tolist()
            found[cell] = Cell(rows["label"][:], predicted, corrupted, scores.round(_DIGITS).tolist())
        return found

    def _baseline(self, model: str, fold: Fold) -> dict[str, Cell]:
        train, labels = training_texts(fold, copies=model.endswith(COPIES))
        tests = {f"{cell}": list(joined_texts(rows)) for cell, rows in fold.tests.items()}
        for kind, by_cell in fold.corrupted.items():
            tests |= {f"{kind} {cell}": list(joined_texts(rows)) for cell, rows in by_cell.items()}
        name = model.removesuffix(COPIES)
        glove = self.glove if name in GLOVE_BASELINES else None
        found = predict_with_baseline(name, train, labels, tests, glove)
        return {
            cell: Cell(
                rows["label"][:],
                found[cell].tolist(),
                {kind: found[f"{kind} {cell}"].tolist() for kind in fold.corrupted},
            )
            for cell, rows in fold.tests.items()
        }


def training_texts(fold: Fold, *, copies: bool) -> tuple[list[str], list[int]]:
    """What a baseline is fitted on.

    A baseline chooses nothing on validation texts, so it learns from them too, as the n-gram classifier of `default`
    does in its last fit.

    Args:
        fold: Its training and validation texts.
        copies: Whether to add the mistyped copies that the n-gram classifier of `default` learns from.

    Returns:
        Texts and their class indices.
    """
    rows = concatenate_datasets([fold.data.splits["train"], fold.data.splits["validation"]])
    parts = [rows]
    for copy in range(experiment.COPIES if copies else 0):
        columns = {
            name: [
                training_typos(text, f"{_COPIES_SEED} 0 {index} {name} {copy}", _COPIES_SHARE)
                for index, text in enumerate(rows[name])
            ]
            for name in ("text", "text_pair")
            if name in rows.column_names
        }
        parts.append(Dataset.from_dict(columns))
    return [text for part in parts for text in joined_texts(part)], rows["label"][:] * len(parts)


class PredictionStore:
    """Predictions in files TASK/MODEL/SEED/FOLD.json; each says of what it was made, and is only used for the same.

    Args:
        folder: May not exist yet.
        reuse_other_sources: Whether predictions that other sources made of the same data and options are used.
    """

    def __init__(self, folder: Path, *, reuse_other_sources: bool = False) -> None:
        self.folder = folder
        self._reuse_other_sources = reuse_other_sources
        self._told: set[str] = set()

    def read(
        self, place: Sequence[str], fingerprint: str, sources: str
    ) -> tuple[dict[str, Cell], str] | None:
        """The predictions in a place and the sources that made them.

        Returns:
            None where there are none, or none of this fingerprint and these sources; a warning says which.
        """
        path = self._path(place)
        if not path.is_file():
            return None
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            cells = {name: Cell(**values) for name, values in found["cells"].items()}
            made_of, made_by = found["fingerprint"], found["sources"]
        except (ValueError, KeyError, TypeError):
            self._tell("%s holds some files that are no predictions: they are made anew.")
            return None
        if made_of != fingerprint:
            self._tell("%s holds predictions of other data or settings: they are made anew.")
            return None
        if made_by != sources and not self._reuse_other_sources:
            self._tell(
                "%s holds predictions of other sources: they are made anew. Use them by --reuse_other_sources."
            )
            return None
        return cells, made_by

    def write(self, place: Sequence[str], fingerprint: str, sources: str, cells: dict[str, Cell]) -> None:
        """Keep predictions in a place."""
        found = {name: asdict(cell) for name, cell in cells.items()}
        text = json.dumps({"fingerprint": fingerprint, "sources": sources, "cells": found})
        with whole_file(self._path(place)) as part:
            part.write_text(text + "\n", encoding="utf-8")

    def _path(self, place: Sequence[str]) -> Path:
        return self.folder.joinpath(*place[:-1], f"{place[-1]}.json")

    def _tell(self, sentence: str) -> None:
        if sentence not in self._told:
            self._told.add(sentence)
            logger.warning(sentence, self.folder)


def fingerprint(predictor: Predictor, model: str, fold: Fold, seed: int) -> str:
    """A hash of all that decides the predictions, but for our sources."""
    parts = [model, seed, fold.name, fold.digest, predictor.recipe(model)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@cache
def sources_of(model: str) -> str:
    """A hash of our files that decide a model's predictions; baselines do without the network's."""
    rooms = [glove_lstm.data, glove_lstm.tokenization, benchmarks]
    rooms += [glove_lstm.modeling, glove_lstm.training] if model in OURS else []
    modules = [robustness, prediction] if model in OURS else [robustness, baselines]
    files = [file for room in rooms for file in Path(str(room.__file__)).parent.glob("*.py")]
    found = hashlib.sha256()
    for file in sorted([*files, *(Path(str(module.__file__)) for module in modules)]):
        found.update(f"{file.parent.name}/{file.name}\n".encode() + file.read_bytes())
    return found.hexdigest()
