"""Ids of many words at once, by hashes of 64 bits.

The bytes of a word are packed into numbers, eight bytes each, which are mixed into one: its hash. Up to eight bytes,
different words have different hashes. A longer word that is not in a vocabulary of 100,000 words could have the hash
of a word in it. The chance is 1 in 10^14.
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
