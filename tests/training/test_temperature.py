"""Temperatures of teachers: they undo a known scale."""

import numpy as np
import pytest
from scipy.special import softmax

from glove_lstm.temperature import fit_temperature


@pytest.mark.parametrize("temperature", [0.2, 1.0, 5.0])
def test_the_temperature_undoes_a_known_scale(temperature):
    generator = np.random.default_rng(0)
    logits = 2 * generator.standard_normal((20_000, 3))
    drawn = softmax(logits, axis=1).cumsum(axis=1) < generator.random((20_000, 1))
    assert fit_temperature(logits * temperature, drawn.sum(axis=1)) == pytest.approx(
        temperature, rel=0.05
    )
