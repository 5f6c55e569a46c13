"""200 clients at once: everyone is answered or refused in words, and memory stays bounded."""

import sys
from pathlib import Path

import pytest
from app_server import run_demo

sys.path.insert(0, str(Path(__file__).parent))
from load import load


@pytest.mark.slow
def test_two_hundred_clients_at_once(checkpoint, tmp_path):
    with run_demo(tmp_path / "log.txt", checkpoint) as running:
        found = load(running, clients=200, rounds=1, words=20)
        kinds = {kind.split()[0] for kind in found.answers}
        assert kinds <= {"answered", "refused"}, found
        assert sum(found.answers.values()) == 600
        assert found.answers["answered (page)"] == 200
        assert found.answers["answered (classify)"] >= 100
        assert all("Queue is full" in kind for kind in found.answers if kind.startswith("refused"))
        assert found.most_mb < found.before_mb + 500
        again = load(running, clients=20, rounds=1, words=20)  # it is as it was before
        assert not [kind for kind in again.answers if not kind.startswith("answered")], again
