"""200 clients at once: each gets an answer or a message, and memory stays bounded."""

import sys
from pathlib import Path

import pytest
from app_server import run_demo

sys.path.insert(0, str(Path(__file__).parent))
from load import Load


@pytest.mark.slow
def test_two_hundred_clients_at_once(checkpoint, tmp_path):
    with run_demo(tmp_path / "log.txt", checkpoint) as running:
        load = Load(running, clients=200)
        assert sum(load.outcomes.values()) == 600
        assert load.outcomes["answered (page, 200)"] == 200
        assert load.outcomes["answered (classify)"] >= 100
        rest = [outcome for outcome in load.outcomes if not outcome.startswith("answered")]
        assert all("Queue is full" in outcome for outcome in rest), load
        assert load.most_mb < load.before_mb + 500
        again = Load(running, clients=20)
        assert all(outcome.startswith("answered") for outcome in again.outcomes), again
