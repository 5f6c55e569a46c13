"""Token type ids: shapes of words, and spellings of unknown words. Travels to the Hub with the tokenizer."""

import re
import unicodedata
from functools import lru_cache
from typing import Any

# Case, digits or punctuation of a word as it stands in the text. Padding has shape 0.
SHAPES = ("none", "lower", "title", "upper", "mixed", "digits", "punctuation")

# A token type id is a shape in the lowest bits and a spelling, or `KNOWN`, above: 3 + 12 * 5 = 63 bits. The model's
# configuration has the same constants; see there.
SHAPE_BITS = 3
CODE_BITS = 5
SPELLING_LENGTH = 12  # characters
# In place of the spelling of a known word. No spelling is a multiple of 32: its lowest five bits are the code of the
# first character, which is not 0. `KNOWN` is not 0 either, because `datasets` would then take 8 bits for a column that
# begins with known words, and fail at the first spelling.
KNOWN = 32

_LONGEST_CACHED = 31  # characters of a word whose type is cached
_SURROGATE = re.compile("[\ud800-\udfff]")
# For the inside of a class of characters. Nobody sees them, and the tokenizer drops them: soft hyphens, zero-width and
# directional marks, selectors of variants, tags. It drops joiners beside letters that do not need them.
INVISIBLE = "\u00ad\u034f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e0fff"
JOINERS = "\u200c\u200d"
_INVISIBLE_RUN = re.compile(f"[{INVISIBLE}{JOINERS}]*")
_FIRST_INVISIBLE = "\u00ad"  # before it are no marks either
_UNSEEN = re.compile(f"[{INVISIBLE}{JOINERS}]")
# Of Latin, Greek, Cyrillic and Arabic letters.
_ACCENTS = re.compile("[\u0300-\u036f\u064b-\u065f]")
# Letters that Unicode does not divide into a letter of English and an accent; and the sigma at the end of a word.
_BASE_LETTERS = str.maketrans(
    "\u00e6\u00f0\u00f8\u00fe\u00df\u0111\u0127\u0131\u0142\u0153\u03c2", "adotsdhilo\u03c3"
)


def token_type(word: str, unknown: bool) -> int:
    """Return the token type id of a word: its shape, an index into `SHAPES`, and its spelling if it is unknown.

    Letters without case count as lower. A word without letters is "digits" if it has a digit, else "punctuation". A
    single capital is "upper".

    Args:
        word: A word as it stands in the text.
        unknown: Whether the vocabulary lacks it.
    """
    if len(word) <= _LONGEST_CACHED:
        return _cached_token_type(word, unknown)
    return _token_type(word, unknown)


def _token_type(word: str, unknown: bool) -> int:
    code = spelling(word) if unknown else KNOWN
    return _shape(word) | (code << SHAPE_BITS)


_cached_token_type = lru_cache(1 << 14)(_token_type)


def _shape(word: str) -> int:
    kinds = [_kind(character) for character in word]
    capitals = kinds.count("upper")
    if capitals and "lower" in kinds:
        is_title = capitals == 1 and kinds[0] == "upper"
        return SHAPES.index("title" if is_title else "mixed")
    for kind in ("upper", "lower", "digits"):
        if kind in kinds:
            return SHAPES.index(kind)
    return SHAPES.index("punctuation")


def spelling(word: str) -> int:
    """Return the first 12 letters of a word, five bits each, the first one lowest.

    a to z are 1 to 26, with or without accents. Other ASCII characters are 27 to 31. All other characters share the
    codes 1 to 31; neighbours in Unicode, such as the letters of an alphabet, have different codes. A Korean syllable is
    two or three letters.
    """
    letters = word.lower()
    if not letters.isascii():
        letters = _base_letters(letters)
    codes = 0
    for letter in reversed(letters[:SPELLING_LENGTH]):
        codes = (codes << CODE_BITS) | _letter_code(letter)
    return codes


def _base_letters(word: str) -> str:
    """Return a word without what nobody sees and without accents; if it has nothing else, these stay."""
    seen = _UNSEEN.sub("", word) or word
    letters = unicodedata.normalize("NFD", seen)
    bare = _ACCENTS.sub("", letters) or letters
    return bare.translate(_BASE_LETTERS)


def _letter_code(letter: str) -> int:
    if "a" <= letter <= "z":
        return ord(letter) - ord("a") + 1
    if letter.isascii():
        return 27 + ord(letter) % 5
    return 1 + ord(letter) % 31


def surface_end(text: str, begin: int, end: int) -> int:
    """Return where a token ends in a text, with all marks of its last letter.

    The Rust code composes a letter and its marks to one character (NFC), and its offsets point to the letter alone.

    Args:
        text: The text.
        begin: Where the token begins.
        end: Where it ends as the Rust code has it; the same as `begin` for padding.
    """
    if begin == end:
        return end
    letter = text[end - 1]
    while end < len(text) and text[end] >= _FIRST_INVISIBLE:
        mark = _INVISIBLE_RUN.match(text, end).end()  # type: ignore[union-attr] # it matches everywhere
        if mark == len(text):
            break
        letter = unicodedata.normalize("NFC", letter + text[mark])
        if len(letter) > 1:  # a mark of the letter leaves it a single character
            break
        end = mark + 1
    return end


def replace_surrogates(text: Any) -> Any:
    """Replace each lone surrogate, which the Rust code refuses, by U+FFFD; offsets stay the same.

    A list or tuple of texts gives a list, which the tokenizer relies on. Other values are returned unchanged.
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
