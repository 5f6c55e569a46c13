"""What each part of `default` is worth: its accuracy without the part, on training texts.

python -m benchmarks.ablation --data_dir ../shared/data --glove GLOVE_100D --json benchmarks/results/ablation.json

No test text is used: with each seed, a fifth of the training and validation texts of a task is set aside, near
duplicates on one side, and `default` and the models without a part learn from the others. The same command resumes an
interrupted run.

The results are task -> seed -> model -> "plain" or kind of error -> accuracy.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.corpora import joined_texts, select
from benchmarks.folds import Fold, corrupted, make_folds
from benchmarks.models import FIRST_SEED, PARTS, Settings, fit_preset, sources
from benchmarks.records import benchmark_parser, read_results, record, write_json
from glove_lstm.commands.command import run_command
from glove_lstm.splits.splitter import grouped_stratified_split, near_duplicate_groups

TASKS = ("sst2", "trec", "subj", "liar", "titles", "recovery")
KINDS = ("typos", "no_case", "no_punctuation")
_SHARES = (0.8, 0.2)
_FIRST_SPLIT = 100  # its seed; the others follow


def set_aside(task: str, folder: Path, seed: int) -> Fold:
    """Divide the training and validation texts of a task; of a cross-validated one, those of the first fold."""
    first = make_folds(task, folder, 1)[0]
    texts = first.every
    groups = near_duplicate_groups(joined_texts(texts))
    parts = grouped_stratified_split(texts["label"].to_numpy(), groups, _SHARES, seed=seed)
    train, test = (select(texts, part) for part in parts)
    return Fold(task, first.label_names, train, train[:0], train, {"test": test})


def measure(model: str, fold: Fold, seed: int, settings: Settings) -> dict[str, float]:
    """Train a model, and measure it on the texts that were set aside, as they are and with errors."""
    classify = fit_preset(fold, seed, settings, model=model)
    test = fold.tests["test"]
    accuracies = {}
    for kind in ("plain", *KINDS):
        rows = test if kind == "plain" else corrupted(test, kind)
        predicted = classify(joined_texts(rows)).argmax(axis=1)
        accuracies[kind] = round(float(np.mean(predicted == test["label"].to_numpy())), 5)
    return accuracies


def main(argv: Sequence[str]) -> None:
    """Measure all models; rows in the JSON file stay."""
    models = ("default", *PARTS)
    parser = benchmark_parser("ablation", __doc__, models)
    parser.add_argument("--glove", default="6B.100d", help="a name or a file, as for train.py")
    parser.add_argument("--task", nargs="+", choices=TASKS, default=TASKS, help="default: all")
    parser.add_argument("--seeds", type=int, default=3, help="default: 3")
    args = parser.parse_args(argv)
    settings = Settings(args.glove)
    results = read_results(args.json)
    for task in args.task:
        for number in range(args.seeds):
            seed = FIRST_SEED + number
            fold = set_aside(task, args.data_dir, _FIRST_SPLIT + number)
            rows = results.setdefault(task, {}).setdefault(str(seed), {})
            for model in args.models:
                if model not in rows:
                    rows[model] = measure(model, fold, seed, settings)
                    results["made_by"] = record(*sources("default", corrupted=True))
                    write_json(args.json, results)
                    sys.stdout.write(f"{task}, {seed}, {model}: {rows[model]}\n")


if __name__ == "__main__":
    sys.exit(run_command(main, extra="benchmark"))
