"""Golden trainings: a training of each kind, by the command, gives the stored scores of 20 texts."""

import json
from functools import cache

import numpy as np
import pytest
from golden.make_trainings import GOLDEN, KINDS, scores_of, train, versions

STORED = json.loads(GOLDEN.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def trained(glove_file, tmp_path_factory):
    """A function of a kind: the output folder of its training, which runs once."""
    return cache(lambda kind: train(kind, tmp_path_factory.mktemp("golden"), glove_file))


@pytest.mark.parametrize("kind", KINDS)
def test_the_golden_training(trained, kind):
    """If this fails after a change of the recipe, run `make tiny-checkpoint`."""
    same = STORED["versions"] == versions()
    tolerance = STORED["tolerances"]["same versions" if same else "other versions"]
    measured = scores_of(trained(kind))
    stored = STORED["kinds"][kind]
    assert measured["labels"] == stored["labels"] == KINDS[kind][0]
    np.testing.assert_allclose(measured["scores"], stored["scores"], rtol=0, atol=tolerance)


def test_sets_of_labels_are_measured(trained):
    folder = trained("several labels")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert len(config["thresholds"]) == 3
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["training"]["options"]["label_smoothing_factor"] == 0
    figures = metrics["test"]
    low, high = figures["micro_f1_interval"]
    assert figures["micro_f1"] > 0.9
    assert low <= figures["micro_f1"] <= high
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert f"{figures['f1']:.4f}" in card
