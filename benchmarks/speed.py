r"""Time and memory of our presets beside other models. Needs Linux.

python -m benchmarks.speed --data_dir ../shared/data --glove GLOVE_FILE --json speed.json
python -m benchmarks.speed --data_dir ../shared/data --json speed.json --work cold_start --checkpoints DIR

docs/benchmarks.md describes the works. A model is only measured again for other data, options, sources, versions or
another machine. Trained checkpoints are kept beside the results (speed.json: speed.checkpoints/). Arguments of train.py
may follow: they hold for our presets.

The results are task -> work -> model -> {"median", "runs", "made_of", "made_by"}: figures by unit, their values in each
run, data and options, and the hash of the sources with library versions and the machine.
"""

import argparse
import hashlib
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import datasets

from benchmarks.folds import make_folds
from benchmarks.models import (
    FIRST_SEED,
    SHIPPED,
    Settings,
    describe,
    model_sources,
    train_preset,
    training_texts,
)
from benchmarks.records import (
    SHOWN,
    benchmark_parser,
    markdown_table,
    read_results,
    record,
    sources_hash,
    write_json,
)
from glove_lstm.commands.command import run_command
from glove_lstm.data.errors import DataError
from glove_lstm.data.whole_files import whole_files
from glove_lstm.evaluation.baselines import BASELINES
from glove_lstm.inference.backends import processors
from glove_lstm.inference.checkpoint_files import ONNX_NAME
from glove_lstm.inference.onnx_export import export_onnx
from glove_lstm.training.training_texts import joined_texts

logger = logging.getLogger("glove_lstm.benchmarks.speed")

WORKS: dict[str, tuple[str, ...]] = {  # and the models that each can measure
    "train": ("article", "keras"),
    "bulk": (*SHIPPED, *BASELINES),
    "single": (*SHIPPED, *BASELINES),
    "cold_start": ("default", "pipeline"),
}
_SOURCES = (
    *model_sources("default"),
    *("glove_lstm.inference/*.py", "glove_lstm.evaluation/baselines.py", "benchmarks/speed*.py"),
)
_DESCRIPTIONS = {
    "keras": "Keras on TensorFlow, the network as published, padded",
    "pipeline": "`default` in the transformers pipeline",
}
_COLD_START = """
import os, sys, time
os.sched_setaffinity(0, {cores})
text = sys.stdin.read()
{code}
label = classify([text])[0]["label"]
seconds = time.time() - {began}
import json
# `resource.getrusage` would include the memory of the parent at the fork.
[peak] = [int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(json.dumps({{"s": seconds, "MB": 1024 * peak / 1e6}}))
"""
_COLD_CLASSIFIERS = {
    "default": (
        "from glove_lstm.inference.runtime import LightClassifier\n"
        "classify = LightClassifier.from_pretrained({folder!r})"
    ),
    "pipeline": (
        "from transformers import pipeline\n"
        'classify = pipeline("text-classification", model={folder!r}, trust_remote_code=True)'
    ),
}
_ROOT = Path(__file__).parent.parent  # of the clone, where `benchmarks` can be imported
_LAST = 1500  # characters of the errors of a failed process
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")

# Task -> work -> model -> figures and records.
Results = dict[str, dict[str, dict[str, dict[str, Any]]]]
Figures = dict[str, float]  # by unit


class Measurements:
    """Measures models on the first fold of a task, with the arguments of the command line and of `train.py`."""

    def __init__(self, args: argparse.Namespace, arguments: Sequence[str]) -> None:
        self._settings = Settings(args.glove, arguments)
        self._args = args
        [self._fold] = make_folds(args.task, args.data_dir, 1)
        [rows] = self._fold.tests.values()
        self._tests = list(joined_texts(rows))
        given = args.checkpoints.glob("*/model.safetensors") if args.checkpoints else []
        self.made_of = {
            "data": self._fold.digest,
            "arguments": list(arguments),
            "glove": args.glove,
            "checkpoints": {
                path.parent.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in given
            },
            "threads": args.threads,
            "repetitions": args.repetitions,
        }

    def measure(self, work: str, model: str) -> Figures:
        """Measure a model once in a new process."""
        cores = processors()[-self._args.threads :]  # the first one serves interrupts
        if work == "cold_start":
            code = _COLD_CLASSIFIERS[model].format(folder=str(self._checkpoint("default")))
            text = sorted(self._tests, key=len)[len(self._tests) // 2]
            program = _COLD_START.format(cores=set(cores), code=code, began=time.time())
            return run_process(["-c", program], text, len(cores))
        cores = cores[-1:] if work == "single" else cores
        job: dict[str, Any] = {"work": work, "model": model, "cores": cores, "tests": self._tests}
        job["texts"], job["labels"] = training_texts(self._fold)
        job["arguments"] = self._settings.arguments
        if model not in BASELINES:
            job["folder"] = str(self._checkpoint("article" if work == "train" else model))
        return run_process(["-m", "benchmarks.speed_worker"], json.dumps(job), len(cores))

    def _checkpoint(self, preset: str) -> Path:
        """Return the folder of a checkpoint with its ONNX file; trained if none was given."""
        if self._args.checkpoints:
            folder = self._args.checkpoints / preset
        else:  # one for each data, options and sources
            sources = sources_hash(*model_sources(preset))
            made_of = json.dumps([self._fold.digest, self._settings.options(preset), sources])
            digest = hashlib.sha256(made_of.encode()).hexdigest()[:SHOWN]
            folder = self._args.json.with_suffix(".checkpoints") / preset / digest
            if not (folder / "config.json").is_file():
                logger.info("Training %s.", preset)
                trained = train_preset(preset, self._fold.data, FIRST_SEED, self._settings)
                with whole_files(folder) as part:
                    trained.model.save_pretrained(part)
                    trained.tokenizer.save_pretrained(part)
        if not (folder / ONNX_NAME).is_file():
            export_onnx(folder)
        return folder


def measure_speed(args: argparse.Namespace, arguments: Sequence[str] = ()) -> Results:
    """Measure works, without the models that the JSON file has already, of and by the same.

    Raises:
        DataError: An argument that is refused, missing data, or a process that failed.
    """
    results: Results = read_results(args.json)
    works = results.setdefault(args.task, {})
    measurements = Measurements(args, arguments)
    origin = {"made_of": measurements.made_of, "made_by": record(*_SOURCES)}
    for work in args.work:
        stored = works.get(work, {})
        figures = {model: one for model, one in stored.items() if origin.items() <= one.items()}
        models = [m for m in WORKS[work] if m in args.models and m not in figures]
        if "keras" in models and find_spec("tensorflow") is None:
            logger.warning("keras is left out. Run pip install 'glove-lstm[benchmark]'.")
            models.remove("keras")
        if work == "cold_start":
            for model in models:  # files and compiled code are in place after it
                measurements.measure(work, model)
        runs: dict[str, list[Figures]] = {model: [] for model in models}
        for number in range(args.repetitions):
            # There and back, so that a slow drift of the machine meets all models alike.
            for model in models[:: -1 if number % 2 else 1]:
                logger.info("%s, %s: %d of %d", work, model, number + 1, args.repetitions)
                runs[model].append(measurements.measure(work, model))
        for model in models:
            medians = {unit: median(run[unit] for run in runs[model]) for unit in runs[model][0]}
            figures[model] = {"median": medians, "runs": runs[model], **origin}
        works[work] = {model: figures[model] for model in WORKS[work] if model in figures}
        write_json(args.json, results)
    return {args.task: works}


def run_process(command: Sequence[str], text: str, threads: int) -> Figures:
    """Run Python with arguments and a text on standard input; it ends with its figures as JSON.

    Raises:
        DataError: The process failed; the message has the end of its errors.
    """
    environment = {
        **os.environ,
        **dict.fromkeys(_THREADS, str(threads)),
        "PYTHONDONTWRITEBYTECODE": "",  # compiled Python files are what every user has
        "TOKENIZERS_PARALLELISM": "true" if threads > 1 else "false",
        "GOMP_SPINCOUNT": "1000",  # spinning barriers can slow two threads down 100 times on virtual processors
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "CUDA_VISIBLE_DEVICES": "",
        "HF_HUB_OFFLINE": "1",
    }
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, *command],
        input=text,
        capture_output=True,
        encoding="utf-8",
        cwd=_ROOT,
        env=environment,
        check=False,
    )
    if done.returncode:
        errors = done.stderr.strip()[-_LAST:]
        raise DataError(f"A measuring process failed ({done.returncode}): {errors}")
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def table(results: Results) -> str:
    """Format the results as a Markdown table; ratios are to the first model of each work."""
    heads = ["task", "work", "model", "value", "unit", "ratio", "threads", "sources"]
    rows = []
    for task, works in results.items():
        for work, models in works.items():
            first = next(iter(models.values()), {})
            for model, measured in models.items():
                name = _DESCRIPTIONS.get(model) or describe(model)
                threads = str(measured["made_of"]["threads"])
                sources = measured["made_by"]["sources"][:SHOWN]
                for unit, value in measured["median"].items():
                    ratio = value / first["median"][unit]
                    cells = [task, work, name, f"{value:,.3f}", unit, f"{ratio:,.3f}"]
                    rows.append([*cells, threads, sources])
    return markdown_table(heads, rows)


def main(argv: Sequence[str]) -> None:
    """Parse, measure, print."""
    models = sorted({model for models in WORKS.values() for model in models})
    parser = benchmark_parser("speed", __doc__, models)
    add = parser.add_argument
    tasks = ("recovery", "titles")
    add("--task", choices=tasks, default=tasks[0], help="articles or titles; default: recovery")
    add("--work", nargs="+", choices=[*WORKS], default=[*WORKS], help="default: all")
    threads, most = "processors for each model; default: 1", len(processors())
    add("--threads", type=int, choices=range(1, most + 1), default=1, help=threads)
    runs = "runs of each model; default: 5"
    add("--repetitions", type=int, choices=range(1, 100), default=5, metavar="N", help=runs)
    given = "holds the checkpoints default and article; default: both are trained"
    add("--checkpoints", type=Path, metavar="DIR", help=given)
    args, rest = parser.parse_known_args(argv)
    datasets.disable_caching()
    sys.stdout.write(table(measure_speed(args, rest)))


if __name__ == "__main__":
    sys.exit(run_command(main))
