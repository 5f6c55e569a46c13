"""Is a teacher worth its time? What cross-validation says of labels alone, and of an encoder before it is tuned."""

import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

from glove_lstm.baselines import linear_baseline
from glove_lstm.splits.splitter import near_duplicate_groups
from glove_lstm.tables.examples import Examples

logger = logging.getLogger(__name__)

_FOLDS = 5
_FEWEST_TEXTS = 50  # with fewer, an interval is wider than most differences
_MOST_TEXTS = 1_000


def compare_with_labels_alone(
    embed: Callable[[list[str]], NDArray[np.floating]],
    make_regression: Callable[[Examples], LogisticRegression],
    train: Examples,
) -> dict[str, Any] | None:
    """Cross-validate two classifiers of the labelled texts. Near duplicates share a fold.

    The first is a linear classifier of words and characters, which is about as accurate as a model of this package that
    learns from the labels alone. The second is a regression on embeddings.

    Args:
        embed: Returns the embeddings of n texts, (n, width).
        make_regression: Returns the regression that learns from examples, not yet fitted.
        train: The labelled texts. At most 1,000 are sampled.

    Returns:
        The number of `texts`; and the accuracy of `labels_alone` and of `encoder`, each with its 95 % interval. None:
        there are too few texts to divide them, or no words.
    """
    rows = np.random.default_rng(0).permutation(len(train))[:_MOST_TEXTS]
    texts = train.select(rows.tolist())
    groups = near_duplicate_groups(texts.texts)
    if len(texts) < _FEWEST_TEXTS or len(np.unique(groups)) < _FOLDS:
        return None
    splitter = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of labels with fewer texts than folds
        try:
            folds = list(splitter.split(texts.texts, texts.labels, groups))
            svc_labels = cross_val_predict(linear_baseline(), texts.texts, texts.labels, cv=folds)
        except ValueError:  # all labels are rare, a fold has one label, or there are no words
            return None
    embeddings = embed(list(texts.texts))
    encoder_labels = cross_val_predict(make_regression(texts), embeddings, texts.labels, cv=folds)
    return {
        "texts": len(texts),
        "labels_alone": _with_interval(svc_labels == texts.labels),
        "encoder": _with_interval(encoder_labels == texts.labels),
    }


def log_comparison(name: str, comparison: Mapping[str, Any]) -> None:
    """Log a line for each classifier, and warn if the labels alone are better than the teacher of this name."""
    alone, encoder = comparison["labels_alone"], comparison["encoder"]
    logger.info(
        "Cross-validated on %d labelled texts, a linear classifier of words and characters has accuracy %s.",
        comparison["texts"],
        _shown(alone),
    )
    logger.info("The %s, before it is tuned, has %s.", name, _shown(encoder))
    _, lowest_alone, _ = alone
    _, _, highest_of_encoder = encoder
    if lowest_alone > highest_of_encoder:
        logger.warning(
            "Before it is tuned, the encoder knows less than the labels alone. Tuning may change that: train without a "
            "teacher, too, and compare on test texts."
        )


def _with_interval(is_right: NDArray[np.bool_]) -> list[float]:
    interval = binomtest(int(is_right.sum()), len(is_right)).proportion_ci(method="wilson")
    return [round(float(value), 4) for value in (is_right.mean(), interval.low, interval.high)]


def _shown(accuracy_and_interval: Sequence[float]) -> str:
    accuracy, low, high = accuracy_and_interval
    return f"{accuracy:.2f} (95 % interval {low:.2f} to {high:.2f})"
