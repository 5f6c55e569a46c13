"""Corpora and sources of labelled rows: a split that leaves out whole sources, and sampling weights.

The source of a row is `CORPUS`, or `CORPUS/SOURCE` where its publisher is known, as `load_splits` writes it.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from glove_lstm.data.errors import DataError
from glove_lstm.data.splits import Ints, grouped_stratified_split, merge_groups


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
    duplicates only. A corpus with one label or one source stays in train, because validation texts of it would
    tell corpora apart rather than labels. Of the others each label of each corpus gives about `fraction` of its
    rows; sources too large for that may raise the share up to a half.

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
        DataError: A label would be missing in train, or nearly missing in validation.
    """
    label_of, corpus_of = np.asarray(labels), _numbers([s.partition("/")[0] for s in sources])
    names = [source.partition("/")[2] for source in sources]
    numbers: dict[str | int, int] = {}
    groups = merge_groups(
        duplicates,
        [numbers.setdefault(name or row, len(numbers)) for row, name in enumerate(names)],
    )
    source_of = _numbers(sources)
    fixed = np.zeros(len(groups), dtype=bool)
    for corpus in np.unique(corpus_of):
        rows = corpus_of == corpus
        fixed[rows] = min(len(np.unique(of[rows])) for of in (label_of, source_of)) < 2
    rows = np.flatnonzero(~np.isin(groups, groups[fixed]))
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
    of 0.5). Corpora without some label are scaled by label so that their totals are equal; where they all lack
    the same label, the others make up for it and are then not balanced within.

    Args:
        sources: n sources.
        labels: n labels as numbers.

    Returns:
        Shape (n,), positive, with mean 1.
    """
    if not len(sources):
        return np.empty(0)
    corpus_of, label_of = _numbers([s.partition("/")[0] for s in sources]), _numbers(labels)
    counts = np.zeros((corpus_of.max() + 1, label_of.max() + 1))  # (corpora, labels)
    np.add.at(counts, (corpus_of, label_of), 1)
    has = counts > 0
    mass = has * (np.sqrt(counts.sum(axis=1)) / has.sum(axis=1))[:, None]
    partial = ~np.all(has, axis=1)
    if not has[partial].any(axis=0).all():
        partial = np.ones(len(has), dtype=bool)
    totals = mass[partial].sum(axis=0)
    mass[partial] *= totals.mean() / totals

    # Cells of one source and one label: each row weighs by 1 / sqrt(rows of its cell), then to the mass.
    cells = _numbers(_numbers(sources) * counts.shape[1] + label_of)
    weights = np.bincount(cells)[cells] ** -0.5
    sums = np.zeros_like(counts)
    np.add.at(sums, (corpus_of, label_of), weights)
    weights *= (mass / np.where(has, sums, 1))[corpus_of, label_of]
    return np.asarray(weights / weights.mean())


def _numbers(values: Sequence[object] | Ints) -> Ints:
    """Number equal values alike, 0, 1, 2, ...; shape (n,)."""
    return np.unique(np.asarray(values), return_inverse=True)[1]
