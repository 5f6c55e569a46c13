"""A running app for the tests of this folder."""

import json

import pytest
from app_server import run_demo
from hub_server import HubServer

REPO = "user/ours"


@pytest.fixture(scope="package")  # it takes a tenth of a processor as long as it runs
def demo(shared_export, tmp_path_factory):
    """The app, started as people start it, with a model of the Hub that is about news."""
    scratch = tmp_path_factory.mktemp("demo")
    files = {path.name: path.read_bytes() for path in shared_export.iterdir() if path.is_file()}
    metrics = json.loads(files["metrics.json"])
    metrics["data"]["description"] = "fake_or_real_news (default) from news.csv"
    files["metrics.json"] = json.dumps(metrics).encode()
    with HubServer() as hub:
        hub.add_repo(REPO, files)
        env = hub.client_env(scratch) | {"HF_HUB_OFFLINE": "0", "TMPDIR": str(scratch)}
        options = (REPO, "--revision", "main")
        with run_demo(scratch / "log.txt", *options, **env) as running:
            yield running
