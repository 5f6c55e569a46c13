r"""Accuracy of our presets beside other models, on the same folds.

python -m benchmarks.accuracy --task titles --folds 2 --data_dir DATA --glove 6B.100d --json titles.json

PROTOCOL.md describes tasks, models and measures. Arguments of `glove-lstm train` may follow, for our presets.
Predictions are kept beside the JSON file, by a hash of data, options and commit, so that an interrupted run is resumed.

The results are task -> model -> measure -> {"mean", "low", "high", "folds"}: the mean over the folds, its bootstrap
interval over texts and seeds, and each fold's value. "right" has, by fold and seed, a digit for each text: 1 if it was
classified correctly.
"""

import hashlib
import json
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import recall_score, roc_auc_score
from tqdm import tqdm

from benchmarks.corpora import joined_texts
from benchmarks.folds import FOLDS, TASKS, Fold, make_folds
from benchmarks.models import FIRST_SEED, MODELS, OURS, Settings
from benchmarks.paired import holm, mean_of_cells, paired_difference
from benchmarks.records import benchmark_parser, commit, read_results, record, write_json
from benchmarks.tables import Results, accuracy_table
from glove_lstm.commands.command import run_command
from glove_lstm.commands.train import parse_arguments
from glove_lstm.evaluation.metrics import expected_calibration_error

# Predictions of one model for the n test texts of one fold:
#   "labels": n class indices
#   "probabilities": n lists of a probability for each class
#   "fit_seconds": the CPU-seconds of the training
Cell = dict[str, Any]
Run = dict[str, Cell]  # one seed: cell by fold
Floats = NDArray[np.float64]


def measure(args: Namespace, settings: Settings) -> Results:
    """Measure models; predictions of an earlier run with the same data, options and commit are used."""
    results: Results = read_results(args.json)
    for task in args.task:
        folds = make_folds(task, args.data_dir, args.folds)
        for model in MODELS:
            if model not in args.models:
                continue
            folder = args.json.with_suffix(".predictions") / task / model
            runs = _predict_or_read(model, folds, settings, folder, args.seeds)
            rows = results.get(task, {})
            rows[model] = {
                **_measures(runs),
                "seeds": len(runs),
                "made_of": {
                    "data": [fold.digest for fold in folds],
                    "options": settings.options(model),
                },
                "made_by": record(),
            }
            results[task] = {name: rows[name] for name in (*MODELS, *rows) if name in rows}
            write_json(args.json, results)
    compare(results)
    write_json(args.json, results)
    return results


def _predict_or_read(
    model: str, folds: Sequence[Fold], settings: Settings, folder: Path, seeds: int
) -> list[Run]:
    """Return a run for each seed. Predictions are stored in a folder by seed and fold."""
    options = settings.options(model)
    seed_count = seeds if model in OURS else 1
    runs: dict[int, Run] = {FIRST_SEED + number: {} for number in range(seed_count)}
    for seed, fold in tqdm(list(product(runs, folds)), desc=model, unit="fold"):
        made_of = json.dumps([fold.digest, options, seed, commit()])
        path = folder / f"{hashlib.sha256(made_of.encode()).hexdigest()}.json"
        if not path.exists():
            write_json(path, _train_and_predict(model, fold, seed, settings), indent=None)
        runs[seed][fold.name] = json.loads(path.read_text(encoding="utf-8"))
    return list(runs.values())


def _train_and_predict(model: str, fold: Fold, seed: int, settings: Settings) -> Cell:
    """Train a model on a fold, and classify its test texts."""
    began = time.process_time()
    classify = MODELS[model](fold, seed, settings)
    fit_seconds = time.process_time() - began
    return {
        "labels": fold.test["label"].tolist(),
        "probabilities": classify(joined_texts(fold.test)).round(5).tolist(),
        "fit_seconds": fit_seconds,
    }


def _is_right(cell: Cell) -> NDArray[np.bool_]:
    """Return whether each text was classified correctly."""
    predicted = np.argmax(cell["probabilities"], axis=1)
    return predicted == np.array(cell["labels"])


def _balanced_accuracy(cell: Cell) -> float:
    labels = cell["labels"]
    predicted = np.argmax(cell["probabilities"], axis=1)
    return recall_score(labels, predicted, labels=np.unique(labels), average="macro")


def _auc(cell: Cell) -> float:
    """Return the area under the ROC curve; NaN if there are more than two classes."""
    scores = np.array(cell["probabilities"])
    if scores.shape[1] != 2:
        return np.nan
    return roc_auc_score(cell["labels"], scores[:, 1])


def _calibration_error(run: Run) -> float:
    """Return the expected calibration error over all folds."""
    cells = run.values()
    probabilities = np.concatenate([cell["probabilities"] for cell in cells])
    labels = np.concatenate([cell["labels"] for cell in cells])
    return expected_calibration_error(probabilities, labels)


def _measures(runs: Sequence[Run]) -> dict[str, Any]:
    """Return accuracy and measures of the scores; means over seeds."""
    right = _by_fold(_is_right, runs)
    measures: dict[str, Any] = {"accuracy": mean_of_cells(right)}
    for name, measure in {"balanced_accuracy": _balanced_accuracy, "auc": _auc}.items():
        means = [float(of_seeds.mean()) for of_seeds in _by_fold(measure, runs)]
        if not np.isnan(means).any():
            measures[name] = {"mean": float(np.mean(means)), "folds": means}
    errors = [_calibration_error(run) for run in runs]
    measures["ece"] = {"mean": float(np.mean(errors))}
    seconds = [cell["fit_seconds"] for run in runs for cell in run.values()]
    measures["fit_seconds"] = {"mean": float(np.mean(seconds))}
    measures["right"] = {
        name: [_digits(of_seed) for of_seed in of_fold]
        for name, of_fold in zip(runs[0], right, strict=True)
    }
    return measures


def _by_fold(measure: Callable[[Cell], Any], runs: Sequence[Run]) -> list[Floats]:
    """Return by fold the values of a measure: (seeds,), or (seeds, texts) for a measure of each text."""
    values = []
    for name in runs[0]:
        of_seeds = [measure(run[name]) for run in runs]
        values.append(np.array(of_seeds, dtype=float))
    return values


def _digits(right: Floats) -> str:
    """Write 1 for each text that was classified correctly, else 0."""
    return "".join("1" if one else "0" for one in right)


def compare(results: Results) -> None:
    """Add "versus_default" to the rows of models that were measured on the same texts as `default`.

    "p" is the p value of one paired test (`paired_difference`), "p_holm" is corrected for all tests of the results.
    """
    differences = []
    for rows in results.values():
        default = rows.get("default")
        for model, row in rows.items():
            row.pop("versus_default", None)
            if default is None or model == "default":
                continue
            if row["made_of"]["data"] == default["made_of"]["data"]:
                difference = paired_difference(_right_by_fold(row), _right_by_fold(default))
                row["versus_default"] = difference
                differences.append(difference)
    corrected = holm([difference["p"] for difference in differences])
    for difference, p in zip(differences, corrected, strict=True):
        difference["p_holm"] = p


def _right_by_fold(row: dict[str, Any]) -> list[Floats]:
    """Return by fold (seeds, texts), 1 where a text was classified correctly, else 0."""
    folds = []
    for digits_of_seeds in row["right"].values():
        right = [[float(digit) for digit in digits] for digits in digits_of_seeds]
        folds.append(np.array(right))
    return folds


def main(argv: Sequence[str]) -> None:
    """Parse, measure, print."""
    parser = benchmark_parser("accuracy", __doc__, MODELS)
    add = parser.add_argument
    add("--glove", default="6B.100d", help="a name or a file, as for glove-lstm train")
    add("--task", nargs="+", choices=TASKS, default=TASKS, help="default: all")
    numbers = range(1, FOLDS + 1)
    add("--folds", type=int, choices=numbers, default=FOLDS, help="the first folds; default: 5")
    numbers = range(1, 10)
    add("--seeds", type=int, choices=numbers, default=1, help="runs of our presets; default: 1")
    args, rest = parser.parse_known_args(argv)
    results = measure(args, Settings(args.glove, parse_arguments(rest)))
    sys.stdout.write(accuracy_table({task: results[task] for task in args.task}))


if __name__ == "__main__":
    sys.exit(run_command(main, extra="benchmark"))
