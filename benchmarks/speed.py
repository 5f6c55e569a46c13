r"""Time, memory and cost of a checkpoint beside other models. Needs Linux.

python -m benchmarks.speed --data_dir ../shared/data --json benchmarks/results/speed.json

PROTOCOL.md describes the figures. A model is only measured again for other data, options, sources, versions or
another machine. The results are task (and threads) -> model -> {"median", "runs", "made_of", "made_by"}.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import joblib

from benchmarks import corpora
from benchmarks.folds import Fold, make_folds
from benchmarks.peers import PEERS, fit_peer
from benchmarks.records import benchmark_parser, read_results, record, write_json
from benchmarks.tables import Results, speed_table
from benchmarks.worker import Job, run_worker
from glove_lstm.checkpoint.names import DEFAULT_CHECKPOINT
from glove_lstm.commands.command import run_command
from glove_lstm.files import digest
from glove_lstm.processors import processors

MODELS = ("default", "pipeline", *PEERS)
_SOURCES = (
    *("benchmarks/speed.py", "benchmarks/worker.py"),
    *("benchmarks/peers*.py", "glove_lstm/baselines.py"),
    *(
        "glove_lstm.inference/*.py",
        "glove_lstm.modeling/*.py",
        "glove_lstm.tokenization/*.py",
        "glove_lstm.text/*.py",
    ),
)
_WARM = 1_000  # texts of another corpus, classified before the tests

Figures = dict[str, float]  # by unit


def measure_speed(args: argparse.Namespace) -> Results:
    """Measure models, without those that the JSON file has already, of and by the same."""
    results: Results = read_results(args.json)
    case = args.task if args.threads == 1 else f"{args.task}, {args.threads} threads"
    rows = results.setdefault(case, {})
    folds = make_folds(args.task, args.data_dir)
    tests = corpora.join([part for fold in folds for part in fold.tests.values()])  # all texts
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
    origin = {"made_of": made_of, "made_by": record(*_SOURCES)}
    known = [model for model, row in rows.items() if origin.items() <= row.items()]
    models = [model for model in MODELS if model in args.models and model not in known]
    with tempfile.TemporaryDirectory() as scratch:
        jobs = _jobs(models, folds[0], args, texts, Path(scratch))
        runs = _run(jobs, args.repetitions, args.threads)
    for model in models:
        medians = {unit: median(run[unit] for run in runs[model]) for unit in runs[model][0]}
        rows[model] = {"median": medians, "runs": runs[model], **origin}
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
        "cores": processors()[-args.threads :],  # the first one serves interrupts
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


def main(argv: Sequence[str]) -> None:
    """Parse, measure, print."""
    parser = benchmark_parser("speed", __doc__, MODELS)
    add = parser.add_argument
    add("--task", choices=("recovery", "titles"), default="recovery", help="default: recovery")
    add("--threads", type=int, choices=(1, 2), default=1, help="processors; default: 1")
    add("--repetitions", type=int, choices=range(1, 100), default=5, metavar="N", help="default: 5")
    add("--checkpoint", type=Path, default=DEFAULT_CHECKPOINT, help="a folder; default: hub/")
    args = parser.parse_args(argv)
    sys.stdout.write(speed_table(measure_speed(args)))


if __name__ == "__main__":
    sys.exit(run_command(main, extra="benchmark"))
