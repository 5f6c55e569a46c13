"""`glove-lstm demo`: errors at the start, checkpoints from the Hub, and what is kept of uploads."""

import sys
import time

import httpx
from app_server import run_demo
from gradio_client import Client, handle_file
from hub_server import HubServer
from support import assert_refused, run_here, write_articles

from glove_lstm.commands import demo


def test_the_command_refuses_in_a_sentence(tmp_path):
    assert_refused(run_here(demo.main, tmp_path), "config.json is missing")
    assert_refused(run_here(demo.main, tmp_path, "--revision", "v1"), "has no revision 'v1'")
    assert_refused(run_here(demo.main, "--port", 70000), "--port 70000 must be from 1 to 65535")


SERVE = "import sys; from glove_lstm.app.serve import serve; serve(sys.argv[1], port=None, kept_seconds=10)"


def test_uploads_and_downloads_are_removed_after_a_while(checkpoint, tmp_path):
    table = write_articles(tmp_path / "news.csv", 10)
    command = sys.executable, "-c", SERVE
    with run_demo(
        tmp_path / "log.txt", checkpoint, command=command, TMPDIR=str(tmp_path)
    ) as running:
        client = Client(running.address, verbose=False)
        client.predict(handle_file(str(table)), api_name="/label_file")
        (uploads,) = tmp_path.glob("glove-lstm-app-*")
        for _ in range(60):
            files = [path for path in uploads.rglob("*") if path.is_file()]
            kept = [path for path in files if path.stat().st_size]  # gradio leaves an empty one
            if not kept:
                break
            time.sleep(1)
        assert not kept


def test_from_the_hub(checkpoint, tmp_path):
    files = {path.name: path.read_bytes() for path in checkpoint.iterdir() if path.is_file()}
    with HubServer() as hub:
        hub.add_repo("user/ours", files)
        env = hub.client_env(tmp_path) | {"HF_HUB_OFFLINE": "0"}
        options = ("user/ours", "--revision", "main")
        with run_demo(tmp_path / "log.txt", *options, **env) as running:
            client = Client(running.address, verbose=False)
            about = client.predict(api_name="/about")
            assert about["model"] == "user/ours"
            page = httpx.get(running.address).text
            assert f"https://huggingface.co/user/ours/tree/{about['commit']}" in page
