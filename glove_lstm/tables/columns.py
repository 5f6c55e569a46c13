"""Choose the columns of a table, once, and make rows with texts of its cells.

    columns = choose_columns(open_table(path), "headline,body")
    for row in read_rows(open_table(path), columns):
        ...                                               # row.text, row.pair, row.cells

Files and datasets all come here, to train, to evaluate and to predict; labels.py makes labels of the other cells, and
in_memory.py reads texts that are in no table.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from glove_lstm.errors import DataError, listed, shown
from glove_lstm.tables.tables import Cells, Table, open_table
from glove_lstm.tokenization.word_shapes import replace_surrogates

logger = logging.getLogger(__name__)

_DEFAULTS = (["title", "text"], ["text"], ["title"])
_LABEL = "label"  # a column of this name is never text by default


# Rows


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table, or a text that is in none."""

    file: str  # the name of the table
    number: int  # of the row in it, from 1
    text: str  # of the first text column
    pair: str | None = None  # of the other text columns, joined by a space; None if there are none
    cells: Cells = field(default_factory=dict)  # by column: what was asked for beside the texts

    @property
    def joined(self) -> str:
        """Both texts, joined by a space."""
        return self.text if self.pair is None else f"{self.text} {self.pair}"

    @property
    def empty(self) -> bool:
        """Whether both texts are blank."""
        return is_blank(self.joined)

    @property
    def name(self) -> str:
        """The row in errors."""
        return f"{self.file}, row {self.number}"


@dataclass(frozen=True)
class Columns:
    """The columns that are read, as the first table has chosen them."""

    text: list[str]  # in order
    label: str | None
    group: str | None
    kept: list[str]  # that an output repeats
    # `title` or `text`, if the first table lacks it. A later row that has one is refused: its title would be ignored.
    unread: Sequence[str]

    @property
    def others(self) -> list[str]:
        """The columns whose cells a row keeps beside its texts."""
        return [name for name in (self.label, self.group, *self.kept) if name is not None]


def read_rows(table: Table, columns: Columns) -> Iterator[Row]:
    """Yield the rows of a table.

    Raises:
        DataError: The table lacks a column, or is damaged; a text is neither text nor a number; or a row has a `title`
            or a `text` that would not be read.
    """
    others = columns.others
    for name in (*columns.text, *others):
        if table.columns and name not in table.columns:
            raise DataError(
                f"{table.name} has no column {shown(name)}, which the first table has; add it."
            )
    needed = dict.fromkeys([*columns.text, *others, *columns.unread])
    in_table = [name for name in needed if name in table.columns]
    for number, cells in enumerate(table.read(in_table), start=1):
        row_name = f"{table.name}, row {number}"
        for name in columns.unread:
            if not is_blank(cells.get(name)):
                raise DataError(
                    f"{row_name} has {name!r}, which is not read, because the first rows lack it; move the row to the "
                    "beginning, or set text_column_names."
                )
        text, *more = [read_text(cells.get(name), row_name, name) for name in columns.text]
        pair = " ".join(more) if more else None
        other_cells = {name: cells.get(name) for name in others}
        yield Row(table.name, number, text, pair, other_cells)


def open_files(
    paths: Iterable[Path],
    requested: str | Sequence[str] | None = None,
    *,
    trained: Sequence[str] | None = None,
    kept: str | None = None,
) -> tuple[list[Table], Columns]:
    """Open files, and choose their columns by the first one that has rows; see `choose_columns`."""
    tables = [open_table(path) for path in paths]
    return tables, choose_columns(first_with_rows(tables), requested, trained=trained, kept=kept)


def first_with_rows(tables: Sequence[Table]) -> Table:
    """Return the first table with rows; engines such as Spark also write files without any."""
    for table in tables:
        if table.columns:
            return table
    raise DataError(f"{tables[-1].name} has no rows; give data.")


# Columns


def choose_columns(
    table: Table,
    requested: str | Sequence[str] | None = None,
    *,
    trained: Sequence[str] | None = None,
    label: str | None = None,
    group: str | None = None,
    kept: str | None = None,
) -> Columns:
    """Choose the columns of a table that has rows. A default of an unusual name is logged.

    Args:
        table: The table, whose first rows show which columns hold text.
        requested: The text columns in a list, or separated by commas. None takes the first of these that the table has:
            `trained`; title and text; text; title; the only column of text.
        trained: The text columns that a model was trained on.
        label: The column of labels, which is no text; None: there is none, and "label" is no text by default.
        group: A column of groups, which is no text, either.
        kept: Columns that an output repeats, separated by commas. They may be text columns, too.

    Raises:
        DataError: A column is missing or named twice; several columns may be text, or none.
    """
    text = _named(table, requested, "text_column_names")
    labels = _named(table, label and [label], "label_column_name")
    groups = _named(table, group and [group], "group_column_name")
    others = [*labels, *groups]
    _check_differ([*text, *others], "The columns of texts, labels and groups must differ")
    unread: list[str] = []
    if not text and trained and set(trained) <= set(table.columns) - set(others):
        text = list(trained)
    if not text:
        text = _default_text_columns(table, others if label is not None else [*others, _LABEL])
        unread = [name for name in _DEFAULTS[0] if name not in table.columns]
    kept_names = _named(table, kept, "keep_columns")
    _check_differ(kept_names, "keep_columns names a column twice")
    label = labels[0] if labels else None
    group = groups[0] if groups else None
    return Columns(text, label, group, kept_names, unread)


def _named(table: Table, requested: str | Sequence[str] | None, option: str) -> list[str]:
    """Return the columns that an option names; none if it is not given."""
    if requested is None:
        return []
    if isinstance(requested, str):
        requested = requested.split(",")
    # A space may follow a comma, as in "title, text", or belong to the name of a column.
    names = [name if name in table.columns else str(name).strip() for name in requested]
    for name in names:
        if name not in table.columns:
            raise DataError(
                f"{table.name} has no column {shown(name)}; set {option} to one of {listed(table.columns)}."
            )
    return names


def _check_differ(names: Sequence[str], problem: str) -> None:
    if len(set(names)) < len(names):
        raise DataError(f"{problem}: {listed(names)}; name each once.")


def _default_text_columns(table: Table, not_text: Sequence[str]) -> list[str]:
    candidates = [name for name in table.columns if name not in {*not_text, *table.class_names}]
    for defaults in _DEFAULTS:
        if set(defaults) <= set(candidates):
            return list(defaults)
    head = table.head()
    names = [name for name in candidates if any(_is_text(cells.get(name)) for cells in head)]
    if len(names) != 1:
        raise DataError(
            f"{table.name} has {len(names)} columns that may be text; set text_column_names from "
            f"{listed(table.columns)}."
        )
    logger.info("%s: the text is read from the column %s.", table.name, shown(names[0]))
    return names


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
    is_number = isinstance(value, float | Decimal | np.generic)
    return is_number and bool(value != value)  # NaN and NaT differ from themselves


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
