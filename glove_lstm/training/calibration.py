"""Calibration: temperature scaling (Guo et al. 2017, https://arxiv.org/abs/1706.04599) and what goes with it."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, logit

from glove_lstm.distillation.targets import Targets
from glove_lstm.errors import counted, listed
from glove_lstm.inference.classifier import run_batches
from glove_lstm.inference.onnx_export import light_classifier
from glove_lstm.modeling.modeling_glove_lstm import GloveLstmForSequenceClassification
from glove_lstm.progress import progress
from glove_lstm.temperature import (
    FEWEST_TEXTS,
    HIGHEST_SCALE,
    LOWEST_SCALE,
    as_questions,
    best_scale,
    smoothed_targets,
)
from glove_lstm.text.corruptions import first_words
from glove_lstm.text.light_tokenizer import LightTokenizer
from glove_lstm.training.arguments import GloveLstmTrainingArguments
from glove_lstm.training.batches import corrupt, tokenize
from glove_lstm.training.record import CalibrationRecord
from glove_lstm.training.torch_runner import torch_runner

logger = logging.getLogger(__name__)

Floats = NDArray[np.float64]

_HIGHEST_SHRINKAGE = 32.0  # known tokens
_BEGINNINGS = (1, 2, 4, 8, 16)  # words of the short texts to which the shrinkage is fitted
# The prior of the parts' weights: the usual weight of the n-grams beside 1 of the LSTM, and the standard deviation of
# the logarithm of each of the two. DECISIONS.md says what was tried.
_USUAL_WEIGHT = 2.0
_USUAL_WEIGHT_WITHOUT_VECTORS = 8.0
_SPREAD = 1.0
# Of the thresholds of a multi-label model:
# A label's best threshold counts as half at this many texts with the label; DECISIONS.md says why.
_TEXTS_FOR_HALF = 20
# Of fewer texts with the label, its best threshold is a matter of chance.
_FEWEST_FOR_THRESHOLD = 5
# Best thresholds are this far from 0 and 1 at least, because their logits are averaged.
_NEAREST_TO_EDGE = 1e-3


@dataclass(frozen=True, eq=False)
class Scored:
    """n texts with the logits of the parts of a model, LSTM and n-grams."""

    logits: Floats  # (n, parts, labels)
    known: Floats  # (n,) number of known tokens, at least 1

    def summed(self, scales: Floats, shrinkage: float) -> Floats:
        """Return the sum of the parts' logits times their scales (parts,), shrunk: (n, labels)."""
        shrunk = self.known / (self.known + shrinkage)
        return np.tensordot(self.logits, scales, (1, 0)) * shrunk[:, None]


def calibrate(
    model: GloveLstmForSequenceClassification,
    tokenizer: LightTokenizer,
    targets: Targets,
    arguments: GloveLstmTrainingArguments,
    *,
    has_vectors: bool,
) -> CalibrationRecord | None:
    """Fit the weight of the n-grams, the shrinkage, the temperature and, for multi-label models, the thresholds.

    The weight and the shrinkage are fitted to whole texts, their first words and, if the model learned from corrupted
    copies, a corrupted copy of each. The temperature is fitted to whole texts alone. Weights of classes and texts
    are not used. A multi-label text is calibrated as one yes-or-no question for each label; see `as_questions`.

    Args:
        model: A trained model without calibration; the values are set in its config.
        tokenizer: Its tokenizer.
        targets: `calibration_texts` has n texts from which the model did not learn, or none.
        arguments: Whether there were corrupted copies, and their seed.
        has_vectors: Whether any word had a vector before the training.

    Returns:
        What was fitted; None if there are no texts, or too few.
    """
    if targets.calibration_texts is None:
        return None
    held_out = targets.calibration_texts
    if len(held_out) < FEWEST_TEXTS:
        logger.warning(
            "The scores are not calibrated by %s: a calibration needs %d. Give more.",
            counted(len(held_out), "validation text"),
            FEWEST_TEXTS,
        )
        return None
    texts_of_versions = [held_out.texts, _beginnings(held_out.texts)]
    if arguments.corrupted_share:
        texts_of_versions.append(corrupt(held_out.texts, tokenizer, seed=arguments.seed))
    versions = [score_parts(model, tokenizer, texts) for texts in texts_of_versions]
    usual_weight = _USUAL_WEIGHT
    if not has_vectors:
        usual_weight = _USUAL_WEIGHT_WITHOUT_VECTORS
    values = fit_calibration(
        versions,
        held_out.labels,
        targets.probabilities,
        usual_weight=usual_weight,
    )
    model.config.update(values)
    unfitted_names: list[str] = []
    if held_out.is_multi_label:
        scores = light_classifier(model, tokenizer).predict_proba(held_out.texts)
        thresholds, unfitted = fit_thresholds(scores, held_out.labels)
        model.config.update({"thresholds": thresholds})
        unfitted_names = [held_out.label_names[label] for label in unfitted]
        if unfitted_names:
            logger.info(
                "Labels of too few held-out texts have the common threshold: %s.",
                listed(unfitted_names),
            )
    return CalibrationRecord(
        texts=len(held_out),
        labels_of=held_out.labels_of,
        temperature=model.config.temperature,
        shrinkage=model.config.shrinkage,
        ngram_weight=None if model.ngrams is None else model.config.ngram_weight,
        unfitted_thresholds=unfitted_names,
    )


def _beginnings(texts: Sequence[str]) -> list[str]:
    """Return the first 1, 2, 4, 8 or 16 words of each text, in turn."""
    beginnings = []
    for row, text in enumerate(texts):
        count = _BEGINNINGS[row % len(_BEGINNINGS)]
        beginnings.append(first_words(text, count))
    return beginnings


def score_parts(
    model: GloveLstmForSequenceClassification, tokenizer: LightTokenizer, texts: Sequence[str]
) -> Scored:
    """Return the logits of n texts by the parts of the model."""
    tokenized = tokenize(texts, tokenizer)
    with progress("Calibrating", total=len(texts)) as bar:
        logits = run_batches(torch_runner(model), tokenized.tokens, done=bar.update)
    known = tokenized.count_other_than(model.config.unk_token_id).clip(min=1)
    return Scored(logits.astype(np.float64), known.astype(np.float64))


def fit_calibration(
    versions: Sequence[Scored],
    labels: NDArray[Any],
    probabilities: Floats | None = None,
    *,
    usual_weight: float = _USUAL_WEIGHT,
) -> dict[str, float]:
    """Fit the values of the config to one or more versions of n texts; the first version is the whole texts.

    Args:
        versions: The versions of the texts.
        labels: (n,) class indices; or (n, labels), 1 where a text has the label.
        probabilities: (n, labels) probabilities of the labels that a teacher gives, instead of `labels`; None: these.
        usual_weight: Centre of the prior of the n-grams' weight.

    Returns:
        `ngram_weight` (1 for a model without n-grams), `shrinkage` and `temperature`.
    """
    scored = list(versions)
    if labels.ndim == 2:  # yes-or-no questions
        scored = [_questions_of(version, labels) for version in versions]
    if probabilities is None:
        # Of the texts; or of yes-or-no questions, 0 for no and 1 for yes.
        classes = labels.reshape(-1).astype(np.int64)
        targets = smoothed_targets(classes, scored[0].logits.shape[2])
    else:
        targets = probabilities
    parts = scored[0].logits.shape[1]
    usual_log_scales = np.log([1.0, usual_weight])[:parts]

    def loss(values: Floats) -> float:
        """Return the cross-entropy of all versions, and the prior, for log-scales of the parts and shrinkage."""
        log_scales, shrinkage = values[:parts], float(values[parts])
        total = 0.0
        for version in scored:
            log_scores = log_softmax(version.summed(np.exp(log_scales), shrinkage), axis=1)
            total -= (targets * log_scores).sum()
        from_usual = log_scales - usual_log_scales
        deviations = (from_usual - from_usual.mean()) / _SPREAD
        prior = len(scored) * (deviations**2).sum() / 2
        return (total + prior) / len(targets)

    bounds_of_scale = (np.log(LOWEST_SCALE), np.log(HIGHEST_SCALE))
    bounds = [bounds_of_scale] * parts + [(0.0, _HIGHEST_SHRINKAGE)]
    start = np.array([0.0] * parts + [1.0])
    best = minimize(loss, start, method="L-BFGS-B", bounds=bounds).x
    scales = np.exp(best[:parts])
    shrinkage = float(best[parts])
    weights = scales / scales[0]  # of the LSTM 1, and of the n-grams, if there are any
    scale, _ = best_scale(scored[0].summed(weights, shrinkage), targets)
    return {
        "ngram_weight": float(weights[1]) if parts == 2 else 1.0,
        "shrinkage": shrinkage,
        "temperature": 1 / scale,
    }


def _questions_of(scored: Scored, labels: NDArray[Any]) -> Scored:
    """Return multi-label texts as yes-or-no questions; see `as_questions`."""
    parts = [as_questions(part, labels)[0] for part in np.moveaxis(scored.logits, 1, 0)]
    return Scored(np.stack(parts, axis=1), np.repeat(scored.known, labels.shape[1]))


def fit_thresholds(scores: Floats, labels: NDArray[np.number]) -> tuple[list[float], list[int]]:
    """Fit the threshold of each label to calibrated scores.

    The threshold with the best F1 of few texts is a matter of chance. A label's best threshold is therefore averaged
    with the common one, that with the best micro F1, and the common one with 0.5. The logits of the thresholds are
    averaged. The weight of a best threshold is n / (n + 20) for n texts with the label, or n labels of all texts.

    Args:
        scores: (n, labels).
        labels: (n, labels), 1 where a text has the label.

    Returns:
        The thresholds, and the indices of the labels that fewer than five texts have: they get the common threshold.
    """
    has_label = labels.astype(bool)
    best = [_best_threshold(*column) for column in zip(scores.T, has_label.T, strict=True)]
    best_of_all = _best_threshold(scores.ravel(), has_label.ravel())
    common = _pulled(best_of_all, int(has_label.sum()), towards=0.5)
    counts = has_label.sum(axis=0).tolist()
    thresholds = []
    unfitted = []
    for label, count in enumerate(counts):
        if count < _FEWEST_FOR_THRESHOLD:
            unfitted.append(label)
            thresholds.append(common)
        else:
            thresholds.append(_pulled(best[label], count, towards=common))
    return thresholds, unfitted


def _pulled(threshold: float, count: int, towards: float) -> float:
    """Average the logits of two thresholds; `count` texts with the label decide the weight of the first one."""
    weight = count / (count + _TEXTS_FOR_HALF)
    bounded = np.clip(threshold, _NEAREST_TO_EDGE, 1 - _NEAREST_TO_EDGE)
    return float(expit(weight * logit(bounded) + (1 - weight) * logit(towards)))


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
