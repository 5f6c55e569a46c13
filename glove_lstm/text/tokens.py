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

    def select(self, rows: Integers) -> "Tokens":
        """Return k of the n texts, in the order of `rows` (k,); a text may be among them several times."""
        begins = np.cumsum(self.lengths) - self.lengths
        lengths = self.lengths[rows]
        places = ranges(begins[rows], lengths)
        return Tokens(self.ids[places], self.types[places], lengths)

    def truncated(self, longest: int, side: str) -> "Tokens":
        """Cut each text to `longest` tokens, on the side "right" or "left"."""
        kept = np.minimum(self.lengths, longest)
        ends = np.cumsum(self.lengths)
        begins = ends - self.lengths
        if side == "left":
            begins = ends - kept
        places = ranges(begins, kept)
        return Tokens(self.ids[places], self.types[places], kept)

    def replaced(self, places: Integers, others: "Tokens") -> "Tokens":
        """Replace k of the m tokens: the i-th of them by all tokens of the i-th of k other texts.

        Args:
            places: (k,) where the k tokens are among the m, ascending.
            others: The k texts; each may have any number of tokens.
        """
        is_replaced = np.zeros(len(self.ids), dtype=bool)
        is_replaced[places] = True
        counts = np.ones(len(self.ids), dtype=np.int64)  # tokens that each of the m becomes
        counts[places] = others.lengths

        ids = np.repeat(self.ids, counts)
        types = np.repeat(self.types, counts)
        is_other = np.repeat(is_replaced, counts)
        ids[is_other] = others.ids
        types[is_other] = others.types

        text_ends = np.cumsum(self.lengths)
        new_token_begins = np.cumsum(np.append(0, counts))  # (m + 1,), at last the number of tokens
        new_text_ends = new_token_begins[text_ends]
        return Tokens(ids, types, np.diff(new_text_ends, prepend=0))


def ranges(begins: Integers, counts: Integers) -> Integers:
    """Return the indices begin, begin + 1, ... of n runs of `counts` indices each, one run after the other."""
    places_in_output = np.arange(counts.sum())
    first_places = np.cumsum(counts) - counts  # of each run in the output
    return places_in_output + np.repeat(begins - first_places, counts)


def pad(lengths: Integers, *values: NDArray[np.integer]) -> list[Integers]:
    """Pad B texts on the right with zeros, to the longest one, T tokens (at least one).

    Args:
        lengths: (B,) tokens of each text.
        values: (m,) one for each token of the texts, which follow one another; such as ids.

    Returns:
        The attention mask (B, T), 1 for tokens and 0 for padding, and each of `values` as (B, T).
    """
    width = max(1, int(lengths.max(initial=0)))
    is_token = np.arange(width) < lengths[:, None]
    padded = [is_token.astype(np.int64)]
    for value in values:
        rows = np.zeros(is_token.shape, dtype=np.int64)
        rows[is_token] = value
        padded.append(rows)
    return padded


def true_places(mask: NDArray[np.bool_]) -> Integers:
    """Return where a mask (n,) is true. On short masks, this is faster than `np.flatnonzero`."""
    return mask.nonzero()[0]


def length_batches(
    lengths: NDArray[np.integer], most_texts: int, most_tokens: int | None = None
) -> Iterator[Integers]:
    """Yield the rows of batches of texts of similar length, to keep padding small.

    Batches, and the texts in a batch, are ordered by length, the longest first.

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
