"""The page, as each of its commands shows it, and a browser."""

from pathlib import Path

import pytest
from support import ROOT, edit_json
from web_server import CHROMIUM, RUNTIME, run_demo, serve

from glove_lstm.checkpoint.checkpoint import Checkpoint
from glove_lstm.publishing.server import PageServer
from glove_lstm.publishing.stage import stage_space


@pytest.fixture(scope="package")
def demo(tmp_path_factory):
    """The server of `glove-lstm demo`, with the shipped checkpoint."""
    with run_demo(tmp_path_factory.mktemp("demo") / "log.txt") as running:
        yield running


@pytest.fixture(scope="package")
def site(tmp_path_factory):
    """The folder of the page that `push --space_dir` wrote, on a server of files, and its address."""
    folder = tmp_path_factory.mktemp("web") / "site"
    stage_space(ROOT / "hub", folder, None, Path(RUNTIME).parent if RUNTIME else None)
    with serve(folder) as address:
        yield folder, address


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright  # the tests without a browser do not need it

    with sync_playwright() as started:
        # Chromium refuses to run in its sandbox as root, which CI is.
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def unsure(exported):
    """The server of a model that promises too little for any label, in this process."""
    record = {"labels_of": "people", "rows": [[1.0, 50, 0]], "sure_from": 1.0}
    edit_json(exported / "config.json", held_out_scores=record)
    with PageServer(Checkpoint.open(exported), "mine", 0) as server:
        yield server


@pytest.fixture(params=["written", "demo"])
def address(request):
    """Where the page is: it computes in the browser, or asks the server of `demo`."""
    if request.param == "demo":
        return request.getfixturevalue("demo").address
    if not RUNTIME:
        pytest.skip("needs onnxruntime-web in the folder ONNXRUNTIME_WEB")
    return request.getfixturevalue("site")[1]
