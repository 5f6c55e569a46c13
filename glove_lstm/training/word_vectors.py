"""Rows of an embedding from GloVe's vectors, and character n-grams of a vocabulary."""

import zlib
from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from glove_lstm.data.glove import GloveVectors

_BUCKETS = 32_768  # of hashed character n-grams


def embedding_rows(
    vocabulary: Mapping[str, int], glove: GloveVectors, uniform: bool = False, *, seed: int = 42
) -> tuple[NDArray[np.float32], float]:
    """Look up the vectors of a vocabulary, and draw vectors for words that GloVe lacks.

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
    return rows, len(known) / len(vocabulary)


def character_ngrams(
    vocabulary: Mapping[str, int], *, specials: Collection[str] = ()
) -> csr_matrix:
    """Hash the character 3- and 4-grams of each word; "<" and ">" mark its start and end.

    Args:
        vocabulary: Token -> id; the ids are 0 to n - 1.
        specials: Tokens that are no words, such as padding; they have none.

    Returns:
        (n, buckets), rows of length 1.
    """
    rows: list[int] = []
    columns: list[int] = []
    values: list[float] = []
    for word, row in vocabulary.items():
        if word in specials:
            continue
        marked = f"<{word}>"
        grams = (marked[i : i + n] for n in (3, 4) for i in range(len(marked) - n + 1))
        buckets = {zlib.crc32(gram.encode()) % _BUCKETS for gram in grams}
        rows += [row] * len(buckets)
        columns += buckets
        values += [len(buckets) ** -0.5] * len(buckets)
    return csr_matrix((values, (rows, columns)), shape=(len(vocabulary), _BUCKETS))
