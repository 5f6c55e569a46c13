"""Small models with random weights, on one thread."""

import pytest
import torch
from support import fill_at_random

from glove_lstm import GloveLstmConfig, GloveLstmForSequenceClassification

torch.set_num_threads(1)


@pytest.fixture
def make():
    """A classifier in eval mode, none of whose weights is zero."""

    def build(seed=0, **config):
        torch.manual_seed(seed)
        values = {
            "vocab_size": 30,
            "embedding_size": 6,
            "hidden_size": 5,
            "classifier_hidden_size": 4,
            **config,
        }
        model = GloveLstmForSequenceClassification(GloveLstmConfig(**values)).eval()
        return fill_at_random(model)

    return build
