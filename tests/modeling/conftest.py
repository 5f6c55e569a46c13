"""Small models with random weights, on one thread."""

import pytest
import torch

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
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.copy_(torch.randn_like(parameter) * 0.7)
        if model.ngrams is not None:
            held = model.ngrams.character_ngrams
            model.load_character_ngrams(torch.randint(0, model.config.character_buckets, held.shape))
        return model

    return build
