"""Fit the n-gram classifier: a linear support vector machine on n-grams weighted by naive Bayes.

The problem is convex: no learning rate, number of epochs or seed matters.
"""

import logging
import warnings
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack, identity, vstack
from scipy.special import log_softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import LinearSVC
from transformers import PreTrainedTokenizerBase

from glove_lstm.modeling.characters import UnknownWords, character_ngrams
from glove_lstm.modeling.lstm_layers import split_types
from glove_lstm.modeling.ngram_classifier import GloveLstmNgramClassifier, ngram_shares
from glove_lstm.tokenization.word_shapes import spelling
from glove_lstm.training.batches import TokenizedTexts, collate
from glove_lstm.training.calibration import fit_scales
from glove_lstm.training.labels import as_binary

logger = logging.getLogger(__name__)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_BATCH = 32  # texts at a time
_STRENGTHS = (0.1, 0.3, 1.0, 3.0, 10.0)  # C of the support vector machine, tried in this order
_COPY_WEIGHT = 0.5  # of a corrupted copy, beside 1 of the text itself
_INTERPOLATION = 0.5  # between the mean log-count ratio (0) and that of a feature (1)
_LEAST_RATIO = 1e-6  # so that scaled features can be scaled back
_ABSENT = -1.0  # logit of a label that no training text has: a text on the wrong side of the margin


@torch.no_grad()
def fit_ngrams(
    ngrams: GloveLstmNgramClassifier,
    texts: TokenizedTexts,
    copies: Sequence[TokenizedTexts] = (),
    sample_weight: Floats | None = None,
    validation: TokenizedTexts | None = None,
    strength: float | None = None,
    words: Mapping[str, int] | None = None,
) -> float | None:
    """Fit the weights of the n-gram classifier to texts.

    Each n-gram is scaled by its naive Bayes log-count ratio, one label against the others (Wang and Manning 2012,
    https://aclanthology.org/P12-2018), averaged with the mean ratio. In fine-tuning the logits of the earlier weights
    are one more feature for each label.

    Args:
        ngrams: Is fitted.
        texts: With labels.
        copies: Corrupted copies of the texts, in their order.
        sample_weight: (n,) weights of the texts; None: 1 each.
        validation: Texts that choose C, by the cross-entropy at the best temperature; None: C is 1.
        strength: C of the support vector machine; None: chosen.
        words: Words of the vocabulary and their ids, whose characters are learned if the model reads characters.

    Returns:
        C; None if nothing was learned.
    """
    labels = texts.labels
    has = labels > 0 if labels.ndim == 2 else labels[:, None] == np.arange(len(ngrams.bias))
    if not (has.any(axis=0) & ~has.all(axis=0)).any():
        logger.warning("All texts have one label: the n-gram classifier learns nothing from them.")
        return None
    earlier = torch.cat([ngrams.weights, ngrams.bias[None]]).double().numpy(force=True)
    tuned = bool(earlier.any())
    lift = _lift(ngrams, words if words and ngrams.config.character_buckets else {})
    features = vstack([_features(ngrams, rows, lift, tuned) for rows in (texts, *copies)]).tocsr()
    weights = np.ones(len(labels)) if sample_weight is None else sample_weight
    weights = np.concatenate([weights, *[_COPY_WEIGHT * weights] * len(copies)])
    count = len(ngrams.bias)
    fit = partial(_fit_machines, features, has, labels.ndim == 2, weights, tuned)
    if strength is not None or validation is None:
        strength = strength or 1.0
        fitted = fit(strength)
    else:
        rows, truth = _features(ngrams, validation, lift, tuned), validation.labels
        lowest = np.inf
        for tried in _STRENGTHS:
            machines = fit(tried)
            loss = _loss(rows @ machines[:-1] + machines[-1], truth)
            if loss >= lowest:  # larger ones take longer, and are worse still
                break
            lowest, fitted, strength = loss, machines, tried
    new = np.concatenate([lift @ fitted[: len(earlier) - 1], fitted[-1:]])
    if tuned:
        new += earlier @ fitted[-1 - count : -1]
    ngrams.weights.copy_(torch.from_numpy(new[:-1]))
    ngrams.bias.copy_(torch.from_numpy(new[-1]))
    return strength


def _fit_machines(
    features: csr_matrix,
    has: NDArray[np.bool_],
    several: bool,
    sample_weight: Floats,
    fine_tuning: bool,
    strength: float,
) -> Floats:
    """Fit a support vector machine for each label that some texts have and others lack, with C = `strength`.

    `features` are those of all texts, in the order of `has`, and then those of each copy of them. Two labels of which
    each text has one need only one machine. The last row of the weights is the bias.
    """
    width, (texts, count) = features.shape[1], has.shape
    fitted = np.zeros((width + 1, count))
    fitted[-1] = _ABSENT
    present = np.flatnonzero(has.any(axis=0) & ~has.all(axis=0))
    binary = len(present) == 2 and not several
    for label in present[binary:]:
        ratio = _log_count_ratio(features[:texts], has[:, label])
        if fine_tuning:
            ratio[-count:] = 1  # logits are no counts
        ratio = np.maximum(ratio, _LEAST_RATIO)
        features.data *= ratio[features.indices]  # in place: they may fill half of the memory
        machine = LinearSVC(C=strength, max_iter=100, dual=True, random_state=0)  # it shuffles
        with warnings.catch_warnings():
            # An unconverged solution gives the same labels.
            warnings.simplefilter("ignore", ConvergenceWarning)
            truth = np.tile(has[:, label], features.shape[0] // texts)
            machine.fit(features, truth, sample_weight=sample_weight)
        features.data /= ratio[features.indices]
        fitted[:, label] = np.append(machine.coef_[0] * ratio, machine.intercept_)
    if binary:
        fitted[:, present] = fitted[:, present[1:]] * [-0.5, 0.5]
    return fitted


def _loss(logits: Floats, labels: Ints) -> float:
    """The cross-entropy at the best temperature."""
    parts = logits[:, None]
    if labels.ndim == 2:
        parts, labels = as_binary(parts), labels.ravel().astype(np.int64)
    [scale] = fit_scales(parts, labels)
    return float(-log_softmax(scale * parts[:, 0], axis=1)[np.arange(len(labels)), labels].mean())


def words_of(tokenizer: PreTrainedTokenizerBase) -> dict[str, int]:
    """Return the vocabulary without special tokens."""
    special = set(tokenizer.all_special_ids)
    return {word: row for word, row in tokenizer.get_vocab().items() if row not in special}


def _lift(ngrams: GloveLstmNgramClassifier, words: Mapping[str, int]) -> csr_matrix:
    """Return the map from a word's row of weights to this row and those of its character n-grams.

    Features times the map are those of the words and of their characters; the map times the weights of both are weights
    of the words alone, which give the same logits.
    """
    size, device = len(ngrams.weights), ngrams.bias.device
    spelled = torch.tensor([spelling(word) for word in words], dtype=torch.long, device=device)
    codes, present = character_ngrams(spelled)
    word, place = present.nonzero(as_tuple=True)
    # An empty mask: the shares of a text with one n-gram of words, by which the features are multiplied.
    texts, mask = torch.zeros_like(spelled), present.new_zeros(1, 1)
    shares = ngrams.character_shares(UnknownWords(texts, texts, codes, present), mask)[word, place]
    of_word = ngrams.buckets + torch.tensor(list(words.values()), dtype=torch.long, device=device)
    entries = [
        values.numpy(force=True)
        for values in (shares, of_word[word], codes[word, place] % ngrams.buckets)
    ]
    return identity(size, format="csr") + csr_matrix((entries[0], entries[1:]), shape=(size, size))


def _features(
    ngrams: GloveLstmNgramClassifier, texts: TokenizedTexts, lift: csr_matrix, logits: bool
) -> csr_matrix:
    """Return the features of texts: the shares of n-grams and, in fine-tuning, the logits of the earlier weights."""
    rows = []
    for start in range(0, len(texts), _BATCH):
        batch = collate(texts.__getitems__(range(start, min(start + _BATCH, len(texts)))))
        batch = {name: values.to(ngrams.bias.device) for name, values in batch.items()}
        ids, mask = batch["input_ids"], batch["attention_mask"].bool()
        shapes, unknown = split_types(ngrams.config, batch.get("token_type_ids"), mask)
        entries = []
        for group in ngrams.groups(ids, shapes, mask):
            text, place = group.present.nonzero(as_tuple=True)
            share = ngram_shares(group, ngrams.weights)[text, place]
            entries.append([text, group.rows[text, place], share])
        if unknown is not None:
            word, place = unknown.present.nonzero(as_tuple=True)
            share = ngrams.character_shares(unknown, mask)[word, place]
            found = unknown.hashes[word, place] % ngrams.buckets
            entries.append([unknown.texts[word], found, share])
        row, column, value = (
            torch.cat(column).numpy(force=True) for column in zip(*entries, strict=True)
        )
        places = row.astype(np.int32), column.astype(np.int32)
        shape = len(ids), len(ngrams.weights)
        features = csr_matrix((value.astype(np.float64), places), shape=shape) @ lift
        features.sum_duplicates()
        if logits:
            scores = ngrams(ids, shapes, unknown, mask).double().numpy(force=True)
            features = hstack([features, csr_matrix(scores)])
        rows.append(features)
    return vstack(rows).tocsr()


def _log_count_ratio(features: csr_matrix, is_label: NDArray[np.bool_]) -> Floats:
    """Return how much more often texts of a label have a feature than other texts: |log ratio|, smoothed by 1.

    Averaged with the mean over the features that a text has, so that rare ones do not count for too little.
    """
    has = features.astype(bool)
    inside, outside = (
        np.asarray(has[rows].sum(axis=0)).ravel() + 1.0 for rows in (is_label, ~is_label)
    )
    ratio = np.abs(np.log(inside / inside.sum()) - np.log(outside / outside.sum()))
    return _INTERPOLATION * ratio + (1 - _INTERPOLATION) * ratio[inside + outside > 2].mean()
