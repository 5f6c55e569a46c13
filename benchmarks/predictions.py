"""Predictions for the test texts of a fold, in files, so that a long benchmark can be resumed."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from benchmarks.folds import Fold
from benchmarks.models import Predict

logger = logging.getLogger("glove_lstm.benchmarks")

_DIGITS = 5


@dataclass(frozen=True)
class Cell:
    """Predictions for n test texts.

    Attributes:
        labels: The right class indices.
        predicted: Class indices.
        corrupted: Class indices of the same texts with errors, by kind of error.
        probabilities: (n, classes), rounded; None of models that have none.
    """

    labels: list[int]
    predicted: list[int]
    corrupted: dict[str, list[int]]
    probabilities: list[list[float]] | None = None


def predict_fold(predict: Predict, fold: Fold) -> dict[str, Cell]:
    """Classify the tests of a fold, by cell."""
    cells = {}
    for cell, rows in fold.tests.items():
        output = predict(rows)
        corrupted = {kind: _classes(predict(tests[cell])) for kind, tests in fold.corrupted.items()}
        probabilities = output.round(_DIGITS).tolist() if output.ndim == 2 else None
        cells[cell] = Cell(rows["label"][:], _classes(output), corrupted, probabilities)
    return cells


def _classes(output: NDArray[Any]) -> list[int]:
    return (output.argmax(axis=1) if output.ndim == 2 else output).tolist()


def read_predictions(
    path: Path, made_of: Mapping[str, Any], sources: str | None
) -> tuple[dict[str, Cell], dict[str, Any]] | None:
    """Read the predictions of a fold and the record of what made them.

    Args:
        path: The file.
        made_of: Data and options.
        sources: Hash of the source files; None allows any.

    Returns:
        None if there are none that may be used.
    """
    if not path.is_file():
        return None
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        cells = {name: Cell(**values) for name, values in stored["cells"].items()}
        made_by = stored["made_by"]
        if stored["made_of"] == made_of and sources in (None, made_by["sources"]):
            return cells, made_by
    except (ValueError, KeyError, TypeError):
        pass
    logger.warning("%s is damaged, or of other data, options or sources; it is replaced.", path)
    return None
