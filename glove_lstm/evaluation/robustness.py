"""Accuracy on texts that are mistyped, lower-cased, unpunctuated or cut short."""

import logging
import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glove_lstm.evaluation.metrics import accuracy_with_interval, mean_interval
from glove_lstm.inference.classifier import Classifier
from glove_lstm.text.corruptions import dropped_words, first_words, no_punctuation, typos

logger = logging.getLogger(__name__)

Perturbation = Callable[[str, random.Random], str]

PERTURBATIONS: dict[str, Perturbation] = {
    "typos": typos,
    "dropped_words": dropped_words,
    "no_case": lambda text, _: text.lower(),
    "no_punctuation": lambda text, _: no_punctuation(text),
    "upper_case": lambda text, _: text.upper(),
    "first_10_words": lambda text, _: first_words(text, 10),
    "first_50_words": lambda text, _: first_words(text, 50),
}
DESCRIPTIONS = {
    "typos": "10 % of letters mistyped",
    "dropped_words": "10 % of words dropped",
    "no_case": "lower-cased",
    "upper_case": "upper-cased",
    "no_punctuation": "punctuation removed",
    "first_10_words": "first 10 words only",
    "first_50_words": "first 50 words only",
}


def perturb(change: Perturbation, texts: Sequence[str], seed: int) -> list[str]:
    """Perturb texts, each independently of the others.

    Args:
        change: One of `PERTURBATIONS`.
        texts: n texts.
        seed: The seed and the text together seed the perturbation of a text.

    Returns:
        n texts.
    """
    perturbed = []
    for text in texts:
        key = f"{seed}:{text}".encode("utf-8", "surrogatepass")
        perturbed.append(change(text, random.Random(key)))  # noqa: S311 - no secret
    return perturbed


def measure_robustness(
    classifier: Classifier, texts: Sequence[str], labels: NDArray[np.integer]
) -> dict[str, dict[str, Any]]:
    """Measure the accuracy on texts as they are and on perturbed texts, and the accuracy that is lost.

    Args:
        classifier: The classifier.
        texts: n texts; a title and its body are joined by a space.
        labels: (n,) class indices.

    Returns:
        "clean" and each name in `PERTURBATIONS` -> `accuracy` and `accuracy_interval`. The perturbations also have
        `lost`, the accuracy on clean texts minus the accuracy on perturbed ones, and `lost_interval`, paired by text.
    """

    def is_correct(rows: Sequence[str]) -> NDArray[np.bool_]:
        predicted = classifier.predict_logits(rows).argmax(axis=1)
        return np.asarray(predicted == labels)

    is_clean_correct = is_correct(list(texts))
    measures: dict[str, dict[str, Any]] = {"clean": accuracy_with_interval(is_clean_correct)}
    for name, change in PERTURBATIONS.items():
        logger.info("Measuring robustness: %s", DESCRIPTIONS[name])
        is_perturbed_correct = is_correct(perturb(change, texts, seed=0))
        # (n,) 1 for a text whose label is lost, -1 for one whose label is gained.
        lost = is_clean_correct.astype(float) - is_perturbed_correct
        measures[name] = {
            **accuracy_with_interval(is_perturbed_correct),
            "lost": float(lost.mean()),
            "lost_interval": mean_interval(lost),
        }
    return measures
