"""Every way from a text to a label and a score. A new one is one line in `ROUTES`."""

import atexit
import contextlib
import io
import json
import socket
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from fuzz.tokens import Finding
from glove_lstm.commands import predict as command
from glove_lstm.inference.backends import Backend, open_model
from glove_lstm.inference.batch_classifier import BatchClassifier
from glove_lstm.inference.runtime import LightClassifier

Answer = tuple[str, float]  # the best label, and its score
Route = Callable[[list[str]], Sequence[Answer | None]]  # None: refused, and rightly so
TOLERANCE = 1e-5
_JSON = {"content-type": "application/json"}


def _pipeline(folder: Path, batch_size: int | None = None) -> Route:
    from transformers import pipeline

    classify: Any = pipeline("text-classification", model=str(folder))

    def route(texts: list[str]) -> list[Answer]:
        found = (
            classify(texts, batch_size=batch_size) if batch_size else [classify(text)[0] for text in texts]
        )
        return [(row["label"], row["score"]) for row in found]

    return route


def _backend(folder: Path, backend: Backend) -> Route:
    model = open_model(folder, backend=backend)

    def route(texts: list[str]) -> list[Answer]:
        scores = model.predict(texts, None)
        return [(model.label_names[row.argmax()], float(row.max())) for row in scores]

    return route


def _light(folder: Path) -> Route:
    classify = LightClassifier.from_pretrained(folder)
    return lambda texts: [(row["label"], row["score"]) for row in classify(texts)]


def _columns(folder: Path) -> Route:
    classify = BatchClassifier(folder)

    def route(texts: list[str]) -> list[Answer]:
        found = classify({"text": np.array([*texts, None], dtype=object)[:-1]})
        return list(zip(found["label"], found["score"], strict=True))

    return route


def _bulk(folder: Path) -> Route:
    """predict.py with files, in parts of which each has some of the texts."""

    def route(texts: list[str]) -> list[Answer]:
        with tempfile.TemporaryDirectory() as scratch:
            given, out = Path(scratch) / "in.jsonl", Path(scratch) / "out.jsonl"
            given.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
            args = ["--model", str(folder), "--input", str(given), "--output", str(out), "--format", "jsonl"]
            with contextlib.redirect_stderr(io.StringIO()):
                command.main([*args, "--rows_per_part", "300"])
            rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
        if [row["row"] for row in rows] != list(range(1, len(texts) + 1)):
            raise AssertionError(f"{len(texts)} rows went in, and {len(rows)} came out")
        return [(row["label"], row["score"]) for row in rows]

    return route


def _app(folder: Path) -> Route:
    """The app's endpoint over HTTP; it refuses in words what is nothing, or too long."""
    from glove_lstm.app import limits
    from glove_lstm.app.serve import running_app

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = running_app(folder, host="127.0.0.1", port=port)
    atexit.register(running.__exit__, None, None, None)
    http = httpx.Client(base_url=running.__enter__(), timeout=60)

    def answer(text: str) -> Answer | None:
        too_long = len(text) > limits.CHARACTERS
        body = json.dumps({"data": ["", text, 0]})  # not json=, which cannot spell a lone surrogate
        try:
            posted = http.post("/gradio_api/call/classify", content=body, headers=_JSON)
        except httpx.TransportError:  # the refusal came before all was sent
            if too_long:
                return None
            raise
        event, found = posted.json().get("event_id"), posted.json().get("detail")
        if event:
            said = http.get(f"/gradio_api/call/classify/{event}").text
            found = json.loads(said.partition("data: ")[2].partition("\n")[0])
        if isinstance(found, list):
            return found[0]["label"], found[0]["score"]
        refused = found if isinstance(found, str) else found["error"]
        if refused == limits.TEXT_TOO_LONG and too_long:
            return None
        if "nothing to classify" in refused and not text.strip():
            return None
        raise AssertionError(refused)

    return lambda texts: [answer(text) for text in texts]


# The first is what the others are compared with.
ROUTES: dict[str, Callable[[Path], Route]] = {
    "torch": lambda folder: _backend(folder, "torch"),
    "onnx": lambda folder: _backend(folder, "onnx"),
    "light": _light,
    "pipeline": _pipeline,
    "batch": lambda folder: _pipeline(folder, 32),
    "bulk": _bulk,
    "columns": _columns,
    "app": _app,
}


def as_written(text: str) -> str:
    """The text as a file gives it back: a high and a low surrogate side by side are one character there."""
    return json.loads(json.dumps(text))


def check_route(name: str, route: Route, texts: list[str], wanted: Sequence[Answer]) -> list[Finding]:
    """The texts for which a route says something else."""
    try:
        found = route(texts)
        if len(found) != len(texts):
            raise AssertionError(f"{len(found)} answers to {len(texts)} texts")
    except Exception as error:
        if len(texts) == 1:
            return [Finding(texts[0], f"{name} raises {type(error).__name__}: {str(error)[:100]}")]
        middle = len(texts) // 2
        halves = (slice(None, middle), slice(middle, None))
        return [finding for half in halves for finding in check_route(name, route, texts[half], wanted[half])]
    return [
        Finding(text, f"{name} says what {next(iter(ROUTES))} says")
        for text, one, other in zip(texts, found, wanted, strict=True)
        if one is not None and not _same(one, other)
    ]


def _same(one: Answer, other: Answer) -> bool:
    near = abs(one[1] - other[1]) <= TOLERANCE
    tie = abs(one[1] - 0.5) <= TOLERANCE  # two labels that are equal up to the tolerance
    return near and (one[0] == other[0] or tie)
