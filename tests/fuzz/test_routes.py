"""Hostile texts get the same label and score on every route: pipeline, estimator, light classifier, files."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hostile import examples, joined, texts
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support import succeed
from transformers import pipeline

from glove_lstm import GloveLstmClassifier, GloveLstmForSequenceClassification, GloveLstmTokenizer
from glove_lstm.commands import predict
from glove_lstm.inference.light_classifier import LightClassifier

Route = Callable[[list[str]], list[dict]]


def files_route(model: Path) -> Route:
    """The predict command, with a part for every three rows."""

    def classify(rows: list[str]) -> list[dict]:
        with tempfile.TemporaryDirectory() as scratch:
            table = Path(scratch) / "in.jsonl"
            out = Path(scratch) / "out"
            lines = [json.dumps({"text": text}) + "\n" for text in rows]
            table.write_text("".join(lines), encoding="utf-8")
            files = ["--input", table, "--output_dir", out, "--format", "jsonl"]
            succeed(predict.main, "--model", model, *files, "--rows_per_part", 3)
            found = []
            for part in sorted(out.glob("part-*.jsonl")):
                found += map(json.loads, part.read_text("utf-8").splitlines())
        assert [row["row"] for row in found] == list(range(1, len(rows) + 1))
        return found

    return classify


def estimator_route(model: Path) -> Route:
    """The estimator, which computes with torch."""
    classifier = GloveLstmClassifier.from_pretrained(model)

    def classify(rows: list[str]) -> list[dict]:
        labels = classifier.predict(rows)
        scores = classifier.predict_proba(rows).max(axis=1)
        return [
            {"label": label, "score": score} for label, score in zip(labels, scores, strict=True)
        ]

    return classify


@pytest.fixture(scope="module")
def routes(shared_export: Path) -> dict[str, Route]:
    model = GloveLstmForSequenceClassification.from_pretrained(shared_export)
    tokenizer = GloveLstmTokenizer.from_pretrained(shared_export)
    pipe = pipeline("text-classification", model=model, tokenizer=tokenizer)
    return {
        "pipeline": lambda rows: pipe(rows, batch_size=4),
        "estimator": estimator_route(shared_export),
        "light": LightClassifier.from_pretrained(shared_export),
        "files": files_route(shared_export),
    }


@settings(max_examples=examples(40), deadline=None)
@given(rows=st.lists(texts | joined, min_size=1, max_size=8))
@example(rows=["", "\ud83d\ude00", "\udc80 good", "a\x00b"])
@example(rows=["word " * 30_000, "a" * 1_000_000, " " * 100_000 + "b"])
def test_every_route_gives_the_same(routes, rows):
    rows = json.loads(json.dumps(rows))  # which joins two surrogates
    wanted = routes["pipeline"](rows)
    for name, route in routes.items():
        for found, row in zip(route(rows), wanted, strict=True):
            assert found["score"] == pytest.approx(row["score"], abs=2e-5), name
            undecided = row["score"] == pytest.approx(0.5, abs=2e-5)
            assert found["label"] == row["label"] or undecided, name
