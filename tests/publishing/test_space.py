"""glove-lstm push --space: which files are sent, and that they run by themselves."""

import sys

import httpx
import pytest
import yaml
from app_server import call, run_demo
from support import assert_refused, edit_json, run_here, succeed

from glove_lstm.commands.push import main
from glove_lstm.publishing.hub_upload import PUSHED_FILES_NAME

REPO = "user/fake-news-demo"
RECORD = "checkpoint/training_texts.safetensors"
# As a Space runs it: from its own folder, with the package's files there and nowhere else.
RUN = """
import os, runpy, sys
os.chdir({folder!r})
sys.path.insert(0, os.getcwd())
import glove_lstm
assert glove_lstm.__file__.startswith(os.getcwd())
runpy.run_path("app.py")
"""


@pytest.mark.slow
def test_a_space_runs_by_itself(api, checkpoint, tmp_path):
    options = ("--space", "--repo_id", REPO, "--revision", "dev")
    done = succeed(main, checkpoint, *options)
    assert f"/{REPO}\n" in done.stdout
    assert api.options["repo_type"] == "space"
    assert api.options["space_sdk"] == "gradio"
    assert api.branches == ["dev"]
    files = set(api.files)
    assert {"app.py", "requirements.txt", "README.md", "checkpoint/model.safetensors"} <= files
    assert {"glove_lstm/__init__.py", "glove_lstm/app/style.css"} <= files
    assert RECORD not in files
    all_names = "\n".join(files)
    for unwanted in ("scripts", "__pycache__", ".onnx"):
        assert unwanted not in all_names

    folder = tmp_path / "space"
    api.write(folder)
    card = yaml.safe_load((folder / "README.md").read_text().split("---")[1])
    assert card["sdk"] == "gradio"
    assert card["app_file"] == "app.py"
    assert card["title"] == "fake-news-demo"
    assert REPO not in (folder / "checkpoint" / "README.md").read_text()  # no model has this id
    requirements = (folder / "requirements.txt").read_text()
    assert "\ngradio>=" in requirements
    assert "\ntorch>=" in requirements
    for unwanted in ("glove-lstm", "pytest"):
        assert unwanted not in requirements

    command = (sys.executable, "-c", RUN.format(folder=str(folder)))
    space = run_demo(tmp_path / "log.txt", command=command, HF_HUB_OFFLINE="1")
    with space as running, httpx.Client(base_url=running.address, timeout=60) as http:
        assert http.get("/").status_code == 200
        answered, [about] = call(http, "about")
    assert answered
    assert about["labels"] == ["FAKE", "REAL"]


def test_a_static_space_has_the_page_and_what_it_reads(api, exported, tmp_path):
    succeed(main, exported, "--space", "--static", "--repo_id", REPO)
    assert api.options["repo_type"] == "space"
    assert api.options["space_sdk"] == "static"
    folder = tmp_path / "space"
    api.write(folder)
    expected = {".gitattributes", "config.json", PUSHED_FILES_NAME}
    expected |= {"README.md", "index.html", "page.js", "classifier.js", "tokenizer.js"}
    expected |= {"model/config.json", "model/tokenizer.json", "model/tokenizer_config.json"}
    expected |= {"model/light.onnx", "model/model.safetensors", "model/metrics.json"}
    expected.add("model/README.md")
    for path in exported.glob("plots/*.png"):
        expected.add(f"model/plots/{path.name}")  # the card shows it
    assert set(api.files) == expected
    card = yaml.safe_load((folder / "README.md").read_text().split("---")[1])
    assert card["sdk"] == "static"
    assert card["app_file"] == "index.html"
    html = (folder / "index.html").read_text()
    assert 'data-model="model/"' in html
    assert f"/spaces/{REPO}/blob/main/model/README.md" in html


def test_the_page_is_for_models_of_one_label(copy):
    edit_json(copy / "config.json", problem_type="multi_label_classification")
    done = run_here(main, copy, "--space", "--static", "--repo_id", REPO, "--dry_run")
    assert_refused(done, "does not choose one of several labels for a text")
