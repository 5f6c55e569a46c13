"""The light runtime: the pipeline's labels and scores, without torch and transformers, also in a bare environment."""

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from support import ROOT
from transformers import pipeline

from glove_lstm.data.errors import DataError
from glove_lstm.inference import runtime
from glove_lstm.inference.checkpoints import load_checkpoint
from glove_lstm.inference.runtime import LightClassifier

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
    assert [one["score"] for one in found] == pytest.approx([one["score"] for one in wanted], abs=1e-5)


def test_same_labels_and_scores_as_the_pipeline(light, expected, monkeypatch) -> None:
    assert_same(light(TEXTS), expected["texts"])
    assert_same(light(TITLES, BODIES), expected["pairs"])
    monkeypatch.setattr(runtime, "_TOKENS", 1)  # each by itself
    assert_same(light(TEXTS), expected["texts"])
    monkeypatch.setattr(runtime, "_MANY", 1)  # without ONNX Runtime
    assert_same(light(TEXTS), expected["texts"])
    assert_same(light(TITLES, BODIES), expected["pairs"])


@pytest.mark.parametrize("many", [1, 1000])
def test_threads_and_windows_change_nothing(shared_export, expected, monkeypatch, many) -> None:
    monkeypatch.setattr(runtime, "_WINDOW", 3)
    monkeypatch.setattr(runtime, "_MANY", many)
    light = LightClassifier.from_pretrained(shared_export, threads=2)
    assert_same(light(TEXTS), expected["texts"])
    found = {}
    threads = [threading.Thread(target=lambda n=n: found.update({n: light(TEXTS)})) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for n in range(4):
        assert_same(found[n], expected["texts"])


def test_probabilities_logits_and_empty_batches(light) -> None:
    scores = light.predict_probabilities(TEXTS)
    assert scores.shape == (len(TEXTS), 2)
    np.testing.assert_allclose(scores.sum(axis=1), 1)
    logits = light.predict_logits(TEXTS)
    np.testing.assert_array_equal(logits.argmax(axis=1), scores.argmax(axis=1))
    assert light([]) == []
    assert light.predict_probabilities([]).shape == (0, 2)
    with pytest.raises(TypeError, match="list of texts"):
        light("a single text")
    with pytest.raises(ValueError, match="equally many"):
        light(["a"], ["b", "c"])


def test_scores_of_several_labels_stand_for_themselves(exported) -> None:
    config = json.loads((exported / "config.json").read_text())
    config["problem_type"] = "multi_label_classification"
    (exported / "config.json").write_text(json.dumps(config))
    light = LightClassifier.from_pretrained(exported)
    wanted = pipeline("text-classification", model=str(exported))(TEXTS[:3], top_k=None)
    for row, scores in zip(wanted, light.predict_probabilities(TEXTS[:3]), strict=True):
        found = dict(zip(light.label_names, scores, strict=True))
        assert {one["label"]: one["score"] for one in row} == pytest.approx(found, abs=1e-5)


def damage(folder: Path, name: str, data: bytes | None) -> None:
    (folder / name).unlink()
    if data is not None:
        (folder / name).write_bytes(data)


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("model.onnx", None, r"model\.onnx is missing: make it with glove-lstm export"),
        ("model.onnx", b"nothing", r"model\.onnx was not made by glove-lstm, or is damaged"),
        ("model.safetensors", b"other weights", r"model\.onnx was not made from the weights"),
        ("model.safetensors", None, r"model\.safetensors cannot be read"),
        ("config.json", b"{", r"config\.json is no JSON"),
        ("config.json", None, r"config\.json cannot be read"),
        ("tokenizer.json", b"{}", r"tokenizer\.json cannot be used"),
        ("tokenizer.json", None, r"tokenizer\.json cannot be read"),
        ("tokenizer_config.json", b"[]", r"tokenizer_config\.json holds no JSON object"),
    ],
)
def test_damaged_folders_are_told_in_one_sentence(exported, name, data, said) -> None:
    damage(exported, name, data)
    with pytest.raises(DataError, match=said) as told:
        LightClassifier.from_pretrained(exported)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("load", [LightClassifier.from_pretrained, load_checkpoint])
def test_a_tokenizer_of_another_checkpoint_is_refused(exported, load) -> None:
    path = exported / "tokenizer.json"
    said = json.loads(path.read_text(encoding="utf-8"))
    rows = len(said["model"]["vocab"])
    said["model"]["vocab"]["onemoreword"] = rows
    path.write_text(json.dumps(said), encoding="utf-8")
    with pytest.raises(DataError, match=f"tokenizer.json has {rows + 1} words, but the model only {rows}: "):
        load(exported)


@pytest.mark.parametrize("load", [LightClassifier.from_pretrained, load_checkpoint])
def test_a_tokenizer_without_the_word_shapes_that_the_model_reads_is_refused(exported, load) -> None:
    path = exported / "tokenizer_config.json"
    said = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(
        json.dumps({**said, "model_input_names": ["input_ids", "attention_mask"]}), encoding="utf-8"
    )
    with pytest.raises(DataError, match=r"reads word shapes \(token_type_ids\)"):
        load(exported)


def test_cut_short_onnx_file_is_refused(exported) -> None:
    whole = (exported / "model.onnx").read_bytes()
    (exported / "model.onnx").write_bytes(b"\x00" * 100 + whole[-200:])  # the digest is still in it
    with pytest.raises(DataError, match=r"model\.onnx cannot be loaded"):
        LightClassifier.from_pretrained(exported)


_BARE = """
import json, sys
import glove_lstm.inference.runtime
from glove_lstm.commands.predict import main
light = glove_lstm.inference.runtime.LightClassifier.from_pretrained(sys.argv[1])
texts, titles, bodies = json.loads(sys.stdin.read())
found = {"texts": light(texts), "pairs": light(titles, bodies)}
sys.stdout = open(sys.argv[2], "w")
main(["--model", sys.argv[1], "--format", "jsonl", texts[0]])
main(["--format", "jsonl", texts[0]])  # the checkpoint that the wheel brings
sys.stdout.close()
unwanted = {"torch", "transformers", "datasets", "safetensors", "onnx"} & set(sys.modules)
print(json.dumps({**found, "unwanted": sorted(unwanted), "file": glove_lstm.__file__}), file=sys.__stdout__)
"""


def _bare_environment(folder: Path, wheel: Path) -> Path:
    """A virtual environment with our wheel, and with numpy, tokenizers, onnxruntime and tqdm of this one."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    where = subprocess.check_output(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], encoding="utf-8"
    )
    site = Path(where.strip())
    for name in ("numpy", "tokenizers", "onnxruntime", "tqdm"):
        found = importlib.metadata.distribution(name)
        for part in {file.parts[0] for file in found.files or () if file.parts[0] != ".."}:
            (site / part).symlink_to(found.locate_file(part))
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", "--no-index", wheel]
    subprocess.run(pip, check=True)
    return python


@pytest.mark.slow
def test_wheel_beside_three_libraries_gives_the_same(shared_export, expected, tmp_path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name in ("glove_lstm", "modeling", "tokenization", "hub"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "model_card.md"):
        shutil.copy(ROOT / name, source / name)
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*build, "-w", tmp_path, source], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    python = _bare_environment(tmp_path / "venv", wheel)
    done = subprocess.run(
        [python, "-I", "-c", _BARE, shared_export, tmp_path / "out.jsonl"],
        input=json.dumps([TEXTS, TITLES, BODIES]),
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["unwanted"] == []
    assert str(tmp_path / "venv") in found["file"]
    assert_same(found["texts"], expected["texts"])
    assert_same(found["pairs"], expected["pairs"])
    row, shipped = map(json.loads, (tmp_path / "out.jsonl").read_text().splitlines())
    assert shipped["label"] in ("FAKE", "REAL")
    assert row["label"] == expected["texts"][0]["label"]
    assert row["score"] == pytest.approx(expected["texts"][0]["score"], abs=1e-5)
