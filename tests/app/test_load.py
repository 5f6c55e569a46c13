"""200 clients at once: each gets an answer or a message, and memory stays bounded."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from app_server import call, run_demo
from bulk_worker import peak_memory


def load(running, clients):
    """Let clients fetch the page, classify and explain; return (True, answer) or (False, message) of the latter two."""

    def ask(number):
        text = f"word{number} council report secret " * 10
        with httpx.Client(base_url=running.address, timeout=300) as http:
            assert http.get("/").status_code == 200
            return [call(http, "classify", text, "", 0), call(http, "explain", text, "")]

    with ThreadPoolExecutor(clients) as pool:
        return list(pool.map(ask, range(clients)))


@pytest.mark.slow
def test_two_hundred_clients_at_once(checkpoint, tmp_path):
    with run_demo(tmp_path / "log.txt", checkpoint) as running:
        before = peak_memory(running.process.pid)
        outcomes = load(running, clients=200)
        assert sum(classified for (classified, _), _ in outcomes) >= 100
        refusals = [message for two in outcomes for answered, message in two if not answered]
        assert all("Queue is full" in message for message in refusals), refusals
        assert peak_memory(running.process.pid) < before + 500
        assert all(answered for two in load(running, clients=20) for answered, _ in two)
