"""The shipped checkpoint says today what it said when it was made, whatever it is run with."""

import importlib.util
import json
from types import ModuleType

import numpy as np
import pytest
from support import ROOT

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
