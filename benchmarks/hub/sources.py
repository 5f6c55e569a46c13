"""Corpora and publishers: a split that holds out whole publishers, and weights that balance both.

The source of a row is `CORPUS`, or `CORPUS/PUBLISHER` where its publisher is known.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from glove_lstm.errors import DataError
from glove_lstm.splits.splitter import Ints, hold_out_share, merge_groups, renumber

Floats = NDArray[np.float64]


def corpora_and_publishers(sources: Sequence[str]) -> tuple[NDArray[np.str_], NDArray[np.str_]]:
    """Return the corpus and the publisher of each row; without a publisher, an empty string."""
    parts = np.array([source.partition("/") for source in sources])
    return parts[:, 0], parts[:, 2]


def split_by_source(
    sources: Sequence[str], labels: Sequence[int], duplicates: Ints, fraction: float, seed: int
) -> tuple[Ints, Ints]:
    """Divide n rows into train and validation so that no publisher and no near duplicates are on both sides.

    A publisher that several corpora name is one publisher. Rows without a publisher are kept together with their near
    duplicates only.

    Only corpora that `_can_be_divided` are divided. On the texts of others, a model could score well by recognising the
    corpus instead of the label. Their rows go to validation only if at least half of their group is in divided corpora.

    Each label of a divided corpus gives about `fraction` of its rows. If validation then has too few rows of a label,
    the share grows, up to a half.

    Args:
        sources: n sources.
        labels: n labels as numbers from 0.
        duplicates: n group numbers of near duplicates.
        fraction: The share of validation.
        seed: The same seed gives the same split.

    Returns:
        The rows of train and of validation, ascending.

    Raises:
        DataError: There is no such split with two labels in validation and every label in train.
    """
    label_of = np.asarray(labels)
    corpora, publishers = corpora_and_publishers(sources)
    corpus_of = renumber(corpora.tolist())
    # A row without a publisher is alone: its number is its publisher.
    publisher_or_row = [publisher or row for row, publisher in enumerate(publishers.tolist())]
    groups = merge_groups(duplicates, publisher_or_row)

    source_of = renumber(sources)
    is_in_divided_corpus = np.zeros(len(sources), dtype=bool)
    for corpus in np.unique(corpus_of):
        rows = corpus_of == corpus
        is_in_divided_corpus[rows] = _can_be_divided(label_of[rows], source_of[rows], groups[rows])
    rows_of_group = np.bincount(groups)
    rows_in_divided_corpora = np.bincount(groups, weights=is_in_divided_corpus)
    may_be_held_out = rows_in_divided_corpora >= rows_of_group / 2  # by group
    candidates = np.flatnonzero(may_be_held_out[groups])

    held_out = _hold_out(label_of, corpus_of, groups, candidates, fraction, seed)
    return np.delete(np.arange(len(sources)), held_out), held_out


def _can_be_divided(label_of: Ints, source_of: Ints, groups: Ints) -> bool:
    """Return whether a corpus has at least two sources and two labels, and each label is in at least two groups.

    A group is a publisher, or a row without one, with near duplicates.
    """
    labels = np.unique(label_of)
    if len(labels) < 2 or len(np.unique(source_of)) < 2:
        return False
    groups_of_labels = [np.unique(groups[label_of == label]) for label in labels]
    return all(len(of_label) >= 2 for of_label in groups_of_labels)


def _hold_out(
    label_of: Ints, corpus_of: Ints, groups: Ints, candidates: Ints, fraction: float, seed: int
) -> Ints:
    """Choose validation from the candidate rows.

    Large groups can leave a split of the wanted share without a label. Then larger shares are tried. For each share,
    the rows are stratified by corpus and label, and if that fails by label alone.

    Returns:
        The rows of validation: at least two labels and, of each label, half of `fraction` of its candidate rows. Every
        label is left in train.
    """
    label_count = label_of.max() + 1
    rows_of_label = np.bincount(label_of, minlength=label_count)
    candidates_of_label = np.bincount(label_of[candidates], minlength=label_count)
    fewest = (candidates_of_label * fraction / 2).astype(int)  # held-out rows, of each label
    corpus_and_label_of = corpus_of * label_count + label_of
    shares = np.linspace(fraction, max(fraction, 0.5), 9) if len(candidates) else ()
    for share in shares:
        for stratum_of in (corpus_and_label_of, label_of):
            _, part = hold_out_share(stratum_of[candidates], groups[candidates], share, seed)
            held_out = candidates[part]
            held_out_of_label = np.bincount(label_of[held_out], minlength=label_count)
            rows_in_train = rows_of_label - held_out_of_label
            has_enough = (held_out_of_label >= fewest).all()
            has_two_labels = np.count_nonzero(held_out_of_label) > 1
            leaves_every_label = (rows_in_train[rows_of_label > 0] > 0).all()
            if has_enough and has_two_labels and leaves_every_label:
                return held_out
    raise DataError("The corpora cannot be divided by source; give others, with more publishers.")


def balanced_weights(sources: Sequence[str], labels: Sequence[int]) -> Floats:
    """Weigh n rows, balanced by corpus, source and label.

    A corpus weighs as the square root of its number of rows, and so does a source among the rows of one corpus and
    label: a compromise between equal rows and equal corpora, as for the languages of a multilingual model (Conneau and
    Lample 2019, with an exponent of 0.5). A row without a publisher weighs as the mean of the rows of its corpus and
    label that have one.

    The labels have equal totals, also within each corpus that has all labels. Corpora that lack a label are rescaled,
    label by label, until the totals are equal. If a label is missing from all of these, this is impossible: all corpora
    are rescaled, and the labels within a corpus are no longer equal.

    Args:
        sources: n sources.
        labels: n labels as numbers.

    Returns:
        Shape (n,), positive, with mean 1.
    """
    corpora, publishers = corpora_and_publishers(sources)
    corpus_of = renumber(corpora.tolist())
    label_of = renumber(labels)
    label_count = label_of.max() + 1

    # n rows of one source and label weigh 1 / sqrt(n) each, so they weigh sqrt(n) together.
    source_and_label_of = renumber((renumber(sources) * label_count + label_of).tolist())
    rows_like_it = np.bincount(source_and_label_of)[source_and_label_of]
    weights: Floats = rows_like_it.astype(np.float64) ** -0.5

    # Below, a cell holds the rows of one corpus and label.
    cell_of = corpus_of * label_count + label_of
    weights = _with_mean_weights(weights, cell_of, publishers != "")

    wanted_total_of_cell = _balanced_totals(corpus_of, label_of).ravel()
    current_total_of_cell = np.bincount(cell_of, weights)
    weights *= wanted_total_of_cell[cell_of] / current_total_of_cell[cell_of]
    return np.asarray(weights / weights.mean())


def _with_mean_weights(weights: Floats, cell_of: Ints, has_publisher: NDArray[np.bool_]) -> Floats:
    """Give each row without a publisher the mean weight of the rows of its cell that have one, if there are any."""
    rows_with_publisher = np.bincount(cell_of, has_publisher)
    weight_with_publisher = np.bincount(cell_of, has_publisher * weights)
    mean_weight = weight_with_publisher / np.maximum(rows_with_publisher, 1)
    gets_mean = ~has_publisher & (rows_with_publisher[cell_of] > 0)
    return np.where(gets_mean, mean_weight[cell_of], weights)


def _balanced_totals(corpus_of: Ints, label_of: Ints) -> Floats:
    """Return the total weight of the rows of each corpus and label, (corpora, labels); see `balanced_weights`.

    An example with two labels:

        rows        totals within corpora    totals of labels made equal
        8   8            2     2                  2     2
        4   0            2     0                  2.5   0
        0   9            0     3                  0     2.5
    """
    counts = np.zeros((corpus_of.max() + 1, label_of.max() + 1))
    np.add.at(counts, (corpus_of, label_of), 1)
    has_label = counts > 0

    # The total of a corpus is divided equally among the labels that it has.
    total_of_corpus = np.sqrt(counts.sum(axis=1))
    total_of_each_label = total_of_corpus / has_label.sum(axis=1)
    totals = np.where(has_label, total_of_each_label[:, None], 0)

    # Corpora with all labels have equal totals of the labels already. The other corpora together get them by scaling
    # each label, unless a label is missing from all of them.
    is_scaled = ~has_label.all(axis=1)
    scaled_corpora_have = has_label[is_scaled].any(axis=0)
    if not scaled_corpora_have.all():
        is_scaled = np.ones(len(counts), dtype=bool)
    total_of_label = totals[is_scaled].sum(axis=0)
    factor_of_label = total_of_label.mean() / total_of_label
    totals[is_scaled] *= factor_of_label
    return totals
