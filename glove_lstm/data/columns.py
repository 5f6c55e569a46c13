"""Which columns of a table are its text, and the text in them. Standard library only."""

import re
from collections.abc import Sequence
from typing import Any

from glove_lstm.data.errors import DataError
from glove_lstm.data.reading import Record

_SURROGATE = re.compile("[\ud800-\udfff]")


def choose_columns(
    where: str,
    columns: Sequence[str],
    first: Record,
    asked: str | Sequence[str] | None,
    label_column: str | None = None,
) -> list[str]:
    """Return the text columns: those asked for, or those that suggest themselves.

    Args:
        where: Names the table in errors.
        columns: All that it has.
        first: Its first row.
        asked: In a list or separated by commas; None takes title and text, else text, else title, else the only
            column of text.
        label_column: Must be there, and is no text; None where labels are not needed ("label" is no text then).

    Raises:
        DataError: There are no such columns, or several that may be text.
    """
    listing = ", ".join(repr(name) for name in columns)
    if label_column is not None and label_column not in columns:
        raise DataError(
            f"{where} has no column {label_column!r}; set label_column_name to one of {listing}."
        )
    if asked is not None:
        names = asked.split(",") if isinstance(asked, str) else list(asked)
        names = [name if name in columns else name.strip() for name in names]
        for name in names or [""]:
            if name not in columns:
                raise DataError(
                    f"{where} has no column {name!r}; set text_column_names to some of {listing}."
                )
        if label_column in names or len(set(names)) < len(names):
            raise DataError(
                f"text_column_names {', '.join(names)} must differ from each other and from the label."
            )
        return names
    others = [name for name in columns if name != (label_column or "label")]
    for names in (["title", "text"], ["text"], ["title"]):
        if all(name in others for name in names):
            return names
    names = [name for name in others if _is_text(first.get(name))]
    if len(names) != 1:
        raise DataError(
            f"{where} has {len(names)} columns that may be text; set text_column_names from {listing}."
        )
    return names


def _is_text(value: Any) -> bool:
    """Return whether a value is a string and, since everything in a CSV file is one, not a number."""
    try:
        float(value)
    except (TypeError, ValueError, OverflowError):
        return isinstance(value, str)
    return False


def read_text(value: Any, place: str, column: str) -> str:
    """Return the text as Unicode that Arrow takes; "" where there is none."""
    if value is None:
        return ""
    if isinstance(value, str):
        # JSON can spell lone surrogates, which Arrow refuses; the tokenizer reads them as U+FFFD, too.
        return value if value.isascii() else _SURROGATE.sub("\ufffd", value)
    if isinstance(value, int | float):
        return str(value)
    raise DataError(
        f"{place} has {type(value).__name__} instead of text in {column!r}; choose another column."
    )
