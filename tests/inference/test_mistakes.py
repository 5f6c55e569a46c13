"""Mistakes of callers: an error in one line names what was wrong, and what would be right."""

import numpy as np
import pandas as pd
import pytest
from support import assert_names

from glove_lstm import LightClassifier, explain
from glove_lstm.checkpoint.names import DEFAULT_CHECKPOINT
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


def zeros(count):
    return lambda texts: np.zeros((len(texts), count))


@pytest.mark.parametrize(
    ("call", "words"),
    [
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
