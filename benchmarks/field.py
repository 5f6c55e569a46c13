r"""Eight sets of the table by which small classifiers are compared: 1,000 labels, weighted F1, nothing tuned.

python -m benchmarks.field --data_dir DATA --json benchmarks/results/field.json

For each set and drawing, the first 1,000 of the shuffled training texts are labelled; the others are texts without
labels, which a teacher reads. With `--labels 0`, all are labelled. All test texts are measured. The table is that of
model2vec (results/README.md of its repository, version 0.10.0), whose own figures stand in `PUBLISHED`.

The results are "SET-LABELS" -> drawing -> model -> weighted_f1 and the other values of benchmarks.few_labels.
"""

import random
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.few_labels import Drawing, Settings, measure_model
from benchmarks.folds import make_folds
from benchmarks.records import (
    benchmark_parser,
    markdown_table,
    read_results,
    record,
    write_json,
)
from glove_lstm.commands.command import run_command
from glove_lstm.vectors.glove import load_glove

SETS = (
    "banking77",
    "emotion",
    "hatespeech_offensive",
    "amazon_counterfactual",
    "sst5",
    "tweet_emotion",
    "sst2",
    "subj",
)
README_SETS = ("banking77", "emotion", "hatespeech_offensive", "sst2", "subj")
LABELS = 1_000
MODELS = {
    "tfidf_svc_cased_chars": "linear SVC, words and characters",
    "minilm_logistic": "MiniLM, logistic regression",
    "glove_lstm": "**glove-lstm, labels alone**",
    "taught_MiniLM": "**glove-lstm, taught by MiniLM**",
}
# Weighted F1 in model2vec's table. Its splits of amazon_counterfactual and subj may differ.
PUBLISHED = {
    "TF-IDF, logistic regression": (69.60, 61.88, 80.59, 92.77, 31.12, None, 72.16, 86.95),
    "fastText": (53.23, 56.48, 77.78, 93.00, 33.02, None, 70.70, 87.39),
    "model2vec (potion), logistic regression": (
        *(79.95, 65.57, 83.54, 90.96, 32.34, None, 79.76, 89.20),
    ),
    "model2vec (potion), fine-tuned": (75.61, 66.46, 84.90, 91.31, 37.71, None, 81.33, 89.79),
    "SetFit (MiniLM)": (56.42, 60.73, 85.50, 90.81, 40.96, None, 82.81, 89.90),
    "MiniLM, fine-tuned": (48.72, 81.22, 86.20, 94.85, 35.65, None, 82.26, 92.65),
}


def read_set(name: str, folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the training and the test texts of a set: columns `text` and `label`."""
    if name in ("sst2", "subj"):
        [fold] = make_folds(name, folder, 1)
        return fold.train if name == "sst2" else fold.every, fold.test
    parts = [folder / "field" / f"{name}.{part}.csv.gz" for part in ("train", "test")]
    train, test = (pd.read_csv(path, keep_default_na=False) for path in parts)
    return train, test


def draw(train: pd.DataFrame, test: pd.DataFrame, count: int, seed: int) -> Drawing:
    """Label the first `count` of the shuffled training texts; 0: all."""
    rows = list(zip(train["text"], train["label"], strict=True))
    random.Random(seed).shuffle(rows)  # noqa: S311 - no secret
    count = count or len(rows)
    names = sorted(set(train["label"]), key=str)
    numbers = {name: number for number, name in enumerate(names)}
    return Drawing(
        texts=[text for text, _ in rows[:count]],
        labels=[numbers[label] for _, label in rows[:count]],
        unlabelled=[text for text, _ in rows[count:]],
        test_texts=test["text"].tolist(),
        test_labels=[numbers[label] for label in test["label"]],
        label_names=[str(name) for name in names],
        seed=seed,
    )


def main(argv: Sequence[str]) -> None:
    """Measure all drawings; those in the JSON file stay."""
    args = parse(argv)
    results = read_results(args.json)
    settings = Settings(load_glove("6B.50d"), None)
    for seed in range(args.drawings):
        for name in args.sets:
            drawing = draw(*read_set(name, args.data_dir), args.labels, seed)
            of_set = results.setdefault(f"{name}-{len(drawing.texts)}", {})
            rows = of_set.setdefault(str(seed), {})
            for model in args.models:
                if model in rows:
                    continue
                rows[model] = measure_model(model, drawing, settings) | {"made_by": record()}
                write_json(args.json, results)
                figures = {key: rows[model][key] for key in ("weighted_f1", "cpu_seconds")}
                sys.stdout.write(f"{name}, {len(drawing.texts)}, {seed}: {model} {figures}\n")
                sys.stdout.flush()


def parse(argv: Sequence[str]) -> Namespace:
    """Read the options."""
    parser = benchmark_parser("field", __doc__, list(MODELS))
    add = parser.add_argument
    add("--sets", nargs="+", choices=SETS, default=SETS)
    add("--labels", type=int, default=LABELS, help="number of labelled texts; 0: all")
    add("--drawings", type=int, default=3)
    return parser.parse_args(argv)


def field_table(results: dict[str, Any], sets: Sequence[str]) -> str:
    """Format the mean weighted F1 of 1,000 labels by model and set, below the published figures."""
    lines = []
    for name, figures in PUBLISHED.items():
        published = dict(zip(SETS, figures, strict=True))
        cells = [_published(published[one]) for one in sets]
        lines.append([f"*{name}*", *cells, "", ""])
    for model, name in MODELS.items():
        rows_of_sets = [_rows(results, one, model) for one in sets]
        cells = [_mean_f1(rows) for rows in rows_of_sets]
        every = [row for rows in rows_of_sets for row in rows]
        cells += [_median(every, "cpu_seconds", 0), _median(every, "megabytes", 1)]
        lines.append([name, *cells])
    return markdown_table(["", *sets, "CPU s", "MB"], lines)


def _published(figure: float | None) -> str:
    """Format a published figure; empty if there is none."""
    return "" if figure is None else f"{figure:.1f}"


def _rows(results: dict[str, Any], name: str, model: str) -> list[dict[str, Any]]:
    drawings = results.get(f"{name}-{LABELS}", {}).values()
    return [models[model] for models in drawings if model in models]


def _mean_f1(rows: Sequence[dict[str, Any]]) -> str:
    """Format a mean; a star marks a single drawing."""
    if not rows:
        return ""
    mean = np.mean([row["weighted_f1"] for row in rows])
    return f"{100 * mean:.1f}{'*' if len(rows) == 1 else ''}"


def _median(rows: Sequence[dict[str, Any]], key: str, digits: int) -> str:
    if not rows:
        return ""
    median = np.median([row[key] for row in rows])
    return f"{median:,.{digits}f}"


if __name__ == "__main__":
    sys.exit(run_command(main, extra="benchmark"))
