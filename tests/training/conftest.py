"""A tokenizer of a few words, tokenised texts, and the folder of the small vectors."""

import pytest
from tides import WORDS, make_texts

from glove_lstm.tokenization.build import build_tokenizer
from glove_lstm.training.batches import tokenize


@pytest.fixture(scope="module")
def tokenizer():
    return build_tokenizer(lambda: [" ".join(WORDS)], min_frequency=1, model_max_length=20)


@pytest.fixture(scope="module")
def texts(tokenizer):
    return tokenize(make_texts(97), tokenizer)


@pytest.fixture
def beside_the_vectors(glove_file, monkeypatch):
    """Work in the folder of the vectors, so that their file's name alone finds them."""
    monkeypatch.chdir(glove_file.parent)
