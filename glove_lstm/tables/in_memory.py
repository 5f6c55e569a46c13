"""Texts and labels in memory, as scikit-learn's `X` and `y`.

Texts become lists of strings. Labels get names, as a config has them, and names become values again.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target

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


def read_labels(
    labels: Any, name: str = "y", columns: Sequence[Any] | NDArray[Any] | None = None
) -> tuple[list[Any], list[Any], bool]:
    """Read the labels of n texts.

    Args:
        labels: n strings, whole numbers or booleans; n lists of these, for several labels a text; or a table (n, k) of
            a 0 or 1 for each of k labels, such as a data frame, or lists.
        name: Names the labels in errors.
        columns: The labels of the columns of a table that does not name them; None: 0 to k - 1.

    Returns:
        The label of each text, as a config names it, or a list of its labels. The values of all labels, as JSON has
        them: sorted, or in the order of the columns. And whether the labels are a table.

    Raises:
        DataError: A label is missing, or has another type than the first one; or a table has values other than 0 and 1.
    """
    if getattr(labels, "shape", ())[1:] == (1,):
        labels = column_or_1d(np.asarray(labels, dtype=object), warn=True)
    table = _indicator_of(labels)
    if table is not None:
        return *_read_table(table, getattr(labels, "columns", columns)), True
    rows = _rows_of(labels)
    have_lists = any(map(_is_list, rows))
    values: list[Any] = []
    row_numbers: list[int] = []  # of each value
    for number, row in enumerate(rows, 1):
        if have_lists and not _is_list(row):
            problem = f"{name}, row {number} has the label {shown(row)}"
            raise DataError(f"{problem}; give a list of labels, as elsewhere.")
        of_row = row if have_lists else [row]
        values += of_row
        row_numbers += [number] * len(of_row)
    checked = _check_values(values, row_numbers, name)
    names = labels_as_strings(checked)
    classes = np.unique(checked).tolist()
    if not have_lists:
        return names, classes, False
    next_names = iter(names)
    return [[next(next_names) for _ in row] for row in rows], classes, False


def _indicator_of(labels: Any) -> NDArray[Any] | None:
    """Return a table of 0 and 1 as an array (n, k); None for labels of another form.

    Raises:
        DataError: They have several columns of other values.
    """
    if len(getattr(labels, "shape", ())) < 2:
        rows = _rows_of(labels)
        return np.array(rows) if any(map(_is_list, rows)) and _is_indicator(rows) else None
    table = labels.toarray() if issparse(labels) else np.asarray(labels)
    if not _is_indicator(table):
        raise DataError(f"Labels in {table.shape[1]} columns must be 0 or 1 for each label.")
    return table


def _rows_of(labels: Any) -> list[Any]:
    """Return a label or a list of labels for each text, as Python values."""
    values = np.asarray(labels) if hasattr(labels, "__array__") else labels
    return [row.tolist() if isinstance(row, np.ndarray | np.generic) else row for row in values]


def _is_indicator(rows: Any) -> bool:
    try:
        return type_of_target(rows) == "multilabel-indicator"
    except (TypeError, ValueError):  # lists of different lengths, or with a missing label
        return False


def _is_list(row: Any) -> bool:
    return isinstance(row, list | tuple | set)


def _read_table(
    table: NDArray[Any], columns: Sequence[Any] | NDArray[Any] | None
) -> tuple[list[list[str]], list[Any]]:
    count = table.shape[1]
    classes = list(range(count))
    if columns is not None and len(columns) == count:
        classes = python_values(columns)
    names = labels_as_strings(classes)
    if len(set(names)) < count:
        raise DataError(
            f"The columns of y must have different names, not {listed(names)}; rename some."
        )
    return [[names[number] for number in np.flatnonzero(row)] for row in table], classes


def _check_values(values: Sequence[Any], row_numbers: Sequence[int], name: str) -> NDArray[Any]:
    """Check that labels are of one type, and return them as an array.

    Args:
        values: n labels; a row may have several.
        row_numbers: The row of each label, for errors.
        name: Names the labels in errors.
    """
    values = [value.item() if isinstance(value, np.generic) else value for value in values]
    for row, value in zip(row_numbers, values, strict=True):
        if is_blank(value):
            raise DataError(f"{name}, row {row} has no label; label the text, or leave it out.")
        if type(value) is not type(values[0]) or not isinstance(value, str | bool | int | float):
            problem = (
                f"{name}, row {row} has the label {shown(value)}, but row {row_numbers[0]} has"
            )
            raise DataError(f"{problem} {shown(values[0])}; give {_KINDS}.")
        if not isinstance(value, str) and not -(2**63) <= value < 2**63:
            raise DataError(
                f"{name}, row {row} has the label {value}, which is beyond 64 bits; give strings."
            )
    array = np.array(
        [replace_surrogates(value) if isinstance(value, str) else value for value in values]
    )
    check_classification_targets(array)  # refuses fractions such as 0.5; 1.0 is a whole number
    return array
