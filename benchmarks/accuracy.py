r"""Accuracy of our presets beside other models, on the same folds.

python -m benchmarks.accuracy --task titles --folds 2 --data_dir ../shared/data --glove GLOVE_FILE --json titles.json
python -m benchmarks.accuracy --data_dir ../shared/data --glove GLOVE_FILE --seeds 3 --json accuracy.json

docs/benchmarks.md describes the tasks, the models and the protocol. Arguments of train.py, such as
--num_train_epochs 1, may follow: they hold for our presets.

Predictions are kept fold by fold in a folder beside the results (accuracy.json: accuracy.predictions/), so that an
interrupted run is resumed. They are only used again for the same data, options and sources.

The results are task -> model -> measure -> {"mean", "low", "high", "folds"}: the mean over the cells, its bootstrap
interval over the texts, and each cell's value. A cell is a fold; of the task left_out, a test corpus.
"""

import sys
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import Any

import datasets
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from tqdm import tqdm

from benchmarks.folds import FOLDS, TASKS, Fold, make_folds
from benchmarks.models import FIRST_SEED, MODELS, OURS, Settings, describe, model_sources
from benchmarks.predictions import Cell, predict_fold, read_predictions
from benchmarks.records import (
    SHOWN,
    benchmark_parser,
    markdown_table,
    read_results,
    record,
    write_json,
)
from glove_lstm.commands.command import run_command
from glove_lstm.data.corruptions import CORRUPTIONS
from glove_lstm.evaluation.metrics import expected_calibration_error
from glove_lstm.evaluation.paired import mean_of_cells, paired_difference

Floats = NDArray[np.float64]
Results = dict[str, dict[str, dict[str, Any]]]
Runs = list[list[Cell]]  # by seed
# Measure -> by cell, for each text: the share of seeds that are right, or the share lost to errors of a kind.
Values = dict[str, list[Floats]]

_COLUMNS = ["accuracy", "accuracy_versus_default", "ece", "auc", "balanced_accuracy", "cell_ece"]
_COLUMNS += [name for kind in CORRUPTIONS for name in (kind, f"{kind}_versus_default")]


def compare(args: Namespace, arguments: Sequence[str] = ()) -> Results:
    """Measure models; predictions of an earlier run with the same data, options and sources are used.

    Raises:
        DataError: An argument that is refused, or data that are missing.
    """
    chosen = [model for model in MODELS if model in args.models]  # `default` is the first
    settings = Settings(args.glove, arguments)
    earlier = read_results(args.json)
    results: Results = {}
    for task in args.task:
        folds = make_folds(task, args.data_dir, args.folds)
        texts = [numbers for fold in folds for numbers in fold.texts.values()]
        results[task] = {}
        default: Values = {}
        for model in chosen:
            folder = args.json.with_suffix(".predictions") / task / model
            runs, origin = _runs(model, folds, settings, folder, args)
            values = _values(runs)
            measures: dict[str, Any] = {}
            for name, cells in values.items():
                measures[name] = mean_of_cells(cells, texts)
                if default:
                    versus = paired_difference(cells, default[name], texts)
                    measures[f"{name}_versus_default"] = versus
            results[task][model] = {**measures, **_of_scores(runs), **origin}
            default = values if model == "default" else default
            write_json(args.json, {**earlier, **results})
    return results


def table(results: Results) -> str:
    """Format the results as a Markdown table, with 95 % intervals."""
    heads = ["task", "model", *(name.replace("_", " ") for name in _COLUMNS), "sources"]
    rows = []
    for task, models in results.items():
        for model, measures in models.items():
            cells = [_cell(measures.get(name, {})) for name in _COLUMNS]
            sources = sorted({made["sources"][:SHOWN] for made in measures["made_by"]})
            rows.append([task, describe(model), *cells, ", ".join(sources)])
    return markdown_table(heads, rows)


def _cell(measure: Mapping[str, Any]) -> str:
    formats = {"mean": "{:.4f}", "low": "({:.4f} to", "high": "{:.4f})", "p": "p={:.2g}"}
    return " ".join(text.format(measure[name]) for name, text in formats.items() if name in measure)


def _runs(
    model: str, folds: Sequence[Fold], settings: Settings, folder: Path, args: Namespace
) -> tuple[Runs, dict[str, Any]]:
    """Predictions, stored in a folder by seed and fold; and what they were made of and by."""
    here = record(*model_sources(model))
    sources = None if args.reuse_other_sources else here["sources"]
    options = settings.options(model)
    count = args.seeds if model in OURS else 1  # the others have no chance
    seeds = range(FIRST_SEED, FIRST_SEED + count)
    runs: dict[int, list[Cell]] = {seed: [] for seed in seeds}
    made_by: list[dict[str, Any]] = []
    for seed, fold in tqdm(list(product(seeds, folds)), desc=model, unit="fold"):
        path = folder / str(seed) / f"{fold.name}.json"
        made_of = {"data": fold.digest, "options": options}
        stored = read_predictions(path, made_of, sources)
        if stored is None:
            stored = predict_fold(MODELS[model](fold, seed, settings), fold), here
            cells = {name: asdict(cell) for name, cell in stored[0].items()}
            write_json(path, {"made_of": made_of, "made_by": here, "cells": cells}, indent=None)
        runs[seed] += stored[0].values()
        if stored[1] not in made_by:
            made_by.append(stored[1])
    return list(runs.values()), {
        "cells": [cell for fold in folds for cell in fold.tests],
        "seeds": count,
        "made_of": {"data": [fold.digest for fold in folds], "options": options},
        "made_by": made_by,
    }


def _values(runs: Runs) -> Values:
    def right(kind: str | None = None) -> list[NDArray[np.float64]]:
        by_seed = [
            [
                np.array(cell.corrupted[kind] if kind else cell.predicted) == np.array(cell.labels)
                for cell in run
            ]
            for run in runs
        ]
        return [np.mean(cells, axis=0) for cells in zip(*by_seed, strict=True)]

    clean = right()
    lost = {
        kind: [one - other for one, other in zip(clean, right(kind), strict=True)]
        for kind in CORRUPTIONS
    }
    return {"accuracy": clean, **lost}


def _of_scores(runs: Runs) -> dict[str, Any]:
    """Return measures of scores by cell, averaged over seeds, and the calibration error over the texts of all cells."""

    def by_cell(measure: Callable[[Any, Any], float]) -> dict[str, Any]:
        values = [
            [measure(np.array(c.probabilities), np.array(c.labels)) for c in run] for run in runs
        ]
        cells = np.mean(values, axis=0).tolist()
        return {"mean": float(np.mean(cells)), "folds": cells}

    if runs[0][0].probabilities is None:
        return {}
    pooled = [
        expected_calibration_error(
            np.concatenate([np.array(cell.probabilities) for cell in run]),
            np.concatenate([np.array(cell.labels) for cell in run]),
        )
        for run in runs
    ]
    found = {
        "ece": {"mean": float(np.mean(pooled))},
        "cell_ece": by_cell(expected_calibration_error),
    }
    found["balanced_accuracy"] = by_cell(
        lambda scores, labels: balanced_accuracy_score(labels, scores.argmax(axis=1))
    )
    if np.shape(runs[0][0].probabilities)[1] == 2:
        found["auc"] = by_cell(lambda scores, labels: roc_auc_score(labels, scores[:, 1]))
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
    add("--reuse_other_sources", action="store_true", help="also use predictions of other sources")
    args, rest = parser.parse_known_args(argv)
    datasets.disable_caching()  # no fold's tokens are asked for again
    sys.stdout.write(table(compare(args, rest)))


if __name__ == "__main__":
    sys.exit(run_command(main))
