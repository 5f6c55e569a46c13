"""`glove-lstm demo`: errors at the start, checkpoints from the Hub, and what is kept of uploads."""

import time

import httpx
import pytest
from gradio_client import Client, handle_file
from support import assert_refused, run_here, write_articles

from glove_lstm.app.serve import running_app
from glove_lstm.commands import demo as command


def test_the_command_refuses_in_a_sentence(tmp_path):
    assert_refused(run_here(command.main, tmp_path), "config.json is missing")
    assert_refused(run_here(command.main, tmp_path, "--revision", "v1"), "has no revision 'v1'")
    assert_refused(run_here(command.main, "--port", 70000), "--port 70000 must be from 1 to 65535")


def test_the_page_links_the_commit_of_a_model_from_the_hub(demo):
    about = Client(demo.address, verbose=False).predict(api_name="/about")
    assert about["model"] == "user/ours"
    page = httpx.get(demo.address).text
    assert f"https://huggingface.co/user/ours/tree/{about['commit']}" in page


def kept_files(folder):
    """The files in a folder with a content. gradio leaves an empty one."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if path.stat().st_size > 0]


@pytest.mark.filterwarnings("ignore::DeprecationWarning:gradio.queueing")
def test_uploads_and_downloads_are_removed_after_a_while(checkpoint, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for name in ("GRADIO_TEMP_DIR", "GRADIO_RUN_HISTORY"):
        monkeypatch.setenv(name, "")  # the app sets them; pytest takes them back
    table = write_articles(tmp_path / "news.csv", 10)
    with running_app(checkpoint, port=None, kept_seconds=3) as address:
        client = Client(address, verbose=False, download_files=tmp_path / "downloads")
        client.predict(handle_file(str(table)), api_name="/label_file")
        [folder] = tmp_path.glob("glove-lstm-app-*")
        assert len(kept_files(folder)) == 2
        for _ in range(60):
            if not kept_files(folder):
                break
            time.sleep(1)
        assert not kept_files(folder)
    assert not folder.exists()
