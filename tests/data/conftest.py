"""A loopback HTTP server, a writer of tables, and a cache of its own for each test."""

import gzip
from threading import Thread

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from file_server import Server
from support import write_table


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    with Server() as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(autouse=True)
def private_cache(tmp_path_factory, monkeypatch):
    """Keep every test out of the user's caches."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("GLOVE_LSTM_CACHE", str(folder / "glove_lstm"))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", folder / "datasets")
    datasets.disable_progress_bars()
    return folder


@pytest.fixture
def file(tmp_path):
    """A function that writes a file: rows in the format that its name says, or text, or bytes."""

    def write(content, name="train.csv"):
        path = tmp_path / name
        if name.endswith(".parquet"):
            pq.write_table(pa.Table.from_pylist(content), path, row_group_size=5)
            return path
        if not isinstance(content, str | bytes):
            return write_table(path, content)
        data = content if isinstance(content, bytes) else content.encode()
        if name.endswith(".gz"):
            data = gzip.compress(data)
        path.write_bytes(data)
        return path

    return write
