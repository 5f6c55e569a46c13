"""An empty cache for each test, and a record of what the networks of teachers read."""

from functools import wraps

import pytest
from transformers import BertModel

from glove_lstm.distillation import copies


@pytest.fixture
def one_copy(monkeypatch):
    """One altered copy of each text, to save time."""
    monkeypatch.setattr(copies, "_MOST_COPIES", 1)


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    """The folder of the cache."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("GLOVE_LSTM_CACHE", str(folder))
    return folder


@pytest.fixture
def read(monkeypatch):
    """The token ids of each text that a BERT has read, without padding."""
    rows = []
    forward = BertModel.forward

    @wraps(forward)
    def recording(self, input_ids=None, *args, **kwargs):
        rows.extend(tuple(ids[ids != 0].tolist()) for ids in input_ids)  # 0 is the padding
        return forward(self, input_ids, *args, **kwargs)

    monkeypatch.setattr(BertModel, "forward", recording)
    return rows
