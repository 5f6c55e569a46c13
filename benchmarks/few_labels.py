r"""A few labels, and the other training texts without labels.

python -m benchmarks.few_labels --data_dir DATA --glove 6B.50d --mpnet FOLDER \
    --json benchmarks/results/few_labels.json

For each task, number of labels and drawing, labelled texts are drawn from training and validation texts; the labels of
the others are not used. The models are measured on all test texts; of titles, on those of the first fold.
PROTOCOL.md describes the models.

With `--labels 0`, all texts are labelled, and drawings differ in the seed of the training only.

The results are "TASK-LABELS" -> drawing -> model -> accuracy, weighted_f1, log_loss, ece (the calibration error),
`right` (a digit for each test text), cpu_seconds of the training, texts_a_second, megabytes, and made_by (commit, date,
versions and machine).
"""

import os
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
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
from sklearn.metrics import f1_score, log_loss
from sklearn.model_selection import train_test_split

from benchmarks.corpora import joined_texts
from benchmarks.folds import Fold, make_folds
from benchmarks.peers import classify_linear, encoder_folder, linear_baseline
from benchmarks.records import benchmark_parser, read_results, record, write_json
from glove_lstm.commands.command import run_command
from glove_lstm.distillation.teacher import Teacher, open_teacher
from glove_lstm.errors import DataError
from glove_lstm.evaluation.metrics import expected_calibration_error
from glove_lstm.inference.decisions import softmax
from glove_lstm.inference.light_classifier import LightClassifier
from glove_lstm.inference.onnx_export import export_onnx
from glove_lstm.tables.examples import Examples
from glove_lstm.training.fit import fit
from glove_lstm.training.settings import make_settings
from glove_lstm.vectors.glove import GloveVectors, load_glove

TASKS = ("sst2", "trec", "subj", "titles")
LABELS = (100, 300, 1_000)
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
    return Drawing(
        texts=labelled,
        labels=labels_of_labelled,
        unlabelled=unlabelled,
        test_texts=joined_texts(fold.test),
        test_labels=fold.test["label"].tolist(),
        label_names=fold.label_names,
        seed=seed,
    )


@dataclass(frozen=True)
class Settings:
    """What the models are fitted with."""

    glove: GloveVectors
    mpnet: str | None  # a folder


@dataclass(frozen=True)
class Fitted:
    """A fitted model, and the files that it needs."""

    classify: Classify
    files: Sequence[Path]
    # What is timed instead of `classify`, which does not embed a text again.
    timed: Callable[[Sequence[str]], object] | None = None


def _fit_svc(drawing: Drawing, _: Settings, folder: Path) -> Fitted:
    pipeline = linear_baseline()
    pipeline.fit(drawing.texts, drawing.labels)
    saved = folder / "pipeline.joblib"
    joblib.dump(pipeline, saved)
    return Fitted(partial(classify_linear, pipeline), [saved])


def _fit_ours(
    drawing: Drawing, settings: Settings, folder: Path, *, encoder: str | None = None
) -> Fitted:
    """Train `default`, perhaps with an encoder as its teacher."""
    teaching: dict[str, Any] = {}
    if encoder is not None:
        teaching["teacher"] = encoder_folder(encoder, settings.mpnet)
        teaching["unlabelled"] = drawing.unlabelled
    with redirect_stdout(sys.stderr):  # the Trainer's log
        trained = fit(
            drawing.texts,
            [drawing.label_names[label] for label in drawing.labels],
            settings=make_settings(seed=drawing.seed),
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


def _fit_taught_svc(drawing: Drawing, settings: Settings, folder: Path, *, encoder: str) -> Fitted:
    """Fit the linear SVC to what a student learns: the labels, and the teacher's best ones with their weights."""
    teacher = _tune(drawing, settings, encoder)
    probabilities = softmax(teacher.logits(drawing.unlabelled))
    weights = [1.0] * len(drawing.texts) + (probabilities.max(axis=1) ** 2).tolist()
    pipeline = linear_baseline()
    pipeline.fit(
        [*drawing.texts, *drawing.unlabelled],
        [*drawing.labels, *probabilities.argmax(axis=1).tolist()],
        linearsvc__sample_weight=weights,
    )
    saved = folder / "pipeline.joblib"
    joblib.dump(pipeline, saved)
    return Fitted(partial(classify_linear, pipeline), [saved])


def _fit_encoder(drawing: Drawing, settings: Settings, _: Path, *, encoder: str) -> Fitted:
    teacher = _tune(drawing, settings, encoder)
    model = encoder_folder(encoder, settings.mpnet)
    embedder = SentenceTransformer(model, device="cpu")

    def embed(texts: Sequence[str]) -> None:  # the regression takes no time beside this
        embedder.encode(list(texts), batch_size=_BATCH, show_progress_bar=False)

    files = [Path(model) / "model.safetensors", Path(model) / "tokenizer.json"]
    return Fitted(lambda texts: softmax(teacher.logits(texts)), files, timed=embed)


def _fit_embeddings(drawing: Drawing, settings: Settings, _: Path) -> Fitted:
    """Fit a logistic regression to the embeddings of MiniLM as it is."""
    model = encoder_folder("MiniLM", settings.mpnet)
    embedder = SentenceTransformer(model, device="cpu")

    def embed(texts: Sequence[str]) -> NDArray[Any]:
        return embedder.encode(list(texts), batch_size=_BATCH, show_progress_bar=False)

    regression = LogisticRegression(max_iter=1_000).fit(embed(drawing.texts), drawing.labels)
    files = [Path(model) / "model.safetensors", Path(model) / "tokenizer.json"]
    return Fitted(lambda texts: regression.predict_proba(embed(texts)), files, timed=embed)


def _tune(drawing: Drawing, settings: Settings, encoder: str) -> Teacher:
    """Tune an encoder on the labelled texts, as a training with it as its teacher does."""
    model = encoder_folder(encoder, settings.mpnet)
    teacher = open_teacher(model, torch.device("cpu"), seed=drawing.seed)
    teacher.fit(Examples(drawing.texts, np.array(drawing.labels), drawing.label_names))
    teacher.logits(drawing.texts[:1])  # the first call tunes it
    return teacher


_FITS: dict[str, Callable[[Drawing, Settings, Path], Fitted]] = {
    "tfidf_svc_cased_chars": _fit_svc,
    "glove_lstm": _fit_ours,
    "taught_MiniLM": partial(_fit_ours, encoder="MiniLM"),
    "taught_MPNet": partial(_fit_ours, encoder="MPNet"),
    "svc_taught_MiniLM": partial(_fit_taught_svc, encoder="MiniLM"),
    "minilm_logistic": _fit_embeddings,
    "encoder_MiniLM": partial(_fit_encoder, encoder="MiniLM"),
    "encoder_MPNet": partial(_fit_encoder, encoder="MPNet"),
}
MODELS = tuple(_FITS)


def measure_model(model: str, drawing: Drawing, settings: Settings) -> dict[str, Any]:
    """Fit a model to a drawing, and classify the test texts."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        # With a cache of its own, so that its time is that of all logits of its teacher.
        own_cache = mock.patch.dict(os.environ, GLOVE_LSTM_CACHE=str(folder / "cache"))
        with own_cache:
            row, scores = _fit_and_classify(model, drawing, settings, folder)
    classes = np.array(drawing.test_labels)
    is_right = scores.argmax(axis=1) == classes
    names = range(len(drawing.label_names))
    return {
        "accuracy": float(is_right.mean()),
        "weighted_f1": float(f1_score(classes, scores.argmax(axis=1), average="weighted")),
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
    row = {"cpu_seconds": time.process_time() - began}
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
        settings = Settings(glove, args.mpnet)
        for seed in range(args.drawings):
            for count in args.labels:
                drawing = draw(fold, count or len(fold.every), seed)
                labels = len(drawing.texts)
                rows = results.setdefault(f"{task}-{labels}", {}).setdefault(str(seed), {})
                for model in args.models:
                    if model in rows:
                        continue
                    row = measure_model(model, drawing, settings)
                    rows[model] = row | {"made_by": record()}
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
