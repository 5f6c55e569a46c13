"""The app over HTTP, as gradio's clients and people with bad intentions use it."""

import html
import json
import re
import subprocess
import sys

import httpx
import pytest
from app_server import HOSTILE
from gradio_client import Client
from support import edit_json

from glove_lstm.app import MOST_CHARACTERS, build_app
from glove_lstm.checkpoint.checkpoint import Checkpoint
from glove_lstm.inference.light_classifier import LightClassifier

TEXT = "SHOCKING secret: the council <b>voted</b>"


@pytest.fixture(scope="module")
def client(demo):
    return Client(demo.address, verbose=False)


def test_it_answers_as_the_model_does(client, demo, shared_export):
    assert demo.address.startswith("http://127.0.0.1:")  # other machines cannot reach it
    model = LightClassifier.from_pretrained(shared_export)
    [scores] = model.predict_proba([TEXT])
    explanation = model.explain(TEXT)
    title, _, text = TEXT.partition(" ")
    verdict, shown, words = client.predict(title, text, api_name="/classify")
    assert explanation.label in verdict
    by_label = {row["label"]: row["confidence"] for row in shown["confidences"]}
    assert list(by_label.values()) == sorted(scores, reverse=True)  # the best one first
    assert [by_label[label] for label in model.label_names] == pytest.approx(list(scores))

    marks = re.findall(r'<mark class="(\w+)" title="([^"]+)"[^>]*>([^<]+)</mark>', words)
    assert len(marks) > 2
    expected = {TEXT[word.begin : word.end]: word.effect for word in explanation.effects}
    for kind, effect, word in marks:
        word = word.replace("&lt;", "<").replace("&gt;", ">")
        assert float(effect) == pytest.approx(expected[word], abs=0.005)
        assert kind == ("for" if expected[word] > 0 else "against")
    assert "<b>" not in words


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([1, 2], "must be texts"),
        ([{"path": "/etc/passwd"}, []], "must be texts"),
        (["", " "], "nothing to classify"),
        ([None, None], "nothing to classify"),
        (["a", "b" * MOST_CHARACTERS], f"{MOST_CHARACTERS:,} characters"),
    ],
)
def test_a_hostile_request_is_answered_by_a_message(demo, data, message):
    log_before = demo.log.read_text(encoding="utf-8")
    path = "/gradio_api/call/classify"
    with httpx.Client(base_url=demo.address, timeout=60) as http:
        posted = http.post(path, json={"data": data})
        events = http.get(f"{path}/{posted.json()['event_id']}").text
    event, answer = re.search(r"event: (\w+)\ndata: (.*)", events).groups()
    assert event == "error"
    assert message in json.loads(answer)["error"]
    assert "Traceback" not in demo.log.read_text(encoding="utf-8").removeprefix(log_before)


def classify_with(folder, text):
    """The answer of an app that is built, not served."""
    checkpoint = Checkpoint.open(folder)
    app = build_app(checkpoint, "mine")
    [function] = {block.fn for block in app.fns.values() if block.api_name == "classify"}
    return function(text, "")


def test_the_verdict_may_be_unsure(exported):
    metrics = json.loads((exported / "metrics.json").read_text())
    suggested = {"threshold": 1.0, "coverage": 0.0, "accuracy": 1.0}
    metrics["validation"]["suggested_threshold"] = suggested
    (exported / "metrics.json").write_text(json.dumps(metrics))
    verdict, scores, _ = classify_with(exported, TEXT)
    assert re.search(">unsure, nearest to (FAKE|REAL)<", verdict)
    assert set(scores) == {"FAKE", "REAL"}


@pytest.mark.parametrize(
    ("metrics", "is_news"),
    [
        ({"data": {"is_news": True}}, True),
        ({"data": {"description": "train reviews.csv"}}, False),
        ({"data": {}}, False),
        ({}, False),
    ],
)
def test_the_data_tell_that_a_model_is_about_news(exported, metrics, is_news):
    """Reviews may be labelled FAKE and REAL, too."""
    (exported / "metrics.json").write_text(json.dumps(metrics))
    app = build_app(Checkpoint.open(exported), "mine")
    shown = json.dumps(app.get_config_file()["components"])
    assert ("kind of source" in shown) == is_news
    assert ("Loud style" in shown) == is_news


@pytest.mark.parametrize("columns", [["title", "text"], ["text"], None])
def test_the_heading_names_the_model_and_one_column_has_one_box(exported, columns):
    edit_json(exported / "config.json", text_column_names=columns)
    components = build_app(Checkpoint.open(exported), "mine").get_config_file()["components"]
    [heading] = [part for part in components if "# Classify" in str(part["props"].get("value"))]
    assert heading["props"]["value"].startswith("# Classify a text with `mine`")
    boxes = {
        part["props"]["label"]: part["props"].get("visible")
        for part in components
        if part["type"] == "textbox"
    }
    assert boxes == {"Title": columns != ["text"], "Text": True}
    verdict, *_ = classify_with(exported, TEXT)  # a text alone, whatever boxes are shown
    assert re.search("FAKE|REAL", verdict)


def test_the_first_five_scores_of_many_labels_are_shown(exported):
    components = build_app(Checkpoint.open(exported), "mine").get_config_file()["components"]
    [scores] = [part for part in components if part["type"] == "label"]
    assert scores["props"]["num_top_classes"] == 5


def test_a_hostile_text_is_shown_as_a_text(exported):
    _, _, words = classify_with(exported, HOSTILE)
    assert words.count("<mark ") == words.count("</mark>") > 2
    without_marks = re.sub(
        r'</mark>|<mark class="\w+" title="[-+.\d]+" style="[^"<>]+">', "", words
    )
    assert not re.search("[<>]", without_marks)
    assert html.unescape(without_marks) == HOSTILE


def test_it_needs_no_torch(exported):
    code = f"""
import sys
for name in ("torch", "transformers", "datasets", "sklearn"):
    sys.modules[name] = None  # importing it fails, as it does where it is not installed
from glove_lstm.app import build_app
from glove_lstm.checkpoint.checkpoint import Checkpoint
build_app(Checkpoint.open({str(exported)!r}), "mine")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
