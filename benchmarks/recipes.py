"""What one line of `glove-lstm train` costs and gives for five tasks: the table of docs/recipes.md.

python -m benchmarks.recipes --data_dir ../shared/data --json benchmarks/results/recipes.json

The command and the linear models of `--with_baselines` are trained and measured as in benchmarks.scale. A task is
measured again only with other sources, versions or another machine. Needs Linux.

The results are task -> model -> {"texts", "accuracy", "accuracy_interval", "seconds", "megabytes", "made_by"}.
"""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from benchmarks import corpora
from benchmarks.folds import make_folds
from benchmarks.models import sources
from benchmarks.records import benchmark_parser, read_results, record, write_json
from benchmarks.scale import run_training
from glove_lstm.checkpoint.names import LOADED_NAMES
from glove_lstm.commands.command import run_command
from glove_lstm.splits.splitter import grouped_stratified_split, near_duplicate_groups

TASKS = ("sst2", "trec", "subj", "titles", "satire")
_MODEL = "default"
_GLOVE = "6B.50d"
_SATIRE_ROWS = 20_000
_TEST_SHARE = 0.1
_SOURCES = (
    *("benchmarks/recipes.py", "benchmarks/scale.py", "benchmarks/worker.py"),
    *("benchmarks/folds.py", "benchmarks/corpora.*"),
)


def main(argv: Sequence[str]) -> None:
    """Parse, measure, write."""
    parser = benchmark_parser("recipes", __doc__, (_MODEL, "tfidf_svc_cased_chars"))
    parser.add_argument("--task", nargs="+", choices=TASKS, default=TASKS, metavar="TASK")
    args = parser.parse_args(argv)
    results = read_results(args.json)
    for task in tqdm(args.task, unit="task"):
        tables = task_tables(task, args.data_dir)
        rows = results.setdefault(task, {})
        for model in args.models:
            made_by = record(*_SOURCES, *sources(model, corrupted=False))
            if rows.get(model, {}).get("made_by") == made_by:
                continue
            rows[model] = {**_measure(model, tables), "made_by": made_by}
            write_json(args.json, results)


def task_tables(task: str, folder: Path) -> dict[str, pd.DataFrame]:
    """Return the training and test texts of a task: columns `title` and `label`."""
    if task == "satire":
        rows = corpora.corpus(folder, "onion_vs_nottheonion", _SATIRE_ROWS)
        groups = near_duplicate_groups(rows["text"].tolist())
        shares = [1 - _TEST_SHARE, _TEST_SHARE]
        train, test = grouped_stratified_split(rows["label"].tolist(), groups, shares, seed=0)
        parts = {"train": corpora.select(rows, train), "test": corpora.select(rows, test)}
        label_names = corpora.NAMES
    else:
        fold = make_folds(task, folder, 1)[0]
        [test_rows] = fold.tests.values()
        parts = {"train": fold.every, "test": test_rows}
        label_names = fold.label_names
    tables = {}
    for name, rows in parts.items():
        labels = [label_names[label] for label in rows["label"]]
        tables[name] = pd.DataFrame({"title": corpora.joined_texts(rows), "label": labels})
    return tables


def _measure(model: str, tables: dict[str, pd.DataFrame]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as scratch:
        measured = run_training(model, tables, Path(scratch), _GLOVE, [])
        files = [Path(scratch, "checkpoint", name) for name in LOADED_NAMES]
        megabytes = sum(file.stat().st_size for file in files) / 1e6 if model == _MODEL else None
    return {
        "texts": len(tables["train"]),
        "accuracy": measured["accuracy"],
        "accuracy_interval": measured["accuracy_interval"],
        "seconds": measured["figures"]["s to train"],
        "megabytes": megabytes,
    }


if __name__ == "__main__":
    sys.exit(run_command(main, extra="benchmark"))
