"""Golden trainings: a training of each kind, by the command, gives the stored scores of 20 texts."""

import json

import numpy as np
import pytest
from golden.make_trainings import GOLDEN, KINDS, scores_of, train, versions
from support import read_json

STORED = json.loads(GOLDEN.read_text(encoding="utf-8"))


@pytest.mark.parametrize("kind", KINDS)
def test_the_golden_training(glove_file, tmp_path, kind):
    """If this fails after a change of the recipe, run `make tiny-checkpoint`."""
    same = STORED["versions"] == versions()
    tolerance = STORED["tolerances"]["same versions" if same else "other versions"]
    folder = train(kind, tmp_path, glove_file)
    measured = scores_of(folder)
    stored = STORED["kinds"][kind]
    assert measured["labels"] == stored["labels"] == KINDS[kind][0]
    np.testing.assert_allclose(measured["scores"], stored["scores"], rtol=0, atol=tolerance)
    options = read_json(folder / "metrics.json")["training"]["options"]
    learns_single_labels = kind not in ("several labels", "distilled")
    assert (options["label_smoothing_factor"] > 0) == learns_single_labels
