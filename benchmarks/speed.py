r"""Time, memory and cost of a checkpoint beside other models. Needs Linux.

python -m benchmarks.speed --data_dir ../shared/data --json benchmarks/results/speed.json

docs/benchmarks.md describes the figures. A model is only measured again for other data, options, sources, versions or
another machine. The results are task (and threads) -> model -> {"median", "runs", "made_of", "made_by"}.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import datasets
import joblib

from benchmarks import corpora
from benchmarks.folds import Fold, make_folds
from benchmarks.models import training_texts
from benchmarks.peers import PEERS, fit_peer
from benchmarks.records import benchmark_parser, read_results, record, write_json
from benchmarks.tables import Results, speed_table
from glove_lstm.checkpoint import DEFAULT_CHECKPOINT
from glove_lstm.commands.command import run_command
from glove_lstm.data.files import digest
from glove_lstm.data.loading import joined_texts
from glove_lstm.errors import DataError
from glove_lstm.processors import processors

MODELS = ("default", "pipeline", *PEERS)
_SOURCES = (
    *("benchmarks/speed*.py", "benchmarks/peers*.py", "glove_lstm.evaluation/baselines.py"),
    *(
        "glove_lstm.inference/*.py",
        "glove_lstm.modeling/*.py",
        "glove_lstm.tokenization/*.py",
        "glove_lstm.text/*.py",
    ),
)
_WARM = 1_000  # texts of another corpus, classified before the tests
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")

Figures = dict[str, float]  # by unit


def measure_speed(args: argparse.Namespace) -> Results:
    """Measure models, without those that the JSON file has already, of and by the same."""
    results: Results = read_results(args.json)
    case = args.task if args.threads == 1 else f"{args.task}, {args.threads} threads"
    rows = results.setdefault(case, {})
    folds = make_folds(args.task, args.data_dir)
    texts = datasets.concatenate_datasets([part for one in folds for part in one.tests.values()])
    tests = list(joined_texts(texts))  # all of the task
    warm = list(joined_texts(corpora.isot(args.data_dir).select_columns(texts.column_names)))
    job = json.dumps({"warm": warm[:_WARM], "tests": tests})
    middle = sorted(tests, key=len)[len(tests) // 2]
    made_of = {
        "data": folds[0].digest,
        "checkpoint": digest(args.checkpoint / "model.safetensors"),
        "threads": args.threads,
        "repetitions": args.repetitions,
    }
    origin = {"made_of": made_of, "made_by": record(*_SOURCES)}
    known = [model for model, row in rows.items() if origin.items() <= row.items()]
    models = [model for model in MODELS if model in args.models and model not in known]
    runs: dict[str, list[Figures]] = {model: [] for model in models}
    with tempfile.TemporaryDirectory() as scratch:
        folders = {
            model: _store(model, folds[0], Path(scratch)) if model in PEERS else args.checkpoint
            for model in models
        }
        for number in range(-1, args.repetitions):  # the first one warms the machine up
            # There and back, so that a slow drift of the machine meets all models alike.
            for model in models[:: -1 if number % 2 else 1]:
                figures = _measure(model, folders[model], middle, job, args.threads)
                if number >= 0:
                    runs[model].append(figures)
    for model in models:
        medians = {unit: median(run[unit] for run in runs[model]) for unit in runs[model][0]}
        rows[model] = {"median": medians, "runs": runs[model], **origin}
    results[case] = {model: rows[model] for model in MODELS if model in rows}
    write_json(args.json, results)
    return {case: results[case]}


def _store(model: str, fold: Fold, scratch: Path) -> Path:
    """Fit a peer, and store it in a folder of its own."""
    texts, labels = training_texts(fold)
    peer: Any = fit_peer(model, (texts, labels), (texts[::10], labels[::10]), (texts, labels))
    folder = scratch / model
    folder.mkdir()
    if model == "fasttext":
        peer.model.save_model(str(folder / "model.bin"))
    else:
        joblib.dump(peer, folder / "model.joblib")
    return folder


def _measure(model: str, folder: Path, first: str, job: str, threads: int) -> Figures:
    """Measure a model once in a new process, which reads the job after its first label."""
    cores = processors()[-threads:]  # the first one serves interrupts
    setup = {"model": model, "cores": cores, "folder": str(folder.absolute()), "first": first}
    lines = f"{json.dumps({**setup, 'began': time.time()})}\n{job}\n"
    return run_process(["-m", "benchmarks.speed_worker"], lines, threads)


def run_process(command: Sequence[str], text: str, threads: int) -> dict[str, Any]:
    """Run Python with arguments and a text on standard input; it ends with an object as JSON."""
    environment = {
        **os.environ,
        **dict.fromkeys(_THREADS, str(threads)),
        "PYTHONDONTWRITEBYTECODE": "",  # compiled Python files are what every user has
        "TOKENIZERS_PARALLELISM": "true" if threads > 1 else "false",
        "GOMP_SPINCOUNT": "1000",  # spinning barriers can slow two threads down 100 times on virtual processors
        "CUDA_VISIBLE_DEVICES": "",
        "HF_HUB_OFFLINE": "1",
    }
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, *command],
        input=text,
        capture_output=True,
        encoding="utf-8",
        cwd=Path(__file__).parent.parent,  # where `benchmarks` can be imported
        env=environment,
        check=False,
    )
    if done.returncode:
        errors = done.stderr.strip()[-1500:]
        raise DataError(f"A measuring process failed ({done.returncode}): {errors}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main(argv: Sequence[str]) -> None:
    """Parse, measure, print."""
    parser = benchmark_parser("speed", __doc__, MODELS)
    add = parser.add_argument
    add("--task", choices=("recovery", "titles"), default="recovery", help="default: recovery")
    add("--threads", type=int, choices=(1, 2), default=1, help="processors; default: 1")
    add("--repetitions", type=int, choices=range(1, 100), default=5, metavar="N", help="default: 5")
    add("--checkpoint", type=Path, default=DEFAULT_CHECKPOINT, help="a folder; default: hub/")
    args = parser.parse_args(argv)
    datasets.disable_caching()
    sys.stdout.write(speed_table(measure_speed(args)))


if __name__ == "__main__":
    sys.exit(run_command(main, extra="benchmark"))
