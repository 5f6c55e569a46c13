"""Fit the n-gram classifier: a linear support vector machine on n-grams weighted by naive Bayes.

The problem is convex: no learning rate, number of epochs or seed matters. It is solved in the primal by L-BFGS, because
the features of known words include those of their characters: written out they are five times as many, whereas the
product with the map from words to characters costs little.
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

_BATCH = 256  # texts whose n-grams are computed together
_CS = (0.1, 0.3, 1.0, 3.0, 10.0)  # tried in this order
_DEFAULT_C = 1.0
_COPY_WEIGHT = 0.5  # of a corrupted copy, beside 1 of the text itself
_FEWEST_TEXTS = 2  # an n-gram of one text teaches nothing about other texts
_INTERPOLATION = 0.5  # between the mean log-count ratio (0) and that of a feature (1)
_LEAST_RATIO = 1e-6  # so that scaled features can be scaled back
_ITERATIONS = 100  # for each C; more change no figure
_CERTAIN = 1.0  # logit of a label that all training texts have, and minus that of one that none has


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
    https://aclanthology.org/P12-2018), averaged with the mean ratio. In fine-tuning the logits of the earlier weights
    are one more feature for each label.

    Args:
        ngrams: Is fitted.
        texts: n texts with labels.
        copies: A corrupted copy of each text, in their order.
        words: Words of the vocabulary and their ids, whose characters are learned if the model reads characters.
        weights: (n,) weights of the texts; None: 1 each.
        validation: Texts that choose C, by the cross-entropy at the best temperature; None: C is 1.
        c: C of the support vector machine; None: chosen.

    Returns:
        C; None if nothing was learned.
    """
    has = _label_matrix(texts.labels, len(ngrams.bias))
    varies = has.any(axis=0) & ~has.all(axis=0)
    if not varies.any():
        logger.warning("All texts have the same labels: the n-gram classifier learns nothing.")
        return None
    problem = _make_problem(ngrams, texts, copies, words, has, weights)

    if c is not None or validation is None:
        c = c or _DEFAULT_C
        fitted = problem.fit(c)
    else:
        c, fitted = _choose_c(ngrams, problem, validation)
    ngrams.weights.copy_(torch.from_numpy(fitted[:-1]))
    ngrams.bias.copy_(torch.from_numpy(fitted[-1]))
    return c


def _label_matrix(labels: NDArray[np.integer] | None, count: int) -> NDArray[np.bool_]:
    """Return which text has which of `count` labels: (n, labels)."""
    assert labels is not None
    if labels.ndim == 2:
        return labels > 0
    return labels[:, None] == np.arange(count)


def _make_problem(
    ngrams: GloveLstmNgramClassifier,
    texts: TokenizedTexts,
    copies: TokenizedTexts | None,
    words: Mapping[str, int],
    has: NDArray[np.bool_],
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
        has,
        exclusive=texts.labels.ndim == 1,
        weights=np.concatenate(row_weights),
        earlier=earlier,
    )


def _first_rows(features: csr_matrix, count: int) -> csr_matrix:
    """Return the first rows as a view: a slice of scipy's would hold them twice more."""
    end = features.indptr[count]
    values = features.data[:end], features.indices[:end], features.indptr[: count + 1]
    return csr_matrix(values, shape=(count, features.shape[1]))


def _used_features(features: csr_matrix, used: NDArray[np.integer], earlier: Floats) -> csr_matrix:
    """Return the columns of n-grams in use; in fine-tuning, the logits of the earlier weights stand beside them."""
    columns = features[:, used]
    if not earlier.any():
        return columns
    logits = features @ earlier[:-1] + earlier[-1]
    return hstack([columns, csr_matrix(logits.astype(np.float32))]).tocsr()


def _choose_c(
    ngrams: GloveLstmNgramClassifier, problem: "_Problem", validation: TokenizedTexts
) -> tuple[float, Floats]:
    """Fit with one C after the other, each from the solution before, until validation texts are classified worse."""
    rows = ngram_features(ngrams, validation)
    assert validation.labels is not None
    chosen = _CS[0]
    best = problem.fit(chosen)
    lowest = _validation_loss(rows, best, validation.labels)
    for c in _CS[1:]:
        fitted = problem.fit(c)
        loss = _validation_loss(rows, fitted, validation.labels)
        if not loss < lowest:  # larger ones take longer, and are worse still
            break
        lowest = loss
        chosen = c
        best = fitted
    return chosen, best


def _validation_loss(rows: csr_matrix, fitted: Floats, labels: NDArray[np.integer]) -> float:
    """Return the cross-entropy of texts at the best temperature."""
    logits = rows @ fitted[:-1] + fitted[-1]
    parts = logits[:, None].astype(np.float64)
    if labels.ndim == 2:
        parts, labels = as_binary(parts), labels.ravel().astype(np.int64)
    [scale] = fit_scales(parts, labels)
    rows = np.arange(len(labels))
    return float(-log_softmax(scale * parts[:, 0], axis=1)[rows, labels].mean())


def ngram_features(ngrams: GloveLstmNgramClassifier, texts: TokenizedTexts) -> csr_matrix:
    """Return the shares of the n-grams of texts: (n, rows of the table of weights), in 32 bits.

    The model's logits are these times the table, plus the bias.
    """
    rows = []
    width = len(ngrams.weights)
    with progress("Counting n-grams", total=len(texts)) as bar:
        for start in range(0, len(texts), _BATCH):
            numbers = range(start, min(start + _BATCH, len(texts)))
            batch = collate(texts.__getitems__(numbers))
            batch = {name: values.to(ngrams.bias.device) for name, values in batch.items()}
            rows.append(_features_of_batch(ngrams, batch, width))
            bar.update(len(numbers))
    return vstack(rows).tocsr()


def _features_of_batch(
    ngrams: GloveLstmNgramClassifier, batch: Mapping[str, torch.Tensor], width: int
) -> csr_matrix:
    ids, mask = batch["input_ids"], batch["attention_mask"].bool()
    shapes, unknown = read_token_types(ngrams.config, batch.get("token_type_ids"), mask)
    text_rows, columns, shares = [], [], []
    for group in ngrams.groups(ids, shapes, mask):
        text, place = group.present.nonzero(as_tuple=True)
        text_rows.append(text)
        columns.append(group.rows[text, place])
        shares.append(ngram_shares(group, ngrams.weights)[text, place])
    if unknown is not None:
        word, place = unknown.present.nonzero(as_tuple=True)
        text_rows.append(unknown.texts[word])
        columns.append(unknown.hashes[word, place] % ngrams.buckets)
        shares.append(ngrams.character_shares(unknown, mask)[word, place])
    places = tuple(torch.cat(part).int().numpy(force=True) for part in (text_rows, columns))
    values = torch.cat(shares).float().numpy(force=True)
    features = csr_matrix((values, places), shape=(len(ids), width))
    features.sum_duplicates()
    return features


def _character_map(ngrams: GloveLstmNgramClassifier, words: Mapping[str, int]) -> csr_matrix:
    """Return the shares of each word's character n-grams: (rows of the table, rows of the table).

    Features of words @ map = features of their characters. map @ weights of characters = what these add to the weights
    of words.
    """
    size, device = len(ngrams.weights), ngrams.bias.device
    spelled = torch.tensor([spelling(word) for word in words], dtype=torch.long, device=device)
    codes, present = character_ngrams(spelled)
    word, place = present.nonzero(as_tuple=True)
    # With an empty mask, a text counts as one n-gram of words, so a share is relative to that of its word.
    texts, mask = torch.zeros_like(spelled), present.new_zeros(1, 1)
    shares = ngrams.character_shares(UnknownWords(texts, texts, codes, present), mask)[word, place]
    row_of = ngrams.buckets + torch.tensor(list(words.values()), dtype=torch.long, device=device)
    rows = row_of[word].int().numpy(force=True)
    columns = (codes[word, place] % ngrams.buckets).int().numpy(force=True)
    return csr_matrix((shares.float().numpy(force=True), (rows, columns)), shape=(size, size))


@dataclass
class _Problem:
    """Support vector machines over the n-grams that occur, and over the characters of their words.

    Of the R rows of the table, u are n-grams that occur in two texts or more, and v are these and the characters of
    their words; e is the number of labels in fine-tuning, else 0.
    """

    features: csr_matrix  # (rows, u + e) n-grams of the texts and their copies; earlier logits
    lift: csr_matrix  # (u + e, v + e): of an n-gram itself, and of the characters of a word
    ratios: Floats  # (v + e, machines) log-count ratios, which scale the lifted features
    targets: Floats  # (rows, machines) 1 for texts with the machine's label, -1 for others
    weights: Floats  # (rows, 1)
    labels: NDArray[np.integer]  # (machines,) the label of each machine
    binary: bool  # one machine tells two labels apart
    present: NDArray[np.integer]  # labels that some texts have and others lack
    unlearned: Floats  # (labels,) logits of the other labels
    columns: NDArray[np.integer]  # (v,) rows of the table
    characters: csr_matrix  # see `_character_map`
    earlier: Floats  # (R + 1, labels) weights and bias before the fit
    solution: Floats | None = None  # of the last fit, where the next one starts

    @classmethod
    def of(
        cls,
        features: csr_matrix,
        used: NDArray[np.integer],
        characters: csr_matrix,
        has: NDArray[np.bool_],
        *,
        exclusive: bool,
        weights: Floats,
        earlier: Floats,
    ) -> "_Problem":
        """Make the problem of the features of texts and, below them, of a copy of each, if there are any."""
        columns = np.union1d(used, characters[used].indices)
        itself = identity(characters.shape[0], dtype=np.float32, format="csr")[used]
        lift = (itself + characters[used])[:, columns]
        clean = _first_rows(features, len(has))
        if earlier.any():
            clean = clean[:, : len(used)]
        ratios_of = _LogCountRatios.of(clean, lift, weights[: len(has)])

        varies = has.any(axis=0) & ~has.all(axis=0)
        present = np.flatnonzero(varies)
        binary = exclusive and len(present) == 2
        labels = present[1:] if binary else present
        ratios = np.stack([ratios_of(has[:, label]) for label in labels], axis=1)
        if earlier.any():
            lift = block_diag([lift, identity(has.shape[1], dtype=np.float32)])
            # Logits are no counts.
            ratios = np.vstack([ratios, np.ones((has.shape[1], len(labels)))])
        versions = features.shape[0] // len(has)
        targets = np.where(np.tile(has[:, labels], (versions, 1)), 1, -1)
        return cls(
            features=features,
            lift=lift.tocsr(),
            ratios=ratios.astype(np.float32),
            targets=targets.astype(np.float32),
            weights=weights[:, None].astype(np.float32),
            labels=labels,
            binary=binary,
            present=present,
            unlearned=np.where(has.all(axis=0), _CERTAIN, -_CERTAIN),
            columns=columns,
            characters=characters,
            earlier=earlier,
        )

    def fit(self, c: float) -> Floats:
        """Minimise the squared hinge loss, times C, plus half of the squared weights and bias.

        Returns:
            (R + 1, labels) the table of weights, in whose rows of words their characters are included, and the bias.
        """
        transposed, lift_transposed = self.features.T, self.lift.T.tocsr()
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

        start = np.zeros(shape[0] * shape[1]) if self.solution is None else self.solution
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
        return self._unfold(np.vstack([solution[:-1] * self.ratios, solution[-1:]]))

    def _unfold(self, machines: Floats) -> Floats:
        """Return the table and the bias of all labels, from the weights of the machines, (v + e + 1, machines)."""
        size = len(self.columns)
        count = self.earlier.shape[1]
        by_label = np.zeros((len(machines), count))
        by_label[-1] = self.unlearned
        if self.binary:
            by_label[:, self.present] = machines * [-0.5, 0.5]
        else:
            by_label[:, self.labels] = machines
        table = np.zeros_like(self.earlier)
        table[self.columns] = by_label[:size]
        table[:-1] += self.characters @ table[:-1]
        table[-1] = by_label[-1]
        if self.earlier.any():
            table += self.earlier @ by_label[size:-1]
        return table


@dataclass(frozen=True)
class _LogCountRatios:
    """How much more often texts of a label have a feature than other texts: |log ratio|, smoothed by 1."""

    has_ngram: csr_matrix  # (texts, u) the weight of a text where it has an n-gram
    lift: csr_matrix  # (u, v) 1 for an n-gram itself, and for the characters of a word
    counts: Floats  # (v,) words or n-grams of all texts with each feature

    @classmethod
    def of(cls, features: csr_matrix, lift: csr_matrix, weights: Floats) -> "_LogCountRatios":
        ngrams_of_text = np.diff(features.indptr)
        data = np.repeat(weights.astype(np.float32), ngrams_of_text)
        has_ngram = csr_matrix((data, features.indices, features.indptr), shape=features.shape)
        lift = lift.astype(bool).astype(np.float32)
        counts = lift.T @ np.asarray(has_ngram.sum(axis=0)).ravel()
        return cls(has_ngram, lift, counts)

    def __call__(self, is_label: NDArray[np.bool_]) -> Floats:
        """Return the ratio of each feature, (v,).

        Averaged with the mean over the features that texts have, so that rare ones do not count for too little.
        """
        inside = self.lift.T @ (self.has_ngram.T @ is_label.astype(np.float32))
        outside = self.counts - inside
        inside_share = (inside + 1) / (inside + 1).sum()
        outside_share = (outside + 1) / (outside + 1).sum()
        ratios = np.abs(np.log(inside_share) - np.log(outside_share))
        mean = ratios[self.counts > 0].mean()
        return np.maximum(_INTERPOLATION * ratios + (1 - _INTERPOLATION) * mean, _LEAST_RATIO)
