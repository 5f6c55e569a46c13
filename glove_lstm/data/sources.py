"""Corpora and sources of labelled rows: a split that leaves out whole sources, and sampling weights.

The source of a row is `CORPUS`, or `CORPUS/SOURCE` where its publisher is known, as `load_splits` writes it.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from glove_lstm.data.splits import Ints, grouped_stratified_split, merge_groups, renumber
from glove_lstm.errors import DataError


def split_by_source(
    sources: Sequence[str],
    labels: Sequence[int],
    duplicates: Ints,
    fraction: float,
    seed: int,
    name: str,
) -> list[Ints]:
    """Divide n rows into train and validation so that no source and no near duplicates are on both sides.

    A publisher that several corpora name is one publisher. Rows without one are kept together with their near
    duplicates only. A corpus with one label, or with a label from one publisher only, stays in train: in validation it
    would measure which corpus a text is from. Its rows move only with a publisher at least half of whose rows are in
    other corpora. Each label of each other corpus gives about `fraction` of its rows. Where that leaves too few rows
    of a label, the share grows, up to a half.

    Args:
        sources: n sources.
        labels: n labels as numbers from 0.
        duplicates: n group numbers of near duplicates.
        fraction: The share of validation.
        seed: The same seed gives the same split.
        name: Names the rows in errors.

    Returns:
        The rows of train and of validation, ascending.

    Raises:
        DataError: There is no such split with all labels on both sides.
    """
    label_of = np.asarray(labels)
    corpus_of = renumber(_corpus(source) for source in sources)
    publishers = [_publisher(source) or row for row, source in enumerate(sources)]
    groups = merge_groups(duplicates, publishers)

    stays = np.zeros(len(sources), dtype=bool)  # rows of corpora that stay in train
    source_of = renumber(sources)
    for corpus in np.unique(corpus_of):
        in_corpus = corpus_of == corpus
        stays[in_corpus] = not _can_be_divided(
            label_of[in_corpus], source_of[in_corpus], groups[in_corpus]
        )
    share_that_stays = np.bincount(groups, weights=stays) / np.bincount(groups)  # by group
    rows = np.flatnonzero(share_that_stays[groups] <= 0.5)

    held_out = _hold_out(label_of, corpus_of, groups, rows, fraction, seed)
    if held_out is None:
        raise DataError(
            f"{name} cannot be cut by source, because each label needs two or more sources in a file with several "
            "labels; give a validation file, or set validation_by to text."
        )
    return [np.delete(np.arange(len(sources)), held_out), held_out]


def _corpus(source: str) -> str:
    return source.partition("/")[0]


def _publisher(source: str) -> str:
    return source.partition("/")[2]


def _can_be_divided(label_of: Ints, source_of: Ints, groups: Ints) -> bool:
    """Return whether a corpus has two sources, and two labels or more, each in two groups or more."""
    labels = np.unique(label_of)
    if len(labels) < 2 or len(np.unique(source_of)) < 2:
        return False
    return all(len(np.unique(groups[label_of == label])) > 1 for label in labels)


def _hold_out(
    label_of: Ints, corpus_of: Ints, groups: Ints, rows: Ints, fraction: float, seed: int
) -> Ints | None:
    """Choose validation from some of the rows; None if no share up to a half gives enough rows of each label."""
    if not len(rows):
        return None
    classes = label_of.max() + 1
    in_all = np.bincount(label_of, minlength=classes)
    in_rows = np.bincount(label_of[rows], minlength=classes)
    least = (in_rows * fraction / 2).astype(int)
    by_corpus_and_label = corpus_of * classes + label_of
    for share in np.linspace(fraction, max(fraction, 0.5), 9):
        for strata_of in (by_corpus_and_label, label_of):
            _, part = grouped_stratified_split(
                strata_of[rows], groups[rows], (1 - share, share), seed
            )
            held_out = rows[part]
            counts = np.bincount(label_of[held_out], minlength=classes)
            has_enough = (counts >= least).all() and (counts > 0).sum() > 1
            leaves_some = ((counts < in_all) | (in_all == 0)).all()
            if has_enough and leaves_some:
                return held_out
    return None


def balanced_weights(sources: Sequence[str], labels: Sequence[int]) -> NDArray[np.float64]:
    """Weigh n rows for sampling, balanced by corpus, source and label.

    The labels have equal totals, and equal ones within each corpus that has all labels. Corpora weigh by the
    square root of their rows, and so do the sources within a corpus and label: between rows as they are and
    every corpus alike, as for the languages of a multilingual model (Conneau and Lample 2019, with an exponent
    of 0.5). Corpora that lack a label are scaled so that labels have equal totals. If all of them lack the same label,
    all corpora are scaled, and their own balance is lost. A row without a publisher weighs as the mean of the
    rows of its corpus and label that have one.

    Args:
        sources: n sources.
        labels: n labels as numbers.

    Returns:
        Shape (n,), positive, with mean 1.
    """
    corpus_of = renumber(_corpus(source) for source in sources)
    label_of = renumber(labels)
    counts = np.zeros((corpus_of.max() + 1, label_of.max() + 1))  # (corpora, labels)
    np.add.at(counts, (corpus_of, label_of), 1)
    has = counts > 0
    mass_of_label = np.sqrt(counts.sum(axis=1)) / has.sum(axis=1)  # of each corpus
    mass = has * mass_of_label[:, None]
    scaled = ~has.all(axis=1)  # the corpora that lack a label
    if not has[scaled].any(axis=0).all():
        scaled = np.ones(len(has), dtype=bool)
    totals = mass[scaled].sum(axis=0)
    mass[scaled] *= totals.mean() / totals

    # Each row weighs by 1 / sqrt(rows of its source and label), then to the mass of its corpus and label.
    pairs = corpus_of * counts.shape[1] + label_of
    cells = renumber(renumber(sources) * counts.shape[1] + label_of)
    weights = np.bincount(cells)[cells] ** -0.5
    has_publisher = np.array(["/" in source for source in sources])
    others = np.bincount(pairs, has_publisher)[pairs]  # rows of the corpus and label that have one
    means = np.bincount(pairs, has_publisher * weights)[pairs] / np.maximum(others, 1)
    weights = np.where(has_publisher | (others == 0), weights, means)
    weights *= mass.ravel()[pairs] / np.bincount(pairs, weights)[pairs]
    return np.asarray(weights / weights.mean())
