"""Our presets beside simple models on the same folds: what `scripts/benchmark.py accuracy` prints."""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold, train_test_split

from glove_lstm.arguments import parse_training_run
from glove_lstm.data.errors import DataError
from glove_lstm.data.glove import GloveVectors, load_glove
from glove_lstm.data.loading import LoadedData, load_splits
from glove_lstm.evaluation import corpora
from glove_lstm.evaluation.baselines import BASELINES, DESCRIPTIONS, predict_with_baseline
from glove_lstm.evaluation.experiment import joined_texts, run_experiment
from glove_lstm.evaluation.metrics import bootstrap_interval, expected_calibration_error
from glove_lstm.prediction import softmax
from glove_lstm.saving import whole_file

TASKS = ("titles", "recovery", "liar")
OURS = ("default", "article")
_VALIDATION = 0.1  # of a fold's training texts, for the best epoch and the temperature

Results = dict[str, dict[str, dict[str, dict[str, Any]]]]


def compare(
    tasks: Sequence[str],
    *,
    folder: Path,
    glove: str,
    folds: int,
    seeds: int,
    models: Sequence[str] | None = None,
    json_file: Path | None = None,
) -> Results:
    """Measure; what the JSON file already holds of the same folds and seeds is not measured again.

    Args:
        tasks: Of `TASKS`.
        folder: Laid out as ../shared/data is.
        glove: A name or a file.
        folds: The first so many of five (LIAR has a test set of its own: one).
        seeds: Runs of each of our models, averaged.
        models: Only these.
        json_file: Written after each model.

    Returns:
        Task -> model -> measure -> {"mean", "low", "high", "folds"}: the mean over the folds and the 95 % bootstrap
        interval over the pooled texts.

    Raises:
        DataError: An unknown model, or data that are missing.
    """
    known = [*OURS, "majority", *BASELINES]
    unknown = set(models or ()) - set(known)
    if unknown:
        raise DataError(f"--models has {sorted(unknown)[0]!r}; the models are {', '.join(known)}.")
    results: Results = json.loads(json_file.read_text()) if json_file and json_file.is_file() else {}
    vectors: GloveVectors | None = None
    for task in tasks:
        splits = _splits(task, folder, folds)
        for model in models or known:
            done = results.get(task, {}).get(model)
            if done and len(done["accuracy"]["folds"]) == len(splits) and done.get("seeds", seeds) == seeds:
                continue
            if model in OURS:
                vectors = vectors or load_glove(glove)
                found = _measure_ours(model, splits, vectors, seeds)
            else:
                found = _measure_baseline(model, splits)
            results.setdefault(task, {})[model] = found
            if json_file:
                with whole_file(json_file) as part:
                    part.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    return results


def table(results: Results) -> str:
    """The results as a Markdown table."""
    lines = ["| task | model | accuracy | 95 % interval | folds | ECE |", "|---|---|---|---|---|---|"]
    for task, models in results.items():
        for model, measures in models.items():
            accuracy = measures["accuracy"]
            ece = f"{measures['ece']['mean']:.4f}" if "ece" in measures else ""
            folds = ", ".join(f"{value:.4f}" for value in accuracy["folds"])
            name = DESCRIPTIONS.get(model, f"**`{model}` preset**")
            interval = f"{accuracy['low']:.4f}-{accuracy['high']:.4f}"
            lines.append(f"| {task} | {name} | {accuracy['mean']:.4f} | {interval} | {folds} | {ece} |")
    return "\n".join(lines) + "\n"


def _splits(task: str, folder: Path, folds: int) -> list[LoadedData]:
    """Train, validation (of the training texts) and test of each fold."""
    if task == "liar":
        return [load_splits("liar", data_dir=folder / "liar")]
    texts = {"titles": corpora.titles, "recovery": corpora.recovery}[task](folder).distinct()
    labels = np.array(texts.labels)
    found = []
    for train, test in StratifiedKFold(5, shuffle=True, random_state=0).split(labels, labels):
        train, validation = train_test_split(
            train, test_size=_VALIDATION, random_state=0, stratify=labels[train]
        )
        rows = {"train": train, "validation": validation, "test": test}
        found.append(corpora.as_data(texts, rows, task))
    return found[:folds]


def _measure_ours(model: str, splits: list[LoadedData], glove: GloveVectors, seeds: int) -> dict[str, Any]:
    by_seed = []
    for seed in range(42, 42 + seeds):
        scores, labels = [], []
        for data in splits:
            with tempfile.TemporaryDirectory() as scratch:
                argv = [
                    "--preset",
                    model,
                    "--seed",
                    str(seed),
                    "--output_dir",
                    scratch,
                    "--disable_tqdm",
                    "True",
                ]
                experiment = run_experiment(parse_training_run(argv), data, glove)
            scores.append(softmax(experiment.logits["test"]))
            labels.append(experiment.labels["test"])
        by_seed.append(_summary([s.argmax(axis=1) == y for s, y in zip(scores, labels, strict=True)]))
        pooled, truth = np.concatenate(scores), np.concatenate(labels)
        by_seed[-1]["ece"] = expected_calibration_error(pooled, truth)
    mean = {name: np.mean([run[name] for run in by_seed], axis=0).tolist() for name in by_seed[0]}
    accuracy = {name: mean[name] for name in ("mean", "low", "high", "folds")}
    return {"accuracy": accuracy, "ece": {"mean": mean["ece"]}, "seeds": seeds}


def _measure_baseline(model: str, splits: list[LoadedData]) -> dict[str, Any]:
    correct = []
    for data in splits:
        # A baseline chooses nothing on validation texts, so it may learn from them too.
        train = [text for part in ("train", "validation") for text in joined_texts(data.splits[part])]
        labels = [label for part in ("train", "validation") for label in data.splits[part]["label"][:]]
        tests = {"test": list(joined_texts(data.splits["test"]))}
        predicted = predict_with_baseline(model, train, labels, tests)["test"]
        correct.append(predicted == np.array(data.splits["test"]["label"][:]))
    return {"accuracy": _summary(correct)}


def _summary(correct: list[NDArray[np.bool_]]) -> dict[str, Any]:
    folds = [float(rows.mean()) for rows in correct]
    pooled = np.concatenate(correct)
    low, high = bootstrap_interval(lambda rows: float(pooled[rows].mean()), len(pooled))
    return {"mean": float(np.mean(folds)), "low": low, "high": high, "folds": folds}
