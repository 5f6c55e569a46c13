"""Paired tests against values computed by hand or by other code."""

import numpy as np
import pytest
from scipy.stats import binomtest

from benchmarks.paired import holm, mean_of_cells, paired_difference
from glove_lstm.evaluation.metrics import bootstrap_interval


def difference(first, second) -> dict:
    """Of models that classified one cell in one run (n,) or in several (runs, n)."""
    return paired_difference([np.atleast_2d(first)], [np.atleast_2d(second)])


@pytest.mark.parametrize(("only_first", "only_second"), [(0, 0), (40, 40), (60, 40), (30, 70)])
def test_p_value_is_near_that_of_mcnemar(only_first: int, only_second: int) -> None:
    first = np.array([1.0] * only_first + [0.0] * only_second + [1.0, 0.0] * 150)
    second = np.array([0.0] * only_first + [1.0] * only_second + [1.0, 0.0] * 150)
    differ = only_first + only_second
    exact = binomtest(only_first, differ).pvalue if differ else 1.0  # without a mid-p correction
    assert difference(first, second)["p"] == pytest.approx(exact, abs=0.06)


def test_p_value_is_of_the_mean_of_cells() -> None:
    """A large cell where the models are alike hides nothing of a small one where they differ."""
    first = [np.ones((1, 100)), np.repeat([[1.0, 0.0]], 2_000, axis=1)]
    second = [np.zeros((1, 100)), np.roll(first[1], 1)]
    assert paired_difference(first, second)["p"] == pytest.approx(2 / 10_001)


def test_interval_is_that_of_the_pooled_bootstrap() -> None:
    right = (np.random.default_rng(3).random(400) < 0.8).astype(float)
    found = mean_of_cells([right[None]])
    low, high = bootstrap_interval(lambda rows: float(right[rows].mean()), 400)
    assert found["mean"] == right.mean()
    assert found["folds"] == [right.mean()]
    assert found["low"] == pytest.approx(low, abs=0.005)
    assert found["high"] == pytest.approx(high, abs=0.005)


def test_cells_weigh_the_same() -> None:
    found = mean_of_cells([np.ones((1, 10)), np.zeros((1, 90))])
    assert found["mean"] == 0.5
    assert found["folds"] == [1.0, 0.0]
    assert found["low"] == found["high"] == 0.5


def test_holm_corrects_for_the_number_of_tests() -> None:
    # Sorted: 0.01 * 4, 0.02 * 3, then 0.03 * 2 and 0.04 * 1, which may not fall below the one before.
    assert holm([0.02, 0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.06, 0.04, 0.06])
    assert holm([0.9, 0.6]) == [1.0, 1.0]
    assert holm([]) == []


def test_difference() -> None:
    first = np.array([1.0] * 8 + [0.0] * 2 + [1.0] * 30)
    second = np.array([0.0] * 8 + [1.0] * 2 + [1.0] * 30)
    cells = [[right[None, :20], right[None, 20:]] for right in (first, second)]
    found = paired_difference(*cells)
    assert found["mean"] == pytest.approx(6 / 40)
    assert found["folds"] == [pytest.approx(6 / 20), 0.0]
    assert found["low"] < 6 / 40 < found["high"]
    back = difference(second, first)
    assert back["mean"] == pytest.approx(-6 / 40)
    assert back["p"] == pytest.approx(found["p"], abs=0.02)


def test_several_runs() -> None:
    generator = np.random.default_rng(5)
    first, second = (generator.random((3, 300)) < share for share in (0.8, 0.6))
    assert difference(first, second)["p"] == pytest.approx(2 / 10_001)
    one, two = ((generator.random(300) < share).astype(float) for share in (0.75, 0.7))
    twice = difference(np.stack([one, one]), two)
    assert twice["p"] == pytest.approx(difference(one, two)["p"], abs=0.05)
    assert twice["mean"] == pytest.approx(one.mean() - two.mean())
    same = difference(np.stack([one, one]), one)
    assert same["low"] == same["high"] == 0  # the same texts are drawn for both
    lucky = np.repeat([[1.0], [0.0]], 300, axis=1)
    found = difference(lucky, lucky)
    assert (found["low"], found["high"]) == (-1, 1)  # runs are not paired


def test_runs_that_differ_widen_the_interval() -> None:
    """Two runs that are right on half of the texts each: on the same half, or on all and none."""
    half = np.arange(400) % 2
    same, other = np.stack([half, half]), np.repeat([[1], [0]], 400, axis=1)
    assert mean_of_cells([same])["mean"] == mean_of_cells([other])["mean"] == 0.5
    found = mean_of_cells([same])
    assert 0.44 < found["low"] < found["high"] < 0.56
    found = mean_of_cells([other])
    assert (found["low"], found["high"]) == (0, 1)
