"""Rows of the embedding and of the character n-grams, made from vectors and a vocabulary."""

import binascii

import numpy as np
import pytest

from glove_lstm.data.glove import GloveVectors
from glove_lstm.training.word_vectors import character_ngram_rows, embedding_rows


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


def test_vectors_of_pieces():
    words = ["boat", "atom", "oat", "cat"]
    glove = GloveVectors(words, np.arange(8, dtype=np.float32).reshape(4, 2) ** 2, "made up")
    boat, _, oat, _ = glove.vectors
    # "goat" has no vector and "cat" has no row: neither counts.
    plain = ["<pad>", "<unk>", "boat", "atom", "oat", "goat", "x"]
    pieces = ["##at", "##oat", "##t", "##zz", "##boat"]
    vocabulary = {word: row for row, word in enumerate([*plain, *pieces])}
    without = {word: row for row, word in enumerate([*plain, *"abcde"])}
    rows, share = embedding_rows(vocabulary, glove, seed=5)
    drawn, _ = embedding_rows(without, glove, seed=5)
    assert share == 3 / 12
    assert np.array_equal(rows[:7], drawn[:7])
    np.testing.assert_allclose(rows[7], (boat + oat) / 2 * 1.5)  # "atom" only begins with it
    np.testing.assert_allclose(rows[8], boat * 1.5)
    np.testing.assert_allclose(rows[9], glove.vectors[[0, 1, 2]].mean(axis=0) * 1.5)
    assert np.array_equal(rows[10:], drawn[10:])  # no word has them, or none inside


def test_character_ngram_rows():
    def bucket(gram):
        return 1 + binascii.crc32(gram.encode("utf-8")) % 99

    words = ["<pad>", "<unk>", "boat", "##at", "a", "##a", "\u00e9t\u00e9", "<url>"]
    vocabulary = {word: row for row, word in enumerate(words)}
    rows = character_ngram_rows(vocabulary, 8, 100, specials=["<pad>", "<unk>"])
    assert rows.shape == (8, 8)
    assert rows.dtype == np.int16
    wanted = [
        "", "", "<bo boa oat at> <boa boat oat>", "at>", "<a>", "",
        "<\u00e9t \u00e9t\u00e9 t\u00e9> <\u00e9t\u00e9 \u00e9t\u00e9>",
        "<<u <ur url rl> l>> <<ur <url url>",
    ]  # fmt: skip
    for row, grams in zip(rows.tolist(), wanted, strict=True):
        known = [bucket(gram) for gram in grams.split()]
        assert row == known + [0] * (8 - len(known))
    short = character_ngram_rows(vocabulary, 3, 100, specials=["<pad>", "<unk>"])
    assert np.array_equal(short, rows[:, :3])
    most = character_ngram_rows(vocabulary, 8, 32_768)
    assert most[0].any()
    assert 0 <= most.min() <= most.max() <= 32_767
    assert not character_ngram_rows(vocabulary, 8, 2).max() > 1
