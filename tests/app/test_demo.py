"""The server of `glove-lstm demo` over HTTP, as programs and people with bad intentions use it."""

import http.client
import json

import httpx
import pytest
from support import ROOT, assert_command_names, run_here

from glove_lstm import LightClassifier
from glove_lstm.commands import demo as command

TEXTS = ["SHOCKING secret: the council <b>voted</b>", "😀 \ud800", ""]


def ask(demo, content, method="POST", path="/predict", **headers):
    return httpx.request(method, f"{demo.address}{path}", content=content, headers=headers)


def test_it_answers_as_the_model_does(demo):
    assert demo.address.startswith("http://127.0.0.1:")  # other machines cannot reach it
    model = LightClassifier.from_pretrained(ROOT / "hub")
    content = json.dumps({"texts": TEXTS, "explain": True})
    answer = ask(demo, content).json()
    assert answer["labels"] == [row["label"] for row in model(TEXTS)]
    scores = [[row[name] for name in model.label_names] for row in answer["scores"]]
    assert scores == pytest.approx(model.predict_proba(TEXTS))
    for text, effects in zip(TEXTS, answer["effects"], strict=True):
        expected = [word.effect for word in model.explain(text).effects]
        assert [word["effect"] for word in effects] == pytest.approx(expected, abs=1e-5)
    plain = ask(demo, json.dumps({"texts": []})).json()
    assert plain == {"labels": [], "scores": [], "unsure": []}


@pytest.mark.parametrize(
    ("changes", "status", "word"),
    [
        ({"Host": "evil.example"}, 403, "this machine"),
        ({"Host": "127.0.0.1.evil.example"}, 403, "this machine"),
        ({"Origin": "http://evil.example"}, 403, "this machine"),
        ({"Origin": "null"}, 403, "this machine"),
        ({"method": "GET", "Host": "evil.example", "path": "/model.json"}, 403, "this machine"),
        ({"method": "PUT"}, 501, "PUT"),
        ({"method": "GET"}, 404, "no such file"),
        ({"method": "GET", "path": "/model/model.safetensors"}, 404, "no such file"),
        ({"path": "/"}, 404, "/predict"),
        ({"content": b"{"}, 400, "not JSON"),
        ({"content": b"[" * 100_000}, 400, "not JSON"),
        ({"content": b'{"texts": "a"}'}, 400, "texts"),
        ({"content": b'{"texts": [1]}'}, 400, "texts"),
    ],
)
def test_what_is_not_answered_gets_a_json_error(demo, changes, status, word):
    answer = ask(demo, **{"content": b'{"texts": ["a"]}', **changes})
    assert (answer.status_code, answer.headers["Content-Type"][:16]) == (status, "application/json")
    assert word in answer.json()["error"]
    assert demo.log.read_text(encoding="utf-8").count("\n") == 1  # the address


def test_no_path_leaves_the_page(demo):
    connection = http.client.HTTPConnection(demo.address.removeprefix("http://"))
    connection.request("GET", "/../server.py")
    assert connection.getresponse().status == 404


def test_a_label_may_be_unsure(unsure):
    assert unsure.about["title"] == "mine"
    assert unsure.predict({"texts": TEXTS[:1]})["unsure"] == [True]


def test_a_port_that_is_taken(demo):
    port = demo.address.rpartition(":")[2]
    assert_command_names(run_here(command.main, "--port", port), port, "another --port")
