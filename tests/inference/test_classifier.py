"""The light runtime: the pipeline's labels and scores, without torch and transformers, also in a bare environment."""

import json
import os
import pickle
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from support import ROOT, edit_json
from transformers import pipeline

from glove_lstm.checkpoint import Checkpoint
from glove_lstm.errors import DataError
from glove_lstm.inference.light_classifier import LightClassifier

TEXTS = [
    "Council votes on the bridge",
    "SHOCKING secret they hide from you!!!",
    "",
    " \n\t ",
    "a \ud800 b \U0001f600 naïve ½ 1,204.5 <pad> <url>",
    "see https://x.example/A?b=1 and fooHTTP://y.example now",
    "word " * 5_000,
    "The minister said: “we report.”",
]
TITLES = ["Council votes", "", "a " * 50]
BODIES = ["on the bridge", "SHOCKING secret", "b " * 50]


def load_model(folder):
    return Checkpoint.open(folder).load_model()


LOADERS = [LightClassifier.from_pretrained, load_model]


def load_pipeline(folder):
    """The pipeline of transformers."""
    model, tokenizer = load_model(folder)
    return pipeline("text-classification", model=model, tokenizer=tokenizer)


@pytest.fixture(scope="module")
def classify(shared_export):
    return load_pipeline(shared_export)


@pytest.fixture(scope="module")
def of_texts(classify):
    return classify(TEXTS)


@pytest.fixture(scope="module")
def of_pairs(classify):
    answers = []
    for title, body in zip(TITLES, BODIES, strict=True):
        answers.append(classify({"text": title, "text_pair": body}))
    return answers


@pytest.fixture(scope="module")
def light(shared_export):
    return LightClassifier.from_pretrained(shared_export)


def assert_same(found, wanted):
    assert [row["label"] for row in found] == [row["label"] for row in wanted]
    scores = [row["score"] for row in wanted]
    assert [row["score"] for row in found] == pytest.approx(scores, abs=1e-5)


# Labels and scores


def test_same_labels_and_scores_as_the_pipeline(light, of_texts, of_pairs):
    assert_same(light(TEXTS), of_texts)
    assert_same(light(TITLES, BODIES), of_pairs)
    one_by_one = [light(text)[0] for text in TEXTS]
    assert_same(one_by_one, of_texts)


def test_labels_without_names_are_those_of_transformers(exported):
    path = exported / "config.json"
    config = json.loads(path.read_text())
    del config["id2label"], config["label2id"]
    path.write_text(json.dumps(config))
    wanted = load_pipeline(exported)(TEXTS)
    assert {row["label"] for row in wanted} == {"LABEL_0", "LABEL_1"}
    assert_same(LightClassifier.from_pretrained(exported)(TEXTS), wanted)


def test_threads_and_windows_change_nothing(shared_export, of_texts, of_pairs):
    light = LightClassifier.from_pretrained(shared_export, threads=2)
    copies = 2000  # enough texts for two windows a thread
    assert_same(light(TITLES * copies, BODIES * copies), of_pairs * copies)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: light(TEXTS), range(4)):
            assert_same(found, of_texts)


def test_probabilities_and_logits(light):
    scores = light.predict_proba(TEXTS)
    assert scores.shape == (len(TEXTS), 2)
    np.testing.assert_allclose(scores.sum(axis=1), 1)
    np.testing.assert_array_equal(light.predict_logits(TEXTS).argmax(axis=1), scores.argmax(axis=1))


def test_no_texts(light):
    assert light([]) == []
    assert light.predict_proba([]).shape == (0, 2)


def test_a_single_text_and_a_column_are_read_as_lists(light):
    assert light(TEXTS[0]) == light(TEXTS[:1])  # as the pipeline does
    assert light(pd.Series(["c", "d"])) == light(["c", "d"])


FRAME = pd.DataFrame({"title": ["a", "b"], "text": ["c", "d"]})


@pytest.mark.parametrize("table", ["a single text", FRAME, FRAME.to_numpy(), {"text": ["a"]}])
def test_tables_are_refused(light, table):
    with pytest.raises(TypeError, match="texts must be a list of texts, not of type"):
        light.predict_proba(table)


@pytest.mark.parametrize("values", [["a", None], ("a", 3), [["a"], "b"], [b"a"]])
def test_values_that_are_no_texts_are_refused(light, values):
    with pytest.raises(TypeError, match=r"texts\[[01]\] must be a text, not "):
        light(values)


def test_second_parts_that_do_not_fit_are_refused(light):
    with pytest.raises(TypeError, match="text_pairs must be a list"):
        light(["a", "b"], "cd")
    with pytest.raises(ValueError, match="give one for each text"):
        light(["a"], ["b", "c"])


# Files that do not fit


@pytest.mark.parametrize("load", LOADERS)
def test_a_tokenizer_without_the_types_that_the_model_reads_is_refused(exported, load):
    inputs = ["input_ids", "attention_mask"]
    edit_json(exported / "tokenizer_config.json", model_input_names=inputs)
    with pytest.raises(DataError, match="reads token_type_ids"):
        load(exported)


@pytest.mark.parametrize("load", LOADERS)
def test_a_tokenizer_with_more_words_than_the_model_is_refused(exported, load):
    path = exported / "tokenizer.json"
    model = json.loads(path.read_text(encoding="utf-8"))["model"]
    rows = len(model["vocab"])
    model["vocab"]["onemoreword"] = rows
    edit_json(path, model=model)
    with pytest.raises(DataError, match=f"has {rows + 1} words, but the model only {rows}: "):
        load(exported)


@pytest.mark.parametrize("load", LOADERS)
def test_labels_of_another_number_than_the_weights_are_refused(exported, load):
    edit_json(exported / "config.json", id2label={0: "a", 1: "b", 2: "c"}, label2id={})
    with pytest.raises(DataError, match="has 3 labels, but the weights are of 2") as refusal:
        load(exported)
    assert str(exported / "config.json") in str(refusal.value)


@pytest.mark.parametrize("load", LOADERS)
@pytest.mark.parametrize("limit", [0, 2.5, True])
def test_a_length_to_which_no_text_can_be_cut_is_refused(exported, load, limit):
    edit_json(exported / "tokenizer_config.json", model_max_length=limit)
    message = rf"tokenizer_config.json: model_max_length must be .* at least 1, not {limit!r}"
    with pytest.raises(DataError, match=message):
        load(exported)


# The Hub, and other processes


def test_from_the_hub_come_the_files_that_are_needed(shared_export, monkeypatch, light, tmp_path):
    """In the Hub's cache they are links to files with other names."""
    requests = []
    blobs = tmp_path / "blobs"
    snapshot = tmp_path / "snapshot"
    blobs.mkdir()
    snapshot.mkdir()

    def download(repo_id, *, revision, allow_patterns):
        requests.append((repo_id, revision, sorted(allow_patterns)))
        for name in allow_patterns:
            blob = blobs / f"hash of {name}"
            shutil.copy(shared_export / name, blob)
            (snapshot / name).symlink_to(blob)
        return snapshot

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    found = LightClassifier.from_pretrained("user/news", "v1")
    assert requests == [
        ("user/news", "v1", ["config.json", "tokenizer.json", "tokenizer_config.json"]),
        # From the commit of the config, whatever is pushed meanwhile.
        ("user/news", "snapshot", ["light.onnx", "model.safetensors"]),
    ]
    assert found(TEXTS) == light(TEXTS)


def test_a_classifier_can_be_pickled(exported, monkeypatch):
    monkeypatch.chdir(exported.parent)
    light = LightClassifier.from_pretrained(exported.name, threads=2)  # a relative path
    wanted = light.predict_proba(TEXTS)
    pickled = pickle.dumps(light)
    assert len(pickled) < 2000
    monkeypatch.chdir("/")
    again = pickle.loads(pickled)
    assert again.threads == 2
    np.testing.assert_array_equal(again.predict_proba(TEXTS), wanted)
    twice = pickle.loads(pickle.dumps(again))
    np.testing.assert_array_equal(twice.predict_proba(TEXTS), wanted)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "light.onnx"])
def test_a_pickled_classifier_refuses_other_files(exported, name):
    path = exported / name
    light = LightClassifier.from_pretrained(exported)
    path.write_bytes(path.read_bytes() + b"\n")
    pickled = pickle.dumps(light)  # it is what was loaded, not what is in the folder now
    with pytest.raises(DataError, match=rf"{name} has changed since .* load it again"):
        pickle.loads(pickled)
    path.unlink()
    with pytest.raises(DataError, match=rf"{name} has changed since"):
        pickle.loads(pickled)
    shutil.rmtree(exported)
    with pytest.raises(DataError, match=f"no folder {exported},"):
        pickle.loads(pickled)


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
