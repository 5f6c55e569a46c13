"""Numbers, lists and tables as the Markdown of the model card."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def figure(value: float | None) -> str:
    """Format a measure; metrics.json has None for a measure that is not defined."""
    if value is None:
        return "not defined"
    return f"{value:.4f}"


def measured_figure(measures: Mapping[str, Any], name: str) -> str:
    """Format one of the measures; the cell of a measure that is missing is blank."""
    if name not in measures:
        return ""
    return figure(measures[name])


def accuracy_interval(measures: Mapping[str, Any]) -> str:
    """Format the interval of the accuracy."""
    low, high = measures["accuracy_interval"]
    return f"{low:.4f}-{high:.4f}"


def count(value: int) -> str:
    """Format a number of things, as in "1,200"."""
    return f"{value:,}"


def listed(words: Sequence[str]) -> str:
    """Join words as in "a, b and c"."""
    *first, last = words
    if not first:
        return last
    return f"{', '.join(first)} and {last}"


def paragraphs(*texts: str) -> str:
    """Join texts by blank lines; empty texts are left out."""
    return "\n\n".join(text for text in texts if text)


def plain(text: str) -> str:
    """Escape a text of the user, such as a label, that must not be read as Markdown or HTML."""
    on_one_line = " ".join(text.split())
    return re.sub(r"([\\`*_\[\]])", r"\\\1", on_one_line).replace("<", "&lt;")


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table. A cell is Markdown, in which `|` and HTML are escaped."""
    lines = [_row(columns), "|" + "---|" * len(columns)]
    lines += [_row(row) for row in rows]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    escaped = []
    for cell in cells:
        on_one_line = " ".join(cell.split())
        escaped.append(on_one_line.replace("|", "\\|").replace("<", "&lt;"))
    return f"| {' | '.join(escaped)} |"
