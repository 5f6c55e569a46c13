"""Accuracy on texts that are mistyped, lower-cased, unpunctuated or cut short."""

import logging
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glove_lstm.evaluation.metrics import accuracy_with_interval, figure_cells, mean_interval
from glove_lstm.inference.light_classifier import LightClassifier
from glove_lstm.printable import markdown_table
from glove_lstm.text.corruptions import dropped_words, first_words, no_punctuation, typos

logger = logging.getLogger(__name__)

Perturbation = Callable[[str, random.Random], str]

PERTURBATIONS: dict[str, Perturbation] = {
    "typos": typos,  # in 10 % of the letters
    "dropped_words": dropped_words,  # 10 % of them
    "no_case": lambda text, _: text.lower(),
    "no_punctuation": lambda text, _: no_punctuation(text),
    "upper_case": lambda text, _: text.upper(),
    "first_10_words": lambda text, _: first_words(text, 10),
    "first_50_words": lambda text, _: first_words(text, 50),
}


def perturb(change: Perturbation, texts: Sequence[str]) -> list[str]:
    """Perturb n texts by one of `PERTURBATIONS`, each independently of the others."""
    perturbed = []
    for text in texts:
        seed = f"0:{text}".encode("utf-8", "surrogatepass")
        perturbed.append(change(text, random.Random(seed)))  # noqa: S311 - no secret
    return perturbed


def measure_robustness(
    classifier: LightClassifier, texts: Sequence[str], labels: NDArray[np.integer]
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

    is_clean_correct = is_correct(texts)
    measures: dict[str, dict[str, Any]] = {"clean": accuracy_with_interval(is_clean_correct)}
    for name, change in PERTURBATIONS.items():
        logger.info("Measuring robustness: %s", _title(name))
        is_perturbed_correct = is_correct(perturb(change, texts))
        # (n,) 1 for a text whose label is lost, -1 for one whose label is gained.
        lost = is_clean_correct.astype(float) - is_perturbed_correct
        measures[name] = {
            **accuracy_with_interval(is_perturbed_correct),
            "lost": float(lost.mean()),
            "lost_interval": mean_interval(lost),
        }
    return measures


def robustness_table(robustness: Mapping[str, Mapping[str, Any]]) -> str:
    """Return what `measure_robustness` found as a table."""
    rows = []
    for name, figures in robustness.items():
        row = [_title(name), *figure_cells(figures["accuracy"], figures["accuracy_interval"])]
        if "lost" in figures:
            row += figure_cells(figures["lost"], figures["lost_interval"], "+")
        rows.append(row)
    return markdown_table(["texts", "accuracy", "95 % interval", "lost", "95 % interval"], rows)


def _title(name: str) -> str:
    return "unchanged" if name == "clean" else name.replace("_", " ")
