"""A tokenizer of a few words, and tokenised texts."""

import pytest
from tides import WORDS, make_texts, tokenized

from glove_lstm.text.build import build_tokenizer


@pytest.fixture(scope="module")
def tokenizer():
    return build_tokenizer(lambda: [" ".join(WORDS)], min_frequency=1, model_max_length=20)


@pytest.fixture(scope="module")
def texts(tokenizer):
    texts, labels = make_texts(97)
    return tokenized(texts, tokenizer, labels)


@pytest.fixture
def beside_the_vectors(glove_file, monkeypatch):
    """Work in the folder of the vectors, so that their file's name alone finds them."""
    monkeypatch.chdir(glove_file.parent)
