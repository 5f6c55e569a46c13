"""Texts with labels as numbers, as a training takes them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from glove_lstm.errors import DataError
from glove_lstm.tables.labels import Label, number_labels

ClassWeight = str | Mapping[str, float]  # "balanced", or the weight of each label
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Examples:
    """n texts with labels."""

    texts: Sequence[str]  # a title and its body are joined by a space
    labels: NDArray[Any]  # (n,) indices of the names; or (n, labels), 1 where a text has the label
    label_names: Sequence[str]
    weights: Floats | None = None  # (n,) of the texts in training; None: all 1
    logits: NDArray[np.floating] | None = (
        None  # (n, labels) of a model, calibrated; None: not classified
    )
    teacher_logits: NDArray[np.floating] | None = None  # (n, labels), each with mean 0
    labels_of: Literal["people", "teacher"] = "people"  # who gave the labels

    @classmethod
    def from_names(
        cls,
        texts: Sequence[str],
        labels: Sequence[Label],
        label_names: Sequence[str],
        weights: Sequence[float] | NDArray[Any] | None = None,
        *,
        name: str = "labels",
    ) -> "Examples":
        """Number labels that are given by name.

        Args:
            texts: n texts.
            labels: The label of each, or its list of labels.
            label_names: All labels, in the order of their numbers.
            weights: (n,) of the texts.
            name: Names the labels in errors.

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
            try:
                weights = np.asarray(weights, dtype=np.float64)
            except (TypeError, ValueError):
                raise DataError(
                    "sample_weight has a value that is no number; correct it."
                ) from None
            wrong = ~np.isfinite(weights) | (weights < 0)
            if wrong.any():
                index = int(wrong.argmax())
                raise DataError(
                    f"sample_weight, row {index + 1} is {weights[index]}; give numbers from 0."
                )
            if len(weights) and not weights.any():
                raise DataError("sample_weight is 0 for all texts; give some a positive weight.")
        numbers = number_labels(list(labels), label_names, name)
        return cls(list(texts), numbers, list(label_names), weights)

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def is_multi_label(self) -> bool:
        """Whether a text may have several labels."""
        return self.labels.ndim == 2

    def select(self, rows: Sequence[int] | NDArray[np.integer]) -> "Examples":
        """Return some of the texts."""
        rows = np.asarray(rows, dtype=np.int64)
        arrays = ("labels", "weights", "logits", "teacher_logits")
        given = {name: getattr(self, name) for name in arrays}
        selected = {name: array[rows] for name, array in given.items() if array is not None}
        return replace(self, texts=[self.texts[row] for row in rows], **selected)

    def with_more(
        self, texts: Sequence[str], labels: NDArray[np.integer], weights: Floats
    ) -> "Examples":
        """Return the examples, followed by texts with one label and a weight each."""
        own_weights = np.ones(len(self)) if self.weights is None else self.weights
        all_labels = np.concatenate([self.labels.astype(np.int64), labels])
        all_weights = np.concatenate([own_weights, weights])
        return Examples([*self.texts, *texts], all_labels, self.label_names, all_weights)


@dataclass(frozen=True, eq=False)
class Split:
    """The texts of a training.

    Attributes:
        train: Labelled texts to learn from.
        validation: Labelled texts that are held out; None: there are none.
        unlabelled: Texts without labels to learn from, none of them a near duplicate of a held-out text.
        held_out_unlabelled: Texts without labels that are held out, if `validation` is None; a teacher labels them.
        label_weights: The weight of each label in `train.weights`; None: 1.
        most_are_unlabelled: Whether there were more texts without labels than with, before some were held out.
        refit_texts: All labelled texts, if the model is trained anew on them after its calibration; None: it is not.
    """

    train: Examples
    validation: Examples | None
    unlabelled: Sequence[str] = ()
    held_out_unlabelled: Sequence[str] = ()
    label_weights: dict[str, float] | None = None
    most_are_unlabelled: bool = False
    refit_texts: Examples | None = None

    @property
    def all_labelled(self) -> Examples:
        """The labelled texts from which the model that is returned learns."""
        return self.train if self.refit_texts is None else self.refit_texts

    @property
    def held_out_texts(self) -> Sequence[str]:
        """The texts from which nothing is learned."""
        return self.held_out_unlabelled if self.validation is None else self.validation.texts


def weigh(train: Examples, label_weights: Mapping[str, float] | None) -> Examples:
    """Return texts with their own weights, scaled to mean 1, times the weights of their labels."""
    weights = train.weights
    if weights is not None:
        weights = weights / weights.mean()
    if label_weights is not None:
        of_labels = weights_of_labels(train.labels, train.label_names, label_weights)
        weights = of_labels if weights is None else weights * of_labels
    return replace(train, weights=weights)


def weights_of_labels(
    labels: NDArray[np.integer],
    label_names: Sequence[str],
    label_weights: Mapping[str, float] | None,
) -> Floats:
    """Return the weight of the label of each of n texts, (n,); 1 without weights of labels."""
    if label_weights is None:
        return np.ones(len(labels))
    weight_of_number = np.array([label_weights[name] for name in label_names])
    return weight_of_number[labels]


def class_weights(class_weight: ClassWeight, train: Examples) -> dict[str, float]:
    """Return the weight of each label, scaled so that the mean over the texts is 1.

    Args:
        class_weight: "balanced" for n / (classes * count), as in scikit-learn, where a text counts as much as it
            weighs; or label -> weight, before it is scaled.
        train: n texts. A label without texts needs no weight.

    Raises:
        DataError: A weight is missing or not positive, or a text may have several labels.
    """
    names = train.label_names
    if train.is_multi_label:
        raise DataError("class_weight is for one label a text; leave it out.")
    if class_weight == "balanced":
        counts = np.bincount(train.labels, train.weights, len(names)).astype(np.float64)
        mean_of_present = counts.sum() / (counts > 0).sum()
        counts[counts == 0] = mean_of_present
        balanced = counts.mean() / counts
        return dict(zip(names, balanced.tolist(), strict=True))
    if not isinstance(class_weight, Mapping):
        problem = f"class_weight is {class_weight!r}"
        raise DataError(f"{problem}; give 'balanced', or a weight for each label.")
    labels_with_texts = {names[label] for label in np.unique(train.labels)}
    _check_class_weight(class_weight, names, labels_with_texts)
    weights = np.array([float(class_weight.get(name, 1.0)) for name in names])
    mean = np.average(weights[train.labels], weights=train.weights)
    return dict(zip(names, (weights / mean).tolist(), strict=True))


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
