"""A tokenizer of a few words."""

import pytest
from support import WORDS

from glove_lstm.text.build import build_tokenizer


@pytest.fixture(scope="module", autouse=True)
def _tokenizers_with_one_thread():
    """The batches are small: several threads would mostly wait for each other."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOKENIZERS_PARALLELISM", "false")
        yield


@pytest.fixture(scope="module")
def tokenizer():
    return build_tokenizer([" ".join(WORDS)], min_frequency=1, model_max_length=20)
