"""What a model says of the test texts of a fold, and the folder that keeps it, so that a long benchmark can go on."""

import hashlib
import json
import logging
import sys
import tempfile
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray

import glove_lstm.modeling
import glove_lstm.tokenization
from benchmarks.folds import Fold
from glove_lstm import __version__
from glove_lstm.data.errors import DataError
from glove_lstm.data.glove import GloveVectors, load_glove
from glove_lstm.data.whole_files import whole_file
from glove_lstm.evaluation import baselines
from glove_lstm.evaluation.baselines import BASELINES, GLOVE_BASELINES, predict_with_baseline
from glove_lstm.inference.prediction import predict_logits
from glove_lstm.inference.scores import softmax
from glove_lstm.training import calibration, experiment, ngram_fitting
from glove_lstm.training.arguments import parse_training_run, preset_values
from glove_lstm.training.experiment import joined_texts, run_experiment

logger = logging.getLogger(__name__)

OURS = ("default", "article")
MODELS = (*OURS, "majority", *BASELINES, *GLOVE_BASELINES)
_DIGITS = 5
_OWN_ARGUMENTS = ("--preset", "--seed", "--output_dir", "--glove", "--model_name_or_path")


@dataclass(frozen=True)
class Cell:
    """Predictions for n test texts.

    Attributes:
        labels: What is right.
        predicted: Class indices.
        mistyped: Class indices of the same texts with a tenth of their letters mistyped.
        probabilities: (n, classes), rounded; None of models that have none.
    """

    labels: list[int]
    predicted: list[int]
    mistyped: list[int]
    probabilities: list[list[float]] | None = None

    @property
    def right(self) -> NDArray[np.float64]:
        """1 where the prediction is right, else 0."""
        return (np.array(self.predicted) == np.array(self.labels)).astype(float)

    @property
    def right_mistyped(self) -> NDArray[np.float64]:
        """1 where it is right in spite of the mistakes."""
        return (np.array(self.mistyped) == np.array(self.labels)).astype(float)


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
        made_by = Path(baselines.__file__).read_text(encoding="utf-8")
        return [made_by, self._glove_digest if model in GLOVE_BASELINES else None]

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
            predicted, mistyped = scores.argmax(axis=1), probabilities(fold.mistyped[cell]).argmax(axis=1)
            found[cell] = Cell(
                rows["label"][:], predicted.tolist(), mistyped.tolist(), scores.round(_DIGITS).tolist()
            )
        return found

    def _baseline(self, model: str, fold: Fold) -> dict[str, Cell]:
        # A baseline chooses nothing on validation texts, so it may learn from them too.
        parts = [fold.data.splits[part] for part in ("train", "validation")]
        train = [text for part in parts for text in joined_texts(part)]
        labels = [label for part in parts for label in part["label"][:]]
        tests = {cell: list(joined_texts(rows)) for cell, rows in fold.tests.items()}
        tests |= {f"{cell} mistyped": list(joined_texts(rows)) for cell, rows in fold.mistyped.items()}
        glove = self.glove if model in GLOVE_BASELINES else None
        predicted = predict_with_baseline(model, train, labels, tests, glove)
        return {
            cell: Cell(rows["label"][:], predicted[cell].tolist(), predicted[f"{cell} mistyped"].tolist())
            for cell, rows in fold.tests.items()
        }


class PredictionStore:
    """Predictions in files TASK/MODEL/SEED/FOLD.json; each says of what it was made, and is only used for the same.

    Args:
        folder: May not exist yet.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._code = _code_digest()
        self._told: set[str] = set()

    def read(self, place: Sequence[str], fingerprint: str) -> dict[str, Cell] | None:
        """The predictions in a place, where they have this fingerprint; else None, and a stale file is told of."""
        path = self._path(place)
        if not path.is_file():
            return None
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            cells = {name: Cell(**values) for name, values in found["cells"].items()}
            stale, other_code = found["fingerprint"] != fingerprint, found["code"] != self._code
        except (ValueError, KeyError, TypeError):
            self._tell("%s holds some files that are no predictions: they are made anew.")
            return None
        if stale:
            self._tell("%s holds predictions of other data, settings or versions: they are made anew.")
            return None
        if other_code:
            self._tell(
                "%s holds predictions of other code, which are used; delete the folder to make them anew."
            )
        return cells

    def write(self, place: Sequence[str], fingerprint: str, cells: dict[str, Cell]) -> None:
        """Keep predictions in a place."""
        found = {name: asdict(cell) for name, cell in cells.items()}
        text = json.dumps({"fingerprint": fingerprint, "code": self._code, "cells": found})
        with whole_file(self._path(place)) as part:
            part.write_text(text + "\n", encoding="utf-8")

    def _path(self, place: Sequence[str]) -> Path:
        return self.folder.joinpath(*place[:-1], f"{place[-1]}.json")

    def _tell(self, sentence: str) -> None:
        if sentence not in self._told:
            self._told.add(sentence)
            logger.warning(sentence, self.folder)


def fingerprint(predictor: Predictor, model: str, fold: Fold, seed: int) -> str:
    """A hash of all that decides the predictions, but for our code between two versions."""
    parts = [__version__, model, seed, fold.name, fold.digest, predictor.recipe(model)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _code_digest() -> str:
    """A hash of the files that train and predict: a version's number stays the same while it is worked on."""
    found = hashlib.sha256()
    modules = [
        Path(str(module.__file__))
        for module in (glove_lstm.modeling, glove_lstm.tokenization, experiment, ngram_fitting, calibration)
    ]
    for path in modules:
        for file in sorted(path.parent.glob("*.py")) if path.name == "__init__.py" else [path]:
            found.update(file.name.encode() + file.read_bytes())
    return found.hexdigest()
