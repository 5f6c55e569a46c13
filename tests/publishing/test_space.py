"""glove-lstm push --space: which files arrive, and that they run by themselves."""

import sys

import httpx
import pytest
import yaml
from app_server import run_demo
from support import run_script, succeed

from glove_lstm.commands.push import main

REPO = "user/fake-news-demo"
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
def test_a_space_can_leave_out_the_record_of_training_texts(checkpoint):
    push = checkpoint, "--space", "--repo_id", REPO, "--dry_run"
    record = "checkpoint/training_texts.safetensors"
    assert record in succeed(main, *push).stdout
    assert record not in succeed(main, *push, "--no_training_texts").stdout


@pytest.mark.slow
def test_space_arrives_and_runs_by_itself(hub, machine, checkpoint, tmp_path):
    where = "--repo_id", REPO, "--private", "--revision", "dev"
    done = run_script("push", checkpoint, "--space", *where, env=machine)
    assert f"/spaces/{REPO}" in done.stdout
    assert hub.repos[f"spaces/{REPO}"].private
    files = dict(hub.files(REPO, "dev", kind="spaces"))
    del files[".gitattributes"]
    assert {"app.py", "requirements.txt", "README.md", "checkpoint/model.safetensors"} <= set(files)
    assert {"glove_lstm/__init__.py", "glove_lstm/app/style.css"} <= set(files)
    assert not any("scripts" in name or "__pycache__" in name for name in files)
    assert not any(machine["HF_TOKEN"].encode() in content for content in files.values())
    card = yaml.safe_load(files["README.md"].decode().split("---")[1])
    assert (card["sdk"], card["app_file"]) == ("gradio", "app.py")
    assert card["title"] == REPO.rpartition("/")[2]
    requirements = files["requirements.txt"].decode().splitlines()
    assert any(line.startswith("gradio>=") for line in requirements)
    assert any(line.startswith("torch>=") for line in requirements)
    assert not any("glove-lstm" in line or "pytest" in line for line in requirements)

    folder = tmp_path / "space"
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    command = (sys.executable, "-c", RUN.format(folder=str(folder)))
    with run_demo(tmp_path / "log.txt", command=command, HF_HUB_OFFLINE="1") as running:
        assert httpx.get(running.address).status_code == 200
        about = f"{running.address}/gradio_api/call/about"
        event = httpx.post(about, json={"data": []}).json()["event_id"]
        assert "FAKE" in httpx.get(f"{about}/{event}", timeout=30).text
