"""Texts and labels in memory, as scikit-learn's `X` and `y`.

Texts become lists of strings. Labels get names, as a config has them, and names become values again.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from glove_lstm.data.cells import is_blank, python_values
from glove_lstm.errors import DataError
from glove_lstm.tokenization.word_shapes import replace_surrogates

_KINDS = "strings, whole numbers or booleans, one kind for all"


def read_texts(texts: Any, name: str = "X") -> list[list[str]]:
    """Return n texts, and n second parts if the texts are pairs.

    Args:
        texts: A list, array or column of n strings; or n pairs (title, body), also as an array (n, 2) or a data frame
            of two columns. A missing value is an empty text.
        name: Names the texts in errors.

    Raises:
        DataError: The texts have another shape, or a value is no string.
    """
    array = np.asarray(texts, dtype=object)
    is_one_text = array.ndim == 0
    shape_of_row = array.shape[1:]
    if is_one_text or shape_of_row not in ((), (1,), (2,)):
        kind = f"{type(texts).__name__} of shape {array.shape}"
        raise DataError(f"{name} is {kind}; give a list of texts or of pairs (title, body).")
    if not array.size:
        return [[]]
    columns = []
    table = array.reshape(len(array), -1)  # (n, 1) or (n, 2)
    for column in table.T:
        texts_of_column = []
        for row, value in enumerate(python_values(column), 1):
            text = "" if value is None else value
            if not isinstance(text, str):
                kind = type(text).__name__
                raise DataError(f"{name}, row {row} is {kind} instead of text; give strings.")
            texts_of_column.append(replace_surrogates(text))
        columns.append(texts_of_column)
    return columns


@dataclass(frozen=True)
class LabelValues:
    """The labels of n texts."""

    labels: list[Any]  # the label of each text, as a config names it; or a list of its labels
    classes: list[str]  # the names of all labels, in the order of their values
    label_type: str  # Python type of the values, as in `GloveLstmConfig.label_type`
    is_multi_label: bool  # whether a text may have several labels
    are_lists: bool = False  # whether they were read as lists of labels, not as a table of 0 and 1


def read_labels(labels: Any, name: str = "y", *, are_lists: bool = False) -> LabelValues:
    """Read the labels of n texts.

    Rows of 0 and 1 are read as a table. In [[0, 1], [1, 0]], the first text has the label 1, and the second text the
    label 0. Read as lists of labels, both texts have the labels 0 and 1.

    Args:
        labels: n strings, whole numbers or booleans; n lists of these, for several labels a text; or n rows of a 0 or 1
            for each of the labels 0 to k - 1, k at least 2.
        name: Names the labels in errors.
        are_lists: Read lists of 0 and 1 as lists of labels, too; for labels of other texts, if the training labels were
            lists. An array (n, k) is a table in any case.

    Raises:
        DataError: A label is missing, has another kind than the first label, or is beyond 64 bits.
    """
    indicators = _as_indicators(labels, lists_too=not are_lists)
    if indicators is not None:
        return _read_indicators(indicators, name)
    if isinstance(labels, list | tuple | np.ndarray):
        rows = list(labels)
        if any(isinstance(row, list | tuple | set) for row in rows):
            return _read_lists(rows, name)
    column = column_or_1d(np.asarray(labels, dtype=object), warn=True)
    row_numbers = range(1, len(column) + 1)
    values = _one_kind(python_values(column), row_numbers, name)
    classes = np.unique(values)
    return LabelValues(
        labels_as_strings(values),
        labels_as_strings(classes),
        _type_of(classes),
        is_multi_label=False,
    )


def _as_indicators(labels: Any, *, lists_too: bool) -> NDArray[Any] | None:
    """Return labels as an array (n, k) if they have a column for each of k labels; else None.

    Arrays and data frames of several columns are returned with any values; lists, if at all, only with values 0 and 1.
    """
    shape: tuple[int, ...] = getattr(labels, "shape", ())  # of an array or a data frame
    if len(shape) == 2 and shape[1] > 1:
        return np.asarray(labels)
    if not lists_too:
        return None
    rows = list(labels) if isinstance(labels, list | tuple) else []
    if not rows or not all(isinstance(row, list | tuple | np.ndarray) for row in rows):
        return None
    lengths = {len(row) for row in rows}
    if len(lengths) > 1 or min(lengths) < 2:
        return None
    table = np.asarray(rows, dtype=object)
    for value in table.flat:
        is_zero_or_one = isinstance(value, int | np.integer) and value in (0, 1)
        if not is_zero_or_one:
            return None
    return table.astype(np.int64)


def _read_indicators(indicators: NDArray[Any], name: str) -> LabelValues:
    label_count = indicators.shape[1]
    if not np.isin(indicators, (0, 1)).all():
        raise DataError(f"{name} has {label_count} columns; they must hold 0 and 1 for each label.")
    classes = [str(number) for number in range(label_count)]
    names = [[classes[number] for number in np.flatnonzero(row)] for row in indicators]
    return LabelValues(names, classes, "int", is_multi_label=True)


def _read_lists(rows: Sequence[Any], name: str) -> LabelValues:
    flat: list[Any] = []
    row_numbers: list[int] = []
    for row, labels in enumerate(rows, 1):
        if not isinstance(labels, list | tuple | set):
            problem = f"{name}, row {row} has the label {labels!r}"
            raise DataError(f"{problem}; give a list of labels, as elsewhere.")
        flat += labels
        row_numbers += [row] * len(labels)
    values = _one_kind(python_values(flat), row_numbers, name)
    classes = np.unique(values)
    names = [labels_as_strings(labels) for labels in rows]
    return LabelValues(
        names, labels_as_strings(classes), _type_of(classes), is_multi_label=True, are_lists=True
    )


def _one_kind(values: Sequence[Any], row_numbers: Sequence[int], name: str) -> NDArray[Any]:
    """Check that labels are of one kind, and return them as an array of strings, numbers or booleans.

    Args:
        values: n labels; a row may have several.
        row_numbers: The row of each label, for errors.
        name: Names the labels in errors.
    """
    for row, value in zip(row_numbers, values, strict=True):
        _check_label(value, f"{name}, row {row}")
        if _kind(value) != _kind(values[0]):
            first = f"row {row_numbers[0]} has {values[0]!r}"
            problem = f"{name}, row {row} has the label {value!r}, but {first}"
            raise DataError(f"{problem}; give {_KINDS}.")
    array = np.array(values)
    check_classification_targets(array)  # refuses fractions such as 0.5; 1.0 is a whole number
    # numpy makes floats of all numbers if one is a float, and rounds large whole numbers.
    for row, value, stored in zip(row_numbers, values, array.tolist(), strict=True):
        if value != stored:
            problem = f"{name}, row {row} has the label {value}, which a float cannot hold exactly"
            raise DataError(
                f"{problem}, and another label is a float; give whole numbers only, or strings."
            )
    return array


def _kind(value: Any) -> str:
    if isinstance(value, str):
        return "string"
    if isinstance(value, bool | np.bool_):
        return "boolean"
    return "number"


def _check_label(value: Any, row_name: str) -> None:
    if is_blank(value):
        raise DataError(f"{row_name} has no label; label the text, or leave it out.")
    if isinstance(value, str):
        if replace_surrogates(value) != value:
            raise DataError(
                f"{row_name} has the label {value!r}, which is not Unicode; correct it."
            )
        return
    if not isinstance(value, Real | np.bool_):
        raise DataError(f"{row_name} has the label {value!r}; give {_KINDS}.")
    number: Any = value.item() if isinstance(value, np.generic) else value
    if not -(2**63) <= number < 2**63:
        raise DataError(f"{row_name} has the label {value}, which is beyond 64 bits; give strings.")


def _type_of(classes: NDArray[Any]) -> str:
    return type(classes.tolist()[0]).__name__ if len(classes) else "str"


def labels_as_strings(labels: Iterable[Any]) -> list[str]:
    """Return labels as a config names them; whole numbers without a point."""
    names = []
    for label in labels:
        is_whole = isinstance(label, float | np.floating) and float(label).is_integer()
        name = str(int(label)) if is_whole else str(label)
        names.append(name)
    return names


def label_values(names: Sequence[str], label_type: str | None) -> NDArray[Any]:
    """Return labels as an array of their Python type, (n,); the inverse of `labels_as_strings`.

    Args:
        names: Labels as a config names them.
        label_type: Of `GloveLstmConfig`; None: strings.

    Raises:
        DataError: A label is not of that type.
    """
    if label_type is None or label_type == "str":
        return np.array(names)
    # `GloveLstmConfig` refuses other types.
    readers: dict[str, Callable[[str], Any]] = {
        "bool": lambda name: name == "True",
        "int": int,
        "float": float,
    }
    problem = f"The labels {', '.join(names)} are not all of the type {label_type}"
    mistake = DataError(f"{problem}; correct label_type in config.json.")
    read = readers[label_type]
    try:
        labels = np.array([read(name) for name in names])
    except (ValueError, OverflowError):
        raise mistake from None
    if labels_as_strings(labels) != list(names):  # "07" is read as 7, for instance
        raise mistake
    return labels


def common_label_type(names: Sequence[str], label_type: str | None) -> str | None:
    """Return `label_type`, or "str" if some names are not of that type.

    Names of another type come from an earlier training, whose labels a fine-tuned model keeps.
    """
    try:
        label_values(names, label_type)
    except DataError:
        return "str"
    return label_type
