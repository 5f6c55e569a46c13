"""A process of the scale benchmark: trains a model, classifies the test texts, and writes figures and predictions.

Each model imports its own libraries, so that no process carries the libraries of another. It trains on FOLDER/train.csv
and classifies FOLDER/test.csv.
"""

import csv
import json
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from benchmarks.speed_worker import peak_memory

Predict = Callable[[Sequence[str]], list[str]]  # texts -> the name of each text's label
Texts = tuple[list[str], list[int]]  # and the number of each text's label

_FASTTEXT = (0.5, 15, 2)  # learning rate, epochs, n-grams of words


def main() -> None:
    """Answer one job: JSON on standard input, JSON on standard output."""
    job = json.loads(sys.stdin.read())
    with redirect_stdout(sys.stderr):  # of libraries
        predict = _TRAIN[job["model"]](job)
        figures: dict[str, Any] = {
            "CPU s to train": _cpu_seconds(),
            "s to train": time.time() - job["began"],
            "MB of memory": peak_memory(),
        }
        texts, _ = _read(job, "test.csv")
        predicted = predict(texts)
        figures["CPU s to classify"] = _cpu_seconds() - figures["CPU s to train"]
    sys.stdout.write(json.dumps({**figures, "predicted": predicted}) + "\n")


def _cpu_seconds() -> float:
    """Return what this process, from its start, and its children have used."""
    total = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        usage = resource.getrusage(who)
        total += usage.ru_utime + usage.ru_stime
    return total


def _read(job: Mapping[str, Any], name: str) -> tuple[list[str], list[str]]:
    with Path(job["folder"], name).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [row["title"] for row in rows], [row["label"] for row in rows]


def _train_default(job: Mapping[str, Any]) -> Predict:
    """Run `glove-lstm train`; the classifier is the checkpoint that it saves."""
    from glove_lstm.commands.train import main as train

    folder = Path(job["folder"])
    checkpoint = folder / "checkpoint"
    argv = ["--glove", job["glove"], "--text_column_names", "title"]
    if job["model"] == "default":
        argv += ["--train_file", str(folder / "train.csv")]
    else:
        argv += ["--train_file", str(folder / "taught.csv")]
        argv += ["--validation_file", str(folder / "validation.csv")]
        argv += ["--teacher", str(folder / "teacher")]
        argv += ["--unlabelled_file", str(folder / "unlabelled.csv")]
    train([*argv, "--output_dir", str(checkpoint), *job["arguments"]])

    def predict(texts: Sequence[str]) -> list[str]:
        from glove_lstm.checkpoint import Checkpoint
        from glove_lstm.inference.torch_classifier import predict_logits

        model, tokenizer = Checkpoint.open(checkpoint).load_model()
        best = predict_logits(model, tokenizer, texts).argmax(axis=1)
        return [model.config.label_names[label] for label in best]

    return predict


def _train_svc(job: Mapping[str, Any]) -> Predict:
    from glove_lstm.evaluation.baselines import BASELINES

    pipeline = BASELINES[job["model"]]().fit(*_read(job, "train.csv"))
    return lambda texts: pipeline.predict(texts).tolist()


def _train_fasttext(job: Mapping[str, Any]) -> Predict:
    from benchmarks.peers_fasttext import fit_fasttext

    texts, labels = _read(job, "train.csv")
    names = sorted(set(labels))
    classify = fit_fasttext((texts, [names.index(label) for label in labels]), *_FASTTEXT)
    return lambda texts: [names[label] for label in classify(texts).argmax(axis=1)]


def _finetune_minilm(job: Mapping[str, Any]) -> Predict:
    """Fine-tune MiniLM-L6; each tenth text chooses the epoch."""
    from benchmarks.neural_peers import finetune_minilm

    names, train, validation = _divided(job)
    classify = finetune_minilm(train, validation)
    return lambda texts: [names[label] for label in classify(texts).argmax(axis=1)]


def _teach(job: Mapping[str, Any]) -> Predict:
    """Make the teacher, and train once, which leaves the answers of the teacher in the folder of the checkpoint."""
    from benchmarks.neural_peers import save_minilm

    names, train, validation = _divided(job)
    folder = Path(job["folder"])
    save_minilm(train, validation, names, folder / "teacher")
    # The student must not be validated on texts that trained the teacher.
    for name, (texts, numbers) in {"taught": train, "validation": validation}.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file)
            table.writerow(["title", "label"])
            table.writerows(zip(texts, [names[number] for number in numbers], strict=True))
    return _train_default(job)


def _divided(job: Mapping[str, Any]) -> tuple[list[str], Texts, Texts]:
    """Return the labels, training texts, and each tenth text for validation."""
    texts, labels = _read(job, "train.csv")
    names = sorted(set(labels))
    numbers = [names.index(label) for label in labels]
    validation = texts[::10], numbers[::10]
    del texts[::10], numbers[::10]
    return names, (texts, numbers), validation


_TRAIN: dict[str, Callable[[Mapping[str, Any]], Predict]] = {
    "default": _train_default,
    "tfidf_svc": _train_svc,
    "tfidf_svc_cased": _train_svc,
    "fasttext": _train_fasttext,
    "minilm_finetuned": _finetune_minilm,
    "teacher": _teach,
    "distilled": _train_default,
}


if __name__ == "__main__":
    main()
