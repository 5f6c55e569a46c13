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
from glove_lstm.text.tokens import Integers, Tokens, true_places
from glove_lstm.text.word_table import WordTable, hash_words
from glove_lstm.tokenization.word_shapes import (
    CODE_BITS,
    KNOWN,
    SHAPE_BITS,
    SHAPES,
    SPELLING_LENGTH,
)

# Characters read together. With fewer, threads wait for each other more often: Python's lock is held between the steps.
_BATCH = 1 << 18
# A lower-cased piece that holds one of these may be what `pipelines.py` takes for a URL.
_URL_SIGNS = (b"://", b"ww.", b"<url>")
_SHAPE_FLAGS = LOWER | UPPER | DIGIT
# What a byte between two runs of letters and digits may join.
_HYPHEN, _POINT = 1, 2
_JOINING = np.zeros(256, dtype=np.uint8)
_JOINING[ord("-")] = _HYPHEN
_JOINING[[ord("."), ord(",")]] = _POINT


def find_tokens(text: NDArray[np.uint8], kinds: Kinds) -> tuple[Integers, Integers]:
    """Return where each token of a text begins and ends. White space begins and ends the text."""
    is_word = (kinds & WORD) > 0
    edges = true_places(is_word[1:] != is_word[:-1]) + 1
    begins, ends = edges[::2], edges[1::2]  # of runs of letters, digits and underscores
    is_begin = (kinds & (WORD | SPACE)) == 0  # punctuation
    is_last = is_begin.copy()
    is_begin[begins] = True
    is_last[ends - 1] = True
    is_digit = (kinds & DIGIT) > 0
    between = _single_between(text, begins, ends)
    if between.any() or is_digit.any():
        joined, splits = _joined_and_split(between, is_digit, begins, ends)
        is_begin[begins[joined]] = False
        is_begin[begins[joined] - 1] = False  # a hyphen, a point or a comma within a token
        is_begin[splits] = True
        is_last[begins[joined] - 1] = False
        is_last[ends[joined - 1] - 1] = False
        is_last[splits - 1] = True
    return true_places(is_begin), true_places(is_last) + 1


def _single_between(text: NDArray[np.uint8], begins: Integers, ends: Integers) -> Kinds:
    """Return the character between a run and the run before, 0 if there are several or if it joins nothing: (n,)."""
    between = np.zeros(len(begins), dtype=np.uint8)
    near = true_places(begins[1:] - ends[:-1] == 1)
    between[near + 1] = _JOINING[text[ends[near]]]
    return between


def _joined_and_split(
    between: Kinds, is_digit: NDArray[np.bool_], begins: Integers, ends: Integers
) -> tuple[Integers, Integers]:
    r"""Find runs that are no token of their own, as `\d+(?:[.,]\d+)*|\w+(?:-\w+)*` has it.

    Returns:
        The runs that go on from the run before, over one character; and the places where a run is cut, between a number
        and a word.
    """
    is_number = is_digit[begins]  # begins with a digit
    numbers = true_places(is_number)
    digit_ends = true_places(is_digit[:-1] & ~is_digit[1:]) + 1
    number_ends = digit_ends[np.searchsorted(digit_ends, begins[numbers], side="right")]
    has_word = ~is_number
    has_word[numbers] = number_ends < ends[numbers]

    # A run ends as a word if one of its chain of hyphens, up to itself, has a word.
    after_hyphen = between == _HYPHEN
    rows = np.arange(len(begins))
    chain_begins = np.maximum.accumulate(np.where(after_hyphen, 0, rows))
    last_words = np.maximum.accumulate(np.where(has_word, rows, -1))
    ends_as_word = last_words >= chain_begins
    after_word = np.zeros(len(begins), dtype=bool)
    after_word[1:] = ends_as_word[:-1]

    goes_on_as_word = after_hyphen & after_word
    goes_on_as_number = (between == _POINT) & is_number & ~after_word
    is_split = has_word[numbers] & ~goes_on_as_word[numbers]
    return true_places(goes_on_as_word | goes_on_as_number), number_ends[is_split]


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
        joined = "\n".join(["", *texts, ""])
        text = self._alphabet.encode(joined)
        lower = self._alphabet.lower(text)
        kinds = self._alphabet.kinds(text)
        strange = _strange_places(lower, kinds)
        piece_begins, piece_ends = _pieces_at(strange, kinds)
        pieces = []
        for begin, end in zip(piece_begins.tolist(), piece_ends.tolist(), strict=True):
            pieces.append(joined[begin:end])
            kinds[begin:end] = WORD  # one token for now
        begins, ends = find_tokens(np.frombuffer(text, np.uint8), kinds)
        ids = self._ids(lower, begins, ends - begins)
        types = self._types(text, kinds, begins, ends - begins, ids == self._unknown)
        text_ends = np.cumsum([0, *map(len, texts)]) + np.arange(len(texts) + 1)
        before = np.searchsorted(begins, text_ends)  # tokens up to the end of each text
        tokens = Tokens(ids, types, before[1:] - before[:-1])
        if pieces:
            places = np.searchsorted(begins, piece_begins)
            tokens = tokens.replaced(places, self._read_pieces(pieces))
        return tokens

    def _ids(self, lower: bytes, begins: Integers, lengths: Integers) -> Integers:
        """Return the id of each token: (n,)."""
        ids = np.full(len(begins), self._unknown)
        rows = true_places(lengths <= self._longest)
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
        rows = true_places(unknown)
        spellings[rows] = self._spellings(text, begins[rows], lengths[rows])
        return _shapes(kinds, begins) | spellings << SHAPE_BITS

    def _spellings(self, text: bytes, begins: Integers, lengths: Integers) -> Integers:
        """Return the spelling of each word: (n,)."""
        padded = np.frombuffer(text + bytes(SPELLING_LENGTH), dtype=np.uint8)
        places = np.arange(SPELLING_LENGTH)
        codes = self._alphabet.codes[padded[begins[:, None] + places]]
        codes[places >= lengths[:, None]] = 0
        return (codes << CODE_BITS * places).sum(axis=1)


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


def _strange_places(lower: bytes, kinds: Kinds) -> Integers:
    """Return places of characters outside of the alphabet, and of what may be a URL."""
    places: list[int] = []
    for part in _URL_SIGNS:
        places.extend(_places(part, lower))
    places.extend(true_places(kinds == STRANGE).tolist())
    return np.array(places, dtype=np.int64)


def _pieces_at(places: Integers, kinds: Kinds) -> tuple[Integers, Integers]:
    """Return where the pieces between white space that hold these places begin and end."""
    if not len(places):
        return places, places
    spaces = true_places(kinds == SPACE)
    after = np.unique(np.searchsorted(spaces, places))  # white space after each piece
    return spaces[after - 1] + 1, spaces[after]


def _places(part: bytes, text: bytes) -> Iterator[int]:
    """Yield where a part begins in a text."""
    place = text.find(part)
    while place >= 0:
        yield place
        place = text.find(part, place + 1)


def _shapes(kinds: Kinds, begins: Integers) -> Integers:
    """Return the shape of the token that begins at each place, as `token_type` defines it: (n,)."""
    if not len(begins):
        return begins
    first = kinds[begins]
    rest = kinds.copy()
    rest[begins] = first & ~np.uint8(UPPER)  # a first capital does not count among the rest
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
