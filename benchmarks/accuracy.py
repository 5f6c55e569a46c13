r"""Accuracy of our presets beside other models, on the same folds.

python -m benchmarks.accuracy --task titles --folds 2 --data_dir ../shared/data --glove GLOVE_FILE --json titles.json
python -m benchmarks.accuracy --models default --data_dir ../shared/data --glove GLOVE_FILE --seeds 3 \
    --json benchmarks/results/accuracy.json

docs/benchmarks.md describes the tasks, the models and the protocol. Arguments of train.py, such as
--num_train_epochs 1, may follow: they hold for our presets.

Models and tasks that are not measured keep their figures in the file. Predictions are kept fold by fold in a folder
beside it (accuracy.json: accuracy.predictions/), so that an interrupted run is resumed. They are only used
again for the same data, options and sources.

The results are task -> model -> measure -> {"mean", "low", "high", "folds"}: the mean over the cells, its bootstrap
interval over the texts, and each cell's value. A cell is a fold; of the tasks left_out and sources_out, a test corpus.
"right" has, by cell and seed, a bit for each text, in hexadecimal digits: models are compared by these.
"""

import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import asdict
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
from benchmarks.models import FIRST_SEED, MODELS, OURS, Settings, model_sources
from benchmarks.predictions import Cell, join, predict_fold, read_predictions
from benchmarks.records import benchmark_parser, read_results, record, write_json
from benchmarks.tables import Results, accuracy_table
from glove_lstm.commands.command import run_command
from glove_lstm.evaluation.metrics import expected_calibration_error
from glove_lstm.evaluation.paired import mean_of_cells

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
            runs, origin = _runs(model, folds, settings, folder, args.seeds)
            rows = {**results.get(task, {}), model: {**_measures(runs), **origin}}
            results[task] = {name: rows[name] for name in MODELS if name in rows}
            write_json(args.json, results)
    compare(results)
    write_json(args.json, results)
    return results


def _runs(
    model: str, folds: Sequence[Fold], settings: Settings, folder: Path, seeds: int
) -> tuple[Runs, dict[str, Any]]:
    """Predictions, stored in a folder by seed and fold; and what they were made of and by."""
    here = record(*model_sources(model))
    options = settings.options(model)
    count = seeds if model in OURS else 1  # the others have no chance
    runs: dict[int, dict[str, Cell]] = {FIRST_SEED + number: {} for number in range(count)}
    made_by: list[dict[str, Any]] = []
    for seed, fold in tqdm(list(product(runs, folds)), desc=model, unit="fold"):
        path = folder / str(seed) / f"{fold.name}.json"
        made_of = {"data": fold.digest, "options": options}
        stored = read_predictions(path, made_of, here["sources"])
        if stored is None:
            stored = predict_fold(MODELS[model](fold, seed, settings), fold), here
            cells = {name: asdict(cell) for name, cell in stored[0].items()}
            write_json(path, {"made_of": made_of, "made_by": here, "cells": cells}, indent=None)
        for name, cell in stored[0].items():
            runs[seed][name] = join(runs[seed][name], cell) if name in runs[seed] else cell
        if stored[1] not in made_by:
            made_by.append(stored[1])
    data = [fold.digest for fold in folds]
    origin = {"made_of": {"data": data, "options": options}, "made_by": made_by}
    return list(runs.values()), {"seeds": count, **origin}


def _measures(runs: Runs) -> dict[str, Any]:
    """Return accuracy, losses by kind of error, and measures of the scores."""
    first = runs[0]
    texts = texts_of({name: len(cell.labels) for name, cell in first.items()})

    def right(kind: str | None, run: dict[str, Cell], name: str) -> NDArray[np.bool_]:
        predicted = run[name].corrupted[kind] if kind else run[name].predicted
        return np.array(predicted) == np.array(run[name].labels)

    def mean_right(kind: str | None) -> list[NDArray[np.float64]]:
        return [np.mean([right(kind, run, name) for run in runs], axis=0) for name in first]

    clean = mean_right(None)
    found: dict[str, Any] = {"accuracy": mean_of_cells(clean, texts)}
    for kind in next(iter(first.values())).corrupted:
        lost = [one - other for one, other in zip(clean, mean_right(kind), strict=True)]
        found[kind] = mean_of_cells(lost, texts)
    found["cells"] = {name: len(cell.labels) for name, cell in first.items()}
    found["right"] = {name: [pack(right(None, run, name)) for run in runs] for name in first}
    return {**found, **_of_scores(runs)}


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
    whole = [join(*run.values()) for run in runs]
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
    args, rest = parser.parse_known_args(argv)
    datasets.disable_caching()  # no fold's tokens are asked for again
    results = measure(args, rest)
    sys.stdout.write(accuracy_table({task: results[task] for task in args.task}))


if __name__ == "__main__":
    sys.exit(run_command(main))
