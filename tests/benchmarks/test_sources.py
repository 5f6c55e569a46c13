"""Splits that hold out whole publishers, and weights that balance corpora and publishers."""

from collections import Counter
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from benchmarks.sources import balanced_weights, split_by_source
from glove_lstm.errors import DataError


class Row(NamedTuple):
    corpus: str
    publisher: str  # "" if it is unknown
    label: int

    @property
    def source(self):
        return f"{self.corpus}/{self.publisher}" if self.publisher else self.corpus


any_row = st.builds(
    Row, st.sampled_from(["a", "b", "c"]), st.sampled_from(["", "x", "y", "z"]), st.integers(0, 1)
)


def weigh(rows):
    return balanced_weights([row.source for row in rows], [row.label for row in rows])


def split(rows, duplicates=None, fraction=0.1, seed=0):
    """Row numbers of train and of validation."""
    if duplicates is None:
        duplicates = np.arange(len(rows))
    sources = [row.source for row in rows]
    labels = [row.label for row in rows]
    train, validation = split_by_source(sources, labels, duplicates, fraction, seed)
    return train.tolist(), validation.tolist()


# Weights


@settings(deadline=None)
@given(st.lists(any_row, min_size=1, max_size=60))
def test_weights_are_balanced(rows):
    weights = weigh(rows)
    assert weights.shape == (len(rows),)
    assert (weights > 0).all()
    assert weights.mean() == pytest.approx(1)

    labels = np.array([row.label for row in rows])
    distinct_labels = np.unique(labels)
    for label in distinct_labels:
        total = weights[labels == label].sum()
        assert total == pytest.approx(len(rows) / len(distinct_labels))

    weight_of_row = {}
    for row, weight in zip(rows, weights, strict=True):
        assert weight == pytest.approx(weight_of_row.setdefault(row, weight))


def test_weights_of_corpora_sources_and_labels():
    rows = [
        *[Row("a", "x", 0)] * 64,
        *[Row("a", "y", 0)] * 16,
        *[Row("a", "x", 1)] * 20,
        *[Row("b", "", 0)] * 4,
        *[Row("b", "", 1)] * 21,
        *[Row("fake", "", 0)] * 400,
        *[Row("real", "", 1)] * 100,
    ]
    totals = Counter()
    for row, weight in zip(rows, weigh(rows), strict=True):
        totals[row.corpus] += weight
        totals[row.corpus, row.label] += weight
        totals[row] += weight
    for corpus in ("a", "b"):  # which have both labels
        assert totals[corpus, 0] == pytest.approx(totals[corpus, 1])
    # A corpus of n rows weighs sqrt(n): sqrt(100) and sqrt(25).
    assert totals["a"] / totals["b"] == pytest.approx(2)
    assert totals["fake"] == pytest.approx(totals["real"])
    # Corpora of a single label are rescaled to their mean: (sqrt(400) + sqrt(100)) / 2, and a weighs sqrt(100).
    assert totals["fake"] / totals["a"] == pytest.approx(1.5)
    x = totals[Row("a", "x", 0)]
    y = totals[Row("a", "y", 0)]
    # Within a corpus and label, a source of n rows weighs sqrt(n): sqrt(64) and sqrt(16).
    assert x / y == pytest.approx(2)


# Splits


# As many rows as a split mostly needs.
@settings(deadline=None)
@given(
    st.lists(st.tuples(any_row, st.integers(0, 300)), min_size=30, max_size=60),
    st.integers(0, 3),
)
def test_no_publisher_and_no_duplicate_is_on_both_sides(rows_and_groups, seed):
    rows = [row for row, _ in rows_and_groups]
    groups = np.array([group for _, group in rows_and_groups])
    try:
        train, validation = split(rows, groups, 0.2, seed)
    except DataError:
        assume(False)
    assert sorted(train + validation) == list(range(len(rows)))
    assert not publishers(rows, train) & publishers(rows, validation)
    assert not set(groups[train]) & set(groups[validation])
    for side in (train, validation):
        assert {rows[number].label for number in side} == {0, 1}
    assert split(rows, groups, 0.2, seed) == (train, validation)


def publishers(rows, numbers):
    return {rows[number].publisher for number in numbers} - {""}


def outlets(corpus, label, publishers, rows):
    """As many rows of each of several publishers."""
    made = []
    for number in range(publishers):
        made += [Row(corpus, f"{corpus}{label}{number}", label)] * rows
    return made


def unknown(corpus, count):
    """Rows of both labels without a publisher."""
    return [Row(corpus, "", number % 2) for number in range(count)]


OF_SEVERAL_CORPORA = [
    *outlets("a", 0, publishers=10, rows=40),
    *outlets("a", 1, publishers=30, rows=20),
    *unknown("a", 100),
    *outlets("b", 0, publishers=40, rows=5),
    *outlets("b", 1, publishers=20, rows=10),
    *outlets("one label", 0, publishers=9, rows=50),
    *unknown("one source", 90),
]
OF_FEW_SOURCES = [*outlets("a", 0, publishers=2, rows=30), *outlets("a", 1, publishers=4, rows=30)]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        # Publishers are held out whole: 40 rows of label 0 and 3 * 20 of label 1, and rows of a without a publisher.
        (OF_SEVERAL_CORPORA, {("a", 0): 40 + 5, ("a", 1): 60 + 5, ("b", 0): 20, ("b", 1): 20}),
        # Of two publishers, one is held out.
        (OF_FEW_SOURCES, {("a", 0): 30, ("a", 1): 30}),
    ],
    ids=["a tenth", "a half"],
)
def test_each_corpus_gives_its_share(rows, expected):
    """Corpora with several labels and sources do."""
    _, validation = split(rows)
    counts = Counter((rows[number].corpus, rows[number].label) for number in validation)
    assert counts == expected
