"""From GloVe's vectors and a vocabulary to the rows of an embedding."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from glove_lstm.data.glove import GloveVectors


def embedding_rows(
    vocabulary: Mapping[str, int],
    glove: GloveVectors,
    *,
    unknown: Literal["uniform", "normal"] = "normal",
    seed: int = 42,
) -> tuple[NDArray[np.float32], float]:
    """The vectors of a vocabulary, with drawn ones for the words that GloVe lacks.

    Args:
        vocabulary: Token -> id; the ids are 0 to n - 1.
        glove: Words and their vectors.
        unknown: What a word without a vector gets: "uniform" in [0, 1), as published, or "normal" with GloVe's own
            mean and standard deviation in each dimension.
        seed: Of the draw.

    Returns:
        The rows (n, dim), and the share of the vocabulary that GloVe knows.
    """
    generator = np.random.default_rng(seed)
    shape = (len(vocabulary), glove.dim)
    if unknown == "uniform":
        rows = generator.random(shape, dtype=np.float32)
    else:
        frequent = glove.vectors[:100_000]
        rows = generator.standard_normal(shape, dtype=np.float32) * frequent.std(axis=0) + frequent.mean(
            axis=0
        )
    ids, sources = [], []
    for word, row in vocabulary.items():
        source = glove.index.get(word)
        if source is not None:
            ids.append(row)
            sources.append(source)
    rows[ids] = glove.vectors[sources]
    return rows, len(ids) / len(vocabulary)
