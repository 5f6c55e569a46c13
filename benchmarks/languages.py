"""Chinese reviews without word vectors: the table of docs/howto/languages.md.

python -m benchmarks.languages --data_dir ../shared/data --json benchmarks/results/languages.json

Trained on all 10,000 reviews with three seeds, and on three drawings of 1,000; all are measured on 2,000 others. The
linear model is TF-IDF of one to three characters with a linear SVC of C 0.5.

The results are number of reviews -> model -> {"accuracies", "made_by"}. Rows in the file are measured again only with
other sources or versions, or on another machine.
"""

import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from benchmarks.models import sources
from benchmarks.records import benchmark_parser, read_results, record, write_json
from glove_lstm.commands.command import run_command
from glove_lstm.training.fit import fit
from glove_lstm.training.settings import make_settings

COUNTS = (1_000, 10_000)  # training texts
SEEDS = 3

Table = pd.DataFrame  # columns text and label


def _fit_characters(train: Table, test: Table, _seed: int) -> float:
    features = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True)
    pipeline = make_pipeline(features, LinearSVC(C=0.5, random_state=0))
    pipeline.fit(train["text"], train["label"])
    return float(pipeline.score(test["text"], test["label"]))


def _fit_default(train: Table, test: Table, seed: int) -> float:
    with redirect_stdout(sys.stderr):  # the Trainer's log
        trained = fit(
            train["text"].tolist(),
            train["label"].tolist(),
            settings=make_settings(glove="none", seed=seed),
        )
    names = np.array(trained.model.config.label_names)
    best = trained.classifier.predict_proba(test["text"].tolist()).argmax(axis=1)
    return float((names[best] == test["label"]).mean())


_FITS: dict[str, Callable[[Table, Table, int], float]] = {
    "tfidf_svc_characters": _fit_characters,
    "default": _fit_default,
}


def main(argv: Sequence[str]) -> None:
    """Measure all numbers of reviews."""
    args = benchmark_parser("languages", __doc__, tuple(_FITS)).parse_args(argv)
    results = read_results(args.json)
    every, test = (_reviews(args.data_dir, part) for part in ("train", "test"))
    for count in COUNTS:
        rows = results.setdefault(str(count), {})
        for model in args.models:
            made_by = record("benchmarks/languages.py", *sources(model, corrupted=False))
            if rows.get(model, {}).get("made_by") == made_by:
                continue
            accuracies = []
            for seed in range(SEEDS):
                train = every.sample(count, random_state=seed)
                accuracies.append(_FITS[model](train, test, seed))
                sys.stdout.write(f"{count} reviews, {seed}: {model} {accuracies[-1]:.4f}\n")
                sys.stdout.flush()
            rows[model] = {"accuracies": accuracies, "made_by": made_by}
            write_json(args.json, results)


def _reviews(folder: Path, part: str) -> Table:
    return pd.read_csv(folder / "languages" / f"reviews_zh.{part}.csv.gz")


if __name__ == "__main__":
    sys.exit(run_command(main, extra="benchmark"))
