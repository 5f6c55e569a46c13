"""A push that is killed at any request, or has no room to stage its files: the commit is there whole or not at all."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hub_server import GITATTRIBUTES, HubServer
from support import assert_refused, run_script

from faults.harness import SIGNALS, leave_room, small_disk

POINTS = int(os.environ.get("FAULT_POINTS", 3))
REPO, TOKEN = "user/model", "hf_" + "secretsecret" * 3
PUSH = """
import sys
from pathlib import Path
from glove_lstm.publishing.hub_upload import Destination, push_folder
from glove_lstm.commands.command import run_command
sys.exit(run_command(lambda _: push_folder(Path("out"), Destination("user/model")), []))
"""
OLD = {"old.txt": b"old", ".gitattributes": GITATTRIBUTES}
NEW = {
    "config.json": b"{}\n",
    "model.safetensors": bytes(range(256)) * 100,
    "README.md": b"# Card\n",
    ".gitattributes": GITATTRIBUTES,
}


def push(hub: HubServer, home: Path, kill: int | None = None, at: int = 0) -> int:
    """Push, and send a signal while request number `at` waits for its answer; the exit code."""
    hub.faults.clear()
    hub.requests.clear()
    if kill:
        hub.fail(r".", delay=0.2, times=None)
    process = subprocess.Popen(
        [sys.executable, "-c", PUSH],
        env=hub.client_env(home, TOKEN),
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if kill:
        while len(hub.requests) < at and process.poll() is None:
            time.sleep(0.005)
        process.send_signal(kill)
    output, _ = process.communicate()
    assert TOKEN not in output
    assert "Traceback" not in output
    return process.returncode


@pytest.mark.slow
def test_killed(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    for name, data in NEW.items():
        if name != ".gitattributes":
            (tmp_path / "out" / name).write_bytes(data)
    with HubServer() as hub:
        hub.add_token(TOKEN)
        assert push(hub, tmp_path) == 0
        requests = len(hub.requests)
        assert hub.files(REPO) == NEW
        for number in range(POINTS):
            hub.large.clear()  # upload again
            repo = hub.add_repo(REPO, {"old.txt": b"old"})
            how = list(SIGNALS.values())[number % 2]
            at = 1 + number * (requests - 1) // max(POINTS - 1, 1)
            assert push(hub, tmp_path, how, at) == (-how if how == signal.SIGKILL else 143), at
            time.sleep(0.3)  # the server finishes what it has begun
            assert hub.files(REPO) in (OLD, NEW)
            assert push(hub, tmp_path) == 0
            assert hub.files(REPO) == NEW
            assert len(repo.commits) == 3  # the Hub's first one, the old one, ours


@pytest.mark.slow
def test_no_room_to_stage_the_files(checkpoint: Path, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 1) as disk:
        leave_room(disk, 20_000)
        env = {**os.environ, "TMPDIR": str(disk)}
        done = run_script("push", checkpoint, "--repo_id", REPO, "--dry_run", env=env)
        assert_refused(done, "disk is full")
        assert [path.name for path in disk.iterdir()] == ["ballast"]
