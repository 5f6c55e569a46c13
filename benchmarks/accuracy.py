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
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import datasets
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import recall_score, roc_auc_score
from tqdm import tqdm

from benchmarks.folds import FOLDS, TASKS, Fold, corrupted, make_folds
from benchmarks.models import FIRST_SEED, MODELS, OURS, Predict, Settings, sources
from benchmarks.paired import holm, mean_of_cells, paired_difference
from benchmarks.records import benchmark_parser, read_results, record, write_json
from benchmarks.tables import Results, accuracy_table
from glove_lstm.commands.command import run_command
from glove_lstm.commands.train import parse_words
from glove_lstm.data.corruptions import CORRUPTIONS
from glove_lstm.evaluation.metrics import expected_calibration_error

# "labels" of n texts, "probabilities" (n, classes), predicted classes of the texts with errors by kind, "fold", the
# name of each text's fold, and "fit_seconds", the CPU-seconds of each fold's training.
Cell = dict[str, list[Any]]
Runs = list[dict[str, Cell]]  # by seed


def measure(args: Namespace, settings: Settings) -> Results:
    """Measure models; predictions of an earlier run with the same data, options and sources are used."""
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
    made_by = record(*sources(model, corrupted=args.corrupted))
    options = settings.options(model)
    seeds = range(FIRST_SEED, FIRST_SEED + (args.seeds if model in OURS else 1))
    runs: dict[int, dict[str, Cell]] = {seed: {} for seed in seeds}
    for seed, fold in tqdm(list(product(runs, folds)), desc=model, unit="fold"):
        made_of = json.dumps([fold.digest, options, seed, args.corrupted, made_by["sources"]])
        path = folder / f"{hashlib.sha256(made_of.encode()).hexdigest()}.json"
        if not path.exists():
            began = time.process_time()
            predict = MODELS[model](fold, seed, settings)
            seconds = [time.process_time() - began]
            cells = _predict(predict, fold, CORRUPTIONS if args.corrupted else ())
            if model != "distilled":  # whose seeds share a teacher and its answers
                cells = {name: {**cell, "fit_seconds": seconds} for name, cell in cells.items()}
            write_json(path, cells, indent=None)
        for name, cell in json.loads(path.read_text(encoding="utf-8")).items():
            cell["fold"] = [fold.name] * len(cell["labels"])
            earlier = runs[seed].get(name)
            runs[seed][name] = _joined(earlier, cell) if earlier else cell
    data = [fold.digest for fold in folds]
    origin = {"made_of": {"data": data, "options": options}, "made_by": made_by}
    return list(runs.values()), {"seeds": len(seeds), **origin}


def _predict(predict: Predict, fold: Fold, kinds: Iterable[str]) -> dict[str, Cell]:
    """Classify the tests of a fold, by cell."""
    cells = {}
    for name, rows in fold.tests.items():
        cells[name] = {
            "labels": rows["label"][:],
            "probabilities": predict(rows).round(5).tolist(),
            **{kind: predict(corrupted(rows, kind)).argmax(axis=1).tolist() for kind in kinds},
        }
    return cells


def _joined(*cells: Cell) -> Cell:
    return {key: [value for cell in cells for value in cell[key]] for key in cells[0]}


def _right(cell: Cell, kind: str | None = None) -> NDArray[np.bool_]:
    """Whether each text was classified correctly, as it is or with errors of a kind."""
    predicted = cell[kind] if kind else np.argmax(cell["probabilities"], axis=1)
    return np.array(predicted) == np.array(cell["labels"])


def _balanced_accuracy(cell: Cell) -> float:
    predicted, labels = np.argmax(cell["probabilities"], axis=1), cell["labels"]
    return recall_score(labels, predicted, labels=np.unique(labels), average="macro")


def _auc(cell: Cell) -> float:
    """Average over folds, weighted by their texts: scores of different models cannot be ranked together."""
    labels, scores = np.array(cell["labels"]), np.array(cell["probabilities"])
    names, of_text = np.unique(cell["fold"], return_inverse=True)
    rows = [np.flatnonzero(of_text == fold) for fold in range(len(names))]
    rows = [one for one in rows if scores.shape[1] == 2 and len(set(labels[one])) == 2]
    found = [roc_auc_score(labels[one], scores[one, 1]) for one in rows]
    return float(np.average(found, weights=list(map(len, rows)))) if found else np.nan


def _measures(runs: Runs) -> dict[str, Any]:
    """Return accuracy, losses by kind of error, and measures of the scores; means over seeds."""

    def each(measure: Callable[[Cell], Any]) -> list[NDArray[np.float64]]:
        return [np.array([measure(run[name]) for run in runs], dtype=float) for name in runs[0]]

    right = each(_right)
    found: dict[str, Any] = {"accuracy": mean_of_cells(right)}
    for kind in next(iter(runs[0].values())).keys() & CORRUPTIONS.keys():
        with_errors = each(partial(_right, kind=kind))
        lost = [one - other for one, other in zip(right, with_errors, strict=True)]
        found[kind] = mean_of_cells(lost)
    for name, measure in {"balanced_accuracy": _balanced_accuracy, "auc": _auc}.items():
        values = [float(cell.mean()) for cell in each(measure)]
        known = [value for value in values if not np.isnan(value)]
        if known:
            folds = [None if np.isnan(value) else value for value in values]
            found[name] = {"mean": float(np.mean(known)), "folds": folds}
    scored = [_joined(*run.values()) for run in runs]
    errors = [
        expected_calibration_error(np.array(one["probabilities"]), np.array(one["labels"]))
        for one in scored
    ]
    found["ece"] = {"mean": float(np.mean(errors))}
    fits = [one for run in runs for cell in run.values() for one in cell.get("fit_seconds", ())]
    if fits:
        found["fit_seconds"] = {"mean": float(np.mean(fits))}
    digits = [["".join(map(str, run.astype(int))) for run in cell] for cell in right]
    found["right"] = dict(zip(runs[0], digits, strict=True))
    return found


def compare(results: Results) -> None:
    """Add "versus_default" to the rows of models that were measured on the same texts as `default`.

    "p" is of one paired test (`paired_difference`), "p_holm" is corrected for all tests of the results.
    """
    found = []
    for rows in results.values():
        default = rows.get("default")
        for model, row in rows.items():
            row.pop("versus_default", None)
            if not default or model == "default":
                continue
            if row["made_of"]["data"] == default["made_of"]["data"]:
                row["versus_default"] = paired_difference(_right_runs(row), _right_runs(default))
                found.append(row["versus_default"])
    for versus, p in zip(found, holm([versus["p"] for versus in found]), strict=True):
        versus["p_holm"] = p


def _right_runs(row: dict[str, Any]) -> list[NDArray[np.float64]]:
    """Return by cell (seeds, texts), 1 where a text was classified correctly."""
    return [np.array([list(run) for run in cell], dtype=float) for cell in row["right"].values()]


def main(argv: Sequence[str]) -> None:
    """Parse, measure, print."""
    parser = benchmark_parser("accuracy", __doc__, MODELS)
    add = parser.add_argument
    add("--glove", default="6B.100d", help="a name or a file, as for train.py")
    add("--task", nargs="+", choices=TASKS, default=TASKS, help="default: all")
    folds, seeds = range(1, FOLDS + 1), range(1, 10)
    add("--folds", type=int, choices=folds, default=FOLDS, help="the first folds; default: 5")
    add("--seeds", type=int, choices=seeds, default=1, help="runs of our presets; default: 1")
    add("--corrupted", action="store_true", help="also measure the texts with errors")
    args, rest = parser.parse_known_args(argv)
    datasets.disable_caching()  # no fold's tokens are asked for again
    settings = Settings(args.glove, parse_words(rest), args.json.with_suffix(".teachers"))
    results = measure(args, settings)
    sys.stdout.write(accuracy_table({task: results[task] for task in args.task}))


if __name__ == "__main__":
    sys.exit(run_command(main, extra="benchmark"))
