"""Texts and labels in memory, as scikit-learn's `X` and `y`.

Texts become lists of strings. Labels get names, as a config has them, and names become values again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from glove_lstm.errors import DataError, listed, shown
from glove_lstm.tables.columns import is_blank, python_values
from glove_lstm.tables.labels import labels_as_strings
from glove_lstm.tokenization.word_shapes import replace_surrogates

_KINDS = "strings, whole numbers or booleans, one type for all"


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
    classes: list[str]  # the names of all labels: sorted by their values, or the columns of a table
    label_type: str  # Python type of the values, as in `GloveLstmConfig.label_type`
    is_multi_label: bool  # whether a text may have several labels
    is_table: bool = False  # whether the labels were given as the columns of a table of 0 and 1


def read_labels(labels: Any, name: str = "y", *, column_labels: Any = None) -> LabelValues:
    """Read the labels of n texts.

    Args:
        labels: n strings, whole numbers or booleans; n lists of these, for several labels a text; or a table (n, k) of
            a 0 or 1 for each of k labels, k at least 2: an array, a sparse matrix, a data frame, whose columns are the
            labels, or n lists, which scikit-learn, too, takes for a table.
        name: Names the labels in errors.
        column_labels: Labels of a table without names, a list or an array in the order of its columns; None: 0 to
                k - 1.

    Raises:
        DataError: A label is missing, has another kind than the first label, or is beyond 64 bits.
    """
    if issparse(labels):
        labels = labels.toarray()
    shape: tuple[int, ...] = getattr(labels, "shape", ())
    if len(shape) == 2 and shape[1] > 1:
        return _read_table(labels, name, column_labels)
    rows = [] if len(shape) == 2 else _python_rows(labels)
    if not any(map(_is_list, rows)):
        column = column_or_1d(np.asarray(labels, dtype=object), warn=True)
        return _read_values([[label] for label in column], name, are_lists=False)
    if _are_zeros_and_ones(rows):
        return _read_table(np.array(rows), name, column_labels)
    for number, row in enumerate(rows, 1):
        if not _is_list(row):
            problem = f"{name}, row {number} has the label {shown(row)}"
            raise DataError(f"{problem}; give a list of labels, as elsewhere.")
    return _read_values(rows, name, are_lists=True)


def _python_rows(labels: Any) -> list[Any]:
    """Return labels as Python objects; arrays among them become lists."""
    if isinstance(labels, str) or not isinstance(labels, Iterable):
        return []  # `column_or_1d` refuses it
    return [row.tolist() if isinstance(row, np.ndarray) else row for row in python_values(labels)]


def _is_list(row: Any) -> bool:
    return isinstance(row, list | tuple | set)


def _are_zeros_and_ones(rows: Sequence[Any]) -> bool:
    """Return whether rows are lists of equal length, two or more, of 0 and 1."""
    if not all(isinstance(row, list | tuple) for row in rows):
        return False
    lengths = {len(row) for row in rows}
    if len(lengths) > 1 or min(lengths) < 2:
        return False
    return all(value in (0, 1) for row in rows for value in row)


def _read_table(table: Any, name: str, column_labels: Any) -> LabelValues:
    indicators = np.asarray(table)
    if not np.isin(indicators, (0, 1)).all():
        raise DataError(
            f"{name} has {indicators.shape[1]} columns; they must hold 0 and 1 for each label."
        )
    columns = _labels_of_columns(table, column_labels)
    classes = labels_as_strings(columns)
    if len(set(classes)) < len(columns):
        raise DataError(
            f"The columns of {name} must have different names, not {listed(columns)}; rename some."
        )
    are_numbers = all(isinstance(column, Integral) for column in columns)
    names = [[classes[number] for number in np.flatnonzero(row)] for row in indicators]
    label_type = "int" if are_numbers else "str"
    return LabelValues(names, classes, label_type, is_multi_label=True, is_table=True)


def _labels_of_columns(table: Any, column_labels: Any) -> list[Any]:
    """Return the label of each column: the names of a data frame, or else `column_labels`, or else numbers from 0.

    The numbers of a data frame are its names if some of `column_labels` are such numbers, too.
    """
    numbers = list(range(table.shape[1]))
    known = [] if column_labels is None else python_values(column_labels)
    if hasattr(table, "columns"):
        names = list(table.columns)
        known_names = labels_as_strings(known)
        if names != numbers or not set(known_names).isdisjoint(labels_as_strings(names)):
            return names
    return known if len(known) == len(numbers) else numbers


def _read_values(rows: Sequence[Sequence[Any]], name: str, *, are_lists: bool) -> LabelValues:
    """Read the labels of each text; of one label each, unless they were given as lists."""
    flat: list[Any] = []
    row_numbers: list[int] = []
    for number, labels in enumerate(rows, 1):
        flat += labels
        row_numbers += [number] * len(labels)
    values = _one_kind(python_values(flat), row_numbers, name)
    classes = np.unique(values)
    label_type = type(classes.tolist()[0]).__name__ if len(classes) else "str"
    names = labels_as_strings(values)
    if not are_lists:
        return LabelValues(names, labels_as_strings(classes), label_type, is_multi_label=False)
    names_of_rows: list[list[str]] = [[] for _ in rows]
    for number, label in zip(row_numbers, names, strict=True):
        names_of_rows[number - 1].append(label)
    return LabelValues(names_of_rows, labels_as_strings(classes), label_type, is_multi_label=True)


def _one_kind(values: Sequence[Any], row_numbers: Sequence[int], name: str) -> NDArray[Any]:
    """Check that labels are of one kind, and return them as an array of strings, numbers or booleans.

    Args:
        values: n labels; a row may have several.
        row_numbers: The row of each label, for errors.
        name: Names the labels in errors.
    """
    checked = []
    for row, value in zip(row_numbers, values, strict=True):
        checked.append(_check_label(value, f"{name}, row {row}"))
        if type(checked[-1]) is not type(checked[0]):
            first = f"row {row_numbers[0]} has {shown(values[0])}"
            problem = f"{name}, row {row} has the label {shown(value)}, but {first}"
            raise DataError(f"{problem}; give {_KINDS}.")
    array = np.array(checked)
    check_classification_targets(array)  # refuses fractions such as 0.5; 1.0 is a whole number
    return array


def _check_label(value: Any, row_name: str) -> str | bool | int | float:
    """Return a label as a Python value."""
    if is_blank(value):
        raise DataError(f"{row_name} has no label; label the text, or leave it out.")
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, str):
        return replace_surrogates(value)
    if not isinstance(value, bool | int | float):
        raise DataError(f"{row_name} has the label {shown(value)}; give {_KINDS}.")
    if not -(2**63) <= value < 2**63:
        raise DataError(f"{row_name} has the label {value}, which is beyond 64 bits; give strings.")
    return value
