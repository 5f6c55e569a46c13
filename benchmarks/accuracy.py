r"""Accuracy of our presets beside other models, on the same folds.

python -m benchmarks.accuracy --task titles --folds 2 --data_dir ../shared/data --glove GLOVE_FILE --json titles.json

PROTOCOL.md describes tasks, models and measures. Arguments of train.py may follow, for our presets. Predictions
are kept beside the JSON file, by a hash of data, options and sources, so that an interrupted run is resumed.

The results are task -> model -> measure -> {"mean", "low", "high", "folds"}: the mean over the cells, its bootstrap
interval over texts and seeds, and each cell's value. A cell is a fold; of the tasks left_out and sources_out, a test
corpus. "right" has, by cell and seed, a digit for each text: 1 if it was classified correctly.
"""

import hashlib
import json
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import recall_score, roc_auc_score
from tqdm import tqdm

from benchmarks.corpora import joined_texts
from benchmarks.corruptions import CORRUPTIONS
from benchmarks.folds import FOLDS, TASKS, Fold, corrupted, make_folds
from benchmarks.models import DISTILLED, FIRST_SEED, MODELS, OURS, Settings, sources
from benchmarks.paired import holm, mean_of_cells, paired_difference
from benchmarks.records import benchmark_parser, read_results, record, write_json
from benchmarks.tables import Results, accuracy_table
from glove_lstm.commands.command import run_command
from glove_lstm.commands.train import parse_arguments
from glove_lstm.evaluation.metrics import expected_calibration_error

# Predictions of one model for the texts of one cell, n in all:
#   "labels": n class indices
#   "probabilities": n lists of a probability for each class
#   KIND: n predicted classes of the texts with errors of that kind
#   "fold": n names of folds
#   "fit_seconds": the CPU-seconds of each fold's training
Cell = dict[str, list[Any]]
Run = dict[str, Cell]  # one seed: cell by name
Floats = NDArray[np.float64]

# Without fit_seconds: later seeds use the teacher of the first and its answers; model2vec is fitted in another process.
_OTHER_SECONDS = (*DISTILLED, "mpnet_finetuned", "model2vec")


def measure(args: Namespace, settings: Settings) -> Results:
    """Measure models; predictions of an earlier run with the same data, options and sources are used."""
    results: Results = read_results(args.json)
    for task in args.task:
        folds = make_folds(task, args.data_dir, args.folds)
        for model in MODELS:
            if model not in args.models:
                continue
            folder = args.json.with_suffix(".predictions") / task / model
            runs, origin = _predict_or_read(model, folds, settings, folder, args)
            rows = results.get(task, {})
            rows[model] = _measures(runs) | origin
            results[task] = {name: rows[name] for name in (*MODELS, *rows) if name in rows}
            write_json(args.json, results)
    compare(results)
    write_json(args.json, results)
    return results


def _predict_or_read(
    model: str, folds: Sequence[Fold], settings: Settings, folder: Path, args: Namespace
) -> tuple[list[Run], dict[str, Any]]:
    """Return a run for each seed, and their origin. Predictions are stored in a folder by seed and fold."""
    made_by = record(*sources(model, corrupted=args.corrupted))
    options = settings.options(model)
    seed_count = args.seeds if model in OURS else 1
    runs: dict[int, Run] = {FIRST_SEED + number: {} for number in range(seed_count)}
    for seed, fold in tqdm(list(product(runs, folds)), desc=model, unit="fold"):
        made_of = json.dumps([fold.digest, options, seed, args.corrupted, made_by["sources"]])
        path = folder / f"{hashlib.sha256(made_of.encode()).hexdigest()}.json"
        if not path.exists():
            cells = _train_and_predict(model, fold, seed, settings, corrupted_too=args.corrupted)
            write_json(path, cells, indent=None)
        cells = json.loads(path.read_text(encoding="utf-8"))
        _add_cells(runs[seed], cells, fold.name)
    origin = {
        "seeds": seed_count,
        "made_of": {"data": [fold.digest for fold in folds], "options": options},
        "made_by": made_by,
    }
    return list(runs.values()), origin


def _train_and_predict(
    model: str, fold: Fold, seed: int, settings: Settings, *, corrupted_too: bool
) -> Run:
    """Train a model on a fold, and classify the tests of the fold."""
    began = time.process_time()
    classify = MODELS[model](fold, seed, settings)
    fit_seconds = time.process_time() - began

    cells = {}
    for name, rows in fold.tests.items():
        cell: Cell = {
            "labels": rows["label"].tolist(),
            "probabilities": classify(joined_texts(rows)).round(5).tolist(),
        }
        if corrupted_too:
            for kind in CORRUPTIONS:
                texts = joined_texts(corrupted(rows, kind))
                cell[kind] = classify(texts).argmax(axis=1).tolist()
        if model not in _OTHER_SECONDS:
            cell["fit_seconds"] = [fit_seconds]
        cells[name] = cell
    return cells


def _add_cells(run: Run, cells: Run, fold: str) -> None:
    """Add the cells of a fold to a run. Texts of one cell may be in several folds."""
    for name, cell in cells.items():
        cell["fold"] = [fold] * len(cell["labels"])
        if name in run:
            cell = _joined([run[name], cell])
        run[name] = cell


def _joined(cells: Sequence[Cell]) -> Cell:
    joined: Cell = {}
    for key in cells[0]:
        joined[key] = []
        for cell in cells:
            joined[key] += cell[key]
    return joined


def _is_right(cell: Cell) -> NDArray[np.bool_]:
    """Return whether each text was classified correctly."""
    predicted = np.argmax(cell["probabilities"], axis=1)
    return predicted == np.array(cell["labels"])


def _accuracy_lost(cell: Cell, kind: str) -> NDArray[np.int64]:
    """Return 1 for each text that only errors of a kind make wrong, -1 for each that only they make right, else 0."""
    right_with_errors = np.array(cell[kind]) == np.array(cell["labels"])
    return _is_right(cell).astype(int) - right_with_errors.astype(int)


def _balanced_accuracy(cell: Cell) -> float:
    labels = cell["labels"]
    predicted = np.argmax(cell["probabilities"], axis=1)
    return recall_score(labels, predicted, labels=np.unique(labels), average="macro")


def _auc(cell: Cell) -> float:
    """Average the AUC of the folds, weighted by their texts: scores of different models cannot be ranked together.

    NaN if there are more than two classes, or if no fold has texts of both.
    """
    labels = np.array(cell["labels"])
    scores = np.array(cell["probabilities"])
    fold_of = np.array(cell["fold"])
    if scores.shape[1] != 2:
        return np.nan
    aucs, sizes = [], []
    for fold in np.unique(fold_of):
        rows = np.flatnonzero(fold_of == fold)
        if len(set(labels[rows])) == 2:
            aucs.append(roc_auc_score(labels[rows], scores[rows, 1]))
            sizes.append(len(rows))
    if not aucs:
        return np.nan
    return float(np.average(aucs, weights=sizes))


def _calibration_error(run: Run) -> float:
    """Return the expected calibration error over all cells."""
    cell = _joined(list(run.values()))
    return expected_calibration_error(np.array(cell["probabilities"]), np.array(cell["labels"]))


def _fit_seconds(run: Run) -> list[float]:
    """Return the CPU-seconds of each fold's training: once, although each cell of a fold has them."""
    seconds_of_fold: dict[str, float] = {}
    for cell in run.values():
        folds = dict.fromkeys(cell["fold"])
        seconds_of_fold |= dict(zip(folds, cell.get("fit_seconds", []), strict=False))
    return list(seconds_of_fold.values())


def _measures(runs: Sequence[Run]) -> dict[str, Any]:
    """Return accuracy, losses by kind of error, and measures of the scores; means over seeds."""
    right = _by_cell(_is_right, runs)
    measures: dict[str, Any] = {"accuracy": mean_of_cells(right)}

    first_cell = next(iter(runs[0].values()))
    for kind in CORRUPTIONS:
        if kind in first_cell:
            measures[kind] = mean_of_cells(_by_cell(partial(_accuracy_lost, kind=kind), runs))

    for name, measure in {"balanced_accuracy": _balanced_accuracy, "auc": _auc}.items():
        means = [float(of_seeds.mean()) for of_seeds in _by_cell(measure, runs)]
        known = [mean for mean in means if not np.isnan(mean)]
        if known:
            folds = [None if np.isnan(mean) else mean for mean in means]
            measures[name] = {"mean": float(np.mean(known)), "folds": folds}

    errors = [_calibration_error(run) for run in runs]
    measures["ece"] = {"mean": float(np.mean(errors))}

    fit_seconds = []
    for run in runs:
        fit_seconds += _fit_seconds(run)
    if fit_seconds:
        measures["fit_seconds"] = {"mean": float(np.mean(fit_seconds))}

    measures["right"] = {
        name: [_digits(of_seed) for of_seed in cell]
        for name, cell in zip(runs[0], right, strict=True)
    }
    return measures


def _by_cell(measure: Callable[[Cell], Any], runs: Sequence[Run]) -> list[Floats]:
    """Return by cell the values of a measure: (seeds,), or (seeds, texts) for a measure of each text."""
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
                difference = paired_difference(_right_by_cell(row), _right_by_cell(default))
                row["versus_default"] = difference
                differences.append(difference)
    corrected = holm([difference["p"] for difference in differences])
    for difference, p in zip(differences, corrected, strict=True):
        difference["p_holm"] = p


def _right_by_cell(row: dict[str, Any]) -> list[Floats]:
    """Return by cell (seeds, texts), 1 where a text was classified correctly, else 0."""
    cells = []
    for digits_of_seeds in row["right"].values():
        right = [[float(digit) for digit in digits] for digits in digits_of_seeds]
        cells.append(np.array(right))
    return cells


def main(argv: Sequence[str]) -> None:
    """Parse, measure, print."""
    parser = benchmark_parser("accuracy", __doc__, MODELS)
    add = parser.add_argument
    add("--glove", default="6B.100d", help="a name or a file, as for train.py")
    add("--task", nargs="+", choices=TASKS, default=TASKS, help="default: all")
    numbers = range(1, FOLDS + 1)
    add("--folds", type=int, choices=numbers, default=FOLDS, help="the first folds; default: 5")
    numbers = range(1, 10)
    add("--seeds", type=int, choices=numbers, default=1, help="runs of our presets; default: 1")
    add("--corrupted", action="store_true", help="also measure the texts with errors")
    add("--mpnet", help="a folder with all-mpnet-base-v2, for the models that need it")
    add("--unlabelled", help="a task; distilled_mpnet_more reads its texts without labels")
    args, rest = parser.parse_known_args(argv)
    teachers = args.json.with_suffix(".teachers")
    unlabelled: list[str] = []
    if args.unlabelled is not None:
        [fold] = make_folds(args.unlabelled, args.data_dir, 1)
        unlabelled = joined_texts(fold.every)
    settings = Settings(args.glove, parse_arguments(rest), teachers, args.mpnet, unlabelled)
    results = measure(args, settings)
    sys.stdout.write(accuracy_table({task: results[task] for task in args.task}))


if __name__ == "__main__":
    sys.exit(run_command(main, extra="benchmark"))
