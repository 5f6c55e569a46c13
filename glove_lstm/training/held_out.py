"""Hold validation texts out of the training texts, without dividing near duplicates."""

import logging
from dataclasses import dataclass

import numpy as np

from glove_lstm.data.sources import split_by_source
from glove_lstm.data.splits import (
    Ints,
    grouped_stratified_split,
    keep_labels_on_both_sides,
    near_duplicate_groups,
    row_labels,
    strata,
)
from glove_lstm.errors import DataError
from glove_lstm.training.labelled_texts import LabelledTexts

logger = logging.getLogger(__name__)

FEWEST = 10  # validation texts for a calibration
_MOST_NAMED = 20  # labels in a warning
_ALTERNATIVES = "give validation texts, or hold out none (validation=None, --validation_fraction 0)"


@dataclass(frozen=True)
class HeldOut:
    """A division of the training texts."""

    train: Ints  # rows that train a first model
    validation: Ints  # rows that calibrate it


def hold_out(texts: LabelledTexts, share: float, by: str, seed: int) -> HeldOut | None:
    """Choose validation texts; near duplicates stay on one side.

    By "text", each label with at least two distinct texts has texts on both sides. By "source", a rare label may be in
    train only. A warning names the labels without held-out texts.

    Args:
        texts: The training texts.
        share: Share of the texts to hold out, 0 to below 1.
        by: "text", or "source" to keep whole publishers on one side, too.
        seed: The same seed gives the same texts.

    Returns:
        None if the share is 0, or has fewer than 10 texts, too few for a calibration.

    Raises:
        DataError: The share is out of range, or fewer than two labels (one, in multi-label texts) can be divided.
    """
    if by not in ("text", "source"):
        raise DataError(f"validation_by must be text or source, not {by!r}.")
    if not 0 <= share < 1:
        raise DataError(f"validation is the share {share}; give 0 to below 1.")
    if share == 0:
        return None
    if len(texts) * share < FEWEST:
        logger.warning(
            "The scores are not calibrated to labels: %.0f %% of %d texts are fewer than %d. Give validation texts.",
            100 * share,
            len(texts),
            FEWEST,
        )
        return None
    labels = texts.labels.tolist()
    groups = near_duplicate_groups(texts.texts)
    if by == "source":
        if texts.sources is None:
            raise DataError("validation_by is 'source', but the texts have no sources; give some.")
        parts = split_by_source(
            texts.sources, strata(labels), groups, share, seed, "The training texts"
        )
    else:
        parts = grouped_stratified_split(strata(labels), groups, (1 - share, share), seed)
        parts = keep_labels_on_both_sides(parts, row_labels(labels), groups, seed)
    _check_labels(texts, parts[1])
    logger.info("%d of %d texts are held out for validation.", len(parts[1]), len(texts))
    return HeldOut(*parts)


def _check_labels(texts: LabelledTexts, held_out: Ints) -> None:
    """Warn of labels without held-out texts; raise a DataError if too few labels have held-out texts."""
    if not len(held_out):
        raise DataError(f"There are too few distinct texts to hold some out; {_ALTERNATIVES}.")
    rows, labels = row_labels(texts.labels.tolist())
    count = len(texts.label_names)
    in_all = np.bincount(labels, minlength=count)
    in_validation = np.bincount(labels[np.isin(rows, held_out)], minlength=count)
    undivided = np.flatnonzero((in_all > 0) & (in_validation == 0))
    if not len(undivided):
        return
    rarest_first = undivided[np.argsort(in_all[undivided], kind="stable")].tolist()

    fewest_labels = 1 if texts.is_multi_label else 2
    if np.count_nonzero(in_validation) < fewest_labels:
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
        "These labels have no validation texts, because they have too few texts or sources: %s.",
        listing,
    )


def _texts(count: int) -> str:
    if count == 1:
        return "1 text"
    return f"{count} texts"
