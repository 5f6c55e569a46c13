"""Rows of the embedding from vectors and a vocabulary."""

import numpy as np
import pytest

from glove_lstm.data.glove import GloveVectors
from glove_lstm.training.initial_model import embedding_rows


@pytest.mark.parametrize("uniform", [False, True])
def test_embedding_rows(uniform):
    generator = np.random.default_rng(0)
    vectors = generator.normal(3, 2, (500, 4)).astype(np.float32)
    glove = GloveVectors([f"w{i}" for i in range(500)], vectors, "made up")
    vocabulary = {"<pad>": 0, "<unk>": 1, "w7": 2, "w499": 4, "other": 3}
    vocabulary |= {f"x{i}": 5 + i for i in range(400)}
    rows, share = embedding_rows(vocabulary, glove, uniform, seed=5)
    assert rows.shape == (405, 4)
    assert rows.dtype == np.float32
    assert share == 2 / 405
    assert np.array_equal(rows[[2, 4]], vectors[[7, 499]])
    drawn = rows[5:]
    if uniform:
        assert drawn.min() >= 0
        assert drawn.max() < 1
        assert 0.4 < drawn.mean() < 0.6
    else:
        assert np.allclose(drawn.mean(axis=0), 3, atol=0.5)
        assert np.allclose(drawn.std(axis=0), 2, atol=0.4)
    assert np.array_equal(embedding_rows(vocabulary, glove, uniform, seed=5)[0], rows)
    assert not np.array_equal(embedding_rows(vocabulary, glove, uniform, seed=6)[0], rows)
