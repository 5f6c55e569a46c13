"""Which columns of a table are its text, and the text in them. Standard library only."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from glove_lstm.data.errors import DataError
from glove_lstm.data.reading import Record

_SURROGATE = re.compile("[\ud800-\udfff]")


class Columns(Protocol):
    """A table as it was found: `where` names it in errors, `records` gives its rows."""

    @property
    def where(self) -> str:
        """In words."""

    @property
    def columns(self) -> list[str]:
        """The names of all columns."""

    @property
    def records(self) -> Callable[[Sequence[str]], Iterable[tuple[int | str, Record]]]:
        """The rows, numbered, from the beginning."""


@dataclass(frozen=True)
class FoundColumns:
    """`Columns` of which only the first rows are needed."""

    where: str
    columns: list[str]
    rows: Sequence[tuple[int | str, Record]]

    def records(self, _: Sequence[str]) -> Sequence[tuple[int | str, Record]]:
        """See `Columns`."""
        return self.rows


def choose_columns(
    found: Columns, asked: str | Sequence[str] | None, label_column: str, *, labelled: bool = True
) -> list[str]:
    """Return the text columns: those asked for, or those that suggest themselves."""
    listing = ", ".join(repr(name) for name in found.columns)
    if labelled and label_column not in found.columns:
        raise DataError(
            f"{found.where} has no column {label_column!r}; set label_column_name to one of {listing}."
        )
    if asked is not None:
        names = asked.split(",") if isinstance(asked, str) else list(asked)
        names = [name if name in found.columns else name.strip() for name in names]
        missing = [name for name in names if name not in found.columns]
        if missing or not names:
            shown = repr(missing[0]) if missing else "''"
            raise DataError(
                f"{found.where} has no column {shown}; set text_column_names to some of {listing}."
            )
        if (labelled and label_column in names) or len(set(names)) < len(names):
            raise DataError(
                f"text_column_names {', '.join(names)} must differ from each other and from the label."
            )
        return names
    for names in (["title", "text"], ["text"], ["title"]):
        if all(name in found.columns and name != label_column for name in names):
            return names
    first = next(iter(found.records(found.columns)), (0, {}))[1]
    names = [name for name in found.columns if name != label_column and _is_text(first.get(name))]
    if len(names) != 1:
        raise DataError(
            f"{found.where} has {len(names)} columns that may be text; set text_column_names from {listing}."
        )
    return names


def _is_text(value: Any) -> bool:
    """Say whether a value is a string and, since everything in a CSV file is one, not a number."""
    if not isinstance(value, str):
        return False
    try:
        float(value)
    except ValueError:
        return True
    return False


def read_text(value: Any, where: str, row: int | str, column: str) -> str:
    """Return the text as Unicode that Arrow takes; "" where there is none."""
    if value is None:
        return ""
    if isinstance(value, str):
        # A lone surrogate, which JSON can spell, is no Unicode text: Arrow refuses it, the tokenizer reads it as this.
        return value if value.isascii() else _SURROGATE.sub("\ufffd", value)
    if isinstance(value, int | float):
        return str(value)
    raise DataError(
        f"{where}, row {row} has {type(value).__name__} instead of text in {column!r}; choose another column."
    )
