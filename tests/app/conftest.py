"""A running app and a browser for the tests of this folder."""

import json

import pytest
from app_server import CHROMIUM, run_demo
from hub_server import HubServer

REPO = "user/ours"


@pytest.fixture(scope="package")  # it takes a tenth of a processor as long as it runs
def demo(shared_export, tmp_path_factory):
    """The app, started as people start it, with a model of the Hub that is about news."""
    scratch = tmp_path_factory.mktemp("demo")
    files = {path.name: path.read_bytes() for path in shared_export.iterdir() if path.is_file()}
    metrics = json.loads(files["metrics.json"])
    metrics["data"]["is_news"] = True
    files["metrics.json"] = json.dumps(metrics).encode()
    with HubServer() as hub:
        hub.add_repo(REPO, files)
        env = hub.client_env(scratch) | {"HF_HUB_OFFLINE": "0", "TMPDIR": str(scratch)}
        options = (REPO, "--revision", "main")
        with run_demo(scratch / "log.txt", *options, **env) as running:
            yield running


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright  # the tests without a browser do not need it

    with sync_playwright() as started:
        # Chromium refuses to run in its sandbox as root, which CI is.
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()
