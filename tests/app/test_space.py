"""`glove-lstm push --space`: a Space arrives whole and runs by itself."""

import os
import shutil
import sys

import httpx
import pytest
import yaml
from app_server import run_demo
from hub_server import HubServer
from support import assert_refused, run_script

REPO = "user/fake-news-demo"
TOKEN = "hf_" + "secretsecret" * 3
# As a Space runs it: from its own folder, with the package's files there and nowhere else.
START = (
    "import os, runpy, sys; os.chdir({folder!r}); sys.path.insert(0, os.getcwd()); import glove_lstm; "
    "assert glove_lstm.__file__.startswith(os.getcwd()); runpy.run_path('app.py')"
)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A loopback Hub, at which the user is logged in."""
    with HubServer() as server:
        server.add_token(TOKEN)
        for name in [name for name in os.environ if name.startswith("HF_")]:
            monkeypatch.delenv(name)
        for name, value in {
            "HF_ENDPOINT": server.endpoint,
            "HF_HOME": str(tmp_path / "hf"),
            "HF_HUB_DISABLE_XET": "1",
            "HF_TOKEN": TOKEN,
            "NO_PROXY": "*",
        }.items():
            monkeypatch.setenv(name, value)
        yield server


def test_a_space_arrives_whole_and_runs_by_itself(checkpoint, hub, tmp_path):
    done = run_script("push", checkpoint, "--space", "--repo_id", REPO)
    assert done.returncode == 0, done.stderr
    assert f"/spaces/{REPO}" in done.stdout
    files = hub.files(REPO, kind="spaces")
    assert {"app.py", "requirements.txt", "README.md", "checkpoint/model.safetensors"} <= set(files)
    assert {
        "glove_lstm/__init__.py",
        "glove_lstm/app/style.css",
        "glove_lstm/data/reading.py",
    } <= set(files)
    assert not any("scripts" in name or "__pycache__" in name for name in files)
    assert not any(TOKEN.encode() in content for content in files.values())
    card = yaml.safe_load(files["README.md"].decode().split("---")[1])
    assert (card["sdk"], card["app_file"]) == ("gradio", "app.py")
    requirements = files["requirements.txt"].decode().splitlines()
    assert any(line.startswith("gradio>=") for line in requirements)
    assert not any("glove-lstm" in line or "pytest" in line for line in requirements)
    folder = tmp_path / "space"
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    command = (sys.executable, "-c", START.format(folder=str(folder)))
    with run_demo(tmp_path / "log.txt", command=command, HF_HUB_OFFLINE="1") as running:
        event = httpx.post(f"{running.address}/gradio_api/call/about", json={"data": []}).json()[
            "event_id"
        ]
        assert (
            "FAKE" in httpx.get(f"{running.address}/gradio_api/call/about/{event}", timeout=30).text
        )


def test_a_space_with_a_secret_is_refused(checkpoint, hub, tmp_path):
    broken = shutil.copytree(
        checkpoint, tmp_path / "broken", ignore=shutil.ignore_patterns("checkpoint-*")
    )
    (broken / "README.md").write_text("# Card\n\nhf_" + "x" * 34, encoding="utf-8")
    assert_refused(
        run_script("push", broken, "--space", "--repo_id", REPO), "holds a token or a key"
    )
    assert not hub.repos
