"""Rows of the embedding from vectors and a vocabulary."""

import numpy as np
import pytest
import torch
from estimator_news import arguments
from support import SMALL
from torch.nn import functional

from glove_lstm.data.glove import GloveVectors, load_glove
from glove_lstm.data.loading import load_splits
from glove_lstm.tokenization.word_shapes import spelling
from glove_lstm.training.arguments import make_recipe
from glove_lstm.training.character_vectors import character_vectors
from glove_lstm.training.initial_model import embedding_rows, initial_model
from glove_lstm.training.labelled_texts import LabelledTexts


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
    same_rows, _ = embedding_rows(vocabulary, glove, uniform, seed=5)
    assert np.array_equal(same_rows, rows)
    other_rows, _ = embedding_rows(vocabulary, glove, uniform, seed=6)
    assert not np.array_equal(other_rows, rows)


def test_mistyped_words_begin_near_the_words(articles, glove_file, tmp_path, monkeypatch):
    monkeypatch.setenv("GLOVE_LSTM_CACHE", str(tmp_path))
    rows = load_splits(train_file=articles).rows("train")
    glove = load_glove(str(glove_file))
    texts = LabelledTexts.of(rows.texts, rows.labels, ["FAKE", "REAL"])
    options = {**arguments(SMALL), "character_buckets": 8192}
    recipe = make_recipe(**options, glove=str(glove_file))
    model = initial_model(recipe, texts, None, glove).model.eval()

    words = [word for word in glove.words if len(word) > 5]
    mistyped = [word[:-2] + word[-1] for word in words]
    types = torch.tensor([[8 * spelling(word) for word in mistyped]])
    ids = torch.full_like(types, model.config.unk_token_id)
    inputs = model.encoder.prepare_inputs(ids, None, types, None)
    with torch.no_grad():
        vectors_of_mistyped = model.encoder.embed(inputs)[:, 0, : glove.vectors.shape[1]]
        unknown = model.get_input_embeddings().weight[model.config.unk_token_id]
    rows_of_words = [glove.index[word] for word in words]
    vectors_of_words = torch.from_numpy(glove.vectors[rows_of_words])
    cosines = functional.cosine_similarity(
        (vectors_of_mistyped - unknown)[:, None], (vectors_of_words - unknown)[None], dim=2
    )
    is_nearest = cosines.argmax(dim=1) == torch.arange(len(words))
    assert is_nearest.float().mean() > 0.9


def test_character_vectors_are_kept_and_made_again_if_the_file_is_damaged(tmp_path, monkeypatch):
    monkeypatch.setenv("GLOVE_LSTM_CACHE", str(tmp_path))
    generator = np.random.default_rng(0)
    words = ["".join(generator.choice(list("abcdef"), 8)) for _ in range(200)]
    vectors = generator.normal(size=(200, 4)).astype(np.float32)
    glove = GloveVectors(words, vectors, "made up")
    unknown = np.ones(4, dtype=np.float32)
    first = character_vectors(glove, unknown, 64)
    assert first.shape == (64, 4)
    [kept] = (tmp_path / "characters").iterdir()
    np.testing.assert_array_equal(character_vectors(glove, unknown, 64), first)
    kept.write_bytes(b"damaged")
    np.testing.assert_array_equal(character_vectors(glove, unknown, 64), first)

    other = GloveVectors(glove.words, glove.vectors + 1, "made up")
    assert not np.array_equal(character_vectors(other, unknown, 64), first)
    files = list((tmp_path / "characters").iterdir())
    assert len(files) == 2
