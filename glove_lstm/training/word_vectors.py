"""Rows of an embedding from GloVe's vectors."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from glove_lstm.data.glove import GloveVectors


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
