"""Intervals and paired tests of differences between models on the same texts."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_SAMPLES = 10_000
_BATCH = 100  # draws at a time, to bound the memory


def exact_mcnemar(first: Bools, second: Bools) -> float:
    """P value of two models being equally often right (McNemar 1947, exact binomial).

    Args:
        first: (n,) whether the first model was right on each text.
        second: (n,) the same of the second.

    Returns:
        Two-sided; 1 where they are right on the same texts.
    """
    only_first, only_second = int((first & ~second).sum()), int((~first & second).sum())
    if not only_first + only_second:
        return 1.0
    return float(binomtest(only_first, only_first + only_second).pvalue)


def mean_of_cells(values: Sequence[Floats], texts: Sequence[Ints]) -> dict[str, Any]:
    """The mean over cells of the mean in each, with a 95 % bootstrap interval over texts.

    A text in several cells is drawn into all of them at once: its values are not independent.

    Args:
        values: A value for each text, by cell.
        texts: The number of each text, by cell.

    Returns:
        {"mean", "low", "high", "folds"}; "folds" are the cells.
    """
    draws = _draws(values, texts)
    low, high = np.quantile(draws, [0.025, 0.975])
    folds = [float(cell.mean()) for cell in values]
    return {"mean": float(np.mean(folds)), "low": float(low), "high": float(high), "folds": folds}


def paired_difference(
    first: Sequence[Floats], second: Sequence[Floats], texts: Sequence[Ints]
) -> dict[str, Any]:
    """Measure how much more often the first model is right than the second.

    The p value is McNemar's if each model classified each text once. If a value is a mean over seeds, or a text is in
    several cells, it comes from the bootstrap: twice the share of draws on the far side of 0.

    Args:
        first: Share of its runs in which the first model was right, for each text, by cell.
        second: The same of the second model.
        texts: The number of each text, by cell.

    Returns:
        {"mean", "low", "high", "folds", "p"}; above 0 the first is better.
    """
    differences = [a - b for a, b in zip(first, second, strict=True)]
    found = mean_of_cells(differences, texts)
    pooled, others, numbers = np.concatenate(first), np.concatenate(second), np.concatenate(texts)
    once = len(np.unique(numbers)) == len(numbers)
    if once and all(np.isin(values, (0, 1)).all() for values in (pooled, others)):
        return {**found, "p": exact_mcnemar(pooled == 1, others == 1)}
    draws = _draws(differences, texts)
    # The estimate counts as a draw, so that no finite number of draws gives a p value of 0.
    tail = min((draws <= 0).sum(), (draws >= 0).sum()) + 1
    return {**found, "p": float(min(1.0, 2 * tail / (len(draws) + 1)))}


def _draws(values: Sequence[Floats], texts: Sequence[Ints]) -> Floats:
    """The mean over cells in each of many draws of texts with replacement."""
    known, numbers = np.unique(np.concatenate(texts), return_inverse=True)
    size = len(known)
    sums, counts = np.zeros((size, len(values))), np.zeros((size, len(values)))
    start = 0
    for cell, cell_values in enumerate(values):
        rows = numbers[start : start + len(cell_values)]
        start += len(cell_values)
        sums[rows, cell], counts[rows, cell] = cell_values, 1.0
    generator = np.random.default_rng(0)
    draws = []
    for _ in range(_SAMPLES // _BATCH):
        # Row i of the batch counts in its own stretch of one long bincount.
        drawn = generator.integers(size, size=(_BATCH, size)) + np.arange(_BATCH)[:, None] * size
        weights = np.bincount(drawn.ravel(), minlength=_BATCH * size).reshape(_BATCH, size).astype(float)
        # A cell of a handful of texts may be missing from a draw; the mean then ignores it.
        with np.errstate(invalid="ignore"):
            draws.append(np.nanmean((weights @ sums) / (weights @ counts), axis=1))
    return np.concatenate(draws)


def p_value_text(p: float) -> str:
    """Format a p value for a table."""
    return f"{p:.4f}" if p >= 0.0001 else "<0.0001"


def measure_cells(measures: Mapping[str, Any]) -> list[str]:
    """Format the measures of one model for a table.

    Returns:
        Accuracy, its interval, p against `default`, calibration error, what is lost to typos, and p of that.
    """
    accuracy = measures["accuracy"]
    versus, lost = measures.get("versus_default"), measures.get("typos_versus_default")
    return [
        f"{accuracy['mean']:.4f}",
        f"{accuracy['low']:.4f}-{accuracy['high']:.4f}",
        p_value_text(versus["p"]) if versus else "",
        f"{measures['ece']['mean']:.4f}" if "ece" in measures else "",
        f"{measures['typos']['mean']:.4f}",
        p_value_text(lost["p"]) if lost else "",
    ]
