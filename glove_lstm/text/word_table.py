"""Ids of many words at once, by hashes of 64 bits.

The bytes of a word are packed into numbers, eight bytes each, which are mixed into one: its hash. Up to eight bytes,
different words have different hashes. A longer word that a vocabulary of 100,000 words lacks could have the hash of one
of them: that happens to one of 10^14 such words.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from glove_lstm.text.tokens import Integers, true_places

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
            bits = max(1, int(_SLOTS_PER_WORD * len(hashes)).bit_length())
            level = _Level(bits, np.zeros(1 << bits, np.uint64), np.zeros(1 << bits, np.int64))
            slots, chosen = np.unique(level.slots(hashes), return_index=True)
            level.hashes[slots] = hashes[chosen]
            level.ids[slots] = ids[chosen]
            self._levels.append(level)
            hashes, ids = np.delete(hashes, chosen), np.delete(ids, chosen)

    def find(self, hashes: Hashes, default: int) -> Integers:
        """Return the id of each word by its hash, or a default."""
        found = np.full(len(hashes), default)
        left = np.arange(len(hashes))
        for level in self._levels:
            if not len(left):
                break
            wanted = hashes[left]
            slots = level.slots(wanted)
            is_here = level.hashes[slots] == wanted
            here = left[is_here]
            found[here] = level.ids[slots[is_here]]
            left = left[~is_here]
        return found


@dataclass(frozen=True, eq=False)
class _Level:
    bits: int
    hashes: Hashes  # (2 ** bits,)
    ids: Integers

    def slots(self, hashes: Hashes) -> Integers:
        """Return the slot of each hash: its upper bits."""
        return (hashes >> np.uint64(64 - self.bits)).astype(np.int64)


def hash_words(text: bytes, begins: Integers, lengths: Integers) -> Hashes:
    """Return 64 bits for each word of a text.

    Args:
        text: One byte for each character, none of them 0.
        begins: (n,) where the words begin.
        lengths: (n,) their numbers of bytes, from 1.
    """
    padded = text + bytes(_BLOCK)
    # The eight bytes from each place on, as a number.
    blocks = np.ndarray((len(text) + 1,), "<u8", padded, strides=(1,))
    hashes = np.zeros(len(begins), dtype=np.uint64)
    for offset in range(0, int(lengths.max(initial=0)), _BLOCK):
        rows = true_places(lengths > offset)
        left = np.minimum(lengths[rows] - offset, _BLOCK)
        block = blocks[begins[rows] + offset] & _MASKS[left]
        mixed = (hashes[rows] ^ block) * _MULTIPLIER
        hashes[rows] = mixed ^ (mixed >> _HALF)
    return hashes
