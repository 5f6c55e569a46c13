"""A logistic regression on the embeddings of an encoder, which together are a teacher."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from glove_lstm.errors import DataError
from glove_lstm.splits.splitter import near_duplicate_groups
from glove_lstm.training.answers import KeptAnswers
from glove_lstm.training.labelled_texts import LabelledTexts
from glove_lstm.training.teacher import LoadedEncoder
from glove_lstm.training.temperature import fit_temperature, loss_at_best_temperature

Floats = NDArray[np.floating]
Ints = NDArray[np.integer]

_FOLDS = 5
_IN_NO_FOLD = -1
_C_GRID = (1.0, 3.0, 10.0, 30.0, 100.0)
_C_WITHOUT_FOLDS = 10.0
_MOST_ITERATIONS = 2_000


class EncoderAnswers:
    """The logits of a logistic regression that is fitted on the embeddings of labelled texts.

    Its C is the one with the smallest cross-validated log loss.

    Args:
        encoder: A loaded encoder.
        train: Labelled texts to fit on, one or more of each label.
        folder: Folder in which the embeddings are kept; see `KeptAnswers`.
        seed: Of the folds.

    Attributes:
        about: What is known of the encoder, the width of its embeddings, and C.
        temperature: By which the logits must be divided to fit the labels of texts that the regression has not seen.

    Raises:
        DataError: A label has no text.
    """

    def __init__(
        self,
        encoder: LoadedEncoder,
        train: LabelledTexts,
        folder: Path | None = None,
        seed: int = 0,
    ) -> None:
        _check_labels(encoder, train)
        self._kept = KeptAnswers(encoder, encoder.embed, folder)
        self._label_count = len(train.label_names)
        embeddings = self._kept.of(train.texts)
        c, self.temperature = _cross_validate(embeddings, train, seed)
        self._head = _fit_head(embeddings, train, c)
        self.about = encoder.about | {"embeddings": embeddings.shape[1], "c": c}

    def logits(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the logits for n texts, each with mean 0: (n, labels)."""
        if not len(texts):
            return np.zeros((0, self._label_count), dtype=np.float32)
        return _centred_logits(self._head, self._kept.of(texts)).astype(np.float32)


def _check_labels(encoder: LoadedEncoder, train: LabelledTexts) -> None:
    """Raise a DataError unless each label has a text."""
    counts = np.bincount(train.labels, minlength=len(train.label_names))
    if not counts.all():
        missing = train.label_names[int(counts.argmin())]
        raise DataError(
            f"The teacher {encoder.about['name']} is an encoder, which learns the labels from the training texts; the "
            f"label {missing!r} has none: add some, or give a classifier."
        )


def _cross_validate(embeddings: Floats, train: LabelledTexts, seed: int) -> tuple[float, float]:
    """Return the C with the smallest cross-validated log loss, and the temperature that fits its logits."""
    folds = _folds(train, seed)
    is_in_fold = folds != _IN_NO_FOLD
    if not is_in_fold.any():
        return _C_WITHOUT_FOLDS, 1.0
    classes = train.labels[is_in_fold]
    logits = {c: _cross_fitted(embeddings, train, folds, c)[is_in_fold] for c in _C_GRID}
    best = min(_C_GRID, key=lambda c: loss_at_best_temperature(logits[c], classes))
    return best, fit_temperature(logits[best], classes)


def _folds(train: LabelledTexts, seed: int) -> Ints:
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


def _cross_fitted(embeddings: Floats, train: LabelledTexts, folds: Ints, c: float) -> Floats:
    """Return the logits of each text by the regression that is fitted to the other folds: (n, labels)."""
    logits = np.zeros((len(train), len(train.label_names)))
    for fold in range(folds.max() + 1):
        others = np.flatnonzero(folds != fold)
        head = _fit_head(embeddings[others], train.select(others), c)
        logits[folds == fold] = _centred_logits(head, embeddings[folds == fold])
    return logits


def _fit_head(embeddings: Floats, train: LabelledTexts, c: float) -> LogisticRegression:
    head = LogisticRegression(C=c, max_iter=_MOST_ITERATIONS)
    return head.fit(embeddings, train.labels, train.weights)


def _centred_logits(head: LogisticRegression, embeddings: Floats) -> Floats:
    """Return the logits of a regression, each with mean 0: (n, labels)."""
    margins = head.decision_function(embeddings).astype(np.float64)
    if margins.ndim == 1:  # of two labels: the second minus the first
        margins = np.stack([-margins, margins], axis=1) / 2
    return margins - margins.mean(axis=1, keepdims=True)
