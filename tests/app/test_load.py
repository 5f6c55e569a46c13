"""200 clients at once: each gets its own answers, and memory stays bounded. `make load` prints the figures."""

import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from app_server import call, run_demo, upload
from bulk_worker import peak_memory

CLIENTS = 200


def visit(address, number):
    """Do what a visitor does: open the page, classify, explain and label a table. Return the slowest answer's seconds.

    Each visitor has a word and a number of rows that no other has, and looks for the files of others.
    """
    own_word = f"word{number}"
    text = f"{own_word} council report secret " * 10
    table = "text\n" + f"{text}\n" * (number + 1)
    slowest = 0.0

    def ask(http, name, *data):
        nonlocal slowest
        start = time.perf_counter()
        answered, answer = call(http, name, *data)
        slowest = max(slowest, time.perf_counter() - start)
        assert answered, answer
        return answer

    with httpx.Client(base_url=address, timeout=600) as http:
        assert http.get("/").status_code == 200

        (answer,) = ask(http, "classify", text, "", 0)
        assert answer["label"] in ("FAKE", "REAL")

        (explanation,) = ask(http, "explain", text, "")
        assert explanation["text"] == text

        path = upload(http, "table.csv", table)
        download, summary = ask(http, "label_file", path, "")
        assert summary.startswith(f"{number + 1} rows labelled")
        labels = http.get(f"/gradio_api/file={download['path']}")
        assert len(labels.text.splitlines()) == number + 2  # with the line of names

        folder = Path(path["path"]).parent
        for secret in ("/etc/passwd", str(Path(__file__)), str(folder), str(folder.parent)):
            assert http.get(f"/gradio_api/file={secret}").status_code == 403
    return slowest


@pytest.mark.slow
def test_two_hundred_clients_at_once(checkpoint, tmp_path):
    log = tmp_path / "log.txt"
    with run_demo(log, checkpoint) as running:
        before = peak_memory(running.process.pid)
        start = time.perf_counter()
        with ThreadPoolExecutor(CLIENTS) as pool:
            seconds = list(pool.map(visit, [running.address] * CLIENTS, range(CLIENTS)))
        total = time.perf_counter() - start
        more_memory = peak_memory(running.process.pid) - before
    sys.stdout.write(
        f"\n{CLIENTS} clients, {3 * CLIENTS} requests in {total:.0f} s, none lost; "
        f"slowest answer {max(seconds):.0f} s; {more_memory:.0f} MB more memory\n"
    )
    assert more_memory < 500
    assert not re.search("Traceback|ERROR", log.read_text(encoding="utf-8"))
