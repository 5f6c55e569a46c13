"""Token type ids: shapes of words, and the characters of unknown words. Travels to the Hub with the tokenizer.

Shared by the transformers tokenizer and the light one; imports numpy alone.
"""

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Case, digits or punctuation of the word as it stands in the text. Padding and empty words have shape 0.
SHAPES = ("none", "lower", "title", "upper", "mixed", "digits", "punctuation")

_UNKNOWN, _OTHER, _LOWER, _UPPER, _DIGIT = range(5)  # kinds of characters
_LOWER_COUNT, _UPPER_COUNT, _DIGIT_COUNT = 1, 1 << 21, 1 << 42  # three counters in one int64

_SURROGATE = re.compile("[\ud800-\udfff]")

_SHAPE_BITS = 3  # of a token type id; above them, in an unknown word, its characters
_SPELLED = 12  # characters of a word: 63 bits with the shape
_CODE_BITS = 5

# Filled as characters appear: all of Unicode would take 0.2 s.
_kind_of = np.zeros(0x110000, dtype=np.uint8)


def token_type_ids(
    text: str, starts: NDArray[np.int64], ends: NDArray[np.int64], unknown: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Return the shape of each word and, above its three bits, the spelling of each unknown word: (n,).

    Args:
        text: As for `word_shapes`.
        starts: As for `word_shapes`.
        ends: As for `word_shapes`.
        unknown: (n,) whether the vocabulary lacks the word.
    """
    types = word_shapes(text, starts, ends)
    for word in np.flatnonzero(unknown):
        types[word] |= spelling(text[starts[word] : ends[word]]) << _SHAPE_BITS
    return types


def spelling(word: str) -> int:
    """Return the first 12 characters of a word, five bits each: a to z are 1 to 26, others 27 to 31."""
    codes = (
        ord(letter) - 96 if "a" <= letter <= "z" else 27 + ord(letter) % 5
        for letter in word.lower()[:_SPELLED]
    )
    return sum(code << _CODE_BITS * place for place, code in enumerate(codes))


def word_shapes(text: str, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the shape of each word of a text, or of several texts joined.

    Letters without case count as lower. A word without letters is "digits" if it has a digit, else "punctuation". A
    single capital is "upper".

    Args:
        text: Any string without lone surrogates, up to 2**21 characters between a word's start and end.
        starts: (n,) first character of each word.
        ends: (n,) the character after its last.

    Returns:
        (n,) indices into `SHAPES`.
    """
    kinds = _kinds(text)
    weight = np.array([0, 0, _LOWER_COUNT, _UPPER_COUNT, _DIGIT_COUNT], dtype=np.int64)
    before = np.zeros(len(kinds) + 1, dtype=np.int64)  # before[i]: the counters over text[:i]
    np.cumsum(weight[kinds], out=before[1:])
    counts = before[ends] - before[starts]
    lower = (counts & (_UPPER_COUNT - 1)).astype(bool)
    upper_count = (counts >> 21) & (_UPPER_COUNT - 1)
    upper = upper_count > 0
    digits = counts >= _DIGIT_COUNT
    first = np.append(kinds, _OTHER)[starts]  # an empty word may begin at the end of the text
    title = (first == _UPPER) & (upper_count == 1) & lower
    conditions = [ends <= starts, title, upper & ~lower, upper, lower, digits]
    return np.select(conditions, [0, 2, 3, 4, 1, 5], default=6)


def repair(text: Any) -> Any:
    """Replace each lone surrogate, which the Rust code refuses, by U+FFFD, so that offsets stay the same.

    A list of texts gives a list; anything else comes back as it is.
    """
    if isinstance(text, str):
        return text if text.isascii() else _SURROGATE.sub("\ufffd", text)
    if isinstance(text, list | tuple):
        return [repair(item) for item in text]
    return text


def _kinds(text: str) -> NDArray[np.uint8]:
    """Return the kind of each character: (len(text),)."""
    points = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
    kinds = _kind_of[points]
    if not kinds.all():
        # np.unique would load 10 MB of numpy.ma.
        for point in set(points[kinds == _UNKNOWN].tolist()):
            _kind_of[point] = _kind(chr(point))
        kinds = _kind_of[points]
    return kinds


def _kind(character: str) -> int:
    if character.isupper() or character.istitle():
        return _UPPER
    if character.isnumeric():
        return _DIGIT
    return _LOWER if character.isalpha() else _OTHER
