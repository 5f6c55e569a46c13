"""Load test: many clients at once, of which everyone gets an answer or a message.

python tests/app/load.py [--clients 200] [MODEL]

Each client fetches the page, classifies and explains over HTTP, without waiting for the others.
Prints the outcomes of the requests, their times, and the peak memory of the app.
"""

import argparse
import asyncio
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import httpx
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from app_server import Running, run_demo

_TIMEOUT = 300.0  # seconds after which a request counts as lost


class Load:
    """Requests of clients to a running app.

    Attributes:
        outcomes: Outcome -> number of requests; "lost" where no answer came.
        times: Seconds of each answered request.
        seconds: From the first request to the last answer.
        before_mb: Memory of the app before, in MiB.
        most_mb: The most memory meanwhile.
    """

    def __init__(self, running: Running, clients: int) -> None:
        """Send the requests and wait for the answers."""
        self.outcomes: Counter[str] = Counter()
        self.times: list[float] = []
        self._process = psutil.Process(running.process.pid)
        self.before_mb = self.most_mb = self._process.memory_info().rss / 2**20
        start = time.monotonic()
        asyncio.run(self._run(running.address, clients))
        self.seconds = time.monotonic() - start

    def __str__(self) -> str:
        times = sorted(self.times) or [0.0]
        return (
            f"{', '.join(f'{count} {outcome}' for outcome, count in self.outcomes.most_common())}\n"
            f"answered after {times[len(times) // 2]:.1f} s (median), {times[-1]:.1f} s (longest)\n"
            f"{self.seconds:.1f} s; memory {self.before_mb:.0f} MiB, then up to {self.most_mb:.0f} MiB"
        )

    async def _run(self, address: str, clients: int) -> None:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(base_url=address, timeout=_TIMEOUT, limits=limits) as http:
            watcher = asyncio.create_task(self._watch())
            await asyncio.gather(*(self._client(http, number) for number in range(clients)))
            watcher.cancel()

    async def _watch(self) -> None:
        while True:
            self.most_mb = max(self.most_mb, self._process.memory_info().rss / 2**20)
            await asyncio.sleep(0.1)

    async def _client(self, http: httpx.AsyncClient, number: int) -> None:
        text = f"word{number} council report secret " * 10
        for name, data in (("", []), ("classify", [text, "", 0]), ("explain", [text, ""])):
            start = time.monotonic()
            try:
                outcome = await _ask(http, name, data)
            except (httpx.HTTPError, ValueError) as error:
                outcome = f"lost ({type(error).__name__})"
            self.outcomes[outcome] += 1
            if outcome.startswith("answered"):
                self.times.append(time.monotonic() - start)


async def _ask(http: httpx.AsyncClient, name: str, data: list[object]) -> str:
    if not name:
        return f"answered (page, {(await http.get('/')).status_code})"
    posted = await http.post(f"/gradio_api/call/{name}", json={"data": data})
    if posted.status_code != 200:
        return f"refused ({posted.status_code}: {re.sub('[0-9]+', 'N', posted.json()['detail'])})"
    events = await http.get(f"/gradio_api/call/{name}/{posted.json()['event_id']}")
    event = re.search(r"event: (complete|error)\ndata: (.+)", events.text)
    if not event:
        return "lost (no event)"
    return f"answered ({name})" if event[1] == "complete" else f"error ({event[2][:80]})"


def main() -> None:
    """Start the app, load it, report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", nargs="*", help="a checkpoint; default: the one in the package")
    parser.add_argument("--clients", type=int, default=200)
    args = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as scratch,
        run_demo(Path(scratch) / "log", *args.model) as running,
    ):
        sys.stdout.write(f"{Load(running, args.clients)}\n")


if __name__ == "__main__":
    main()
