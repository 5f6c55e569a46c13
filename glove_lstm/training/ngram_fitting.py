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
from glove_lstm.modeling.ngram_classifier import GloveLstmNgramClassifier, ngram_shares
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
_LEAST_RATIO = 1e-6  # so that scaled features can be scaled back
_ITERATIONS = 100  # for each C; more change no figure
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
    has_label = _label_matrix(texts.labels, len(ngrams.bias))
    if not _varies(has_label).any():
        logger.warning("All texts have the same labels: the n-gram classifier learns nothing.")
        return None
    problem = _make_problem(ngrams, texts, copies, words, has_label, weights)
    if c is None and validation is not None:
        c, fitted = _choose_c(ngrams, problem, validation)
    else:
        c = c or _DEFAULT_C
        fitted = problem.fit(c)
    ngrams.weights.copy_(torch.from_numpy(fitted[:-1]))
    ngrams.bias.copy_(torch.from_numpy(fitted[-1]))
    return c


def _label_matrix(labels: NDArray[np.integer] | None, count: int) -> NDArray[np.bool_]:
    """Return which text has which of `count` labels: (n, labels)."""
    assert labels is not None
    if labels.ndim == 2:
        return labels > 0
    return labels[:, None] == np.arange(count)


def _varies(has_label: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which labels some texts have and others lack: (labels,)."""
    some_have = np.asarray(has_label.any(axis=0))
    all_have = np.asarray(has_label.all(axis=0))
    return some_have & ~all_have


def _make_problem(
    ngrams: GloveLstmNgramClassifier,
    texts: TokenizedTexts,
    copies: TokenizedTexts | None,
    words: Mapping[str, int],
    has_label: NDArray[np.bool_],
    weights: Floats | None,
) -> "_Problem":
    earlier = torch.cat([ngrams.weights, ngrams.bias[None]]).double().numpy(force=True)
    characters = _character_map(ngrams, words if ngrams.config.character_buckets else {})
    clean = ngram_features(ngrams, texts)
    counts = np.bincount(clean.indices, minlength=clean.shape[1])
    used = np.flatnonzero(counts >= min(_FEWEST_TEXTS, len(texts)))
    parts = [_used_features(clean, used, earlier)]
    del clean  # the largest matrix of a training
    weights = np.ones(len(texts)) if weights is None else weights
    row_weights = [weights]
    if copies is not None:
        parts.append(_used_features(ngram_features(ngrams, copies), used, earlier))
        row_weights.append(_COPY_WEIGHT * weights)
    assert texts.labels is not None
    features = vstack(parts).tocsr()
    del parts  # a second copy of all features
    return _Problem.of(
        features,
        used,
        characters,
        has_label,
        exclusive=texts.labels.ndim == 1,
        weights=np.concatenate(row_weights),
        earlier=earlier,
    )


def _first_rows(features: csr_matrix, count: int) -> csr_matrix:
    """Return the first rows as a view; a slice would copy them."""
    end = features.indptr[count]
    values = features.data[:end], features.indices[:end], features.indptr[: count + 1]
    return csr_matrix(values, shape=(count, features.shape[1]))


def _used_features(features: csr_matrix, used: NDArray[np.integer], earlier: Floats) -> csr_matrix:
    """Return the columns of the used n-grams and, in fine-tuning, the logits of the earlier weights."""
    columns = features[:, used]
    if not earlier.any():
        return columns
    logits = features @ earlier[:-1] + earlier[-1]
    return hstack([columns, csr_matrix(logits.astype(np.float32))]).tocsr()


def _choose_c(
    ngrams: GloveLstmNgramClassifier, problem: "_Problem", validation: TokenizedTexts
) -> tuple[float, Floats]:
    """Fit with increasing C, each time from the solution before, until the validation loss no longer falls."""
    features = ngram_features(ngrams, validation)
    assert validation.labels is not None
    best_c = _CS[0]
    best = problem.fit(best_c)
    lowest = _validation_loss(features, best, validation.labels)
    for c in _CS[1:]:
        fitted = problem.fit(c)
        loss = _validation_loss(features, fitted, validation.labels)
        if not loss < lowest:  # larger values take longer, and are even worse
            break
        lowest = loss
        best_c = c
        best = fitted
    return best_c, best


def _validation_loss(features: csr_matrix, fitted: Floats, labels: NDArray[np.integer]) -> float:
    """Return the cross-entropy of texts at the best temperature."""
    logits = features @ fitted[:-1] + fitted[-1]
    parts = logits[:, None].astype(np.float64)
    classes = labels
    if labels.ndim == 2:
        parts = as_binary(parts)
        classes = labels.ravel().astype(np.int64)
    [scale] = fit_scales(parts, classes)
    log_scores = log_softmax(scale * parts[:, 0], axis=1)
    return float(-log_scores[np.arange(len(classes)), classes].mean())


def ngram_features(ngrams: GloveLstmNgramClassifier, texts: TokenizedTexts) -> csr_matrix:
    """Return the shares of the n-grams of texts: (n, rows of the table of weights), in 32 bits.

    The model's logits are the product with the table, plus the bias.
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
    ids, mask = batch["input_ids"], batch["attention_mask"].bool()
    shapes, unknown = read_token_types(ngrams.config, batch.get("token_type_ids"), mask)
    rows = []  # texts
    columns = []  # rows of the table
    shares = []
    for group in ngrams.groups(ids, shapes, mask):
        text, place = group.present.nonzero(as_tuple=True)
        rows.append(text)
        columns.append(group.rows[text, place])
        shares.append(ngram_shares(group, ngrams.weights)[text, place])
    if unknown is not None:
        word, place = unknown.present.nonzero(as_tuple=True)
        rows.append(unknown.texts[word])
        columns.append(unknown.hashes[word, place] % ngrams.buckets)
        shares.append(ngrams.character_shares(unknown, mask)[word, place])
    features = _sparse(
        torch.cat(shares), torch.cat(rows), torch.cat(columns), (len(ids), len(ngrams.weights))
    )
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
    """Return the shares of the character n-grams (columns) of each word (row): (R, R), with R rows of the table.

    Features of words, times this map, are the features of their characters. The map, times the weights of characters,
    is what these add to the weights of words.
    """
    size = len(ngrams.weights)
    device = ngrams.bias.device
    spellings = torch.tensor([spelling(word) for word in words], dtype=torch.long, device=device)
    hashes, present = character_ngrams(spellings)
    # In a text with an empty mask, which counts as one n-gram of words, a share is relative to the share of its word.
    no_text = torch.zeros_like(spellings)
    empty_mask = present.new_zeros(1, 1)
    spelled_words = UnknownWords(no_text, no_text, hashes, present)
    shares = ngrams.character_shares(spelled_words, empty_mask)

    word, place = present.nonzero(as_tuple=True)
    ids = torch.tensor(list(words.values()), dtype=torch.long, device=device)
    rows = ngrams.buckets + ids[word]
    columns = hashes[word, place] % ngrams.buckets
    return _sparse(shares[word, place], rows, columns, (size, size))


@dataclass
class _Problem:
    """Support vector machines over the used n-grams, and over the characters of their words.

    There is a machine for each label, against the others; of two labels, only for the second. Sizes: the table has R
    rows. u of them are used n-grams, which occur in at least two texts. v are these and the character n-grams of the
    words among them. e is the number of labels in fine-tuning, else 0.
    """

    features: (
        csr_matrix  # (rows, u + e) n-grams of the texts and then of their copies; earlier logits
    )
    lift: (
        csr_matrix  # (u + e, v + e) maps features to the same features and the characters of words
    )
    ratios: Floats  # (v + e, machines) log-count ratios, which scale the lifted features
    targets: Floats  # (rows, machines) 1 for texts with the machine's label, -1 for others
    weights: Floats  # (rows, 1)
    labels: NDArray[np.integer]  # (machines,) the label of each machine
    is_binary: bool  # one machine distinguishes two labels
    learned_labels: NDArray[np.integer]  # labels that some texts have and others lack
    fixed_logits: Floats  # (labels,) logits of the other labels
    columns: NDArray[np.integer]  # (v,) rows of the table
    characters: csr_matrix  # (R, R); see `_character_map`
    earlier: Floats  # (R + 1, labels) weights and bias before the fit
    solution: Floats | None = None  # of the last fit, where the next one starts

    @classmethod
    def of(
        cls,
        features: csr_matrix,
        used: NDArray[np.integer],
        characters: csr_matrix,
        has_label: NDArray[np.bool_],
        *,
        exclusive: bool,
        weights: Floats,
        earlier: Floats,
    ) -> "_Problem":
        """Make the problem.

        Args:
            features: (rows, u + e) of n texts, and then of a copy of each text, if there are copies.
            used: (u,) rows of the table.
            characters: See `_character_map`.
            has_label: (n, labels).
            exclusive: Whether each text has one label.
            weights: (rows,).
            earlier: (R + 1, labels) weights and bias before the fit.
        """
        texts, count = has_label.shape
        columns = np.union1d(used, characters[used].indices)
        itself = identity(characters.shape[0], dtype=np.float32, format="csr")[used]
        lift = (itself + characters[used])[:, columns]
        clean = _first_rows(features, texts)
        if earlier.any():
            clean = clean[:, : len(used)]
        ratios_of = _LogCountRatios.of(clean, lift, weights[:texts])

        learned_labels = np.flatnonzero(_varies(has_label))
        is_binary = exclusive and len(learned_labels) == 2
        labels = learned_labels[1:] if is_binary else learned_labels
        ratios = np.stack([ratios_of(has_label[:, label]) for label in labels], axis=1)
        if earlier.any():  # earlier logits have no characters, and are not scaled
            lift = block_diag([lift, identity(count, dtype=np.float32)])
            ratios = np.vstack([ratios, np.ones((count, len(labels)))])
        versions = features.shape[0] // texts
        targets = np.where(np.tile(has_label[:, labels], (versions, 1)), 1, -1)
        return cls(
            features=features,
            lift=lift.tocsr(),
            ratios=ratios.astype(np.float32),
            targets=targets.astype(np.float32),
            weights=weights[:, None].astype(np.float32),
            labels=labels,
            is_binary=is_binary,
            learned_labels=learned_labels,
            fixed_logits=np.where(has_label.all(axis=0), _CERTAIN, -_CERTAIN),
            columns=columns,
            characters=characters,
            earlier=earlier,
        )

    def fit(self, c: float) -> Floats:
        """Minimise C times the squared hinge loss, plus half of the squared weights and bias.

        Returns:
            (R + 1, labels): the table of weights, in which the rows of words include their characters, and the bias.
        """
        transposed = self.features.T
        lift_transposed = self.lift.T.tocsr()
        shape = self.ratios.shape[0] + 1, len(self.labels)
        cost = np.float32(c) * self.weights

        def loss(flat: Floats) -> tuple[float, Floats]:
            solution = flat.reshape(shape).astype(np.float32)
            margins = self.features @ (self.lift @ (self.ratios * solution[:-1])) + solution[-1]
            slack = np.maximum(1 - self.targets * margins, 0)
            slope = -2 * cost * self.targets * slack
            gradient = self.ratios * (lift_transposed @ (transposed @ slope))
            gradient = np.vstack([gradient, slope.sum(axis=0)]) + solution
            value = (cost * slack**2).sum(dtype=np.float64) + (flat**2).sum() / 2
            return float(value), gradient.ravel().astype(np.float64)

        start = self.solution
        if start is None:
            start = np.zeros(shape[0] * shape[1])
        with progress("Fitting n-grams", total=_ITERATIONS, unit=" iterations") as bar:
            options = {"maxiter": _ITERATIONS, "ftol": 1e-5, "maxcor": 6}
            found = minimize(
                loss,
                start,
                jac=True,
                method="L-BFGS-B",
                options=options,
                callback=lambda _: bar.update(),
            )
        self.solution = found.x
        solution = found.x.reshape(shape)
        return self._table(np.vstack([solution[:-1] * self.ratios, solution[-1:]]))

    def _table(self, weights: Floats) -> Floats:
        """Return the table and the bias of all labels.

        Args:
            weights: (v + e + 1, machines) weights and bias of the machines.
        """
        by_label = np.zeros((len(weights), self.earlier.shape[1]))
        by_label[-1] = self.fixed_logits
        if self.is_binary:
            first, second = self.learned_labels
            by_label[:, first] = -0.5 * weights[:, 0]
            by_label[:, second] = 0.5 * weights[:, 0]
        else:
            by_label[:, self.labels] = weights
        size = len(self.columns)
        of_ngrams, of_earlier_logits, bias = by_label[:size], by_label[size:-1], by_label[-1]

        table = np.zeros_like(self.earlier)
        table[self.columns] = of_ngrams
        table[:-1] += self.characters @ table[:-1]
        table[-1] = bias
        if self.earlier.any():
            table += self.earlier @ of_earlier_logits
        return table


@dataclass(frozen=True)
class _LogCountRatios:
    """Log-count ratios: how much more often, or more rarely, texts of a label have a feature than other texts."""

    has_ngram: csr_matrix  # (n, u) the weight of a text where it has an n-gram
    lift: csr_matrix  # (u, v) 1 for an n-gram itself, and for the characters of a word
    counts: Floats  # (v,) weighted number of texts, or of words in texts, with each feature

    @classmethod
    def of(cls, features: csr_matrix, lift: csr_matrix, weights: Floats) -> "_LogCountRatios":
        ngrams_of_text = np.diff(features.indptr)
        data = np.repeat(weights.astype(np.float32), ngrams_of_text)
        has_ngram = csr_matrix((data, features.indices, features.indptr), shape=features.shape)
        lift = lift.astype(bool).astype(np.float32)
        counts = lift.T @ np.asarray(has_ngram.sum(axis=0)).ravel()
        return cls(has_ngram, lift, counts)

    def __call__(self, is_label: NDArray[np.bool_]) -> Floats:
        """Return the absolute log ratio of each feature, (v,), with counts smoothed by 1.

        It is averaged with the mean over all features, so that rare features do not count for too little.

        Args:
            is_label: (n,) whether a text has the label.
        """
        inside = self.lift.T @ (self.has_ngram.T @ is_label.astype(np.float32))
        outside = self.counts - inside
        inside_share = (inside + 1) / (inside + 1).sum()
        outside_share = (outside + 1) / (outside + 1).sum()
        ratios = np.abs(np.log(inside_share) - np.log(outside_share))
        mean = ratios[self.counts > 0].mean()
        return np.maximum(_INTERPOLATION * ratios + (1 - _INTERPOLATION) * mean, _LEAST_RATIO)
