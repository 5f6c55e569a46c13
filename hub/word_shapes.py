"""The shape of a surface word (case, digits, punctuation), from code points. Travels to the Hub with the tokenizer.

What the tokenizer and the light runtime share: it imports numpy alone.
"""

import re
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Index = the id in `token_type_ids`. Padding, and a word without characters, have shape 0.
SHAPES = ("none", "lower", "title", "upper", "mixed", "digits", "punctuation")

_UNKNOWN, _OTHER, _LOWER, _UPPER, _DIGIT = range(5)
_LOWER_COUNT, _UPPER_COUNT, _DIGIT_COUNT = 1, 1 << 21, 1 << 42  # three counters in one int64

_SURROGATE = re.compile("[\ud800-\udfff]")

_kind_of = np.zeros(0x110000, dtype=np.uint8)  # filled as characters are met: all of Unicode would cost 0.2 s


def word_shapes(text: str, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """Shape of each word of a text.

    A word without cased letters is "digits" when it has a digit, "lower" when it has other letters, else
    "punctuation". A single capital is "title".

    Args:
        text: Any string without lone surrogates, up to 2**21 characters between a word's start and end.
        starts: (n,) where each word begins, in characters.
        ends: (n,) where it ends (exclusive).

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
    first_upper = np.zeros(len(starts), dtype=bool)
    inside = starts < len(kinds)
    first_upper[inside] = kinds[starts[inside]] == _UPPER

    title = first_upper & (upper_count == 1)
    return np.select(
        [ends <= starts, title, upper & ~lower, upper, lower, digits],
        [0, 2, 3, 4, 1, 5],
        default=6,
    )


def shapes_of_tokens(
    texts: Sequence[str],
    text_of_token: NDArray[np.int64],
    offsets: Sequence[Sequence[tuple[int, int]]],
) -> NDArray[np.int64]:
    """Shape of each token of a batch, in one pass over all of its texts.

    Args:
        texts: What the offsets point into.
        text_of_token: (n,) which of the texts each token is of.
        offsets: Begin and end of each token in its text, n in all, in lists of any length.

    Returns:
        (n,) indices into `SHAPES`.
    """
    base = np.zeros(len(texts) + 1, dtype=np.int64)  # where each text begins in all of them together
    np.cumsum([len(text) for text in texts], out=base[1:])
    flat = chain.from_iterable(chain.from_iterable(offsets))
    ends = np.fromiter(flat, dtype=np.int64, count=2 * len(text_of_token)).reshape(-1, 2)
    begin = base[text_of_token]
    # Padding has the empty offsets (0, 0), which is shape 0 wherever they point.
    return word_shapes("".join(texts), ends[:, 0] + begin, ends[:, 1] + begin)


def repair(text: Any) -> Any:
    """Replace each lone surrogate by U+FFFD, one for one, so that offsets stay those of the original.

    Rust refuses them. A list of texts gives a list; what is no text comes back as it is.
    """
    if isinstance(text, str):
        return text if text.isascii() else _SURROGATE.sub("\ufffd", text)
    if isinstance(text, list | tuple):
        return [repair(item) for item in text]
    return text


def _kinds(text: str) -> NDArray[np.uint8]:
    """What kind of character each one is: (len(text),)."""
    points = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
    kinds = _kind_of[points]
    if not kinds.all():
        for point in set(points[kinds == _UNKNOWN].tolist()):  # np.unique would load 10 MB of numpy.ma
            _kind_of[point] = _kind(chr(point))
        kinds = _kind_of[points]
    return kinds


def _kind(character: str) -> int:
    if character.isupper() or character.istitle():
        return _UPPER
    if character.isnumeric():
        return _DIGIT
    return _LOWER if character.isalpha() else _OTHER
