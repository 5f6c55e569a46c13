"""The shipped checkpoint: its golden scores, its doubts about plain sentences, and files that its command writes."""

import json
import shutil

import numpy as np
import pytest
from golden import make_hub_scores
from support import ROOT

from benchmarks.hub.hub_code import write_hub_code
from glove_lstm import LightClassifier
from glove_lstm.checkpoint.names import DEFAULT_CHECKPOINT

KEPT = json.loads((make_hub_scores.HERE / "hub_scores.json").read_text(encoding="utf-8"))
AGAIN = "run `python tests/golden/make_hub_scores.py`"
HUB = ROOT / "hub"
SURE = 0.8


@pytest.fixture(scope="module")
def found():
    assert KEPT["weights_sha256"] == make_hub_scores.weights_sha256(), AGAIN
    assert KEPT["tolerances"] == make_hub_scores.TOLERANCES, AGAIN
    return make_hub_scores.scores()


@pytest.mark.parametrize("way", ["float32", "onnx", "bfloat16"])
def test_scores_are_the_golden_ones(found, way):
    wanted = KEPT["scores"][way]
    assert len(set(wanted)) > 10
    np.testing.assert_allclose(found[way], wanted, rtol=0, atol=KEPT["tolerances"][way])


@pytest.mark.parametrize("change", [str, str.lower], ids=["cased", "lower-cased"])
@pytest.mark.parametrize(
    ("file", "wrong_label", "largest_share"), [("plain", "FAKE", 0.03), ("absurd", "REAL", 0.08)]
)
def test_few_statements_are_confidently_mistaken(change, file, wrong_label, largest_share):
    statements = (ROOT / "tests" / "statements" / f"{file}.txt").read_text("utf-8").splitlines()
    assert len(set(statements)) == len(statements) >= 200
    classifier = LightClassifier.from_pretrained(DEFAULT_CHECKPOINT)
    mistakes = 0
    for answer in classifier([change(text) for text in statements]):
        if answer["label"] == wrong_label and answer["score"] >= SURE:
            mistakes += 1
    assert mistakes / len(statements) <= largest_share


def test_hub_has_what_its_command_writes(tmp_path):
    folder = tmp_path / "hub"
    written = shutil.ignore_patterns("*.py", "README.md", "*.ipynb", "*.txt")
    shutil.copytree(HUB, folder, ignore=written)
    write_hub_code(folder)
    names = {path.name for path in folder.iterdir() if path.is_file()}
    assert {"README.md", "handler.py", "modeling_glove_lstm.py", "requirements.txt"} <= names
    for name in names:
        assert (folder / name).read_bytes() == (HUB / name).read_bytes(), f"{name}: make hub-code"


def test_hub_is_small_whole_and_without_pickle():
    total = 0
    kinds = set()
    for path in HUB.rglob("*"):
        if path.is_file() and path.suffix != ".pyc":
            total += path.stat().st_size
            kinds.add(path.suffix)
    assert total <= 20_000_000
    assert kinds == {".py", ".json", ".safetensors", ".md", ".png", ".onnx", ".txt", ".ipynb"}
