"""The scales that calibrate a sum of parts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax

from glove_lstm.evaluation.calibration import fit_scales


def draw(seed, rows, scales, classes=3):
    """Logits of parts whose scaled sum is what the labels were drawn from."""
    generator = np.random.default_rng(seed)
    parts = generator.standard_normal((rows, len(scales), classes))
    truth = log_softmax(np.einsum("npc,p->nc", parts, scales), axis=1)
    labels = (np.exp(truth).cumsum(axis=1) < generator.random((rows, 1))).sum(axis=1)
    return parts.astype(np.float32), labels


def cross_entropy(parts, labels, scales):
    logits = np.einsum("npc,p->nc", parts.astype(float), scales)
    return -log_softmax(logits, axis=1)[np.arange(len(labels)), labels].sum()


def loss(parts, labels, scales):
    """With the prior."""
    return cross_entropy(parts, labels, scales) + 2 * ((np.log(scales) - np.log(scales).mean()) ** 2).sum()


@pytest.mark.parametrize("scales", [[0.4], [2.5], [1.0, 2.0], [0.5, 3.0]], ids=str)
def test_the_scales_that_made_the_labels_are_found(scales):
    parts, labels = draw(0, 40_000, scales)
    assert fit_scales(parts, labels) == pytest.approx(scales, rel=0.06)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 1000),
    rows=st.integers(1, 60),
    scales=st.lists(st.floats(0.1, 5), min_size=1, max_size=2),
)
def test_no_neighbour_is_better_but_for_the_prior_and_the_scales_stay_in_bounds(seed, rows, scales):
    parts, labels = draw(seed, rows, scales)
    found = fit_scales(parts, labels)
    assert all(0.05 <= scale <= 20 for scale in found)
    best = loss(parts, labels, found)
    for index in range(len(found)):
        for factor in (0.9, 1.1):
            other = list(found)
            other[index] = float(np.clip(other[index] * factor, 0.05, 20))
            assert best <= loss(parts, labels, other) + 1e-4


def test_a_part_that_says_nothing_is_turned_down_and_one_that_errs_is_not_turned_round():
    parts, labels = draw(0, 20_000, [1.0])
    noise = np.random.default_rng(1).standard_normal((20_000, 1, 3))
    useful, useless = fit_scales(np.concatenate([parts, noise], axis=1), labels)
    assert useful == pytest.approx(1.0, rel=0.06)
    assert useless < 0.15
    assert fit_scales(-parts, labels) == [pytest.approx(0.05)]


def test_few_texts_do_not_silence_a_part():
    parts, labels = draw(0, 4, [1.0, 1.0])
    right = np.eye(3)[labels][:, None] * 5  # a part that is sure and right on all of the few
    first, second = fit_scales(np.concatenate([parts[:, :1], right], axis=1), labels)
    assert 0.3 < second / first < 3
