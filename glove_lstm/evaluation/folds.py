"""Predict each text by a model that has not learned from it: honest measures of the data, and doubts about labels."""

import logging
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from glove_lstm.errors import DataError
from glove_lstm.splits.splitter import Ints, hold_out_share
from glove_lstm.tables.examples import Examples
from glove_lstm.tables.labels import Label
from glove_lstm.training.fit import fit
from glove_lstm.training.hold_out import groups_of
from glove_lstm.training.settings import Settings
from glove_lstm.vectors.glove import load_glove

logger = logging.getLogger(__name__)


def predict_in_folds(
    texts: Examples,
    labels: Sequence[Label],
    groups: Sequence[Hashable] | None,
    folds: int,
    settings: Settings,
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """Train on all folds but one, and predict that one, in turn; see `make_folds`.

    Returns:
        The scores of n texts, (n, labels); and the scores from which a text gets each label, (n, labels), None if it
        has exactly one.
    """
    fold_of = make_folds(texts, groups, folds, settings.seed)
    glove = load_glove(settings.glove)
    scores = np.zeros((len(texts), len(texts.label_names)))
    thresholds = np.zeros_like(scores) if texts.is_multi_label else None
    for fold in range(folds):
        train = np.flatnonzero(fold_of != fold).tolist()
        held_out = np.flatnonzero(fold_of == fold).tolist()
        logger.info("Fold %d of %d: %d texts to predict.", fold + 1, folds, len(held_out))
        trained = fit(
            [texts.texts[row] for row in train],
            [labels[row] for row in train],
            settings=settings,
            label_names=texts.label_names,
            groups=None if groups is None else [groups[row] for row in train],
            glove=glove,
        )
        classifier = trained.classifier
        scores[held_out] = classifier.predict_proba([texts.texts[row] for row in held_out])
        if thresholds is not None:
            thresholds[held_out] = classifier.thresholds
    return scores, thresholds


def make_folds(texts: Examples, groups: Sequence[Hashable] | None, folds: int, seed: int) -> Ints:
    """Return the fold of each of n texts, (n,).

    Each fold has about as many texts of each label. Near duplicates share a fold, and so do the texts of a group.

    Raises:
        DataError: The texts cannot be divided into so many folds.
    """
    group_of = groups_of(texts, groups)
    fold_of = np.zeros(len(texts), dtype=np.int64)
    rest = np.arange(len(texts))
    for fold in range(folds - 1, 0, -1):
        # Of the texts that are in no fold yet, which are for this one and those before it.
        share = 1 / (fold + 1)
        others, held_out = hold_out_share(texts.labels[rest], group_of[rest], share, seed)
        if not len(held_out):
            few = "distinct texts" if groups is None else "groups of texts"
            raise DataError(f"There are too few {few} for {folds} folds; give fewer (--folds).")
        fold_of[rest[held_out]] = fold
        rest = rest[others]
    return fold_of
