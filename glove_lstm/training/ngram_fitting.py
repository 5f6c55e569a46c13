"""Fit the n-gram classifier: a linear support vector machine on n-grams weighted by naive Bayes.

The problem is convex: no learning rate, number of epochs or seed matters.
"""

import logging
import warnings
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags, hstack, vstack
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import LinearSVC

from glove_lstm.modeling.lstm_layers import informative_shapes
from glove_lstm.modeling.ngram_classifier import GloveLstmNgramClassifier
from glove_lstm.training.batches import TokenizedTexts, collate

logger = logging.getLogger(__name__)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_BATCH = 32  # texts at a time
_STRENGTH = 1.0  # C of the support vector machine
_COPY_WEIGHT = 0.5  # of a corrupted copy, beside 1 of the text itself
_ABSENT = -1.0  # logit of a label that no training text has: a text on the wrong side of the margin


@torch.no_grad()
def fit_ngrams(
    ngrams: GloveLstmNgramClassifier,
    characters: csr_matrix,
    texts: TokenizedTexts,
    copies: Sequence[TokenizedTexts] = (),
    sample_weight: Floats | None = None,
) -> None:
    """Fit the tables of the n-gram classifier to texts.

    Each n-gram is scaled by its naive Bayes log-count ratio, one label against the others (Wang and Manning 2012,
    https://aclanthology.org/P12-2018). A word's row of `word_weights` is the sum of the weights of its character
    n-grams. In fine-tuning the logits of the earlier weights are one more feature for each label.

    Args:
        ngrams: Is fitted.
        characters: (vocab_size, buckets) character n-grams of each word: `word_vectors.character_ngrams`.
        texts: With labels.
        copies: Corrupted copies of the texts, in their order.
        sample_weight: (n,) weights of the texts; None: 1 each.
    """
    parts = [_features(ngrams, characters, rows) for rows in (texts, *copies)]
    labels = texts.labels
    several = labels.ndim == 2
    has = labels > 0 if several else labels[:, None] == np.arange(len(ngrams.bias))
    present = np.flatnonzero(has.any(axis=0) & ~has.all(axis=0))
    if not len(present):
        logger.warning("All texts have one label: the n-gram classifier learns nothing from them.")
        return
    tables = [*_tables(ngrams).values(), ngrams.bias[None]]
    earlier = torch.cat(tables).double().numpy(force=True)
    if earlier.any():
        logits = [_logits(ngrams, rows) for rows in (texts, *copies)]
        parts = [
            hstack([part, csr_matrix(row)]).tocsr() for part, row in zip(parts, logits, strict=True)
        ]
    weights = np.ones(len(labels)) if sample_weight is None else sample_weight
    sample_weight = np.concatenate([weights, *[_COPY_WEIGHT * weights] * len(copies)])
    width, count = parts[0].shape[1], len(ngrams.bias)
    fitted = np.zeros((width + 1, count))  # the last row is the bias
    fitted[-1] = _ABSENT
    binary = len(present) == 2 and not several
    for label in present[binary:]:
        is_label = has[:, label]
        ratio = _log_count_ratio(parts[0], is_label)
        if earlier.any():
            ratio[-count:] = 1  # logits are no counts
        rows = vstack([part @ diags(ratio) for part in parts]).tocsr()
        machine = LinearSVC(C=_STRENGTH, dual=True, random_state=0)  # its solver shuffles
        with warnings.catch_warnings():
            # An unconverged solution gives the same labels.
            warnings.simplefilter("ignore", ConvergenceWarning)
            machine.fit(rows, np.tile(is_label, len(parts)), sample_weight=sample_weight)
        fitted[:, label] = np.append(machine.coef_[0] * ratio, machine.intercept_)
    if binary:
        fitted[:, present] = fitted[:, present[1:]] * [-0.5, 0.5]
    words = characters @ fitted[: characters.shape[1]]
    start = characters.shape[1]
    new = np.concatenate(
        [words, fitted[start : start + len(earlier) - len(words) - 1], fitted[-1:]]
    )
    if earlier.any():
        new += earlier @ fitted[-1 - count : -1]
    for table, values in zip(
        tables, np.split(new, np.cumsum([len(t) for t in tables])[:-1]), strict=True
    ):
        table.copy_(torch.from_numpy(values))


def _tables(ngrams: GloveLstmNgramClassifier) -> dict[str, torch.Tensor]:
    """The tables by name, that of words first."""
    return {name: table for name, table in ngrams.named_parameters() if name != "bias"}


def _features(
    ngrams: GloveLstmNgramClassifier, characters: csr_matrix, texts: TokenizedTexts
) -> csr_matrix:
    """Return the features (texts, character n-grams, then n-grams of the other tables)."""
    tables = _tables(ngrams)
    ends = np.cumsum([len(table) for table in tables.values()])
    starts = dict(zip(tables, [0, *ends.tolist()], strict=False))
    rows = []
    for batch in _batches(texts, ngrams):
        entries = []
        for group in ngrams.groups(*batch):
            text, place = group.present.nonzero(as_tuple=True)
            column = group.rows[text, place] + starts[group.name]
            share = 1 / group.present.sum(dim=1).double()[text]
            entries.append(torch.stack([text.double(), column.double(), share]).numpy(force=True))
        text, column, share = np.concatenate(entries, axis=1)
        places = text.astype(np.int32), column.astype(np.int32)
        features = csr_matrix((share, places), shape=(len(batch[0]), ends[-1]))
        features.sum_duplicates()
        features.data = np.sqrt(features.data)
        rows.append(features)
    features = vstack(rows).tocsr()
    words = features[:, : ends[0]] @ characters
    return hstack([words, features[:, ends[0] :]]).tocsr()


def _logits(ngrams: GloveLstmNgramClassifier, texts: TokenizedTexts) -> Floats:
    logits = [ngrams(*batch).double().numpy(force=True) for batch in _batches(texts, ngrams)]
    return np.concatenate(logits)


def _batches(
    texts: TokenizedTexts, ngrams: GloveLstmNgramClassifier
) -> Iterator[tuple[torch.Tensor, torch.Tensor | None, torch.Tensor]]:
    """Yield the arguments of the classifier for all texts in their order."""
    for start in range(0, len(texts), _BATCH):
        batch = collate(texts.__getitems__(range(start, min(start + _BATCH, len(texts)))))
        batch = {name: values.to(ngrams.bias.device) for name, values in batch.items()}
        ids, mask, shapes = batch["input_ids"], batch["attention_mask"].bool(), None
        if ngrams.shape_weights is not None:
            shapes = informative_shapes(batch["token_type_ids"], mask)
        yield ids, shapes, mask


def _log_count_ratio(features: csr_matrix, is_label: NDArray[np.bool_]) -> Floats:
    """Return how much more often texts of a label have a feature than other texts: |log ratio|, smoothed by 1."""
    has = features.astype(bool)
    inside, outside = (
        np.asarray(has[rows].sum(axis=0)).ravel() + 1.0 for rows in (is_label, ~is_label)
    )
    return np.abs(np.log(inside / inside.sum()) - np.log(outside / outside.sum()))
