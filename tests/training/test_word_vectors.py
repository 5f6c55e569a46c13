"""Rows of the embedding, and character n-grams, from vectors and a vocabulary."""

import binascii

import numpy as np
import pytest

from glove_lstm.data.glove import GloveVectors
from glove_lstm.training.word_vectors import character_ngrams, embedding_rows


@pytest.mark.parametrize("unknown", ["normal", "uniform"])
def test_embedding_rows(unknown):
    generator = np.random.default_rng(0)
    glove = GloveVectors(
        [f"w{i}" for i in range(500)],
        generator.normal(3, 2, (500, 4)).astype(np.float32),
        "made up",
    )
    vocabulary = {
        "<pad>": 0,
        "<unk>": 1,
        "w7": 2,
        "w499": 4,
        "other": 3,
        **{f"x{i}": 5 + i for i in range(400)},
    }
    rows, share = embedding_rows(vocabulary, glove, unknown == "uniform", seed=5)
    assert rows.shape == (405, 4)
    assert rows.dtype == np.float32
    assert share == 2 / 405
    assert np.array_equal(rows[[2, 4]], glove.vectors[[7, 499]])
    drawn = rows[5:]
    if unknown == "uniform":
        assert drawn.min() >= 0
        assert drawn.max() < 1
        assert 0.4 < drawn.mean() < 0.6
    else:
        assert np.allclose(drawn.mean(axis=0), 3, atol=0.5)
        assert np.allclose(drawn.std(axis=0), 2, atol=0.4)
    assert np.array_equal(embedding_rows(vocabulary, glove, unknown == "uniform", seed=5)[0], rows)
    assert not np.array_equal(
        embedding_rows(vocabulary, glove, unknown == "uniform", seed=6)[0], rows
    )


def test_character_ngrams_of_words():
    words = ["<pad>", "<unk>", "boat", "a", "\u00e9t\u00e9", "boaty", "haha", "www"]
    vocabulary = {word: row for row, word in enumerate(words)}
    rows = character_ngrams(vocabulary, specials=["<pad>", "<unk>"])
    assert rows.shape == (8, 32_768)
    alike = (rows @ rows.T).toarray()
    np.testing.assert_allclose(alike.diagonal(), [0, 0, 1, 1, 1, 1, 1, 1])
    wanted = {
        2: "<bo boa oat at> <boa boat oat>",
        3: "<a>",
        4: "<\u00e9t \u00e9t\u00e9 t\u00e9> <\u00e9t\u00e9 \u00e9t\u00e9>",
    }
    for row, grams in wanted.items():
        columns = {binascii.crc32(gram.encode()) % 32_768 for gram in grams.split()}
        assert set(rows[row].indices) == columns, words[row]
    assert alike[2, 5] > 0.5 > alike[2, 3]  # "boaty" is like "boat"
