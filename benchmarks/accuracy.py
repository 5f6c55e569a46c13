r"""Accuracy of our presets beside other models, on the same folds.

python -m benchmarks.accuracy --task titles --folds 2 --data_dir ../shared/data --glove GLOVE_FILE --json titles.json
python -m benchmarks.accuracy --models default --data_dir ../shared/data --glove GLOVE_FILE --seeds 3 \
    --json benchmarks/results/accuracy.json

docs/benchmarks.md describes the tasks, the models and the protocol. Arguments of train.py, such as
--num_train_epochs 1, may follow: they hold for our presets.

Models and tasks that are not measured keep their figures in the file. Predictions are kept fold by fold in a folder
beside it (accuracy.json: accuracy.predictions/), so that an interrupted run is resumed. The name of a file is a hash
of the data, the options and the sources.

The results are task -> model -> measure -> {"mean", "low", "high", "folds"}: the mean over the cells, its bootstrap
interval over the texts, and each cell's value. A cell is a fold; of the tasks left_out and sources_out, a test corpus.
"right" has, by cell and seed, a bit for each text, in hexadecimal digits: models are compared by these.
"""

import hashlib
import json
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import reduce
from itertools import product
from pathlib import Path
from typing import Any

import datasets
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import recall_score, roc_auc_score
from tqdm import tqdm

from benchmarks.comparisons import compare, pack, texts_of
from benchmarks.folds import FOLDS, TASKS, Fold, make_folds
from benchmarks.models import FIRST_SEED, MODELS, OURS, Predict, Settings, model_sources
from benchmarks.records import benchmark_parser, read_results, record, write_json
from benchmarks.tables import Results, accuracy_table
from glove_lstm.commands.command import run_command
from glove_lstm.evaluation.metrics import expected_calibration_error
from glove_lstm.evaluation.paired import mean_of_cells

_DIGITS = 5  # of probabilities


@dataclass(frozen=True)
class Cell:
    """Predictions for n test texts.

    Attributes:
        labels: The right class indices.
        corrupted: Predicted class indices of the texts with errors, by kind of error.
        probabilities: (n, classes), rounded.
    """

    labels: list[int]
    corrupted: dict[str, list[int]]
    probabilities: list[list[float]]

    def right(self, kind: str | None = None) -> NDArray[np.bool_]:
        """Whether each text was classified correctly, as it is or with errors of a kind."""
        predicted = self.corrupted[kind] if kind else np.argmax(self.probabilities, axis=1)
        return np.array(predicted) == np.array(self.labels)

    def joined(self, other: "Cell") -> "Cell":
        """Append the texts of another cell."""
        kinds = self.corrupted
        corrupted = {kind: kinds[kind] + other.corrupted[kind] for kind in kinds}
        scores = self.probabilities + other.probabilities
        return Cell(self.labels + other.labels, corrupted, scores)


Runs = list[dict[str, Cell]]  # by seed


def measure(args: Namespace, arguments: Sequence[str] = ()) -> Results:
    """Measure models; predictions of an earlier run with the same data, options and sources are used.

    Raises:
        DataError: An argument that is refused, or data that are missing.
    """
    settings = Settings(args.glove, arguments)
    results: Results = read_results(args.json)
    for task in args.task:
        folds = make_folds(task, args.data_dir, args.folds)
        for model in (model for model in MODELS if model in args.models):
            folder = args.json.with_suffix(".predictions") / task / model
            runs, origin = _runs(model, folds, settings, folder, args)
            rows = {**results.get(task, {}), model: {**_measures(runs), **origin}}
            results[task] = {name: rows[name] for name in MODELS if name in rows}
            write_json(args.json, results)
    compare(results)
    write_json(args.json, results)
    return results


def _runs(
    model: str, folds: Sequence[Fold], settings: Settings, folder: Path, args: Namespace
) -> tuple[Runs, dict[str, Any]]:
    """Predictions, stored in a folder by seed and fold; and what they were made of and by."""
    made_by = record(*model_sources(model))
    options = settings.options(model)
    count = args.seeds if model in OURS else 1  # the others have no chance
    runs: dict[int, dict[str, Cell]] = {FIRST_SEED + number: {} for number in range(count)}
    for seed, fold in tqdm(list(product(runs, folds)), desc=model, unit="fold"):
        made_of = json.dumps([fold.digest, options, seed, args.corrupted, made_by["sources"]])
        path = folder / f"{hashlib.sha256(made_of.encode()).hexdigest()}.json"
        if not path.exists():
            predict = MODELS[model](fold, seed, settings)
            cells = _predict(predict, fold, corrupted=args.corrupted)
            write_json(path, {name: asdict(cell) for name, cell in cells.items()}, indent=None)
        for name, stored in json.loads(path.read_text(encoding="utf-8")).items():
            cell, run = Cell(**stored), runs[seed]
            run[name] = run[name].joined(cell) if name in run else cell
    data = [fold.digest for fold in folds]
    origin = {"made_of": {"data": data, "options": options}, "made_by": made_by}
    return list(runs.values()), {"seeds": count, **origin}


def _predict(predict: Predict, fold: Fold, *, corrupted: bool) -> dict[str, Cell]:
    """Classify the tests of a fold, by cell."""
    cells = {}
    for name, rows in fold.tests.items():
        kinds = fold.corrupted if corrupted else {}
        classes = {kind: predict(tests[name]).argmax(axis=1) for kind, tests in kinds.items()}
        lists = {kind: predicted.tolist() for kind, predicted in classes.items()}
        cells[name] = Cell(rows["label"][:], lists, predict(rows).round(_DIGITS).tolist())
    return cells


def _measures(runs: Runs) -> dict[str, Any]:
    """Return accuracy, losses by kind of error, and measures of the scores."""
    first = runs[0]
    cells = {name: len(cell.labels) for name, cell in first.items()}

    def right(kind: str | None = None) -> list[NDArray[np.float64]]:
        return [np.mean([run[name].right(kind) for run in runs], axis=0) for name in cells]

    clean = right()
    found: dict[str, Any] = {"accuracy": mean_of_cells(clean, texts_of(cells))}
    for kind in next(iter(first.values())).corrupted:
        lost = [one - other for one, other in zip(clean, right(kind), strict=True)]
        found[kind] = mean_of_cells(lost, texts_of(cells))
    found["right"] = {name: [pack(run[name].right()) for run in runs] for name in cells}
    return {**found, "cells": cells, **_of_scores(runs)}


def _of_scores(runs: Runs) -> dict[str, Any]:
    """Return measures of scores by cell, averaged over seeds, and the calibration error over the texts of all cells."""

    def by_cell(measure: Callable[[Any, Any], float]) -> dict[str, Any]:
        values = [
            [measure(np.array(c.probabilities), np.array(c.labels)) for c in run.values()]
            for run in runs
        ]
        cells = np.mean(values, axis=0)
        folds = [None if np.isnan(cell) else float(cell) for cell in cells]
        return {"mean": float(np.nanmean(cells)), "folds": folds}

    def auc(scores: Any, labels: Any) -> float:
        return roc_auc_score(labels, scores[:, 1]) if len(set(labels)) == 2 else np.nan

    found = {
        "cell_ece": by_cell(expected_calibration_error),
        "balanced_accuracy": by_cell(
            lambda scores, labels: recall_score(
                labels, scores.argmax(axis=1), labels=np.unique(labels), average="macro"
            )
        ),
    }
    whole = [reduce(Cell.joined, run.values()) for run in runs]
    pooled = [
        expected_calibration_error(np.array(run.probabilities), np.array(run.labels))
        for run in whole
    ]
    found["ece"] = {"mean": float(np.mean(pooled))}
    if np.shape(whole[0].probabilities)[1] == 2:
        found["auc"] = by_cell(auc)
    return found


def main(argv: Sequence[str]) -> None:
    """Parse, measure, print."""
    parser = benchmark_parser("accuracy", __doc__, MODELS)
    add = parser.add_argument
    add("--task", nargs="+", choices=TASKS, default=TASKS, help="default: all")
    first = "the first of five folds of titles and recovery; default: 5"
    add("--folds", type=int, choices=range(1, FOLDS + 1), default=FOLDS, help=first)
    runs = "runs of our presets; default: 1"
    add("--seeds", type=int, choices=range(1, 100), default=1, metavar="N", help=runs)
    add("--corrupted", action="store_true", help="also measure the texts with errors")
    args, rest = parser.parse_known_args(argv)
    datasets.disable_caching()  # no fold's tokens are asked for again
    results = measure(args, rest)
    sys.stdout.write(accuracy_table({task: results[task] for task in args.task}))


if __name__ == "__main__":
    sys.exit(run_command(main))
