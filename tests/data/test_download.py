import hashlib
import multiprocessing
import os
import random
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from glove_lstm.data.download import download
from glove_lstm.errors import DataError

BODY = random.Random(0).randbytes(600_000)
SHA256 = hashlib.sha256(BODY).hexdigest()
BLOB_ID = hashlib.sha1(b"blob %d\0" % len(BODY) + BODY).hexdigest()


def cached_files():
    folder = Path(os.environ["GLOVE_LSTM_CACHE"], "downloads")
    return [path.name for path in folder.iterdir() if path.suffix != ".lock"]


def test_a_file_without_a_known_hash_is_downloaded_once(server):
    url = server.put("/f.bin", BODY)
    path = download(url)
    assert path.read_bytes() == BODY
    assert download(url) == path
    assert len(server.requests) == 1


def test_a_transfer_that_is_cut_gives_the_whole_file_or_nothing(server):
    server.cuts = [200_000, 100_000]
    url = server.put("/f.bin", BODY)
    try:
        path = download(url)  # recent versions of huggingface_hub resume the transfer
    except DataError:
        assert not cached_files()
    else:
        assert path.read_bytes() == BODY
        assert cached_files() == [path.name]


def test_a_transfer_that_fails_leaves_nothing(server, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    server.cuts = [200_000, *[0] * 20]
    with pytest.raises(DataError, match=r"f.bin could not be downloaded: .*; check the network"):
        download(server.put("/f.bin", BODY))
    assert not cached_files()


def test_a_damaged_cached_file_is_downloaded_again(server):
    url = server.put("/f.bin", BODY)
    path = download(url, blob_id=BLOB_ID)
    path.write_bytes(BODY[:-1])
    assert download(url, blob_id=BLOB_ID).read_bytes() == BODY


def test_without_a_hash_an_archive_must_be_one(server):
    with pytest.raises(DataError, match=r"a.zip is no complete zip archive; nothing was kept"):
        download(server.put("/a.zip", BODY))
    url = server.put("/b.zip", b"\n<!DOCTYPE html><html>Log in first</html>")
    with pytest.raises(DataError, match="it is an HTML page"):
        download(url)
    assert not cached_files()


def test_a_refusal_is_one_sentence(server):
    url = server.put("/f.bin", BODY)
    server.status["/f.bin"] = 404
    with pytest.raises(DataError, match=r"f.bin could not be downloaded: .*404") as error:
        download(url)
    assert "\n" not in str(error.value)


def test_a_folder_that_cannot_be_written(server, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GLOVE_LSTM_CACHE", str(tmp_path / "file"))
    with pytest.raises(DataError, match="could not be stored"):
        download(server.put("/f.bin", BODY))


def test_two_processes_at_once(server):
    url = server.put("/f.bin", BODY)
    ask = partial(download, sha256=SHA256)
    with ProcessPoolExecutor(2, multiprocessing.get_context("fork")) as pool:
        for path in pool.map(ask, [url, url]):
            assert path.read_bytes() == BODY
    assert len(server.requests) == 1
