"""`glove-lstm demo`: errors at the start, checkpoints from the Hub, and what is kept of uploads."""

import os
import time

from app_server import run_demo
from gradio_client import Client
from hub_server import HubServer
from starlette.testclient import TestClient
from support import assert_refused, run_here

from glove_lstm.app import limits
from glove_lstm.app.request_limits import RequestLimits, UploadFolder
from glove_lstm.commands import demo


def test_the_command_refuses_in_a_sentence(tmp_path):
    assert_refused(run_here(demo.main, tmp_path), "config.json is missing")
    assert_refused(run_here(demo.main, tmp_path, "--revision", "v1"), "has no revision 'v1'")
    assert_refused(run_here(demo.main, "--port", 70000), "--port 70000 must be from 1 to 65535")


def test_old_files_are_removed_and_a_full_disk_takes_no_more(tmp_path, monkeypatch):
    (tmp_path / "old").mkdir()
    for name in ("old/a.csv", "b.csv"):
        (tmp_path / name).write_bytes(b"a" * 10)
    for name in ("old/a.csv", "old"):
        os.utime(tmp_path / name, (1, 1))
    os.utime(tmp_path / "b.csv", (1, time.time() - limits.STORED_SECONDS + 60))
    uploads = UploadFolder(tmp_path)
    for _ in range(100):
        if uploads.stored:
            break
        time.sleep(0.1)
    assert uploads.stored == 10
    assert not (tmp_path / "old" / "a.csv").exists()
    monkeypatch.setattr(limits, "STORED_BYTES", 9)
    full = TestClient(RequestLimits(None, uploads))
    assert full.post("/gradio_api/upload").status_code == 507


def test_from_the_hub(checkpoint, tmp_path):
    files = {path.name: path.read_bytes() for path in checkpoint.iterdir() if path.is_file()}
    with HubServer() as hub:
        hub.add_repo("user/ours", files)
        env = hub.client_env(tmp_path) | {"HF_HUB_OFFLINE": "0"}
        options = ("user/ours", "--revision", "main")
        with run_demo(tmp_path / "log.txt", *options, **env) as running:
            client = Client(running.address, verbose=False)
            assert client.predict(api_name="/about")["model"] == "user/ours"
