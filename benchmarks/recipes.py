"""What one line of `glove-lstm train` costs and gives for five tasks: the table of docs/recipes.md.

python -m benchmarks.recipes --data_dir ../shared/data --json benchmarks/results/recipes.json

Each task is a table for training and one for testing; the command is run as a person would run it, on one core. The
linear models learn from the same texts, on one core, too. A task is measured again only with other sources, versions or
another machine. Needs Linux.

The results are task -> model -> {"texts", "accuracy", "accuracy_interval", "seconds", "megabytes", "made_by"}.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from tqdm import tqdm

from benchmarks import corpora
from benchmarks.folds import make_folds
from benchmarks.models import sources
from benchmarks.records import benchmark_parser, read_results, record, write_json
from glove_lstm.checkpoint import LOADED_NAMES
from glove_lstm.commands.command import run_command
from glove_lstm.data.files import read_json_object
from glove_lstm.data.loading import joined_texts
from glove_lstm.data.splits import grouped_stratified_split, near_duplicate_groups
from glove_lstm.evaluation.baselines import BASELINES
from glove_lstm.evaluation.metrics import accuracy_with_interval

TASKS = ("sst2", "trec", "subj", "titles", "satire")
_MODEL = "default"
_TRAIN = Path(__file__).parents[1] / "scripts" / "train.py"
_SATIRE_ROWS = 20_000
_TEST_SHARE = 0.1


def main(argv: Sequence[str]) -> None:
    """Parse, measure, write."""
    models = (_MODEL, *BASELINES)
    parser = benchmark_parser("recipes", __doc__, models)
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=TASKS, metavar="TASK")
    args = parser.parse_args(argv)
    results = read_results(args.json)
    with _one_core():
        for task in tqdm(args.tasks, unit="task"):
            rows = results.setdefault(task, {})
            missing = [model for model in args.models if not _is_up_to_date(rows.get(model), model)]
            if not missing:
                continue
            train, test, label_names = task_tables(task, args.data_dir)
            for model in missing:
                measured = _measure(model, train, test, label_names)
                rows[model] = {"texts": len(train), **measured, "made_by": _record(model)}
                write_json(args.json, results)


@contextmanager
def _one_core() -> Iterator[None]:
    """Keep this process, and the commands that it starts, on one core."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def task_tables(task: str, folder: Path) -> tuple[Dataset, Dataset, list[str]]:
    """Return the training and test texts of a task, with numbers as labels, and the names of the labels."""
    if task == "satire":
        rows = corpora.corpus(folder, "onion_vs_nottheonion", _SATIRE_ROWS)
        groups = near_duplicate_groups(rows["text"][:])
        shares = [1 - _TEST_SHARE, _TEST_SHARE]
        train, test = grouped_stratified_split(rows["label"][:], groups, shares, seed=0)
        return rows.select(train), rows.select(test), corpora.NAMES
    fold = make_folds(task, folder, 1)[0]
    [test_rows] = fold.tests.values()
    return fold.training, test_rows, fold.label_names


def _measure(model: str, train: Dataset, test: Dataset, label_names: list[str]) -> dict[str, Any]:
    if model == _MODEL:
        return run_train(train, test, label_names)
    return run_linear(model, train, test)


def run_train(train: Dataset, test: Dataset, label_names: list[str]) -> dict[str, Any]:
    """Run the command of docs/recipes.md."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for name, rows in (("train", train), ("test", test)):
            texts = list(joined_texts(rows))
            labels = [label_names[label] for label in rows["label"]]
            Dataset.from_dict({"text": texts, "label": labels}).to_csv(folder / f"{name}.csv")
        options = ["--train_file", "train.csv", "--test_file", "test.csv", "--glove", "6B.50d"]
        began = time.perf_counter()
        subprocess.run(  # noqa: S603 - the command is ours
            [sys.executable, _TRAIN, *options, "--output_dir", "mine"],
            cwd=folder,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        seconds = time.perf_counter() - began
        metrics = read_json_object(folder / "mine" / "metrics.json", "run it again")["test"]
        size = sum((folder / "mine" / name).stat().st_size for name in LOADED_NAMES)
    return {
        "accuracy": metrics["accuracy"],
        "accuracy_interval": metrics["accuracy_interval"],
        "seconds": seconds,
        "megabytes": size / 1e6,
    }


def run_linear(name: str, train: Dataset, test: Dataset) -> dict[str, Any]:
    """Fit and measure a linear model."""
    model = BASELINES[name]()
    began = time.perf_counter()
    model.fit(list(joined_texts(train)), np.array(train["label"]))
    seconds = time.perf_counter() - began
    predicted = model.predict(list(joined_texts(test)))
    return {
        **accuracy_with_interval(predicted == np.array(test["label"])),
        "seconds": seconds,
        "megabytes": None,
    }


def _record(model: str) -> dict[str, Any]:
    files = ("benchmarks/recipes.py", "benchmarks/folds.py", "benchmarks/corpora.*")
    if model == _MODEL:
        return record(*files, *sources("default", corrupted=False))
    return record(*files, "glove_lstm.evaluation/baselines.py")


def _is_up_to_date(row: dict[str, Any] | None, model: str) -> bool:
    return row is not None and row["made_by"] == _record(model)


if __name__ == "__main__":
    sys.exit(run_command(main, extra="benchmark"))
