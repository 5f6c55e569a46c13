"""Which texts a training holds out: this file is the whole rule.

Held-out texts calibrate the scores, and the model does not learn from them.

- If validation texts are given, nothing else is held out.
- Else a share of the labelled texts: `validation_fraction`, or a twentieth within limits. It is rounded for each label.
- But with an encoder as teacher, fewer than 2,000 labelled texts and more unlabelled ones, a tenth of the unlabelled
  texts, of whose labels the encoder says how sure it is: all labelled texts then teach. Not if groups or a fraction
  (as the preset article has) are given.
- So too, with any teacher, if this share of the labelled texts is fewer than ten. A fraction is then of the unlabelled
  texts.
- Near duplicates, and texts of one group, are never on both sides, unless validation texts are given.
"""

import logging
from collections.abc import Hashable, Sequence
from dataclasses import replace

import numpy as np

from glove_lstm.distillation.teacher import Teacher
from glove_lstm.errors import DataError, counted
from glove_lstm.splits.splitter import (
    Ints,
    hold_out_share,
    merge_groups,
    near_duplicate_groups,
    rows_without_near_duplicates,
    without_near_duplicates,
)
from glove_lstm.tables.columns import is_blank
from glove_lstm.tables.examples import ClassWeight, Examples, Split, class_weights, weigh
from glove_lstm.temperature import FEWEST_TEXTS
from glove_lstm.training.arguments import GloveLstmTrainingArguments

logger = logging.getLogger(__name__)

# Without a given fraction, a twentieth of the texts is held out, within these limits.
_SHARE = 1 / 20
_LEAST_TEXTS = 50
_MOST_TEXTS = 2_000
_MOST_SHARE = 1 / 10
# Unlabelled texts to hold out; enough for a temperature.
_UNLABELLED_SHARE = 1 / 10
_MOST_UNLABELLED = 1_000
# With fewer labelled texts, and more unlabelled ones, all labelled texts teach; DECISIONS.md says why.
_FEW_LABELLED_TEXTS = 2_000

_MOST_NAMED = 20  # labels in a warning
_ALTERNATIVES = "give validation texts, or hold out none (--validation_fraction 0)"


def hold_out(
    labelled: Examples,
    validation: Examples | None,
    unlabelled: Sequence[str],
    *,
    groups: Sequence[Hashable] | None,
    class_weight: ClassWeight | None,
    teacher: Teacher | None,
    arguments: GloveLstmTrainingArguments,
) -> Split:
    """Hold texts out, unless validation texts are given, and weigh those that are left.

    Args:
        labelled: n labelled texts. Those of weight 0 are left out: they neither teach nor calibrate.
        validation: Validation texts that are given.
        unlabelled: Texts without labels.
        groups: n values, such as authors; None: only near duplicates stay together.
        class_weight: How much the texts of each label count in training; see `class_weights`.
        teacher: What labels unlabelled texts; None: nothing does.
        arguments: The share to hold out, and the seed.

    Raises:
        DataError: Too few distinct texts can be held out.
    """
    labelled, groups = _without_weight_0(labelled, groups)
    most_are_unlabelled = len(unlabelled) > len(labelled)
    split: Split | None = None
    if validation is not None:
        split = Split(labelled, validation, unlabelled)
    elif _unlabelled_are_held_out(len(labelled), most_are_unlabelled, groups, teacher, arguments):
        split = _hold_out_unlabelled(
            labelled, unlabelled, arguments.validation_fraction, arguments.seed
        )
    if split is None:
        train, held_out = hold_out_labelled(
            labelled, arguments.validation_fraction, arguments.seed, groups
        )
        split = Split(train, held_out, unlabelled)
    label_weights = None
    if class_weight is not None and len(split.train):
        label_weights = class_weights(class_weight, split.train)
    return replace(
        split,
        train=weigh(split.train, label_weights),
        unlabelled=without_near_duplicates(split.unlabelled, split.held_out_texts, "held-out"),
        label_weights=label_weights,
        most_are_unlabelled=most_are_unlabelled,
    )


def _without_weight_0(
    texts: Examples, groups: Sequence[Hashable] | None
) -> tuple[Examples, Sequence[Hashable] | None]:
    if texts.weights is None:
        return texts, groups
    rows = np.flatnonzero(texts.weights).tolist()
    if groups is not None:
        groups = [groups[row] for row in rows]
    return texts.select(rows), groups


def _unlabelled_are_held_out(
    labelled: int,
    most_are_unlabelled: bool,
    groups: Sequence[Hashable] | None,
    teacher: Teacher | None,
    arguments: GloveLstmTrainingArguments,
) -> bool:
    """Return whether unlabelled texts are held out, because there is a teacher, and few texts are labelled."""
    fraction = arguments.validation_fraction
    if teacher is None or fraction == 0:
        return False
    if labelled * share_to_hold_out(labelled, fraction) < FEWEST_TEXTS:
        return True
    if fraction is not None or groups is not None:
        return False
    return teacher.learns_labels and most_are_unlabelled and labelled < _FEW_LABELLED_TEXTS


def _hold_out_unlabelled(
    labelled: Examples, unlabelled: Sequence[str], fraction: float | None, seed: int
) -> Split | None:
    """Hold out a fraction of the unlabelled texts, by default a tenth; at most 1,000. Return None if it is under 10.

    None of them is a near duplicate of a labelled text.
    """
    share = _UNLABELLED_SHARE if fraction is None else fraction
    count = min(round(share * len(unlabelled)), _MOST_UNLABELLED)
    candidates = np.arange(len(unlabelled))
    if len(labelled):
        candidates = rows_without_near_duplicates(unlabelled, labelled.texts)
    if min(count, len(candidates)) < FEWEST_TEXTS:
        return None
    generator = np.random.default_rng(seed)
    chosen = generator.permutation(candidates)[:count]
    others = np.setdiff1d(np.arange(len(unlabelled)), chosen)
    held_out = [unlabelled[row] for row in chosen]
    logger.info("%s unlabelled texts are held out for calibration.", f"{len(held_out):,}")
    return Split(labelled, None, [unlabelled[row] for row in others], held_out)


def hold_out_labelled(
    texts: Examples,
    fraction: float | None,
    seed: int,
    groups: Sequence[Hashable] | None = None,
) -> tuple[Examples, Examples | None]:
    """Hold labelled texts out.

    The share is rounded for each label. Every label keeps texts to train on; a warning names labels that have none
    that is held out.

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
    share = share_to_hold_out(len(texts), fraction)
    if len(texts) * share < FEWEST_TEXTS:
        logger.warning(
            "The scores are not calibrated: only %d of %d labelled texts would be held out, and a calibration needs "
            "%d. Give validation texts.",
            len(texts) * share,
            len(texts),
            FEWEST_TEXTS,
        )
        return texts, None

    group_of = near_duplicate_groups(texts.texts)
    if groups is not None:
        # A text without a group is alone.
        alone = [object() if is_blank(group) else group for group in groups]
        group_of = merge_groups(group_of, alone)
    train, held_out = hold_out_share(texts.labels, group_of, share, seed)
    if not len(held_out):
        few = "too few distinct texts" if groups is None else "too few groups of texts"
        raise DataError(f"There are {few} to hold some out; {_ALTERNATIVES}.")
    _check_labels(texts, held_out)
    logger.info("%d of %d texts are held out for calibration.", len(held_out), len(texts))
    return texts.select(train), texts.select(held_out)


def share_to_hold_out(count: int, fraction: float | None = None) -> float:
    """Return the share of `count` texts that is held out: the fraction that is given, or else the default share."""
    if fraction is not None:
        return fraction
    if not count:
        return 0.0
    wanted = min(max(_SHARE * count, _LEAST_TEXTS), _MOST_TEXTS)
    return min(wanted / count, _MOST_SHARE)


def _check_labels(texts: Examples, held_out: Ints) -> None:
    """Warn of labels without held-out texts; raise a DataError if too few labels have held-out texts."""
    in_all = _count_labels(texts)
    in_held_out = _count_labels(texts.select(held_out))
    undivided = np.flatnonzero((in_all > 0) & (in_held_out == 0))
    if not len(undivided):
        return

    rarest_first = undivided[np.argsort(in_all[undivided], kind="stable")].tolist()
    fewest_labels = 1 if texts.is_multi_label else 2
    if np.count_nonzero(in_held_out) < fewest_labels:
        rarest = rarest_first[0]
        of_rarest = counted(int(in_all[rarest]), "text")
        raise DataError(
            f"The label {texts.label_names[rarest]!r} has {of_rarest}; too few of them are distinct to hold one out. "
            f"Add texts with this label, {_ALTERNATIVES}."
        )
    named = [
        f"{texts.label_names[label]!r} ({counted(int(in_all[label]), 'text')})"
        for label in rarest_first
    ]
    listing = ", ".join(named[:_MOST_NAMED])
    if len(named) > _MOST_NAMED:
        listing += f" and {len(named) - _MOST_NAMED} more"
    logger.warning(
        "These labels have no held-out texts, because they have too few texts or groups: %s.",
        listing,
    )


def _count_labels(texts: Examples) -> Ints:
    """Return the number of texts with each label: (labels,)."""
    if texts.is_multi_label:
        return texts.labels.sum(axis=0).astype(np.int64)
    return np.bincount(texts.labels, minlength=len(texts.label_names))
