"""Find the tokens of many texts at once, by numpy, as the default pipeline of `pipelines.py` does.

The texts are joined to one string of bytes, one byte a character. Every step below treats all of them together:

    text      T h e   h a r b o u r - m a s t e r   s a i d :   7 t h
    kind      U L L _ L L L L L L L . L L L L L L _ L L L L . _ D L L     U upper, L lower, D digit,
                                                                          _ white space, . punctuation
    runs      (---)   (-----------) (---------)     (-----)     (---)     of letters and digits,
                                                                          between other characters
    tokens    (---)   (-----------------------)     (-----)(.) (D)(-)     words go on over hyphens; 7th is two tokens

Each token is looked up by a hash of its lower-cased bytes; see `vocabulary.py`. Pieces between white space that hold a
URL, or a character outside of the alphabet of the vocabulary, are left to the caller, who encodes them by Rust.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from glove_lstm.text.tokens import Integers, Tokens, true_places
from glove_lstm.text.vocabulary import (
    DIGIT,
    LOWER,
    SPACE,
    STRANGE,
    STRANGE_BYTE,
    UPPER,
    WORD,
    Alphabet,
    Kinds,
    WordTable,
    hash_words,
)
from glove_lstm.tokenization.word_shapes import (
    CODE_BITS,
    KNOWN,
    SHAPE_BITS,
    SPELLING_LENGTH,
    token_type,
)

# Characters read together. With fewer, threads wait for each other more often: Python's lock is held between the steps.
_BATCH_CHARACTERS = 1 << 18
# A lower-cased piece that holds one of these may be what `pipelines.py` takes for a URL. "www." would not do: the
# second step there also takes "<ww.x" and "<ttp://x" for the rest of a URL.
_URL_SIGNS = (b"://", b"ww.", b"<url>")
_SHAPE_FLAGS = LOWER | UPPER | DIGIT  # the three lowest flags: combinations of them are 0 to 7
# A hyphen joins two runs of letters and digits to a word; a point or a comma joins two runs to a number.
_HYPHEN, _POINT = 1, 2
_JOINTS = np.zeros(256, dtype=np.uint8)  # by byte
_JOINTS[ord("-")] = _HYPHEN
_JOINTS[[ord("."), ord(",")]] = _POINT


def find_tokens(text: NDArray[np.uint8], kinds: Kinds) -> tuple[Integers, Integers]:
    r"""Return where each token of a text begins and ends. White space begins and ends the text.

    The pattern of a token is `\d+(?:[.,]\d+)*|\w+(?:-\w+)*`, a number or a word, or one character of punctuation. A run
    of letters and digits is a token, with two exceptions:

    - A run continues the token before it, over a hyphen within a word, or over a point or a comma within a number.
    - A run such as `7th` is cut into a number and a word, unless it continues a word: `a-7th` is one token.
    """
    is_word = (kinds & WORD) > 0
    changes = true_places(is_word[1:] != is_word[:-1]) + 1  # begin, end, begin, end ...
    run_begins = changes[::2]
    run_ends = changes[1::2]

    # Tokens without the exceptions: each run, and each character of punctuation.
    is_punctuation = (kinds & (WORD | SPACE)) == 0
    is_first = is_punctuation.copy()
    is_first[run_begins] = True
    is_last = is_punctuation.copy()
    is_last[run_ends - 1] = True

    is_digit = (kinds & DIGIT) > 0
    joints = _joints(text, run_begins, run_ends)
    if joints.any() or is_digit.any():
        begins_with_digit = is_digit[run_begins]
        digits_end = _ends_of_first_digits(is_digit, run_begins)
        has_letters = digits_end < run_ends  # it has letters, perhaps after digits
        after_hyphen = joints == _HYPHEN
        follows_word = _follows_word(after_hyphen, has_letters)

        # A hyphen continues a word, whatever stands after it. A point or a comma continues a number if a digit
        # stands after it.
        continues_word = after_hyphen & follows_word
        continues_number = (joints == _POINT) & begins_with_digit & ~follows_word
        joint_places = run_begins[continues_word | continues_number] - 1
        is_last[joint_places - 1] = False  # the end of the run before
        is_first[joint_places] = False
        is_last[joint_places] = False
        is_first[joint_places + 1] = False

        is_cut = begins_with_digit & has_letters & ~continues_word
        word_begins = digits_end[is_cut]
        is_last[word_begins - 1] = True
        is_first[word_begins] = True
    return true_places(is_first), true_places(is_last) + 1


def _joints(text: NDArray[np.uint8], begins: Integers, ends: Integers) -> NDArray[np.uint8]:
    """Return what stands between each of n runs and the run before: `_HYPHEN`, `_POINT`, or 0 for anything else."""
    joints = np.zeros(len(begins), dtype=np.uint8)
    one_apart = true_places(begins[1:] - ends[:-1] == 1)  # rows of runs before a single character
    joints[one_apart + 1] = _JOINTS[text[ends[one_apart]]]
    return joints


def _ends_of_first_digits(is_digit: NDArray[np.bool_], begins: Integers) -> Integers:
    """Return where the leading digits of each of n runs end; where the run begins, if it has none: (n,)."""
    ends = begins.copy()
    rows = true_places(is_digit[begins])
    all_digit_ends = true_places(is_digit[:-1] & ~is_digit[1:]) + 1
    next_ends = np.searchsorted(all_digit_ends, begins[rows], side="right")
    ends[rows] = all_digit_ends[next_ends]
    return ends


def _follows_word(
    after_hyphen: NDArray[np.bool_], has_letters: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return for each of n runs whether the run before it ends as a word: (n,).

    A run ends as a word if it has letters, or if it continues a word over a hyphen. So the runs are divided into
    chains, with hyphens between the runs of a chain, and a run ends as a word if its chain has had letters up to it:

        runs of "5 7a-8 8-9"        5   7a   8   8   9
        after_hyphen                no  no  yes  no yes
        chain_of                    0    1   1   2   2
        runs_with_letters_so_far    0    1   1   0   0      in the chain
        ends_as_word                no yes  yes  no  no

    Args:
        after_hyphen: Whether only a hyphen stands between the run and the run before. The first run has no run before.
        has_letters: Whether the run has letters.
    """
    begins_chain = ~after_hyphen
    chain_of: Integers = np.cumsum(begins_chain) - 1
    with_letters: Integers = np.cumsum(has_letters)  # runs with letters up to each run
    with_letters_before = with_letters - has_letters
    with_letters_before_chain = with_letters_before[begins_chain][chain_of]
    runs_with_letters_so_far = with_letters - with_letters_before_chain

    ends_as_word = runs_with_letters_so_far > 0
    follows_word = np.zeros(len(has_letters), dtype=bool)
    follows_word[1:] = ends_as_word[:-1]
    return follows_word


class VectorEncoder:
    """Encodes texts as the default pipeline does.

    Args:
        vocabulary: Words and their ids.
        unknown: The id of all other words.
        encode_pieces: Encodes pieces that this encoder cannot.
    """

    def __init__(
        self,
        vocabulary: Mapping[str, int],
        unknown: int,
        encode_pieces: Callable[[Sequence[str]], Tokens],
    ) -> None:
        self._unknown = unknown
        self._encode_pieces = encode_pieces
        self._alphabet = Alphabet(vocabulary)
        self._longest, self._table = self._learn(vocabulary)

    def _learn(self, vocabulary: Mapping[str, int]) -> tuple[int, WordTable]:
        """Return the length of the longest word, and the table of the words whose characters are in the alphabet."""
        joined = self._alphabet.encode("\n".join(vocabulary) + "\n")
        lengths = np.fromiter(map(len, vocabulary), np.int64, len(vocabulary))
        ids = np.fromiter(vocabulary.values(), np.int64, len(vocabulary))
        ends = np.cumsum(lengths + 1) - 1  # a line break follows each word
        begins = ends - lengths

        strange_places = true_places(np.frombuffer(joined, np.uint8) == STRANGE_BYTE)
        strange_words = np.searchsorted(ends, strange_places)  # rows
        is_readable = lengths > 0
        is_readable[strange_words] = False
        hashes = hash_words(joined, begins[is_readable], lengths[is_readable])
        return int(lengths.max(initial=0)), WordTable(hashes, ids[is_readable])

    def encode(self, texts: Sequence[str]) -> Tokens:
        """Encode n texts."""
        return Tokens.concatenate([self._encode_batch(batch) for batch in _batches(texts)])

    def _encode_batch(self, texts: Sequence[str]) -> Tokens:
        joined = "\n".join(["", *texts, ""])
        text = self._alphabet.encode(joined)
        lower = self._alphabet.lower(text)
        kinds = self._alphabet.kinds(text)

        # A piece that this encoder cannot encode is a single token for now.
        piece_begins, piece_ends = _strange_pieces(lower, kinds)
        pieces = []
        for begin, end in zip(piece_begins.tolist(), piece_ends.tolist(), strict=True):
            pieces.append(joined[begin:end])
            kinds[begin:end] = WORD

        begins, ends = find_tokens(np.frombuffer(text, np.uint8), kinds)
        lengths = ends - begins
        ids = np.full(len(begins), self._unknown)
        short = true_places(lengths <= self._longest)
        hashes = hash_words(lower, begins[short], lengths[short])
        ids[short] = self._table.find(hashes, self._unknown)
        spellings = np.full(len(begins), KNOWN)
        unknown = true_places(ids == self._unknown)
        spellings[unknown] = self._spellings(text, begins[unknown], lengths[unknown])
        types = _shapes(kinds, begins) | (spellings << SHAPE_BITS)

        # A text is between two line breaks, the one before it and the one after it.
        line_breaks = np.cumsum([0, *map(len, texts)]) + np.arange(len(texts) + 1)
        tokens_before = np.searchsorted(begins, line_breaks)
        tokens = Tokens(ids, types, np.diff(tokens_before))
        if not pieces:
            return tokens
        # A piece that occurs several times, as in the variants of a text that is explained, is encoded once.
        distinct_pieces = list(dict.fromkeys(pieces))
        rows = {piece: row for row, piece in enumerate(distinct_pieces)}
        row_of_piece = np.array([rows[piece] for piece in pieces])
        tokens_of_pieces = self._encode_pieces(distinct_pieces).select(row_of_piece)
        return tokens.replaced(np.searchsorted(begins, piece_begins), tokens_of_pieces)

    def _spellings(self, text: bytes, begins: Integers, lengths: Integers) -> Integers:
        """Return the spelling of each word: (n,)."""
        padded = np.frombuffer(text + bytes(SPELLING_LENGTH), dtype=np.uint8)
        places = np.arange(SPELLING_LENGTH)
        characters = padded[begins[:, None] + places]  # (n, SPELLING_LENGTH)
        codes = self._alphabet.codes[characters]
        codes[places >= lengths[:, None]] = 0  # what follows a shorter word
        return (codes << (CODE_BITS * places)).sum(axis=1)


def _batches(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """Divide texts into batches of about `_BATCH_CHARACTERS` characters."""
    begin = 0
    characters = 0
    for row, text in enumerate(texts):
        characters += len(text)
        if characters >= _BATCH_CHARACTERS:
            yield texts[begin : row + 1]
            begin = row + 1
            characters = 0
    if begin < len(texts):
        yield texts[begin:]


def _strange_pieces(lower: bytes, kinds: Kinds) -> tuple[Integers, Integers]:
    """Return where the pieces between white space begin and end that hold a strange character or a sign of a URL."""
    is_strange = kinds == STRANGE
    for sign in _URL_SIGNS:
        place = lower.find(sign)
        while place >= 0:
            is_strange[place] = True
            place = lower.find(sign, place + 1)
    places = true_places(is_strange)
    if not len(places):  # as in most batches
        return places, places
    spaces = true_places(kinds == SPACE)
    next_spaces = np.unique(np.searchsorted(spaces, places))  # a piece may hold several places
    return spaces[next_spaces - 1] + 1, spaces[next_spaces]


def _shapes(kinds: Kinds, begins: Integers) -> Integers:
    """Return the shape of the token that begins at each place, as `token_type` defines it: (n,)."""
    if not len(begins):
        return begins
    begins_upper = (kinds[begins] & UPPER) > 0
    # Without the capitals that begin a token, `UPPER` tells "mIxed" from "Title".
    without_first_capitals = kinds.copy()
    without_first_capitals[begins] &= ~np.uint8(UPPER)
    # The flags of all characters from each token to the next. White space between them has none of `_SHAPE_FLAGS`.
    flags = np.bitwise_or.reduceat(without_first_capitals, begins) & _SHAPE_FLAGS
    return _SHAPES_BY_FLAGS[begins_upper.astype(np.int64), flags]


def _shape(begins_upper: bool, flags: int) -> int:
    """Return the shape of a token whose other characters have the flags, as `token_type` gives it for such a word."""
    word = "A" if begins_upper else "_"
    for flag, character in ((LOWER, "a"), (UPPER, "A"), (DIGIT, "1")):
        if flags & flag:
            word += character
    return token_type(word, unknown=False) % (1 << SHAPE_BITS)


# (2, flags): in the first row for tokens without a capital at their beginning, in the second row for others.
_SHAPES_BY_FLAGS = np.array(
    [
        [_shape(begins_upper, flags) for flags in range(_SHAPE_FLAGS + 1)]
        for begins_upper in (False, True)
    ]
)
