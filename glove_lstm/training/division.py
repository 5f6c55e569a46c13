"""Divide texts into those that train the model, and those that are held out to calibrate it."""

import logging
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from glove_lstm.errors import DataError
from glove_lstm.splits.splitter import (
    Ints,
    grouped_stratified_split,
    keep_labels_on_both_sides,
    merge_groups,
    near_duplicate_groups,
    row_labels,
    rows_without_near_duplicates,
    strata,
)
from glove_lstm.training.labelled_texts import LabelledTexts

logger = logging.getLogger(__name__)

FEWEST_HELD_OUT = 10  # texts for a calibration
# Without a given fraction, a twentieth of the texts is held out, within these limits.
_SHARE = 1 / 20
_LEAST_TEXTS = 50
_MOST_TEXTS = 2_000
_MOST_SHARE = 1 / 10
# Unlabelled texts to hold out; enough for a temperature.
_UNLABELLED_SHARE = 1 / 10
_MOST_UNLABELLED = 1_000

_MOST_NAMED = 20  # labels in a warning
_ALTERNATIVES = "give validation texts, or hold out none (--validation_fraction 0)"


@dataclass(frozen=True, eq=False)
class Division:
    """The texts that train a model, and those that calibrate it."""

    train: LabelledTexts
    held_out: LabelledTexts | None
    unlabelled: Sequence[str] = ()
    # If no labelled texts are held out: a teacher tells the labels of these.
    held_out_unlabelled: Sequence[str] = ()


def divide(
    texts: LabelledTexts,
    fraction: float | None,
    seed: int,
    groups: Sequence[Hashable] | None = None,
) -> tuple[LabelledTexts, LabelledTexts | None]:
    """Hold some texts out. Near duplicates, and texts of one group, stay on one side.

    Every label is on both sides where its texts and groups allow it. A warning names the others.

    Args:
        texts: n texts.
        fraction: Share of the texts to hold out, 0 to below 1; None: a twentieth, at least 50 and at most 2,000 texts,
            but never more than a tenth.
        seed: The same seed holds the same texts out.
        groups: n values, such as authors; None: only near duplicates stay together.

    Returns:
        The training texts and the held-out texts; None for these if the fraction asks for fewer than 10, too few for a
        calibration.

    Raises:
        DataError: Fewer than two labels (one, if a text may have several) can be divided.
    """
    if fraction == 0:
        return texts, None
    if not enough_to_hold_out(len(texts), fraction):
        logger.warning(
            "The scores are not calibrated: only %d of %d texts would be held out, and a calibration needs %d. Give "
            "validation texts.",
            _count_to_hold_out(len(texts), fraction),
            len(texts),
            FEWEST_HELD_OUT,
        )
        return texts, None

    group_of = near_duplicate_groups(texts.texts)
    if groups is not None:
        group_of = merge_groups(group_of, groups)
    labels = texts.labels.tolist()
    if fraction is None:
        fraction = share_to_hold_out(len(texts))
    by_share = grouped_stratified_split(strata(labels), group_of, (1 - fraction, fraction), seed)
    train, held_out = keep_labels_on_both_sides(by_share, row_labels(labels), group_of, seed)
    if not len(held_out):
        raise DataError(f"There are too few distinct texts to hold some out; {_ALTERNATIVES}.")
    _check_labels(texts, held_out)
    logger.info("%d of %d texts are held out for calibration.", len(held_out), len(texts))
    return texts.select(train), texts.select(held_out)


def share_to_hold_out(texts: int) -> float:
    """Return the share of n texts that is held out if no fraction is given."""
    if not texts:
        return 0.0
    wanted = min(max(_SHARE * texts, _LEAST_TEXTS), _MOST_TEXTS)
    return min(wanted / texts, _MOST_SHARE)


def enough_to_hold_out(texts: int, fraction: float | None) -> bool:
    """Return whether a fraction of n texts is enough for a calibration."""
    return _count_to_hold_out(texts, fraction) >= FEWEST_HELD_OUT


def _count_to_hold_out(texts: int, fraction: float | None) -> float:
    if fraction is None:
        fraction = share_to_hold_out(texts)
    return texts * fraction


def hold_out_unlabelled(
    unlabelled: Sequence[str], labelled: Sequence[str], seed: int
) -> tuple[Sequence[str], list[str]]:
    """Hold out a tenth of the unlabelled texts, at most 1,000, none of them a near duplicate of a labelled text.

    Returns:
        The texts to learn from, and the held-out texts: none if they would be fewer than 10.
    """
    count = min(round(_UNLABELLED_SHARE * len(unlabelled)), _MOST_UNLABELLED)
    candidates = np.arange(len(unlabelled))
    if len(labelled):
        candidates = rows_without_near_duplicates(unlabelled, labelled)
    if min(count, len(candidates)) < FEWEST_HELD_OUT:
        return unlabelled, []
    generator = np.random.default_rng(seed)
    chosen = generator.permutation(candidates)[:count]
    others = np.setdiff1d(np.arange(len(unlabelled)), chosen)
    return [unlabelled[row] for row in others], [unlabelled[row] for row in chosen]


def _check_labels(texts: LabelledTexts, held_out: Ints) -> None:
    """Warn of labels without held-out texts; raise a DataError if too few labels have held-out texts."""
    rows, labels = row_labels(texts.labels.tolist())
    count = len(texts.label_names)
    in_all = np.bincount(labels, minlength=count)
    in_held_out = np.bincount(labels[np.isin(rows, held_out)], minlength=count)
    undivided = np.flatnonzero((in_all > 0) & (in_held_out == 0))
    if not len(undivided):
        return

    rarest_first = undivided[np.argsort(in_all[undivided], kind="stable")].tolist()
    fewest_labels = 1 if texts.is_multi_label else 2
    if np.count_nonzero(in_held_out) < fewest_labels:
        rarest = rarest_first[0]
        raise DataError(
            f"The label {texts.label_names[rarest]!r} has {_texts(in_all[rarest])}; too few of them are distinct to "
            f"hold one out. Add texts with this label, {_ALTERNATIVES}."
        )
    named = [f"{texts.label_names[label]!r} ({_texts(in_all[label])})" for label in rarest_first]
    listing = ", ".join(named[:_MOST_NAMED])
    if len(named) > _MOST_NAMED:
        listing += f" and {len(named) - _MOST_NAMED} more"
    logger.warning(
        "These labels have no held-out texts, because they have too few texts or groups: %s.",
        listing,
    )


def _texts(count: int) -> str:
    if count == 1:
        return "1 text"
    return f"{count} texts"
