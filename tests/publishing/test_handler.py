"""handler.py of a pushed model answers as the light runtime does.

`test_hub_round_trip.py` runs it without our package.
"""

import pytest
from huggingface_hub import TextClassificationOutputElement
from support import ROOT

from glove_lstm import LightClassifier
from glove_lstm.publishing.handler import EndpointHandler

HUB = ROOT / "hub"
TITLE = "Council votes on the bridge"
BODY = "The council voted on Tuesday."


@pytest.fixture(scope="module")
def handler():
    return EndpointHandler(str(HUB))


@pytest.fixture(scope="module")
def light():
    return LightClassifier.from_pretrained(HUB)


def by_label(answer):
    """The scores of an answer, which has the best one first."""
    scores = [row["score"] for row in answer]
    assert scores == sorted(scores, reverse=True)
    return {row["label"]: row["score"] for row in answer}


def named(light, scores):
    return pytest.approx(dict(zip(light.label_names, scores.tolist(), strict=True)), abs=1e-5)


def test_a_text(handler, light):
    [answer] = handler({"inputs": TITLE})
    [scores] = light.predict_proba([TITLE])
    assert by_label(answer) == named(light, scores)
    # As InferenceClient reads it.
    best, _ = TextClassificationOutputElement.parse_obj_as_list(answer)
    assert best.label == answer[0]["label"]


def test_a_pair(handler, light):
    [answer] = handler({"inputs": {"text": TITLE, "text_pair": BODY}})
    [scores] = light.predict_proba([TITLE], [BODY])
    assert by_label(answer) == named(light, scores)


def test_logits(handler, light):
    [answer] = handler({"inputs": TITLE, "parameters": {"function_to_apply": "none"}})
    [logits] = light.predict_logits([TITLE])
    assert by_label(answer) == named(light, logits)


def test_the_best_label_of_several_texts(handler, light):
    texts = ["SHOCKING secret!", ""]
    answers = handler({"inputs": texts, "parameters": {"top_k": 1}})
    for [row], wanted in zip(answers, light(texts), strict=True):
        assert row["label"] == wanted["label"]
        assert row["score"] == pytest.approx(wanted["score"], abs=1e-5)


def test_no_texts(handler):
    assert handler({"inputs": []}) == []


@pytest.mark.parametrize(
    ("request_data", "message"),
    [
        ({"inputs": "a", "parameters": {"top_k": "2"}}, "top_k is '2'"),
        ({"inputs": "a", "parameters": {"truncation": True}}, "leave out truncation"),
        ({"inputs": "a", "parameters": {"function_to_apply": "x"}}, "function_to_apply is 'x'"),
        ({"inputs": "a", "parameters": [1]}, "parameters must be an object"),
        ({"inputs": {"text": "a", "title": "b"}}, "inputs must be a text"),
        ({"inputs": {"text": 5}}, "inputs must be a text"),
        ({"inputs": [1]}, "or a list of these"),
    ],
)
def test_malformed_requests_are_told_what_is_wrong(handler, request_data, message):
    with pytest.raises(ValueError, match=message):
        handler(request_data)
