"""Accuracy on texts that are mistyped, lower-cased, unpunctuated or cut short."""

import logging
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from glove_lstm.data.corruptions import CORRUPTIONS
from glove_lstm.evaluation.metrics import accuracy_with_interval, mean_interval
from glove_lstm.inference.prediction import predict_logits

logger = logging.getLogger(__name__)

PERTURBATIONS: dict[str, Callable[[str, random.Random], str]] = {
    "typos": CORRUPTIONS["typos"],
    "dropped_words": CORRUPTIONS["dropped_words"],
    "no_case": CORRUPTIONS["no_case"],
    "no_punctuation": CORRUPTIONS["no_punctuation"],
    "upper_case": lambda text, _: text.upper(),
    "first_10_words": lambda text, _: " ".join(text.split()[:10]),
    "first_50_words": lambda text, _: " ".join(text.split()[:50]),
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


def perturb(name: str, texts: Sequence[str], seed: int) -> list[str]:
    """Perturb texts, each independently of the others.

    Args:
        name: One of `PERTURBATIONS` or `CORRUPTIONS`.
        texts: n texts.
        seed: Seed of the perturbation, together with the text.

    Returns:
        n texts.
    """
    change = (CORRUPTIONS | PERTURBATIONS)[name]
    perturbed = []
    for text in texts:
        key = f"{seed}:{text}".encode("utf-8", "surrogatepass")
        perturbed.append(change(text, random.Random(key)))  # noqa: S311 - no secret
    return perturbed


def measure_robustness(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    labels: NDArray[np.integer],
) -> dict[str, dict[str, Any]]:
    """Measure the accuracy on texts as they are and under each perturbation, and the lost accuracy.

    Args:
        model: A classifier.
        tokenizer: Its tokenizer.
        texts: n single texts; join a title and its body with a space, which is how the tokenizer reads a pair.
        labels: (n,) class indices.

    Returns:
        "clean" and each name in `PERTURBATIONS` -> accuracy and accuracy_interval; for the perturbations also lost and
        lost_interval: the difference, paired by text.
    """

    def is_correct(rows: Sequence[str]) -> NDArray[np.bool_]:
        return np.asarray(predict_logits(model, tokenizer, rows).argmax(axis=1) == labels)

    clean = is_correct(list(texts))
    measures: dict[str, dict[str, Any]] = {"clean": accuracy_with_interval(clean)}
    for name in PERTURBATIONS:
        logger.info("Measuring robustness: %s", DESCRIPTIONS[name])
        perturbed = is_correct(perturb(name, texts, seed=0))
        lost = clean.astype(float) - perturbed
        measures[name] = {
            **accuracy_with_interval(perturbed),
            "lost": float(lost.mean()),
            "lost_interval": mean_interval(lost),
        }
    return measures


def summarize(measures: Mapping[str, Mapping[str, Any]]) -> str:
    """Format the result of `measure_robustness` as half a sentence for the card."""
    changes = [f"{shown} {measures[name]['accuracy']:.4f}" for name, shown in DESCRIPTIONS.items()]
    return (
        f"accuracy {measures['clean']['accuracy']:.4f} becomes, with {'; '.join(changes)}. "
        "Rewriting, translation and texts written by a machine: not measured."
    )
