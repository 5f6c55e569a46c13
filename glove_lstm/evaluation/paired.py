"""Bootstrap intervals and paired tests of models on the same texts."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_SAMPLES = 10_000
_BATCH = 100  # draws at a time, to limit the memory


def mean_of_cells(values: Sequence[Floats], texts: Sequence[Ints]) -> dict[str, Any]:
    """Return the mean of the cells' means, with a 95 % bootstrap interval over texts.

    A text in several cells is drawn for all of them at once, because its values are dependent.

    Args:
        values: One value per text, by cell.
        texts: Number of each text, by cell.

    Returns:
        {"mean", "low", "high", "folds"}; "folds" are the means of the cells.
    """
    return _describe(values, _draws(values, texts))


def paired_difference(
    first: Sequence[Floats], second: Sequence[Floats], texts: Sequence[Ints]
) -> dict[str, Any]:
    """Return the difference in accuracy of two models, with an interval and a p value.

    If each model classified each text once, the p value is from McNemar's exact test (1947). If a value is a mean
    over seeds, or a text is in several cells, it is from the bootstrap: twice the share of draws on the far side of 0.

    Args:
        first: Share of runs in which the first model was right, for each text, by cell.
        second: The same for the second model.
        texts: Number of each text, by cell.

    Returns:
        {"mean", "low", "high", "folds", "p"}; the first model is better if the mean is above 0.
    """
    differences = [a - b for a, b in zip(first, second, strict=True)]
    draws = _draws(differences, texts)
    pooled, numbers = np.concatenate(differences), np.concatenate(texts)
    whole = np.isin(np.concatenate([*first, *second]), (0, 1)).all()
    if whole and len(np.unique(numbers)) == len(numbers):
        better, worse = int((pooled > 0).sum()), int((pooled < 0).sum())
        p = binomtest(better, better + worse).pvalue if better + worse else 1.0
    else:
        # The estimate counts as a draw, so that no finite number of draws gives a p value of 0.
        tail = min((draws <= 0).sum(), (draws >= 0).sum()) + 1
        p = min(1.0, 2 * tail / (len(draws) + 1))
    return {**_describe(differences, draws), "p": float(p)}


def _describe(values: Sequence[Floats], draws: Floats) -> dict[str, Any]:
    low, high = np.quantile(draws, [0.025, 0.975]).tolist()
    folds = [float(cell.mean()) for cell in values]
    return {"mean": float(np.mean(folds)), "low": low, "high": high, "folds": folds}


def _draws(values: Sequence[Floats], texts: Sequence[Ints]) -> Floats:
    """Return the mean of the cells' means for each of many draws of texts with replacement."""
    known = np.unique(np.concatenate(texts))
    size = len(known)
    sums, counts = np.zeros((size, len(values))), np.zeros((size, len(values)))
    for cell, (cell_values, numbers) in enumerate(zip(values, texts, strict=True)):
        rows = np.searchsorted(known, numbers)
        sums[rows, cell], counts[rows, cell] = cell_values, 1.0
    generator = np.random.default_rng(0)
    draws = []
    for _ in range(_SAMPLES // _BATCH):
        # One bincount for the batch: row i uses the numbers from i * size on.
        drawn = generator.integers(size, size=(_BATCH, size)) + np.arange(_BATCH)[:, None] * size
        weights = np.bincount(drawn.ravel(), minlength=_BATCH * size).reshape(_BATCH, size)
        # A draw may miss all texts of a small cell; the mean ignores the cell then.
        with np.errstate(invalid="ignore"):
            draws.append(np.nanmean((weights @ sums) / (weights @ counts), axis=1))
    return np.concatenate(draws)
