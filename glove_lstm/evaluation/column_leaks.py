"""Columns that tell the label: ids, sources, dates, addresses."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from scipy.stats import binom
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.svm import LinearSVC

_FEWEST = 20  # rows in each half; with fewer nothing is significant
_BINS = 20  # of numbers and dates
# A column counts if it is right on a fifth of the rows that the majority class gets wrong, net of new errors. Less is
# usual: subjects and years differ in how much of each label they hold.
_EFFECT = 0.2
_WORD = re.compile(r"\w+")
_PROSE_WORDS = 4  # a column whose median value has more words is text, if values seldom repeat


@dataclass(frozen=True)
class ColumnLeak:
    """A column that gives the label away.

    Attributes:
        column: Its name.
        rows: Held-out rows.
        accuracy: Of a linear model on this column alone, on these rows.
        majority: Accuracy of the majority class there.
    """

    column: str
    rows: int
    accuracy: float
    majority: float


def find_column_leaks(
    columns: Mapping[str, Sequence[Any]], labels: Sequence[str], *, alpha: float = 0.001
) -> list[ColumnLeak]:
    """Find columns from which a linear model, fitted on a random half of the rows, predicts the labels of the others.

    It sees the value, the words in it, and the interval that a number or a date falls into. McNemar's exact test
    against the majority class, over all columns together, errs with a probability of at most `alpha`.

    Args:
        columns: Name -> n values of any kind; columns of prose are left out, because they are text.
        labels: n labels.
        alpha: Probability of finding anything if labels are random.
    """
    order = np.random.default_rng(0).permutation(len(labels))
    fit, held = order[: len(order) // 2], order[len(order) // 2 :]
    classes, label_of = np.unique(labels, return_inverse=True)
    if len(fit) < _FEWEST or len(np.unique(label_of[fit])) < 2:
        return []
    majority = label_of[held] == np.bincount(label_of[fit], minlength=len(classes)).argmax()
    tried = {name: values for name, values in columns.items() if not _is_prose(values)}
    leaks = []
    for name, values in tried.items():
        features = _features(values)
        counter = CountVectorizer(analyzer=list, binary=True)
        seen = counter.fit_transform([features[row] for row in fit])
        model = LinearSVC(C=1.0, random_state=0).fit(seen, label_of[fit])
        right = model.predict(counter.transform([features[row] for row in held])) == label_of[held]
        gained, lost = int((right & ~majority).sum()), int((~right & majority).sum())
        chance = float(binom.sf(gained - 1, gained + lost, 0.5)) if gained else 1.0
        if gained - lost >= _EFFECT * (~majority).sum() and chance <= alpha / len(tried):
            leaks.append(ColumnLeak(name, len(held), float(right.mean()), float(majority.mean())))
    return leaks


def _features(values: Sequence[Any]) -> list[list[str]]:
    """Of each value: itself, its words, and the interval that its number falls into."""
    strings = ["" if value is None or value != value else str(value).strip() for value in values]
    numbers = np.array([_number(value) for value in strings])
    known = np.isfinite(numbers)
    edges = np.quantile(numbers[known], np.linspace(0, 1, _BINS + 1)[1:-1]) if known.any() else np.empty(0)
    intervals = np.searchsorted(edges, numbers)
    return [
        [f"value {string}", *_WORD.findall(string), *([f"interval {interval}"] if is_known else [])]
        for string, interval, is_known in zip(strings, intervals, known, strict=True)
    ]


def _number(value: str) -> float:
    """The number that a string spells, or the seconds of a date; NaN if it is neither."""
    try:
        return float(value)
    except ValueError:
        pass
    try:
        return (datetime.fromisoformat(value).replace(tzinfo=None) - datetime(1970, 1, 1)).total_seconds()
    except ValueError:
        return float("nan")


def _is_prose(values: Sequence[Any]) -> bool:
    strings = [value for value in values if isinstance(value, str) and value.strip()]
    if len(strings) <= len(values) / 2 or len(set(strings)) <= len(strings) / 2:
        return False
    return bool(np.median([len(value.split()) for value in strings]) >= _PROSE_WORDS)
