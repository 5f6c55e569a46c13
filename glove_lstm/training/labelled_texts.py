"""Texts with labels, as training takes them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glove_lstm.data.splits import Ints
from glove_lstm.errors import DataError

Label = str | Sequence[str]  # one label a text, or several


@dataclass(frozen=True, eq=False)
class LabelledTexts:
    """n texts with labels."""

    texts: Sequence[str]  # a title and its body are joined by a space
    labels: NDArray[Any]  # (n,) indices of the names; or (n, labels), 1 where a text has the label
    label_names: Sequence[str]
    sources: Sequence[str] | None = None  # CORPUS or CORPUS/PUBLISHER of each text
    weights: NDArray[np.float64] | None = None  # (n,) of each text in the loss

    @classmethod
    def of(
        cls,
        texts: Sequence[str],
        labels: Sequence[Label],
        label_names: Sequence[str],
        sources: Sequence[str] | None = None,
        weights: NDArray[Any] | None = None,
        *,
        name: str = "labels",
    ) -> "LabelledTexts":
        """Number labels that are given by name. `name` names them in errors.

        Raises:
            DataError: The numbers of texts and labels differ, a label has no name, or a weight is negative.
        """
        columns = {name: labels, "sources": sources, "sample_weight": weights}
        for column, values in columns.items():
            if values is not None and len(values) != len(texts):
                raise DataError(
                    f"There are {len(texts)} texts, but {len(values)} values of {column}."
                )
        numbers = number_labels(list(labels), label_names, name)
        if sources is not None:
            sources = list(sources)
        if weights is not None:
            weights = _checked_weights(np.asarray(weights, dtype=np.float64))
        return cls(list(texts), numbers, label_names, sources, weights)

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def is_multi_label(self) -> bool:
        """Whether a text may have several labels."""
        return self.labels.ndim == 2

    def select(self, rows: Ints) -> "LabelledTexts":
        """Return some of the texts."""
        texts = [self.texts[row] for row in rows]
        sources: list[str] | None = None
        if self.sources is not None:
            sources = [self.sources[row] for row in rows]
        weights: NDArray[np.float64] | None = None
        if self.weights is not None:
            weights = self.weights[rows]
        return LabelledTexts(texts, self.labels[rows], self.label_names, sources, weights)

    def without_texts(self) -> "LabelledTexts":
        """Return the labels alone, with empty texts."""
        return replace(self, texts=[""] * len(self))

    def with_label_names(self, names: Sequence[str]) -> "LabelledTexts":
        """Renumber the labels as a model numbers them, which has all of them and perhaps more."""
        number = {name: index for index, name in enumerate(names)}
        new_numbers = [number[name] for name in self.label_names]
        if self.is_multi_label:
            labels = np.zeros((len(self), len(names)), dtype=self.labels.dtype)
            labels[:, new_numbers] = self.labels
        else:
            labels = np.array(new_numbers)[self.labels]
        return replace(self, labels=labels, label_names=names)


def number_labels(
    labels: Sequence[Label], names: Sequence[str], name: str = "labels"
) -> NDArray[Any]:
    """Return the index of each label in `names`, (n,); or for lists of labels, (n, names) with 1 for each label.

    `name` names the labels in errors.

    Raises:
        DataError: A label is not one of the names, or some are lists and others not.
    """
    number = {name: index for index, name in enumerate(names)}
    are_lists = len(labels) > 0 and not isinstance(labels[0], str)
    numbers: list[list[int]] = []  # of the labels of each text
    for row, label in enumerate(labels, 1):
        is_list = not isinstance(label, str)
        if is_list != are_lists:
            raise DataError(
                f"{name}, row {row} has the label {label!r}; give lists for all texts, or none."
            )
        text_labels: Sequence[str] = label
        if isinstance(label, str):
            text_labels = [label]
        for text_label in text_labels:
            if text_label not in number:
                known = ", ".join(names[:20])
                if len(names) > 20:
                    known += f" and {len(names) - 20} more"
                raise DataError(
                    f"{name}, row {row} has the label {text_label!r}, not one of {known}."
                )
        numbers.append([number[text_label] for text_label in text_labels])

    if not are_lists:
        return np.array([text_numbers[0] for text_numbers in numbers], dtype=np.int64)
    has_label = np.zeros((len(numbers), len(names)), dtype=np.float32)
    for row, text_numbers in enumerate(numbers):
        has_label[row, text_numbers] = 1
    return has_label


def _checked_weights(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weights. Raise a DataError if one is negative or not finite, or if all are 0."""
    wrong = ~np.isfinite(weights) | (weights < 0)
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(f"sample_weight, row {row + 1} is {weights[row]}; give numbers from 0.")
    if not weights.any():
        raise DataError("sample_weight is 0 for all texts; give some a positive weight.")
    return weights
