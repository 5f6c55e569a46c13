"""The light runtime: threads, the Hub, other processes, and a bare environment. Parity is in fuzz/test_routes.py."""

import json
import os
import pickle
import shutil
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from hub_server import HubServer
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from support import ROOT, assert_names, edit_json

from glove_lstm import GloveLstmClassifier, LightClassifier, explain
from glove_lstm.checkpoint.checkpoint import Checkpoint
from glove_lstm.checkpoint.names import DEFAULT_CHECKPOINT
from glove_lstm.errors import DataError
from glove_lstm.inference.decisions import are_unsure, decide
from glove_lstm.inference.promise import held_out_scores, promise, promised_score, sure_score
from glove_lstm.publishing.handler import EndpointHandler

TEXTS = ["Council votes on the bridge", "SHOCKING secret they hide from you!!!", "", "a \ud800 b"]
TITLES = ["Council votes", "", "a " * 50]
BODIES = ["on the bridge", "SHOCKING secret", "b " * 50]


@pytest.fixture(scope="module")
def light(shared_export):
    return LightClassifier.from_pretrained(shared_export)


def assert_same(found, wanted):
    assert [row["label"] for row in found] == [row["label"] for row in wanted]
    scores = [row["score"] for row in wanted]
    assert [row["score"] for row in found] == pytest.approx(scores, abs=1e-5)


def test_threads_and_windows_change_nothing(shared_export, light):
    several = LightClassifier.from_pretrained(shared_export, threads=2)
    copies = 2000  # enough texts for two windows a thread
    one_by_one = [light([title], [body])[0] for title, body in zip(TITLES, BODIES, strict=True)]
    assert_same(several(TITLES * copies, BODIES * copies), one_by_one * copies)
    one_by_one = [light([text])[0] for text in TEXTS]
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: several(TEXTS), range(4)):
            assert_same(found, one_by_one)


def test_a_single_text_and_a_column_are_read_as_lists(light):
    assert light(TEXTS[0]) == light(TEXTS[:1])  # as the pipeline does
    assert light(pd.Series(["c", "d"])) == light(["c", "d"])


_OF_THE_HUB = """
    import json, pickle, sys
    from glove_lstm.checkpoint.checkpoint import Checkpoint
    from glove_lstm.inference.light_classifier import LightClassifier

    def scores(classify):
        column = classify.label_names.index("FAKE")
        return classify.predict_proba(["SHOCKING secret"])[:, column].tolist()

    opened = Checkpoint.open("user/news", "main")
    print("opened", flush=True)
    input()  # meanwhile, another model is pushed
    light = LightClassifier.from_checkpoint(opened)
    of_commit = LightClassifier.from_pretrained("user/news", sys.argv[1])
    print(json.dumps({
        "opened before": scores(light),
        "light": scores(of_commit),
        "unpickled": scores(pickle.loads(pickle.dumps(of_commit))),
        "of main": scores(LightClassifier.from_pretrained("user/news")),
    }))
"""


def test_from_the_hub_come_the_files_that_are_needed_of_one_commit(exported, light, tmp_path):
    """The files of a commit are links in the Hub's cache."""
    first = files_of(exported)
    edit_json(exported / "config.json", id2label={0: "REAL", 1: "FAKE"}, label2id={})
    second = files_of(exported)
    home = tmp_path / "home"
    home.mkdir()
    with HubServer() as hub:
        repo = hub.add_repo("user/news", first)
        commit = repo.branches["main"].sha
        command = [sys.executable, "-c", textwrap.dedent(_OF_THE_HUB), commit]
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        env = hub.client_env(home)
        with subprocess.Popen(command, env=env, cwd=home, text=True, **pipes) as client:
            assert client.stdout.readline() == "opened\n", client.stderr.read()
            repo.commit("main", second)
            output, errors = client.communicate("go on\n")
        assert client.returncode == 0, errors
    [[fake, real]] = light.predict_proba(["SHOCKING secret"]).tolist()
    found = json.loads(output)
    assert found.pop("of main") == pytest.approx([real], abs=2e-6)
    assert len(found) == 3
    for scores in found.values():
        assert scores == pytest.approx([fake], abs=2e-6)
    [snapshot] = home.rglob(f"snapshots/{commit}")
    loaded = {"config.json", "light.onnx", "model.safetensors"}
    loaded |= {"tokenizer.json", "tokenizer_config.json"}
    assert {path.name for path in snapshot.iterdir()} == loaded


def files_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("is_missing", [True, False])
def test_of_the_hub_a_missing_or_stale_light_onnx_is_named_with_its_repository(
    hub, exported, is_missing
):
    """A person does not look into the Hub's cache."""
    if is_missing:
        (exported / "light.onnx").unlink()
    else:
        edit_json(exported / "config.json", temperature=7.0)
    hub.add_repo("user/news", files_of(exported))
    with pytest.raises(DataError) as refusal:
        LightClassifier.from_pretrained("user/news")
    words = ["network" if is_missing else "the config of", "hf download user/news"]
    assert_names(refusal.value, "user/news: light.onnx", *words, "glove-lstm export FOLDER")
    assert "hub_cache" not in str(refusal.value)


def test_a_classifier_can_be_pickled(exported, monkeypatch):
    monkeypatch.chdir(exported.parent)
    light = LightClassifier.from_pretrained(exported.name, threads=2)  # a relative path
    wanted = light.predict_proba(TEXTS)
    pickled = pickle.dumps(light)
    assert len(pickled) < 2000
    # `datasets` keeps results by what is pickled, and another training may stand in the same folder.
    for key in Checkpoint.open(exported).content_hashes().values():
        assert key.encode() in pickled
    monkeypatch.chdir("/")
    again = pickle.loads(pickled)
    assert again.threads == 2
    assert pickle.dumps(again) == pickled
    np.testing.assert_array_equal(again.predict_proba(TEXTS), wanted)


_BARE = """
import json, sys
import glove_lstm
from glove_lstm.commands.predict import main
assert glove_lstm.__file__.startswith(sys.argv[1])
main(["--format", "jsonl", sys.argv[2]])  # with the checkpoint that the wheel brings
unwanted = {"torch", "transformers", "datasets", "pyarrow", "safetensors", "onnx"}
assert not unwanted & set(sys.modules)
"""


@pytest.fixture
def installed(tmp_path):
    """A folder with the content of a wheel of this clone."""
    source = tmp_path / "source"
    source.mkdir()
    for name in ("glove_lstm", "modeling", "tokenization", "hub"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "model_card.md"):
        shutil.copy(ROOT / name, source / name)
    pip = [sys.executable, "-m", "pip", "wheel", "-q"]
    offline = ["--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, *offline, "-w", tmp_path, source], check=True)
    [wheel] = tmp_path.glob("*.whl")
    shutil.unpack_archive(wheel, tmp_path / "site", "zip")
    return tmp_path / "site"


@pytest.mark.slow
def test_a_wheel_classifies_by_itself_without_torch(installed):
    for name in ("publishing/tour.ipynb", "publishing/handler.py", "publishing/page/explain.js"):
        assert (installed / "glove_lstm" / name).is_file()
    text = TEXTS[1]
    command = [sys.executable, "-c", _BARE, installed, text]
    env = {**os.environ, "PYTHONPATH": str(installed)}
    done = subprocess.run(command, capture_output=True, encoding="utf-8", cwd=installed, env=env)
    assert done.returncode == 0, done.stderr
    [wanted] = LightClassifier.from_pretrained(ROOT / "hub")([text])
    row = json.loads(done.stdout)
    assert row["label"] == wanted["label"]
    assert row["score"] == pytest.approx(wanted["score"], abs=1e-5)


# From scores to labels: a score that equals a threshold reaches it

NAMES = ["a", "b", "c"]
SCORES = np.array([[0.5, 0.25, 0.25], [0.25, 0.75, 0.0]])


def test_one_label_is_the_best():
    assert decide(SCORES, NAMES, None) == ["a", "b"]
    assert are_unsure(SCORES, 0.75).tolist() == [True, False]
    assert decide(SCORES[:0], NAMES, None) == []


def test_several_labels_are_those_that_reach_their_thresholds():
    assert decide(SCORES, NAMES, [0.3, 0.25, 0.25]) == [["a", "b", "c"], ["b"]]
    assert decide(SCORES, NAMES, [0.6, 0.8, 0.3]) == [[], []]


# Mistakes of callers

FRAME = pd.DataFrame({"title": ["a", "b"], "text": ["c", "d"]})
REQUEST = ("inputs", "text", "text_pair", "list")


def classify(*arguments):
    return lambda light, _: light.predict_proba(*arguments)


def load(*arguments, **options):
    return lambda *_: LightClassifier.from_pretrained(DEFAULT_CHECKPOINT, *arguments, **options)


def explain_zeros(count, names, *label):
    """By a function that gives so many logits of 0."""
    return lambda *_: explain(lambda texts: np.zeros((len(texts), count)), "x", names, *label)


def request(**body):
    return lambda _, handler: handler(body)


# A call of a classifier and an endpoint, and what the error names.
MISTAKES = {
    "a single text": (classify("a single text"), "texts", "list", "str"),
    "a frame": (classify(FRAME), "texts", "list", "DataFrame"),
    "None": (classify(["a", None]), "texts[1]", "None"),
    "a single second part": (classify(["a", "b"], "cd"), "text_pairs", "list", "str"),
    "too many second parts": (classify(["a"], ["b", "c"]), "1 text,", "2 second parts"),
    "no threads": (load(threads=0), "threads", "0"),
    "a revision of a folder": (load("v1"), "revision", "v1"),
    "another label": (explain_zeros(3, "abc", "SATIRE"), "'SATIRE'", "'a', 'b', 'c'"),
    "one label": (explain_zeros(1, ["a"]), "only one label"),
    "logits of other labels": (explain_zeros(3, ["a", "b"]), "must be 2", "(1, 3)"),
    "an empty request": (request(), *REQUEST),
    "a title": (request(inputs={"title": "a", "text": "b"}), *REQUEST),
    "a list in a list": (request(inputs=["a", ["b"]]), *REQUEST),
}


@pytest.fixture(scope="module")
def handler(shared_export):
    return EndpointHandler(str(shared_export))


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes(light, handler, mistake):
    call, *words = MISTAKES[mistake]
    kind = TypeError if words[0].startswith("text") else ValueError
    with pytest.raises(kind) as refusal:
        call(light, handler)
    assert_names(refusal.value, *words)


# What is promised of labels that are sure


SAMPLES = ["Council votes on the bridge", "SHOCKING secret they hide from you!!!", ""]


def is_promised(accuracy, texts, mistakes):
    """The bound of Clopper and Pearson, as scipy has it."""
    test = binomtest(texts - mistakes, texts, alternative="greater")
    return test.proportion_ci(0.95, method="exact").low >= accuracy


@settings(max_examples=100, deadline=None)
@given(
    st.integers(0, 2**32), st.integers(1, 500), st.floats(0, 0.3), st.sampled_from([0.8, 0.9, 0.95])
)
def test_scores_are_tested_from_the_highest_down(seed, count, error, accuracy):
    generator = np.random.default_rng(seed)
    scores = generator.dirichlet([0.3, 0.3, 0.3], count)
    labels = scores.argmax(axis=1)
    is_wrong = generator.random(count) < error
    labels[is_wrong] = (labels[is_wrong] + 1) % 3
    record = held_out_scores(scores, labels, "people")
    rows = record["rows"]
    assert len(rows) <= 30
    assert rows[-1][1:] == [count, is_wrong.sum()]
    expected = None
    for score, texts, mistakes in rows:
        has_score = scores.max(axis=1) >= score
        assert (texts, mistakes) == (has_score.sum(), is_wrong[has_score].sum())
        if texts >= max(30, count / 10) and is_promised(accuracy, texts, 0):
            if not is_promised(accuracy, texts, mistakes):
                break
            expected = score
    assert sure_score(rows, accuracy) == expected
    assert record["sure_from"] == sure_score(rows, 0.9)


def test_the_promise_is_kept():
    """In at least 95 of 100 drawings of the held-out texts, and it is not too careful."""
    generator = np.random.default_rng(0)
    kept = 0
    shares = []
    for _ in range(200):
        score = generator.uniform(0.5, 1, 1000)
        labels = (generator.random(1000) > score).astype(int)  # calibrated
        rows = held_out_scores(np.stack([score, 1 - score], axis=1), labels, "people")["rows"]
        least = sure_score(rows, 0.9)
        kept += least is None or (least + 1) / 2 >= 0.9
        shares.append(0 if least is None else (1 - least) / 0.5)
    assert kept >= 190
    assert np.mean(shares) > 0.2  # of at most 0.4


ROWS = [[0.9, 60, 0], [0.7, 100, 2], [0.5, 200, 40]]
RECORD = {"labels_of": "people", "rows": ROWS, "sure_from": 0.7}


@pytest.mark.parametrize(
    ("record", "accuracy", "words"),
    [
        (RECORD, 0.99, ["0.99", "200 held-out", "at most 0.95 can"]),
        ({**RECORD, "rows": [[0.5, 20, 0]]}, 0.5, ["0.5", "20 held-out", "more texts"]),
        (None, 0.9, ["no scores of held-out texts"]),
        (RECORD, 1, ["accuracy", "below 1", "not 1"]),
        (RECORD, float("nan"), ["accuracy", "nan"]),
    ],
)
def test_what_cannot_be_promised(record, accuracy, words):
    with pytest.raises(DataError) as refusal:
        promised_score(record, accuracy)
    assert_names(refusal.value, *words)


def test_a_promise_says_whose_labels_it_is_of():
    assert "95 % are right, for texts such as the 200 held-out" in promise(RECORD, 0.95)
    assert "90 % are the teacher's" in promise({**RECORD, "labels_of": "teacher"}, 0.9)


def test_unsure_labels_are_none(exported):
    sure, unsure, _ = sorted(
        LightClassifier.from_pretrained(exported)(SAMPLES), key=lambda row: -row["score"]
    )
    least = (sure["score"] + unsure["score"]) / 2
    record = {"labels_of": "people", "rows": [[least, 100, 0]], "sure_from": None}
    edit_json(exported / "config.json", held_out_scores=record)
    light = LightClassifier.from_pretrained(exported)
    labels = light.predict(SAMPLES)
    expected = [row["label"] if row["score"] >= least else None for row in light(SAMPLES)]
    assert labels == [row["label"] for row in light(SAMPLES)]
    assert light.predict(SAMPLES, accuracy=0.95) == expected
    assert expected.count(None) == 2
    estimator = GloveLstmClassifier.from_pretrained(exported)
    assert estimator.predict(SAMPLES, accuracy=0.95).tolist() == expected

    edit_json(exported / "config.json", problem_type="multi_label_classification")
    light = LightClassifier.from_pretrained(exported)
    several = decide(light.predict_proba(SAMPLES), light.label_names, light.thresholds)
    assert light.predict(SAMPLES) == several
    with pytest.raises(DataError, match="one label a text"):
        light.predict(SAMPLES, accuracy=0.9)
