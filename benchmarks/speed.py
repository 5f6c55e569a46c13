"""From raw text to label, and training, beside what people use instead: `python -m benchmarks.benchmark speed`.

Each figure is a median over repetitions in fresh processes, ours and the peers' in turn, on the same cores. Texts are
timed that the process has not seen before, after others that it has: a dictionary of words met before is warm, but
does not know these texts.
"""

import json
import logging
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import transformers

from benchmarks.corpora import NAMES
from benchmarks.speed_models import Models
from benchmarks.speed_processes import (
    ColdStart,
    Job,
    MissingPeerError,
    choose_cores,
    pinned,
    run_together,
    start_cold,
)
from benchmarks.speed_rows import WORKS, Row, write_json
from benchmarks.speed_training import DisagreementError, write_keras_inputs
from glove_lstm.data.errors import DataError
from glove_lstm.evaluation.paired import exact_mcnemar, p_value_text
from glove_lstm.evaluation.plots import plot_trade_off

logger = logging.getLogger(__name__)

SKLEARN = "scikit-learn TF-IDF (1,2) + LinearSVC"
_GROWTH = 16  # times as many articles
_TRANSFORMER_TEXTS = 16
_SLOW_REPETITIONS = 3  # at most, of what takes minutes
_GROWTH_REPETITIONS = 2  # at most; an epoch over 16 times the articles varies little
_VALIDATION_TEXTS = 64  # of the growing training, whose time must not be that of its evaluation
_SCORE_TOLERANCE = 1e-4
_SIGNIFICANT = 0.05
_PLOTTED = {"article": "article preset", "default": "default preset", "sklearn": "TF-IDF + linear SVC"}
_COLD_CODE = {
    "ours": (
        "from glove_lstm.inference.runtime import LightClassifier\n"
        "model = LightClassifier.from_pretrained({folder!r})\n"
        "classify = lambda text: model([text])"
    ),
    "pipeline": (
        "from transformers import pipeline\n"
        'classify = pipeline("text-classification", model={folder!r}, trust_remote_code=True)'
    ),
}


class SpeedBenchmark:
    """Measurements, each made once, when a row asks for it.

    Args:
        models: What is measured.
        works: The rows that will be asked for, of `WORKS`.
        threads: Processors for each side.
        repetitions: Of each measurement.
    """

    def __init__(
        self, models: Models, works: Sequence[str], *, threads: int = 1, repetitions: int = 5
    ) -> None:
        if repetitions < 1:
            raise DataError(f"--repetitions is {repetitions}, but must be at least 1.")
        self.models = models
        self.cores = choose_cores(threads)
        self.repetitions = repetitions
        self.works = [work for work in WORKS if work in works]

    def rows(self) -> Iterator[Row]:
        """Each row as soon as it is measured."""
        makers: dict[str, Callable[[], Row]] = {
            "train": self._train,
            "bulk_article": lambda: self._bulk_row("article"),
            "bulk_default": lambda: self._bulk_row("default"),
            "bulk_transformer": self._transformer_row,
            "single_article": lambda: self._single_row("article"),
            "single_default": lambda: self._single_row("default"),
            "cold_start_seconds": lambda: self._cold_row("seconds"),
            "cold_start_memory": lambda: self._cold_row("memory"),
            "growth_time": lambda: self._growth_row("time"),
            "growth_memory": lambda: self._growth_row("memory"),
        }
        for work in self.works:
            yield makers[work]()

    # Bulk

    @cached_property
    def bulk(self) -> dict[str, dict[str, Any]]:
        """Model -> {"rate": articles/s, "right": (n,) whether each test text got its label}."""
        sides = {preset: [self._ours(preset)] for preset in self._presets("bulk")}
        if any(f"bulk_{preset}" in self.works for preset in sides):
            sides["sklearn"] = self._sklearn(len(self.cores))
        runs = self._in_turn("bulk", sides, self.repetitions)
        found = {}
        for name, results in runs.items():
            times = [_wall(result) for result in results]
            predictions = [one for part in results[0] for one in part["predictions"]]
            if name != "sklearn":
                [torch] = run_together(
                    [self._job("classify_torch", self.models.ours(name), self.cores, warm=False)]
                )
                check_predictions(name, predictions, torch["predictions"])
                predictions = [NAMES.index(one["label"]) for one in predictions]
            right = np.array(predictions) == self.models.test_labels
            found[name] = {"rate": len(right) / median(times), "right": right}
        return found

    @cached_property
    def transformer_rate(self) -> float:
        """Articles/s of the transformer, on texts of all lengths."""
        texts = sorted(self.models.test_texts, key=len)
        places = np.linspace(0, len(texts) - 1, min(_TRANSFORMER_TEXTS, len(texts))).astype(int)
        chosen = [texts[place] for place in places]
        job = Job(
            "classify_transformer",
            {
                "model": str(self.models.transformer),
                "texts": str(self.models.text_file("few", chosen)),
                "first_texts": str(self.models.text_file("two", self.models.train_texts[:2])),
                "rows": [0, len(chosen)],
                "single": False,
            },
            self.cores,
        )
        runs = self._in_turn("transformer", {"transformer": [job]}, min(self.repetitions, _SLOW_REPETITIONS))
        return len(chosen) / median(_wall(result) for result in runs["transformer"])

    def _bulk_row(self, preset: str) -> Row:
        ours, peer = self.bulk[preset], self.bulk["sklearn"]
        p = exact_mcnemar(ours["right"], peer["right"])
        better = p < _SIGNIFICANT and ours["right"].mean() > peer["right"].mean()
        note = f"accuracy {ours['right'].mean():.4f} beside {peer['right'].mean():.4f}, p {p_value_text(p)}"
        allowed = better or preset != "default"
        return Row(f"bulk_{preset}", ours["rate"], SKLEARN, peer["rate"], "articles/s", note, allowed)

    def _transformer_row(self) -> Row:
        rate = self.bulk["default"]["rate"]
        peer = "DistilBERT-sized pipeline, random weights, 512 tokens"
        return Row("bulk_transformer", rate, peer, self.transformer_rate, "articles/s", "default preset")

    # One article

    @cached_property
    def single(self) -> dict[str, float]:
        """Model -> median milliseconds for one text."""
        sides = {preset: [self._ours(preset, single=True)] for preset in self._presets("single")}
        sides["sklearn"] = self._sklearn(1, single=True)
        runs = self._in_turn("single", sides, self.repetitions)
        return {
            name: 1e3 * median(median(part["seconds"]) for [part] in results)
            for name, results in runs.items()
        }

    def _single_row(self, preset: str) -> Row:
        note = "one core for both"
        return Row(f"single_{preset}", self.single[preset], SKLEARN, self.single["sklearn"], "ms", note)

    # Cold start

    @cached_property
    def cold(self) -> dict[str, list[ColdStart]]:
        """Route -> its starts."""
        folder = str(self.models.ours("default"))
        text = sorted(self.models.test_texts, key=len)[len(self.models.test_texts) // 2]
        codes = {name: code.format(folder=folder) for name, code in _COLD_CODE.items()}
        for code in codes.values():
            start_cold(code, text, self.cores)  # so that files and compiled code are there
        found: dict[str, list[ColdStart]] = {name: [] for name in codes}
        for number in range(self.repetitions):
            logger.info("Cold start, %d of %d.", number + 1, self.repetitions)
            for name in _order(list(codes), number):
                found[name].append(start_cold(codes[name], text, self.cores))
        said = [[{"label": start.label, "score": start.score}] for start in (x[0] for x in found.values())]
        check_predictions("The cold start", *said)
        return found

    def _cold_row(self, measure: str) -> Row:
        def value(start: ColdStart) -> float:
            return start.seconds if measure == "seconds" else start.peak_bytes / 1e6

        ours, peer = (median(map(value, self.cold[route])) for route in ("ours", "pipeline"))
        unit = "s" if measure == "seconds" else "MB"
        note = "default preset, new process to first label"
        return Row(f"cold_start_{measure}", ours, "transformers pipeline", peer, unit, note)

    # Training

    def _train(self) -> Row:
        models = self.models
        run = models.run("article")
        checkpoint = models.ours("article")
        rows, inputs = models.scratch / "train.parquet", models.scratch / "keras.npz"
        models.train.to_parquet(rows)
        write_keras_inputs(checkpoint, models.train, inputs)
        shared = {"batch_size": run.training.per_device_train_batch_size}
        ours = {"model": str(checkpoint), "train_file": str(rows), "arguments": models.arguments}
        sides = {  # what may be missing comes first
            "keras": [Job("train_keras", {"inputs": str(inputs), **shared}, self.cores)],
            "ours": [Job("train_torch", ours, self.cores)],
        }
        repetitions = min(self.repetitions, _SLOW_REPETITIONS)
        peer = "Keras on TensorFlow, the network as published, padded"
        note = "article network, the second epoch"
        try:
            runs = self._in_turn("train", sides, repetitions)
        except MissingPeerError as error:
            alone = self._in_turn("train", {"ours": sides["ours"]}, repetitions)
            return Row("train", _milliseconds(alone["ours"]), peer, None, "ms/sample", f"{note}; {error}")
        times = [_milliseconds(runs[side]) for side in ("ours", "keras")]
        return Row("train", times[0], peer, times[1], "ms/sample", note)

    @cached_property
    def growth(self) -> dict[int, dict[str, float]]:
        """Times as many articles -> {"time": seconds, "memory": MB}."""
        models = self.models
        rows = [
            {"title": row["text"], "text": row.get("text_pair", ""), "label": NAMES[row["label"]]}
            for row in models.train
        ]
        files = {times: models.scratch / f"train_{times}.jsonl" for times in (1, _GROWTH)}
        validation = models.scratch / "validation.jsonl"
        for path, times, part in (
            *((path, times, rows) for times, path in files.items()),
            (validation, 1, rows[:_VALIDATION_TEXTS]),
        ):
            lines = "".join(json.dumps(row) + "\n" for row in part)
            with path.open("w", encoding="utf-8") as file:
                for _ in range(times):
                    file.write(lines)
        shared = {"validation_file": str(validation), "glove": models.glove, "arguments": models.arguments}
        sides = {
            str(times): [Job("train_command", {"train_file": str(path), **shared}, self.cores)]
            for times, path in files.items()
        }
        runs = self._in_turn("growth", sides, min(self.repetitions, _GROWTH_REPETITIONS))
        return {
            int(times): {
                "time": median(part["seconds"] for [part] in results),
                "memory": median(part["peak_bytes"] for [part] in results) / 1e6,
            }
            for times, results in runs.items()
        }

    def _growth_row(self, measure: str) -> Row:
        unit = "s" if measure == "time" else "MB"
        articles = len(self.models.train)
        peer = f"{articles:,} articles instead of {_GROWTH * articles:,}"
        note = "article preset, one epoch from the file on"
        values = [self.growth[times][measure] for times in (_GROWTH, 1)]
        return Row(f"growth_{measure}", values[0], peer, values[1], unit, note)

    # Shared

    def _presets(self, kind: str) -> list[str]:
        """Those that a row of this kind wants."""
        found = [preset for preset in ("article", "default") if f"{kind}_{preset}" in self.works]
        if kind == "bulk" and "bulk_transformer" in self.works and "default" not in found:
            found.append("default")
        return found

    def _ours(self, preset: str, *, single: bool = False) -> Job:
        cores = self.cores[-1:] if single else self.cores
        return self._job("classify_runtime", self.models.ours(preset), cores, single=single)

    def _sklearn(self, processes: int, *, single: bool = False) -> list[Job]:
        """A process on each core: scikit-learn has no threads here. Each takes its share of the texts."""
        ends = np.linspace(0, len(self.models.test_texts), processes + 1).astype(int).tolist()
        return [
            self._job("classify_sklearn", self.models.sklearn, (core,), [begin, end], single=single)
            for begin, end, core in zip(ends[:-1], ends[1:], self.cores[-processes:], strict=True)
        ]

    def _job(
        self,
        kind: str,
        model: Path,
        cores: tuple[int, ...],
        rows: Sequence[int] | None = None,
        *,
        single: bool = False,
        warm: bool = True,
    ) -> Job:
        """Classify the test texts, or rows from a first to before a last; where warm, after the training texts."""
        first = self.models.train_texts
        values = {
            "model": str(model),
            "texts": str(self.models.text_file("test", self.models.test_texts)),
            "first_texts": str(
                self.models.text_file("train", first) if warm else self.models.text_file("two", first[:2])
            ),
            "rows": rows or [0, len(self.models.test_texts)],
            "single": single,
        }
        return Job(kind, values, cores)

    def _in_turn(
        self, what: str, sides: Mapping[str, Sequence[Job]], repetitions: int
    ) -> dict[str, list[list[dict[str, Any]]]]:
        """Side -> repetition -> what each of its processes says; the sides one after the other."""
        found: dict[str, list[list[dict[str, Any]]]] = {name: [] for name in sides}
        for number in range(repetitions):
            for name in _order(list(sides), number):
                logger.info("%s, %s: %d of %d.", what, name, number + 1, repetitions)
                found[name].append(run_together(sides[name]))
        return found


def measure_speed(
    works: Sequence[str],
    *,
    data_dir: Path,
    glove: str,
    threads: int = 1,
    repetitions: int = 5,
    checkpoints: Mapping[str, Path] | None = None,
    json_file: Path | None = None,
    plot_file: Path | None = None,
    arguments: Sequence[str] = (),
) -> list[Row]:
    """Measure rows of the table.

    Args:
        works: Of `speed_rows.WORKS`.
        data_dir: Laid out as ../shared/data is.
        glove: A name or a file.
        threads: Processors for each side.
        repetitions: Of each measurement; what takes minutes is measured two or three times at most.
        checkpoints: Preset -> its checkpoint, or where it shall be kept once it is trained.
        json_file: Gets the rows, after each one.
        plot_file: Gets a picture of accuracy against articles/s.
        arguments: Of `train.py`, over the values of our presets.

    Raises:
        DataError: An argument that is refused, missing data, or a process that failed.
        DisagreementError: Two programs that should compute the same do not.
    """
    unknown = sorted(set(works) - set(WORKS))
    if unknown:
        raise DataError(f"--work has {unknown[0]!r}; the rows are {', '.join(WORKS)}.")
    if plot_file and not {"bulk_article", "bulk_default"} & set(works):
        raise DataError("--plot needs the rows bulk_article or bulk_default.")
    for name in ("onnx", "onnxruntime"):
        if find_spec(name) is None:
            raise DataError(f"Our models need {name}: pip install 'glove-lstm[benchmark]'.")
    transformers.utils.logging.disable_progress_bar()
    scratch = Path(tempfile.mkdtemp(prefix="glove-lstm-speed-"))
    try:
        models = Models(data_dir, glove, scratch, checkpoints, arguments)
        benchmark = SpeedBenchmark(models, works, threads=threads, repetitions=repetitions)
        rows: list[Row] = []
        for row in benchmark.rows():
            logger.info("%s: %.4g %s, %s.", row.work, row.ours, row.unit, row.verdict)
            rows.append(row)
            if json_file:
                write_json(json_file, rows)
        if plot_file:
            transformer = benchmark.transformer_rate if "bulk_transformer" in works else None
            points = {
                _PLOTTED[name]: (found["rate"], found["right"]) for name, found in benchmark.bulk.items()
            }
            plot_trade_off(points, transformer, plot_file)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return rows


def conditions(threads: int) -> str:
    """What a reader must know beside the table: the machine, the pinned threads, the versions."""
    from importlib.metadata import PackageNotFoundError, version

    names = ["numpy", "tokenizers", "onnxruntime", "torch", "transformers", "scikit-learn"]
    versions = []
    for name in [*names, "tensorflow", "tensorflow-cpu", "keras"]:
        try:
            versions.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    pins = " ".join(f"{name}={value}" for name, value in pinned(threads).items())
    return (
        f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}; {', '.join(versions)}\n"
        f"Both sides run on {threads} of the processors: {pins}\n"
    )


def check_predictions(
    who: str, found: Sequence[Mapping[str, Any]], expected: Sequence[Mapping[str, Any]]
) -> None:
    """Refuse two routes that give other labels or scores.

    Args:
        who: For the message.
        found: n of {"label", "score"}.
        expected: n of the other route.

    Raises:
        DisagreementError: Some score differs by more than 1e-4, or a label where no score is that close to even.
    """
    if len(found) != len(expected):
        raise DisagreementError(f"{who}: {len(found)} labels, but {len(expected)} by PyTorch.")
    wrong = 0
    for one, other in zip(found, expected, strict=True):
        # Of two labels, the scores of the other one.
        score = other["score"] if one["label"] == other["label"] else 1 - other["score"]
        wrong += not abs(one["score"] - score) <= _SCORE_TOLERANCE
    if wrong:
        raise DisagreementError(
            f"{who}: ONNX Runtime and PyTorch differ on {wrong} of {len(found)} texts, so nothing is compared."
        )


def _wall(parts: Sequence[Mapping[str, Any]]) -> float:
    """Seconds from the first begin to the last end."""
    return max(part["ended"] for part in parts) - min(part["began"] for part in parts)


def _milliseconds(results: Sequence[Sequence[Mapping[str, Any]]]) -> float:
    return median(part["milliseconds"] for [part] in results)


def _order(names: list[str], number: int) -> list[str]:
    """There and back, so that a slow drift of the machine meets all alike."""
    return names[::-1] if number % 2 else names
