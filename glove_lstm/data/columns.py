"""Choose the columns of a table, and turn its cells into texts and labels.

Files, datasets, data frames and batches all come here, to train, to evaluate and to predict.
"""

import json
import logging
import re
import unicodedata
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from glove_lstm.data.tables import Record, Table
from glove_lstm.data.words import replace_surrogates
from glove_lstm.errors import DataError, listed, shown

logger = logging.getLogger(__name__)

Label = str | list[str]  # of a text: one label, or several

_DEFAULTS = (["title", "text"], ["text"], ["title"])
_LABEL = "label"  # a column of this name is never text by default

# A name of a column has fewer words and characters.
_WORDS_OF_SENTENCE = 5
_CHARACTERS_OF_SENTENCE = 60

_LOOKS_LIKE_LIST = re.compile(r"\s*\[.*[,'\"]")
_DECIMAL = re.compile(r"[-+]?\d*\.\d+(e[-+]?\d+)?", re.IGNORECASE)
_MAX_LABELS = 1000
_TEXTS_PER_LABEL = 3


# Text columns


@dataclass(frozen=True)
class TextColumns:
    """The columns that a text is read from, in order."""

    names: list[str]
    are_defaults: bool = False  # neither requested nor those that a model was trained on

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
        if not self.are_defaults:
            return
        for name in ("text", "title"):
            if name in table.columns and name not in self.names:
                raise DataError(
                    f"{table.name} has the column {name!r}, which is not read, because the {chooser} lacks it; "
                    "set text_column_names."
                )

    def read(self, record: Record, row_name: str) -> list[str]:
        """Return the text of each column, "" where it is missing.

        Raises:
            DataError: A value is neither text nor a number.
        """
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
        table: The table, whose first row shows which columns hold text.
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
    names = _requested_names(requested, table.columns)
    known_names = {"title", "text", _LABEL, *others, *(names or ()), *(trained or ())}
    has_known_name = not known_names.isdisjoint(table.columns)
    if table.has_header and not has_known_name:
        _check_header_is_no_data(table)

    if label_column is not None:
        check_column(table, label_column, "label_column_name")
    if group_column is not None:
        check_column(table, group_column, "group_column_name")
    _check_columns_differ([*(names or ()), *others])
    if names is not None:
        for name in names:
            check_column(table, name, "text_column_names")
        return TextColumns(names)
    if trained and set(trained) <= set(table.columns) and set(trained).isdisjoint(others):
        return TextColumns(list(trained))
    not_text = others if label_column is not None else [*others, _LABEL]
    candidates = [name for name in table.columns if name not in not_text]
    for defaults in _DEFAULTS:
        if set(defaults) <= set(candidates):
            return TextColumns(defaults, are_defaults=True)
    only = _only_column_of_text(table, candidates)
    doubt = "the first line was taken as the header; " if table.has_header else ""
    logger.info("%s: %sthe text is read from the column %s.", table.name, doubt, shown(only))
    return TextColumns([only], are_defaults=True)


def check_column(table: Table, name: str, option: str) -> None:
    """Raise a DataError if a table lacks a column that an option names."""
    if name not in table.columns:
        raise DataError(
            f"{table.name} has no column {shown(name)}; set {option} to one of {listed(table.columns)}."
        )


def _requested_names(
    requested: str | Sequence[str] | None, columns: Sequence[str]
) -> list[str] | None:
    if requested is None:
        return None
    names = requested.split(",") if isinstance(requested, str) else list(requested)
    # A space may follow a comma, as in "title, text", or belong to the name of a column.
    names = [name if name in columns else name.strip() for name in names]
    return names or [""]  # an empty list is refused as an empty string is


def _check_columns_differ(columns: Sequence[str]) -> None:
    if len(set(columns)) < len(columns):
        raise DataError(
            f"The columns of texts, labels and groups must differ: {listed(columns)}; name each once."
        )


def _check_header_is_no_data(table: Table) -> None:
    """Refuse a header with a name that looks like a value."""
    for name in table.columns:
        is_lonely_text = len(table.columns) == 1 and len(name.split()) > 1
        if is_lonely_text or _looks_like_data(name):
            raise DataError(
                f"The first line of {table.name} looks like data, not like a header: {shown(name)}. Add a line with "
                "the names of the columns, or set text_column_names if these are the names."
            )


def _looks_like_data(name: str) -> bool:
    """Return whether a name of a column is a number or a date, a sentence, or very long."""
    has_digits = any(map(str.isdecimal, name))
    has_letters = any(map(str.isalpha, name))
    if has_digits and not has_letters:
        return True
    return len(name) > _CHARACTERS_OF_SENTENCE or len(name.split()) >= _WORDS_OF_SENTENCE


def _only_column_of_text(table: Table, candidates: Sequence[str]) -> str:
    first = table.first or {}
    names = [name for name in candidates if _is_text(first.get(name))]
    if len(names) != 1:
        raise DataError(
            f"{table.name} has {len(names)} columns that may be text; set text_column_names from "
            f"{listed(table.columns)}."
        )
    return names[0]


def _is_text(value: Any) -> bool:
    """Return whether a value is a string and no number; in a CSV file, numbers are strings, too."""
    try:
        float(value)
    except (TypeError, ValueError, OverflowError):
        return isinstance(value, str)
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
    if isinstance(value, int | float | Decimal):
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


# Labels


@dataclass(frozen=True)
class LabelColumn:
    """The column of labels, and what its cells may hold."""

    name: str
    holds_lists: bool = False  # whether each text has a list of labels
    known: Sequence[str] | None = None  # the allowed labels; None allows any
    class_names: Sequence[str] | None = None  # of a ClassLabel, whose cells are indices of these

    def read(self, record: Record, row_name: str) -> Label | None:
        """Return the label of a row, or its list of labels.

        A label is a string, a whole number or a boolean. Lists may be written as JSON.

        Returns:
            None if a ClassLabel has -1: the row has no label.

        Raises:
            DataError: The label is missing, of another kind, or not allowed.
        """
        cell = record.get(self.name)
        items = label_list(cell)
        if items is None:
            if _LOOKS_LIKE_LIST.match(str(cell)):
                raise DataError(
                    f'{row_name} has the label {shown(cell)}, which is no JSON; write ["a", "b"].'
                )
            label = self._read_name(cell, row_name)
            if label is None:
                return None
            self._check(label, [label], row_name)
            return label
        names = [self._read_name(item, row_name) for item in items]
        labels = [name for name in names if name is not None]
        self._check(labels, labels, row_name)
        return labels

    def _read_name(self, value: Any, row_name: str) -> str | None:
        if self.class_names is not None and isinstance(value, int):
            if not -1 <= value < len(self.class_names):
                raise DataError(f"{row_name} has the label {value}, which has no name; correct it.")
            return None if value == -1 else self.class_names[value]
        # Python and pandas write a missing number as nan. "NA" and "None" may be labels.
        is_nan = isinstance(value, str) and value.strip().lower() == "nan"
        if is_blank(value) or is_nan:
            raise DataError(f"{row_name} has no label in {shown(self.name)}; label or remove it.")
        # A missing value turns a column of whole numbers into floats.
        if isinstance(value, float | Decimal) and value == value // 1:
            value = int(value)
        if not isinstance(value, str | int):
            raise DataError(
                f"{row_name} has the label {shown(value)}; labels must be text or whole numbers."
            )
        return replace_surrogates(str(value))

    def _check(self, label: Label, names: Sequence[str], row_name: str) -> None:
        if isinstance(label, list) != self.holds_lists:
            expected = "a list of labels" if self.holds_lists else "one label"
            raise DataError(
                f"{row_name} has the label {shown(label)}; give {expected}, as elsewhere."
            )
        if self.known is None:
            return
        for name in names:
            if name not in self.known:
                known = ", ".join(self.known[:20])
                raise DataError(
                    f"{row_name} has the label {shown(name)}, not one of {known}; correct it."
                )


def label_list(value: Any) -> list[Any] | None:
    """Return a list of labels, perhaps written as JSON; None for a single label."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        with suppress(ValueError, RecursionError):
            value = json.loads(value)
    return value if isinstance(value, list) else None


def sorted_label_names(labels: Iterable[str | Sequence[str]]) -> list[str]:
    """Return the distinct labels, in numerical order if all are whole numbers, else in alphabetical order."""
    names: set[str] = set()
    for label in labels:
        names.update([label] if isinstance(label, str) else label)
    if all(name.removeprefix("-").isdecimal() for name in names):
        return sorted(names, key=int)
    return sorted(names)  # FAKE before REAL


def check_label_names(names: Sequence[str], texts: int, table_name: str, remedy: str) -> None:
    """Refuse labels that hardly any text shares, and warn of doubtful ones.

    Args:
        names: The distinct labels.
        texts: The number of texts.
        table_name: Names the table in errors.
        remedy: How to take other labels.

    Raises:
        DataError: There are more than 1,000 labels, or more than a third of the texts; two are never too many.
    """
    most = min(_MAX_LABELS, max(2, texts // _TEXTS_PER_LABEL))
    if len(names) > most:
        raise DataError(
            f"{table_name} has {len(names):,} different labels for {texts:,} texts; give each label "
            f"{_TEXTS_PER_LABEL} texts or more, and at most {_MAX_LABELS:,} labels, or {remedy}."
        )
    if any(_DECIMAL.fullmatch(name.strip()) for name in names):
        logger.warning(
            "%s: some labels are numbers with decimals, and each becomes a class of its own: %s.",
            table_name,
            listed(names),
        )
    keys = [unicodedata.normalize("NFKC", name).strip().casefold() for name in names]
    alike = [name for name, key in zip(names, keys, strict=True) if keys.count(key) > 1]
    if alike:
        logger.warning("Some labels look alike and stay apart: %s.", listed(alike))
