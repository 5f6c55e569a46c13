"""A stand-in for the Hub's datasets, beside the fixtures of files."""

import gzip
import hashlib
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from unittest import mock

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support import write_table

from glove_lstm.vectors import glove

FEATURES = datasets.Features(
    review=datasets.Value("string"),
    kind=datasets.ClassLabel(names=["x", "y"]),  # is not read
    label=datasets.ClassLabel(names=["pos", "neg"]),
)


@pytest.fixture
def on_the_hub(monkeypatch):
    """A function that puts splits of reviews, given by the numbers of their labels, on the Hub."""

    def put(**splits):
        loaded = {}
        for name, labels in splits.items():
            columns = {
                "review": [f"{name} {row}" for row in range(len(labels))],
                "kind": [0] * len(labels),
                "label": labels,
            }
            table = pa.table(columns, schema=FEATURES.arrow_schema)
            loaded[name] = datasets.Dataset(table, info=datasets.DatasetInfo(features=FEATURES))
        load = mock.Mock(return_value=datasets.DatasetDict(loaded))
        monkeypatch.setattr(datasets, "load_dataset", load)
        return load

    return put


class Server(ThreadingHTTPServer):
    """A loopback HTTP server, which may cut what it sends."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server_port}"
        self.files = {}  # path -> bytes
        self.cuts = []  # for the next requests: close after this many bytes of the body
        self.requests = []  # paths

    def put(self, path, content):
        self.files[path] = content
        return self.address + path

    def handle_error(self, *args):
        """Say nothing when a client hangs up, as it does on a file that is too large."""


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.requests.append(self.path)
        if self.path not in self.server.files:
            self.send_error(404)
            return
        content = self.server.files[self.path]
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.server.cuts:
            content = content[: self.server.cuts.pop(0)]
        self.wfile.write(content)

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
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
    """A function that writes a file: rows in the format that its name says, or text, bytes, or members of a zip."""

    def write(content, name="train.csv"):
        path = tmp_path / name
        if isinstance(content, dict):
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                for member, text in content.items():
                    archive.writestr(member, text)
            return path
        if name.endswith(".parquet") and not isinstance(content, bytes):
            pq.write_table(pa.Table.from_pylist(content), path, row_group_size=5)
            return path
        if not isinstance(content, str | bytes):
            return write_table(path, content)
        data = content if isinstance(content, bytes) else content.encode()
        if name.endswith(".gz") and isinstance(content, str):
            data = gzip.compress(data)
        path.write_bytes(data)
        return path

    return write


@pytest.fixture
def archives(server, file, monkeypatch):
    """A function that serves an archive under Stanford's name for it."""
    monkeypatch.setattr(glove, "URL", f"{server.address}/data/{{}}glove.{{}}.zip")

    def add(name, members):
        content = file(members, "archive.zip").read_bytes()
        is_new = name.startswith("2024")
        assert (name in glove.SHA256) != is_new  # only archives before 2024 have a known hash
        if is_new:
            server.put(f"/data/wordvecs/glove.{name}.zip", content)
        else:
            server.put(f"/data/glove.{name}.zip", content)
            monkeypatch.setitem(glove.SHA256, name, hashlib.sha256(content).hexdigest())

    return add
