r"""A few labels, and the other training texts without labels.

python -m benchmarks.few_labels --data_dir ../shared/data --glove 6B.50d --mpnet FOLDER \
    --json benchmarks/results/few_labels.json

For each task, number of labels and drawing, labelled texts are drawn from training and validation texts; the labels of
the others are not used. The models are measured on all test texts; of titles, on those of the first fold.
PROTOCOL.md describes the models.

With `--labels 0`, all texts are labelled, and drawings differ in the seed of the training only.

The results are "TASK-LABELS" -> drawing -> model -> accuracy, log_loss, ece (the calibration error), `right` (a digit
for each test text), cpu_seconds of the training, texts_a_second, megabytes, and made_by (a hash of the sources,
versions and the machine). Rows in the file are not measured again. What the peers make of an encoder, and the logits of
a teacher with the processor time that they took, are kept beside the JSON file.
"""

import os
import shutil
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import joblib
import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from benchmarks.corpora import joined_texts
from benchmarks.folds import Fold, make_folds
from benchmarks.models import sources
from benchmarks.peers import classify_linear, encoder_folder, fit_elsewhere
from benchmarks.records import benchmark_parser, read_results, record, write_json
from glove_lstm.baselines import linear_baseline
from glove_lstm.commands.command import run_command
from glove_lstm.distillation.targets import make_targets
from glove_lstm.distillation.teacher import Teacher, open_teacher
from glove_lstm.errors import DataError
from glove_lstm.evaluation.metrics import expected_calibration_error
from glove_lstm.files import cache_folder
from glove_lstm.inference.decisions import softmax
from glove_lstm.inference.light_classifier import LightClassifier
from glove_lstm.inference.onnx_export import export_onnx
from glove_lstm.tables.examples import Examples
from glove_lstm.training.fit import fit
from glove_lstm.training.hold_out import hold_out
from glove_lstm.training.settings import Settings as TrainingSettings
from glove_lstm.training.settings import make_settings
from glove_lstm.vectors.glove import GloveVectors, load_glove

TASKS = ("sst2", "trec", "subj", "titles")
LABELS = (100, 300, 1_000)
_SOURCES = (
    *sources("default", corrupted=False),
    *("benchmarks/few_labels.py", "benchmarks/peers_elsewhere.py", "glove_lstm/baselines.py"),
)
_C = 10.0  # of the logistic regression on TF-IDF
_BATCH = 32  # texts that an encoder embeds together
_TIMED = 200  # texts that an encoder embeds to measure its speed
_PASSES = 5  # over the texts; the median time counts

Classify = Callable[[Sequence[str]], NDArray[Any]]  # texts -> scores (n, labels)


@dataclass(frozen=True)
class Drawing:
    """Labelled, unlabelled and test texts of a task. Labels are numbers."""

    texts: list[str]
    labels: list[int]
    unlabelled: list[str]
    test_texts: list[str]
    test_labels: list[int]
    label_names: list[str]
    seed: int


def draw(fold: Fold, count: int, seed: int) -> Drawing:
    """Draw labelled texts of a fold, stratified; the others are unlabelled. All of them may be drawn."""
    labelled = joined_texts(fold.every)
    unlabelled: list[str] = []
    labels = fold.every["label"].tolist()
    labels_of_labelled = labels
    if count < len(labels):
        labelled, unlabelled, labels_of_labelled, _ = train_test_split(
            labelled, labels, train_size=count, random_state=seed, stratify=labels
        )
    [test] = fold.tests.values()
    return Drawing(
        texts=labelled,
        labels=labels_of_labelled,
        unlabelled=unlabelled,
        test_texts=joined_texts(test),
        test_labels=test["label"].tolist(),
        label_names=fold.label_names,
        seed=seed,
    )


@dataclass(frozen=True)
class Settings:
    """What the models are fitted with."""

    glove: GloveVectors
    mpnet: str | None  # a folder
    kept: Path  # what the peers make of an encoder


@dataclass(frozen=True)
class Fitted:
    """A fitted model, and the files that it needs."""

    classify: Classify
    files: Sequence[Path]
    # What is timed instead of `classify`, which does not embed a text again.
    timed: Callable[[Sequence[str]], object] | None = None
    other_seconds: float = 0.0  # of processor time in other processes, now or before


def _fit_tfidf(
    drawing: Drawing,
    _: Settings,
    folder: Path,
    *,
    logistic: bool = False,
) -> Fitted:
    pipeline = linear_baseline()
    if logistic:
        pipeline = make_pipeline(pipeline[0], LogisticRegression(C=_C, max_iter=2_000))
    pipeline.fit(drawing.texts, drawing.labels)
    saved = folder / "pipeline.joblib"
    joblib.dump(pipeline, saved)
    return Fitted(partial(classify_linear, pipeline), [saved])


def _settings(drawing: Drawing) -> TrainingSettings:
    return make_settings(seed=drawing.seed)


def _fit_ours(
    drawing: Drawing, settings: Settings, folder: Path, *, teacher: str | None = None
) -> Fitted:
    teaching: dict[str, Any] = {}
    if teacher is not None:
        teaching = {"teacher": teacher, "unlabelled": drawing.unlabelled}
    with redirect_stdout(sys.stderr):  # the Trainer's log
        trained = fit(
            drawing.texts,
            [drawing.label_names[label] for label in drawing.labels],
            settings=_settings(drawing),
            label_names=drawing.label_names,
            glove=settings.glove,
            **teaching,
        )
    checkpoint = folder / "checkpoint"
    trained.model.save_pretrained(checkpoint)
    trained.tokenizer.save_pretrained(checkpoint)
    light = export_onnx(checkpoint)
    classifier = LightClassifier.from_pretrained(checkpoint)
    needed = [light, checkpoint / "model.safetensors", checkpoint / "tokenizer.json"]
    return Fitted(lambda texts: classifier.predict_proba(list(texts)), needed)


def _fit_taught(drawing: Drawing, settings: Settings, folder: Path, *, encoder: str) -> Fitted:
    asked = _ask_teacher(drawing, settings, encoder)
    model = encoder_folder(encoder, settings.mpnet)
    fitted = _fit_ours(drawing, settings, folder, teacher=model)
    return replace(fitted, other_seconds=asked.learning + asked.labelling - asked.here)


def _fit_taught_svc(drawing: Drawing, settings: Settings, folder: Path, *, encoder: str) -> Fitted:
    """Fit the linear SVC to what a student learns: the labels, and the teacher's best ones with their weights."""
    asked = _ask_teacher(drawing, settings, encoder)
    probabilities = softmax(asked.teacher.logits(drawing.unlabelled))
    weights = [1.0] * len(drawing.texts) + (probabilities.max(axis=1) ** 2).tolist()
    pipeline = linear_baseline()
    pipeline.fit(
        [*drawing.texts, *drawing.unlabelled],
        [*drawing.labels, *probabilities.argmax(axis=1).tolist()],
        linearsvc__sample_weight=weights,
    )
    saved = folder / "pipeline.joblib"
    joblib.dump(pipeline, saved)
    seconds = asked.learning + asked.labelling - asked.here
    return Fitted(partial(classify_linear, pipeline), [saved], other_seconds=seconds)


@dataclass(frozen=True)
class Asked:
    """A teacher that has learned a drawing, and seconds of processor time."""

    teacher: Teacher
    learning: float  # of the labels
    labelling: float  # of the other texts of the training
    here: float  # spent by this process, in which the logits may have been kept


def _ask_teacher(drawing: Drawing, settings: Settings, encoder: str) -> Asked:
    """Let a teacher learn the labels that a training would give it, and label all texts of the training and the test.

    Its logits are kept in the cache, and the seconds beside them, so that other students of it need not ask again.
    """
    seconds_file = cache_folder() / "seconds.json"
    if not seconds_file.exists():
        # An interrupted run may have kept some logits, whose time is unknown.
        shutil.rmtree(cache_folder() / "teachers", ignore_errors=True)
    began = time.process_time()
    model = encoder_folder(encoder, settings.mpnet)
    teacher = open_teacher(model, torch.device("cpu"), seed=drawing.seed)
    split = hold_out(
        Examples(drawing.texts, np.array(drawing.labels), drawing.label_names),
        None,
        drawing.unlabelled,
        groups=None,
        class_weight=None,
        teacher=teacher,
        arguments=_settings(drawing).training,
    )
    teacher.fit(split.train)
    teacher.logits(split.train.texts[:1])
    learned = time.process_time()
    make_targets(split, teacher, glove=settings.glove)
    labelled = time.process_time()
    teacher.logits(drawing.test_texts)
    if not seconds_file.exists():
        write_json(seconds_file, {"learning": learned - began, "labelling": labelled - learned})
    return Asked(teacher, **read_results(seconds_file), here=time.process_time() - began)


def _fit_encoder(drawing: Drawing, settings: Settings, _: Path, *, encoder: str) -> Fitted:
    asked = _ask_teacher(drawing, settings, encoder)
    model = encoder_folder(encoder, settings.mpnet)
    embedder = SentenceTransformer(model, device="cpu")

    def classify(texts: Sequence[str]) -> NDArray[Any]:
        return softmax(asked.teacher.logits(texts))

    def embed(texts: Sequence[str]) -> None:  # the regression takes no time beside this
        embedder.encode(list(texts), batch_size=_BATCH, show_progress_bar=False)

    files = [Path(model) / "model.safetensors", Path(model) / "tokenizer.json"]
    seconds = asked.learning - asked.here
    return Fitted(classify, files, timed=embed, other_seconds=seconds)


_FITS: dict[str, Callable[[Drawing, Settings, Path], Fitted]] = {
    "tfidf_svc_cased_chars": _fit_tfidf,
    "tfidf_logistic": partial(_fit_tfidf, logistic=True),
    "glove_lstm": _fit_ours,
    "taught_MiniLM": partial(_fit_taught, encoder="MiniLM"),
    "taught_MPNet": partial(_fit_taught, encoder="MPNet"),
    "svc_taught_MiniLM": partial(_fit_taught_svc, encoder="MiniLM"),
    "encoder_MiniLM": partial(_fit_encoder, encoder="MiniLM"),
    "encoder_MPNet": partial(_fit_encoder, encoder="MPNet"),
}
_PEERS = ("model2vec", "model2vec_logistic", "setfit")
MODELS = (*_FITS, *_PEERS)


def measure_model(model: str, drawing: Drawing, settings: Settings) -> dict[str, Any]:
    """Fit a model to a drawing, and classify the test texts."""
    with tempfile.TemporaryDirectory() as scratch:
        if model in _PEERS:
            row = _fit_peer(model, drawing, settings, Path(scratch) / "model")
            scores = np.array(row.pop("scores"))
        else:
            # A cache of its own for each drawing and encoder, so that the time of its logits is known.
            *_, encoder = model.split("_")
            cache = settings.kept / f"{encoder}-{len(drawing.texts)}-{drawing.seed}"
            with mock.patch.dict(os.environ, GLOVE_LSTM_CACHE=str(cache)):
                row, scores = _fit_and_classify(model, drawing, settings, Path(scratch))
    classes = np.array(drawing.test_labels)
    is_right = scores.argmax(axis=1) == classes
    names = range(len(drawing.label_names))
    return {
        "accuracy": float(is_right.mean()),
        "log_loss": float(log_loss(classes, scores, labels=names)),
        "ece": expected_calibration_error(scores, classes),
        **{name: round(value, 2) for name, value in row.items()},
        "right": "".join("1" if one else "0" for one in is_right),
    }


def _fit_and_classify(
    model: str, drawing: Drawing, settings: Settings, folder: Path
) -> tuple[dict[str, float], NDArray[Any]]:
    began = time.process_time()
    fitted = _FITS[model](drawing, settings, folder)
    row = {"cpu_seconds": time.process_time() - began + fitted.other_seconds}
    row["megabytes"] = sum(file.stat().st_size for file in fitted.files) / 1e6

    timed: Callable[[Sequence[str]], object] = fitted.classify
    texts = drawing.test_texts
    if fitted.timed is not None:
        timed = fitted.timed
        texts = texts[:_TIMED]
    seconds = [_seconds(partial(timed, texts)) for _ in range(_PASSES)]
    row["texts_a_second"] = len(texts) / float(np.median(seconds))
    return row, fitted.classify(drawing.test_texts)


def _seconds(function: Callable[[], Any]) -> float:
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def _fit_peer(model: str, drawing: Drawing, settings: Settings, output: Path) -> dict[str, Any]:
    """Fit a peer in the environment of the peers."""
    job = {name: getattr(drawing, name) for name in ("texts", "labels", "test_texts", "seed")}
    job["label_count"] = len(drawing.label_names)
    return fit_elsewhere(model, job, kept=settings.kept, output=output)


def main(argv: Sequence[str]) -> None:
    """Measure all drawings; those in the JSON file stay."""
    args = parse(argv)
    results = read_results(args.json)
    glove_name = Path(args.glove).name
    earlier = results.setdefault("glove", glove_name)
    if earlier != glove_name:
        raise DataError(f"{args.json} has rows of --glove {earlier}; give another --json.")
    glove = load_glove(args.glove)
    for task in args.task:
        [fold] = make_folds(task, args.data_dir, 1)
        kept = args.json.with_suffix(".answers") / task
        kept.mkdir(parents=True, exist_ok=True)
        settings = Settings(glove, args.mpnet, kept)
        for seed in range(args.drawings):
            for count in args.labels:
                drawing = draw(fold, count or len(fold.every), seed)
                labels = len(drawing.texts)
                rows = results.setdefault(f"{task}-{labels}", {}).setdefault(str(seed), {})
                for model in args.models:
                    if model in rows:
                        continue
                    made_by = record(*_SOURCES)
                    rows[model] = measure_model(model, drawing, settings) | {"made_by": made_by}
                    write_json(args.json, results)
                    figures = {name: rows[model][name] for name in ("accuracy", "log_loss")}
                    sys.stdout.write(f"{task}, {labels} labels, {seed}: {model} {figures}\n")
                    sys.stdout.flush()


def parse(argv: Sequence[str]) -> Namespace:
    """Read the options."""
    parser = benchmark_parser("few_labels", __doc__, MODELS)
    add = parser.add_argument
    add("--task", nargs="+", choices=TASKS, default=TASKS)
    add("--labels", nargs="+", type=int, default=LABELS, help="numbers of labelled texts; 0: all")
    add("--drawings", type=int, default=3)
    add("--glove", default="6B.50d", help="a name or a file, as for train.py")
    add("--mpnet", help="a folder with all-mpnet-base-v2")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(run_command(main, extra="benchmark"))
