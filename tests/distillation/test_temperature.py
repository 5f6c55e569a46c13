"""Temperatures of teachers: they undo a known scale, and few texts give no extreme one."""

import numpy as np
import pytest
from scipy.special import softmax

from glove_lstm.distillation.temperature import HIGHEST_SCALE, LOWEST_SCALE, fit_temperature

LOWEST, HIGHEST = 1 / HIGHEST_SCALE, 1 / LOWEST_SCALE


@pytest.mark.parametrize("temperature", [0.2, 1.0, 5.0])
def test_the_temperature_undoes_a_known_scale(temperature):
    generator = np.random.default_rng(0)
    logits = 2 * generator.standard_normal((20_000, 3))
    drawn = softmax(logits, axis=1).cumsum(axis=1) < generator.random((20_000, 1))
    assert fit_temperature(logits * temperature, drawn.sum(axis=1)) == pytest.approx(
        temperature, rel=0.05
    )


@pytest.mark.parametrize("count", [8, 10, 16])
@pytest.mark.parametrize("kind", ["by chance", "wrong", "right"])
def test_few_texts_give_no_temperature_at_a_bound(count, kind):
    generator = np.random.default_rng(0)
    for _ in range(50):
        classes = generator.permutation(np.arange(count) % 2)
        if kind == "by chance":
            logits = 3 * generator.standard_normal((count, 2))
        else:
            logits = 3 * np.eye(2)[classes if kind == "right" else 1 - classes]
        assert 2 * LOWEST < fit_temperature(logits, classes) < HIGHEST / 2
