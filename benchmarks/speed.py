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
processes, the models in turn, on the same processors: with --threads 2, two processes of scikit-learn stand beside two
threads of ours.

With --json, a work that is in the file is only measured again for other data, options, sources, versions or another
machine, so that an interrupted run is resumed. The checkpoints that it trains are kept beside the file (speed.json:
speed.checkpoints/). Arguments of train.py, such as --num_train_epochs 1, may follow: they hold for our presets.
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
    OURS,
    Settings,
    batch_size,
    describe,
    model_sources,
    train_preset,
    training_texts,
)
from benchmarks.records import SHOWN, read_results, record, sources_hash, write_json
from benchmarks.speed_processes import choose_cores, run_job, start_cold
from glove_lstm.commands.command import run_command
from glove_lstm.data.errors import DataError
from glove_lstm.evaluation.baselines import BASELINES
from glove_lstm.inference.onnx_export import export_onnx
from glove_lstm.training.training_texts import joined_texts

logger = logging.getLogger("glove_lstm.benchmarks.speed")

TASKS = ("recovery", "titles")
WORKS: dict[str, tuple[str, ...]] = {  # and the models that each can measure
    "train": ("article", "keras"),
    "bulk": (*OURS, *BASELINES),
    "single": (*OURS, *BASELINES),
    "cold_start": ("default", "pipeline"),
}
UNITS = {
    "train": {"train": "ms/sample"},
    "bulk": {"bulk": "texts/s"},
    "single": {"single": "ms"},
    "cold_start": {"cold_start_seconds": "s", "cold_start_memory": "MB"},
}
_SOURCES = (
    *(f"{room}/*.py" for room in ("data", "tokenization", "modeling", "inference", "training")),
    *("evaluation/baselines.py", "benchmarks/speed*.py", "benchmarks/folds.py"),
)
_TRAINING_REPETITIONS = 3  # at most
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

Results = dict[str, dict[str, dict[str, dict[str, Any]]]]  # task -> figure -> model -> value and records
Measure = Callable[[], tuple[float, ...]]  # one run: a value for each figure of the work


class Measurements:
    """Measures models on the first fold of a task; texts and checkpoints are made when they are needed first.

    Args:
        task: Of `TASKS`.
        data_dir: Laid out as ../shared/data is.
        settings: Of our presets.
        scratch: A folder for files.
        checkpoints: A folder for the checkpoints.
        given: Whether the checkpoints `default` and `article` in it are used, whatever made them.
        threads: Processors for each model.
    """

    def __init__(
        self,
        task: str,
        data_dir: Path,
        settings: Settings,
        scratch: Path,
        checkpoints: Path,
        *,
        given: bool,
        threads: int,
    ) -> None:
        [self._fold] = make_folds(task, data_dir, 1)
        self._settings = settings
        self._checkpoints = checkpoints
        self._given = given
        self._cores = choose_cores(threads)
        [rows] = self._fold.tests.values()
        self._texts = list(joined_texts(rows))
        texts, labels = training_texts(self._fold)
        self._files = {"train": str(scratch / "train.json"), "test": str(scratch / "test.json")}
        write_json(Path(self._files["train"]), {"texts": texts, "labels": labels})
        write_json(Path(self._files["test"]), {"texts": self._texts})

    @property
    def made_of(self) -> dict[str, Any]:
        """What is measured, beside the models and the sources."""
        checkpoints = str(self._checkpoints) if self._given else "trained"
        arguments = list(self._settings.arguments)
        return {
            "data": self._fold.digest,
            "threads": len(self._cores),
            "arguments": arguments,
            "checkpoints": checkpoints,
        }

    def prepare(self, work: str, models: Sequence[str]) -> dict[str, Measure]:
        """By model, the function that measures it once in a new process."""
        if work == "cold_start":
            text = sorted(self._texts, key=len)[len(self._texts) // 2]
            folder = str(self._checkpoint("default"))
            measures = {
                model: partial(_cold_start, _COLD_START[model].format(folder=folder), text, self._cores)
                for model in models
            }
            for measure in measures.values():
                measure()  # files and compiled code are in place after it
            return measures
        return {model: partial(_job, *self._job_of(work, model)) for model in models}

    def _job_of(self, work: str, model: str) -> tuple[dict[str, Any], Sequence[int]]:
        job: dict[str, Any] = {**self._files, "single": work == "single", "model": model}
        if model in BASELINES:
            job["kind"] = "linear"
        elif work == "train":
            job |= {"kind": "train_torch" if model == "article" else "train_keras"}
            job |= {"folder": str(self._checkpoint("article")), "arguments": list(self._settings.arguments)}
            job["batch_size"] = batch_size("article", self._settings)
        else:
            job |= {"kind": "light", "folder": str(self._checkpoint(model))}
        return job, self._cores[-1:] if work == "single" else self._cores

    def _checkpoint(self, preset: str) -> Path:
        """The folder of a checkpoint with its ONNX file; trained if it is not there."""
        sources = sources_hash(*model_sources(preset))
        made_of = json.dumps([self._fold.digest, self._settings.options(preset), sources])
        digest = hashlib.sha256(made_of.encode()).hexdigest()[:SHOWN]
        folder = self._checkpoints / (preset if self._given else f"{preset}-{digest}")
        if not (folder / "config.json").is_file():
            logger.info("Training %s.", preset)
            train_preset(preset, self._fold.data, FIRST_SEED, self._settings, folder)
        if not (folder / "model.onnx").is_file():
            export_onnx(folder)
        return folder


def measure_speed(
    works: Sequence[str],
    *,
    data_dir: Path,
    glove: str,
    task: str = "recovery",
    models: Sequence[str] | None = None,
    threads: int = 1,
    repetitions: int = 5,
    checkpoints: Path | None = None,
    json_file: Path | None = None,
    arguments: Sequence[str] = (),
) -> Results:
    """Measure works, but for those that the file already has, measured of and by the same.

    Args:
        works: Of `WORKS`.
        data_dir: Laid out as ../shared/data is.
        glove: A name or a file.
        task: Of `TASKS`.
        models: Only these.
        threads: Processors for each model.
        repetitions: Of each measurement.
        checkpoints: A folder with the checkpoints `default` and `article`; trained where they are missing. None
            trains them, for these data, options and sources.
        json_file: Gets the results after each work; other works in it stay.
        arguments: Of `train.py`, over the values of our presets.

    Returns:
        Task -> figure -> model -> {"value", "unit", "runs", "made_of", "made_by"}: the median of the runs, data and
        options, and `records.record`.

    Raises:
        DataError: An argument that is refused, missing data, or a process that failed.
    """
    known = {model for chosen in WORKS.values() for model in chosen}
    unknown = sorted(set(models or ()) - known)
    if unknown:
        raise DataError(f"--models has {unknown[0]!r}; the models are {', '.join(sorted(known))}.")
    if repetitions < 1:
        raise DataError(f"--repetitions is {repetitions}, but must be at least 1.")
    settings = Settings(glove, arguments)
    settings.check()
    results: Results = read_results(json_file)
    figures = results.setdefault(task, {})
    with tempfile.TemporaryDirectory(prefix="glove-lstm-speed-") as name:
        kept = json_file.with_name(f"{json_file.stem}.checkpoints") if json_file else Path(name)
        measurements = Measurements(
            task,
            data_dir,
            settings,
            Path(name),
            checkpoints or kept,
            given=checkpoints is not None,
            threads=threads,
        )
        made_of = {**measurements.made_of, "repetitions": repetitions}
        origin = {"made_of": made_of, "made_by": record(*_SOURCES)}
        for work in works:
            chosen = [model for model in WORKS[work] if models is None or model in models]
            if "keras" in chosen and find_spec("tensorflow") is None:
                logger.warning("keras is left out: pip install 'glove-lstm[benchmark]' brings TensorFlow.")
                chosen.remove("keras")
            stored = [figures.get(figure, {}).get(model) for figure in UNITS[work] for model in chosen]
            if all(one and origin == {key: one[key] for key in origin} for one in stored):
                continue
            limit = _TRAINING_REPETITIONS if work == "train" else repetitions
            runs = _in_turn(work, measurements.prepare(work, chosen), min(repetitions, limit))
            for place, (figure, unit) in enumerate(UNITS[work].items()):
                values = {model: [run[place] for run in measured] for model, measured in runs.items()}
                figures[figure] = {
                    model: {"value": median(some), "unit": unit, "runs": some, **origin}
                    for model, some in values.items()
                }
            write_json(json_file, results)
    return {task: figures}


def table(results: Results) -> str:
    """Format the results as a Markdown table; ratios are to the first model of each figure."""
    lines = ["| task | figure | model | value | unit | ratio | threads | sources |", "|" + "---|" * 8]
    for task, figures in results.items():
        for figure, models in figures.items():
            first = next(iter(models.values()))["value"]
            for model, measured in models.items():
                name = _DESCRIPTIONS.get(model) or describe(model)
                value, ratio = (_digits(number) for number in (measured["value"], measured["value"] / first))
                made = [str(measured["made_of"]["threads"]), measured["made_by"]["sources"][:SHOWN]]
                lines.append(f"| {' | '.join([task, figure, name, value, measured['unit'], ratio, *made])} |")
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


def _job(job: Mapping[str, Any], cores: Sequence[int]) -> tuple[float]:
    return (run_job(job, cores)["value"],)


def _cold_start(code: str, text: str, cores: Sequence[int]) -> tuple[float, float]:
    start = start_cold(code, text, cores)
    return start["seconds"], start["peak_bytes"] / 1e6


def _digits(value: float) -> str:
    """Three significant digits."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def main(argv: Sequence[str]) -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--data_dir", type=Path, required=True, help="a folder that holds recovery/recovery.csv.gz")
    add("--task", choices=TASKS, default="recovery", help="whole articles, or titles; default: recovery")
    add("--glove", default="6B.100d", help="a name or a file, as for train.py")
    add("--work", nargs="+", choices=[*WORKS], default=[*WORKS], help="default: all")
    add("--models", nargs="+", help="only these, such as default tfidf_svc keras")
    add("--threads", type=int, default=1, help="processors for each model; default: 1")
    add("--repetitions", type=int, default=5, help="of each measurement, of train at most 3; default: 5")
    add(
        "--checkpoints",
        type=Path,
        metavar="DIR",
        help="a folder with the checkpoints default and article; trained and kept there where they are missing",
    )
    add("--json", type=Path, help="write the figures there; other works in it stay")
    args, rest = parser.parse_known_args(argv)
    datasets.disable_caching()
    results = measure_speed(
        args.work,
        data_dir=args.data_dir,
        glove=args.glove,
        task=args.task,
        models=args.models,
        threads=args.threads,
        repetitions=args.repetitions,
        checkpoints=args.checkpoints,
        json_file=args.json,
        arguments=rest,
    )
    sys.stdout.write(table(results))


if __name__ == "__main__":
    sys.exit(run_command(main))
