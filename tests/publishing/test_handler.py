"""handler.py of a pushed model, as an Inference Endpoint runs it: with the files of the repository alone."""

import json
import subprocess
import sys

import pytest
from huggingface_hub import TextClassificationOutputElement
from support import ROOT

from glove_lstm import LightClassifier

# As huggingface-inference-toolkit loads and calls a handler, and answers.
SERVE = """
import importlib.util, json, sys
sys.modules["glove_lstm"] = None  # importing it fails, as it does where it is not installed
folder = sys.argv[1]
spec = importlib.util.spec_from_file_location("handler.EndpointHandler", folder + "/handler.py")
sys.path.insert(0, folder)
module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
handler = module.EndpointHandler(folder)
for request in sys.stdin:
    try:
        print(json.dumps(handler(json.loads(request))))
    except Exception as error:
        print(json.dumps({"error": str(error)}))
"""
TITLE = "Council votes on the bridge"
BODY = "The council voted on Tuesday."
ANSWERED = {
    "text": {"inputs": TITLE},
    "pair": {"inputs": {"text": TITLE, "text_pair": BODY}},
    "best": {"inputs": ["SHOCKING secret!", ""], "parameters": {"top_k": 1}},
    "logits": {"inputs": TITLE, "parameters": {"function_to_apply": "none"}},
    "nothing": {"inputs": []},
}
REFUSED = {
    "top_k is '2'": {"inputs": "a", "parameters": {"top_k": "2"}},
    "leave out truncation": {"inputs": "a", "parameters": {"truncation": True}},
    "function_to_apply is 'tanh'": {"inputs": "a", "parameters": {"function_to_apply": "tanh"}},
    "parameters must be an object": {"inputs": "a", "parameters": [1]},
    "inputs must be a text": {"inputs": {"text": "a", "title": "b"}},
    "or a list of these": {"inputs": [1]},
}


@pytest.fixture(scope="module")
def answers():
    """What the handler of hub/ says to each request, in order."""
    requests = [*ANSWERED.values(), *REFUSED.values()]
    lines = "\n".join(json.dumps(request) for request in requests)
    command = [sys.executable, "-c", SERVE, ROOT / "hub"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", input=lines)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_it_answers_as_the_light_runtime(answers):
    text, pair, best, logits, nothing = answers[: len(ANSWERED)]
    light = LightClassifier.from_pretrained(ROOT / "hub")

    def assert_close(answer, scores):
        named = dict(zip(light.label_names, scores.tolist(), strict=True))
        found = {row["label"]: row["score"] for row in answer}
        assert found == pytest.approx(named, abs=1e-5)
        assert [row["score"] for row in answer] == sorted(found.values(), reverse=True)

    assert_close(text[0], light.predict_proba([TITLE])[0])
    assert_close(pair[0], light.predict_proba([TITLE], [BODY])[0])
    assert_close(logits[0], light.predict_logits([TITLE])[0])
    for [row], wanted in zip(best, light(["SHOCKING secret!", ""]), strict=True):
        assert row["label"] == wanted["label"]
        assert row["score"] == pytest.approx(wanted["score"], abs=1e-5)
    assert nothing == []
    # As InferenceClient reads it.
    first, _ = TextClassificationOutputElement.parse_obj_as_list(text)[0]
    assert first.label == text[0][0]["label"]


def test_malformed_requests_are_told_what_is_wrong(answers):
    refused = answers[len(ANSWERED) :]
    for part, answer in zip(REFUSED, refused, strict=True):
        assert part in answer["error"]
