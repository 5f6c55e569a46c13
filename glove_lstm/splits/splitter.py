"""Splitting a corpus so that duplicates and near duplicates stay on one side.

groups = near_duplicate_groups(articles)
train, test = hold_out_share(labels, groups, share=0.2, seed=42)
"""

import logging
import unicodedata
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import DisjointSet
from scipy.sparse import coo_array, csr_array

from glove_lstm.errors import DataError
from glove_lstm.files import digest_of_words
from glove_lstm.splits.near_duplicates import join_near_duplicates

logger = logging.getLogger(__name__)

Ints = NDArray[np.int64]

_FEWEST_ALIKE = 10  # texts; a smaller group is no reason to warn


def near_duplicate_groups(texts: Sequence[str]) -> Ints:
    """Return group numbers (n,), 0, 1, 2, ... as they appear, the same for texts that are equal or nearly equal.

    Two texts are near duplicates when the sets of their runs of five lower-cased words have a Jaccard
    similarity of at least 0.8; see `join_near_duplicates`. Groups are transitive. A text with fewer words than a run
    is one run of all its words. Texts equal after folding white space always share a group. A text without any word
    is only ever grouped with an equal text, and an empty one with nothing: it carries no text that could leak.

    A warning says so if most texts are in one group. A progress bar appears after two seconds.
    """
    exact_groups = exact_duplicate_groups(texts)
    _, first_rows = np.unique(exact_groups, return_index=True)
    # The i-th of these texts stands for the i-th exact group.
    groups_of_distinct = join_near_duplicates([texts[row] for row in first_rows])
    groups = renumber(groups_of_distinct[exact_groups].tolist())
    largest = np.bincount(groups).max(initial=0)
    if largest >= _FEWEST_ALIKE and largest > len(groups) / 2:
        logger.warning(
            "%d of %d texts are equal or near duplicates of one another, so they stay together. Short texts with the "
            "same long footer or header are near duplicates, too: remove it from all of them.",
            largest,
            len(groups),
        )
    return groups


def rows_without_near_duplicates(texts: Sequence[str], others: Sequence[str]) -> Ints:
    """Return the rows of those texts that are no near duplicates of any of the others; see `near_duplicate_groups`."""
    groups = near_duplicate_groups([*others, *texts])
    groups_of_others = groups[: len(others)]
    groups_of_texts = groups[len(others) :]
    return np.flatnonzero(~np.isin(groups_of_texts, groups_of_others))


def without_near_duplicates(texts: Sequence[str], others: Sequence[str], name: str) -> list[str]:
    """Return texts without labels, except near duplicates of other texts; a warning says how many these are.

    Args:
        texts: n texts.
        others: Texts that measure or calibrate the model.
        name: What the warning calls them.

    Raises:
        DataError: No text is left.
    """
    if not len(texts) or not len(others):
        return list(texts)
    kept = rows_without_near_duplicates(texts, others)
    if not len(kept):
        raise DataError(
            f"All unlabelled texts are near duplicates of {name} texts; give others, or leave them out."
        )
    if len(kept) < len(texts):
        left_out = f"{len(texts) - len(kept):,} of {len(texts):,}"
        logger.warning(
            "%s unlabelled texts are left out: they are near duplicates of %s texts.",
            left_out,
            name,
        )
    return [texts[row] for row in kept]


def exact_duplicate_groups(texts: Iterable[str]) -> Ints:
    """Return group numbers (n,), the same for texts that are equal after folding white space; empty ones stay apart.

    Keeps a hash of 16 bytes instead of each text, so `texts` may be a stream that does not fit in memory.
    """
    keys: list[Hashable] = []
    for row, text in enumerate(texts):
        words = unicodedata.normalize("NFC", text).split()
        keys.append(digest_of_words(words, size=16) if words else row)
    return renumber(keys)


def merge_groups(first: Sequence[int] | Ints, second: Sequence[Hashable] | Ints) -> Ints:
    """Join two groupings of the same n rows: rows that share a group in either share one in the result."""
    in_first = [("first", group) for group in first]
    in_second = [("second", group) for group in second]
    sets = DisjointSet({*in_first, *in_second})
    for one, other in zip(in_first, in_second, strict=True):
        sets.merge(one, other)
    return renumber(sets[one] for one in in_first)


def hold_out_share(
    labels: Sequence[Any] | NDArray[Any],
    group_of: Sequence[int] | Ints,
    share: float,
    seed: int,
) -> tuple[Ints, Ints]:
    """Hold out a share of n rows, and about this share of each label; rows of a group stay together.

    The groups are taken in a random order, those with the rarest label first, while that brings what is held out of
    this label closer to its share. If that makes too few rows, because many labels are rare, any groups are taken.
    Every label keeps a row in train; a rare one may have none that is held out. If all groups are larger than twice
    the share, nothing is held out.

    Args:
        labels: (n,) labels that can be sorted; or (n, labels), 1 where a row has the label.
        group_of: (n,) groups. `range(n)` asks for a plain stratified split.
        share: 0 to below 1.
        seed: The same seed holds out the same rows.

    Returns:
        The rows of train and those that are held out, ascending.
    """
    group_of = renumber(np.asarray(group_of).tolist())
    counts = _count_labels(np.asarray(labels), group_of)
    in_train = counts.sum(axis=0)
    room = share * in_train  # rows still to hold out
    all_rows = len(room) - 1  # the last column

    shuffled = np.random.default_rng(seed).permutation(counts.shape[0])
    rarest = _rarest_labels(counts, in_train)[shuffled]
    # Labels of which less than a row is asked for count as equally rare: else the rarest ones would fill the share.
    rarest_first = np.argsort(np.maximum(room[rarest], 1), kind="stable")
    candidates = [*zip(shuffled[rarest_first], rarest[rarest_first], strict=True)]
    candidates += [(group, all_rows) for group in shuffled]

    is_held_out = np.zeros(len(shuffled), dtype=bool)
    for group, label in candidates:
        if is_held_out[group] or min(room[label], room[all_rows]) < 0.5:
            continue  # a single row would be too much
        entries = slice(counts.indptr[group], counts.indptr[group + 1])
        labels_of_group = counts.indices[entries]
        rows = counts.data[entries]  # of the group, with each of its labels
        counts_here = (labels_of_group == label) | (labels_of_group == all_rows)
        is_closer = (rows <= 2 * room[labels_of_group])[counts_here].all()
        leaves_rows = (rows < in_train[labels_of_group]).all()
        if is_closer and leaves_rows:
            is_held_out[group] = True
            in_train[labels_of_group] -= rows
            room[labels_of_group] -= rows
    is_held_out_row = is_held_out[group_of]
    return np.flatnonzero(~is_held_out_row), np.flatnonzero(is_held_out_row)


def _count_labels(labels: NDArray[Any], group_of: Ints) -> csr_array:
    """Count the rows of each label in each group.

    Returns:
        (groups, labels + 1): the last column counts all rows of a group. Rows without a label share one.
    """
    rows = np.arange(len(group_of))
    if labels.ndim == 1:
        rows_with_label = rows
        _, numbers = np.unique(labels, return_inverse=True)
    else:
        has_no_label = ~labels.any(axis=1)
        rows_with_label, numbers = np.nonzero(np.column_stack([labels, has_no_label]))
    all_rows = numbers.max(initial=-1) + 1
    groups = group_of[np.concatenate([rows_with_label, rows])]
    columns = np.concatenate([numbers, np.full(len(rows), all_rows)])
    ones = np.ones(len(columns), dtype=np.int64)
    shape = (group_of.max(initial=-1) + 1, all_rows + 1)
    return coo_array((ones, (groups, columns)), shape=shape).tocsr()


def _rarest_labels(counts: csr_array, frequencies: Ints) -> Ints:
    """Return the rarest label of each group of `_count_labels`: (groups,)."""
    groups, labels = counts.nonzero()
    rarest_first = np.lexsort((labels, frequencies[labels], groups))
    _, first = np.unique(groups[rarest_first], return_index=True)
    return labels[rarest_first][first]


def renumber(keys: Iterable[Hashable]) -> Ints:
    """Number equal keys alike, 0, 1, 2, ... as they appear."""
    numbers: dict[Hashable, int] = {}
    return np.fromiter((numbers.setdefault(key, len(numbers)) for key in keys), dtype=np.int64)
