"""The one test of parity: every route gives the labels, scores and explanations of the pipeline of transformers."""

import json
import pickle
import shutil
import tempfile
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch
from hostile import examples, joined, texts
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support import CALM, LOUD, edit_json, read_csv, repaired, succeed
from transformers import pipeline

from glove_lstm import (
    GloveLstmClassifier,
    GloveLstmForSequenceClassification,
    LightClassifier,
)
from glove_lstm.checkpoint.checkpoint import Checkpoint
from glove_lstm.commands import predict
from glove_lstm.inference.onnx_export import classifier_in_memory, export_onnx
from glove_lstm.publishing.handler import EndpointHandler
from glove_lstm.publishing.server import PageServer

TOLERANCE = 2e-5


class Answer(NamedTuple):
    """Of one row."""

    label: object  # a list for several labels a text
    scores: dict[str, float]


Texts = Sequence[str]
# Texts, and perhaps their second parts; None in the place of an answer where a route takes no such text.
Answers = Iterable[Answer | None]
Route = Callable[[Texts, Texts | None], Answers]


# Routes. Each is made from a folder.


def label_of(scores: dict[str, float], thresholds: Sequence[float] | None) -> object:
    """The best label, or of several labels a text those that reach their thresholds."""
    if thresholds is None:
        return max(scores, key=lambda name: scores[name])
    pairs = zip(scores.items(), thresholds, strict=True)
    return [name for (name, score), least in pairs if score >= least]


def pipeline_route(folder: Path, batch_size: int = 1) -> Route:
    """The pipeline of transformers, which is the reference."""
    model, tokenizer = Checkpoint.open(folder).load_model()
    classify = pipeline("text-classification", model=model, tokenizer=tokenizer)
    thresholds = model.config.thresholds
    if model.config.problem_type != "multi_label_classification":
        thresholds = None

    def answer(rows: Texts, pairs: Texts | None) -> Answers:
        inputs = [{"text": text} for text in rows]
        if pairs is not None:
            inputs = [{**row, "text_pair": pair} for row, pair in zip(inputs, pairs, strict=True)]
        for found in classify(inputs, top_k=None, batch_size=batch_size) if inputs else []:
            score_of = {row["label"]: row["score"] for row in found}
            scores = {name: score_of[name] for name in model.config.label_names}
            yield Answer(label_of(scores, thresholds), scores)

    return answer


def classifier_route(classifier: LightClassifier) -> Route:
    """What Python calls."""

    def answer(rows: Texts, pairs: Texts | None) -> Answers:
        scores = classifier.predict_proba(rows, pairs)
        for best, row in zip(classifier(rows, pairs), scores.tolist(), strict=True):
            by_label = dict(zip(classifier.label_names, row, strict=True))
            assert best["score"] == max(row) == by_label[best["label"]]
            yield Answer(label_of(by_label, classifier.thresholds), by_label)

    return answer


def light_route(folder: Path, threads: int = 1) -> Route:
    return classifier_route(LightClassifier.from_pretrained(folder, threads=threads))


def memory_route(folder: Path) -> Route:
    """What trainings return."""
    return classifier_route(classifier_in_memory(*Checkpoint.open(folder).load_model()))


def estimator_route(folder: Path) -> Route:
    classifier = GloveLstmClassifier.from_pretrained(folder)

    def answer(rows: Texts, pairs: Texts | None) -> Answers:
        if not rows:
            return
        table = list(rows) if pairs is None else pd.DataFrame(columns_of(rows, pairs), dtype=object)
        scores = classifier.predict_proba(table).tolist()
        for label, row in zip(classifier.predict(table), scores, strict=True):
            yield Answer(label, dict(zip(classifier.classes_, row, strict=True)))

    return answer


def columns_of(rows: Texts, pairs: Texts | None) -> dict[str, list[str]]:
    if pairs is None:
        return {"text": list(rows)}
    return {"title": list(rows), "text": list(pairs)}


def read_columns(rows: list[dict]) -> Answers:
    """Answers of rows that have a column for each score."""
    for row in rows:
        scores = {}
        for name, value in row.items():
            if name.startswith("score_"):
                scores[name.removeprefix("score_")] = float(value)
        label = row["label"]
        if isinstance(label, str) and label.startswith("["):  # several labels in one cell
            label = json.loads(label)
        yield Answer(label, scores)


def rows_of(batch) -> list[dict]:
    """The rows of columns by name."""
    columns = {name: list(batch[name]) for name in batch}
    return [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]


def read_part(path: Path) -> list[dict]:
    if path.suffix == ".csv":
        return read_csv(path)
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    return read_lines(path.read_text("utf-8"))


def read_lines(text: str) -> list[dict]:
    """JSON lines, with the columns of the other formats."""
    rows = []
    for line in text.splitlines():
        row = json.loads(line)
        scores = row.pop("scores")
        rows.append({**row, **{f"score_{name}": score for name, score in scores.items()}})
    return rows


def command_route(folder: Path, kind: str) -> Route:
    """The predict command, from a file to a file."""

    def answer(rows: Texts, pairs: Texts | None) -> Answers:
        table = rows_of(columns_of(rows, pairs))
        lines = "".join(json.dumps(row) + "\n" for row in table)
        if not table:
            return []
        with tempfile.TemporaryDirectory() as scratch:
            source = Path(scratch, "in.jsonl")
            source.write_text(lines, encoding="utf-8")
            words = ["--input", source, "--output_dir", Path(scratch, "out"), "--format", kind]
            succeed(predict.main, "--model", folder, *words)
            found = read_part(Path(scratch, "out", f"in.{kind}"))
        names = Checkpoint.open(folder).label_names
        for number, row in enumerate(found, start=1):
            assert list(row) == ["row", "label", "score", *(f"score_{name}" for name in names)]
            assert int(row["row"]) == number
            best = max(float(row[f"score_{name}"]) for name in names)
            assert float(row["score"]) == best
        return read_columns(found)

    return answer


def handler_route(folder: Path) -> Route:
    """An Inference Endpoint."""
    handler = EndpointHandler(str(folder))

    def answer(rows: Texts, pairs: Texts | None) -> Answers:
        inputs: list = list(rows)
        if pairs is not None:
            inputs = [{"text": a, "text_pair": b} for a, b in zip(rows, pairs, strict=True)]
        for found in handler({"inputs": inputs}):
            scores = [row["score"] for row in found]
            assert scores == sorted(scores, reverse=True)
            by_label = {row["label"]: row["score"] for row in found}
            yield Answer(found[0]["label"], by_label)

    return answer


def demo_route(folder: Path) -> Route:
    """What the server of `glove-lstm demo` answers."""
    server = PageServer(Checkpoint.open(folder), "mine", 0)

    def answer(rows: Texts, pairs: Texts | None) -> Answers:
        whole = (
            list(rows) if pairs is None else [f"{a} {b}" for a, b in zip(rows, pairs, strict=True)]
        )
        found = server.predict({"texts": whole})
        for label, scores in zip(found["labels"], found["scores"], strict=True):
            yield Answer(label, scores)

    return answer


def assert_same(name: str, found: Answers, wanted: Answers) -> None:
    for answer, expected in zip(found, wanted, strict=True):
        if answer is None:
            continue
        assert expected is not None
        assert answer.scores == pytest.approx(expected.scores, abs=TOLERANCE), name
        best, *others = sorted(expected.scores.values(), reverse=True)
        is_undecided = bool(others) and best - others[0] < 2 * TOLERANCE
        assert is_undecided or answer.label == expected.label, name


@pytest.fixture(scope="module")
def reference(shared_export: Path) -> Route:
    return pipeline_route(shared_export)


@pytest.fixture(scope="module")
def cheap_routes(shared_export: Path) -> dict[str, Route]:
    light = LightClassifier.from_pretrained(shared_export)
    return {
        "pipeline, batches": pipeline_route(shared_export, batch_size=4),
        "light": light_route(shared_export),
        "light, threads": light_route(shared_export, threads=2),
        "light, unpickled": classifier_route(pickle.loads(pickle.dumps(light))),
        "memory": memory_route(shared_export),
        "estimator": estimator_route(shared_export),
    }


@pytest.fixture(scope="module")
def engines(shared_export: Path) -> dict[str, Route]:
    return {
        "csv": command_route(shared_export, "csv"),
        "jsonl": command_route(shared_export, "jsonl"),
        "parquet": command_route(shared_export, "parquet"),
        "handler": handler_route(shared_export),
        "demo": demo_route(shared_export),
    }


hostile_texts = texts | joined
several_texts = st.lists(hostile_texts, min_size=1, max_size=8).map(lambda rows: (rows, None))
several_pairs = st.lists(st.tuples(hostile_texts, hostile_texts), min_size=1, max_size=8).map(
    lambda rows: ([title for title, _ in rows], [body for _, body in rows])
)
PLAIN = ["Council votes on the bridge", "SHOCKING secret they hide from you!!!", "", " \n\t "]
SCRIPTS = [
    "我们说这本书 iPhone很好。カラオケ データ ﾊﾟ ภาษาไทยดี ພາສາ ខ្មែរ မြန်မာ",
    "Привет ΟΔΟΣ straße İstanbul أحمد שלום हिन्दी தமிழ் 한국어 ქართული",
    unicodedata.normalize("NFD", "Привёт café が 한국어 ệ أحمد"),
]
ODD = ["", "\ud83d\ude00", "\udc80 good", "a\x00b", "a \ud800 b 😀 naïve ½ 1,204.5 <pad> <url>"]
LONG = ["word " * 30_000, "a" * 1_000_000, " " * 100_000 + "b"]
PAIRS = (["Council votes", "", "a " * 50], ["on the bridge", "SHOCKING secret", "b " * 50])


def whole(rows: Texts | None) -> list[str] | None:
    """Texts as files can hold them: two surrogates that make a character are that character."""
    return None if rows is None else json.loads(json.dumps(rows))


@settings(max_examples=examples(40), deadline=None)
@given(rows=several_texts | several_pairs)
@example(rows=([], None))
@example(rows=(PLAIN, None))
@example(rows=(ODD, None))
@example(rows=(SCRIPTS, None))
@example(rows=([" ".join(SCRIPTS)] * 3, SCRIPTS))
@example(rows=(LONG, None))
@example(rows=PAIRS)
def test_every_route_gives_the_same(reference, cheap_routes, rows):
    rows, pairs = map(whole, rows)
    wanted = list(reference(rows, pairs))
    for name, route in cheap_routes.items():
        assert_same(name, route(rows, pairs), wanted)


@settings(max_examples=examples(10), deadline=None)
@given(rows=several_texts | several_pairs)
@example(rows=(PLAIN, None))
@example(rows=(ODD, None))
@example(rows=(SCRIPTS, None))
@example(rows=([" ".join(SCRIPTS)] * 3, SCRIPTS))
@example(rows=PAIRS)
def test_every_engine_gives_the_same(reference, engines, rows):
    rows, pairs = map(whole, rows)
    wanted = list(reference(rows, pairs))
    for name, route in engines.items():
        assert_same(name, route(rows, pairs), wanted)
    assert list(engines["handler"]([], None)) == []


@pytest.mark.parametrize("text", SCRIPTS)
def test_composed_and_decomposed_texts_have_equal_scores(reference, cheap_routes, text):
    forms = [unicodedata.normalize(form, text) for form in ("NFC", "NFD")]
    for name, route in {"reference": reference, **cheap_routes}.items():
        composed, decomposed = route(forms, None)
        assert composed.scores == pytest.approx(decomposed.scores, abs=TOLERANCE), name


# Kinds of problem


def unnamed(folder: Path) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    del config["id2label"], config["label2id"]
    path.write_text(json.dumps(config), encoding="utf-8")


def several(*thresholds: float) -> Callable[[Path], None]:
    changes = {"problem_type": "multi_label_classification", "thresholds": list(thresholds)}
    return lambda folder: edit_json(folder / "config.json", **changes)


@pytest.fixture(scope="module")
def of_one_label(shared_export, tmp_path_factory) -> Path:
    """A checkpoint whose texts have one label or none, with its light.onnx."""
    folder = tmp_path_factory.mktemp("one_label")
    torch.manual_seed(0)
    changes = {"id2label": {0: "value"}, "label2id": {"value": 0}}
    changes["problem_type"] = "multi_label_classification"
    _, tokenizer = Checkpoint.open(shared_export).load_model()
    model = GloveLstmForSequenceClassification.from_pretrained(
        shared_export, **changes, ignore_mismatched_sizes=True
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    export_onnx(folder)
    return folder


@pytest.mark.parametrize(
    ("source", "change", "labels"),
    [
        pytest.param("shared_export", several(0.25, 0.25), ["FAKE", "REAL"], id="several, often"),
        pytest.param("shared_export", several(0.6, 0.6), ["FAKE", "REAL"], id="several, seldom"),
        pytest.param("shared_export", unnamed, ["LABEL_0", "LABEL_1"], id="labels without names"),
        pytest.param("of_one_label", several(0.45), ["value"], id="one label"),
    ],
)
def test_kinds_of_problem(request, tmp_path, source, change, labels):
    folder = tmp_path / "exported"
    shutil.copytree(request.getfixturevalue(source), folder)
    change(folder)
    routes = {
        "light": light_route(folder),
        "memory": memory_route(folder),
        "jsonl": command_route(folder, "jsonl"),
        "demo": demo_route(folder),
    }
    rows = [*PLAIN, LOUD, CALM, f"{LOUD} {CALM}"]
    wanted = list(pipeline_route(folder)(rows, None))
    for answer in wanted:
        assert sorted(answer.scores) == sorted(labels)
    for name, route in routes.items():
        assert_same(name, route(rows, None), wanted)
    if "FAKE" in labels:
        assert len({str(answer.label) for answer in wanted}) > 1


# Explanations and options


def effects_of(explanation) -> tuple[object, np.ndarray]:
    """The label and the rows (begin, end, effect), from Python or JSON."""
    if isinstance(explanation, dict):
        words = [(word["begin"], word["end"], word["effect"]) for word in explanation["effects"]]
        return explanation["label"], np.reshape(words, (-1, 3))
    words = [(word.begin, word.end, word.effect) for word in explanation.effects]
    return explanation.label, np.reshape(words, (-1, 3))


def test_every_route_explains_alike(shared_export, tmp_path):
    rows = [
        f"{LOUD.split()[0].upper()} {CALM.split()[0]} zzunknown https://boats.example/x 1,204!!!",
        *("", "a \ud800 “b”", f"{LOUD} {CALM} " * 8, *SCRIPTS),
    ]
    light = LightClassifier.from_pretrained(shared_export)
    estimator = GloveLstmClassifier.from_pretrained(shared_export)
    wanted = [light.explain(text) for text in rows]
    assert [explanation.text for explanation in wanted] == list(map(repaired, rows))
    table = tmp_path / "in.jsonl"
    table.write_text("".join(json.dumps({"text": text}) + "\n" for text in rows))
    routes = {"estimator": [estimator.explain(text) for text in rows]}
    options = ["--format", "jsonl", "--explain", "--input", table]
    done = succeed(predict.main, "--model", shared_export, *options)
    routes["predict"] = [json.loads(line)["explanation"] for line in done.stdout.splitlines()]
    for name, explanations in routes.items():
        for explanation, expected in zip(explanations, wanted, strict=True):
            label, effects = effects_of(explanation)
            expected_label, expected_effects = effects_of(expected)
            assert label == expected_label, name
            np.testing.assert_allclose(effects, expected_effects, atol=1e-5, err_msg=name)


def test_handler_options(shared_export):
    light = LightClassifier.from_pretrained(shared_export)
    handler = EndpointHandler(str(shared_export))
    rows = ["SHOCKING secret!", "", "Council votes"]
    answers = handler({"inputs": rows, "parameters": {"top_k": 1}})
    for [row], wanted in zip(answers, light(rows), strict=True):
        assert row == {"label": wanted["label"], "score": pytest.approx(wanted["score"], abs=1e-5)}
    logits = light.predict_logits(rows)
    functions = {
        "none": logits,
        "sigmoid": 1 / (1 + np.exp(-logits)),
        "softmax": light.predict_proba(rows),
    }
    for function, scores in functions.items():
        parameters = {"function_to_apply": function}
        for found, row in zip(
            handler({"inputs": rows, "parameters": parameters}), scores, strict=True
        ):
            by_label = {each["label"]: each["score"] for each in found}
            wanted = dict(zip(light.label_names, row.tolist(), strict=True))
            assert by_label == pytest.approx(wanted, abs=1e-5)
    assert handler({"inputs": "one text"}) == handler({"inputs": ["one text"]})
