"""200 clients at once: each gets its own answers, and memory stays bounded. `make load` prints the figures."""

import re
import ssl
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from app_server import call, upload

CLIENTS = 200
TLS = ssl.create_default_context()  # not used, but each client would make its own, which takes long


def visit(address, number):
    """Do what a visitor does: open the page, classify, explain and label a table. Return the slowest answer's seconds.

    Each visitor has a word and a number of rows that no other has, and looks for the files of others.
    """
    own_word = f"word{number}"
    text = f"{own_word} council report secret " * 10
    rows = number + 1
    slowest = 0.0

    def ask(http, name, *data):
        nonlocal slowest
        start = time.perf_counter()
        answered, answer = call(http, name, *data)
        slowest = max(slowest, time.perf_counter() - start)
        assert answered, answer
        return answer

    with httpx.Client(base_url=address, timeout=600, verify=TLS) as http:
        assert http.get("/").status_code == 200

        [answer] = ask(http, "classify", text, "", 0)
        assert answer["label"] in ("FAKE", "REAL")

        [explanation] = ask(http, "explain", text, "")
        assert explanation["text"] == text

        table = upload(http, "table.csv", "text\n" + f"{own_word} council\n" * rows)
        download, summary = ask(http, "label_file", table, "")
        assert summary.startswith(f"{rows} rows labelled")
        labels = http.get(f"/gradio_api/file={download['path']}")
        assert len(labels.text.splitlines()) == rows + 1  # with the line of names

        all_uploads = Path(table["path"]).parents[1]
        assert http.get(f"/gradio_api/file={all_uploads}").status_code == 403
    return slowest


def memory(process, kind):
    """MB of a process: VmRSS now, VmHWM at most so far. Needs Linux."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(rf"{kind}:\s+(\d+) kB", status)[1]) / 1024


@pytest.mark.slow
def test_two_hundred_clients_at_once(demo):
    log_before = demo.log.read_text(encoding="utf-8")
    memory_before = memory(demo.process, "VmRSS")
    start = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        seconds = list(pool.map(visit, [demo.address] * CLIENTS, range(CLIENTS)))
    total = time.perf_counter() - start
    more_memory = memory(demo.process, "VmHWM") - memory_before
    sys.stdout.write(
        f"\n{CLIENTS} clients, {3 * CLIENTS} requests in {total:.0f} s, none lost; "
        f"slowest answer {max(seconds):.0f} s; {more_memory:.0f} MB more memory\n"
    )
    assert more_memory < 500
    log = demo.log.read_text(encoding="utf-8").removeprefix(log_before)
    assert not re.search("Traceback|ERROR", log)
