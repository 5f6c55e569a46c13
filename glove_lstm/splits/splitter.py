"""Splitting a corpus so that duplicates and near duplicates stay on one side.

groups = near_duplicate_groups(articles)
train, test = grouped_stratified_split(labels, groups, fractions=(0.8, 0.2), seed=42)
"""

import logging
import unicodedata
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import DisjointSet

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
    sets = join_near_duplicates([texts[row] for row in first_rows])
    groups = renumber(sets[group] for group in exact_groups.tolist())
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


def grouped_stratified_split(
    labels: Sequence[Any] | NDArray[Any],
    groups: Sequence[int] | Ints,
    fractions: Sequence[float],
    seed: int,
) -> list[Ints]:
    """Divide n rows into parts that share no group, each with about the same mix of labels.

    Groups of several rows are placed first, the largest first, where they fit best; rows alone in their group
    then fill each label up to its target. Where the groups leave enough single rows, each label is therefore
    split exactly (its counts rounded by largest remainder).

    Args:
        labels: n labels, of any hashable kind.
        groups: n group numbers. `range(n)` asks for a plain stratified split.
        fractions: The parts' shares, positive, with sum 1.
        seed: The same seed gives the same parts.

    Returns:
        One array of row numbers a part, ascending; together they hold each of 0 ... n - 1 once.
    """
    generator = np.random.default_rng(seed)
    label_of = renumber(np.asarray(labels).tolist())
    group_of = renumber(np.asarray(groups).tolist())
    part_of = np.full(len(label_of), -1, dtype=np.int64)
    # room[part, label]: how many rows of the label the part can still take; below 0 after a group has overfilled it.
    room = np.array([_apportion(count, fractions) for count in np.bincount(label_of)]).T

    sizes = np.bincount(group_of)
    rows_by_group = np.argsort(group_of, kind="stable")
    rows_of_group = np.split(rows_by_group, np.cumsum(sizes)[:-1])
    large = generator.permutation(np.flatnonzero(sizes > 1))
    largest_first = large[np.argsort(-sizes[large], kind="stable")]
    for group in largest_first:
        rows = rows_of_group[group]
        counts = np.bincount(label_of[rows], minlength=room.shape[1])
        part = _best_part(room, counts, fractions)
        room[part] -= counts
        part_of[rows] = part

    single = generator.permutation(np.flatnonzero(sizes[group_of] == 1))
    for label in np.unique(label_of[single]):
        rows = single[label_of[single] == label]
        # Overfilled parts get no rows, and the others share the loss.
        free = np.maximum(room[:, label], 0)
        counts = _apportion(len(rows), free / free.sum())
        part_of[rows] = np.repeat(np.arange(len(fractions)), counts)
    return [np.flatnonzero(part_of == part) for part in range(len(fractions))]


def _best_part(room: Ints, counts: Ints, fractions: Sequence[float]) -> int:
    """Return the part that a group fits best.

    The group lowers that part's squared deviation from the target, divided by the part's share, the most.

    Args:
        room: (parts, labels) rows that each part can still take.
        counts: (labels,) rows of the group.
        fractions: The parts' shares.
    """
    deviation = (room**2).sum(axis=1)
    deviation_with_group = ((room - counts) ** 2).sum(axis=1)
    change = (deviation_with_group - deviation) / np.asarray(fractions)
    return int(np.argmin(change))


def keep_labels_on_both_sides(
    parts: Sequence[Ints],
    labels_of_rows: tuple[Ints, Ints],
    groups: Ints,
    seed: int,
    enough_rows: float,
) -> list[Ints]:
    """Move groups between train and validation so that a label is on both sides wherever it can be.

    Every label keeps a row in train. A label of one group has no row in validation. Nor has one whose groups are all
    larger than the part that was held out before: it would take far more texts than were asked for. Nor have the rarest
    labels, if there are so many that validation has enough rows without them.

    Args:
        parts: The rows of train and of validation.
        labels_of_rows: Two arrays (m,), as `row_labels` returns them.
        groups: n group numbers.
        seed: The same seed moves the same groups.
        enough_rows: Rows of validation, from which on no group is moved into it.

    Returns:
        The rows of train and of validation, ascending.
    """
    group_of = renumber(groups.tolist())
    held_out = np.zeros(group_of.max(initial=-1) + 1, dtype=bool)  # by group
    held_out[group_of[parts[1]]] = True
    rows, labels = labels_of_rows
    groups_of_label = _groups_of_labels(group_of, rows, labels, seed)
    for groups_with_label in groups_of_label.values():
        if held_out[groups_with_label].all():
            smallest = groups_with_label[0]
            held_out[smallest] = False
    sizes = np.bincount(group_of)
    largest = len(parts[1]) or len(group_of)  # if nothing is held out yet, any group may be
    _put_labels_into_validation(held_out, groups_of_label, sizes, largest, enough_rows)
    is_held_out = held_out[group_of]  # by row
    return [np.flatnonzero(~is_held_out), np.flatnonzero(is_held_out)]


def _put_labels_into_validation(
    held_out: NDArray[np.bool_],
    groups_of_label: dict[int, Ints],
    sizes: Ints,
    largest: int,
    enough_rows: float,
) -> None:
    """For each label that only train has, the most frequent first, move one of its groups to validation.

    It is the smallest group whose labels all have another group in train. If there is none, the label stays in train.

    Args:
        held_out: Whether each group is in validation; it is changed.
        groups_of_label: The groups that have each label, the smallest first.
        sizes: Rows of each group.
        largest: Rows of the largest group that may be moved.
        enough_rows: Rows of validation, from which on no group is moved.
    """
    labels_of_group = _labels_of_groups(groups_of_label)

    def may_leave_train(group: int) -> bool:
        for label in labels_of_group[group]:
            groups_in_train = np.count_nonzero(~held_out[groups_of_label[label]])
            if groups_in_train == 1:  # this group alone
                return False
        return True

    most_frequent_first = sorted(groups_of_label.values(), key=len, reverse=True)
    for groups_with_label in most_frequent_first:
        if sizes[held_out].sum() >= enough_rows:
            return
        if held_out[groups_with_label].any():
            continue
        for group in groups_with_label.tolist():
            if sizes[group] <= largest and may_leave_train(group):
                held_out[group] = True
                break


def _labels_of_groups(groups_of_label: dict[int, Ints]) -> dict[int, list[int]]:
    labels_of_group: defaultdict[int, list[int]] = defaultdict(list)
    for label, groups_with_label in groups_of_label.items():
        for group in groups_with_label.tolist():
            labels_of_group[group].append(label)
    return labels_of_group


def _groups_of_labels(group_of: Ints, rows: Ints, labels: Ints, seed: int) -> dict[int, Ints]:
    """Return the groups that have each label, the smallest first, groups of one size in a random order.

    Args:
        group_of: n group numbers from 0.
        rows: m rows.
        labels: A label of each of the m rows; a row with several labels is repeated.
        seed: The same seed gives the same order.
    """
    generator = np.random.default_rng(seed)
    sizes = np.bincount(group_of)
    groups_of_label = {}
    for label in np.unique(labels).tolist():
        groups = np.unique(group_of[rows[labels == label]])
        shuffled = generator.permutation(groups)
        smallest_first = np.argsort(sizes[shuffled], kind="stable")
        groups_of_label[label] = shuffled[smallest_first]
    return groups_of_label


def strata(labels: Sequence[Any], share: float) -> list[int]:
    """Return n values for a stratified split: the label of each row, or the rarest of its labels.

    Labels of which a share would be less than one row are one value together: rounded one by one, many small labels
    would make up a part that is far larger or smaller.

    Args:
        labels: n labels as numbers, or n lists of 1 and 0.
        share: Share of the smaller part, 0 to 1.
    """
    has_label = np.asarray(labels)
    if has_label.ndim == 1:
        rarest = has_label
    else:
        row_count, label_count = has_label.shape
        rows_of_label = has_label.sum(axis=0)
        # A label that a row lacks counts as more frequent than any other.
        frequency = np.where(has_label > 0, rows_of_label, row_count + 1)
        no_label = label_count
        rarest = np.where(has_label.any(axis=1), frequency.argmin(axis=1), no_label)
    is_small = share * np.bincount(rarest) < 1
    return np.where(is_small[rarest], -1, rarest).tolist()


def row_labels(labels: Sequence[Any]) -> tuple[Ints, Ints]:
    """Return two arrays (m,): the row and the label of each pair of a row and one of its labels.

    Args:
        labels: n labels as numbers, or n lists of 1 and 0.
    """
    array = np.asarray(labels)
    if array.ndim == 1:
        return np.arange(len(array)), array
    rows, numbers = np.nonzero(array)
    return rows, numbers


def _apportion(count: int, fractions: Sequence[float] | NDArray[Any]) -> Ints:
    """Round `count * fractions` to integers with sum `count`, by largest remainder."""
    exact = count * np.asarray(fractions)
    counts = np.floor(exact + 1e-9).astype(np.int64)
    remainders = exact - counts
    # By remainder, so that a label's only row goes to the largest part; the larger part wins a tie.
    largest_first = np.lexsort((-exact, -remainders))
    left_over = count - int(counts.sum())
    counts[largest_first[:left_over]] += 1
    return counts


def renumber(keys: Iterable[Hashable]) -> Ints:
    """Number equal keys alike, 0, 1, 2, ... as they appear."""
    numbers: dict[Hashable, int] = {}
    return np.fromiter((numbers.setdefault(key, len(numbers)) for key in keys), dtype=np.int64)
