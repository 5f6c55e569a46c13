"""Choose the text columns of a table, and turn its cells into texts.

Files, datasets, data frames and batches all come here, to train, to evaluate and to predict; labels.py has the labels.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from glove_lstm.errors import DataError, listed, shown
from glove_lstm.tables.tables import Record, Table, check_header_is_no_data
from glove_lstm.tokenization.word_shapes import replace_surrogates

logger = logging.getLogger(__name__)

_DEFAULTS = (["title", "text"], ["text"], ["title"])
_LABEL = "label"  # a column of this name is never text by default

# Text columns


@dataclass(frozen=True)
class TextColumns:
    """The columns that a text is read from, in order.

    Attributes:
        names: Their names.
        lacking: Those of `title` and `text` that would be read, too, if the table that chose the columns had them. A
            later table, or a later row of JSON, that has one is refused: it would be classified without its title.
    """

    names: list[str]
    lacking: Sequence[str] = ()

    def check(self, table: Table, chooser: str) -> None:
        """Check another table by the columns that an earlier one chose.

        Args:
            table: Has these columns, unless it has no rows.
            chooser: Names the table that chose them, in errors.

        Raises:
            DataError: The table lacks a column; or it has a `title` or `text` that would not be read, because the
                earlier table lacks it.
        """
        for name in self.names:
            if name not in table.columns and table.first is not None:
                raise DataError(
                    f"{table.name} has no column {shown(name)}, which the {chooser} has; add it."
                )
        for name in self.lacking:
            if name in table.columns:
                raise DataError(
                    f"{table.name} has the column {name!r}, which is not read, because the {chooser} lacks it; "
                    "set text_column_names."
                )

    def read(self, record: Record, row_name: str) -> list[str]:
        """Return the text of each column, "" where it is missing.

        Raises:
            DataError: A value is neither text nor a number; or the row has a `title` or `text` that would not be read.
        """
        for name in self.lacking:
            if not is_blank(record.get(name)):
                raise DataError(
                    f"{row_name} has {name!r}, which the first rows lack: move the row to the beginning to read it, or "
                    "set text_column_names."
                )
        return [read_text(record.get(name), row_name, name) for name in self.names]


def choose_text_columns(
    table: Table,
    requested: str | Sequence[str] | None = None,
    *,
    trained: Sequence[str] | None = None,
    label_column: str | None = None,
    group_column: str | None = None,
) -> TextColumns:
    """Choose the text columns of a table. A default of an unusual name is logged.

    Args:
        table: The table, whose first rows show which columns hold text.
        requested: A list, or names separated by commas. None takes the first of these that the table has: `trained`;
            title and text; text; title; the only column of text.
        trained: The text columns that a model was trained on.
        label_column: A column that the table must have, and that is no text. None: labels are not needed, and "label"
            is no text by default.
        group_column: Another such column.

    Raises:
        DataError: A column is missing; several columns may be text, or none; or the first line of a file is no header.
    """
    others = [name for name in (label_column, group_column) if name is not None]
    names = _requested_names(requested, table.columns, "text_column_names")
    known_names = {"title", "text", _LABEL, *others, *(names or ()), *(trained or ())}
    has_known_name = not known_names.isdisjoint(table.columns)
    if table.has_header and not has_known_name:
        check_header_is_no_data(table)

    if label_column is not None:
        check_column(table, label_column, "label_column_name")
    if group_column is not None:
        check_column(table, group_column, "group_column_name")
    columns = [*(names or ()), *others]
    if len(set(columns)) < len(columns):
        raise DataError(
            f"The columns of texts, labels and groups must differ: {listed(columns)}; name each once."
        )
    if names is not None:
        for name in names:
            check_column(table, name, "text_column_names")
        return TextColumns(names)
    if trained and set(trained) <= set(table.columns) and set(trained).isdisjoint(others):
        return TextColumns(list(trained))
    not_text = others if label_column is not None else [*others, _LABEL]
    candidates = [name for name in table.columns if name not in not_text]
    lacking = [name for name in _DEFAULTS[0] if name not in table.columns]
    for defaults in _DEFAULTS:
        if set(defaults) <= set(candidates):
            return TextColumns(defaults, lacking)
    only = _only_column_of_text(table, candidates)
    doubt = "the first line was taken as the header; " if table.has_header else ""
    logger.info("%s: %sthe text is read from the column %s.", table.name, doubt, shown(only))
    return TextColumns([only], lacking)


def choose_kept_columns(table: Table, requested: str | Sequence[str] | None) -> list[str]:
    """Return the columns that the output repeats.

    Args:
        table: The table.
        requested: A list, or names separated by commas; None: there are none.

    Raises:
        DataError: A column is missing or named twice.
    """
    names = _requested_names(requested, table.columns, "keep_columns") or []
    for name in names:
        check_column(table, name, "keep_columns")
    if len(set(names)) < len(names):
        raise DataError(f"keep_columns names a column twice: {listed(names)}; name each once.")
    return names


def check_column(table: Table, name: str, option: str) -> None:
    """Raise a DataError if a table lacks a column that an option names."""
    if name not in table.columns:
        raise DataError(
            f"{table.name} has no column {shown(name)}; set {option} to one of {listed(table.columns)}."
        )


def _requested_names(
    requested: str | Sequence[str] | None, columns: Sequence[str], option: str
) -> list[str] | None:
    if requested is None:
        return None
    if isinstance(requested, str):
        requested = requested.split(",") if requested else []
    # A space may follow a comma, as in "title, text", or belong to the name of a column.
    names = [name if name in columns else str(name).strip() for name in requested]
    if not names:
        raise DataError(f"{option} names no column; name one, or leave it out.")
    return names


def _only_column_of_text(table: Table, candidates: Sequence[str]) -> str:
    names = [
        name for name in candidates if any(_is_text(record.get(name)) for record in table.head)
    ]
    if len(names) != 1:
        raise DataError(
            f"{table.name} has {len(names)} columns that may be text; set text_column_names from "
            f"{listed(table.columns)}."
        )
    return names[0]


def _is_text(value: Any) -> bool:
    """Return whether a value is a string with text in it and no number; in a CSV file, numbers are strings, too."""
    if not isinstance(value, str) or is_blank(value):
        return False
    try:
        float(value)
    except ValueError:
        return True
    return False


def columns_warning(trained: Sequence[str] | None, read: Sequence[str]) -> str:
    """Return a clause that warns if the text columns differ from those of the training; "" if they are the same."""
    if trained is None or list(trained) == list(read):
        return ""
    columns = "columns" if len(trained) > 1 else "column"
    return (
        f"The model was trained on the text {columns} {', '.join(trained)}, "
        f"but this reads {', '.join(read)}"
    )


# Texts


def read_text(value: Any, row_name: str, column: str) -> str:
    """Return a cell as text without lone surrogates; "" if it is missing.

    Raises:
        DataError: The value is neither text nor a number.
    """
    if is_missing(value):
        return ""
    if isinstance(value, str):
        return replace_surrogates(value)
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return str(value)
    raise DataError(
        f"{row_name} has {type(value).__name__} instead of text in {shown(column)}; choose another column."
    )


def is_missing(value: Any) -> bool:
    """Return whether a value is None, NaN, or one of pandas' missing values."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):  # pandas may not be there
        return True
    if isinstance(value, float | Decimal | np.floating | np.datetime64 | np.timedelta64):
        return bool(value != value)  # NaN and NaT differ from themselves
    return False


def is_blank(value: Any) -> bool:
    """Return whether a value is missing, or has only white space."""
    return is_missing(value) or (isinstance(value, str) and not value.strip())


def python_values(values: Any) -> list[Any]:
    """Return a list, an array or a column of a data frame as plain Python objects, and missing values as None."""
    if hasattr(values, "tolist"):
        values = values.tolist()
    elif hasattr(values, "to_list"):  # of polars
        values = values.to_list()
    return [None if is_missing(value) else value for value in values]
