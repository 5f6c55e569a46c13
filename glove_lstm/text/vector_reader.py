"""Find the tokens of many texts at once, by numpy, as the default pipeline of `pipelines.py` does.

The texts are joined to one string of bytes, one byte a character. Every step below treats all of them together:

    text      T h e   h a r b o u r - m a s t e r   s a i d :   7 t h
    kind      U L L _ L L L L L L L . L L L L L L _ L L L L . _ D L L     Upper, Lower, Digit, white space
    runs      (---)   (-----------) (---------)     (-----)     (---)     of letters and digits: the kind changes
    tokens    (---)   (-----------------------)     (-----)(.) (D)(-)     words go on over hyphens; 7th is two tokens

Each token is looked up by a hash of its lower-cased bytes; see `word_table.py`. Pieces between white space that hold a
URL, or a character outside of the alphabet of the vocabulary, are left to the caller, who reads them by Rust.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from glove_lstm.text.alphabet import (
    DIGIT,
    LOWER,
    SPACE,
    STRANGE,
    STRANGE_BYTE,
    UPPER,
    WORD,
    Alphabet,
    Kinds,
)
from glove_lstm.text.tokens import Integers, Tokens
from glove_lstm.text.word_table import WordTable, hash_words
from glove_lstm.tokenization.word_shapes import CODE_BITS, KNOWN, SHAPE_BITS, SHAPES, SPELLED

# Characters read together: few numpy calls, and arrays that a processor's cache holds.
_BATCH = 1 << 16
# A lower-cased piece that holds one of these may be what `pipelines.py` takes for a URL.
_URL_SIGNS = (b"://", b"ww.", b"<url>")
_SHAPE_FLAGS = LOWER | UPPER | DIGIT


def find_tokens(text: NDArray[np.uint8], kinds: Kinds) -> tuple[Integers, Integers]:
    """Return where each token begins and ends. White space ends the text."""
    is_word = (kinds & WORD) > 0
    edges = np.flatnonzero(np.diff(is_word, prepend=False))
    begins, ends = edges[::2], edges[1::2]  # of runs of letters, digits and underscores
    joined, splits = _joined_and_split(text, kinds, begins, ends)
    is_punctuation = (kinds & (WORD | SPACE)) == 0
    is_punctuation[begins[joined] - 1] = False  # a hyphen, a point or a comma within a token

    is_begin = is_punctuation.copy()
    is_begin[begins] = True
    is_begin[begins[joined]] = False
    is_begin[splits] = True
    is_last = is_punctuation
    is_last[ends - 1] = True
    is_last[ends[joined - 1] - 1] = False
    is_last[splits - 1] = True
    return np.flatnonzero(is_begin), np.flatnonzero(is_last) + 1


def _joined_and_split(
    text: NDArray[np.uint8], kinds: Kinds, begins: Integers, ends: Integers
) -> tuple[Integers, Integers]:
    r"""Find runs that are no token of their own, as `\d+(?:[.,]\d+)*|\w+(?:-\w+)*` has it.

    Returns:
        The runs that go on from the run before, over one character; and the places where a run is cut, between a number
        and a word.
    """
    if not len(begins):
        return begins, begins
    between = np.zeros(len(begins), dtype=np.uint8)  # the single character before a run, or 0
    near = np.flatnonzero(begins[1:] - ends[:-1] == 1)
    between[near + 1] = text[ends[near]]
    after_hyphen = between == ord("-")

    is_digit = (kinds & DIGIT) > 0
    is_number = is_digit[begins]  # begins with a digit
    numbers = np.flatnonzero(is_number)
    digit_ends = np.flatnonzero(is_digit[:-1] & ~is_digit[1:]) + 1
    number_ends = digit_ends[np.searchsorted(digit_ends, begins[numbers], side="right")]
    has_word = ~is_number
    has_word[numbers] = number_ends < ends[numbers]

    # A run ends as a word if one of its chain of hyphens, up to itself, has a word.
    rows = np.arange(len(begins))
    chain_begins = np.maximum.accumulate(np.where(after_hyphen, 0, rows))
    last_words = np.maximum.accumulate(np.where(has_word, rows, -1))
    ends_as_word = last_words >= chain_begins
    after_word = np.concatenate([[False], ends_as_word[:-1]])

    goes_on_as_word = after_hyphen & after_word
    after_point = (between == ord(".")) | (between == ord(","))
    goes_on_as_number = after_point & is_number & ~after_word
    is_split = has_word[numbers] & ~goes_on_as_word[numbers]
    return np.flatnonzero(goes_on_as_word | goes_on_as_number), number_ends[is_split]


class VectorReader:
    """Reads texts as the default pipeline does.

    Args:
        vocabulary: Words and their ids.
        unknown: The id of all other words.
        read_pieces: Reads pieces that this reader cannot read.
    """

    def __init__(
        self,
        vocabulary: Mapping[str, int],
        unknown: int,
        read_pieces: Callable[[Sequence[str]], Tokens],
    ) -> None:
        self._unknown = unknown
        self._read_pieces = read_pieces
        self._alphabet = Alphabet(vocabulary)
        self._longest, self._table = self._learn(vocabulary)

    def _learn(self, vocabulary: Mapping[str, int]) -> tuple[int, WordTable]:
        """Return the length of the longest word, and the table of all that can be read here."""
        joined = self._alphabet.encode("\n".join(vocabulary) + "\n")
        lengths = np.fromiter(map(len, vocabulary), np.int64, len(vocabulary))
        begins = np.cumsum(lengths + 1) - lengths - 1
        strange = np.flatnonzero(np.frombuffer(joined, np.uint8) == STRANGE_BYTE)
        readable = lengths > 0
        readable[np.searchsorted(begins, strange, side="right") - 1] = False
        ids = np.fromiter(vocabulary.values(), np.int64, len(vocabulary))
        hashes = hash_words(joined, begins[readable], lengths[readable])
        return int(lengths.max(initial=0)), WordTable(hashes, ids[readable])

    def read(self, texts: Sequence[str]) -> Tokens:
        """Read n texts."""
        return Tokens.concatenate([self._read_batch(batch) for batch in _batches(texts)])

    def _read_batch(self, texts: Sequence[str]) -> Tokens:
        joined = "\n".join(texts) + "\n"
        text = self._alphabet.encode(joined)
        lower = self._alphabet.lower(text)
        kinds = self._alphabet.kinds(text)
        piece_begins, piece_ends = _strange_pieces(lower, kinds)
        pieces = []
        for begin, end in zip(piece_begins.tolist(), piece_ends.tolist(), strict=True):
            pieces.append(joined[begin:end])
            kinds[begin:end] = WORD  # one token for now
        begins, ends = find_tokens(np.frombuffer(text, np.uint8), kinds)
        ids = self._ids(lower, begins, ends - begins)
        types = self._types(text, kinds, begins, ends - begins, ids == self._unknown)
        text_ends = np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)) + 1)
        before = np.searchsorted(begins, text_ends)  # tokens up to the end of each text
        tokens = Tokens(ids, types, np.diff(before, prepend=0))
        if pieces:
            places = np.searchsorted(begins, piece_begins)
            tokens = tokens.replaced(places, self._read_pieces(pieces))
        return tokens

    def _ids(self, lower: bytes, begins: Integers, lengths: Integers) -> Integers:
        """Return the id of each token: (n,)."""
        ids = np.full(len(begins), self._unknown)
        rows = np.flatnonzero(lengths <= self._longest)
        hashes = hash_words(lower, begins[rows], lengths[rows])
        ids[rows] = self._table.find(hashes, self._unknown)
        return ids

    def _types(
        self,
        text: bytes,
        kinds: Kinds,
        begins: Integers,
        lengths: Integers,
        unknown: NDArray[np.bool_],
    ) -> Integers:
        """Return the `token_type_ids` of each token: (n,)."""
        spellings = np.full(len(begins), KNOWN)
        rows = np.flatnonzero(unknown)
        spellings[rows] = self._spellings(text, begins[rows], lengths[rows])
        return _shapes(kinds, begins) | spellings << SHAPE_BITS

    def _spellings(self, text: bytes, begins: Integers, lengths: Integers) -> Integers:
        """Return the spelling of each word: (n,)."""
        padded = np.frombuffer(text + bytes(SPELLED), dtype=np.uint8)
        spellings = np.zeros(len(begins), dtype=np.int64)
        for place in range(SPELLED):
            codes = self._alphabet.codes[padded[begins + place]]
            spellings |= np.where(place < lengths, codes, 0) << CODE_BITS * place
        return spellings


def _batches(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """Divide texts into batches of about as many characters."""
    begin = 0
    characters = 0
    for row, text in enumerate(texts):
        characters += len(text)
        if characters >= _BATCH:
            yield texts[begin : row + 1]
            begin = row + 1
            characters = 0
    if begin < len(texts):
        yield texts[begin:]


def _strange_pieces(lower: bytes, kinds: Kinds) -> tuple[Integers, Integers]:
    """Return where each piece between white space begins and ends that cannot be read here."""
    signs = [place for sign in _URL_SIGNS for place in _places(sign, lower)]
    strange = np.concatenate([np.flatnonzero(kinds == STRANGE), np.array(signs, dtype=np.int64)])
    if not len(strange):
        return strange, strange
    spaces = np.concatenate([[-1], np.flatnonzero(kinds == SPACE)])
    after = np.unique(np.searchsorted(spaces, strange))  # white space after each piece
    return spaces[after - 1] + 1, spaces[after]


def _places(part: bytes, text: bytes) -> Iterator[int]:
    """Yield where a part begins in a text."""
    place = text.find(part)
    while place >= 0:
        yield place
        place = text.find(part, place + 1)


def _shapes(kinds: Kinds, begins: Integers) -> Integers:
    """Return the shape of the token that begins at each place, as `token_type` defines it: (n,)."""
    first = kinds[begins]
    rest = kinds.copy()
    rest[begins] &= ~np.uint8(UPPER)  # a first capital does not count among the rest
    if not len(begins):
        return np.zeros(0, dtype=np.int64)
    # A token's characters, and white space after it, which has no flag of a shape.
    flags = np.bitwise_or.reduceat(rest, begins) & _SHAPE_FLAGS
    begins_upper = (first & UPPER) > 0
    return _SHAPE_OF[begins_upper.astype(np.int64), flags]


def _shape(begins_upper: bool, others: int) -> int:
    """Return the shape of a token.

    Args:
        begins_upper: Whether its first character is a capital.
        others: Flags of its characters, without that of a first capital.
    """
    if others & LOWER and others & UPPER:
        return SHAPES.index("mixed")
    if others & LOWER:
        return SHAPES.index("title" if begins_upper else "lower")
    if begins_upper or others & UPPER:
        return SHAPES.index("upper")
    return SHAPES.index("digits" if others & DIGIT else "punctuation")


# By whether a token begins with a capital, and the flags of its characters.
_SHAPE_OF = np.array(
    [
        [_shape(begins_upper, flags) for flags in range(_SHAPE_FLAGS + 1)]
        for begins_upper in (False, True)
    ]
)
