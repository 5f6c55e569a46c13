"""One process of the speed benchmark: reads a job, gets ready, says so, waits for the word, and measures.

It speaks JSON, one object a line, on standard input and output; `speed_processes` is the other side. What a kind of
work needs is imported by that kind alone, so that none carries the libraries of another.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.peak_memory import peak_bytes

Values = Mapping[str, Any]
Work = Callable[[], dict[str, Any]]  # done when the word is given

_TRAINING = "benchmarks.speed_training"
KINDS = {
    "classify_runtime": (__name__, "classify_runtime"),
    "classify_torch": (__name__, "classify_torch"),
    "classify_sklearn": (__name__, "classify_sklearn"),
    "classify_transformer": (__name__, "classify_transformer"),
    "train_torch": (_TRAINING, "train_torch"),
    "train_keras": (_TRAINING, "train_keras"),
    "train_command": (_TRAINING, "train_command"),
}
PEERS = ("tensorflow", "keras")  # what may be missing
_FIRST_CALLS = 20  # single calls that are not timed


def main() -> None:
    """Answer one job."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what libraries print is no answer

    def answer(values: Values) -> None:
        answers.write(json.dumps(values) + "\n")
        answers.flush()

    job = json.loads(sys.stdin.readline())
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, job["cores"])
    module, name = KINDS[job["kind"]]
    try:
        work: Work = getattr(import_module(module), name)(job)
    except ModuleNotFoundError as error:
        if error.name not in PEERS:
            raise
        answer({"missing": error.name})
        return
    answer({"ready": True})
    sys.stdin.readline()
    answer({**work(), "peak_bytes": peak_bytes()})


def classify_runtime(job: Values) -> Work:
    """`glove_lstm.inference.runtime` on raw texts: labels and their scores."""
    from glove_lstm.inference.runtime import LightClassifier

    classify = LightClassifier.from_pretrained(job["model"], threads=len(job["cores"]))
    return _measured(job, classify)


def classify_torch(job: Values) -> Work:
    """The same by PyTorch, for comparison."""
    from glove_lstm.inference.checkpoints import load_checkpoint
    from glove_lstm.inference.prediction import predict_logits
    from glove_lstm.inference.scores import softmax

    model, tokenizer = load_checkpoint(job["model"])

    def classify(texts: Sequence[str]) -> list[dict[str, Any]]:
        scores = softmax(predict_logits(model, tokenizer, texts))
        return [
            {"label": model.config.label_names[row.argmax()], "score": float(row.max())} for row in scores
        ]

    return _measured(job, classify)


def classify_sklearn(job: Values) -> Work:
    """A fitted scikit-learn pipeline on raw texts: labels."""
    from benchmarks.speed_sklearn import load_linear

    return _measured(job, load_linear(Path(job["model"])).predict)


def classify_transformer(job: Values) -> Work:
    """The transformers pipeline as people call it; a batch of 1 is its default, and fastest on a CPU."""
    from transformers import pipeline

    classify = pipeline("text-classification", model=job["model"])
    return _measured(job, lambda texts: classify(list(texts), truncation=True, max_length=512))


def _measured(job: Values, classify: Callable[[Sequence[str]], Any]) -> Work:
    """Time texts that were not seen before, after others: all at once, or one by one where the job says "single".

    The begin and the end are of a clock that all processes of a machine share.
    """
    texts, first = _read(job["texts"])[slice(*job["rows"])], _read(job["first_texts"])
    classify(first)

    def all_at_once() -> dict[str, Any]:
        began = time.monotonic()
        found = classify(texts)
        ended = time.monotonic()
        return {"began": began, "ended": ended, "predictions": _plain(found)}

    def one_by_one() -> dict[str, Any]:
        times = []
        for text in texts:
            began = time.perf_counter()
            classify([text])
            times.append(time.perf_counter() - began)
        return {"seconds": times}

    if not job["single"]:
        return all_at_once
    for text in first[:_FIRST_CALLS]:
        classify([text])
    return one_by_one


def _plain(found: Any) -> list[Any]:
    return found.tolist() if hasattr(found, "tolist") else list(found)


def _read(path: str) -> list[str]:
    return json.loads(Path(path).read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
