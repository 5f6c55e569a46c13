"""Bootstrap intervals and paired tests of models on the same texts."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_SAMPLES = 10_000


def mean_of_cells(values: Sequence[Floats]) -> dict[str, Any]:
    """Return the mean of the cells' means, with a 95 % bootstrap interval over texts and runs, and these means.

    `values` are (runs, texts) by cell; the result has the keys mean, low, high and folds.
    """
    return _describe(_means(values), _draws(values, 0))


def paired_difference(first: Sequence[Floats], second: Sequence[Floats]) -> dict[str, Any]:
    """Return the difference in accuracy of two models, with an interval and a p value.

    The p value is twice the share of bootstrap draws on the far side of 0. The runs of the two are drawn independently.

    `first` and `second` are (runs, texts) by cell, 1 where a run of the model was right and 0 elsewhere; the result has
    the keys mean, above 0 if the first one is better, low, high, folds and p.
    """
    assert [cell.shape[1] for cell in first] == [cell.shape[1] for cell in second]
    draws = _draws(first, 0) - _draws(second, 1)
    # The estimate counts as a draw, so that no finite number of draws gives a p value of 0.
    tail = int(min((draws <= 0).sum(), (draws >= 0).sum())) + 1
    p = min(1.0, 2 * tail / (len(draws) + 1))
    return {**_describe(_means(first) - _means(second), draws), "p": p}


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p values for their number by the step-down procedure of Holm (1979)."""
    p = np.array(p_values)
    order = np.argsort(p)
    tests_left = np.arange(len(p), 0, -1)
    # No p value may fall below the one before.
    ascending = np.maximum.accumulate(p[order] * tests_left)
    corrected = np.empty(len(p))
    corrected[order] = ascending.clip(max=1.0)
    return corrected.tolist()


def _means(values: Sequence[Floats]) -> Floats:
    return np.array([cell.mean() for cell in values])


def _describe(folds: Floats, draws: Floats) -> dict[str, Any]:
    low, high = np.quantile(draws, [0.025, 0.975]).tolist()
    return {"mean": float(folds.mean()), "low": low, "high": high, "folds": folds.tolist()}


def _draws(values: Sequence[Floats], model: int) -> Floats:
    """Return bootstrap draws of the mean of the cells' means: (draws,).

    The same texts are drawn for all models, so that their draws can be subtracted; runs are drawn for each model anew.
    """
    pooled = np.concatenate(values, axis=1)
    run_count, text_count = pooled.shape
    sizes = [cell.shape[1] for cell in values]
    starts = np.cumsum([0, *sizes[:-1]])  # the first text of each cell
    text_generator = np.random.default_rng(0)
    run_generator = np.random.default_rng([1, model])
    means = np.empty((_SAMPLES, len(values)))
    # A draw may miss all texts of a small cell: 0 / 0, which the mean ignores.
    with np.errstate(invalid="ignore"):
        for number in range(_SAMPLES):
            texts = text_generator.integers(text_count, size=text_count)
            times_drawn = np.bincount(texts, minlength=text_count)
            runs = run_generator.integers(run_count, size=run_count)
            mean_of_runs = pooled[runs].mean(axis=0)
            sums = np.add.reduceat(times_drawn * mean_of_runs, starts)
            means[number] = sums / np.add.reduceat(times_drawn, starts)
    return np.nanmean(means, axis=1)
