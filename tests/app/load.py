"""Many clients at once on one app: everyone gets an answer or a refusal in words, and memory stays bounded.

python tests/app/load.py [--clients 200] [--rounds 3] [--words 200] [MODEL]

Each client classifies, explains and fetches the page, over HTTP, without waiting for the others. Prints what came of
the requests, how long they took, and the most memory that the app held.
"""

import argparse
import asyncio
import re
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from app_server import Running, run_demo

_TIMEOUT = 300.0  # seconds that a client waits; a lost request is one that waits longer


@dataclass
class Outcome:
    """What came of all requests.

    Attributes:
        answers: Kind of answer -> how many requests got it; "lost" where none came.
        seconds: Of each answered request.
        before_mb: Memory of the app before, in MiB.
        most_mb: The most that it held meanwhile.
        wall: Seconds that all took together.
    """

    answers: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    before_mb: float = 0.0
    most_mb: float = 0.0
    wall: float = 0.0

    def __str__(self) -> str:
        times = sorted(self.seconds) or [0.0]
        kinds = ", ".join(f"{count} {kind}" for kind, count in self.answers.most_common())
        return (
            f"{kinds}\nanswered after {times[len(times) // 2]:.1f} s (median), {times[-1]:.1f} s (longest); "
            f"{self.wall:.1f} s in all\nmemory {self.before_mb:.0f} MiB before, at most {self.most_mb:.0f} MiB"
        )


def load(running: Running, clients: int, rounds: int, words: int) -> Outcome:
    """Let the clients loose."""
    return asyncio.run(_load(running, clients, rounds, words))


async def _load(running: Running, clients: int, rounds: int, words: int) -> Outcome:
    process = psutil.Process(running.process.pid)
    found = Outcome(before_mb=process.memory_info().rss / 2**20)
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=running.address, timeout=_TIMEOUT, limits=limits) as http:
        watcher = asyncio.create_task(_watch(process, found))
        start = time.monotonic()
        await asyncio.gather(*(_client(http, number, rounds, words, found) for number in range(clients)))
        found.wall = time.monotonic() - start
        watcher.cancel()
    return found


async def _watch(process: psutil.Process, found: Outcome) -> None:
    while True:
        found.most_mb = max(found.most_mb, process.memory_info().rss / 2**20)
        await asyncio.sleep(0.1)


async def _client(http: httpx.AsyncClient, number: int, rounds: int, words: int, found: Outcome) -> None:
    text = " ".join(f"word{number} council report secret".split()[i % 4] for i in range(words))
    for turn in range(rounds):
        for ask in (
            _page(http),
            _ask(http, "classify", [text, "", 0]),
            _ask(http, "explain", [text, f"{turn}", ""]),
        ):
            start = time.monotonic()
            try:
                answer = await ask
            except (httpx.HTTPError, ValueError) as error:
                answer = f"lost ({type(error).__name__})"
            found.answers[answer] += 1
            if answer.startswith("answered"):
                found.seconds.append(time.monotonic() - start)


async def _page(http: httpx.AsyncClient) -> str:
    got = await http.get("/")
    return "answered (page)" if got.status_code == 200 else f"refused ({got.status_code})"


async def _ask(http: httpx.AsyncClient, name: str, data: list[object]) -> str:
    posted = await http.post(f"/gradio_api/call/{name}", json={"data": data})
    if posted.status_code != 200:
        said = re.sub(r"\d+", "N", posted.json()["detail"])
        return f"refused ({posted.status_code}: {said})"
    got = await http.get(f"/gradio_api/call/{name}/{posted.json()['event_id']}")
    event = re.search(r"event: (complete|error)\ndata: (.+)", got.text)
    if not event:
        return "lost (no event)"
    return f"answered ({name})" if event[1] == "complete" else f"error ({event[2][:80]})"


def main() -> None:
    """Start the app, load it, report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", nargs="*", help="a checkpoint; default: the one that ships with the package")
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--words", type=int, default=200, help="of each text")
    args = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as scratch,
        run_demo(Path(scratch) / "log.txt", *args.model) as running,
    ):
        sys.stdout.write(f"{load(running, args.clients, args.rounds, args.words)}\n")


if __name__ == "__main__":
    main()
