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
    where: str,
) -> list[Ints]:
    """Divide n rows into train and validation so that no source and no near duplicates are on both sides.

    A source that several corpora name is one source. Rows without one are kept together with their near
    duplicates only. A corpus with one label, or with a label from one source only, stays in train: in validation it
    would measure which corpus a text is from. Of such a corpus, only rows of sources that lie mostly in other corpora
    move with them. Each label of each other corpus gives about `fraction` of its rows. Where that leaves too few rows
    of a label, the share grows, up to a half.

    Args:
        sources: n sources.
        labels: n labels as numbers from 0.
        duplicates: n group numbers of near duplicates.
        fraction: The share of validation.
        seed: The same seed gives the same split.
        where: Names the rows in errors.

    Returns:
        The rows of train and of validation, ascending.

    Raises:
        DataError: There is no such split with all labels on both sides.
    """
    label_of, corpus_of = np.asarray(labels), renumber([s.partition("/")[0] for s in sources])
    names = [source.partition("/")[2] or row for row, source in enumerate(sources)]
    groups = merge_groups(duplicates, names)
    source_of = renumber(sources)
    fixed = np.zeros(len(groups), dtype=bool)
    for corpus in np.unique(corpus_of):
        rows = corpus_of == corpus
        present = np.unique(label_of[rows])
        pieces = [len(np.unique(groups[rows & (label_of == label)])) for label in present]
        fixed[rows] = min(len(present), len(np.unique(source_of[rows])), *pieces) < 2
    rows = np.flatnonzero((np.bincount(groups, fixed) / np.bincount(groups))[groups] <= 0.5)
    classes = label_of.max() + 1
    total, free = (np.bincount(of, minlength=classes) for of in (label_of, label_of[rows]))
    cells = corpus_of * classes + label_of
    for share in np.linspace(fraction, max(fraction, 0.5), 9) if len(rows) else ():
        for strata in (cells, label_of):
            _, part = grouped_stratified_split(strata[rows], groups[rows], (1 - share, share), seed)
            counts = np.bincount(label_of[rows[part]], minlength=classes)
            enough = (counts >= (free * fraction / 2).astype(int)).all() and (counts > 0).sum() > 1
            if enough and ((counts < total) | (total == 0)).all():
                return [np.delete(np.arange(len(groups)), rows[part]), rows[part]]
    raise DataError(
        f"{where} cannot be cut by source, because each label needs two or more sources in a file with several "
        "labels; give a validation file, or set validation_by to text."
    )


def balanced_weights(sources: Sequence[str], labels: Sequence[int]) -> NDArray[np.float64]:
    """Weigh n rows for sampling, balanced by corpus, source and label.

    The labels have equal totals, and equal ones within each corpus that has all labels. Corpora weigh by the
    square root of their rows, and so do the sources within a corpus and label: between rows as they are and
    every corpus alike, as for the languages of a multilingual model (Conneau and Lample 2019, with an exponent
    of 0.5). Corpora that lack a label are scaled so that labels have equal totals. If all of them lack the same label,
    all corpora are scaled, and their own balance is lost. A row without a source weighs as the mean of those with one
    in its corpus and label.

    Args:
        sources: n sources.
        labels: n labels as numbers.

    Returns:
        Shape (n,), positive, with mean 1.
    """
    corpus_of, label_of = renumber([s.partition("/")[0] for s in sources]), renumber(labels)
    counts = np.zeros((corpus_of.max() + 1, label_of.max() + 1))  # (corpora, labels)
    np.add.at(counts, (corpus_of, label_of), 1)
    has = counts > 0
    mass = has * (np.sqrt(counts.sum(axis=1)) / has.sum(axis=1))[:, None]
    partial = ~np.all(has, axis=1)
    if not has[partial].any(axis=0).all():
        partial = np.ones(len(has), dtype=bool)
    totals = mass[partial].sum(axis=0)
    mass[partial] *= totals.mean() / totals

    # Each row weighs by 1 / sqrt(rows of its source and label), then to the mass of its corpus and label.
    pairs = corpus_of * counts.shape[1] + label_of
    cells = renumber(renumber(sources) * counts.shape[1] + label_of)
    weights = np.bincount(cells)[cells] ** -0.5
    named = np.array(["/" in source for source in sources])
    others = np.bincount(pairs, named)[pairs]  # rows of the corpus and label that have a source
    means = np.bincount(pairs, named * weights)[pairs] / np.maximum(others, 1)
    weights = np.where(named | (others == 0), weights, means)
    weights *= mass.ravel()[pairs] / np.bincount(pairs, weights)[pairs]
    return np.asarray(weights / weights.mean())
