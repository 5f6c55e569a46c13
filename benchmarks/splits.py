"""The division of the published folds: parts that share no group, each with about the same mix of labels."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glove_lstm.splits.splitter import Ints, renumber


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
