"""Rows of an embedding from GloVe's vectors, and character n-grams of a vocabulary."""

import zlib
from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from glove_lstm.data.glove import GloveVectors
from glove_lstm.tokenization.build import PIECE

_PIECE_SCALE = 1.5  # a mean of many vectors is short: nearer to the length of one


def embedding_rows(
    vocabulary: Mapping[str, int],
    glove: GloveVectors,
    *,
    unknown: str = "normal",
    seed: int = 42,
) -> tuple[NDArray[np.float32], float]:
    """Look up the vectors of a vocabulary, and draw vectors for words that GloVe lacks.

    A piece of a word gets the scaled mean of the words that contain it after their first letter.

    Args:
        vocabulary: Token -> id; the ids are 0 to n - 1.
        glove: Words and their vectors.
        unknown: Distribution of drawn vectors: "uniform" in [0, 1), as published, or "normal" with GloVe's mean and
            standard deviation in each dimension.
        seed: Seed of the draw.

    Returns:
        The rows (n, dim), and the share of the vocabulary that GloVe knows.
    """
    generator = np.random.default_rng(seed)
    shape = (len(vocabulary), glove.dim)
    if unknown == "uniform":
        rows = generator.random(shape, dtype=np.float32)
    else:
        frequent = glove.vectors[:100_000]
        rows = generator.standard_normal(shape, dtype=np.float32) * frequent.std(
            axis=0
        ) + frequent.mean(axis=0)
    ids, sources = [], []
    for word, row in vocabulary.items():
        source = glove.index.get(word)
        if source is not None:
            ids.append(row)
            sources.append(source)
    rows[ids] = glove.vectors[sources]
    _fill_pieces(rows, vocabulary, ids)
    return rows, len(ids) / len(vocabulary)


def _fill_pieces(
    rows: NDArray[np.float32], vocabulary: Mapping[str, int], known: Collection[int]
) -> None:
    pieces = {
        token[len(PIECE) :]: row for token, row in vocabulary.items() if token.startswith(PIECE)
    }
    if not pieces:
        return
    longest = max(map(len, pieces))
    words = {row: word for word, row in vocabulary.items()}
    holders: dict[int, list[int]] = {row: [] for row in pieces.values()}
    for row in known:
        word = words[row]
        inner = {
            word[i : i + n]
            for i in range(1, len(word))
            for n in range(1, min(longest, len(word) - i) + 1)
        }
        for piece in inner & pieces.keys():
            holders[pieces[piece]].append(row)
    for row, containing in holders.items():
        if containing:
            rows[row] = rows[containing].mean(axis=0) * _PIECE_SCALE


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
