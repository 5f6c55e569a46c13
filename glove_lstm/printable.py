"""Texts that are safe to show in a terminal."""

import unicodedata


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
