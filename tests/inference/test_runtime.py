"""The light runtime: the pipeline's labels and scores, without torch and transformers, also in a bare environment."""

import json
import multiprocessing
import os
import pickle
import shutil
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from support import ROOT
from transformers import pipeline

from glove_lstm.checkpoint import Checkpoint
from glove_lstm.errors import DataError
from glove_lstm.inference.backends import open_model
from glove_lstm.inference.runtime import LightClassifier
from glove_lstm.inference.scores import MULTI_LABEL

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
TITLES, BODIES = ["Council votes", "", "a " * 50], ["on the bridge", "SHOCKING secret", "b " * 50]


@pytest.fixture(scope="module")
def expected(shared_export):
    classify = pipeline("text-classification", model=str(shared_export))
    pairs = [{"text": title, "text_pair": body} for title, body in zip(TITLES, BODIES, strict=True)]
    return {"texts": classify(TEXTS), "pairs": [classify(pair) for pair in pairs]}


@pytest.fixture(scope="module")
def light(shared_export):
    return LightClassifier.from_pretrained(shared_export)


def assert_same(found, wanted) -> None:
    assert [one["label"] for one in found] == [one["label"] for one in wanted]
    scores = [one["score"] for one in wanted]
    assert [one["score"] for one in found] == pytest.approx(scores, abs=1e-5)


def load_model(folder):
    return Checkpoint.open(folder).load_model()


LOADERS = [LightClassifier.from_pretrained, load_model]


def test_same_labels_and_scores_as_the_pipeline(light, expected) -> None:
    assert_same(light(TEXTS), expected["texts"])
    assert_same(light(TITLES, BODIES), expected["pairs"])
    one_by_one = [answer for text in TEXTS for answer in light(text)]
    assert_same(one_by_one, expected["texts"])


def test_labels_without_names_are_those_of_transformers(exported) -> None:
    path = exported / "config.json"
    config = json.loads(path.read_text())
    del config["id2label"], config["label2id"]
    path.write_text(json.dumps(config))
    wanted = pipeline("text-classification", model=str(exported))(TEXTS)
    assert {one["label"] for one in wanted} == {"LABEL_0", "LABEL_1"}
    assert_same(LightClassifier.from_pretrained(exported)(TEXTS), wanted)


def test_threads_and_windows_change_nothing(shared_export, expected) -> None:
    light = LightClassifier.from_pretrained(shared_export, threads=2)
    copies = 2000  # enough texts for two windows a thread
    assert_same(light(TITLES * copies, BODIES * copies), expected["pairs"] * copies)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: light(TEXTS), range(4)):
            assert_same(found, expected["texts"])


def test_probabilities_logits_and_empty_batches(light) -> None:
    scores = light.predict_proba(TEXTS)
    assert scores.shape == (len(TEXTS), 2)
    np.testing.assert_allclose(scores.sum(axis=1), 1)
    np.testing.assert_array_equal(light.predict_logits(TEXTS).argmax(axis=1), scores.argmax(axis=1))
    assert light([]) == []
    assert light.predict_proba([]).shape == (0, 2)
    assert light(TEXTS[0]) == light(TEXTS[:1])  # as the pipeline
    frame = pd.DataFrame({"title": ["a", "b"], "text": ["c", "d"]})
    for table in ("a single text", frame, frame.to_numpy(), {"text": ["a"]}):
        with pytest.raises(TypeError, match="texts must be a list of texts, not of type"):
            light.predict_proba(table)
    for values in (["a", None], ("a", 3), [["a"], "b"], [b"a"]):
        with pytest.raises(TypeError, match=r"texts\[[01]\] must be a text, not "):
            light(values)
    assert light(frame["text"]) == light(["c", "d"])
    with pytest.raises(TypeError, match="text_pairs must be a list"):
        light(["a", "b"], "cd")
    with pytest.raises(ValueError, match="give one for each text"):
        light(["a"], ["b", "c"])


@pytest.mark.parametrize("load", LOADERS)
def test_a_tokenizer_of_another_checkpoint_is_refused(exported, load) -> None:
    config, path = exported / "tokenizer_config.json", exported / "tokenizer.json"
    before = config.read_text(encoding="utf-8")
    inputs = {"model_input_names": ["input_ids", "attention_mask"]}
    config.write_text(json.dumps(json.loads(before) | inputs), encoding="utf-8")
    with pytest.raises(DataError, match="reads token_type_ids"):
        load(exported)
    config.write_text(before, encoding="utf-8")
    said = json.loads(path.read_text(encoding="utf-8"))
    said["model"]["vocab"]["onemoreword"] = rows = len(said["model"]["vocab"])
    path.write_text(json.dumps(said), encoding="utf-8")
    with pytest.raises(DataError, match=f"has {rows + 1} words, but the model only {rows}: "):
        load(exported)


def edit(path, **values) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}), encoding="utf-8")


@pytest.mark.parametrize("load", LOADERS)
def test_labels_of_another_number_than_the_weights_are_refused(exported, load) -> None:
    names = ["a", "b", "c"]
    edit(exported / "config.json", id2label=dict(enumerate(names)), label2id={})
    with pytest.raises(DataError, match="has 3 labels, but the weights are of 2") as refusal:
        load(exported)
    assert str(exported / "config.json") in str(refusal.value)


@pytest.mark.parametrize("load", LOADERS)
@pytest.mark.parametrize("limit", [-5, 0, 2.5, "many", True])
def test_a_length_to_which_no_text_can_be_cut_is_refused(exported, load, limit) -> None:
    edit(exported / "tokenizer_config.json", model_max_length=limit)
    said = rf"tokenizer_config.json: model_max_length must be .* at least 1, not {limit!r}"
    with pytest.raises(DataError, match=said):
        load(exported)


@pytest.mark.parametrize("backend", ["onnx", "torch"])
@pytest.mark.parametrize("thresholds", [[0.1, 0.2, 0.3], [0.5, float("nan")], [0.5, "x"]])
def test_thresholds_that_do_not_fit_the_labels_are_refused(exported, backend, thresholds) -> None:
    edit(exported / "config.json", problem_type=MULTI_LABEL, thresholds=thresholds)
    with pytest.raises(DataError, match="thresholds"):
        open_model(Checkpoint.open(exported), backend=backend)


def test_from_the_hub_come_the_files_that_are_needed(
    shared_export, monkeypatch, light, tmp_path
) -> None:
    """In the Hub's cache they are links to files with other names."""
    asked = []
    for folder in ("blobs", "snapshot"):
        (tmp_path / folder).mkdir()

    def download(repo_id, *, revision, allow_patterns):
        asked.append((repo_id, revision, sorted(allow_patterns)))
        for name in allow_patterns:
            blob = tmp_path / "blobs" / str(len(list((tmp_path / "blobs").iterdir())))
            shutil.copy(shared_export / name, blob)
            (tmp_path / "snapshot" / name).symlink_to(blob)
        return tmp_path / "snapshot"

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    found = LightClassifier.from_pretrained("user/news", "v1")
    described = ["config.json", "tokenizer.json", "tokenizer_config.json"]
    weights = ["light.onnx", "model.safetensors"]
    # The weights come from the commit of the config, whatever is pushed meanwhile.
    assert asked == [("user/news", "v1", described), ("user/news", "snapshot", weights)]
    assert found(TEXTS) == light(TEXTS)


def test_other_processes_load_the_same_files_again(exported, monkeypatch) -> None:
    monkeypatch.chdir(exported.parent)
    light = LightClassifier.from_pretrained(exported.name, threads=2)  # a relative path
    wanted = light.predict_proba(TEXTS)
    pickled = pickle.dumps(light)
    assert len(pickled) < 2000
    monkeypatch.chdir("/")
    again = pickle.loads(pickled)
    assert again.threads == 2
    np.testing.assert_array_equal(again.predict_proba(TEXTS), wanted)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(again)).predict_proba(TEXTS), wanted)
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        np.testing.assert_array_equal(pool.submit(light.predict_proba, TEXTS).result(), wanted)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "light.onnx"])
def test_a_pickled_classifier_refuses_other_files(exported, name) -> None:
    light = LightClassifier.from_pretrained(exported)
    (exported / name).write_bytes((exported / name).read_bytes() + b"\n")
    pickled = pickle.dumps(light)  # it is what was loaded, not what is in the folder now
    with pytest.raises(DataError, match=rf"{name} has changed since .* load it again"):
        pickle.loads(pickled)
    (exported / name).unlink()
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


@pytest.mark.slow
def test_a_wheel_classifies_by_itself_without_torch(tmp_path) -> None:
    source, site = tmp_path / "source", tmp_path / "site"
    source.mkdir()
    for name in ("glove_lstm", "modeling", "tokenization", "hub", "docs"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "model_card.md"):
        shutil.copy(ROOT / name, source / name)
    build = ["wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index", "-w"]
    subprocess.run([sys.executable, "-m", "pip", *build, tmp_path, source], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    shutil.unpack_archive(wheel, site, "zip")
    for name in ("docs/tour.ipynb", "publishing/handler.py"):
        assert (site / "glove_lstm" / name).is_file()
    command = [sys.executable, "-c", _BARE, site, TEXTS[1]]
    env = {**os.environ, "PYTHONPATH": str(site)}
    done = subprocess.run(command, capture_output=True, encoding="utf-8", cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr
    [wanted] = LightClassifier.from_pretrained(ROOT / "hub")(TEXTS[1:2])
    row = json.loads(done.stdout)
    assert row["label"] == wanted["label"]
    assert row["score"] == pytest.approx(wanted["score"], abs=1e-5)
