"""The threshold that several labels share: the best micro F1 of many texts, and no harm with few."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import f1_score

from glove_lstm.training.calibration import fit_threshold

MEAN_LOGITS = np.array(
    [-5.0, -4, -3, -3, -2, -1, 0.5]
)  # of labels that few texts have, and of one that most have


def draw(texts, seed):
    """Draw calibrated scores (texts, labels), and labels by them."""
    generator = np.random.default_rng(seed)
    scores = expit(generator.normal(MEAN_LOGITS, 2.0, (texts, len(MEAN_LOGITS))))
    return scores, (generator.random(scores.shape) < scores).astype(np.float32)


@pytest.mark.parametrize("digits", [2, 9])  # with two digits, many scores are equal
def test_many_texts_give_the_highest_micro_f1(digits):
    scores, labels = draw(20_000, seed=0)
    scores = scores.round(digits)
    threshold = fit_threshold(scores, labels)
    grid = np.linspace(0.01, 0.99, 99)
    highest = max(f1_score(labels, scores >= value, average="micro") for value in grid)
    assert f1_score(labels, scores >= threshold, average="micro") > highest - 0.005


def test_few_texts_do_no_harm():
    """Beside a threshold of 0.5, micro F1 is lower by a point at most, and higher on average."""
    for texts in (30, 50, 100):
        gains = []
        for seed in range(8):
            test_scores, truth = draw(4_000, seed=1000 + seed)
            threshold = fit_threshold(*draw(texts, seed))
            f1 = f1_score(truth, test_scores >= threshold, average="micro")
            gains.append(f1 - f1_score(truth, test_scores >= 0.5, average="micro"))
        assert min(gains) > -0.01
        assert np.mean(gains) > 0


def test_scores_that_tell_nothing_are_harmless():
    scores, labels = draw(50, seed=3)
    assert fit_threshold(scores, np.zeros_like(labels)) == 0.5
    for has_label in (0, 1):
        assert 0 < fit_threshold(np.full((50, 2), has_label), np.full((50, 2), has_label)) < 1
