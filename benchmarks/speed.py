r"""Time and memory of our presets beside other models.

python -m benchmarks.speed --data_dir ../shared/data --glove GLOVE_FILE --json speed.json
python -m benchmarks.speed --data_dir ../shared/data --work cold_start --checkpoints DIR

train       milliseconds a sample: `article` with our Trainer, the same network in Keras (pip install
            'glove-lstm[benchmark]')
bulk        raw texts to labels, texts a second: our presets by the light runtime, and linear models
single      one raw text to its label on one core, median milliseconds
cold_start  new process to first label, seconds and MB: `default` by the light runtime, and by the transformers pipeline

Models are fitted on four fifths of the texts and measured on the other fifth, after the training texts were classified:
a dictionary of words seen before is warm, but does not know the test texts. Every figure is a median over new
processes, the models in turn, on the same processors. Linear models have no threads: with --threads 2, their rate on
one processor counts twice.

With --json, a model of a work that is in the file is only measured again for other data, options, sources, versions or
another machine, so that an interrupted run is resumed. The checkpoints that it trains are kept beside the file
(speed.json: speed.checkpoints/). Arguments of train.py, such as --num_train_epochs 1, may follow: they hold for our
presets.

The file holds task -> figure -> model -> {"value", "unit", "runs", "made_of", "made_by"}: the median of the runs, the
hash of the data with the options, and the hash of the sources with library versions and the machine.
"""

import argparse
import hashlib
import json
import logging
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
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
    read_results,
    record,
    sources_hash,
    write_json,
)
from benchmarks.speed_processes import choose_cores, run_job, start_cold
from glove_lstm.commands.command import run_command
from glove_lstm.evaluation.baselines import BASELINES
from glove_lstm.inference.onnx_export import export_onnx
from glove_lstm.training.training_texts import joined_texts

logger = logging.getLogger("glove_lstm.benchmarks.speed")

TASKS = ("recovery", "titles")
WORKS: dict[str, tuple[str, ...]] = {  # and the models that each can measure
    "train": ("article", "keras"),
    "bulk": (*SHIPPED, *BASELINES),
    "single": (*SHIPPED, *BASELINES),
    "cold_start": ("default", "pipeline"),
}
UNITS = {
    "train": {"train": "ms/sample"},
    "bulk": {"bulk": "texts/s"},
    "single": {"single": "ms"},
    "cold_start": {"cold_start_seconds": "s", "cold_start_memory": "MB"},
}
_SOURCES = (
    *model_sources("default"),
    "inference/*.py",
    "evaluation/baselines.py",
    "benchmarks/speed*.py",
)
_DESCRIPTIONS = {
    "keras": "Keras on TensorFlow, the network as published, padded",
    "pipeline": "`default` in the transformers pipeline",
}
_COLD_START = {
    "default": (
        "from glove_lstm.inference.runtime import LightClassifier\n"
        "model = LightClassifier.from_pretrained({folder!r})\n"
        "classify = lambda text: model([text])"
    ),
    "pipeline": (
        "from transformers import pipeline\n"
        'classify = pipeline("text-classification", model={folder!r}, trust_remote_code=True)'
    ),
}

# Task -> figure -> model -> value and records.
Results = dict[str, dict[str, dict[str, dict[str, Any]]]]
Measure = Callable[[], tuple[float, ...]]  # one run: a value for each figure of the work


class Measurements:
    """Measures models on the first fold of a task.

    Args:
        args: Of the command line.
        arguments: Of `train.py`, over the values of our presets.
        scratch: A folder for files.
    """

    def __init__(self, args: argparse.Namespace, arguments: Sequence[str], scratch: Path) -> None:
        self._settings = Settings(args.glove, arguments)
        self._cores = choose_cores(args.threads)
        [self._fold] = make_folds(args.task, args.data_dir, 1)
        [rows] = self._fold.tests.values()
        self._texts = list(joined_texts(rows))
        texts, labels = training_texts(self._fold)
        self._files = {"train": str(scratch / "train.json"), "test": str(scratch / "test.json")}
        write_json(Path(self._files["train"]), {"texts": texts, "labels": labels})
        write_json(Path(self._files["test"]), {"texts": self._texts})
        beside = args.json.with_name(f"{args.json.stem}.checkpoints") if args.json else scratch
        self._given = args.checkpoints is not None
        self._checkpoints: Path = args.checkpoints or beside
        given = args.checkpoints.glob("*/model.safetensors") if self._given else []
        self.made_of = {
            "data": self._fold.digest,
            "arguments": list(arguments),
            "checkpoints": {
                path.parent.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in given
            },
            "threads": args.threads,
            "repetitions": args.repetitions,
        }

    def prepare(self, work: str, models: Sequence[str]) -> dict[str, Measure]:
        """By model, the function that measures it once in a new process."""
        if work != "cold_start":
            return {model: partial(_measure_job, *self._job(work, model)) for model in models}
        text = sorted(self._texts, key=len)[len(self._texts) // 2]
        folder = str(self._checkpoint("default"))
        measures: dict[str, Measure] = {}
        for model in models:
            code = _COLD_START[model].format(folder=folder)
            measures[model] = partial(_measure_start, code, text, self._cores)
            measures[model]()  # files and compiled code are in place after it
        return measures

    def _job(self, work: str, model: str) -> tuple[dict[str, Any], Sequence[int]]:
        job: dict[str, Any] = {**self._files, "single": work == "single"}
        if model in BASELINES:
            job |= {"kind": "linear", "model": model}
        elif work == "train":
            job["kind"] = "train_torch" if model == "article" else "train_keras"
            job["folder"] = str(self._checkpoint("article"))
            job["arguments"] = list(self._settings.arguments)
        else:
            job |= {"kind": "light", "folder": str(self._checkpoint(model))}
        return job, self._cores[-1:] if work == "single" else self._cores

    def _checkpoint(self, preset: str) -> Path:
        """The folder of a checkpoint with its ONNX file; trained if none was given."""
        folder = self._checkpoints / preset
        if not self._given:  # one for each data, options and sources
            sources = sources_hash(*model_sources(preset))
            made_of = json.dumps([self._fold.digest, self._settings.options(preset), sources])
            folder /= hashlib.sha256(made_of.encode()).hexdigest()[:SHOWN]
            if not (folder / "config.json").is_file():
                logger.info("Training %s.", preset)
                train_preset(preset, self._fold.data, FIRST_SEED, self._settings, folder)
        if not (folder / "model.onnx").is_file():
            export_onnx(folder)
        return folder


def measure_speed(args: argparse.Namespace, arguments: Sequence[str] = ()) -> Results:
    """Measure works, without the models that the JSON file has already, of and by the same.

    Raises:
        DataError: An argument that is refused, missing data, or a process that failed.
    """
    results: Results = read_results(args.json)
    figures = results.setdefault(args.task, {})
    with tempfile.TemporaryDirectory(prefix="glove-lstm-speed-") as scratch:
        measurements = Measurements(args, arguments, Path(scratch))
        origin = {"made_of": measurements.made_of, "made_by": record(*_SOURCES)}
        for work in args.work:
            stored = figures.get(next(iter(UNITS[work])), {})  # a work's figures come together
            kept = {model for model, one in stored.items() if origin.items() <= one.items()}
            models = [m for m in WORKS[work] if m in args.models and m not in kept]
            if "keras" in models and find_spec("tensorflow") is None:
                logger.warning("keras is left out. Run pip install 'glove-lstm[benchmark]'.")
                models.remove("keras")
            if not models:
                continue
            runs = _in_turn(work, measurements.prepare(work, models), args.repetitions)
            for place, (figure, unit) in enumerate(UNITS[work].items()):
                measured = {m: one for m, one in figures.get(figure, {}).items() if m in kept}
                for model in models:
                    values = [run[place] for run in runs[model]]
                    one = {"value": median(values), "unit": unit, "runs": values}
                    measured[model] = {**one, **origin}
                figures[figure] = {m: measured[m] for m in WORKS[work] if m in measured}
            write_json(args.json, results)
    return {args.task: figures}


def table(results: Results) -> str:
    """Format the results as a Markdown table; ratios are to the first model of each figure."""
    lines = [
        "| task | figure | model | value | unit | ratio | threads | sources |",
        "|---" * 8 + "|",
    ]
    for task, figures in results.items():
        for figure, models in figures.items():
            first = next(iter(models.values()))["value"]
            for model, measured in models.items():
                name = _DESCRIPTIONS.get(model) or describe(model)
                value, ratio = _digits(measured["value"]), _digits(measured["value"] / first)
                threads = str(measured["made_of"]["threads"])
                sources = measured["made_by"]["sources"][:SHOWN]
                cells = [task, figure, name, value, measured["unit"], ratio, threads, sources]
                lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _in_turn(
    work: str, measures: Mapping[str, Measure], repetitions: int
) -> dict[str, list[tuple[float, ...]]]:
    """Measure there and back, so that a slow drift of the machine meets all models alike."""
    runs: dict[str, list[tuple[float, ...]]] = {model: [] for model in measures}
    for number in range(repetitions):
        for model in list(measures)[:: -1 if number % 2 else 1]:
            logger.info("%s, %s: %d of %d", work, model, number + 1, repetitions)
            runs[model].append(measures[model]())
    return runs


def _measure_job(job: Mapping[str, Any], cores: Sequence[int]) -> tuple[float]:
    return (run_job(job, cores)["value"],)


def _measure_start(code: str, text: str, cores: Sequence[int]) -> tuple[float, float]:
    start = start_cold(code, text, cores)
    return start["seconds"], start["peak_bytes"] / 1e6


def _digits(value: float) -> str:
    """Three significant digits."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def main(argv: Sequence[str]) -> None:
    """Parse, measure, print."""
    models = sorted({model for models in WORKS.values() for model in models})
    parser = benchmark_parser("speed", __doc__, models)
    add = parser.add_argument
    add("--task", choices=TASKS, default="recovery", help="articles or titles; default: recovery")
    add("--work", nargs="+", choices=[*WORKS], default=[*WORKS], help="default: all")
    add("--threads", type=int, default=1, help="processors for each model; default: 1")
    runs = "runs of each model; default: 5"
    add("--repetitions", type=int, choices=range(1, 100), default=5, metavar="N", help=runs)
    given = "holds the checkpoints default and article; default: both are trained"
    add("--checkpoints", type=Path, metavar="DIR", help=given)
    args, rest = parser.parse_known_args(argv)
    datasets.disable_caching()
    sys.stdout.write(table(measure_speed(args, rest)))


if __name__ == "__main__":
    sys.exit(run_command(main))
