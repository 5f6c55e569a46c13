"""Paired tests against values computed by hand or by other code."""

import numpy as np
import pytest

from glove_lstm.evaluation.metrics import bootstrap_interval
from glove_lstm.evaluation.paired import holm, mean_of_cells, paired_difference


def difference(first, second) -> dict:
    return paired_difference([first], [second])


@pytest.mark.parametrize(
    ("only_first", "only_second", "p"),
    [
        (0, 0, 1.0),
        (1, 0, 1.0),  # 2 / 2
        (5, 0, 2 / 2**5),
        (6, 1, 2 * (1 + 7) / 2**7),
        (1, 6, 2 * (1 + 7) / 2**7),
        (3, 3, 1.0),
        (8, 2, 2 * (1 + 10 + 45) / 2**10),
    ],
)
def test_mcnemar(only_first: int, only_second: int, p: float) -> None:
    first = np.array([1.0] * only_first + [0.0] * only_second + [1.0, 0.0, 1.0])
    second = np.array([0.0] * only_first + [1.0] * only_second + [1.0, 0.0, 1.0])
    assert difference(first, second)["p"] == pytest.approx(p)


def test_interval_is_that_of_the_pooled_bootstrap() -> None:
    right = (np.random.default_rng(3).random(400) < 0.8).astype(float)
    found = mean_of_cells([right])
    low, high = bootstrap_interval(lambda rows: float(right[rows].mean()), 400)
    assert found["mean"] == right.mean()
    assert found["folds"] == [right.mean()]
    assert found["low"] == pytest.approx(low, abs=0.005)
    assert found["high"] == pytest.approx(high, abs=0.005)


def test_cells_weigh_the_same() -> None:
    found = mean_of_cells([np.ones(10), np.zeros(90)])
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
    found = paired_difference([first[:20], first[20:]], [second[:20], second[20:]])
    assert found["mean"] == pytest.approx(6 / 40)
    assert found["folds"] == [pytest.approx(6 / 20), 0.0]
    assert found["low"] < 6 / 40 < found["high"]
    back = difference(second, first)
    assert back["mean"] == pytest.approx(-6 / 40)
    assert back["p"] == pytest.approx(found["p"]) == pytest.approx(2 * (1 + 10 + 45) / 2**10)


def test_means_over_seeds_are_tested_by_bootstrap() -> None:
    generator = np.random.default_rng(5)
    first, second = (np.mean(generator.random((3, 300)) < share, axis=0) for share in (0.8, 0.6))
    assert difference(first, second)["p"] == pytest.approx(2 / 10_001)
    assert difference(first, first)["p"] == 1.0
    # Against whole numbers it agrees with McNemar roughly.
    one, two = ((generator.random(300) < share).astype(float) for share in (0.75, 0.7))
    nearly = one - 1e-9
    assert difference(nearly, two)["p"] == pytest.approx(difference(one, two)["p"], abs=0.05)
