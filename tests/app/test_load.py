"""200 clients at once: each gets an answer or a message, and memory stays bounded."""

import asyncio
import re
from collections import Counter

import httpx
import psutil
import pytest
from app_server import run_demo


async def ask(http, name, data):
    """The outcome of one request: answered, refused with a message, or lost."""
    try:
        if not name:
            return f"answered (page, {(await http.get('/')).status_code})"
        posted = await http.post(f"/gradio_api/call/{name}", json={"data": data})
        if posted.status_code != 200:
            return f"refused ({posted.json()['detail']})"
        events = await http.get(f"/gradio_api/call/{name}/{posted.json()['event_id']}")
    except (httpx.HTTPError, ValueError) as error:
        return f"lost ({type(error).__name__})"
    event = re.search(r"event: (complete|error)\ndata: (.+)", events.text)
    if not event:
        return "lost (no event)"
    return f"answered ({name})" if event[1] == "complete" else f"error ({event[2][:80]})"


def load(running, clients):
    """Let clients fetch the page, classify and explain; return the outcomes and the most memory in MiB."""
    process, memory = psutil.Process(running.process.pid), []

    async def watch():
        while True:
            memory.append(process.memory_info().rss / 2**20)
            await asyncio.sleep(0.1)

    async def client(http, number):
        text = f"word{number} council report secret " * 10
        requests = (("", []), ("classify", [text, "", 0]), ("explain", [text, ""]))
        return [await ask(http, *request) for request in requests]

    async def run():
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(base_url=running.address, timeout=300, limits=limits) as http:
            watcher = asyncio.create_task(watch())
            outcomes = await asyncio.gather(*(client(http, number) for number in range(clients)))
            watcher.cancel()
        return Counter(outcome for client in outcomes for outcome in client)

    return asyncio.run(run()), max(memory)


@pytest.mark.slow
def test_two_hundred_clients_at_once(checkpoint, tmp_path):
    with run_demo(tmp_path / "log.txt", checkpoint) as running:
        before = psutil.Process(running.process.pid).memory_info().rss / 2**20
        outcomes, most = load(running, clients=200)
        assert sum(outcomes.values()) == 600
        assert outcomes["answered (page, 200)"] == 200
        assert outcomes["answered (classify)"] >= 100
        rest = [outcome for outcome in outcomes if not outcome.startswith("answered")]
        assert all("Queue is full" in outcome for outcome in rest), outcomes
        assert most < before + 500
        again, _ = load(running, clients=20)
        assert all(outcome.startswith("answered") for outcome in again), again
