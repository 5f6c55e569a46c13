"""A teacher of many languages, for texts in a script without spaces."""

import numpy as np
import pytest
import torch
from support import SMALL_VALUES, accuracy
from tokenizers import Tokenizer, pre_tokenizers
from tokenizers.models import Unigram
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaModel

from glove_lstm.training.fit import fit
from glove_lstm.training.settings import make_settings
from glove_lstm.vectors.glove import GloveVectors

GOOD, BAD, COMMON = "好美佳妙喜", "坏丑差劣恶", "我们说这本书很"
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]


def reviews(count, seed):
    """Chinese texts of two labels, without a space."""
    generator = np.random.default_rng(seed)
    texts, labels = [], []
    for row in range(count):
        own = BAD if row % 2 else GOOD
        texts.append("".join(generator.choice([*COMMON, *own, *own], 12)) + "。")
        labels.append("neg" if row % 2 else "pos")
    return texts, labels


@pytest.fixture(scope="module")
def multilingual_encoder(tmp_path_factory):
    """A tiny XLM-RoBERTa with a sentencepiece tokenizer, as encoders of many languages have them."""
    folder = tmp_path_factory.mktemp("multilingual")
    pieces = [*SPECIAL, "\u2581", *GOOD, *BAD, *COMMON, "。"]
    backend = Tokenizer(Unigram([(piece, -1.0) for piece in pieces], unk_id=3))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.post_processor = TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="<pad>", unk_token="<unk>", model_max_length=64
    )
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = XLMRobertaConfig(
        vocab_size=len(pieces),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=80,
        pad_token_id=1,
    )
    XLMRobertaModel(config).save_pretrained(folder)
    return folder


def test_a_multilingual_encoder_teaches(multilingual_encoder):
    texts, labels = reviews(60, seed=0)
    more_texts, _ = reviews(80, seed=1)
    vectors = np.random.default_rng(0).normal(size=(30, 8)).astype(np.float32)
    glove = GloveVectors([f"word{row}" for row in range(30)], vectors, "made up")
    settings = make_settings(num_train_epochs=3, **SMALL_VALUES)
    trained = fit(
        texts,
        labels,
        settings=settings,
        glove=glove,
        teacher=str(multilingual_encoder),
        unlabelled=more_texts,
    )
    test_texts, test_labels = reviews(40, seed=2)
    assert accuracy(trained, test_texts, test_labels) > 0.9


def test_a_training_without_vectors(train, news):
    """All vectors are drawn, no file is read, and no language is lacking."""
    trained = train(news.texts, news.labels, glove="none", num_train_epochs=4)
    assert trained.record.glove == "none: drawn at random"
    assert trained.record.vocabulary_with_vectors == 0
    assert accuracy(trained, news.texts, news.labels) > 0.9


def test_vectors_of_another_language_are_warned_of_once(train, caplog):
    """One sentence with the remedy; not for texts whose words have vectors."""
    texts, labels = reviews(60, seed=0)
    train(texts, labels, num_train_epochs=0.01)
    [warning] = [message for message in caplog.messages if "letters" in message]
    assert "--glove" in warning
