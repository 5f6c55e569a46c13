"""Our presets beside simple models on the same folds: what `python -m benchmarks.benchmark accuracy` prints."""

import json
import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.folds import Fold, make_folds
from benchmarks.predictions import (
    MODELS,
    OURS,
    Cell,
    PredictionStore,
    Predictor,
    fingerprint,
    sources_of,
)
from glove_lstm.data.corruptions import CORRUPTIONS
from glove_lstm.data.errors import DataError
from glove_lstm.data.whole_files import whole_file
from glove_lstm.evaluation.baselines import DESCRIPTIONS
from glove_lstm.evaluation.metrics import expected_calibration_error
from glove_lstm.evaluation.paired import mean_of_cells, measure_cells, p_value_text, paired_difference

logger = logging.getLogger(__name__)

_FIRST_SEED = 42
_ECE_DRAWS = 200
# What others report; on other splits or data than ours, so never beside our figures in the table.
_ELSEWHERE = {
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
    folds: int = 5,
    seeds: int = 1,
    grouped: bool = False,
    models: Sequence[str] | None = None,
    json_file: Path | None = None,
    reuse_other_sources: bool = False,
    arguments: Sequence[str] = (),
) -> Results:
    """Measure; what was predicted before, of the same data by the same recipe, is not predicted again.

    Args:
        tasks: Of `folds.TASKS`.
        folder: Laid out as ../shared/data is.
        glove: A name or a file.
        folds: The first so many of five, of titles and recovery.
        seeds: Runs of each of our models, averaged.
        grouped: Whether near duplicates stay in one fold of titles and recovery, which are then called
            "titles_grouped" and "recovery_grouped".
        models: Only these, of `predictions.MODELS`.
        json_file: Gets the results after each model; those of other tasks in it stay. Predictions go to a folder
            beside it, after each fold.
        reuse_other_sources: Whether predictions that other sources of ours made of the same data and options are used.
        arguments: Of `train.py`, over the values of our presets.

    Returns:
        Task -> model -> measure -> {"mean", "low", "high", "folds"}: the mean over the cells, its 95 % bootstrap
        interval over the texts, and each cell's value. A cell is a fold; of the task cross, a pair of corpora. The
        measures are "accuracy"; each of `CORRUPTIONS`, such as "typos": the accuracy lost to errors of that kind;
        "ece", over all cells together, of models with probabilities; "versus_default", the difference in accuracy to
        our default preset, with "p", and "typos_versus_default" and so on, how much more accuracy is lost than by our
        default preset, with "p". Beside them stand "cells", their names, "seeds", and "sources", the hashes of the
        sources that made the predictions.

    Raises:
        DataError: An argument that is refused, or data that are missing.
    """
    chosen = _checked(folds, seeds, models)
    predictor = Predictor(glove, arguments)
    predictor.check()
    before = _read(json_file)
    results: Results = {}
    with _store(json_file, reuse_other_sources) as store:
        for task in tasks:
            made = make_folds(task, folder, folds, grouped=grouped)
            name = f"{task}_grouped" if grouped and task in ("titles", "recovery") else task
            default: Runs | None = None
            jobs = sum(len(made) * len(_seeds(model, seeds)) for model in chosen)
            with tqdm(total=jobs, desc=name, unit="fold") as bar:
                for model in chosen:
                    bar.set_postfix_str(model)
                    runs, sources = _runs(model, _seeds(model, seeds), made, name, predictor, store, bar)
                    default = runs if model == "default" else default
                    against = None if model == "default" else default
                    measures = {**_summary(runs, made, against), "sources": sources}
                    results.setdefault(name, {})[model] = measures
                    _write(json_file, {**before, **results})
    return results


def table(results: Results) -> str:
    """The results as a Markdown table, and below it what others report."""
    heads = ["task", "model", "accuracy", "95 % interval", "difference to `default`", "p", "ECE"]
    for kind in CORRUPTIONS:
        heads += [f"lost to {kind.replace('_', ' ')}", "p"]
    heads.append("sources")
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    for task, models in results.items():
        for model, measures in models.items():
            name = DESCRIPTIONS.get(model, f"**`{model}` preset**")
            versus = measures.get("versus_default")
            difference = (
                f"{versus['mean']:+.4f} ({versus['low']:+.4f} to {versus['high']:+.4f})" if versus else ""
            )
            accuracy, interval, *others = measure_cells(measures)
            for kind in list(CORRUPTIONS)[1:]:
                against = measures.get(f"{kind}_versus_default")
                others += [f"{measures[kind]['mean']:.4f}", p_value_text(against["p"]) if against else ""]
            others.append(", ".join(source[:8] for source in measures["sources"]))
            lines.append(f"| {' | '.join([task, name, accuracy, interval, difference, *others])} |")
    notes = [note for task, note in _ELSEWHERE.items() if task in results]
    if notes:
        lines += ["", "Published elsewhere, not measured here:", *(f"- {note}" for note in notes)]
    return "\n".join(lines) + "\n"


def _checked(folds: int, seeds: int, models: Sequence[str] | None) -> list[str]:
    if not 1 <= folds <= 5:
        raise DataError(f"--folds is {folds}, but must be from 1 to 5.")
    if seeds < 1:
        raise DataError(f"--seeds is {seeds}, but must be at least 1.")
    unknown = sorted(set(models or ()) - set(MODELS))
    if unknown:
        raise DataError(f"--models has {unknown[0]!r}; the models are {', '.join(MODELS)}.")
    # In our order: default comes first, since the others are compared with it.
    return [model for model in MODELS if models is None or model in models]


def _seeds(model: str, count: int) -> list[int]:
    """The simple models do the same every time."""
    return list(range(_FIRST_SEED, _FIRST_SEED + count)) if model in OURS else [0]


def _runs(
    model: str,
    seeds: Sequence[int],
    folds: Sequence[Fold],
    task: str,
    predictor: Predictor,
    store: PredictionStore,
    bar: "tqdm[Any]",
) -> tuple[Runs, list[str]]:
    """The predictions of each seed and fold, from the store where it has them, and all sources that made them."""
    runs: Runs = []
    sources = sources_of(model)
    used = set()
    for seed in seeds:
        runs.append([])
        for fold in folds:
            place = (task, model, str(seed), fold.name)
            made_of = fingerprint(predictor, model, fold, seed)
            cells, made_by = store.read(place, made_of, sources) or (None, sources)
            if cells is None:
                cells = predictor.predict(model, fold, seed)
                store.write(place, made_of, sources, cells)
            runs[-1].append(cells)
            used.add(made_by)
            bar.update()
    return runs, sorted(used)


def _summary(runs: Runs, folds: Sequence[Fold], default: Runs | None) -> dict[str, Any]:
    texts = [numbers for fold in folds for numbers in fold.texts.values()]
    right = _mean_over_seeds(runs)
    found: dict[str, Any] = {"accuracy": mean_of_cells(right, texts)}
    ece = _calibration(runs)
    if ece:
        found["ece"] = ece
    if default:
        found["versus_default"] = paired_difference(right, _mean_over_seeds(default), texts)
    for kind in CORRUPTIONS:
        lost = _lost(runs, kind)
        found[kind] = mean_of_cells(lost, texts)
        if default:
            found[f"{kind}_versus_default"] = paired_difference(lost, _lost(default, kind), texts)
    return {**found, "cells": [cell for fold in folds for cell in fold.tests], "seeds": len(runs)}


def _lost(runs: Runs, kind: str) -> list[NDArray[np.float64]]:
    """By cell, for each text: 1 where only errors of a kind make its label wrong, -1 where they make it right."""
    pairs = zip(_mean_over_seeds(runs), _mean_over_seeds(runs, kind), strict=True)
    return [clean - corrupted for clean, corrupted in pairs]


def _mean_over_seeds(runs: Runs, kind: str | None = None) -> list[NDArray[np.float64]]:
    """By cell, for each text: the share of seeds that are right, on the text as it is or with errors of a kind."""
    by_seed = [
        [cell.right_corrupted(kind) if kind else cell.right for fold in run for cell in fold.values()]
        for run in runs
    ]
    return [np.mean(cells, axis=0) for cells in zip(*by_seed, strict=True)]


def _calibration(runs: Runs) -> dict[str, Any] | None:
    """The error over the pooled texts, averaged over seeds. Few texts alone look worse: read its "folds" with care."""
    by_seed = [[cell for fold in run for cell in fold.values()] for run in runs]
    if any(cell.probabilities is None for cell in by_seed[0]):
        return None
    cells = [[(np.array(c.probabilities), np.array(c.labels)) for c in run] for run in by_seed]
    pooled = [(np.concatenate([p for p, _ in run]), np.concatenate([y for _, y in run])) for run in cells]
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
    folds = np.mean([[expected_calibration_error(*pair) for pair in run] for run in cells], axis=0)
    return {"mean": mean, "low": max(0.0, mean - half), "high": mean + half, "folds": folds.tolist()}


@contextmanager
def _store(json_file: Path | None, reuse_other_sources: bool) -> Iterator[PredictionStore]:
    if json_file:
        folder = json_file.with_name(f"{json_file.stem}.predictions")
        yield PredictionStore(folder, reuse_other_sources=reuse_other_sources)
        return
    with tempfile.TemporaryDirectory() as scratch:
        yield PredictionStore(Path(scratch))


def _read(json_file: Path | None) -> Results:
    if json_file is None or not json_file.exists():
        return {}
    if json_file.is_dir():
        raise DataError(f"{json_file} is a folder; give the name of a file.")
    try:
        found = json.loads(json_file.read_text(encoding="utf-8"))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise DataError(f"{json_file} holds no results of this command; give another --json.")
    return found


def _write(json_file: Path | None, results: Results) -> None:
    if json_file:
        with whole_file(json_file) as part:
            part.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
