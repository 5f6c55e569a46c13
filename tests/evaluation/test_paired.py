"""Paired tests against values computed by hand or by other code."""

import numpy as np
import pytest

from glove_lstm.evaluation.metrics import bootstrap_interval
from glove_lstm.evaluation.paired import exact_mcnemar, mean_of_cells, paired_difference


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
    first = np.array([True] * only_first + [False] * only_second + [True, False, True])
    second = np.array([False] * only_first + [True] * only_second + [True, False, True])
    assert exact_mcnemar(first, second) == pytest.approx(p)


def test_interval_is_that_of_the_pooled_bootstrap() -> None:
    right = (np.random.default_rng(3).random(400) < 0.8).astype(float)
    found = mean_of_cells([right], [np.arange(400)])
    low, high = bootstrap_interval(lambda rows: float(right[rows].mean()), 400, samples=4000)
    assert found["mean"] == right.mean()
    assert found["folds"] == [right.mean()]
    assert found["low"] == pytest.approx(low, abs=0.005)
    assert found["high"] == pytest.approx(high, abs=0.005)


def test_cells_weigh_the_same() -> None:
    found = mean_of_cells([np.ones(10), np.zeros(90)], [np.arange(10), np.arange(10, 100)])
    assert found["mean"] == 0.5
    assert found["folds"] == [1.0, 0.0]
    assert found["low"] == found["high"] == 0.5


def test_texts_of_several_cells_are_drawn_together() -> None:
    right = (np.random.default_rng(3).random(200) < 0.7).astype(float)
    once = mean_of_cells([right], [np.arange(200)])
    thrice = mean_of_cells([right] * 3, [np.arange(200)] * 3)
    apart = mean_of_cells([right] * 3, [np.arange(200), np.arange(200, 400), np.arange(400, 600)])
    width = {
        name: cells["high"] - cells["low"] for name, cells in {"1": once, "3": thrice, "apart": apart}.items()
    }
    assert width["3"] == pytest.approx(width["1"], rel=0.05)  # the same texts again are no more evidence
    assert width["apart"] == pytest.approx(width["1"] / 3**0.5, rel=0.1)


def test_difference() -> None:
    first = np.array([1.0] * 8 + [0.0] * 2 + [1.0] * 30)
    second = np.array([0.0] * 8 + [1.0] * 2 + [1.0] * 30)
    found = paired_difference(
        [first[:20], first[20:]], [second[:20], second[20:]], [np.arange(20), np.arange(20, 40)]
    )
    assert found["mean"] == pytest.approx(6 / 40)
    assert found["folds"] == [pytest.approx(6 / 20), 0.0]
    assert found["low"] < 6 / 40 < found["high"]
    assert found["p"] == exact_mcnemar(first == 1, second == 1)
    back = paired_difference([second], [first], [np.arange(40)])
    assert back["mean"] == pytest.approx(-6 / 40)
    assert back["p"] == pytest.approx(found["p"])


def test_means_over_seeds_are_tested_by_bootstrap() -> None:
    generator = np.random.default_rng(5)
    first, second = (np.mean(generator.random((3, 300)) < share, axis=0) for share in (0.8, 0.6))
    assert paired_difference([first], [second], [np.arange(300)])["p"] == pytest.approx(2 / 10_001)
    assert paired_difference([first], [first], [np.arange(300)])["p"] == 1.0
    # Against whole numbers it agrees with McNemar roughly.
    one, two = (generator.random(300) < share for share in (0.75, 0.7))
    exact = exact_mcnemar(one, two)
    drawn = paired_difference([one.astype(float)] * 2, [two.astype(float)] * 2, [np.arange(300)] * 2)["p"]
    assert drawn == pytest.approx(exact, abs=0.05)
