"""Calibration: temperature scaling (Guo et al. 2017, https://arxiv.org/abs/1706.04599) and what goes with it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_softmax

from glove_lstm.inference.scores import MULTI_LABEL, scores_of
from glove_lstm.modeling.configuration_glove_lstm import UNCALIBRATED, GloveLstmConfig
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
# Prior of the factors of two or more parts: standard deviation of their logarithms around the mean.
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
        """Return logits (n, classes). Those of a text with k known tokens are multiplied by k / (k + shrinkage)."""
        return self.logits * (self.known / (self.known + shrinkage))[:, None]


@dataclass(frozen=True)
class Calibration:
    """The arguments of `GloveLstmConfig` that are fitted to validation texts."""

    ngram_weight: float
    shrinkage: float
    temperature: float
    thresholds: list[float] | None

    @classmethod
    def none(cls) -> "Calibration":
        """Return the values of a model that is not calibrated."""
        values: dict[str, Any] = dict(UNCALIBRATED)
        return cls(**values)

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
    fitted to corrupted copies, too. A multi-label text is calibrated as one yes-or-no question for each label; see
    `as_binary`.

    Args:
        model: A trained model, whose config has no calibration yet.
        validation: n tokenised texts with labels.
        beginnings: The first words of these texts; see `first_words`.
        copies: A corrupted copy of each text.
    """
    labels = validation.labels
    assert labels is not None
    is_multi_label = labels.ndim == 2
    class_of_row = labels.ravel().astype(np.int64)  # (n,); or (n * labels,) of 0 for no, 1 for yes

    scored = _score(model, validation, is_multi_label)
    versions = [scored.logits]
    if copies is not None:
        versions.append(_score(model, copies, is_multi_label).logits)
    part_weights = _fit_part_weights(versions, class_of_row)

    whole_texts = scored.weighted(part_weights)
    short_texts = _score(model, beginnings, is_multi_label).weighted(part_weights)
    shrinkage, temperature = fit_calibration(whole_texts, short_texts, class_of_row)

    ngram_weight = float(part_weights[-1])  # 1 if the LSTM is the only part
    thresholds: list[float] | None = None
    if is_multi_label:
        logits = _from_binary(whole_texts.shrunk(shrinkage), labels.shape[1])
        scores = scores_of(logits / temperature, MULTI_LABEL)
        thresholds = fit_thresholds(scores, labels)
    return Calibration(ngram_weight, shrinkage, temperature, thresholds)


def _fit_part_weights(versions: Sequence[Floats], class_of_row: NDArray[np.integer]) -> Floats:
    """Fit the weights of the parts, (parts,): 1 for the LSTM, then the weight of the n-grams if there are any.

    Args:
        versions: (n, parts, classes) logits of texts, and of their copies if there are any.
        class_of_row: (n,) class indices.
    """
    logits = np.concatenate(versions)
    class_of_all_rows = np.tile(class_of_row, len(versions))
    scales = fit_scales(logits, class_of_all_rows, rows_per_text=len(versions))
    return np.array(scales) / scales[0]


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
    rows = np.arange(len(labels))
    fits = []
    for shrinkage in _SHRINKAGES:
        whole_logits = whole.shrunk(shrinkage)
        [scale] = fit_scales(whole_logits[:, None], labels)  # of a single part
        loss = 0.0
        for logits in (whole_logits, beginnings.shrunk(shrinkage)):
            log_scores = log_softmax(scale * logits, axis=1)
            loss -= float(log_scores[rows, labels].sum())
        fits.append((loss, shrinkage, 1 / scale))
    _, shrinkage, temperature = min(fits)
    return shrinkage, temperature


def fit_scales(
    part_logits: NDArray[np.floating], labels: NDArray[np.integer], rows_per_text: int = 1
) -> list[float]:
    """Fit a factor for each part's logits, for the smallest cross-entropy of their sum on validation data.

    With one part, the factor is 1 / temperature. With more, a prior keeps the factors similar, because on fewer than a
    few hundred texts chance alone could silence a part. The factors are then scaled together, with Platt's targets.

    Args:
        part_logits: (n, parts, classes); the model's logits are the sum over its parts.
        labels: (n,) class indices.
        rows_per_text: 1; or 2 if the n rows are texts and their copies. It multiplies the prior, so that copies do not
            weaken it.

    Returns:
        A factor from 0.05 to 20 for each part.
    """
    parts = np.moveaxis(part_logits.astype(np.float64), 1, 0)  # (parts, n, classes)
    log_scales = _fit_log_scales(parts, labels, rows_per_text)
    scales = np.exp(log_scales)

    # Scale them together. The limits keep the product with each factor between 0.05 and 20.
    lowest = _LOWEST - log_scales.min()
    highest = _HIGHEST - log_scales.max()
    summed_logits = np.tensordot(scales, parts, axes=1)
    common = _fit_scale(summed_logits, labels, lowest, highest)
    return (common * scales).tolist()


def _fit_log_scales(parts: Floats, labels: NDArray[np.integer], rows_per_text: int) -> Floats:
    """Fit the logarithms of the factors, (parts,), to logits (parts, n, classes), with the prior.

    The prior is a normal distribution of each logarithm around their mean. The loss is the sum of the cross-entropies
    of all n rows, plus `rows_per_text` times the negative logarithm of the prior; all divided by n.
    """
    rows = np.arange(len(labels))

    def loss_and_gradient(log_scales: Floats) -> tuple[float, Floats]:
        scales = np.exp(log_scales)
        log_probabilities = log_softmax(np.tensordot(scales, parts, axes=1), axis=1)
        cross_entropy = -log_probabilities[rows, labels].sum()
        # The gradient by the logits: the probabilities minus the true ones.
        error = np.exp(log_probabilities)
        error[rows, labels] -= 1
        cross_entropy_gradient = scales * (parts * error).sum(axis=(1, 2))

        deviations = (log_scales - log_scales.mean()) / _SPREAD
        prior_loss = rows_per_text * (deviations**2).sum() / 2
        # The gradient through the mean is 0, because the deviations from a mean have the sum 0.
        prior_gradient = rows_per_text * deviations / _SPREAD
        loss = cross_entropy + prior_loss
        gradient = cross_entropy_gradient + prior_gradient
        return float(loss) / len(labels), gradient / len(labels)

    # Start three times, because there are several minima if there are few texts and the parts label them all correctly.
    # The method is TNC, because L-BFGS-B stops too early there.
    bounds = [(_LOWEST, _HIGHEST)] * len(parts)
    runs = []
    for start in (0.0, -2.0, 2.0):
        starts = np.full(len(parts), start)
        run = minimize(loss_and_gradient, starts, jac=True, method="TNC", bounds=bounds)
        runs.append(run)
    best = min(runs, key=lambda run: run.fun)
    return best.x


def _fit_scale(logits: Floats, labels: NDArray[np.integer], lowest: float, highest: float) -> float:
    """Fit a factor for logits (n, classes), for the smallest cross-entropy with Platt's targets (1999).

    The target of a text's label is 1 - doubt instead of 1, and the other labels share the doubt. The doubt is
    1 / (m + 2), where m is the mean number of texts of a label. So few texts give no high certainty: with 8 texts of
    two labels, the targets are 5/6 and 1/6.

    The logarithm of the factor is from `lowest` to `highest`. The factor is 1 if the logits tell nothing.
    """
    texts, classes = logits.shape
    texts_per_label = texts / classes
    doubt = 1 / (texts_per_label + 2)
    other_classes = max(1, classes - 1)
    targets = np.full((texts, classes), doubt / other_classes)
    targets[np.arange(texts), labels] = 1 - doubt

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

    The logit of a label becomes minus a half of it for no, and a half of it for yes. Then the softmax of yes is the
    sigmoid of the label, and multi-label models are calibrated like others.
    """
    parts = part_logits.shape[1]
    logits = np.moveaxis(part_logits, 1, 2).reshape(-1, parts)  # (n * labels, parts)
    return np.stack([-logits / 2, logits / 2], axis=2)


def _from_binary(logits: Floats, labels: int) -> Floats:
    """Turn logits of yes-or-no questions (n * labels, 2) back into multi-label logits (n, labels)."""
    yes = logits[:, 1].reshape(-1, labels)
    return 2 * yes


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
