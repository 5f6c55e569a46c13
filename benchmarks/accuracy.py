r"""Accuracy of our presets beside other models, on the same folds.

python -m benchmarks.accuracy --task titles --folds 2 --data_dir ../shared/data --glove GLOVE_FILE
python -m benchmarks.accuracy --data_dir ../shared/data --glove GLOVE_FILE --seeds 3 --json accuracy.json

titles, recovery  five-fold cross-validation, near duplicates in one fold
sst2, trec, subj  their own test sets; of SUBJ a tenth
liar              six labels; its own validation and test sets
cross             recovery->isot, recovery->titles, recovery->head; isot->recovery, isot->titles, isot->head;
                  titles->recovery, titles->isot, titles->head: trained on one corpus, tested on another. ISOT has
                  lost its datelines; head are the first 256 articles of fake_or_real_news, whose titles are left
                  out where titles train. Test texts of which the training texts hold a near duplicate, or the
                  title, are left out.

Measured are accuracy on held-out texts, its loss to errors in them, each with a 95 % interval, and calibration; and the
difference of each model to `default`, with the p value of a paired test. Errors are those that `default` trains with
(typos, dropped words, lower case, no punctuation) and others (keyboard slips, confusions of a scanner), in a tenth of
the letters or words. Each linear model is also fitted with the corrupted copies that `default` learns from
(MODEL_copies). Models named `without_PART` and `PART_alone` are the default preset without a part, or a part alone.

With --json, predictions are kept fold by fold in a folder beside the file (accuracy.json: accuracy.predictions/), and
an interrupted run is resumed. Predictions are only used again for the same data, options and sources. Arguments of
train.py, such as --num_train_epochs 1, may follow: they hold for our presets.

The file holds task -> model -> measure -> {"mean", "low", "high", "folds"}: the mean over the cells, its bootstrap
interval over the texts, and each cell's value. A cell is a fold; of the task cross, a pair of corpora. Measures are
"accuracy", "ece" (over all texts), "typos" and so on (the accuracy that is lost), "versus_default" and
"typos_versus_default" and so on (with "p"). Beside them stand "cells", their names, "seeds", "made_of", hashes of the
data and the options, and "made_by", a list of distinct hashes of sources with library versions and the machine.
"""

import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import datasets
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.folds import FOLDS, TASKS, Fold, make_folds
from benchmarks.models import MODELS, Settings, describe, model_sources, seeds_of
from benchmarks.predictions import Cell, predict_fold, read_predictions, write_predictions
from benchmarks.records import SHOWN, benchmark_parser, read_results, record, write_json
from glove_lstm.commands.command import run_command
from glove_lstm.data.corruptions import CORRUPTIONS
from glove_lstm.evaluation.metrics import expected_calibration_error
from glove_lstm.evaluation.paired import (
    mean_of_cells,
    measure_cells,
    p_value_text,
    paired_difference,
)

Results = dict[str, dict[str, dict[str, Any]]]
Runs = list[list[dict[str, Cell]]]  # by seed, by fold, by cell


def compare(args: Namespace, arguments: Sequence[str] = ()) -> Results:
    """Measure models; predictions of an earlier run with the same data, options and sources are used.

    Raises:
        DataError: An argument that is refused, or data that are missing.
    """
    chosen = [model for model in MODELS if model in args.models]  # `default` is the first
    settings = Settings(args.glove, arguments)
    earlier = read_results(args.json)
    results: Results = {}
    predictions = args.json.with_name(f"{args.json.stem}.predictions") if args.json else None
    for task in TASKS if args.task == "all" else [args.task]:
        folds = make_folds(task, args.data_dir, args.folds)
        default: Runs | None = None
        for model in chosen:
            folder = predictions / task / model if predictions else None
            runs, origin = _runs(model, folds, settings, folder, args)
            default = runs if model == "default" else default
            against = None if model == "default" else default
            results.setdefault(task, {})[model] = {**_summary(runs, folds, against), **origin}
            write_json(args.json, {**earlier, **results})
    return results


def table(results: Results) -> str:
    """Format the results as a Markdown table."""
    heads = ["task", "model", "accuracy", "95 % interval", "difference to `default`", "p", "ECE"]
    for kind in CORRUPTIONS:
        heads += [f"lost to {kind.replace('_', ' ')}", "p"]
    heads.append("sources")
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    for task, models in results.items():
        for model, measures in models.items():
            lines.append(f"| {' | '.join([task, describe(model), *_cells(measures)])} |")
    return "\n".join(lines) + "\n"


def _cells(measures: Mapping[str, Any]) -> list[str]:
    accuracy, interval, *others = measure_cells(measures)
    versus = measures.get("versus_default")
    difference = (
        f"{versus['mean']:+.4f} ({versus['low']:+.4f} to {versus['high']:+.4f})" if versus else ""
    )
    for kind in list(CORRUPTIONS)[1:]:  # the first one is in measure_cells
        against = measures.get(f"{kind}_versus_default")
        others += [f"{measures[kind]['mean']:.4f}", p_value_text(against["p"]) if against else ""]
    sources = ", ".join(sorted({made["sources"][:SHOWN] for made in measures["made_by"]}))
    return [accuracy, interval, difference, *others, sources]


def _runs(
    model: str, folds: Sequence[Fold], settings: Settings, folder: Path | None, args: Namespace
) -> tuple[Runs, dict[str, Any]]:
    """Predictions by seed and fold, stored in a folder; and what they were made of and by."""
    here = record(*model_sources(model))
    options = settings.options(model)
    made_by: list[dict[str, Any]] = []
    runs: Runs = []
    seeds = seeds_of(model, args.seeds)
    with tqdm(total=len(seeds) * len(folds), desc=model, unit="fold") as bar:
        for seed in seeds:
            runs.append([])
            for fold in folds:
                path = folder / str(seed) / f"{fold.name}.json" if folder else None
                made_of = {"data": fold.digest, "options": options}
                sources = None if args.reuse_other_sources else here["sources"]
                stored = read_predictions(path, made_of, sources)
                if stored is None:
                    stored = predict_fold(MODELS[model](fold, seed, settings), fold), here
                    write_predictions(path, made_of, here, stored[0])
                runs[-1].append(stored[0])
                if stored[1] not in made_by:
                    made_by.append(stored[1])
                bar.update()
    data = [fold.digest for fold in folds]
    return runs, {"made_of": {"data": data, "options": options}, "made_by": made_by}


def _summary(runs: Runs, folds: Sequence[Fold], default: Runs | None) -> dict[str, Any]:
    texts = [numbers for fold in folds for numbers in fold.texts.values()]
    right = _right(runs)
    summary: dict[str, Any] = {"accuracy": mean_of_cells(right, texts)}
    ece = _calibration(runs)
    if ece is not None:
        summary["ece"] = {"mean": ece}
    if default:
        summary["versus_default"] = paired_difference(right, _right(default), texts)
    for kind in CORRUPTIONS:
        lost = _lost(runs, kind)
        summary[kind] = mean_of_cells(lost, texts)
        if default:
            summary[f"{kind}_versus_default"] = paired_difference(lost, _lost(default, kind), texts)
    return {**summary, "cells": [cell for fold in folds for cell in fold.tests], "seeds": len(runs)}


def _right(runs: Runs, kind: str | None = None) -> list[NDArray[np.float64]]:
    """By cell, for each text: the share of seeds that are right, on the text as it is or with errors of a kind."""
    by_seed = [[cell.right(kind) for fold in run for cell in fold.values()] for run in runs]
    return [np.mean(cells, axis=0) for cells in zip(*by_seed, strict=True)]


def _lost(runs: Runs, kind: str) -> list[NDArray[np.float64]]:
    """By cell, for each text: 1 where only errors of a kind make its label wrong, -1 where they make it right."""
    pairs = zip(_right(runs), _right(runs, kind), strict=True)
    return [clean - changed for clean, changed in pairs]


def _calibration(runs: Runs) -> float | None:
    """The calibration error over the texts of all cells, averaged over seeds; cells of few texts look worse."""
    by_seed = [[cell for fold in run for cell in fold.values()] for run in runs]
    if any(cell.probabilities is None for cell in by_seed[0]):
        return None
    errors = [
        expected_calibration_error(
            np.concatenate([np.array(cell.probabilities) for cell in cells]),
            np.concatenate([np.array(cell.labels) for cell in cells]),
        )
        for cells in by_seed
    ]
    return float(np.mean(errors))


def main(argv: Sequence[str]) -> None:
    """Parse, measure, print."""
    parser = benchmark_parser("accuracy", __doc__, MODELS)
    add = parser.add_argument
    add("--task", choices=[*TASKS, "all"], default="all", help="default: all")
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
