"""How much each label and each text counts in training."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from glove_lstm.data.sources import balanced_weights
from glove_lstm.data.splits import strata
from glove_lstm.errors import DataError
from glove_lstm.training.labelled_texts import LabelledTexts

Floats = NDArray[np.float64]

ClassWeight = str | Mapping[str, float]  # "balanced", or the weight of each label

_MOST_IN_SAMPLING = 5.0  # times the mean; larger weights would repeat a few texts too often


@dataclass(frozen=True, eq=False)
class TrainingWeights:
    """How much each training text counts, in sampling, in the loss of the LSTM, and in the fit of the n-grams."""

    sampling: Floats | None  # (n,) relative chance to be in a batch of the LSTM; None: equal
    text_loss: Floats | None  # (n,) in the loss of the LSTM, mean 1; None: 1
    label_loss: Floats | None  # (classes,) in the loss of the LSTM; None: 1
    ngrams: Floats  # (n,) in the fit of the n-grams

    @classmethod
    def of(cls, texts: LabelledTexts, class_weight: ClassWeight | None) -> "TrainingWeights":
        """Weigh texts by their sources, their own weights and the weights of their labels.

        The two parts of the model see the texts with different weights, before labels are weighted: the n-grams with
        the texts' own weights, the LSTM with these times the weights of sampling. So "balanced" counts the labels for
        each part on its own.
        """
        text_loss = _own_weights(texts)
        seen_by_ngrams = np.ones(len(texts))
        if text_loss is not None:
            seen_by_ngrams = text_loss

        sampling = _sampling_weights(texts)
        seen_by_lstm = seen_by_ngrams
        if sampling is not None:
            seen_by_lstm = sampling * seen_by_ngrams

        if class_weight is None:
            return cls(sampling, text_loss, label_loss=None, ngrams=seen_by_ngrams)
        names = texts.label_names
        labels = texts.labels
        label_weights_of_lstm = class_weights(class_weight, names, labels, seen_by_lstm)
        label_weights_of_ngrams = class_weights(class_weight, names, labels, seen_by_ngrams)
        ngrams = seen_by_ngrams * label_weights_of_ngrams[labels]
        return cls(sampling, text_loss, label_loss=label_weights_of_lstm, ngrams=ngrams)


def _own_weights(texts: LabelledTexts) -> Floats | None:
    """Return the weights that come with n texts, with mean 1: (n,)."""
    if texts.weights is None:
        return None
    return texts.weights / texts.weights.mean()


def _sampling_weights(texts: LabelledTexts) -> Floats | None:
    """Return weights that balance the sources of n texts, if they have sources: (n,)."""
    if texts.sources is None:
        return None
    balanced = balanced_weights(texts.sources, strata(texts.labels.tolist()))
    return np.minimum(balanced, _MOST_IN_SAMPLING)


def class_weights(
    class_weight: ClassWeight,
    names: Sequence[str],
    labels: NDArray[np.integer],
    sample_weight: Floats | None = None,
) -> Floats:
    """Return the weight of each label, (classes,).

    Args:
        class_weight: "balanced" for n / (classes * count), as in scikit-learn; or label -> weight.
        names: The labels.
        labels: (n,) class indices. A label without texts needs no weight.
        sample_weight: (n,) weights of the texts in the counts.

    Raises:
        DataError: A weight is missing or not positive, or a text may have several labels.
    """
    if labels.ndim == 2:
        raise DataError("class_weight is for one label a text; leave it out.")
    if class_weight == "balanced":
        counts = np.bincount(labels, sample_weight, len(names)).astype(np.float64)
        mean_of_present = counts.sum() / (counts > 0).sum()
        counts[counts == 0] = mean_of_present
        return counts.mean() / counts
    if not isinstance(class_weight, Mapping):
        problem = f"class_weight is {class_weight!r}"
        raise DataError(f"{problem}; give 'balanced', or a weight for each label.")
    labels_with_texts = {names[label] for label in np.unique(labels)}
    _check_weights(class_weight, names, labels_with_texts)
    return np.array([class_weight.get(name, 1.0) for name in names], dtype=np.float64)


def _check_weights(
    weights: Mapping[str, float], names: Sequence[str], labels_with_texts: set[str]
) -> None:
    unknown = weights.keys() - set(names)
    if unknown:
        known = ", ".join(names)
        raise DataError(f"class_weight: {min(unknown)!r} is not one of {known}; correct it.")
    for name in names:
        if name in labels_with_texts and name not in weights:
            raise DataError(f"class_weight has no weight for the label {name!r}; add it.")
    for name, value in weights.items():
        is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
        if not is_number or not 0 < value < math.inf:
            problem = f"class_weight: the weight of {name!r} is {value!r}"
            raise DataError(f"{problem}; give a positive number.")
