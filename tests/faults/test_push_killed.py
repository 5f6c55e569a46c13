"""A push that is killed at any request, or has no room to gather its files: all of it is there or nothing."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest
from hub_server import GITATTRIBUTES, HubServer, run_client
from support import assert_refused, run_script

from faults.harness import SIGNALS, leave_room, small_disk

POINTS = int(os.environ.get("FAULT_POINTS", 3))
REPO, TOKEN = "user/model", "hf_" + "secretsecret" * 3
PUSH = """
import os, sys
from pathlib import Path
Path("pid").write_text(str(os.getpid()))
from glove_lstm.publishing.hub_upload import Destination, push_folder
from glove_lstm.commands.command import run_command
sys.exit(run_command(lambda _: push_folder(Path("out"), Destination("user/model")), []))
"""
OLD = {"old.txt": b"old"}
NEW = {"config.json": b"{}\n", "model.safetensors": bytes(range(256)) * 100, "README.md": b"# Card\n"}


def push(hub: HubServer, home: Path, *, kill: int = 0, at: int = 0):
    """Push, and send a signal while request number `at` waits for its answer."""
    hub.faults.clear()
    hub.fail(r".", delay=0.2 if kill else 0, times=None)
    hub.requests.clear()
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            if len(hub.requests) >= at:
                os.kill(int((home / "pid").read_text()), kill)
                return
            time.sleep(0.005)

    watcher = threading.Thread(target=watch)
    if kill:
        watcher.start()
    done = run_client(hub, PUSH, home, token=TOKEN)
    stop.set()
    if kill:
        watcher.join()
    assert TOKEN not in done.stdout + done.stderr
    return done


def state(hub: HubServer) -> dict[str, bytes]:
    files = hub.files(REPO)
    assert files.pop(".gitattributes") == GITATTRIBUTES
    return files


@pytest.mark.slow
def test_killed(tmp_path: Path) -> None:
    for name, data in NEW.items():
        path = tmp_path / "home" / "out" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    with HubServer() as hub:
        hub.add_token(TOKEN)
        hub.add_repo(REPO, OLD)
        assert push(hub, tmp_path / "home").returncode == 0
        requests = len(hub.requests)
        assert state(hub) == NEW
    count = min(requests, POINTS)
    for number, at in enumerate(
        sorted({1 + at * (requests - 1) // max(count - 1, 1) for at in range(count)})
    ):
        how = list(SIGNALS.values())[number % 2]
        with HubServer() as hub:
            hub.add_token(TOKEN)
            hub.add_repo(REPO, OLD)
            done = push(hub, tmp_path / "home", kill=how, at=at)
            assert done.returncode == (-how if how == signal.SIGKILL else 143), (at, done.stderr)
            assert "Traceback" not in done.stderr
            time.sleep(0.3)  # what the server has begun to do, it does
            assert state(hub) in (OLD, NEW)
            assert push(hub, tmp_path / "home").returncode == 0
            assert state(hub) == NEW
            assert len(hub.repos[f"models/{REPO}"].commits) == 3  # the Hub's first one, the old one, ours


@pytest.mark.slow
def test_no_room_to_gather_the_files(checkpoint: Path, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 1) as disk:
        leave_room(disk, 20_000)
        done = run_script(
            "push_to_hub", checkpoint, "--repo_id", REPO, "--dry_run", env={**os.environ, "TMPDIR": str(disk)}
        )
        assert_refused(done, "disk is full")
        assert [path.name for path in disk.iterdir()] == ["ballast"]
