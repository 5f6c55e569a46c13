"""push_to_hub.py --space: what travels, that it runs by itself, and that it arrives."""

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


@pytest.fixture
def machine(tmp_path):
    """The environment of a person who is logged in at a loopback Hub, and the Hub."""
    with HubServer() as hub:
        hub.add_token(TOKEN)
        env = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        yield (
            hub,
            env
            | {
                "HF_ENDPOINT": hub.endpoint,
                "HF_HOME": str(tmp_path / "hf"),
                "HF_HUB_DISABLE_XET": "1",
                "HF_TOKEN": TOKEN,
                "NO_PROXY": "*",
            },
        )


def test_a_space_arrives_whole_and_runs_by_itself(checkpoint, machine, tmp_path):
    hub, env = machine
    dry = run_script("push", checkpoint, "--space", "--repo_id", REPO, "--dry_run", env=env)
    assert dry.returncode == 0, dry.stderr
    listed = {line.split(maxsplit=1)[1] for line in dry.stdout.splitlines()[:-1]}
    assert {"app.py", "requirements.txt", "README.md", "checkpoint/model.safetensors"} <= listed
    assert {"glove_lstm/__init__.py", "glove_lstm/app/style.css", "glove_lstm/data/reading.py"} <= listed
    assert not any("scripts" in name or "__pycache__" in name for name in listed)

    done = run_script("push", checkpoint, "--space", "--repo_id", REPO, env=env)
    assert done.returncode == 0, done.stderr
    assert f"/spaces/{REPO}" in done.stdout
    files = hub.files(REPO, kind="spaces")
    assert set(files) - {".gitattributes"} == listed
    card = yaml.safe_load(files["README.md"].decode().split("---")[1])
    assert card["sdk"] == "gradio"
    assert card["app_file"] == "app.py"
    requirements = files["requirements.txt"].decode().splitlines()
    assert any(line.startswith("gradio>=") for line in requirements)
    assert not any("glove-lstm" in line or "pytest" in line for line in requirements)
    assert not any(TOKEN.encode() in content for content in files.values())

    folder = tmp_path / "space"
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    # As a Space runs it: from its own folder, with the package's files there and nowhere else.
    command = (
        sys.executable,
        "-c",
        f"import os, runpy; os.chdir({str(folder)!r}); {_OWN}runpy.run_path('app.py')",
    )
    with run_demo(tmp_path / "log.txt", command=command, HF_HUB_OFFLINE="1") as running:
        assert httpx.get(running.address).status_code == 200
        about = httpx.post(f"{running.address}/gradio_api/call/about", json={"data": []}).json()["event_id"]
        assert "FAKE" in httpx.get(f"{running.address}/gradio_api/call/about/{about}", timeout=30).text


_OWN = (
    "import sys; sys.path.insert(0, os.getcwd()); import glove_lstm; "
    "assert glove_lstm.__file__.startswith(os.getcwd()); "
)


def test_what_is_no_checkpoint_is_refused(checkpoint, machine, tmp_path):
    hub, env = machine
    assert_refused(
        run_script("push", tmp_path, "--space", "--repo_id", REPO, env=env), "config.json is missing"
    )
    broken = shutil.copytree(checkpoint, tmp_path / "broken", ignore=shutil.ignore_patterns("checkpoint-*"))
    (broken / "README.md").write_text("# Card\n\nhf_" + "x" * 34, encoding="utf-8")
    assert_refused(
        run_script("push", broken, "--space", "--repo_id", REPO, env=env), "holds a token or a key"
    )
    assert not hub.repos
