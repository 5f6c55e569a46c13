"""Mistakes of callers: an error in one line names what was wrong, and what would be right."""

import numpy as np
import pandas as pd
import pytest
from support import assert_names

from glove_lstm import BatchClassifier, LightClassifier, explain
from glove_lstm.checkpoint.names import DEFAULT_CHECKPOINT
from glove_lstm.errors import DataError
from glove_lstm.publishing.handler import EndpointHandler

FRAME = pd.DataFrame({"title": ["a", "b"], "text": ["c", "d"]})


def short(value):
    """The id of a row: its words."""
    return " ".join(value) if isinstance(value, list) and type(value[0]) is str else ""


@pytest.fixture(scope="module")
def light(shared_export):
    return LightClassifier.from_pretrained(shared_export)


@pytest.fixture(scope="module")
def handler(shared_export):
    return EndpointHandler(str(shared_export))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a single text"], ["texts", "list", "str"]),
        ([FRAME], ["texts", "list", "DataFrame"]),
        ([FRAME.to_numpy()], ["texts", "list", "ndarray"]),
        ([{"text": ["a"]}], ["texts", "list", "dict"]),
        ([{"a", "b"}], ["texts", "list", "set"]),
        ([None], ["texts", "list", "NoneType"]),
        ([["a", None]], ["texts[1]", "None"]),
        ([[["a"], "b"]], ["texts[0]", "['a']"]),
        ([[b"a"]], ["texts[0]", "b'a'"]),
        ([["a", "b"], "cd"], ["text_pairs", "list", "str"]),
        ([["a"], [3]], ["text_pairs[0]", "3"]),
        ([["a"], ["b", "c"]], ["1 text,", "2 second parts"]),
    ],
    ids=short,
)
def test_texts(light, arguments, words):
    with pytest.raises((TypeError, ValueError)) as refusal:
        light.predict_proba(*arguments)
    assert_names(refusal.value, *words)


@pytest.mark.parametrize(
    ("first", "batch", "words"),
    [
        (None, {"text": "a"}, ["batched=True"]),
        (None, {"id": 5, "text": None}, ["batched=True"]),
        (None, ["a", "b"], ["list", "columns"]),
        (None, {"text": ["a", "b"], "title": ["a"]}, ["2", "'text'", "1", "'title'"]),
        (None, {"text": ["a"], "id": []}, ["1", "'text'", "0", "'id'"]),
        (None, {"text": ["a"], "label": ["FAKE"]}, ["'label'", "rename"]),
        (None, {"text": ["a"], "score_FAKE": [1]}, ["'score_FAKE'", "rename"]),
        ({"text": ["a"]}, {"title": ["a"]}, ["'text'"]),
        ({"title": ["a"]}, {"title": ["a"], "text": ["b"]}, ["'text'", "first batch"]),
        (None, {"text": [["a"]]}, ["row 1", "'text'"]),
    ],
    ids=short,
)
def test_batches(shared_export, first, batch, words):
    classify = BatchClassifier(shared_export)
    if first is not None:
        classify(first)
    with pytest.raises(DataError) as refusal:
        classify(batch)
    assert_names(refusal.value, *words)
    if first is not None:
        assert len(classify(first)["label"]) == 1  # it goes on


def zeros(count):
    return lambda texts: np.zeros((len(texts), count))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: BatchClassifier(DEFAULT_CHECKPOINT, threads=0), ["threads", "0"]),
        (lambda: BatchClassifier(DEFAULT_CHECKPOINT, unsure_below=2), ["unsure_below", "2"]),
        (lambda: BatchClassifier(DEFAULT_CHECKPOINT, revision="v1"), ["revision", "v1"]),
        (lambda: LightClassifier.from_pretrained(DEFAULT_CHECKPOINT, threads=0), ["threads", "0"]),
        (
            lambda: LightClassifier.from_pretrained(DEFAULT_CHECKPOINT, threads=1.5),
            ["threads", "1.5"],
        ),
        (
            lambda: LightClassifier.from_pretrained(DEFAULT_CHECKPOINT, threads=None),
            ["threads", "None"],
        ),
        (lambda: LightClassifier.from_pretrained(DEFAULT_CHECKPOINT, "v1"), ["revision", "v1"]),
        (lambda: explain(zeros(3), "x", "abc", "SATIRE"), ["'SATIRE'", "'a', 'b', 'c'"]),
        (lambda: explain(zeros(1), "x", ["a"]), ["only one label"]),
        (lambda: explain(zeros(3), "x", ["a", "b"]), ["must be 2", "(1, 3)"]),
        (lambda: explain(lambda texts: np.zeros(1), "x", ["a", "b"]), ["must be 2", "(1,)"]),
    ],
    ids=short,
)
def test_arguments(call, words):
    with pytest.raises(ValueError) as refusal:  # noqa: PT011
        call()
    assert_names(refusal.value, *words)


@pytest.mark.parametrize(
    "request_body",
    [
        {},
        {"inputs": None},
        {"inputs": 5},
        {"inputs": {"title": "a", "text": "b"}},
        {"inputs": {"text_pair": "b"}},
        {"inputs": {"text": "a", "text_pair": None}},
        {"inputs": ["a", ["b"]]},
    ],
    ids=str,
)
def test_requests(handler, request_body):
    with pytest.raises(ValueError, match="inputs") as refusal:
        handler(request_body)
    assert_names(refusal.value, "inputs", "text", "text_pair", "list")
