"""Which texts a training holds out: this file is the whole rule.

Held-out texts calibrate the scores and choose C of the n-grams; the model that is calibrated does not learn from them.

- If validation texts are given, nothing else is held out.
- Else a share of the labelled texts: `validation_fraction`, or a twentieth within limits; about this share of each
  label, with near duplicates and texts of one group on one side.
- But with a teacher and more texts without labels than with, a share of those without, which the teacher labels, if
  fewer than 2,000 texts have labels (100, if the teacher learns no labels, because nobody knows how sure it may be).
  All labelled texts then teach. Not if groups are given.
- Where labels have few texts, fewer than 100 on average, a fifth is held out, and `fit` trains the calibrated model
  anew on all labelled texts. Not with a teacher, not in fine-tuning, and not with a given `validation_fraction`.
"""

import logging
from collections.abc import Hashable, Sequence
from dataclasses import replace

import numpy as np

from glove_lstm.distillation.teacher import Teacher
from glove_lstm.errors import DataError
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
from glove_lstm.training.settings import Settings

logger = logging.getLogger(__name__)

# Without a given fraction, a twentieth of the texts is held out, within these limits.
_SHARE = 1 / 20
_LEAST_TEXTS = 50
_MOST_TEXTS = 2_000
_MOST_SHARE = 1 / 10
# With fewer texts of each label, on average, all teach in the end; DECISIONS.md says why.
_FEW_TEXTS_OF_LABEL = 100
_SHARE_IF_REFITTED = 1 / 5
# Unlabelled texts to hold out; enough for a temperature.
_UNLABELLED_SHARE = 1 / 10
_MOST_UNLABELLED = 1_000
# With fewer labelled texts, and more unlabelled ones, all labelled texts teach; DECISIONS.md says why.
_FEW_LABELLED_TEXTS = 2_000
_VERY_FEW_LABELLED_TEXTS = 100

_ALTERNATIVES = "give validation texts, or hold out none (--validation_fraction 0)"


def hold_out(
    labelled: Examples,
    validation: Examples | None,
    unlabelled: Sequence[str],
    *,
    groups: Sequence[Hashable] | None,
    class_weight: ClassWeight | None,
    teacher: Teacher | None,
    settings: Settings,
) -> Split:
    """Hold texts out, unless validation texts are given, and weigh those that are left.

    Args:
        labelled: n labelled texts. Those of weight 0 are left out: they neither teach nor calibrate.
        validation: Validation texts that are given.
        unlabelled: Texts without labels.
        groups: n values, such as authors; None: only near duplicates stay together.
        class_weight: How much the texts of each label count in training; see `class_weights`.
        teacher: What labels unlabelled texts; None: nothing does.
        settings: The share to hold out, and the seed.

    Raises:
        DataError: Too few distinct texts can be held out.
    """
    labelled, groups = _without_weight_0(labelled, groups)
    most_are_unlabelled = len(unlabelled) > len(labelled)
    all_labelled_teach = most_are_unlabelled and groups is None and _are_few(labelled, teacher)
    refit_texts = None
    if validation is not None:
        split = Split(labelled, validation, unlabelled)
    elif all_labelled_teach:
        split = _hold_out_unlabelled(labelled, unlabelled, settings)
    else:
        share = settings.validation_fraction
        is_refitted = teacher is None and _is_refitted(labelled, settings)
        if is_refitted:
            share = _SHARE_IF_REFITTED
        train, held_out = hold_out_labelled(labelled, share, settings.seed, groups)
        split = Split(train, held_out, unlabelled)
        if is_refitted and held_out is not None:
            refit_texts = labelled
    label_weights = None
    if class_weight is not None and len(split.train):
        label_weights = class_weights(class_weight, split.train)
    return replace(
        split,
        train=weigh(split.train, label_weights),
        unlabelled=without_near_duplicates(split.unlabelled, split.held_out_texts, "held-out"),
        label_weights=label_weights,
        most_are_unlabelled=most_are_unlabelled,
        refit_texts=None if refit_texts is None else weigh(refit_texts, label_weights),
    )


def _is_refitted(labelled: Examples, settings: Settings) -> bool:
    """Return whether all texts teach in the end, because labels have few texts on average."""
    if settings.validation_fraction is not None or settings.model_name_or_path is not None:
        return False
    labels_of_texts = len(labelled)
    if labelled.is_multi_label:
        labels_of_texts = int(labelled.labels.sum())
    return labels_of_texts < _FEW_TEXTS_OF_LABEL * len(labelled.label_names)


def _without_weight_0(
    texts: Examples, groups: Sequence[Hashable] | None
) -> tuple[Examples, Sequence[Hashable] | None]:
    if texts.weights is None:
        return texts, groups
    rows = np.flatnonzero(texts.weights).tolist()
    if groups is not None:
        groups = [groups[row] for row in rows]
    return texts.select(rows), groups


def _are_few(labelled: Examples, teacher: Teacher | None) -> bool:
    """Return whether so few texts have labels that a teacher's labels should calibrate instead."""
    if teacher is None:
        return False
    enough = _FEW_LABELLED_TEXTS if teacher.learns_labels else _VERY_FEW_LABELLED_TEXTS
    return len(labelled) < enough


def _hold_out_unlabelled(
    labelled: Examples, unlabelled: Sequence[str], settings: Settings
) -> Split:
    """Hold out a share of the unlabelled texts, at most 1,000. None of them is a near duplicate of a labelled text."""
    share = settings.validation_fraction
    if share == 0:
        return Split(labelled, None, unlabelled)
    if share is None:
        share = _UNLABELLED_SHARE
    count = min(round(share * len(unlabelled)), _MOST_UNLABELLED)
    candidates = np.arange(len(unlabelled))
    if len(labelled):
        candidates = rows_without_near_duplicates(unlabelled, labelled.texts)
    count = min(count, len(candidates))
    if count < FEWEST_TEXTS:
        _warn_of_few(count, len(unlabelled), "texts without labels")
        return Split(labelled, None, unlabelled)
    generator = np.random.default_rng(settings.seed)
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
    """Hold labelled texts out, about the same share of each label.

    Args:
        texts: n texts.
        fraction: Share of the texts to hold out, 0 to below 1; None: a twentieth, at least 50 and at most 2,000 texts,
            but never more than a tenth.
        seed: The same seed holds the same texts out.
        groups: n values, such as authors; None: only near duplicates stay together.

    Returns:
        The training texts and the held-out texts; None for these if the fraction asks for fewer than 10, too few for a
        calibration, or if they would all have the same label.

    Raises:
        DataError: No text can be held out.
    """
    if fraction == 0:
        return texts, None
    share = share_to_hold_out(len(texts), fraction)
    if len(texts) * share < FEWEST_TEXTS:
        _warn_of_few(int(len(texts) * share), len(texts), "labelled texts")
        return texts, None
    group_of = groups_of(texts, groups)
    train, held_out = hold_out_share(texts.labels, group_of, share, seed)
    if not len(held_out):
        few = "too few distinct texts" if groups is None else "too few groups of texts"
        raise DataError(f"There are {few} to hold some out; {_ALTERNATIVES}.")
    if not texts.is_multi_label and len(np.unique(texts.labels[held_out])) < 2:
        logger.warning(
            "The scores are not calibrated: all texts that can be held out have the same label. Give validation texts."
        )
        return texts, None
    logger.info("%d of %d texts are held out for calibration.", len(held_out), len(texts))
    return texts.select(train), texts.select(held_out)


def groups_of(texts: Examples, groups: Sequence[Hashable] | None) -> Ints:
    """Return the group of each of n texts, (n,): near duplicates are in one, and so are texts of a given group.

    Args:
        texts: The texts.
        groups: n values, such as authors; a text whose value is blank is alone. None: only near duplicates count.
    """
    group_of = near_duplicate_groups(texts.texts)
    if groups is None:
        return group_of
    alone = [object() if is_blank(group) else group for group in groups]
    return merge_groups(group_of, alone)


def _warn_of_few(count: int, all_texts: int, kind: str) -> None:
    logger.warning(
        "The scores are not calibrated: only %d of %d %s would be held out, and a calibration needs %d. Give "
        "validation texts.",
        count,
        all_texts,
        kind,
        FEWEST_TEXTS,
    )


def share_to_hold_out(count: int, fraction: float | None = None) -> float:
    """Return the share of `count` texts that is held out: the fraction that is given, or else the default share."""
    if fraction is not None:
        return fraction
    if not count:
        return 0.0
    wanted = min(max(_SHARE * count, _LEAST_TEXTS), _MOST_TEXTS)
    return min(wanted / count, _MOST_SHARE)
