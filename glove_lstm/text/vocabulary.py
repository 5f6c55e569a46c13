"""A vocabulary as `VectorEncoder` needs it: its characters as bytes of known kind, and the ids of its words by hash.

The bytes of a word are packed into numbers of 64 bits, eight bytes each, which are mixed into one: its hash. Up to
eight bytes, different words have different hashes. A longer word that is not in a vocabulary of 100,000 words could
have the hash of a word in it. The chance is 1 in 10^14.
"""

import string
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from glove_lstm.text.tokens import Integers, true_places
from glove_lstm.tokenization.word_shapes import CODE_BITS, spelling
from glove_lstm.unicode_scripts import is_spaceless

Kinds = NDArray[np.uint8]  # the kind of each character: a sum of the flags below

# Punctuation has no flag. WORD: letters, digits and underscores. STRANGE: what `VectorEncoder` cannot encode.
LOWER, UPPER, DIGIT, WORD, SPACE, STRANGE = (1 << bit for bit in range(6))
STRANGE_BYTE = 0  # of all characters outside of an alphabet

_SIZE = 256
_WHITE_SPACE = " \t\n\r\u00a0"
# As `pipelines.py` has them.
_QUOTES = dict.fromkeys("\u2018\u2019\u201b\u02bc", "'") | dict.fromkeys("\u201c\u201d\u201f", '"')
# Characters of text in Latin script, in every alphabet: a space, quotes, dashes and others.
_COMMON = ["\u00a0", *_QUOTES, *"\u2013\u2014…•«»¿¡§°£€©®™·"]
_SIGMA = "\u03a3"  # its lower case depends on its place in a word
_JAMO = range(0x1100, 0x1200)  # letters of Korean, which compose to syllables
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
        if not letter.isalpha() or letter.lower() != letter or _is_for_rust(letter):
            continue
        letters.append(letter)
        capital = letter.upper()
        has_capital = capital != letter and capital.lower() == letter
        if has_capital and capital != _SIGMA:
            letters.append(capital)
    return letters


def _is_for_rust(letter: str) -> bool:
    """Return whether a letter is a token by itself, is composed of others or composes with others, or has two codes."""
    is_composed = unicodedata.is_normalized("NFC", letter)
    has_one_code = spelling(letter) < 1 << CODE_BITS
    return is_spaceless(letter) or not is_composed or ord(letter) in _JAMO or not has_one_code


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


Hashes = NDArray[np.uint64]

_BLOCK = 8  # bytes of a number of 64 bits
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # odd, so that multiplication loses nothing
_HALF = np.uint64(32)
# By number of bytes: ones for the first bytes of a block, which are the lowest of the number.
_MASKS = np.array([(1 << 8 * count) - 1 for count in range(_BLOCK + 1)], dtype=np.uint64)
_SLOTS_PER_WORD = 8  # of a level of the table


class WordTable:
    """Ids of words by their hash, in levels: a word whose slot is taken moves to the next, smaller level.

    Args:
        hashes: (n,) hash of each word.
        ids: (n,) its id.
    """

    def __init__(self, hashes: Hashes, ids: Integers) -> None:
        self._levels: list[_Level] = []
        while len(hashes):
            bits = (_SLOTS_PER_WORD * len(hashes)).bit_length()
            level = _Level(bits, np.zeros(1 << bits, np.uint64), np.zeros(1 << bits, np.int64))
            # The first word of each slot stays on this level.
            slots, firsts = np.unique(level.slots(hashes), return_index=True)
            level.hashes[slots] = hashes[firsts]
            level.ids[slots] = ids[firsts]
            self._levels.append(level)
            hashes = np.delete(hashes, firsts)
            ids = np.delete(ids, firsts)

    def find(self, hashes: Hashes, default: int) -> Integers:
        """Return the id of each word by its hash, or a default."""
        ids = np.full(len(hashes), default)
        missing = np.arange(len(hashes))  # rows of the words that no level had so far
        for level in self._levels:
            if not len(missing):
                break
            slots = level.slots(hashes[missing])
            is_here = level.hashes[slots] == hashes[missing]
            ids[missing[is_here]] = level.ids[slots[is_here]]
            missing = missing[~is_here]
        return ids


@dataclass(frozen=True, eq=False)
class _Level:
    bits: int
    hashes: Hashes  # (2 ** bits,), 0 in empty slots; a word has the hash 0 once in 2 ** 64
    ids: Integers  # (2 ** bits,)

    def slots(self, hashes: Hashes) -> Integers:
        """Return the slot of each hash: its upper bits."""
        return (hashes >> np.uint64(64 - self.bits)).astype(np.int64)


def hash_words(text: bytes, begins: Integers, lengths: Integers) -> Hashes:
    """Return 64 bits for each word of a text.

    Args:
        text: One byte for each character. 0 stands for characters outside of the alphabet; the hash of a word with a 0
            says nothing.
        begins: (n,) where the words begin.
        lengths: (n,) their numbers of bytes, from 1.
    """
    block_at = _blocks(text)
    hashes = np.zeros(len(begins), dtype=np.uint64)
    for offset in range(0, int(lengths.max(initial=0)), _BLOCK):
        rows = true_places(lengths > offset)
        byte_counts = np.minimum(lengths[rows] - offset, _BLOCK)
        block = block_at[begins[rows] + offset] & _MASKS[byte_counts]
        mixed = (hashes[rows] ^ block) * _MULTIPLIER
        hashes[rows] = mixed ^ (mixed >> _HALF)
    return hashes


def _blocks(text: bytes) -> Hashes:
    """Return, as a number, the eight bytes that begin at each place of a text, and at its end.

    The blocks of neighbouring places overlap. "harbour-master" has the blocks "harbour-", "arbour-m", "rbour-ma" and so
    on, and zeros follow its end. The array is a view of the bytes: the next number begins a byte further on, not eight.
    """
    padded = text + bytes(_BLOCK)
    bytes_to_next_number = 1
    return np.ndarray((len(text) + 1,), "<u8", padded, strides=(bytes_to_next_number,))
