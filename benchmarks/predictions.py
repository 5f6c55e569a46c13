"""Predictions for the test texts of a fold, in files, so that a long benchmark can be resumed."""

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

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
        probabilities: (n, classes), rounded.
    """

    labels: list[int]
    predicted: list[int]
    corrupted: dict[str, list[int]]
    probabilities: list[list[float]]


def predict_fold(predict: Predict, fold: Fold) -> dict[str, Cell]:
    """Classify the tests of a fold, by cell."""
    cells = {}
    for cell, rows in fold.tests.items():
        output = predict(rows)
        classes = output.argmax(axis=1).tolist()
        corrupted = {
            kind: predict(tests[cell]).argmax(axis=1).tolist()
            for kind, tests in fold.corrupted.items()
        }
        scores = output.round(_DIGITS).tolist()
        cells[cell] = Cell(rows["label"][:], classes, corrupted, scores)
    return cells


def join(*cells: Cell) -> Cell:
    """Join the texts of several cells."""
    first, *others = (asdict(cell) for cell in cells)
    for other in others:
        for kind in first["corrupted"]:
            first["corrupted"][kind] += other["corrupted"][kind]
        for name in ("labels", "predicted", "probabilities"):
            first[name] += other[name]
    return Cell(**first)


def read_predictions(
    path: Path, made_of: Mapping[str, Any], sources: str
) -> tuple[dict[str, Cell], dict[str, Any]] | None:
    """Read the predictions of a fold and the record of what made them.

    Args:
        path: The file.
        made_of: Data and options.
        sources: Hash of the source files.

    Returns:
        None if there are none that may be used.
    """
    if not path.is_file():
        return None
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        cells = {name: Cell(**values) for name, values in stored["cells"].items()}
        made_by = stored["made_by"]
        if stored["made_of"] == made_of and made_by["sources"] == sources:
            return cells, made_by
    except (ValueError, KeyError, TypeError):
        pass
    logger.warning("%s is damaged, or of other data, options or sources; it is replaced.", path)
    return None
