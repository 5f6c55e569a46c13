"""Calibration: temperature scaling (Guo et al. 2017, https://arxiv.org/abs/1706.04599) and what goes with it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_softmax

from glove_lstm.inference.scores import scores_of
from glove_lstm.modeling.configuration_glove_lstm import GloveLstmConfig
from glove_lstm.modeling.modeling_glove_lstm import GloveLstmForSequenceClassification
from glove_lstm.progress import progress
from glove_lstm.text.tokens import length_batches
from glove_lstm.training.batches import TokenizedTexts, collate

Floats = NDArray[np.float64]

_BATCH_SIZE = 64
# Range of the logarithm of a factor of logits.
_LOWEST = np.log(0.05)
_HIGHEST = np.log(20.0)
_SHRINKAGES = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)  # values that are tried
# Prior of the factors of two parts: standard deviation of their logarithms around the mean.
_SPREAD = 0.5


@dataclass(frozen=True, eq=False)
class ScoredTexts:
    """n texts with the logits of a model."""

    logits: Floats  # (n, classes); or by the parts of the model, (n, parts, classes)
    known: Floats  # (n,) number of known tokens, at least 1

    def weighted(self, part_weights: Floats) -> "ScoredTexts":
        """Sum the logits of the parts, times the weight of each part."""
        return ScoredTexts(np.tensordot(self.logits, part_weights, (1, 0)), self.known)

    def shrunk(self, shrinkage: float) -> Floats:
        """Return logits (n, classes) times n / (n + shrinkage), where n is the number of known tokens."""
        return self.logits * (self.known / (self.known + shrinkage))[:, None]


@dataclass(frozen=True)
class Calibration:
    """The arguments of `GloveLstmConfig` that are fitted to validation texts, by default as before a fit."""

    ngram_weight: float = 1.0
    shrinkage: float = 0.0
    temperature: float = 1.0
    thresholds: list[float] | None = None

    def apply(self, config: GloveLstmConfig) -> None:
        """Set the values in a config."""
        config.update(asdict(self))


def calibrate(
    model: GloveLstmForSequenceClassification,
    validation: TokenizedTexts,
    beginnings: TokenizedTexts,
    copies: TokenizedTexts | None = None,
) -> Calibration:
    """Fit the temperature, the shrinkage, the weight of the n-gram classifier and, for multi-label models, thresholds.

    Each text counts once, without class weights. The weight of the n-gram classifier, which is the more robust part, is
    fitted to corrupted copies, too.

    Args:
        model: A trained model, whose config has no calibration yet.
        validation: n tokenised texts with labels.
        beginnings: The first words of these texts; see `first_words`.
        copies: A corrupted copy of each text.
    """
    labels = validation.labels
    assert labels is not None
    is_multi_label = labels.ndim == 2
    classes = labels.ravel().astype(np.int64)

    by_part = _score(model, validation, is_multi_label)
    versions = [by_part.logits]  # of the same texts
    if copies is not None:
        versions.append(_score(model, copies, is_multi_label).logits)
    labels_of_versions = np.tile(classes, len(versions))
    scales = fit_scales(np.concatenate(versions), labels_of_versions, len(versions))
    part_weights = np.array(scales) / scales[0]  # the LSTM has the weight 1
    ngram_weight = 1.0
    if len(part_weights) == 2:
        ngram_weight = float(part_weights[1])

    whole_texts = by_part.weighted(part_weights)
    short_texts = _score(model, beginnings, is_multi_label).weighted(part_weights)
    shrinkage, temperature = fit_calibration(whole_texts, short_texts, classes)
    thresholds = None
    if is_multi_label:
        # `as_binary` made two logits of each label's logit: minus a half of it, and a half.
        half_logits = whole_texts.shrunk(shrinkage)[:, 1].reshape(labels.shape)
        scores = scores_of(2 * half_logits / temperature, model.config.problem_type)
        thresholds = fit_thresholds(scores, labels)
    return Calibration(ngram_weight, shrinkage, temperature, thresholds)


def _score(
    model: GloveLstmForSequenceClassification, texts: TokenizedTexts, is_multi_label: bool
) -> ScoredTexts:
    """Return the logits of texts by part; for multi-label models, of each text and label as a yes-or-no question."""
    logits = part_logits(model, texts)
    known = texts.count_other_than(model.config.unk_token_id).clip(min=1)
    if is_multi_label:
        return ScoredTexts(as_binary(logits), np.repeat(known, logits.shape[2]))
    return ScoredTexts(logits, known)


def first_words(texts: Sequence[str]) -> list[str]:
    """Return the first 1, 2, 4, 8 or 16 words of each text, in turn. The shrinkage of short texts is fitted to them."""
    lengths = (1, 2, 4, 8, 16)
    beginnings = []
    for row, text in enumerate(texts):
        length = lengths[row % len(lengths)]
        beginnings.append(" ".join(text.split()[:length]))
    return beginnings


@torch.inference_mode()
def part_logits(
    model: GloveLstmForSequenceClassification, texts: TokenizedTexts
) -> NDArray[np.float64]:
    """Return the logits of n texts by the parts of the model, LSTM and n-grams: (n, parts, classes)."""
    model.eval()
    parts = 1 if model.ngrams is None else 2
    logits = np.zeros((len(texts), parts, len(model.config.label_names)))
    with progress("Calibrating", total=len(texts)) as bar:
        for rows in length_batches(texts.lengths, _BATCH_SIZE):
            batch = collate(texts.__getitems__(rows))
            batch.pop("labels", None)
            inputs = {name: values.to(model.device) for name, values in batch.items()}
            logits[rows] = model(**inputs).part_logits.float().numpy(force=True)
            bar.update(len(rows))
    return logits


def fit_calibration(
    whole: ScoredTexts, beginnings: ScoredTexts, labels: NDArray[np.integer]
) -> tuple[float, float]:
    """Fit the shrinkage of the logits of short texts, and the temperature.

    For each shrinkage, the temperature is fitted to whole texts. The shrinkage with the smallest cross-entropy over
    whole texts and their beginnings is chosen.

    Args:
        whole: n texts, with logits (n, classes).
        beginnings: The first words of the same texts.
        labels: (n,) class indices.

    Returns:
        The shrinkage (`GloveLstmConfig.shrinkage`), and the temperature, from 0.05 to 20.
    """
    fits = []
    rows = np.arange(len(labels))
    for shrinkage in _SHRINKAGES:
        [scale] = fit_scales(whole.shrunk(shrinkage)[:, None], labels)
        loss = 0.0
        for texts in (whole, beginnings):
            log_scores = log_softmax(scale * texts.shrunk(shrinkage), axis=1)
            loss -= float(log_scores[rows, labels].sum())
        fits.append((loss, shrinkage, 1 / scale))
    _, shrinkage, temperature = min(fits)
    return shrinkage, temperature


def fit_scales(
    part_logits: NDArray[np.floating], labels: NDArray[np.integer], versions: int = 1
) -> list[float]:
    """Fit a factor for each part's logits, for the smallest cross-entropy of their sum on validation data.

    With one part, the factor is 1 / temperature. With two, a prior keeps the factors similar, because on fewer than a
    few hundred texts chance alone could silence a part. The factors are then scaled together, with Platt's targets.

    Args:
        part_logits: (n, parts, classes); the model's logits are the sum over its parts.
        labels: (n,) class indices.
        versions: Number of rows of each text, copies included. It multiplies the prior, so that copies do not weaken
            it.

    Returns:
        A factor from 0.05 to 20 for each part.
    """
    parts = np.moveaxis(part_logits.astype(np.float64), 1, 0)  # (parts, n, classes)
    rows = np.arange(len(labels))

    def loss_and_gradient(log_scales: Floats) -> tuple[float, Floats]:
        scales = np.exp(log_scales)
        log_probabilities = log_softmax(np.tensordot(scales, parts, axes=1), axis=1)
        cross_entropy = -log_probabilities[rows, labels].sum()
        error = np.exp(
            log_probabilities
        )  # probabilities minus the true ones: the gradient by logits
        error[rows, labels] -= 1
        cross_entropy_gradient = scales * (parts * error).sum(axis=(1, 2))

        deviations = (log_scales - log_scales.mean()) / _SPREAD
        loss = cross_entropy + versions * (deviations**2).sum() / 2
        gradient = cross_entropy_gradient + versions * deviations / _SPREAD
        return float(loss) / len(labels), gradient / len(labels)

    # There are several minima if the parts separate a few texts without an error: three starts, the best result. TNC,
    # because L-BFGS-B stops too early there.
    bounds = [(_LOWEST, _HIGHEST)] * len(parts)
    runs = []
    for start in (0.0, -2.0, 2.0):
        starts = np.full(len(parts), start)
        run = minimize(loss_and_gradient, starts, jac=True, method="TNC", bounds=bounds)
        runs.append(run)
    log_scales = min(runs, key=lambda run: run.fun).x
    scales = np.exp(log_scales)

    # A common factor. Its range keeps the product with each of the factors from 0.05 to 20.
    lowest = _LOWEST - log_scales.min()
    highest = _HIGHEST - log_scales.max()
    common = _fit_scale(np.tensordot(scales, parts, axes=1), labels, lowest, highest)
    return (common * scales).tolist()


def _fit_scale(logits: Floats, labels: NDArray[np.integer], lowest: float, highest: float) -> float:
    """Fit a factor for logits (n, classes), for the smallest cross-entropy with Platt's targets (1999).

    The targets are 1 minus a doubt that shrinks with the number of texts, so that few texts give no high certainty. The
    logarithm of the factor is from `lowest` to `highest`. The factor is 1 if the logits tell nothing.
    """
    rows, classes = logits.shape
    doubt = 1 / (rows / classes + 2)
    targets = np.full((rows, classes), doubt / max(1, classes - 1))
    targets[np.arange(rows), labels] = 1 - doubt

    def loss(log_scale: float) -> float:
        return float(-(targets * log_softmax(np.exp(log_scale) * logits, axis=1)).sum())

    bounds = (lowest, highest)
    best = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-7})
    factor_1_is_as_good = loss(0) <= best.fun * (1 + 1e-9)
    if lowest <= 0 <= highest and factor_1_is_as_good:
        return 1.0
    return float(np.exp(best.x))


def as_binary(part_logits: Floats) -> Floats:
    """Turn multi-label logits (n, parts, labels) into logits of yes-or-no questions (n * labels, parts, 2).

    The softmax of the second is the sigmoid of the first, so that multi-label models are calibrated like others.
    """
    parts = part_logits.shape[1]
    logits = np.moveaxis(part_logits, 1, 2).reshape(-1, parts)  # (n * labels, parts)
    return np.stack([-logits / 2, logits / 2], axis=2)


def fit_thresholds(scores: Floats, labels: NDArray[Any]) -> list[float]:
    """Find the threshold of each label with the best F1, halfway between two scores; 0.5 if no text has the label.

    Args:
        scores: (n, labels).
        labels: (n, labels), 1 where a text has the label.
    """
    thresholds = []
    for label_scores, has_label in zip(scores.T, labels.T, strict=True):
        if not has_label.any():
            thresholds.append(0.5)
            continue
        order = np.argsort(-label_scores, kind="stable")
        descending = label_scores[order]
        next_lower = np.append(descending[1:], 0.0)
        # F1 if the texts with the 1, 2, ... n highest scores get the label.
        predicted = np.arange(1, len(order) + 1)
        true_positives = has_label[order].cumsum()
        f1 = 2 * true_positives / (predicted + has_label.sum())
        f1[descending == next_lower] = -1  # no threshold divides equal scores
        best = f1.argmax()
        halfway = float(descending[best] + next_lower[best]) / 2
        thresholds.append(halfway)
    return thresholds
