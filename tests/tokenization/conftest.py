"""Tokenizers from a tiny made-up corpus."""

import pytest
from support import CORPUS

from glove_lstm.text.build import build_tokenizer

STOP_WORDS = ("the", "of", "on", "he", "a", "at", "that", "were", "we", "not", "don't")


@pytest.fixture(scope="session")
def make():
    """Build one variant from the tiny corpus."""

    def build(variant="default", corpus=CORPUS, **options):
        stop_words = STOP_WORDS if variant == "article" else ()
        options = {"min_frequency": 1, "stop_words": stop_words, **options}
        return build_tokenizer(list(corpus), variant=variant, **options)

    return build


@pytest.fixture(scope="module", params=["default", "article"])
def tokenizer(request, make):
    return make(request.param, model_max_length=100_000)


@pytest.fixture(scope="module")
def default(make):
    return make()
