"""Fit the n-gram classifier: a linear support vector machine on n-grams weighted by naive Bayes.

The problem is convex: no learning rate, number of epochs or seed matters. It is solved in the primal by L-BFGS. A known
word also has the features of its characters. These would make the feature matrix five times as large; instead, it is
multiplied by a map from words to their characters (`lift`), which costs little.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import block_diag, csr_matrix, hstack, identity, vstack
from scipy.special import log_softmax

from glove_lstm.modeling.characters import UnknownWords, character_ngrams
from glove_lstm.modeling.lstm_layers import read_token_types
from glove_lstm.modeling.ngram_classifier import GloveLstmNgramClassifier, ngram_factors
from glove_lstm.progress import progress
from glove_lstm.tokenization.word_shapes import spelling
from glove_lstm.training.batches import TokenizedTexts, collate
from glove_lstm.training.calibration import as_binary, fit_scales

logger = logging.getLogger(__name__)

Floats = NDArray[np.floating]

_BATCH_SIZE = 256  # texts whose n-grams are computed together
_CS = (0.1, 0.3, 1.0, 3.0, 10.0)  # tried in this order
_DEFAULT_C = 1.0
_COPY_WEIGHT = 0.5  # of a corrupted copy, beside 1 of the text itself
_FEWEST_TEXTS = 2  # an n-gram of a single text teaches nothing about other texts
_INTERPOLATION = 0.5  # of log-count ratios: 0 is their mean, 1 the ratio of a feature
_LEAST_RATIO = 1e-6  # so that no feature is shut out of the fit
_ITERATIONS = 100  # for each C; more iterations do not change the accuracy
_CERTAIN = 1.0  # logit of a label that all training texts have; -1 if none has it


@torch.no_grad()
def fit_ngrams(
    ngrams: GloveLstmNgramClassifier,
    texts: TokenizedTexts,
    copies: TokenizedTexts | None = None,
    *,
    words: Mapping[str, int],
    weights: Floats | None = None,
    validation: TokenizedTexts | None = None,
    c: float | None = None,
) -> float | None:
    """Fit the weights of the n-gram classifier to texts.

    Each n-gram is scaled by its naive Bayes log-count ratio, one label against the others (Wang and Manning 2012,
    https://aclanthology.org/P12-2018), averaged with the mean ratio. In fine-tuning, the logits of the earlier weights
    are additional features, one for each label.

    Args:
        ngrams: The classifier, which is changed.
        texts: n texts with labels.
        copies: A corrupted copy of each text, in the same order.
        words: Words of the vocabulary -> ids. Their characters are features if the model reads characters.
        weights: (n,) weights of the texts; None: 1 each.
        validation: Texts with which C is chosen, by the cross-entropy at the best temperature; None: C is 1.
        c: C of the support vector machine; None: it is chosen.

    Returns:
        C; None if nothing was learned.
    """
    assert texts.labels is not None
    is_multi_label = texts.labels.ndim == 2
    has_label = _label_matrix(texts.labels, len(ngrams.bias))
    machines = _Machines.of(has_label, is_multi_label=is_multi_label)
    if not len(machines.labels):
        logger.warning("All texts have the same labels: the n-gram classifier learns nothing.")
        return None
    if weights is None:
        weights = np.ones(len(texts))
    problem = _make_problem(ngrams, texts, copies, words, weights, has_label, machines)

    if c is None and validation is not None:
        c, table = _choose_c(ngrams, problem, validation)
    else:
        if c is None:
            c = _DEFAULT_C
        table = problem.table(problem.solve(c))
    ngrams.weights.copy_(torch.from_numpy(table[:-1]))
    ngrams.bias.copy_(torch.from_numpy(table[-1]))
    return c


def _label_matrix(labels: NDArray[np.integer], count: int) -> NDArray[np.bool_]:
    """Return which text has which of `count` labels: (n, labels)."""
    if labels.ndim == 2:
        return labels > 0
    return labels[:, None] == np.arange(count)


def _make_problem(
    ngrams: GloveLstmNgramClassifier,
    texts: TokenizedTexts,
    copies: TokenizedTexts | None,
    words: Mapping[str, int],
    weights: Floats,
    has_label: NDArray[np.bool_],
    machines: "_Machines",
) -> "_Problem":
    """Compute the features of texts and copies, and their scales.

    `has_label` are the labels of the texts, (n, labels). The other arguments are as for `fit_ngrams`.
    """
    # Large matrices are deleted as soon as possible: they are most of the memory of a training.
    factors = ngram_features(ngrams, texts)
    space = _FeatureSpace.of(ngrams, words, factors)
    ratios = _log_count_ratios(factors, space, weights, has_label[:, machines.labels])
    features = space.features(factors)
    del factors
    row_weights = weights
    row_labels = has_label
    if copies is not None:
        features_of_copies = space.features(ngram_features(ngrams, copies))
        features = vstack([features, features_of_copies]).tocsr()
        del features_of_copies
        row_weights = np.concatenate([weights, _COPY_WEIGHT * weights])
        row_labels = np.concatenate([has_label, has_label])

    if space.is_fine_tuning:  # earlier logits are not scaled
        ratios = np.vstack([ratios, np.ones((has_label.shape[1], ratios.shape[1]))])
    targets = np.where(row_labels[:, machines.labels], 1, -1)
    return _Problem(
        features,
        space,
        ratios.astype(np.float32),
        machines,
        targets.astype(np.float32),
        row_weights[:, None].astype(np.float32),
    )


def _choose_c(
    ngrams: GloveLstmNgramClassifier, problem: "_Problem", validation: TokenizedTexts
) -> tuple[float, Floats]:
    """Fit with increasing C, each time from the solution before, until the validation loss no longer falls.

    Returns:
        C, and the table of weights and bias (see `_Problem.table`).
    """
    features = ngram_features(ngrams, validation)
    assert validation.labels is not None
    solution = problem.solve(_CS[0])
    best_c = _CS[0]
    best_table = problem.table(solution)
    lowest = _validation_loss(features, best_table, validation.labels)
    for c in _CS[1:]:
        solution = problem.solve(c, start=solution)
        table = problem.table(solution)
        loss = _validation_loss(features, table, validation.labels)
        if not loss < lowest:  # larger values take longer, and are even worse
            break
        lowest = loss
        best_c = c
        best_table = table
    return best_c, best_table


def _validation_loss(features: csr_matrix, table: Floats, labels: NDArray[np.integer]) -> float:
    """Return the cross-entropy of texts at the best temperature."""
    logits = features @ table[:-1] + table[-1]
    part_logits = logits[:, None].astype(np.float64)  # of a single part
    classes = labels
    if labels.ndim == 2:
        part_logits = as_binary(part_logits)
        classes = labels.ravel().astype(np.int64)
    [scale] = fit_scales(part_logits, classes)
    log_scores = log_softmax(scale * part_logits[:, 0], axis=1)
    return float(-log_scores[np.arange(len(classes)), classes].mean())


def ngram_features(ngrams: GloveLstmNgramClassifier, texts: TokenizedTexts) -> csr_matrix:
    """Return the factors of the n-gram weights for each text: (n, rows of the table of weights), in 32 bits.

    `ngram_factors` and `character_factors` define them. The model's logits are the product with the table, plus the
    bias.
    """
    features = []
    with progress("Counting n-grams", total=len(texts)) as bar:
        for start in range(0, len(texts), _BATCH_SIZE):
            rows = range(start, min(start + _BATCH_SIZE, len(texts)))
            batch = collate(texts.__getitems__(rows))
            batch = {name: values.to(ngrams.bias.device) for name, values in batch.items()}
            features.append(_features_of_batch(ngrams, batch))
            bar.update(len(rows))
    return vstack(features).tocsr()


def _features_of_batch(
    ngrams: GloveLstmNgramClassifier, batch: Mapping[str, torch.Tensor]
) -> csr_matrix:
    ids = batch["input_ids"]
    mask = batch["attention_mask"].bool()
    shapes, unknown = read_token_types(ngrams.config, batch.get("token_type_ids"), mask)
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


def _character_map(ngrams: GloveLstmNgramClassifier, words: Mapping[str, int]) -> csr_matrix:
    """Return the character n-grams of each word of the vocabulary: (R, R), with R rows of the table.

    The row of a word has an entry for each of its character n-grams. Other rows are empty. The matrix is used in both
    directions:

        factors of words @ map = factors of the characters of these words
        map @ weights of characters = what a word's weight gains from its characters

    If a text has t n-grams of words, and a word in it has c character n-grams, the factors in the text are

        of the word                          sqrt(1 / t)
        of each of its character n-grams     sqrt(3 / (t * c)) = sqrt(1 / t) * sqrt(3 / c)

    So an entry of the map is sqrt(3 / c). The model computes it as the factor in a text with t = 1: an empty text,
    whose only n-gram of words is the pair of its edges.
    """
    size = len(ngrams.weights)
    device = ngrams.bias.device
    spellings = torch.tensor([spelling(word) for word in words], dtype=torch.long, device=device)
    hashes, present = character_ngrams(spellings)
    zeros = torch.zeros_like(spellings)
    words_of_empty_text = UnknownWords(zeros, zeros, hashes, present)  # text 0, position 0
    mask_of_empty_text = present.new_zeros(1, 1)
    factors = ngrams.character_factors(words_of_empty_text, mask_of_empty_text)

    word_numbers, places = present.nonzero(as_tuple=True)
    ids = torch.tensor(list(words.values()), dtype=torch.long, device=device)
    rows = ngrams.buckets + ids[word_numbers]
    columns = hashes[word_numbers, places] % ngrams.buckets
    return _sparse(factors[word_numbers, places], rows, columns, (size, size))


@dataclass(frozen=True)
class _Machines:
    """The support vector machines: one for each label against the others; of two labels, one for the second.

    A label that all texts have, or that none has, needs no machine: its logit is fixed.
    """

    labels: NDArray[np.integer]  # (machines,) the label of each machine
    opposite: int | None  # the first of two labels, which has minus the logit of the second
    fixed_logits: Floats  # (labels,) of the labels without a machine

    @classmethod
    def of(cls, has_label: NDArray[np.bool_], *, is_multi_label: bool) -> "_Machines":
        """Choose the machines for the labels of texts, (n, labels)."""
        some_have = np.asarray(has_label.any(axis=0))
        all_have = np.asarray(has_label.all(axis=0))
        fixed_logits = np.where(all_have, _CERTAIN, -_CERTAIN)
        labels = np.flatnonzero(some_have & ~all_have)
        if len(labels) == 2 and not is_multi_label:
            return cls(labels[1:], int(labels[0]), fixed_logits)
        return cls(labels, None, fixed_logits)

    def weights_of_labels(self, weights: Floats) -> Floats:
        """Return weights and bias of the labels, (k, labels).

        Args:
            weights: (k, machines) weights of the machines, with their bias in the last row.
        """
        by_label = np.zeros((len(weights), len(self.fixed_logits)))
        by_label[-1] = self.fixed_logits
        if self.opposite is None:
            by_label[:, self.labels] = weights
        else:
            [second] = self.labels
            by_label[:, self.opposite] = -0.5 * weights[:, 0]
            by_label[:, second] = 0.5 * weights[:, 0]
        return by_label


@dataclass(frozen=True)
class _FeatureSpace:
    """The features of the fit, and their places in the table of weights.

    The feature matrix has columns for n-grams only. `lift` adds the characters: `X @ lift` are the features that have
    weights, and `lift @ w` are the weights of the columns of X.

    Sizes:
        R: Rows of the table of weights.
        u: Used n-grams: rows of the table that occur in at least two texts.
        v: Rows of the table that get a weight: the used n-grams, and the character n-grams of the words among them.
        e: Earlier logits, which are additional features in fine-tuning, one for each label; else 0.
    """

    used: NDArray[np.integer]  # (u,) rows of the table
    weighted: NDArray[np.integer]  # (v,) rows of the table
    lift: csr_matrix  # (u + e, v + e)
    characters: csr_matrix  # (R, R); see `_character_map`
    earlier: Floats  # (R + 1, labels) weights and bias before the fit

    @classmethod
    def of(
        cls, ngrams: GloveLstmNgramClassifier, words: Mapping[str, int], factors: csr_matrix
    ) -> "_FeatureSpace":
        """Find the used n-grams of n texts and their characters; `factors` are (n, R)."""
        text_counts = np.bincount(factors.indices, minlength=factors.shape[1])
        fewest_texts = min(_FEWEST_TEXTS, factors.shape[0])
        used = np.flatnonzero(text_counts >= fewest_texts)

        if not ngrams.config.character_buckets:
            words = {}
        characters = _character_map(ngrams, words)
        weighted = np.union1d(used, characters[used].indices)
        to_itself = identity(len(ngrams.weights), dtype=np.float32, format="csr")
        lift = (to_itself[used] + characters[used])[:, weighted]

        earlier = torch.cat([ngrams.weights, ngrams.bias[None]]).double().numpy(force=True)
        if earlier.any():
            earlier_logits_to_themselves = identity(earlier.shape[1], dtype=np.float32)
            lift = block_diag([lift, earlier_logits_to_themselves]).tocsr()
        return cls(used, weighted, lift, characters, earlier)

    @property
    def is_fine_tuning(self) -> bool:
        """Whether there are earlier weights."""
        return bool(self.earlier.any())

    def features(self, factors: csr_matrix) -> csr_matrix:
        """Return the features of n texts, (n, u + e), from the factors of all n-grams, (n, R)."""
        columns = factors[:, self.used]
        if not self.is_fine_tuning:
            return columns
        logits = factors @ self.earlier[:-1] + self.earlier[-1]
        return hstack([columns, csr_matrix(logits.astype(np.float32))]).tocsr()

    def table(self, weights: Floats) -> Floats:
        """Return the table of weights, and the bias in its last row: (R + 1, labels).

        Args:
            weights: (v + e + 1, labels) weights of the features, and the bias.
        """
        ngram_weights = weights[: len(self.weighted)]
        weights_of_earlier_logits = weights[len(self.weighted) : -1]
        table = np.zeros_like(self.earlier)
        table[self.weighted] = ngram_weights
        table[:-1] += self.characters @ table[:-1]  # a word's row includes its characters
        table[-1] = weights[-1]
        if self.is_fine_tuning:
            table += self.earlier @ weights_of_earlier_logits
        return table


def _log_count_ratios(
    factors: csr_matrix, space: _FeatureSpace, weights: Floats, has_label: NDArray[np.bool_]
) -> Floats:
    """Return the log-count ratio of each feature: how much more often, or more rarely, texts of a label have it.

    The counts are smoothed by 1. The absolute value is averaged with its mean over all features, so that rare features
    do not count for too little.

    Args:
        factors: (n, R) factors of the n-grams of texts. Only their places count, not the values.
        space: The features.
        weights: (n,) weights of the texts in the counts.
        has_label: (n, machines) whether a text has the label of a machine.

    Returns:
        (v, machines).
    """
    ngrams_of_text = np.diff(factors.indptr)
    entries = np.repeat(weights.astype(np.float32), ngrams_of_text)
    has_ngram = csr_matrix((entries, factors.indices, factors.indptr), shape=factors.shape)
    lift = space.lift[: len(space.used), : len(space.weighted)]  # without earlier logits
    ngram_has_feature = lift.astype(bool).astype(np.float32)  # (u, v)

    # A text counts for a character n-gram as often as it has words with it.
    counts = ngram_has_feature.T @ np.asarray(has_ngram.sum(axis=0)).ravel()[space.used]
    ratios = []
    for has_label_of_machine in has_label.T:
        ngram_counts = has_ngram.T @ has_label_of_machine.astype(np.float32)
        counts_with = ngram_has_feature.T @ ngram_counts[space.used]
        counts_without = counts - counts_with
        share_with = (counts_with + 1) / (counts_with + 1).sum()
        share_without = (counts_without + 1) / (counts_without + 1).sum()
        ratio = np.abs(np.log(share_with) - np.log(share_without))
        mean = ratio[counts > 0].mean()
        averaged = _INTERPOLATION * ratio + (1 - _INTERPOLATION) * mean
        ratios.append(np.maximum(averaged, _LEAST_RATIO))
    return np.stack(ratios, axis=1)


@dataclass(frozen=True)
class _Problem:
    """The optimisation problem of the machines; see `_FeatureSpace` for sizes.

    The rows are the texts, then their copies.
    """

    features: csr_matrix  # (rows, u + e)
    space: _FeatureSpace
    ratios: Floats  # (v + e, machines) factors of the lifted features
    machines: _Machines
    targets: Floats  # (rows, machines) 1 for texts with the machine's label, -1 for others
    weights: Floats  # (rows, 1)

    def solve(self, c: float, start: Floats | None = None) -> Floats:
        """Minimise C times the squared hinge loss, plus half of the squared weights and bias.

        Args:
            c: C.
            start: The solution for another C, where the search starts; None: zeros.

        Returns:
            (v + e + 1, machines) weights of the scaled features, and the bias.
        """
        features_transposed = self.features.T
        lift = self.space.lift
        lift_transposed = lift.T.tocsr()
        shape = (len(self.ratios) + 1, len(self.machines.labels))
        cost = np.float32(c) * self.weights

        def loss_and_gradient(flat: Floats) -> tuple[float, Floats]:
            solution = flat.reshape(shape).astype(np.float32)
            bias = solution[-1]
            feature_weights = self.ratios * solution[:-1]  # (v + e, machines)
            weights = lift @ feature_weights  # (u + e, machines)
            logits = self.features @ weights + bias  # (rows, machines)
            slack = np.maximum(1 - self.targets * logits, 0)
            hinge_loss = (cost * slack**2).sum(dtype=np.float64)
            loss = hinge_loss + (flat**2).sum() / 2

            # The gradient of the hinge loss by each of these values, from the last one back to the solution.
            by_logits = -2 * cost * self.targets * slack
            by_weights = features_transposed @ by_logits
            by_feature_weights = lift_transposed @ by_weights
            by_bias = by_logits.sum(axis=0)
            by_solution = np.vstack([self.ratios * by_feature_weights, by_bias])
            gradient = by_solution + solution
            return float(loss), gradient.ravel().astype(np.float64)

        if start is None:
            start = np.zeros(shape)
        with progress("Fitting n-grams", total=_ITERATIONS, unit=" iterations") as bar:
            options = {"maxiter": _ITERATIONS, "ftol": 1e-5, "maxcor": 6}
            result = minimize(
                loss_and_gradient,
                start.ravel(),
                jac=True,
                method="L-BFGS-B",
                options=options,
                callback=lambda _: bar.update(),
            )
        return result.x.reshape(shape)

    def table(self, solution: Floats) -> Floats:
        """Return the table of weights and the bias of all labels, (R + 1, labels), from a solution."""
        feature_weights = solution[:-1] * self.ratios
        bias = solution[-1:]
        by_label = self.machines.weights_of_labels(np.vstack([feature_weights, bias]))
        return self.space.table(by_label)
