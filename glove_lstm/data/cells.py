"""Choose the columns of a table, and turn its cells into texts and labels.

Files, datasets and batches in memory are all read by these functions, to train and to predict.
"""

import json
import logging
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from glove_lstm.data.tables import Record
from glove_lstm.data.words import replace_surrogates
from glove_lstm.errors import DataError

logger = logging.getLogger(__name__)

_SHOWN = 60  # characters of a column's name in a message
_LOOKS_LIKE_LIST = re.compile(r"\s*\[.*[,'\"]")


# Columns


def choose_columns(
    table_name: str,
    columns: Sequence[str],
    first: Record,
    requested: str | Sequence[str] | None,
    label_column: str | None = None,
    *,
    has_header: bool = False,
    trained: Sequence[str] | None = None,
) -> list[str]:
    """Return the requested text columns, or the default columns; a default of an unusual name is logged.

    Args:
        table_name: Names the table in errors.
        columns: Columns of the table.
        first: First row of the table.
        requested: A list, or names separated by commas. None takes the first of these that the table has: `trained`;
            title and text; text; title; the only column of text.
        label_column: A column that the table must have, and that is never text. None: labels are not needed, and
            "label" is no default text column.
        has_header: Whether `columns` is the first line of a file.
        trained: Text columns that a model was trained on. They are not taken if one of them is the label column.

    Raises:
        DataError: A requested column is missing; several columns may be text, or none; or the header looks like a text.
    """
    if has_header and requested is None:
        _check_header_is_no_text(table_name, columns)
    listing = ", ".join(repr(name) for name in columns)
    if label_column is not None and label_column not in columns:
        raise DataError(
            f"{table_name} has no column {label_column!r}; set label_column_name to one of {listing}."
        )
    if requested is not None:
        return _requested_columns(table_name, columns, requested, label_column)
    if trained and set(trained) <= set(columns) and label_column not in trained:
        return list(trained)
    labels = "label" if label_column is None else label_column
    candidates = [name for name in columns if name != labels]
    return _default_columns(table_name, candidates, first, listing)


def _check_header_is_no_text(table_name: str, columns: Sequence[str]) -> None:
    """Refuse a header of one column whose name has several words."""
    if len(columns) == 1 and len(columns[0].split()) > 1:
        raise DataError(
            f"The first line of {table_name} looks like a text, {_shortened(columns[0])!r}; add a header such as text "
            "above it, or set text_column_names if it is one."
        )


def _requested_columns(
    table_name: str,
    columns: Sequence[str],
    requested: str | Sequence[str],
    label_column: str | None,
) -> list[str]:
    names = requested.split(",") if isinstance(requested, str) else list(requested)
    if not names:
        names = [""]  # an empty list is refused as an empty string is
    # A space may follow a comma, as in "title, text", or belong to the name of a column.
    names = [name if name in columns else name.strip() for name in names]
    for name in names:
        if name not in columns:
            listing = ", ".join(repr(column) for column in columns)
            raise DataError(
                f"{table_name} has no column {name!r}; set text_column_names to some of {listing}."
            )
    if label_column in names or len(set(names)) < len(names):
        raise DataError(
            f"text_column_names {', '.join(names)} must differ from each other and from the label."
        )
    return names


def _default_columns(
    table_name: str, candidates: Sequence[str], first: Record, listing: str
) -> list[str]:
    for names in (["title", "text"], ["text"], ["title"]):
        if all(name in candidates for name in names):
            return names
    names = [name for name in candidates if _is_text(first.get(name))]
    if len(names) != 1:
        raise DataError(
            f"{table_name} has {len(names)} columns that may be text; set text_column_names from {listing}."
        )
    logger.info("%s: the text is read from the column %r.", table_name, _shortened(names[0]))
    return names


def check_unread_columns(
    table_name: str, columns: Sequence[str], chosen: Sequence[str], chooser: str
) -> None:
    """Refuse a table with a column `title` or `text` that would be ignored.

    An earlier table, which lacks it, chose the columns.

    Args:
        table_name: Names the table in errors.
        columns: Columns of the table.
        chosen: Columns that are read.
        chooser: Names the table that chose them.

    Raises:
        DataError: A column `title` or `text` is not read.
    """
    for name in ("text", "title"):
        if name in columns and name not in chosen:
            raise DataError(
                f"{table_name} has the column {name!r}, which is not read, because the {chooser} lacks it; "
                "set text_column_names."
            )


def _shortened(name: str) -> str:
    return name if len(name) <= _SHOWN else f"{name[:_SHOWN]}..."


def _is_text(value: Any) -> bool:
    """Return whether a value is a string and no number; in a CSV file, numbers are strings, too."""
    try:
        float(value)
    except (TypeError, ValueError, OverflowError):
        return isinstance(value, str)
    return False


# Texts


def read_text_and_pair(
    record: Record, columns: Sequence[str], row_name: str
) -> tuple[str, str | None]:
    """Return the first text of a row, and the others joined by a space; None if there is one column only.

    Args:
        record: The values of the row; a missing one is an empty text.
        columns: The text columns.
        row_name: Names the row in errors.

    Raises:
        DataError: A value is neither text nor a number.
    """
    texts = [read_text(record.get(name), row_name, name) for name in columns]
    if len(texts) == 1:
        return texts[0], None
    return texts[0], " ".join(texts[1:])


def has_text(text: str, pair: str | None) -> bool:
    """Return whether a text or its second part has a character other than white space."""
    return bool(text.strip()) or bool(pair and pair.strip())


def read_text(value: Any, row_name: str, column: str) -> str:
    """Return a cell as text without lone surrogates, which Arrow refuses and JSON can spell; "" if it is missing."""
    if is_missing(value):
        return ""
    if isinstance(value, str):
        return replace_surrogates(value)
    if isinstance(value, int | float):
        return str(value)
    raise DataError(
        f"{row_name} has {type(value).__name__} instead of text in {column!r}; choose another column."
    )


# Labels


def read_label(
    value: Any, row_name: str, column: str, class_names: Sequence[str] | None = None
) -> str | list[str] | None:
    """Return a cell as a label, or as a list of labels.

    Args:
        value: A string, whole number or boolean; or a list of these, perhaps written as JSON.
        row_name: Names the row in errors.
        column: Names the column in errors.
        class_names: Of a ClassLabel column, whose cells are indices of these names.

    Returns:
        None if the cell is -1 in a ClassLabel column: the row has no label.

    Raises:
        DataError: The cell is empty or holds something else.
    """
    items = label_list(value)
    if items is None:
        if _LOOKS_LIKE_LIST.match(str(value)):
            raise DataError(
                f'{row_name} has the label {value}, which is no JSON; write ["a", "b"].'
            )
        return _read_label_name(value, row_name, column, class_names)
    labels = []
    for item in items:
        label = _read_label_name(item, row_name, column, class_names)
        if label is not None:
            labels.append(label)
    return labels


def label_list(value: Any) -> list[Any] | None:
    """Return a list of labels, perhaps written as JSON; None for a single label."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        with suppress(ValueError, RecursionError):
            value = json.loads(value)
    return value if isinstance(value, list) else None


def _read_label_name(
    value: Any, row_name: str, column: str, class_names: Sequence[str] | None
) -> str | None:
    if class_names is not None and isinstance(value, int):
        if not -1 <= value < len(class_names):
            raise DataError(f"{row_name} has the label {value}, which has no name; correct it.")
        return None if value == -1 else class_names[value]
    if is_blank(value):
        raise DataError(f"{row_name} has no label in {column!r}; label or remove it.")
    # A missing value turns a column of whole numbers into floats.
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, str | int):
        raise DataError(
            f"{row_name} has the label {value!r}; labels must be text or whole numbers."
        )
    return replace_surrogates(str(value))


def is_blank(value: Any) -> bool:
    """Return whether a label is None or has only white space. NaN is not blank; see `is_missing`."""
    return value is None or (isinstance(value, str) and not value.strip())


# Columns in memory


def python_values(values: Any) -> list[Any]:
    """Return a list, an array or a pandas column as plain Python objects, and missing values as None."""
    listed = list(values) if isinstance(values, list | tuple) else values.tolist()
    return [None if is_missing(value) else value for value in listed]


def is_missing(value: Any) -> bool:
    """Return whether a value is None, NaN, or one of pandas' missing values."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):  # pandas may not be there
        return True
    if isinstance(value, float | np.floating | np.datetime64 | np.timedelta64):
        return bool(value != value)  # NaN and NaT differ from themselves
    return False
