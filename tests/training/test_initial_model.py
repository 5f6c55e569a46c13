"""Where a training starts: rows of the embedding, characters of unknown words, the published network."""

import numpy as np
import pytest
import torch
from support import SMALL_VALUES
from torch.nn import functional

from glove_lstm import GloveLstmConfig
from glove_lstm.tables.examples import Examples
from glove_lstm.tokenization.word_shapes import spelling
from glove_lstm.training.initial_model import embedding_rows, new_model
from glove_lstm.training.schedule import with_schedule
from glove_lstm.training.settings import make_settings
from glove_lstm.vectors.glove import GloveVectors, load_glove

VECTORS = np.random.default_rng(0).normal(3, 2, (500, 4)).astype(np.float32)
GLOVE = GloveVectors([f"w{number}" for number in range(500)], VECTORS, "made up")
VOCABULARY = {"<pad>": 0, "<unk>": 1, "w7": 2, "other": 3, "w499": 4}
VOCABULARY |= {f"x{number}": 5 + number for number in range(400)}


@pytest.mark.parametrize("uniform", [False, True])
def test_words_with_vectors_have_them_and_others_are_drawn_like_them(uniform):
    """Uniformly from 0 to 1 for the article preset, as it was published."""
    rows, share = embedding_rows(VOCABULARY, GLOVE, uniform=uniform, seed=5)
    assert rows.shape == (405, 4)
    assert rows.dtype == np.float32
    assert np.array_equal(rows[[2, 4]], VECTORS[[7, 499]])
    assert share == 2 / 405
    drawn = rows[5:]
    if uniform:
        assert 0 <= drawn.min() < drawn.max() < 1
        assert 0.4 < drawn.mean() < 0.6
    else:
        assert np.allclose(drawn.mean(axis=0), 3, atol=0.5)
        assert np.allclose(drawn.std(axis=0), 2, atol=0.4)
    same_rows, _ = embedding_rows(VOCABULARY, GLOVE, uniform=uniform, seed=5)
    assert np.array_equal(same_rows, rows)
    other_rows, _ = embedding_rows(VOCABULARY, GLOVE, uniform=uniform, seed=6)
    assert not np.array_equal(other_rows, rows)


def test_the_article_preset_is_the_published_recipe(monkeypatch):
    """Its network is that of the default config, which tests/modeling/test_forward.py compares with Keras."""
    monkeypatch.setattr("glove_lstm.training.initial_model.english_stop_words", lambda: ("the",))
    settings = make_settings("article", vocab_size=60_000)
    texts = Examples.from_names(["a text"] * 4, ["a", "b"] * 2, ["a", "b"])
    model, tokenizer, _ = new_model(settings, texts, [], load_glove("none"), learns_logits=False)
    sizes = {"vocab_size": tokenizer.vocab_size, "embedding_size": model.config.embedding_size}
    expected = GloveLstmConfig(**sizes, id2label={0: "a", 1: "b"}, label2id={"a": 0, "b": 1})
    assert model.config.to_dict() == expected.to_dict()
    assert model.config.freeze_embeddings
    assert tokenizer.model_max_length == 1000
    assert tokenizer.truncation_side == "left"

    settings = make_settings("article")
    scheduled = with_schedule(settings, 5000, 2, learns_logits=False, has_new_labels=False)
    published = {
        "vocab_size": 100_000,
        "num_train_epochs": 10,
        "per_device_train_batch_size": 128,
        "learning_rate": 1e-3,
        "embedding_learning_rate": 1e-3,
        "adam_epsilon": 1e-7,
        "lr_scheduler_type": "constant",
        "weight_decay": 0,
        "validation_fraction": 0.2,
        "corrupted_share": 0,
        "label_smoothing_factor": 0,
    }
    for name, value in published.items():
        assert getattr(scheduled, name) == value, name


def test_mistyped_words_begin_near_the_words(news, glove_file, tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("GLOVE_LSTM_CACHE", str(tmp_path))
    glove = load_glove(str(glove_file))
    texts = Examples.from_names(news.texts, news.labels, ["FAKE", "REAL"])
    options = {**SMALL_VALUES, "character_buckets": 8192, "glove": str(glove_file)}
    settings = make_settings(**options, use_cpu=True)
    model, _, _ = new_model(settings, texts, [], glove, learns_logits=False)
    model.eval()
    assert "have vectors" not in caplog.text
    words = [word for word in glove.words if len(word) > 5]
    mistyped = [word[:-2] + word[-1] for word in words]
    types = torch.tensor([[8 * spelling(word) for word in mistyped]])
    unknown_id = model.config.unk_token_id
    ids = torch.full_like(types, unknown_id)
    inputs = model.encoder.prepare_inputs(ids, None, types)
    unknown = model.get_input_embeddings().weight[unknown_id].detach()
    with torch.no_grad():
        read = model.encoder.embed(inputs)[:, 0, : glove.vectors.shape[1]] - unknown
    rows_of_words = [glove.index[word] for word in words]
    correct = torch.from_numpy(glove.vectors[rows_of_words]) - unknown
    cosines = functional.cosine_similarity(read[:, None], correct[None], dim=2)
    is_right = cosines.argmax(dim=1) == torch.arange(len(words))
    assert is_right.float().mean() > 0.9

    new_model(settings, texts, [], GLOVE, learns_logits=False)
    assert "Only 0% of the letters in the texts are in frequent words of made up" in caplog.text


@pytest.mark.parametrize(
    ("text", "given", "expected"),
    [("a council", {}, 16), ("市议会", {}, 0), ("市议会", {"type_embedding_size": 4}, 4)],
)
def test_shapes_are_read_in_scripts_with_upper_case(text, given, expected):
    """Elsewhere, the shape of a word tells nothing."""
    values = {**SMALL_VALUES, **given}
    if not given:
        del values["type_embedding_size"]
    settings = make_settings(**values, glove="none", use_cpu=True)
    texts = Examples.from_names([text] * 4, ["a", "b"] * 2, ["a", "b"])
    model, _, _ = new_model(settings, texts, [], load_glove("none"), learns_logits=False)
    assert model.config.type_embedding_size == expected
