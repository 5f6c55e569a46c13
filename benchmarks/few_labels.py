r"""A hundred labels, and the other training texts without labels.

python -m benchmarks.few_labels --data_dir ../shared/data --glove 6B.50d --encoders MiniLM=FOLDER MPNet=FOLDER \
    --json few_labels.json

For each task and drawing, labelled texts are drawn from train and validation; the labels of the others are not used.
The models are measured on the test texts: TF-IDF with two linear classifiers, glove-lstm on the labelled texts alone,
and for each encoder glove-lstm that it taught, and the regression on its embeddings of the labelled texts.

The results are TASK-LABELS -> drawing -> model -> accuracy, log_loss and cpu_seconds of the training. The embeddings
are kept beside the JSON file: only the first drawing of a task embeds all texts.
"""

import shutil
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from benchmarks.corpora import STANDARD, join, joined_texts, standard
from benchmarks.records import benchmark_parser, read_results, record, write_json
from glove_lstm.commands.command import run_command
from glove_lstm.data.glove import GloveVectors, load_glove
from glove_lstm.evaluation.baselines import BASELINES
from glove_lstm.inference.torch_classifier import TorchClassifier
from glove_lstm.text.light_tokenizer import LightTokenizer
from glove_lstm.training.answers import ANSWERS_NAME
from glove_lstm.training.encoder_head import EncoderAnswers
from glove_lstm.training.fit import fit
from glove_lstm.training.labelled_texts import LabelledTexts
from glove_lstm.training.recipe import make_recipe
from glove_lstm.training.teacher import load_teacher

MODELS = ("tfidf_svc", "tfidf_logistic", "glove_lstm", "taught", "encoder")
_SOURCES = ("glove_lstm.training/*.py", "glove_lstm.modeling/*.py", "glove_lstm.text/*.py")

Predict = Callable[[Sequence[str]], NDArray[Any]]  # texts -> scores (n, labels)


class Drawing:
    """Labelled, unlabelled and test texts of a task."""

    def __init__(self, folder: Path, task: str, labels: int, seed: int) -> None:
        splits = standard(folder, task)
        self.seed = seed
        self.label_names = splits.label_names
        every = join([splits.train, splits.validation])
        texts, numbers = joined_texts(every), every["label"].tolist()
        drawn = train_test_split(
            texts, numbers, train_size=labels, random_state=seed, stratify=numbers
        )
        self.texts, self.unlabelled, self.labels, _ = drawn
        self.test_texts = joined_texts(splits.test)
        self.test_labels = splits.test["label"].to_numpy()

    @property
    def labelled(self) -> LabelledTexts:
        """The labelled texts, as the training room takes them."""
        return LabelledTexts(self.texts, np.array(self.labels), self.label_names)


def measure_drawing(
    drawing: Drawing,
    models: Sequence[str],
    encoders: dict[str, str],
    glove: GloveVectors,
    kept: Path,
) -> dict[str, dict[str, Any]]:
    """Train and measure the models."""
    results = {}
    for model in models:
        if model in ("taught", "encoder"):
            for name, folder in encoders.items():
                results[f"{model}_{name}"] = _measure(drawing, model, folder, glove, kept)
        else:
            results[model] = _measure(drawing, model, "", glove, kept)
    return results


def _measure(
    drawing: Drawing, model: str, encoder: str, glove: GloveVectors, kept: Path
) -> dict[str, Any]:
    start = time.process_time()
    if model == "encoder":
        predict = _fit_encoder(drawing, encoder, kept)
    elif model.startswith("tfidf"):
        predict = _fit_tfidf(drawing, model)
    else:
        predict = _fit_ours(drawing, encoder, glove, kept)
    cpu_seconds = time.process_time() - start
    scores = predict(drawing.test_texts)
    accuracy = float((scores.argmax(axis=1) == drawing.test_labels).mean())
    results = {"accuracy": accuracy, "cpu_seconds": round(cpu_seconds, 1)}
    if model != "tfidf_svc":  # its margins are no probabilities
        results["log_loss"] = float(
            log_loss(drawing.test_labels, scores, labels=range(len(drawing.label_names)))
        )
    return results


def _fit_tfidf(drawing: Drawing, model: str) -> Predict:
    pipeline = BASELINES["tfidf_svc"]()
    if model == "tfidf_logistic":
        pipeline = make_pipeline(pipeline[0], LogisticRegression(C=10, max_iter=2_000))
        return pipeline.fit(drawing.texts, drawing.labels).predict_proba
    pipeline.fit(drawing.texts, drawing.labels)

    def margins(texts: Sequence[str]) -> NDArray[Any]:
        of_labels = pipeline.decision_function(texts)
        if of_labels.ndim == 1:
            of_labels = np.stack([-of_labels, of_labels], axis=1)
        return of_labels

    return margins


def _fit_ours(drawing: Drawing, encoder: str, glove: GloveVectors, kept: Path) -> Predict:
    options: dict[str, Any] = {}
    if encoder:
        options = {"teacher": encoder, "unlabelled": drawing.unlabelled}
    names = [drawing.label_names[label] for label in drawing.labels]
    with tempfile.TemporaryDirectory() as folder:
        _copy_answers(kept, Path(folder))
        recipe = make_recipe(
            output_dir=folder, save_strategy="no", seed=drawing.seed, disable_tqdm=True
        )
        with redirect_stdout(sys.stderr):  # the Trainer's log
            result = fit(
                drawing.texts,
                names,
                recipe=recipe,
                label_names=drawing.label_names,
                glove=glove,
                **options,
            )
        _copy_answers(Path(folder), kept)
    classifier = TorchClassifier.of(result.model, LightTokenizer.of(result.tokenizer))
    return lambda texts: classifier.predict_proba(list(texts))


def _fit_encoder(drawing: Drawing, encoder: str, kept: Path) -> Predict:
    teacher: Any = load_teacher(encoder, torch.device("cpu"))
    answers = EncoderAnswers(teacher, drawing.labelled, kept, drawing.seed)
    return lambda texts: softmax(answers.logits(texts) / answers.temperature, axis=1)


def _copy_answers(origin: Path, target: Path) -> None:
    for path in origin.glob(ANSWERS_NAME.format("*")):
        shutil.copy(path, target)


def main(argv: Sequence[str]) -> None:
    """Measure all drawings; those in the JSON file stay."""
    args = parse(argv)
    results = read_results(args.json)
    encoders = dict(encoder.split("=", 1) for encoder in args.encoders)
    glove = load_glove(args.glove)
    for task in args.task:
        kept = args.json.with_suffix(".answers") / task
        kept.mkdir(parents=True, exist_ok=True)
        for labels in args.labels:
            drawings = results.setdefault(f"{task}-{labels}", {})
            for seed in range(args.drawings):
                drawing = Drawing(args.data_dir, task, labels, seed)
                measured = measure_drawing(drawing, args.models, encoders, glove, kept)
                drawings[str(seed)] = drawings.get(str(seed), {}) | measured
                results["record"] = record(*_SOURCES) | {"glove": Path(args.glove).name}
                write_json(args.json, results)
                sys.stdout.write(f"{task}, {labels} labels, drawing {seed}: {measured}\n")
                sys.stdout.flush()


def parse(argv: Sequence[str]) -> Namespace:
    """Read the options."""
    parser = benchmark_parser("few_labels", __doc__, MODELS)
    parser.add_argument("--task", nargs="+", choices=list(STANDARD), default=list(STANDARD))
    parser.add_argument("--labels", nargs="+", type=int, default=[100], help="labelled texts")
    parser.add_argument("--drawings", type=int, default=2)
    parser.add_argument("--glove", required=True, help="vectors, as glove-lstm train takes them")
    parser.add_argument("--encoders", nargs="*", default=[], metavar="NAME=FOLDER")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(run_command(main, extra="benchmark"))
