"""A loopback HTTP server with the faults of real ones, and a cache of its own for each test."""

import datasets
import pytest
from file_server import serving

from glove_lstm.data import download


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(download, "PAUSE", 0.0)
    with serving() as server:
        yield server


@pytest.fixture(autouse=True)
def private_cache(tmp_path_factory, monkeypatch):
    """Keep every test out of the user's caches."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("GLOVE_LSTM_CACHE", str(folder / "glove_lstm"))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", folder / "datasets")
    datasets.disable_progress_bars()
    return folder
