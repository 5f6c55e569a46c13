"""The error that a user can mend, and words for messages."""

from collections.abc import Iterable
from itertools import islice
from typing import Any

_CHARACTERS = 60  # of a quoted value
_NAMES = 20  # in a list


class DataError(ValueError):
    """Invalid input, which commands show without a traceback; the message names the file or value, and the remedy."""


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message without its full stop, to quote inside a sentence."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(". ") if lines else type(error).__name__


def shown(value: Any) -> str:
    """Return a value as Python writes it in a line, strings in quotation marks, cut after 60 characters."""
    if isinstance(value, str):
        text = repr(value[:_CHARACTERS])
        is_cut = len(value) > _CHARACTERS
    else:
        text = " ".join(repr(value).split())
        is_cut = len(text) > _CHARACTERS
        text = text[:_CHARACTERS]
    return f"{text}..." if is_cut else text


def listed(names: Iterable[Any]) -> str:
    """Return names for a sentence, each as `shown`, and no more than twenty."""
    first = list(islice(names, _NAMES + 1))
    listing = ", ".join(shown(name) for name in first[:_NAMES])
    return f"{listing}, ..." if len(first) > _NAMES else listing


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: "1 text", "1,200 texts"."""
    ending = "" if number == 1 else "s"
    return f"{number:,} {noun}{ending}"


def how_to_install(extra: str) -> str:
    """Return the command that installs an extra of this package, which is not on PyPI yet."""
    return f"pip install '.[{extra}]' in a clone of glove-lstm, or pip install 'WHEEL[{extra}]'"
