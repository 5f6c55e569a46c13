"""Texts and tables that are safe to show, in a terminal and in Markdown."""

import unicodedata
from collections.abc import Sequence


def printable(text: str) -> str:
    """Replace each character that a terminal might act on by U+FFFD; tabs and line feeds stay."""
    characters = []
    for character in text:
        is_space = character in "\t\n" or unicodedata.category(character) == "Zs"
        if character.isprintable() or is_space:
            characters.append(character)
        else:
            characters.append("\ufffd")
    return "".join(characters)


def one_line(text: str) -> str:
    """Make a text printable, on one line."""
    return printable(" ".join(text.split()))


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table without a line break at its end.

    Columns have an equal width in all lines. Columns of numbers are aligned right.

    Args:
        header: The names of the columns.
        rows: Cells in Markdown. `|` and HTML in them are escaped, and line breaks become spaces. A row may lack cells
            at its end.
    """
    lines = []
    for row in (header, *rows):
        cells = [one_line(cell).replace("|", "\\|").replace("<", "&lt;") for cell in row]
        lines.append(cells + [""] * (len(header) - len(row)))
    columns = list(zip(*lines, strict=True))
    widths = [max(3, *map(len, column)) for column in columns]
    are_numbers = [all(_is_number(cell) for cell in column[1:]) for column in columns]

    rules = []
    for width, is_number in zip(widths, are_numbers, strict=True):
        rules.append("-" * (width - 1) + ":" if is_number else "-" * width)
    padded_lines = []
    for line in [lines[0], rules, *lines[1:]]:
        cells = []
        for cell, width, is_number in zip(line, widths, are_numbers, strict=True):
            cells.append(cell.rjust(width) if is_number else cell.ljust(width))
        padded_lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(padded_lines)


def _is_number(cell: str) -> bool:
    """Return whether a cell is blank or begins as a number does."""
    return not cell or cell.lstrip("*+-.")[:1].isdigit()
