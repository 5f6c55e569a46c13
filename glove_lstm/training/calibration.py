"""Calibration: temperature scaling (Guo et al. 2017, https://arxiv.org/abs/1706.04599) and what goes with it."""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, logit

from glove_lstm.distillation.targets import Targets
from glove_lstm.errors import counted
from glove_lstm.inference.classifier import run_batches
from glove_lstm.inference.torch_classifier import torch_runner
from glove_lstm.modeling.modeling_glove_lstm import GloveLstmForSequenceClassification
from glove_lstm.progress import progress
from glove_lstm.temperature import (
    FEWEST_TEXTS,
    HIGHEST_SCALE,
    LOWEST_SCALE,
    as_questions,
    smoothed_targets,
)
from glove_lstm.text.light_tokenizer import LightTokenizer
from glove_lstm.training.batches import tokenize
from glove_lstm.training.record import CalibrationRecord

logger = logging.getLogger(__name__)

Floats = NDArray[np.float64]

# The best threshold counts as half at this many labels of all texts; DECISIONS.md says why.
_LABELS_FOR_HALF = 20
# The best threshold is this far from 0 and 1 at least, because logits of thresholds are averaged.
_NEAREST_TO_EDGE = 1e-3


def calibrate(
    model: GloveLstmForSequenceClassification, tokenizer: LightTokenizer, targets: Targets
) -> CalibrationRecord | None:
    """Fit the weight of the n-grams, the temperature and, for multi-label models, the threshold.

    Weights of classes and texts are not used. A multi-label text is calibrated as one yes-or-no question for each
    label; see `as_questions`.

    Args:
        model: A trained model without calibration; the values are set in its config.
        tokenizer: Its tokenizer.
        targets: `calibration_texts` has n texts from which the model did not learn, or none.

    Returns:
        What was fitted; None if there are no texts, or too few.
    """
    held_out = targets.calibration_texts
    if held_out is None:
        return None
    if len(held_out) < FEWEST_TEXTS:
        logger.warning(
            "The scores are not calibrated by %s: a calibration needs %d. Give more.",
            counted(len(held_out), "validation text"),
            FEWEST_TEXTS,
        )
        return None
    part_logits = score_parts(model, tokenizer, held_out.texts)
    temperature, ngram_weight = fit_calibration(
        part_logits, held_out.labels, targets.probabilities
    )
    model.config.update({"temperature": temperature, "ngram_weight": ngram_weight})
    if held_out.is_multi_label:
        weights = np.array([1.0, ngram_weight])[: part_logits.shape[1]]
        scores = expit(_weighted_sum(part_logits, weights / temperature))
        threshold = fit_threshold(scores, held_out.labels)
        model.config.update({"thresholds": [threshold] * len(held_out.label_names)})
    return CalibrationRecord(
        texts=len(held_out),
        labels_of=held_out.labels_of,
        temperature=temperature,
        ngram_weight=None if model.ngrams is None else ngram_weight,
    )


def score_parts(
    model: GloveLstmForSequenceClassification, tokenizer: LightTokenizer, texts: Sequence[str]
) -> Floats:
    """Return the logits of n texts by the parts of the model, LSTM and n-grams: (n, parts, labels)."""
    tokens = tokenize(texts, tokenizer)
    with progress("Calibrating", total=len(texts)) as bar:
        logits = run_batches(torch_runner(model, "part_logits"), tokens, done=bar.update)
    return logits.astype(np.float64)


def fit_calibration(
    part_logits: Floats, labels: NDArray[Any], probabilities: Floats | None = None
) -> tuple[float, float]:
    """Fit the scales of the parts' logits to the labels of n texts, by the smallest cross-entropy.

    Args:
        part_logits: (n, parts, labels).
        labels: (n,) class indices; or (n, labels), 1 where a text has the label.
        probabilities: (n, labels) probabilities of the labels that a teacher gives, instead of `labels`; None: these.

    Returns:
        The temperature, and the weight of the n-grams beside 1 of the LSTM; 1 for a model without n-grams.
    """
    if labels.ndim == 2:
        part_logits, labels = _questions_of(part_logits, labels)
    targets = probabilities
    if targets is None:
        targets = smoothed_targets(labels, part_logits.shape[2])

    def loss(log_scales: Floats) -> float:
        log_scores = log_softmax(_weighted_sum(part_logits, np.exp(log_scales)), axis=1)
        return -(targets * log_scores).sum() / len(targets)

    parts = part_logits.shape[1]
    bounds = [(np.log(LOWEST_SCALE), np.log(HIGHEST_SCALE))] * parts
    best = minimize(loss, np.zeros(parts), method="L-BFGS-B", bounds=bounds)
    scales = np.exp(best.x)
    return float(1 / scales[0]), float(scales[-1] / scales[0])


def _weighted_sum(part_logits: Floats, scales: Floats) -> Floats:
    """Return the sum of the parts' logits (n, parts, labels) times their scales (parts,): (n, labels)."""
    return np.tensordot(part_logits, scales, (1, 0))


def _questions_of(part_logits: Floats, labels: NDArray[Any]) -> tuple[Floats, NDArray[np.integer]]:
    """Return multi-label texts as yes-or-no questions; see `as_questions`."""
    parts = []
    for logits in np.moveaxis(part_logits, 1, 0):
        questions, answers = as_questions(logits, labels)
        parts.append(questions)
    return np.stack(parts, axis=1), answers


def fit_threshold(scores: Floats, labels: NDArray[np.number]) -> float:
    """Fit the threshold that all labels share to calibrated scores.

    The threshold with the best micro F1 of few texts is a matter of chance. It is therefore averaged with 0.5, as
    logits, at a weight of n / (n + 20) for n labels of all texts.

    Args:
        scores: (n, labels).
        labels: (n, labels), 1 where a text has the label.
    """
    has_label = labels.astype(bool).ravel()
    count = has_label.sum()
    weight = count / (count + _LABELS_FOR_HALF)
    best = np.clip(
        _best_threshold(scores.ravel(), has_label), _NEAREST_TO_EDGE, 1 - _NEAREST_TO_EDGE
    )
    return float(expit(weight * logit(best)))  # the logit of 0.5 is 0


def _best_threshold(scores: Floats, has_label: NDArray[np.bool_]) -> float:
    """Return the threshold with the best F1, halfway between two scores: scores (n,), has_label (n,)."""
    order = np.argsort(-scores, kind="stable")
    descending = scores[order]
    next_lower = np.append(descending[1:], 0.0)
    # F1 if the texts with the 1, 2, ... n highest scores get the label.
    predicted = np.arange(1, len(order) + 1)
    true_positives = has_label[order].cumsum()
    f1 = 2 * true_positives / (predicted + has_label.sum())
    f1[descending == next_lower] = -1  # no threshold divides equal scores
    best = f1.argmax()
    return float(descending[best] + next_lower[best]) / 2
