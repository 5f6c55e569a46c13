"""Tokens of many texts in flat arrays."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Tokens:
    """n texts of m tokens in all, one after the other."""

    ids: Integers  # (m,)
    types: Integers  # (m,) `token_type_ids`, or zeros
    lengths: Integers  # (n,) tokens of each text

    @classmethod
    def concatenate(cls, parts: Sequence["Tokens"]) -> "Tokens":
        """Put the texts of several parts one after the other."""
        if len(parts) == 1:
            return parts[0]
        none = np.zeros(0, dtype=np.int64)
        return cls(
            np.concatenate([none, *(part.ids for part in parts)]),
            np.concatenate([none, *(part.types for part in parts)]),
            np.concatenate([none, *(part.lengths for part in parts)]),
        )

    def pairs_joined(self) -> "Tokens":
        """Make one text of every two."""
        return Tokens(self.ids, self.types, self.lengths.reshape(-1, 2).sum(axis=1))

    def truncated(self, longest: int | None, side: str) -> "Tokens":
        """Cut each text to `longest` tokens, on the side "right" or "left"."""
        if longest is None or self.lengths.max(initial=0) <= longest:
            return self
        kept = np.minimum(self.lengths, longest)
        ends = np.cumsum(self.lengths)
        begins = ends - self.lengths
        if side == "left":
            begins = ends - kept
        places = ranges(begins, kept)
        return Tokens(self.ids[places], self.types[places], kept)

    def replaced(self, places: Integers, others: "Tokens") -> "Tokens":
        """Replace k single tokens: the token at the i-th place by all tokens of the i-th of k other texts.

        Args:
            places: (k,) places among the m tokens, ascending.
            others: The k texts.
        """
        # The k tokens are taken out first. That moves the i-th place to the left by the i tokens before it.
        places_without = places - np.arange(len(places))
        insert_at = np.repeat(places_without, others.lengths)
        ids = np.insert(np.delete(self.ids, places), insert_at, others.ids)
        types = np.insert(np.delete(self.types, places), insert_at, others.types)

        text_ends = np.cumsum(self.lengths)
        text_of_place = np.searchsorted(text_ends, places, side="right")
        lengths = self.lengths.copy()
        np.add.at(lengths, text_of_place, others.lengths - 1)  # a text may have several places
        return Tokens(ids, types, lengths)


def ranges(begins: Integers, counts: Integers) -> Integers:
    """Return the indices begin, begin + 1, ... of n runs of `counts` indices each, one run after the other."""
    places_in_output = np.arange(counts.sum())
    first_places = np.cumsum(counts) - counts  # of each run in the output
    return places_in_output + np.repeat(begins - first_places, counts)


def true_places(mask: NDArray[np.bool_]) -> Integers:
    """Return where a mask (n,) is true. On short masks, this is faster than `np.flatnonzero`."""
    return mask.nonzero()[0]


def length_batches(
    lengths: NDArray[np.integer], most_texts: int, most_tokens: int | None = None
) -> Iterator[Integers]:
    """Yield the rows of batches of texts of similar length, longest first, to keep padding small.

    Args:
        lengths: (n,) tokens of each text.
        most_texts: Texts in a batch.
        most_tokens: Tokens in a batch, with padding; a longer text is a batch by itself. None: any number.
    """
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        size = most_texts
        if most_tokens is not None:
            longest = max(1, int(lengths[order[start]]))
            size = max(1, min(most_texts, most_tokens // longest))
        yield order[start : start + size]
        start += size
