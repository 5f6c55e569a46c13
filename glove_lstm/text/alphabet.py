"""Characters as bytes, and the kind of each character: all that `VectorReader` needs to know of Unicode."""

import string
from collections import Counter
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from glove_lstm.tokenization.word_shapes import spelling

Kinds = NDArray[np.uint8]  # the kind of each character: a sum of the flags below

# Punctuation has no flag. WORD: letters, digits and underscores. STRANGE: characters that `VectorReader` cannot read.
LOWER, UPPER, DIGIT, WORD, SPACE, STRANGE = (1 << bit for bit in range(6))
STRANGE_BYTE = 0  # of all characters outside of an alphabet

_SIZE = 256
_WHITE_SPACE = " \t\n\r\u00a0"
# As `pipelines.py` has them.
_QUOTES = dict.fromkeys("\u2018\u2019\u201b\u02bc", "'") | dict.fromkeys("\u201c\u201d\u201f", '"')
# Characters of text in Latin script, in every alphabet: a space, quotes, dashes and others.
_COMMON = ["\u00a0", *_QUOTES, *"\u2013\u2014…•«»¿¡§°£€©®™·"]
_SIGMA = "\u03a3"  # its lower case depends on its place in a word
_BEYOND = 0xFFFF  # stands for all characters from here on; none of them is in an alphabet


class Alphabet:
    """Numbers characters from 0 to 255, and knows the kind and the lower case of each.

    ASCII characters keep their number. The other 128 bytes are for the common punctuation of texts in Latin script and
    the letters that occur most in the vocabulary, with their capitals.

    Args:
        words: The vocabulary.
    """

    def __init__(self, words: Iterable[str]) -> None:
        ascii_characters = map(chr, range(128))
        characters = [*ascii_characters, *_COMMON, *_letters(words)][:_SIZE]
        # Tables by number: the kind, the code in a spelling, and the number of the lower-cased character.
        kinds = [STRANGE] * _SIZE
        codes = [0] * _SIZE
        lower = [STRANGE_BYTE] * _SIZE
        self._bytes = np.full(_BEYOND + 1, STRANGE_BYTE, dtype=np.uint8)  # number of each character
        for number, character in enumerate(characters):
            kinds[number] = _kind(character)
            codes[number] = spelling(character)
            # Control characters of ASCII are STRANGE.
            if kinds[number] != STRANGE:
                self._bytes[ord(character)] = number
        for number, character in enumerate(characters):
            lower_character = _QUOTES.get(character, character.lower())
            lower[number] = self._bytes[ord(lower_character)]
        self._kinds = bytes(kinds)
        self._lower = bytes(lower)
        self.codes = np.array(codes, dtype=np.int64)  # of each byte, in a spelling

    def encode(self, text: str) -> bytes:
        """Return one byte for each character; `STRANGE_BYTE` for those outside of the alphabet.

        Control characters of an ASCII text keep their number. Their kind is STRANGE all the same.
        """
        if text.isascii():
            return text.encode()
        numbers = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
        return self._bytes[np.minimum(numbers, _BEYOND)].tobytes()

    def kinds(self, text: bytes) -> Kinds:
        """Return the kind of each character, in an array of its own."""
        return np.frombuffer(bytearray(text.translate(self._kinds)), dtype=np.uint8)

    def lower(self, text: bytes) -> bytes:
        """Return lower-cased characters, with straight quotes."""
        return text.translate(self._lower)


def _letters(words: Iterable[str]) -> list[str]:
    """Return the letters of a vocabulary that are not ASCII, most frequent first, each with its capital."""
    counts: Counter[str] = Counter()
    for word in words:
        if not word.isascii():  # saves time: most words are
            counts.update(set(word))
    letters = []
    for letter, _ in counts.most_common():
        is_numbered = letter.isascii() or letter in _COMMON
        if is_numbered or ord(letter) >= _BEYOND:
            continue
        if not letter.isalpha() or letter.lower() != letter:
            continue
        letters.append(letter)
        capital = letter.upper()
        has_capital = capital != letter and capital.lower() == letter
        if has_capital and capital != _SIGMA:
            letters.append(capital)
    return letters


def _kind(character: str) -> int:
    if character in _WHITE_SPACE:
        return SPACE
    if character in _QUOTES:
        # U+02BC is a letter to `token_type`. In a text it becomes a straight quote, which is no part of a word.
        return LOWER if character.isalpha() else 0
    if character == "_":
        return WORD
    if character in string.digits:
        return WORD | DIGIT
    if character.isupper():
        return WORD | UPPER
    if character.isalpha():
        return WORD | LOWER
    if character.isprintable():
        return 0
    return STRANGE
