"""The shipped checkpoint says today what it said when it was made, whatever it is run with."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from support import ROOT, assert_refused, run_here

from benchmarks import make_hub

GOLDEN = ROOT / "tests" / "golden"
KEPT = json.loads((GOLDEN / "hub_scores.json").read_text(encoding="utf-8"))
AGAIN = "run `python tests/golden/make_hub_scores.py`"


@pytest.fixture(scope="module")
def golden() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_hub_scores", GOLDEN / "make_hub_scores.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def found(golden: ModuleType) -> dict[str, list[float]]:
    return golden.scores()


def test_the_file_is_of_these_weights(golden: ModuleType) -> None:
    assert KEPT["weights_sha256"] == golden.weights_sha256(), f"hub/ has other weights: {AGAIN}"
    assert KEPT["tolerances"] == golden.TOLERANCES, AGAIN


@pytest.mark.parametrize("way", ["float32", "onnx", "bfloat16"])
def test_scores_are_the_golden_ones(found: dict[str, list[float]], way: str) -> None:
    wanted = KEPT["scores"][way]
    assert len(set(wanted)) > 10
    np.testing.assert_allclose(found[way], wanted, rtol=0, atol=KEPT["tolerances"][way])


def test_other_weights_have_other_scores(golden: ModuleType, tmp_path: Path) -> None:
    """One recurrent weight in a hundred, a little larger, is more than the tolerance."""
    from glove_lstm.inference.checkpoints import load_checkpoint
    from glove_lstm.inference.prediction import predict_logits
    from glove_lstm.inference.scores import softmax

    model, tokenizer = load_checkpoint(golden.HUB)
    weight = next(value for name, value in model.named_parameters() if "weight_hh" in name)
    weight.data.flatten()[::100] += 0.1
    scores = softmax(predict_logits(model, tokenizer, golden.TEXTS))[:, -1]
    wanted = KEPT["scores"]["float32"][: len(scores)]
    assert np.abs(scores - wanted).max() > 10 * KEPT["tolerances"]["float32"]


def test_arguments_of_training_are_refused_where_nothing_is_trained(tmp_path: Path) -> None:
    for said in (["--hidden_size", "3"], ["--glove", "6B.50d"], ["--data_dir", "x"]):
        done = run_here(make_hub.main, "--code_only", "--output_dir", tmp_path, *said)
        assert_refused(done, "--code_only trains nothing")
    assert not list(tmp_path.iterdir())
