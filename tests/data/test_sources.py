"""Splits that leave out whole sources, and sampling weights."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from glove_lstm.data.sources import balanced_weights, split_by_source
from glove_lstm.errors import DataError

ROW = st.tuples(
    st.sampled_from(["a", "b", "c"]), st.sampled_from(["", "/x", "/y", "/z"]), st.integers(0, 1)
)
ROWS = st.lists(ROW, min_size=1, max_size=60)


def columns(rows):
    return [corpus + source for corpus, source, _ in rows], [label for *_, label in rows]


def total(weights, *masks):
    return weights[np.logical_and.reduce(masks)].sum()


@given(ROWS, st.randoms(use_true_random=False))
def test_weights_are_balanced(rows, generator):
    sources, labels = columns(rows)
    weights = balanced_weights(sources, labels)
    assert weights.shape == (len(rows),)
    assert weights.dtype == np.float64
    assert (weights > 0).all()
    assert weights.mean() == pytest.approx(1)
    labels = np.array(labels)
    totals = [weights[labels == label].sum() for label in np.unique(labels)]
    assert totals == pytest.approx([len(rows) / len(totals)] * len(totals))
    for row in set(rows):  # rows of one source and label weigh the same
        assert len({round(weights[i], 9) for i, other in enumerate(rows) if other == row}) == 1
    order = list(range(len(rows)))
    generator.shuffle(order)
    shuffled = balanced_weights(*columns([rows[i] for i in order]))
    assert shuffled == pytest.approx(weights[order])


def test_weights_of_corpora_sources_and_labels():
    rows = [("a", "/x", 0)] * 64 + [("a", "/y", 0)] * 16 + [("a", "/x", 1)] * 20
    rows += [("b", "", 0)] * 4 + [("b", "", 1)] * 21 + [("f", "", 0)] * 400 + [("r", "", 1)] * 100
    sources, labels = map(np.array, columns(rows))
    weights = balanced_weights(sources.tolist(), labels.tolist())
    corpora = np.array([corpus for corpus, *_ in rows])
    for corpus in "ab":  # both labels alike where both are there
        first, second = (total(weights, corpora == corpus, labels == label) for label in (0, 1))
        assert first == pytest.approx(second)
    of = {corpus: total(weights, corpora == corpus) for corpus in "abfr"}
    assert of["a"] / of["b"] == pytest.approx(2)  # 100 and 25 rows
    assert of["f"] == pytest.approx(of["r"])
    assert of["f"] / of["a"] == pytest.approx(1.5)  # (20 + 10) / 2, and 10
    x, y = (total(weights, sources == source, labels == 0) for source in ("a/x", "a/y"))
    assert x / y == pytest.approx(2)  # 64 and 16 rows


def test_a_row_without_a_source_weighs_as_the_mean_of_the_others():
    sources, labels = ["a/x"] * 4 + ["a/y"] + ["a"] * 70 + ["a/x"], [0] * 75 + [1]
    weights = balanced_weights(sources, labels)
    assert weights[5:75] == pytest.approx(weights[:5].mean())


# As many rows as a cut mostly needs.
@given(st.lists(st.tuples(ROW, st.integers(0, 300)), min_size=30, max_size=60), st.integers(0, 3))
def test_no_source_and_no_duplicate_is_on_both_sides(rows_and_groups, seed):
    rows, groups = zip(*rows_and_groups, strict=True)
    groups, (sources, labels) = np.array(groups), columns(rows)
    try:
        train, validation = split_by_source(sources, labels, groups, 0.2, seed, "it")
    except DataError:
        assume(False)
    assert sorted([*train, *validation]) == list(range(len(rows)))
    name = lambda side: {rows[i][1] for i in side} - {""}  # noqa: E731
    assert not name(train) & name(validation)
    assert not set(groups[train]) & set(groups[validation])
    assert {labels[i] for i in train} == {labels[i] for i in validation} == {0, 1}
    again = split_by_source(sources, labels, groups, 0.2, seed, "it")
    assert [part.tolist() for part in again] == [train.tolist(), validation.tolist()]


def outlets(corpus, counts, label):
    return [
        (corpus, f"/{corpus}{label}{n}", label)
        for n, count in enumerate(counts)
        for _ in range(count)
    ]


def test_each_corpus_with_several_labels_and_sources_gives_its_share():
    rows = outlets("a", [40] * 10, 0) + outlets("a", [20] * 30, 1) + outlets("b", [5] * 40, 0)
    rows += outlets("b", [10] * 20, 1) + outlets("one", [50] * 9, 0)
    rows += [("bare", "", n % 2) for n in range(90)] + [("a", "", n % 2) for n in range(100)]
    sources, labels = columns(rows)
    _, validation = split_by_source(sources, labels, np.arange(len(rows)), 0.1, 0, "it")
    counts = dict.fromkeys([("a", 0), ("a", 1), ("b", 0), ("b", 1)], 0)
    for row in validation:
        counts[rows[row][0], rows[row][2]] += 1  # none of the corpora with one label or source
    assert counts == {("a", 0): 45, ("a", 1): 65, ("b", 0): 20, ("b", 1): 20}
    unknown = sum(rows[row][1] == "" for row in validation)
    assert 0 < unknown < 100


def test_a_corpus_with_a_label_from_one_source_stays_in_train():
    rows = outlets("a", [10] * 20, 0) + outlets("a", [10] * 20, 1) + outlets("b", [200], 0)
    rows += [("b", f"/{corpus}1{n}", 1) for corpus in "ab" for n in range(20) for _ in range(5)]
    sources, labels = columns(rows)
    _, validation = split_by_source(sources, labels, np.arange(len(rows)), 0.1, 0, "it")
    chosen = {sources[row] for row in validation}
    own = {source for source in chosen if source.startswith("a/")}
    assert len(own) >= 4
    # The others follow a's sources.
    assert chosen - own <= {source.replace("a/", "b/") for source in own}


def test_few_sources_raise_the_share_to_a_half_and_one_cannot_be_cut():
    rows = outlets("a", [30, 30], 0) + outlets("a", [30, 30, 30, 30], 1)
    sources, labels = columns(rows)
    _, validation = split_by_source(sources, labels, np.arange(len(rows)), 0.1, 0, "it")
    assert np.bincount(np.array(labels)[validation]).tolist()[0] == 30
    for bad in (
        outlets("a", [90], 0) + outlets("a", [30] * 9, 1),
        [("a", "", n % 2) for n in range(90)],
        outlets("a", [9] * 9, 0) + outlets("b", [9] * 9, 1),
    ):
        sources, labels = columns(bad)
        with pytest.raises(DataError, match="it cannot be cut by source, because each label needs"):
            split_by_source(sources, labels, np.arange(len(bad)), 0.1, 0, "it")
