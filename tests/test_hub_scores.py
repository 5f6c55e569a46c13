"""The shipped checkpoint says today what it said when it was made, whatever it is run with."""

import json

import numpy as np
import pytest
from golden import make_hub_scores

KEPT = json.loads((make_hub_scores.HERE / "hub_scores.json").read_text(encoding="utf-8"))
AGAIN = "run `python tests/golden/make_hub_scores.py`"


@pytest.fixture(scope="module")
def found() -> dict[str, list[float]]:
    return make_hub_scores.scores()


def test_the_file_is_of_these_weights() -> None:
    assert KEPT["weights_sha256"] == make_hub_scores.weights_sha256(), AGAIN
    assert KEPT["tolerances"] == make_hub_scores.TOLERANCES, AGAIN


@pytest.mark.parametrize("way", ["float32", "onnx", "bfloat16"])
def test_scores_are_the_golden_ones(found: dict[str, list[float]], way: str) -> None:
    wanted = KEPT["scores"][way]
    assert len(set(wanted)) > 10
    np.testing.assert_allclose(found[way], wanted, rtol=0, atol=KEPT["tolerances"][way])
