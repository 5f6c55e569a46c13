r"""Time, memory and cost of a checkpoint beside other models, and of a training. Needs Linux.

python -m benchmarks.speed --data_dir DATA --json benchmarks/results/speed.json
python -m benchmarks.speed --data_dir DATA --json benchmarks/results/speed.json --train 1000 10000 --glove 6B.100d

PROTOCOL.md describes the figures. The results are task (and threads), or number of headlines -> model ->
{"median", "runs", "made_of", "made_by"}; of a training, instead of "runs", accuracy and its interval.
"""

import argparse
import os
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import joblib
import numpy as np
import pandas as pd

from benchmarks import corpora
from benchmarks.folds import Fold, make_folds
from benchmarks.hub.corpora import TRAINING_CORPORA, read_corpus
from benchmarks.peers import PEERS, fit_peer
from benchmarks.records import benchmark_parser, read_results, record, write_json
from benchmarks.tables import Results, speed_table, training_table
from benchmarks.worker import Job, run_worker
from glove_lstm.checkpoint.names import DEFAULT_CHECKPOINT
from glove_lstm.commands.command import run_command
from glove_lstm.errors import DataError
from glove_lstm.evaluation.metrics import accuracy_with_interval
from glove_lstm.files import digest

MODELS = ("default", "pipeline", *PEERS)
_WARM = 1_000  # texts of another corpus, classified before the tests
_TEST_HEADLINES = 5_000

Figures = dict[str, float]  # by unit


def measure_speed(args: argparse.Namespace) -> Results:
    """Measure models; rows of other models in the JSON file stay."""
    results: Results = read_results(args.json)
    case = args.task if args.threads == 1 else f"{args.task}, {args.threads} threads"
    rows = results.setdefault(case, {})
    folds = make_folds(args.task, args.data_dir)
    tests = corpora.join([fold.test for fold in folds])  # all texts
    warm = corpora.isot(args.data_dir)[:_WARM]
    texts = {
        "warm": corpora.joined_texts(warm[[name for name in warm if name in tests]]),
        "tests": corpora.joined_texts(tests),
    }
    made_of = {
        "data": folds[0].digest,
        "checkpoint": digest(args.checkpoint / "model.safetensors"),
        "threads": args.threads,
        "repetitions": args.repetitions,
    }
    models = [model for model in MODELS if model in args.models]
    with tempfile.TemporaryDirectory() as scratch:
        jobs = _jobs(models, folds[0], args, texts, Path(scratch))
        runs = _run(jobs, args.repetitions, args.threads)
    for model in models:
        medians = {unit: median(run[unit] for run in runs[model]) for unit in runs[model][0]}
        rows[model] = {
            "median": medians,
            "runs": runs[model],
            "made_of": made_of,
            "made_by": record(),
        }
    results[case] = {model: rows[model] for model in MODELS if model in rows}
    write_json(args.json, results)
    return {case: results[case]}


def _jobs(
    models: Sequence[str],
    fold: Fold,
    args: argparse.Namespace,
    texts: dict[str, list[str]],
    scratch: Path,
) -> dict[str, Job]:
    """Return the job of each model, after fitting the peers."""
    write_json(scratch / "texts.json", texts)
    tests = texts["tests"]
    job: Job = {
        "measure": "speed",
        "cores": sorted(os.sched_getaffinity(0))[
            -args.threads :
        ],  # the first one serves interrupts
        "first": sorted(tests, key=len)[len(tests) // 2],
        "texts": str(scratch / "texts.json"),
    }
    jobs: dict[str, Job] = {}
    for model in models:
        folder = _store(model, fold, scratch) if model in PEERS else args.checkpoint
        jobs[model] = {**job, "model": model, "folder": str(folder.absolute())}
    return jobs


def _run(jobs: dict[str, Job], repetitions: int, threads: int) -> dict[str, list[Figures]]:
    """Measure the models in turn, each repetition in a new process."""
    runs: dict[str, list[Figures]] = {model: [] for model in jobs}
    for number in range(-1, repetitions):  # the first one warms the machine up
        # There and back, so that a slow drift of the machine meets all models alike.
        for model in list(jobs)[:: -1 if number % 2 else 1]:
            figures = run_worker(jobs[model], threads)
            if number >= 0:
                runs[model].append(figures)
    return runs


def _store(model: str, fold: Fold, scratch: Path) -> Path:
    """Fit a peer, and store it in a folder of its own."""
    parts = [
        (corpora.joined_texts(rows), rows["label"].tolist())
        for rows in (fold.train, fold.validation, fold.every)
    ]
    peer: Any = fit_peer(model, *parts)
    folder = scratch / model
    folder.mkdir()
    if model == "fasttext":
        peer.model.save_model(str(folder / "model.bin"))
    else:
        joblib.dump(peer, folder / "model.joblib")
    return folder


def measure_trainings(args: argparse.Namespace) -> Results:
    """Train `default` on headlines of the corpora of hub/, each time in a new process with one thread."""
    results: Results = read_results(args.json)
    headlines = _read_headlines(args.data_dir)
    glove = str(Path(args.glove).absolute()) if Path(args.glove).exists() else args.glove
    measured: Results = {}
    for count in sorted(set(args.train)):
        needed = _TEST_HEADLINES + count
        if needed > len(headlines):
            raise DataError(
                f"There are {len(headlines):,} distinct headlines, but --train {count} needs {needed:,} with the test "
                "texts; give a smaller number."
            )
        test, train = headlines[:_TEST_HEADLINES], headlines[_TEST_HEADLINES:needed]
        with tempfile.TemporaryDirectory() as scratch:
            train.to_csv(Path(scratch, "train.csv"), index=False)
            test.to_csv(Path(scratch, "test.csv"), index=False)
            job: Job = {"measure": "training", "folder": scratch, "glove": glove}
            figures = run_worker(job, threads=1)
        is_right = np.array(figures.pop("predicted")) == test["label"].to_numpy()
        row = {
            "median": figures,
            **accuracy_with_interval(is_right),
            "made_of": {"glove": Path(args.glove).name},
            "made_by": record(),
        }
        case = f"{count:,} headlines"
        measured[case] = results[case] = {"default": row}
        write_json(args.json, results)
    return measured


def _read_headlines(folder: Path) -> pd.DataFrame:
    """Return the distinct headlines of the corpora of hub/ in a fixed random order: columns `title` and `label`.

    Of headlines with the same lower-cased words, the first one counts.
    """
    names = [name for name in TRAINING_CORPORA if name != "onion_vs_nottheonion"]
    headlines = corpora.join([read_corpus(folder, name)[["title", "label"]] for name in names])
    words = headlines["title"].map(lambda title: " ".join(re.findall(r"\w+", title.lower())))
    headlines = headlines[(words != "") & ~words.duplicated()]
    order = np.random.default_rng(0).permutation(len(headlines))
    return headlines.iloc[order]


def main(argv: Sequence[str]) -> None:
    """Parse, measure, print."""
    parser = benchmark_parser("speed", __doc__, MODELS)
    add = parser.add_argument
    add("--task", choices=("recovery", "titles"), default="recovery", help="default: recovery")
    add("--threads", type=int, choices=(1, 2), default=1, help="processors; default: 1")
    add("--repetitions", type=int, choices=range(1, 100), default=5, metavar="N", help="default: 5")
    add("--checkpoint", type=Path, default=DEFAULT_CHECKPOINT, help="a folder; default: hub/")
    add("--train", type=int, nargs="+", help="train on so many headlines, and measure nothing else")
    add("--glove", default="6B.100d", help="word vectors of these trainings")
    args = parser.parse_args(argv)
    if args.train:
        sys.stdout.write(training_table(measure_trainings(args)))
    else:
        sys.stdout.write(speed_table(measure_speed(args)))


if __name__ == "__main__":
    sys.exit(run_command(main, extra="benchmark"))
