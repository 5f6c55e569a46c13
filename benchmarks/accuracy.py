r"""Accuracy of our presets beside other models, on the same folds.

python -m benchmarks.accuracy --task titles --folds 2 --data_dir ../shared/data --glove GLOVE_FILE
python -m benchmarks.accuracy --data_dir ../shared/data --glove GLOVE_FILE --seeds 3 --json accuracy.json

titles, recovery  five-fold cross-validation over texts that are not exact duplicates
liar              six labels; its own validation and test sets
cross             recovery->isot, recovery->titles, recovery->head; isot->recovery, isot->titles, isot->head;
                  titles->recovery, titles->isot, titles->head: trained on one corpus, tested on another. ISOT has
                  lost its datelines; head are the first 256 articles of fake_or_real_news, whose titles are left
                  out where titles train. Test texts of which the training texts hold a near duplicate, or the
                  title, are left out.

Measured are accuracy on held-out texts, its loss to errors in them, and calibration, each with a 95 % interval, and the
difference of each model to `default`, with the p value of a paired test. Errors are those that `default` trains with
(typos) and others (keyboard slips, dropped words, confusions of a scanner), each in a tenth of the letters or words.
Each linear model is also fitted with the mistyped copies that `default` learns from (MODEL_copies).

With --json, predictions are kept fold by fold in a folder beside the file (accuracy.json: accuracy.predictions/), and an
interrupted run is resumed. Predictions are only used again for the same data, options and sources; each figure names
its sources. Arguments of train.py, such as --num_train_epochs 1, may follow: they hold for our presets.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import datasets
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.folds import FOLDS, TASKS, Fold, make_folds
from benchmarks.models import MODELS, Settings, describe, model_sources, seeds_of
from benchmarks.predictions import Cell, PredictionStore, predict_fold
from benchmarks.records import SHOWN, read_results, record, write_json
from glove_lstm.commands.command import run_command
from glove_lstm.data.corruptions import CORRUPTIONS
from glove_lstm.data.errors import DataError
from glove_lstm.evaluation.metrics import expected_calibration_error
from glove_lstm.evaluation.paired import mean_of_cells, measure_cells, p_value_text, paired_difference

_ECE_DRAWS = 200
# On other splits or data than ours, so never beside our figures in the table.
_PUBLISHED = {
    "liar": "LIAR, six labels, its test set: 0.233 Bi-LSTM, 0.270 CNN, 0.274 CNN with all metadata (Wang 2017).",
    "cross": "Trained on one set and tested on another, four other sets: 0.52 (Hoy and Koulouri 2022).",
}

Results = dict[str, dict[str, dict[str, Any]]]
Runs = list[list[dict[str, Cell]]]  # by seed, by fold, by cell


def compare(
    tasks: Sequence[str],
    *,
    folder: Path,
    glove: str,
    folds: int = FOLDS,
    seeds: int = 1,
    grouped: bool = False,
    models: Sequence[str] | None = None,
    json_file: Path | None = None,
    reuse_other_sources: bool = False,
    arguments: Sequence[str] = (),
) -> Results:
    """Measure models; predictions of an earlier run with the same data, options and sources are used.

    Args:
        tasks: Of `folds.TASKS`.
        folder: Laid out as ../shared/data is.
        glove: A name or a file.
        folds: The first so many of five, of titles and recovery.
        seeds: Runs of each of our models, averaged.
        grouped: Whether near duplicates stay in one fold of titles and recovery, which are then called
            "titles_grouped" and "recovery_grouped".
        models: Only these, of `models.MODELS`.
        json_file: Gets the results after each model; other tasks in it stay. Predictions go to a folder beside it,
            after each fold.
        reuse_other_sources: Whether predictions that other sources made of the same data and options are used.
        arguments: Of `train.py`, over the values of our presets.

    Returns:
        Task -> model -> measure -> {"mean", "low", "high", "folds"}: the mean over the cells, its 95 % bootstrap
        interval over the texts, and each cell's value. A cell is a fold; of the task cross, a pair of corpora. The
        measures are "accuracy"; each of `CORRUPTIONS`, such as "typos": the accuracy lost to errors of that kind;
        "ece", over all cells together, of models with probabilities; "versus_default", the difference in accuracy to
        our default preset, with "p", and "typos_versus_default" and so on, how much more accuracy is lost than by our
        default preset, with "p". Beside them stand "cells", their names, "seeds", "made_of", the hash of the data and
        the options, and "made_by", a list of distinct `records.record`.

    Raises:
        DataError: An argument that is refused, or data that are missing.
    """
    chosen = _check(folds, seeds, models)
    settings = Settings(glove, arguments)
    settings.check()
    earlier = read_results(json_file)
    results: Results = {}
    with _open_store(json_file, reuse_other_sources) as store:
        for task in tasks:
            made = make_folds(task, folder, folds, grouped=grouped)
            name = f"{task}_grouped" if grouped and task in ("titles", "recovery") else task
            default: Runs | None = None
            jobs = sum(len(made) * len(seeds_of(model, seeds)) for model in chosen)
            with tqdm(total=jobs, desc=name, unit="fold") as bar:
                for model in chosen:
                    bar.set_postfix_str(model)
                    runs, origin = _runs(name, model, seeds, made, settings, store, bar)
                    default = runs if model == "default" else default
                    against = None if model == "default" else default
                    results.setdefault(name, {})[model] = {**_summary(runs, made, against), **origin}
                    write_json(json_file, {**earlier, **results})
    return results


def table(results: Results) -> str:
    """Format the results as a Markdown table, and published figures below it."""
    heads = ["task", "model", "accuracy", "95 % interval", "difference to `default`", "p", "ECE"]
    for kind in CORRUPTIONS:
        heads += [f"lost to {kind.replace('_', ' ')}", "p"]
    heads.append("sources")
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    for task, models in results.items():
        for model, measures in models.items():
            lines.append(f"| {' | '.join([task, describe(model), *_cells(measures)])} |")
    notes = [note for task, note in _PUBLISHED.items() if task in results]
    if notes:
        lines += ["", "Published elsewhere, not measured here:", *(f"- {note}" for note in notes)]
    return "\n".join(lines) + "\n"


def _cells(measures: Mapping[str, Any]) -> list[str]:
    accuracy, interval, *others = measure_cells(measures)
    versus = measures.get("versus_default")
    difference = f"{versus['mean']:+.4f} ({versus['low']:+.4f} to {versus['high']:+.4f})" if versus else ""
    for kind in list(CORRUPTIONS)[1:]:  # the first one is in measure_cells
        against = measures.get(f"{kind}_versus_default")
        others += [f"{measures[kind]['mean']:.4f}", p_value_text(against["p"]) if against else ""]
    sources = ", ".join(sorted({made["sources"][:SHOWN] for made in measures["made_by"]}))
    return [accuracy, interval, difference, *others, sources]


def _check(folds: int, seeds: int, models: Sequence[str] | None) -> list[str]:
    """The models to measure, in the order of the table."""
    if not 1 <= folds <= FOLDS:
        raise DataError(f"--folds is {folds}, but must be from 1 to {FOLDS}.")
    if seeds < 1:
        raise DataError(f"--seeds is {seeds}, but must be at least 1.")
    unknown = sorted(set(models or ()) - set(MODELS))
    if unknown:
        raise DataError(f"--models has {unknown[0]!r}; the models are {', '.join(MODELS)}.")
    return [model for model in MODELS if models is None or model in models]


def _runs(
    task: str,
    model: str,
    seeds: int,
    folds: Sequence[Fold],
    settings: Settings,
    store: PredictionStore,
    bar: "tqdm[Any]",
) -> tuple[Runs, dict[str, Any]]:
    """Predictions by seed and fold, from the store if they are there, and what they were made of and by."""
    runs: Runs = []
    here = record(*model_sources(model))
    options = settings.options(model)
    made_by: list[dict[str, Any]] = []
    for seed in seeds_of(model, seeds):
        runs.append([])
        for fold in folds:
            place = (task, model, str(seed), fold.name)
            made_of = {"data": fold.digest, "options": options}
            stored = store.read(place, made_of, here["sources"])
            if stored is None:
                stored = predict_fold(MODELS[model](fold, seed, settings), fold), here
                store.write(place, made_of, here, stored[0])
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
    if ece:
        summary["ece"] = ece
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
    return [clean - changed for clean, changed in zip(_right(runs), _right(runs, kind), strict=True)]


def _calibration(runs: Runs) -> dict[str, Any] | None:
    """The calibration error over the texts of all cells, averaged over seeds; cells of few texts look worse."""
    by_seed = [[cell for fold in run for cell in fold.values()] for run in runs]
    if any(cell.probabilities is None for cell in by_seed[0]):
        return None
    pooled = [
        (np.concatenate([c.probabilities for c in cells]), np.concatenate([c.labels for c in cells]))
        for cells in by_seed
    ]
    mean = float(np.mean([expected_calibration_error(*pair) for pair in pooled]))
    generator = np.random.default_rng(0)
    size = len(pooled[0][1])
    draws = []
    for _ in range(_ECE_DRAWS):
        rows = generator.integers(size, size=size)
        draws.append(np.mean([expected_calibration_error(p[rows], y[rows]) for p, y in pooled]))
    # Draws with replacement look worse calibrated than the texts are, so their quantiles would lie too high: only
    # their spread is used.
    half = 1.96 * float(np.std(draws))
    return {"mean": mean, "low": max(0.0, mean - half), "high": mean + half}


@contextmanager
def _open_store(json_file: Path | None, reuse_other_sources: bool) -> Iterator[PredictionStore]:
    if json_file:
        folder = json_file.with_name(f"{json_file.stem}.predictions")
        yield PredictionStore(folder, reuse_other_sources=reuse_other_sources)
        return
    with tempfile.TemporaryDirectory() as scratch:
        yield PredictionStore(Path(scratch))


def main(argv: Sequence[str]) -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.accuracy",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,  # --seed must not be taken for --seeds
    )
    add = parser.add_argument
    add("--task", choices=[*TASKS, "all"], default="all", help="default: all")
    add("--folds", type=int, default=FOLDS, help="the first of five, of titles and recovery; default: 5")
    add("--grouped", action="store_true", help="keep near duplicates in one fold of titles and recovery")
    add("--seeds", type=int, default=1, help="runs of each of our models; default: 1")
    add("--models", nargs="+", help="only these, such as default article tfidf_svc_cased")
    add(
        "--data_dir",
        type=Path,
        required=True,
        help="a folder that holds fake_or_real_news/titles.csv and head.csv, recovery/recovery.csv.gz, "
        "isot/isot.csv.gz, liar/*.tsv",
    )
    add("--glove", default="6B.100d", help="a name or a file, as for train.py")
    add("--json", type=Path, help="write the results there; other tasks in it stay")
    add("--reuse_other_sources", action="store_true", help="also use predictions of other sources of ours")
    args, rest = parser.parse_known_args(argv)
    datasets.disable_caching()  # no fold's tokens are asked for again
    results = compare(
        TASKS if args.task == "all" else [args.task],
        folder=args.data_dir,
        glove=args.glove,
        folds=args.folds,
        seeds=args.seeds,
        grouped=args.grouped,
        models=args.models,
        json_file=args.json,
        reuse_other_sources=args.reuse_other_sources,
        arguments=rest,
    )
    sys.stdout.write(table(results))


if __name__ == "__main__":
    sys.exit(run_command(main))
