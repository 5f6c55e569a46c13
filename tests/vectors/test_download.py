"""A download is whole and verified, or leaves nothing."""

import hashlib
import multiprocessing
import os
import random
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from glove_lstm.errors import DataError
from glove_lstm.vectors.download import download

BODY = random.Random(0).randbytes(600_000)
SHA256 = hashlib.sha256(BODY).hexdigest()
BLOB_ID = hashlib.sha1(b"blob %d\0" % len(BODY) + BODY).hexdigest()


def cached_files():
    folder = Path(os.environ["GLOVE_LSTM_CACHE"], "downloads")
    return [path.name for path in folder.iterdir() if path.suffix != ".lock"]


@pytest.mark.parametrize("known", [{}, {"sha256": SHA256}], ids=str)
def test_a_file_is_downloaded_once(server, known):
    """Unless its hash is known, and the cached file has another."""
    url = server.put("/f.bin", BODY)
    path = download(url, **known)
    assert path.read_bytes() == BODY
    beside = path.with_name("beside")
    beside.touch()
    assert path.stat().st_mode == beside.stat().st_mode  # others may read it, too
    assert download(url, **known) == path
    assert len(server.requests) == 1
    path.write_bytes(BODY[:-1])
    repaired = download(url, **known).read_bytes() == BODY
    assert repaired == bool(known)
    assert len(server.requests) == 1 + repaired


@pytest.mark.parametrize("known", [{"sha256": SHA256}], ids=str)
def test_a_transfer_that_is_cut_leaves_nothing(server, known):
    server.cuts = [200_000]
    url = server.put("/f.bin", BODY)
    with pytest.raises(DataError):
        download(url, **known)
    assert not cached_files()
    path = download(url, **known)
    assert path.read_bytes() == BODY
    assert cached_files() == [path.name]


def test_two_processes_at_once(server):
    url = server.put("/f.bin", BODY)
    ask = partial(download, sha256=SHA256)
    with ProcessPoolExecutor(2, multiprocessing.get_context("fork")) as pool:
        for path in pool.map(ask, [url, url]):
            assert path.read_bytes() == BODY
    assert len(server.requests) == 1
