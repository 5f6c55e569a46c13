"""Calibration: temperature scaling (Guo et al. 2017, https://arxiv.org/abs/1706.04599) and what goes with it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_softmax

from glove_lstm.inference.scores import scores_of
from glove_lstm.modeling.configuration_glove_lstm import GloveLstmConfig
from glove_lstm.modeling.modeling_glove_lstm import GloveLstmForSequenceClassification
from glove_lstm.progress import progress
from glove_lstm.training.batches import TokenizedTexts, collate
from glove_lstm.training.labels import as_binary, fit_thresholds


@dataclass(frozen=True, eq=False)
class ScoredTexts:
    """n texts with the logits of a model."""

    logits: NDArray[np.float64]  # (n, classes); or by the parts of the model, (n, parts, classes)
    known: NDArray[np.float64]  # (n,) known tokens, at least 1

    def weighted(self, weights: NDArray[np.float64]) -> "ScoredTexts":
        """Sum the logits of the parts, times the weight of each."""
        return ScoredTexts(np.tensordot(self.logits, weights, (1, 0)), self.known)

    def shrunk(self, shrinkage: float) -> NDArray[np.float64]:
        """Return logits (n, classes) that are the smaller, the fewer known tokens a text has."""
        return self.logits * (self.known / (self.known + shrinkage))[:, None]


_BATCH = 64  # texts at a time
_LOW, _HIGH = np.log(0.05), np.log(20.0)
_SHRINKAGES = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)  # values that are tried
_SPREAD = 0.5  # standard deviation of the logarithms of the scales around their mean, before any text is seen


@dataclass(frozen=True)
class Calibration:
    """The arguments of `GloveLstmConfig` that are fitted to validation texts; the defaults are those before a fit."""

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
    """Fit the temperature, the shrinkage, the weight of the n-gram classifier, and thresholds of several labels.

    The texts count as they are, without class weights. The weight of the n-gram classifier is fitted to corrupted
    copies of them, too: it is the more robust part.

    Args:
        model: A trained model, whose config has no calibration yet.
        validation: n tokenised texts with labels.
        beginnings: The first words of these texts; see `first_words`.
        copies: A corrupted copy of each text.
    """
    labels = validation.labels
    assert labels is not None
    several = labels.ndim == 2
    truth = labels.ravel().astype(np.int64)

    whole_parts = _score(model, validation, several)
    versions = [whole_parts.logits]
    if copies is not None:
        versions.append(_score(model, copies, several).logits)
    count = len(versions)
    scales = fit_scales(np.concatenate(versions), np.tile(truth, count), count)
    part_weights = np.array(scales) / scales[0]
    ngram_weight = float(part_weights[1]) if len(part_weights) == 2 else 1.0

    whole = whole_parts.weighted(part_weights)
    begun = _score(model, beginnings, several).weighted(part_weights)
    shrinkage, temperature = fit_calibration(whole, begun, truth)
    thresholds = None
    if several:
        # The second logit of a yes-or-no question is half of the label's logit.
        sigmoid_logits = 2 * whole.shrunk(shrinkage)[:, 1].reshape(labels.shape) / temperature
        thresholds = fit_thresholds(scores_of(sigmoid_logits, model.config.problem_type), labels)
    return Calibration(ngram_weight, shrinkage, temperature, thresholds)


def _score(
    model: GloveLstmForSequenceClassification, texts: TokenizedTexts, several: bool
) -> ScoredTexts:
    """Return the logits of texts by parts; of several labels a text, one after the other as yes-or-no questions."""
    logits = part_logits(model, texts)
    known = texts.count_other_than(model.config.unk_token_id).clip(min=1)
    if several:
        return ScoredTexts(as_binary(logits), np.repeat(known, logits.shape[2]))
    return ScoredTexts(logits, known)


def first_words(texts: Sequence[str]) -> list[str]:
    """Return the first 1, 2, 4, 8 or 16 words of each text, to which the shrinkage of short texts is fitted."""
    return [" ".join(text.split()[: 2 ** (row % 5)]) for row, text in enumerate(texts)]


@torch.inference_mode()
def part_logits(
    model: GloveLstmForSequenceClassification, texts: TokenizedTexts
) -> NDArray[np.float64]:
    """Return the logits of n texts by the parts of the model, LSTM and n-grams: (n, parts, classes)."""
    model.eval()
    order = np.argsort(-texts.lengths, kind="stable")
    parts = []
    with progress("Calibrating", total=len(texts)) as bar:
        for start in range(0, len(order), _BATCH):
            batch = collate(texts.__getitems__(order[start : start + _BATCH].tolist()))
            batch.pop("labels", None)
            inputs = {name: values.to(model.device) for name, values in batch.items()}
            parts.append(model(**inputs).part_logits.float().numpy(force=True))
            bar.update(len(inputs["input_ids"]))
    logits = np.concatenate(parts).astype(np.float64)
    logits[order] = logits.copy()
    return logits


def fit_calibration(
    whole: ScoredTexts, beginnings: ScoredTexts, labels: NDArray[np.integer]
) -> tuple[float, float]:
    """Fit how far the logits of short texts are shrunk, and the temperature.

    The temperature is fitted to whole texts; the shrinkage is that with the smallest cross-entropy over whole texts and
    their beginnings of a few words.

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

    The factor of a single part is the inverse of the temperature. A prior keeps several factors close: on fewer than a
    few hundred texts chance alone would silence a part. The factors are then scaled together, with Platt's targets.

    Args:
        part_logits: (n, parts, classes); the model's logits are the sum over its parts.
        labels: (n,) class indices.
        versions: How many rows each text has, copies included; the prior weighs as it does with one row a text.

    Returns:
        A factor from 0.05 to 20 for each part.
    """
    parts = np.moveaxis(part_logits.astype(np.float64), 1, 0)
    rows = np.arange(len(labels))

    def loss(log_scales: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scales = np.exp(log_scales)
        log_probabilities = log_softmax(np.tensordot(scales, parts, axes=1), axis=1)
        error = np.exp(log_probabilities)
        error[rows, labels] -= 1
        apart = (log_scales - log_scales.mean()) / _SPREAD
        total = -log_probabilities[rows, labels].sum() + versions * (apart**2).sum() / 2
        gradient = scales * (parts * error).sum(axis=(1, 2)) + versions * apart / _SPREAD
        return float(total) / len(labels), gradient / len(labels)

    # If the parts separate a few texts without an error, there are several minima, and L-BFGS-B stops too early.
    bounds = [(_LOW, _HIGH)] * len(parts)
    starts = (np.full(len(parts), start) for start in (0.0, -2.0, 2.0))
    runs = [minimize(loss, start, jac=True, method="TNC", bounds=bounds) for start in starts]
    log_scales = min(runs, key=lambda run: run.fun).x
    mixed = np.tensordot(np.exp(log_scales), parts, axes=1)
    common = _fit_scale(mixed, labels, _LOW - log_scales.min(), _HIGH - log_scales.max())
    return (common * np.exp(log_scales)).tolist()


def _fit_scale(
    logits: NDArray[np.float64], labels: NDArray[np.integer], low: float, high: float
) -> float:
    """Fit a factor for logits (n, classes), for the smallest cross-entropy with Platt's targets (1999).

    The targets leave each label a doubt of about one text, so that a few texts do not allow the certainty that many
    would. The logarithm of the factor is from `low` to `high`; the factor is 1 if the logits tell nothing.
    """
    rows, count = logits.shape
    doubt = 1 / (rows / count + 2)
    targets = np.full((rows, count), doubt / max(1, count - 1))
    targets[np.arange(rows), labels] = 1 - doubt

    def loss(log_scale: float) -> float:
        return float(-(targets * log_softmax(np.exp(log_scale) * logits, axis=1)).sum())

    best = minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-7})
    if low <= 0 <= high and loss(0) <= best.fun * (1 + 1e-9):  # the logits tell nothing
        return 1.0
    return float(np.exp(best.x))
