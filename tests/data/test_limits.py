"""A server that lies, or never stops, costs no more than the bytes allowed."""

import itertools
import socket
from threading import Thread

import pytest

from glove_lstm.data import download as downloading
from glove_lstm.data.download import cache_folder, download
from glove_lstm.data.errors import DataError

CHUNK = b"1000\r\n" + b"x" * 0x1000 + b"\r\n"


@pytest.fixture
def speak(monkeypatch):
    """Serve raw bytes to whoever asks, until they hang up; `speak(head, body).sent` counts them."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(downloading, "PAUSE", 0.0)
    listening = socket.create_server(("127.0.0.1", 0))

    class Server:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/f.bin"
        sent = 0

        def __init__(self, head, body):
            self.head, self.body = head, body
            Thread(target=self.serve, daemon=True).start()

        def serve(self):
            while True:
                try:
                    client, _ = listening.accept()
                except OSError:
                    return
                with client:
                    client.recv(10_000)
                    try:
                        client.sendall(b"HTTP/1.1 200 OK\r\n" + self.head + b"\r\n\r\n")
                        for part in self.body():
                            client.sendall(part)
                            self.sent += len(part)
                    except OSError:  # they have heard enough
                        continue

    yield Server
    listening.close()


def kept():
    return [
        path.name for path in (cache_folder() / "downloads").iterdir() if path.suffix != ".lock"
    ]


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (b"Transfer-Encoding: chunked", lambda: itertools.repeat(CHUNK)),
        (b"Connection: close", lambda: itertools.repeat(b"x" * 0x1000)),
        (b"Content-Length: many\r\nConnection: close", lambda: itertools.repeat(b"x" * 0x1000)),
    ],
    ids=["chunked", "no length", "no number"],
)
def test_an_endless_body_is_cut_off(speak, head, body):
    server = speak(head, body)
    with pytest.raises(DataError, match="sends more than the 100,000 bytes allowed"):
        download(server.url, max_bytes=100_000)
    assert server.sent < 20_000_000  # what the sockets hold, not what 2 GiB would be
    assert kept() == []


def test_too_large_an_announcement_is_refused_before_the_body(speak):
    server = speak(b"Content-Length: 100001", lambda: itertools.repeat(b"x"))
    with pytest.raises(DataError, match="sends more than the 100,000 bytes allowed"):
        download(server.url, max_bytes=100_000)
    assert kept() == []


def test_a_compressed_bomb_is_cut_off(speak):
    import gzip

    bomb = gzip.compress(bytes(30_000_000))
    server = speak(b"Content-Encoding: gzip\r\nContent-Length: %d" % len(bomb), lambda: [bomb])
    with pytest.raises(DataError, match="sends more than the 1,000,000 bytes allowed"):
        download(server.url, max_bytes=1_000_000)
    assert kept() == []
