"""Calibration: temperature scaling (Guo et al. 2017, https://arxiv.org/abs/1706.04599) and what goes with it."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, logit, softmax

from glove_lstm.distillation.targets import Targets
from glove_lstm.errors import counted
from glove_lstm.inference.promise import held_out_scores
from glove_lstm.inference.run_batches import Inputs, run_batches
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
from glove_lstm.text.tokens import Tokens
from glove_lstm.training.batches import corrupt_all, tokenize
from glove_lstm.training.record import CalibrationRecord
from glove_lstm.training.settings import Settings

logger = logging.getLogger(__name__)

Floats = NDArray[np.float64]

_HIGHEST_SHRINKAGE = 32.0  # known tokens
_BEGINNINGS = (1, 2, 4, 8, 16)  # words of the short texts to which the shrinkage is fitted
# The prior of the parts' weights: the usual weight of the n-grams beside 1 of the LSTM, and the standard deviation of
# the logarithm of each of the two. DECISIONS.md says what was tried.
_USUAL_WEIGHT = 2.0
_USUAL_WEIGHT_WITHOUT_VECTORS = 8.0
_SPREAD = 1.0
# The best threshold counts as half at this many labels of all texts; DECISIONS.md says why.
_LABELS_FOR_HALF = 20
# The best threshold is this far from 0 and 1 at least, because logits of thresholds are averaged.
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
    settings: Settings,
    *,
    has_vectors: bool,
) -> CalibrationRecord | None:
    """Fit the weight of the n-grams, the shrinkage, the temperature and, for multi-label models, the threshold.

    For one label a text, record the held-out scores with them.

    The weight and the shrinkage are fitted to whole texts, their first words and, if the model learned from corrupted
    copies, a corrupted copy of each. The temperature is fitted to whole texts alone. Weights of classes and texts
    are not used. A multi-label text is calibrated as one yes-or-no question for each label; see `as_questions`.

    Args:
        model: A trained model without calibration; the values are set in its config.
        tokenizer: Its tokenizer.
        targets: `calibration_texts` has n texts from which the model did not learn, or none.
        settings: Whether there were corrupted copies, and their seed.
        has_vectors: Whether any word had a vector before the training.

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
    texts_of_versions = [held_out.texts, _beginnings(held_out.texts)]
    if settings.corrupted_share:
        texts_of_versions.append(corrupt_all(held_out.texts, tokenizer, settings.seed))
    versions = [score_parts(model, tokenizer, texts) for texts in texts_of_versions]
    values = fit_calibration(
        versions,
        held_out.labels,
        targets.probabilities,
        usual_weight=_USUAL_WEIGHT if has_vectors else _USUAL_WEIGHT_WITHOUT_VECTORS,
    )
    model.config.update(values)
    weights = np.array([1.0, values["ngram_weight"]])[: versions[0].logits.shape[1]]
    logits = versions[0].summed(weights, values["shrinkage"]) / values["temperature"]
    if held_out.is_multi_label:
        threshold = fit_threshold(expit(logits), held_out.labels)
        model.config.update({"thresholds": [threshold] * len(held_out.label_names)})
    else:
        scores = softmax(logits, axis=1)
        model.config.held_out_scores = held_out_scores(scores, held_out.labels, held_out.labels_of)
    return CalibrationRecord(
        texts=len(held_out),
        labels_of=held_out.labels_of,
        temperature=values["temperature"],
        shrinkage=values["shrinkage"],
        ngram_weight=None if model.ngrams is None else values["ngram_weight"],
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
    tokens = tokenize(texts, tokenizer)
    model.eval()

    @torch.inference_mode()
    def run(inputs: Inputs) -> NDArray[Any]:
        tensors = {
            name: torch.from_numpy(values).to(model.device) for name, values in inputs.items()
        }
        return model(**tensors, return_dict=True).part_logits.float().cpu().numpy()

    with progress("Calibrating", total=len(texts)) as bar:
        logits = run_batches(run, tokens, done=bar.update)
    known = _count_known(tokens, model.config.unk_token_id).clip(min=1)
    return Scored(logits.astype(np.float64), known.astype(np.float64))


def _count_known(tokens: Tokens, unknown: int) -> NDArray[np.int64]:
    """Count the known tokens of each of n texts: (n,)."""
    text_of_token = np.repeat(np.arange(len(tokens.lengths)), tokens.lengths)
    return np.bincount(text_of_token[tokens.ids != unknown], minlength=len(tokens.lengths))


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
        # Only the ratio of the scales is drawn to the usual one, not their size.
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
