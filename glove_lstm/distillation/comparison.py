"""Is a teacher worth its time? What cross-validation says of labels alone, and of an encoder before it is tuned."""

import logging
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.base import ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

from glove_lstm.baselines import BASELINES
from glove_lstm.splits.splitter import near_duplicate_groups
from glove_lstm.tables.examples import Examples

logger = logging.getLogger(__name__)

_FOLDS = 5
_FEWEST_TEXTS = 50  # with fewer, an interval is wider than most differences
_MOST_TEXTS = 1_000
_SIGNIFICANCE = 0.05


def compare_with_labels_alone(
    name: str, embed: Callable[[list[str]], NDArray[np.floating]], c: float, train: Examples
) -> None:
    """Log the cross-validated accuracies of two classifiers of the labelled texts, and warn if the first is better.

    The first is a linear classifier of words and characters, which is about as accurate as a model of this package that
    learns from the labels alone. The second is a regression on embeddings. Near duplicates share a fold.

    Args:
        name: Of the encoder.
        embed: Returns the embeddings of n texts, (n, width).
        c: Of the regression.
        train: The labelled texts; of more than 1,000, so many are drawn. Fewer than 50 are not compared.
    """
    if len(train) < _FEWEST_TEXTS:
        return
    rows = np.random.default_rng(0).permutation(len(train))[:_MOST_TEXTS]
    texts = train.select(rows.tolist())
    words_and_characters = np.array(texts.texts, dtype=object)
    svc_is_right = _cross_validate(
        BASELINES["tfidf_svc_cased_chars"](), words_and_characters, texts
    )
    regression = LogisticRegression(C=c, max_iter=2_000)
    encoder_is_right = _cross_validate(regression, embed(list(texts.texts)), texts)
    if svc_is_right is None or encoder_is_right is None:
        return
    logger.info(
        "Cross-validated on %d labelled texts, a linear classifier of words and characters has accuracy %s.",
        len(texts),
        _with_interval(svc_is_right),
    )
    logger.info(
        "The encoder %s, before it is tuned, has %s.", name, _with_interval(encoder_is_right)
    )
    # The exact test of McNemar 1947, of the texts for which one of the two is right.
    only_svc = int((svc_is_right & ~encoder_is_right).sum())
    only_encoder = int((encoder_is_right & ~svc_is_right).sum())
    if only_svc <= only_encoder:
        return
    if binomtest(only_svc, only_svc + only_encoder, alternative="greater").pvalue < _SIGNIFICANCE:
        logger.warning(
            "The labels alone may be better than this teacher: train without it, too, and compare on test texts."
        )


def _cross_validate(
    classifier: ClassifierMixin, features: NDArray[Any], texts: Examples
) -> NDArray[np.bool_] | None:
    """Return for each text whether a classifier of the other folds is right; None: a fold leaves one label only."""
    groups = near_duplicate_groups(texts.texts)
    splitter = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=0)
    is_right = np.zeros(len(texts), dtype=bool)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of labels with fewer texts than folds
        folds = list(splitter.split(features, texts.labels, groups))
    for train, test in folds:
        if len(np.unique(texts.labels[train])) < 2:
            return None
        classifier.fit(features[train], texts.labels[train])
        is_right[test] = classifier.predict(features[test]) == texts.labels[test]
    return is_right


def _with_interval(is_right: NDArray[np.bool_]) -> str:
    interval = binomtest(int(is_right.sum()), len(is_right)).proportion_ci(method="wilson")
    return f"{is_right.mean():.2f} (95 % interval {interval.low:.2f} to {interval.high:.2f})"
