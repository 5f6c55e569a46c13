"""A logistic regression on embeddings, with calibrated logits."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from glove_lstm.distillation.temperature import fit_temperature, loss_at_best_temperature
from glove_lstm.splits.splitter import near_duplicate_groups
from glove_lstm.tables.examples import Examples

Floats = NDArray[np.floating]
Ints = NDArray[np.integer]

_FOLDS = 5
_IN_NO_FOLD = -1
_C_GRID = (1.0, 3.0, 10.0, 30.0, 100.0)
_C_WITHOUT_FOLDS = 10.0
_MOST_ITERATIONS = 2_000


@dataclass(frozen=True, eq=False)
class Regression:
    """A fitted regression.

    Attributes:
        model: The regression of scikit-learn.
        c: Its C.
        temperature: By which its logits are divided.
    """

    model: LogisticRegression
    c: float
    temperature: float

    def logits(self, embeddings: Floats) -> Floats:
        """Return the calibrated logits of n embeddings, each with mean 0: (n, labels)."""
        return _centred_logits(self.model, embeddings) / self.temperature


def fit_regression(embeddings: Floats, train: Examples, seed: int) -> Regression:
    """Fit a regression to the embeddings (n, width) of n examples.

    C has the smallest cross-validated log loss. The temperature fits the logits of texts that the regression has not
    seen.
    """
    c, temperature = _cross_validate(embeddings, train, seed)
    return Regression(_fit(embeddings, train, c), c, temperature)


def _cross_validate(embeddings: Floats, train: Examples, seed: int) -> tuple[float, float]:
    """Return the C with the smallest cross-validated log loss, and the temperature that fits its logits."""
    folds = _folds(train, seed)
    is_in_fold = folds != _IN_NO_FOLD
    if not is_in_fold.any():
        return _C_WITHOUT_FOLDS, 1.0
    classes = train.labels[is_in_fold]
    logits = {c: _cross_fitted(embeddings, train, folds, c)[is_in_fold] for c in _C_GRID}
    best = min(_C_GRID, key=lambda c: loss_at_best_temperature(logits[c], classes))
    return best, fit_temperature(logits[best], classes)


def _folds(train: Examples, seed: int) -> Ints:
    """Return the fold of each text, (n,): near duplicates share one, and each label is spread over the folds.

    A label that would be in one fold only is in none: its texts always teach.
    """
    generator = np.random.default_rng(seed)
    group_of = near_duplicate_groups(train.texts)
    _, first_rows = np.unique(group_of, return_index=True)
    labels_of_groups = train.labels[first_rows]
    fold_of_group = np.full(len(labels_of_groups), _IN_NO_FOLD)
    divided = 0
    for label in np.unique(labels_of_groups):
        groups = generator.permutation(np.flatnonzero(labels_of_groups == label))
        if len(groups) > 1:
            fold_of_group[groups] = (divided + np.arange(len(groups))) % _FOLDS
            divided += len(groups)
    for label in np.unique(train.labels):
        groups = group_of[train.labels == label]
        folds_of_label = np.unique(fold_of_group[groups])
        if len(folds_of_label) == 1:  # the other folds would not teach it
            fold_of_group[groups] = _IN_NO_FOLD
    return fold_of_group[group_of]


def _cross_fitted(embeddings: Floats, train: Examples, folds: Ints, c: float) -> Floats:
    """Return the logits of each text by the regression that is fitted to the other folds: (n, labels)."""
    logits = np.zeros((len(train), len(train.label_names)))
    for fold in range(folds.max() + 1):
        others = np.flatnonzero(folds != fold)
        model = _fit(embeddings[others], train.select(others), c)
        logits[folds == fold] = _centred_logits(model, embeddings[folds == fold])
    return logits


def _fit(embeddings: Floats, train: Examples, c: float) -> LogisticRegression:
    model = LogisticRegression(C=c, max_iter=_MOST_ITERATIONS)
    return model.fit(embeddings, train.labels, train.weights)


def _centred_logits(model: LogisticRegression, embeddings: Floats) -> Floats:
    """Return the logits of a regression, each with mean 0: (n, labels)."""
    margins = model.decision_function(embeddings).astype(np.float64)
    if margins.ndim == 1:  # of two labels: the second minus the first
        margins = np.stack([-margins, margins], axis=1) / 2
    return margins - margins.mean(axis=1, keepdims=True)
