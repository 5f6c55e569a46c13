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
        c, table = _choose_c(ngrams, problem, validation)
    else:
        c = c or _DEFAULT_C  # C is above 0
        table = problem.fit(c)
    ngrams.weights.copy_(torch.from_numpy(table[:-1]))
    ngrams.bias.copy_(torch.from_numpy(table[-1]))
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
    """Compute the features of texts and copies, and make the problem. The arguments are as for `fit_ngrams`."""
    assert texts.labels is not None
    if weights is None:
        weights = np.ones(len(texts))
    earlier = torch.cat([ngrams.weights, ngrams.bias[None]]).double().numpy(force=True)
    words_with_characters = words if ngrams.config.character_buckets else {}
    characters = _character_map(ngrams, words_with_characters)

    # Large matrices are deleted as soon as possible: the memory of a training is theirs.
    all_features = ngram_features(ngrams, texts)
    text_counts = np.bincount(all_features.indices, minlength=all_features.shape[1])
    used = np.flatnonzero(text_counts >= min(_FEWEST_TEXTS, len(texts)))
    parts = [_used_features(all_features, used, earlier)]
    del all_features
    row_weights = [weights]
    if copies is not None:
        parts.append(_used_features(ngram_features(ngrams, copies), used, earlier))
        row_weights.append(_COPY_WEIGHT * weights)
    features = vstack(parts).tocsr()
    del parts
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
    best_table = problem.fit(best_c)
    lowest = _validation_loss(features, best_table, validation.labels)
    for c in _CS[1:]:
        table = problem.fit(c)
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
    ids = batch["input_ids"]
    mask = batch["attention_mask"].bool()
    shapes, unknown = read_token_types(ngrams.config, batch.get("token_type_ids"), mask)
    # One entry for each n-gram of each text: the row of the text, the row of the table, and the share.
    texts = []
    table_rows = []
    shares = []
    for group in ngrams.groups(ids, shapes, mask):
        present = group.present.nonzero(as_tuple=True)
        texts.append(present[0])
        table_rows.append(group.rows[present])
        shares.append(ngram_shares(group, ngrams.weights)[present])
    if unknown is not None:
        present = unknown.present.nonzero(as_tuple=True)
        texts.append(unknown.texts[present[0]])
        table_rows.append(unknown.hashes[present] % ngrams.buckets)
        shares.append(ngrams.character_shares(unknown, mask)[present])
    shape = (len(ids), len(ngrams.weights))
    features = _sparse(torch.cat(shares), torch.cat(texts), torch.cat(table_rows), shape)
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
    # The share of a word in its text is a factor of the features already. What is missing is the share of the character
    # n-grams in the word, which is their share in an empty text: that counts as a single n-gram of words.
    empty_mask = present.new_zeros(1, 1)
    first_text = torch.zeros_like(spellings)
    spelled_words = UnknownWords(first_text, first_text, hashes, present)
    shares = ngrams.character_shares(spelled_words, empty_mask)

    word_rows, places = present.nonzero(as_tuple=True)
    ids = torch.tensor(list(words.values()), dtype=torch.long, device=device)
    rows = ngrams.buckets + ids[word_rows]
    columns = hashes[word_rows, places] % ngrams.buckets
    return _sparse(shares[word_rows, places], rows, columns, (size, size))


@dataclass
class _Problem:
    """Support vector machines over the used n-grams, and over the characters of their words.

    There is a machine for each label, against the others; of two labels, only for the second.

    Sizes:
        R: Rows of the table of weights.
        u: Used n-grams: rows of the table that occur in at least two texts.
        v: Rows of the table that have a weight: the used n-grams, and the character n-grams of the words among them.
        e: Earlier logits, which are additional features: the number of labels in fine-tuning, else 0.
    """

    # (rows, u + e) the used n-grams, then the earlier logits; rows are the texts, then their copies.
    features: csr_matrix
    # (u + e, v + e) maps features to the same features and the characters of words.
    lift: csr_matrix
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
        texts, label_count = has_label.shape
        is_fine_tuning = earlier.any()
        learned_labels = np.flatnonzero(_varies(has_label))
        is_binary = exclusive and len(learned_labels) == 2
        labels = learned_labels[1:] if is_binary else learned_labels

        columns = np.union1d(used, characters[used].indices)
        to_itself = identity(characters.shape[0], dtype=np.float32, format="csr")[used]
        lift = (to_itself + characters[used])[:, columns]

        ngrams_of_texts = _first_rows(features, texts)
        if is_fine_tuning:
            ngrams_of_texts = ngrams_of_texts[:, : len(used)]
        log_count_ratios = _LogCountRatios.of(ngrams_of_texts, lift, weights[:texts])
        ratios_by_label = [log_count_ratios.of_label(has_label[:, label]) for label in labels]
        ratios = np.stack(ratios_by_label, axis=1)
        if is_fine_tuning:  # earlier logits have no characters, and are not scaled
            lift = block_diag([lift, identity(label_count, dtype=np.float32)])
            ratios = np.vstack([ratios, np.ones((label_count, len(labels)))])

        versions = features.shape[0] // texts  # 2 with copies, else 1
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
        features_transposed = self.features.T
        lift_transposed = self.lift.T.tocsr()
        shape = (self.ratios.shape[0] + 1, len(self.labels))  # weights and bias of the machines
        cost = np.float32(c) * self.weights

        def loss_and_gradient(flat: Floats) -> tuple[float, Floats]:
            solution = flat.reshape(shape).astype(np.float32)
            weights = self.lift @ (self.ratios * solution[:-1])  # (u + e, machines)
            logits = self.features @ weights + solution[-1]
            slack = np.maximum(1 - self.targets * logits, 0)
            hinge_loss = (cost * slack**2).sum(dtype=np.float64)
            loss = hinge_loss + (flat**2).sum() / 2

            slope = -2 * cost * self.targets * slack  # of the loss by the logits
            weight_gradient = self.ratios * (lift_transposed @ (features_transposed @ slope))
            bias_gradient = slope.sum(axis=0)
            gradient = np.vstack([weight_gradient, bias_gradient]) + solution
            return float(loss), gradient.ravel().astype(np.float64)

        start = self.solution
        if start is None:
            start = np.zeros(shape[0] * shape[1])
        with progress("Fitting n-grams", total=_ITERATIONS, unit=" iterations") as bar:
            options = {"maxiter": _ITERATIONS, "ftol": 1e-5, "maxcor": 6}
            result = minimize(
                loss_and_gradient,
                start,
                jac=True,
                method="L-BFGS-B",
                options=options,
                callback=lambda _: bar.update(),
            )
        self.solution = result.x
        solution = result.x.reshape(shape)
        weights = solution[:-1] * self.ratios
        return self._table(np.vstack([weights, solution[-1:]]))

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
        ngram_weights = by_label[: len(self.columns)]
        weights_of_earlier_logits = by_label[len(self.columns) : -1]
        bias = by_label[-1]

        table = np.zeros_like(self.earlier)
        table[self.columns] = ngram_weights
        table[:-1] += self.characters @ table[:-1]  # a word's row includes its characters
        table[-1] = bias
        if self.earlier.any():
            table += self.earlier @ weights_of_earlier_logits
        return table


@dataclass(frozen=True)
class _LogCountRatios:
    """Log-count ratios: how much more often, or more rarely, texts of a label have a feature than other texts."""

    has_ngram: csr_matrix  # (n, u) the weight of a text where it has an n-gram
    lift: csr_matrix  # (u, v) 1 for an n-gram itself, and for the characters of a word
    counts: Floats  # (v,) weighted number of texts, or of words in texts, with each feature

    @classmethod
    def of(cls, features: csr_matrix, lift: csr_matrix, weights: Floats) -> "_LogCountRatios":
        """Count the features of n texts with weights (n,)."""
        ngrams_of_text = np.diff(features.indptr)
        data = np.repeat(weights.astype(np.float32), ngrams_of_text)
        has_ngram = csr_matrix((data, features.indices, features.indptr), shape=features.shape)
        lift = lift.astype(bool).astype(np.float32)
        counts = lift.T @ np.asarray(has_ngram.sum(axis=0)).ravel()
        return cls(has_ngram, lift, counts)

    def of_label(self, has_label: NDArray[np.bool_]) -> Floats:
        """Return the absolute log ratio of each feature, (v,), with counts smoothed by 1.

        It is averaged with the mean over all features, so that rare features do not count for too little.

        Args:
            has_label: (n,) whether a text has the label.
        """
        counts_with = self.lift.T @ (self.has_ngram.T @ has_label.astype(np.float32))
        counts_without = self.counts - counts_with
        share_with = (counts_with + 1) / (counts_with + 1).sum()
        share_without = (counts_without + 1) / (counts_without + 1).sum()
        ratios = np.abs(np.log(share_with) - np.log(share_without))
        mean = ratios[self.counts > 0].mean()
        return np.maximum(_INTERPOLATION * ratios + (1 - _INTERPOLATION) * mean, _LEAST_RATIO)
