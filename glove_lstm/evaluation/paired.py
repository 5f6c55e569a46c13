"""Bootstrap intervals and paired tests of models on the same texts."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

Floats = NDArray[np.float64]

_SAMPLES = 10_000


def mean_of_cells(values: Sequence[Floats]) -> dict[str, Any]:
    """Return the mean of the cells' means, with a 95 % bootstrap interval over texts.

    Args:
        values: One value per text, by cell.

    Returns:
        {"mean", "low", "high", "folds"}; "folds" are the means of the cells.
    """
    return _describe(values, _draws(values))


def paired_difference(first: Sequence[Floats], second: Sequence[Floats]) -> dict[str, Any]:
    """Return the difference in accuracy of two models, with an interval and a p value.

    If each model classified each text once, the p value is from McNemar's exact test (1947). If a value is a mean
    over seeds, it is from the bootstrap: twice the share of draws on the far side of 0.

    Args:
        first: Share of runs in which the first model was right, for each text, by cell.
        second: The same for the second model.

    Returns:
        {"mean", "low", "high", "folds", "p"}; the first model is better if the mean is above 0.
    """
    differences = [a - b for a, b in zip(first, second, strict=True)]
    draws = _draws(differences)
    if np.isin(np.concatenate([*first, *second]), (0, 1)).all():
        pooled = np.concatenate(differences)
        better, worse = int((pooled > 0).sum()), int((pooled < 0).sum())
        p = binomtest(better, better + worse).pvalue if better + worse else 1.0
    else:
        # The estimate counts as a draw, so that no finite number of draws gives a p value of 0.
        tail = min((draws <= 0).sum(), (draws >= 0).sum()) + 1
        p = min(1.0, 2 * tail / (len(draws) + 1))
    return {**_describe(differences, draws), "p": float(p)}


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p values for their number by the step-down procedure of Holm (1979)."""
    p = np.array(p_values)
    order = np.argsort(p)
    corrected = np.empty(len(p))
    corrected[order] = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)).clip(max=1.0)
    return corrected.tolist()


def _describe(values: Sequence[Floats], draws: Floats) -> dict[str, Any]:
    low, high = np.quantile(draws, [0.025, 0.975]).tolist()
    folds = [float(cell.mean()) for cell in values]
    return {"mean": float(np.mean(folds)), "low": low, "high": high, "folds": folds}


def _draws(values: Sequence[Floats]) -> Floats:
    """Return the mean of the cells' means for each of many draws of texts with replacement."""
    pooled = np.concatenate(values)
    size = len(pooled)
    starts = np.cumsum([0, *map(len, values[:-1])])
    generator = np.random.default_rng(0)
    draws = np.empty(_SAMPLES)
    for number in range(_SAMPLES):
        weights = np.bincount(generator.integers(size, size=size), minlength=size)
        sums = np.add.reduceat(weights * pooled, starts)
        # A draw may miss all texts of a small cell; the mean ignores the cell then.
        with np.errstate(invalid="ignore"):
            draws[number] = np.nanmean(sums / np.add.reduceat(weights, starts))
    return draws
