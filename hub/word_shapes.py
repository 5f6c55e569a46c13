"""Token type ids: shapes of words, and spellings of unknown words. Travels to the Hub with the tokenizer."""

import re
from functools import lru_cache
from typing import Any

# Case, digits or punctuation of a word as it stands in the text. Padding has shape 0.
SHAPES = ("none", "lower", "title", "upper", "mixed", "digits", "punctuation")

# A shape has 3 bits, and a spelling 5 for each of 12 characters: 63 in all.
SHAPE_BITS, CODE_BITS, SPELLED = 3, 5, 12
# In place of a spelling; no spelling is a multiple of 32. Were it 0, `datasets` would take 8 bits for a column that
# begins with known words, and fail at the first spelling.
KNOWN = 32
_LONG = 32  # characters from which a word's shape is not remembered

_SURROGATE = re.compile("[\ud800-\udfff]")


def token_type(word: str, unknown: bool) -> int:
    """Return a word's shape, an index into `SHAPES`, and above its three bits its spelling; 32 for a known word.

    Letters without case count as lower. A word without letters is "digits" if it has a digit, else "punctuation". A
    single capital is "upper".

    Args:
        word: A word as it stands in the text.
        unknown: Whether the vocabulary lacks it.
    """
    shape = _shape(word) if len(word) < _LONG else _shape.__wrapped__(word)
    return shape | (spelling(word) if unknown else KNOWN) << SHAPE_BITS


@lru_cache(1 << 14)
def _shape(word: str) -> int:
    kinds = [_kind(character) for character in word]
    capitals = kinds.count("upper")
    if capitals and "lower" in kinds:
        shape = "title" if capitals == 1 and kinds[0] == "upper" else "mixed"
    else:
        order = "upper", "lower", "digits"
        shape = next((kind for kind in order if kind in kinds), "punctuation")
    return SHAPES.index(shape)


def spelling(word: str) -> int:
    """Return the first 12 characters of a word, five bits each: a to z are 1 to 26, others 27 to 31."""
    codes = 0
    for letter in reversed(word.lower()[:SPELLED]):
        code = ord(letter) - 96 if "a" <= letter <= "z" else 27 + ord(letter) % 5
        codes = codes << CODE_BITS | code
    return codes


def replace_surrogates(text: Any) -> Any:
    """Replace each lone surrogate, which the Rust code refuses, by U+FFFD, so that offsets stay the same.

    A list of texts gives a list; anything else comes back as it is.
    """
    if isinstance(text, str):
        return text if text.isascii() else _SURROGATE.sub("\ufffd", text)
    if isinstance(text, list | tuple):
        return [replace_surrogates(item) for item in text]
    return text


@lru_cache(1 << 14)
def _kind(character: str) -> str:
    if character.isupper() or character.istitle():
        return "upper"
    if character.isnumeric():
        return "digits"
    return "lower" if character.isalpha() else "punctuation"
