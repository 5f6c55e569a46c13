"""Rows of an embedding from GloVe's vectors, and character n-grams of a vocabulary."""

import zlib
from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from glove_lstm.data.glove import GloveVectors
from glove_lstm.tokenization.build import PIECE

_PIECE_SCALE = 1.5  # a mean of many vectors is short: nearer to the length of one


def embedding_rows(
    vocabulary: Mapping[str, int], glove: GloveVectors, uniform: bool = False, *, seed: int = 42
) -> tuple[NDArray[np.float32], float]:
    """Look up the vectors of a vocabulary, and draw vectors for words that GloVe lacks.

    A piece of a word gets the scaled mean of the words that contain it after their first letter.

    Args:
        vocabulary: Token -> id; the ids are 0 to n - 1.
        glove: Words and their vectors.
        uniform: Whether vectors are drawn from [0, 1), as published, or from a normal distribution with GloVe's mean
            and standard deviation in each dimension.
        seed: Seed of the draw.

    Returns:
        The rows (n, dim), and the share of the vocabulary that GloVe knows.
    """
    generator = np.random.default_rng(seed)
    shape = (len(vocabulary), glove.dim)
    if uniform:
        rows = generator.random(shape, dtype=np.float32)
    else:
        frequent = glove.vectors[:100_000]
        drawn = generator.standard_normal(shape, dtype=np.float32)
        rows = drawn * frequent.std(axis=0) + frequent.mean(axis=0)
    known = [word for word in vocabulary if word in glove.index]
    ids = [vocabulary[word] for word in known]
    rows[ids] = glove.vectors[[glove.index[word] for word in known]]
    _fill_pieces(rows, vocabulary, known)
    return rows, len(known) / len(vocabulary)


def _fill_pieces(
    rows: NDArray[np.float32], vocabulary: Mapping[str, int], known: Collection[str]
) -> None:
    """Set the rows of the pieces, from those of known words."""
    holders: dict[str, list[int]] = {
        token[len(PIECE) :]: [] for token in vocabulary if token.startswith(PIECE)
    }
    longest = max(map(len, holders), default=0)
    for word in known:
        inner = {
            word[i : i + n]
            for i in range(1, len(word))
            for n in range(1, min(longest, len(word) - i) + 1)
        }
        for piece in inner & holders.keys():
            holders[piece].append(vocabulary[word])
    for piece, containing in holders.items():
        if containing:
            rows[vocabulary[PIECE + piece]] = rows[containing].mean(axis=0) * _PIECE_SCALE


def character_ngram_rows(
    vocabulary: Mapping[str, int], count: int, buckets: int, *, specials: Collection[str] = ()
) -> NDArray[np.int16]:
    """Hash the character 3- and 4-grams of each word; "<" and ">" mark its start and end.

    Args:
        vocabulary: Token -> id; the ids are 0 to n - 1.
        count: At most so many of a word, 3-grams first.
        buckets: Of the hash, at most 32,768; bucket 0 means none.
        specials: Tokens that are no words, such as padding.

    Returns:
        Buckets (n, count), filled up with 0.
    """
    rows = np.zeros((len(vocabulary), count), dtype=np.int16)
    for word, row in vocabulary.items():
        if word in specials:
            continue
        marked = f"{word[len(PIECE) :]}>" if word.startswith(PIECE) else f"<{word}>"
        grams = [marked[i : i + n] for n in (3, 4) for i in range(len(marked) - n + 1)][:count]
        rows[row, : len(grams)] = [1 + zlib.crc32(gram.encode()) % (buckets - 1) for gram in grams]
    return rows
