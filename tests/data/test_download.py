import hashlib
import multiprocessing
import os
import random
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from glove_lstm.data.download import download, git_blob_id
from glove_lstm.errors import DataError

BODY = random.Random(0).randbytes(600_000)
SHA256 = hashlib.sha256(BODY).hexdigest()
BLOB_ID = hashlib.sha1(b"blob %d\0" % len(BODY) + BODY).hexdigest()


def leftovers():
    folder = Path(os.environ["GLOVE_LSTM_CACHE"], "downloads")
    return [path.name for path in folder.iterdir() if path.suffix != ".lock"]


def test_downloads_once_and_shows_progress(server, capsys):
    url = server.put("/f.bin", BODY)
    path = download(url, sha256=SHA256, blob_id=BLOB_ID)
    assert path.read_bytes() == BODY
    assert git_blob_id(path) == BLOB_ID
    assert "100%" in capsys.readouterr().err
    assert download(url, sha256=SHA256) == path
    assert len(server.requests) == 1


def test_resumes_in_this_call_and_in_a_later_one(server):
    url = server.put("/f.bin", BODY)
    server.cuts = [200_000, 100_000, 0, 0]
    with pytest.raises(DataError, match=r"could not be downloaded: .* after [\d,]+.* to resume"):
        download(url, sha256=SHA256)
    path = download(url, sha256=SHA256)
    assert path.read_bytes() == BODY
    starts = [int((asked or "bytes=0-").strip("bytes=-")) for _, asked in server.requests]
    assert starts[0] == 0
    assert starts[1] > 100_000
    assert starts[-1] > 200_000
    assert leftovers() == [path.name]


def test_a_part_that_is_complete_is_not_downloaded_again(server):
    url = server.put("/f.bin", BODY)
    path = download(url, sha256=SHA256)
    path.rename(path.with_name(path.name + ".part"))  # as a kill before the rename leaves it
    assert download(url, sha256=SHA256).read_bytes() == BODY
    assert len(server.requests) == 1


def test_a_part_of_another_version_is_thrown_away(server):
    url = server.put("/f.bin", bytes(len(BODY)))
    server.cuts = [300_000, 0, 0, 0]
    with pytest.raises(DataError):
        download(url, sha256=SHA256)
    server.put("/f.bin", BODY)
    with pytest.raises(DataError, match="nothing was kept"):
        download(url, sha256=SHA256)
    assert download(url, sha256=SHA256).read_bytes() == BODY


def test_without_a_hash_nothing_is_resumed(server):
    server.cuts = [300_000]
    assert download(server.put("/f.bin", BODY)).read_bytes() == BODY
    assert [asked for _, asked in server.requests] == [None, None]


def test_a_damaged_cached_file_is_downloaded_again(server):
    url = server.put("/f.bin", BODY)
    path = download(url, blob_id=BLOB_ID)
    path.write_bytes(BODY[:-1])
    assert download(url, blob_id=BLOB_ID).read_bytes() == BODY


@pytest.mark.parametrize("check", [{"sha256": "0" * 64}, {"blob_id": "0" * 40}])
def test_a_wrong_hash_leaves_nothing(server, check):
    said = r"f.bin sent has the (SHA-256|git blob id) \w+ instead of 000"
    with pytest.raises(DataError, match=said) as error:
        download(server.put("/f.bin", BODY), **check)
    assert "\n" not in str(error.value)
    assert not leftovers()


def test_an_html_page_is_called_one(server):
    url = server.put("/f.bin", b"\n<!DOCTYPE html><html>Log in first</html>")
    with pytest.raises(DataError, match="it is an HTML page"):
        download(url, sha256=SHA256)


def test_not_found(server):
    with pytest.raises(DataError, match=r"none.bin answered 404 Not Found; check the address"):
        download(server.put("/f.bin", BODY).replace("f.bin", "none.bin"))
    assert len(server.requests) == 1


def test_a_server_error_is_retried(server):
    url = server.put("/f.bin", BODY)
    server.status["/f.bin"] = 503
    with pytest.raises(DataError, match="the server answered 503"):
        download(url)
    assert len(server.requests) == 4


def test_a_part_that_cannot_be_resumed_is_replaced(server):
    url = server.put("/f.bin", BODY + bytes(200_000))
    server.cuts = [len(BODY) + 100_000, 0, 0, 0]
    with pytest.raises(DataError):
        download(url, sha256=SHA256)
    server.put("/f.bin", BODY)  # shorter than the part: 416
    server.cuts, server.ranges = [0, 0, 300_000], False
    assert download(url, sha256=SHA256).read_bytes() == BODY


def test_nobody_there(server):
    url = server.put("/f.bin", BODY)
    server.shutdown()
    server.server_close()
    said = r"f.bin could not be downloaded: no connection \(ConnectionError\); check"
    with pytest.raises(DataError, match=said):
        download(url)


def test_a_folder_that_cannot_be_written(server, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GLOVE_LSTM_CACHE", str(tmp_path / "file"))
    with pytest.raises(DataError, match="could not be stored"):
        download(server.put("/f.bin", BODY))


def test_two_processes_at_once(server):
    url = server.put("/f.bin", BODY)
    ask = partial(download, sha256=SHA256)
    with ProcessPoolExecutor(2, multiprocessing.get_context("fork")) as pool:
        assert [path.read_bytes() == BODY for path in pool.map(ask, [url, url])] == [True, True]
    assert len(server.requests) == 1
