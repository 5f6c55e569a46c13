"""Read texts that are in memory: lists, arrays, and columns of pandas and polars."""

from typing import Any

import numpy as np

from glove_lstm.data.streaming import read_text
from glove_lstm.errors import DataError


def read_texts(texts: Any, name: str = "X") -> list[list[str]]:
    """Return n texts, and n second parts if the texts are pairs.

    Args:
        texts: A list, array or column of n strings; or n pairs (title, body), also as an array (n, 2) or a data frame
            of two columns. A missing value is an empty text.
        name: Names the texts in errors.

    Raises:
        DataError: The shape is another one, or a value is no string.
    """
    array = np.asarray(texts, dtype=object)
    if array.ndim == 0 or array.shape[1:] not in ((), (1,), (2,)):
        kind = f"{type(texts).__name__} of shape {array.shape}"
        raise DataError(f"{name} is {kind}; give a list of texts or of pairs (title, body).")
    columns = []
    for column in array.reshape(len(array), -1).T if array.size else [array.ravel()]:
        columns.append(python_values(column))
        for row, value in enumerate(columns[-1], 1):
            if value is not None and not isinstance(value, str):
                kind = type(value).__name__
                raise DataError(f"{name}, row {row} is {kind} instead of text; give strings.")
    return [[read_text(value, name, name) for value in column] for column in columns]


def python_values(values: Any) -> list[Any]:
    """Return the values of a list or array as plain Python objects, and missing ones as None."""
    listed = list(values) if isinstance(values, list | tuple) else values.tolist()
    return [None if _is_missing(value) else value for value in listed]


def _is_missing(value: Any) -> bool:
    if type(value).__name__ in ("NAType", "NaTType"):  # of pandas, which need not be installed
        return True
    can_be_nan = isinstance(value, float | np.floating | np.datetime64 | np.timedelta64)
    return can_be_nan and bool(value != value)  # NaN and NaT differ from themselves
