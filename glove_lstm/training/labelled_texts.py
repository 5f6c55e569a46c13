"""Texts with labels, as training takes them: labels given by name become numbers here, once."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glove_lstm.errors import DataError
from glove_lstm.tables.labels import Label, number_labels

ClassWeight = str | Mapping[str, float]  # "balanced", or the weight of each label
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LabelledTexts:
    """n texts with labels."""

    texts: Sequence[str]  # a title and its body are joined by a space
    labels: NDArray[Any]  # (n,) indices of the names; or (n, labels), 1 where a text has the label
    label_names: Sequence[str]
    weights: Floats | None = None  # (n,) of the texts in training; None: all 1

    @classmethod
    def of(
        cls,
        texts: Sequence[str],
        labels: Sequence[Label],
        label_names: Sequence[str],
        weights: NDArray[Any] | None = None,
        *,
        name: str = "labels",
    ) -> "LabelledTexts":
        """Number labels that are given by name. `name` names them in errors.

        Raises:
            DataError: The numbers of texts and labels differ, a label has no name, or a weight is negative.
        """
        if len(labels) != len(texts):
            raise DataError(f"There are {len(texts)} texts, but {len(labels)} values of {name}.")
        if weights is not None:
            if len(weights) != len(texts):
                raise DataError(
                    f"There are {len(texts)} texts, but {len(weights)} values of sample_weight."
                )
            weights = _checked_weights(np.asarray(weights, dtype=np.float64))
        numbers = number_labels(list(labels), label_names, name)
        return cls(list(texts), numbers, list(label_names), weights)

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def is_multi_label(self) -> bool:
        """Whether a text may have several labels."""
        return self.labels.ndim == 2

    def select(self, rows: Sequence[int] | NDArray[np.integer]) -> "LabelledTexts":
        """Return some of the texts."""
        rows = np.asarray(rows, dtype=np.int64)
        texts = [self.texts[row] for row in rows]
        weights = None
        if self.weights is not None:
            weights = self.weights[rows]
        return LabelledTexts(texts, self.labels[rows], self.label_names, weights)

    def without_texts(self) -> "LabelledTexts":
        """Return the labels alone, with empty texts."""
        return replace(self, texts=[""] * len(self))


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
    _check_class_weight(class_weight, names, labels_with_texts)
    return np.array([class_weight.get(name, 1.0) for name in names], dtype=np.float64)


def _check_class_weight(
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


def _checked_weights(weights: Floats) -> Floats:
    """Return the weights. Raise a DataError if one is negative or not finite, or if all are 0."""
    wrong = ~np.isfinite(weights) | (weights < 0)
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(f"sample_weight, row {row + 1} is {weights[row]}; give numbers from 0.")
    if len(weights) and not weights.any():
        raise DataError("sample_weight is 0 for all texts; give some a positive weight.")
    return weights
