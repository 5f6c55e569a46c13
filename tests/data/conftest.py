"""A loopback HTTP server, a writer of tables, and a cache of its own for each test."""

import gzip
import json

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
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


def csv_text(rows, delimiter=","):
    lines = [delimiter.join(rows[0])] + [
        delimiter.join(str(value) for value in row.values()) for row in rows
    ]
    return "\n".join(lines) + "\n"


@pytest.fixture
def file(tmp_path):
    def write(content, name="train.csv"):
        path = tmp_path / name
        if name.endswith(".parquet"):
            pq.write_table(pa.Table.from_pylist(content), path)
            return path
        if not isinstance(content, str | bytes):
            lines = "\n".join(map(json.dumps, content))
            text = {
                ".json": json.dumps(content),
                ".tsv": csv_text(content, "\t"),
                ".csv": csv_text(content),
            }
            content = next((text[suffix] for suffix in text if suffix in path.suffixes), lines)
        data = content if isinstance(content, bytes) else content.encode()
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    return write
