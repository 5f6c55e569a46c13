"""Fit the n-gram classifier: a linear support vector machine on n-grams weighted by naive Bayes.

A rare word, and of few texts every word, also has the features of its characters, so that an unknown word of similar
spelling is classified alike. What its characters weigh is added to the word's own row at the end: prediction spells
unknown words only.
"""

import logging
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags, hstack, vstack
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import LinearSVC

from glove_lstm.modeling.characters import character_ngrams
from glove_lstm.modeling.lstm_layers import read_token_types
from glove_lstm.modeling.modeling_glove_lstm import GloveLstmForSequenceClassification
from glove_lstm.modeling.ngram_classifier import (
    CHARACTER_WEIGHT,
    GloveLstmNgramClassifier,
    ngram_factors,
)
from glove_lstm.progress import progress
from glove_lstm.tables.examples import Examples
from glove_lstm.temperature import as_questions, loss_at_best_temperature
from glove_lstm.text.light_tokenizer import LightTokenizer
from glove_lstm.text.tokens import Tokens, pad
from glove_lstm.tokenization.word_shapes import spelling
from glove_lstm.training.batches import corrupt_all, tokenize
from glove_lstm.training.settings import Settings

logger = logging.getLogger(__name__)

Floats = NDArray[np.floating]
Masks = NDArray[np.bool_]

_FEWEST_FOR_C = 75  # held-out texts with which C is chosen; 50 are too few
# The fit of more texts and copies would need too much memory.
_MOST_TEXTS = 100_000
_MOST_COPIES = 25_000
_BATCH_SIZE = 256  # texts whose n-grams are computed together
_CS = (0.1, 0.3, 1.0, 3.0, 10.0)  # tried in this order
_DEFAULT_C = 1.0
_COPY_WEIGHT = 0.5  # of a corrupted copy, beside 1 of the text itself
# Of few texts, all n-grams and the characters of all words are features. Of more, an n-gram of a single text is none,
# and a word of many texts is not spelled: its own weight is well known, and the fit has half of the features.
_FEW_TEXTS = 5_000
_CHARACTER_FACTOR_OF_FEW_TEXTS = 0.5**0.5  # DECISIONS.md has the measurements
_FEWEST_TEXTS_OF_NGRAM = 2
_MOST_TEXTS_OF_SPELLED_WORDS = 30
_CERTAIN = 1.0  # logit of a label that all training texts have; -1 if none has it


def fit_ngrams(
    model: GloveLstmForSequenceClassification,
    tokenizer: LightTokenizer,
    words: Mapping[str, int],
    texts: Examples,
    held_out: Examples | None,
    settings: Settings,
    *,
    texts_are_few: bool,
) -> float | None:
    """Fit the n-gram classifier of a model, if it has one, to texts and perhaps corrupted copies of them.

    Args:
        model: The model, which is changed.
        tokenizer: Its tokenizer.
        words: Words of the vocabulary -> ids.
        texts: n texts with labels. Of very many, some are drawn, and fewer are copied.
        held_out: Texts with which C is chosen, if there are 75 or more and no C is given.
        settings: C, the seed, and whether there are copies.
        texts_are_few: See `are_few`; of all texts, if the fit is one of two.

    Returns:
        C; None if nothing was learned.
    """
    if model.ngrams is None:
        return None
    texts = _draw(texts, _MOST_TEXTS, settings.seed)
    copies = None
    if settings.corrupted_share:
        copied = _draw(texts, _MOST_COPIES, settings.seed)
        copies = replace(copied, texts=corrupt_all(copied.texts, tokenizer, settings.seed))
    if held_out is not None and len(held_out) < _FEWEST_FOR_C:
        held_out = None
    return fit_table(
        model.ngrams,
        tokenizer,
        texts,
        copies,
        words=words,
        held_out=held_out,
        c=settings.ngram_c,
        texts_are_few=texts_are_few,
    )


def are_few(texts: int) -> bool:
    """Return whether all n-grams and the characters of all words of so many texts are features."""
    return texts <= _FEW_TEXTS


def _draw(texts: Examples, most: int, seed: int) -> Examples:
    """Draw some of the texts, if there are more; they keep their order."""
    if len(texts) <= most:
        return texts
    rows = np.random.default_rng(seed).choice(len(texts), most, replace=False)
    return texts.select(np.sort(rows))


@torch.no_grad()
def fit_table(
    ngrams: GloveLstmNgramClassifier,
    tokenizer: LightTokenizer,
    texts: Examples,
    copies: Examples | None = None,
    *,
    words: Mapping[str, int],
    held_out: Examples | None = None,
    c: float | None = None,
    texts_are_few: bool = True,
) -> float | None:
    """Fit the table of weights of the n-gram classifier.

    Each n-gram is scaled by its naive Bayes log-count ratio, one label against the others (Wang and Manning 2012,
    https://aclanthology.org/P12-2018), averaged with the mean ratio. In fine-tuning, the logits of the earlier weights
    are additional features, one for each label.

    Args:
        ngrams: The classifier, which is changed.
        tokenizer: Its tokenizer.
        texts: n texts with labels and perhaps weights.
        copies: Corrupted copies of texts, with the labels and perhaps the weights of these.
        words: Words of the vocabulary -> ids. Characters are features if the model reads characters.
        held_out: Texts with which C is chosen, by the cross-entropy at the best temperature; None: C is 1.
        c: C of the support vector machine; None: it is chosen.
        texts_are_few: See `are_few`.

    Returns:
        C; None if nothing was learned.
    """
    label_count = len(ngrams.bias)
    has_label = _label_matrix(texts.labels, label_count)
    if (has_label == has_label[:1]).all():
        logger.warning("All texts have the same labels: the n-gram classifier learns nothing.")
        return None
    weights = _weights_of(texts)

    factors = text_factors(ngrams, tokenize(texts.texts, tokenizer))
    columns = _Columns.of(ngrams, factors, words, texts_are_few=texts_are_few)
    if not columns.ngram_count and columns.earlier_weights is None:
        logger.warning("No n-gram occurs in enough texts: the n-gram classifier learns nothing.")
        return None
    features = columns.features(factors)
    del factors  # large matrices are most of the memory of a training
    # Counted in the texts alone: the errors of copies would be n-grams of their own.
    scales = _log_count_ratios(features, weights, has_label, columns.ngram_count)
    if copies is not None:
        features_of_copies = columns.features(
            text_factors(ngrams, tokenize(copies.texts, tokenizer))
        )
        features = vstack([features, features_of_copies], format="csr")
        del features_of_copies
        has_label = np.concatenate([has_label, _label_matrix(copies.labels, label_count)])
        weights = np.concatenate([weights, _COPY_WEIGHT * _weights_of(copies)])
    problem = _Problem(features, scales, has_label, weights, texts.is_multi_label)

    if c is None and held_out is not None:
        factors_of_held_out = text_factors(ngrams, tokenize(held_out.texts, tokenizer))
        c, best = _choose_c(problem, columns.features(factors_of_held_out), held_out.labels)
    else:
        c = _DEFAULT_C if c is None else c
        best = problem.solve(c)
    columns.write(best, ngrams)
    return c


def _label_matrix(labels: NDArray[np.integer], count: int) -> Masks:
    """Return which text has which of `count` labels: (n, labels)."""
    if labels.ndim == 2:
        return labels > 0
    return labels[:, None] == np.arange(count)


def _weights_of(texts: Examples) -> Floats:
    """Return the weight of each text, (n,)."""
    if texts.weights is None:
        return np.ones(len(texts))
    return texts.weights


def text_factors(ngrams: GloveLstmNgramClassifier, tokens: Tokens) -> csr_matrix:
    """Return the factors of the n-gram weights for each of n texts: (n, R), in 32 bits, with R rows of the table.

    `ngram_factors` and `character_factors` define them. The model's logits are the product with the table, plus the
    bias.
    """
    features = []
    count = len(tokens.lengths)
    with progress("Counting n-grams", total=count) as bar:
        for start in range(0, count, _BATCH_SIZE):
            rows = np.arange(start, min(start + _BATCH_SIZE, count))
            batch = tokens.select(rows)
            padded = pad(batch.lengths, batch.ids, batch.types)
            device = ngrams.bias.device
            mask, ids, types = (torch.from_numpy(values).to(device) for values in padded)
            features.append(_factors_of_batch(ngrams, ids, types, mask.bool()))
            bar.update(len(rows))
    return vstack(features, format="csr")


def _factors_of_batch(
    ngrams: GloveLstmNgramClassifier, ids: torch.Tensor, types: torch.Tensor, mask: torch.Tensor
) -> csr_matrix:
    shapes, unknown = read_token_types(ngrams.config, types, mask)
    # One entry for each n-gram of each text: the row of the text, the row of the table, and the factor.
    texts = []
    table_rows = []
    factors = []
    for group in ngrams.groups(ids, shapes, mask):
        present = group.present.nonzero(as_tuple=True)
        texts.append(present[0])
        table_rows.append(group.rows[present])
        factors.append(ngram_factors(group, ngrams.weights.dtype)[present])
    if unknown is not None:
        present = unknown.present.nonzero(as_tuple=True)
        texts.append(unknown.texts[present[0]])
        table_rows.append(unknown.hashes[present] % ngrams.buckets)
        factors.append(ngrams.character_factors(unknown, mask)[present])
    shape = (len(ids), len(ngrams.weights))
    features = _sparse(torch.cat(factors), torch.cat(texts), torch.cat(table_rows), shape)
    features.sum_duplicates()
    return features


def _sparse(
    values: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor, shape: tuple[int, int]
) -> csr_matrix:
    """Return a sparse matrix in 32 bits, from its entries."""
    entries = values.float().numpy(force=True)
    places = rows.int().numpy(force=True), columns.int().numpy(force=True)
    return csr_matrix((entries, places), shape=shape)


def _characters_of_words(
    ngrams: GloveLstmNgramClassifier,
    words: Mapping[str, int],
    is_spelled: Masks,
    *,
    texts_are_few: bool,
) -> csr_matrix:
    """Return the character n-grams of the spelled words among the v words of the vocabulary: (v, R), in their order.

    If a text has t n-grams of words, and a word in it has c character n-grams, the factors in the text are

        of the word                          sqrt(1 / t)
        of each of its character n-grams     sqrt(3 / (t * c)) = sqrt(1 / t) * sqrt(3 / c)

    So an entry is sqrt(3 / c). If the texts are few, it is the same for all words: long words, which tell more, then
    count for more than short ones.
    """
    vocabulary_size = len(ngrams.weights) - ngrams.buckets
    spellings = np.zeros(vocabulary_size, dtype=np.int64)
    for word, number in words.items():
        spellings[number] = spelling(word)
    spelled_words = np.flatnonzero(is_spelled & (spellings > 0))
    hashes, present = character_ngrams(torch.from_numpy(spellings[spelled_words]))
    counts = present.sum(dim=1, keepdim=True).clamp(min=1)
    factors = (CHARACTER_WEIGHT / counts).sqrt().expand_as(present)
    if texts_are_few:
        factors = torch.full_like(present, _CHARACTER_FACTOR_OF_FEW_TEXTS)
    places = present.nonzero(as_tuple=True)
    table_rows = hashes[places] % ngrams.buckets
    shape = (vocabulary_size, len(ngrams.weights))
    word_ids = torch.from_numpy(spelled_words)[places[0]]
    return _sparse(factors[places], word_ids, table_rows, shape)


@dataclass(frozen=True)
class _Columns:
    """The columns of the fit, and their places in the table of weights.

    The first columns are rows of the table: the n-grams that enough texts have, and the characters of the
    spelled words among them. In fine-tuning, the earlier logits follow, one column for each label.
    """

    buckets: int  # rows of the table before those of the words
    characters: csr_matrix | None  # (v, R) of spelled words; None: the model reads no characters
    is_kept: Masks  # (R,) the n-grams that enough texts have
    table_rows: NDArray[np.integer]  # (m,) the row of each n-gram column
    earlier_weights: Floats | None  # (R, labels); None: the model is new
    earlier_bias: Floats  # (labels,)

    @classmethod
    def of(
        cls,
        ngrams: GloveLstmNgramClassifier,
        factors: csr_matrix,
        words: Mapping[str, int],
        *,
        texts_are_few: bool,
    ) -> "_Columns":
        """Find the columns for n texts with these factors (n, R)."""
        text_counts = np.bincount(factors.indices, minlength=factors.shape[1])
        is_kept = text_counts >= (1 if texts_are_few else _FEWEST_TEXTS_OF_NGRAM)
        used = is_kept.copy()
        characters = None
        if ngrams.config.character_buckets:
            counts_of_words = text_counts[ngrams.buckets :]
            is_spelled = texts_are_few | (counts_of_words <= _MOST_TEXTS_OF_SPELLED_WORDS)
            characters = _characters_of_words(
                ngrams, words, is_spelled, texts_are_few=texts_are_few
            )
            kept_words = is_kept[ngrams.buckets :]
            used[characters[kept_words].indices] = True
        earlier_weights = None
        if bool(ngrams.weights.any()) or bool(ngrams.bias.any()):
            earlier_weights = ngrams.weights.numpy(force=True).copy()
        earlier_bias = ngrams.bias.numpy(force=True).copy()
        table_rows = np.flatnonzero(used)
        return cls(ngrams.buckets, characters, is_kept, table_rows, earlier_weights, earlier_bias)

    @property
    def ngram_count(self) -> int:
        """The number of n-gram columns, without the earlier logits."""
        return len(self.table_rows)

    def features(self, factors: csr_matrix) -> csr_matrix:
        """Return the columns for n texts, in 32 bits, from the factors of all n-grams (n, R)."""
        kept = factors @ diags(self.is_kept.astype(np.float32))
        if self.characters is not None:
            kept = kept + kept[:, self.buckets :] @ self.characters
        features = kept.tocsr()[:, self.table_rows]
        if self.earlier_weights is None:
            return features
        logits = factors @ self.earlier_weights + self.earlier_bias
        return hstack([features, csr_matrix(logits)], format="csr", dtype=np.float32)

    def write(self, solution: Floats, ngrams: GloveLstmNgramClassifier) -> None:
        """Write a solution, (columns + 1, labels) with the bias in the last row, into the classifier."""
        table: Floats = np.zeros(tuple(ngrams.weights.shape), dtype=np.float32)
        table[self.table_rows] = solution[: self.ngram_count]
        bias = solution[-1]
        if self.characters is not None:
            table[self.buckets :] += self.characters @ table
        if self.earlier_weights is not None:
            # Their words have the weights of their characters already.
            weights_of_earlier_logits = solution[self.ngram_count : -1]
            table = table + self.earlier_weights @ weights_of_earlier_logits
            bias = bias + self.earlier_bias @ weights_of_earlier_logits
        ngrams.weights.copy_(torch.from_numpy(table))
        ngrams.bias.copy_(torch.from_numpy(bias))


def _log_count_ratios(
    features: csr_matrix, weights: Floats, has_label: Masks, ngram_count: int
) -> Floats:
    """Return the log-count ratio of each column: how much more often, or more rarely, texts of a label have it.

    The counts are smoothed by 1. The absolute value is averaged with its mean over all n-grams, so that rare n-grams
    do not count for too little. Earlier logits are not scaled.

    Args:
        features: (n, columns). Only their places count, not the values.
        weights: (n,) weights of the texts in the counts.
        has_label: (n, labels).
        ngram_count: The number of n-gram columns, which come first.

    Returns:
        (columns, labels).
    """
    ones = np.ones(features.nnz, dtype=np.float32)
    has_column = csr_matrix((ones, features.indices, features.indptr), shape=features.shape)
    ratios = np.ones((features.shape[1], has_label.shape[1]))
    for label, has in enumerate(has_label.T):
        counts_with = (has_column.T @ (weights * has))[:ngram_count] + 1
        counts_without = (has_column.T @ (weights * ~has))[:ngram_count] + 1
        share_with = counts_with / counts_with.sum()
        share_without = counts_without / counts_without.sum()
        ratio = np.abs(np.log(share_with) - np.log(share_without))
        ratios[:ngram_count, label] = (ratio + ratio.mean()) / 2
    return ratios


@dataclass(frozen=True)
class _Problem:
    """A support vector machine for each label against the others; of two labels, one for the second.

    The rows are the texts, then their copies.
    """

    features: csr_matrix  # (rows, columns)
    scales: Floats  # (columns, labels)
    has_label: Masks  # (rows, labels)
    weights: Floats  # (rows,)
    is_multi_label: bool

    def solve(self, c: float) -> Floats:
        """Return the weights of the columns, and the bias in the last row: (columns + 1, labels)."""
        labels = self.has_label.shape[1]
        if labels == 2 and not self.is_multi_label:
            half = self._solve_label(1, c) / 2
            return np.stack([-half, half], axis=1)
        bar = progress("Fitting n-grams", range(labels), unit=" labels")
        return np.stack([self._solve_label(label, c) for label in bar], axis=1)

    def _solve_label(self, label: int, c: float) -> Floats:
        """Return weights and bias of a label's machine: (columns + 1,)."""
        has = self.has_label[:, label]
        if has.all() or not has.any():  # its logit is fixed
            constant = np.zeros(self.features.shape[1] + 1)
            constant[-1] = _CERTAIN if has.all() else -_CERTAIN
            return constant
        scale = self.scales[:, label]
        x = self.features
        scaled = csr_matrix((x.data * scale[x.indices], x.indices, x.indptr), shape=x.shape)
        machine = LinearSVC(C=c, dual=True, tol=0.01, max_iter=300, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # more iterations gain nothing
            machine.fit(scaled, has, sample_weight=self.weights)
        return np.append(machine.coef_[0] * scale, machine.intercept_)


def _choose_c(
    problem: _Problem, features: csr_matrix, labels: NDArray[np.integer]
) -> tuple[float, Floats]:
    """Increase C until the cross-entropy of held-out texts stops falling; return the best C and its solution.

    Args:
        problem: What is solved.
        features: (n, columns) of the held-out texts.
        labels: Their labels, as in `Examples`.
    """
    best: tuple[float, Floats] | None = None
    lowest = np.inf
    for c in _CS:
        solution = problem.solve(c)
        logits = features @ solution[:-1] + solution[-1]
        logits, classes = as_questions(logits, labels)
        loss = loss_at_best_temperature(logits, classes)
        if not loss < lowest:  # larger values take longer, and are even worse
            break
        lowest = loss
        best = c, solution
    assert best is not None
    return best
