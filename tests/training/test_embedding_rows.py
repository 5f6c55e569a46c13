"""Rows of the embedding from vectors and a vocabulary."""

import numpy as np
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

VECTORS = np.random.default_rng(0).normal(3, 2, (500, 4)).astype(np.float32)
GLOVE = GloveVectors([f"w{number}" for number in range(500)], VECTORS, "made up")
VOCABULARY = {"<pad>": 0, "<unk>": 1, "w7": 2, "other": 3, "w499": 4}
VOCABULARY |= {f"x{number}": 5 + number for number in range(400)}


def test_words_with_vectors_have_them():
    rows, share = embedding_rows(VOCABULARY, GLOVE, uniform=False, seed=5)
    assert rows.shape == (405, 4)
    assert rows.dtype == np.float32
    assert np.array_equal(rows[[2, 4]], VECTORS[[7, 499]])
    assert share == 2 / 405


def test_other_words_are_drawn_like_the_vectors():
    rows, _ = embedding_rows(VOCABULARY, GLOVE, uniform=False, seed=5)
    drawn = rows[5:]
    assert np.allclose(drawn.mean(axis=0), 3, atol=0.5)
    assert np.allclose(drawn.std(axis=0), 2, atol=0.4)
    same_rows, _ = embedding_rows(VOCABULARY, GLOVE, uniform=False, seed=5)
    assert np.array_equal(same_rows, rows)
    other_rows, _ = embedding_rows(VOCABULARY, GLOVE, uniform=False, seed=6)
    assert not np.array_equal(other_rows, rows)


def test_other_words_of_the_article_preset_are_drawn_from_0_to_1():
    rows, _ = embedding_rows(VOCABULARY, GLOVE, uniform=True, seed=5)
    drawn = rows[5:]
    assert drawn.min() >= 0
    assert drawn.max() < 1
    assert 0.4 < drawn.mean() < 0.6


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
    unknown_id = model.config.unk_token_id
    ids = torch.full_like(types, unknown_id)
    inputs = model.encoder.prepare_inputs(ids, None, types, None)
    unknown = model.get_input_embeddings().weight[unknown_id].detach()
    with torch.no_grad():
        read = model.encoder.embed(inputs)[:, 0, : glove.vectors.shape[1]] - unknown
    rows_of_words = [glove.index[word] for word in words]
    correct = torch.from_numpy(glove.vectors[rows_of_words]) - unknown
    cosines = functional.cosine_similarity(read[:, None], correct[None], dim=2)
    nearest = cosines.argmax(dim=1)
    is_right = nearest == torch.arange(len(words))
    assert is_right.float().mean() > 0.9


def test_character_vectors_are_kept_and_made_again_if_the_file_is_damaged(tmp_path, monkeypatch):
    monkeypatch.setenv("GLOVE_LSTM_CACHE", str(tmp_path))
    unknown = np.ones(4, dtype=np.float32)
    first = character_vectors(GLOVE, unknown, 64)
    assert first.shape == (64, 4)
    [kept] = (tmp_path / "characters").iterdir()
    np.testing.assert_array_equal(character_vectors(GLOVE, unknown, 64), first)
    kept.write_bytes(b"damaged")
    np.testing.assert_array_equal(character_vectors(GLOVE, unknown, 64), first)

    other = GloveVectors(GLOVE.words, GLOVE.vectors + 1, "made up")
    assert not np.array_equal(character_vectors(other, unknown, 64), first)
    files = list((tmp_path / "characters").iterdir())
    assert len(files) == 2
