"""A server that lies, or never stops, costs no more than the bytes allowed; an archive cannot write elsewhere."""

import io
import itertools
import socket
import warnings
import zipfile
from threading import Thread

import pytest

from glove_lstm.data import download as downloading
from glove_lstm.data import glove
from glove_lstm.data.archives import zip_members
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
    return [path.name for path in (cache_folder() / "downloads").iterdir() if path.suffix != ".lock"]


@pytest.mark.parametrize("known", [{}, {"sha256": "0" * 64}, {"sha256": "0" * 64, "size": 70_000}])
@pytest.mark.parametrize(
    ("head", "body"),
    [
        (b"Transfer-Encoding: chunked", lambda: itertools.repeat(CHUNK)),
        (b"Connection: close", lambda: itertools.repeat(b"x" * 0x1000)),
        (b"Content-Length: many\r\nConnection: close", lambda: itertools.repeat(b"x" * 0x1000)),
        (b"Content-Length: -5\r\nConnection: close", lambda: itertools.repeat(b"x" * 0x1000)),
    ],
    ids=["chunked", "no length", "no number", "negative"],
)
def test_an_endless_body_is_cut_off(speak, head, body, known):
    server = speak(head, body)
    most = known.get("size", 100_000)
    with pytest.raises(DataError, match=f"sends more than the {most:,} bytes allowed"):
        download(server.url, max_bytes=100_000, **known)
    assert server.sent < 20_000_000  # what the sockets hold, not what 2 GiB would be
    assert kept() == []


def test_more_than_was_announced_is_not_read(speak):
    server = speak(b"Content-Length: 10", lambda: [b"0123456789", b"more" * 1000])
    assert download(server.url).read_bytes() == b"0123456789"


def test_too_large_an_announcement_is_refused_before_the_body(speak):
    server = speak(b"Content-Length: 100001", lambda: itertools.repeat(b"x"))
    with pytest.raises(DataError, match="sends more than the 100,000 bytes allowed"):
        download(server.url, max_bytes=100_000)
    assert kept() == []


@pytest.mark.parametrize("length", [b"99999999999999999999999", b"5, 7"])
def test_an_absurd_announcement_is_one_sentence(speak, length):
    server = speak(b"Content-Length: " + length, lambda: [b"0123456789"])
    with pytest.raises(DataError, match="could not be downloaded"):
        download(server.url)


def test_a_compressed_bomb_is_cut_off(speak):
    import gzip

    bomb = gzip.compress(bytes(30_000_000))
    server = speak(b"Content-Encoding: gzip\r\nContent-Length: %d" % len(bomb), lambda: [bomb])
    with pytest.raises(DataError, match="sends more than the 1,000,000 bytes allowed"):
        download(server.url, max_bytes=1_000_000)
    assert kept() == []


def archive(path, **members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a name that is there twice
        for name, text in members.items():
            file.writestr(name, text)
    return path


CLIMBERS = [
    "../evil.txt",
    "/evil.txt",
    "a/../../evil.txt",
    "a\\..\\..\\evil.txt",
    "C:/evil.txt",
    "\\evil.txt",
]


@pytest.mark.parametrize("name", CLIMBERS)
def test_members_that_climb_are_refused(tmp_path, name):
    path = archive(tmp_path / "v.zip", **{"v.txt": "the 1 2\n", name: "of 1 2\n"})
    with pytest.raises(DataError, match="climbs out of its folder"):
        zip_members(path, 1000)
    with pytest.raises(DataError, match="climbs out of its folder"):
        glove.load_glove(f"{path}/v.txt")


def test_a_large_member_is_refused(tmp_path, monkeypatch):
    path = archive(tmp_path / "v.zip", **{"v.txt": "the 1 2\n" * 1000})
    assert zip_members(path, 8000) == ["v.txt"]
    with pytest.raises(DataError, match=r"holds 'v.txt' of 8,000 bytes; the limit is 7,999"):
        zip_members(path, 7999)
    monkeypatch.setattr(glove, "_MAX_MEMBER", 7999)
    with pytest.raises(DataError, match="the limit is 7,999"):
        glove.load_glove(path)


def test_a_member_gives_no_more_than_it_declares(tmp_path):
    """Which is why looking at the declared sizes is enough."""
    path = archive(tmp_path / "v.zip", **{"v.txt": "x" * 8000})
    data = bytearray(path.read_bytes())
    real, lie = (8000).to_bytes(4, "little"), (80).to_bytes(4, "little")
    assert data.count(real) == 2  # of the member and of the directory
    path.write_bytes(data.replace(real, lie))
    assert zip_members(path, 100) == ["v.txt"]
    with zipfile.ZipFile(path) as file, file.open("v.txt") as member:
        found = io.BytesIO()
        with pytest.raises(zipfile.BadZipFile):  # its checksum is of more
            found.write(member.read())
    assert len(found.getvalue()) <= 80
