"""Starts `glove-lstm demo` for tests as people start it."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support import ROOT

# A text that does harm wherever it is shown as HTML, a template or a script.
HOSTILE = (
    "<script>window.harmed = 1</script><img src=x onerror='window.harmed = 1'><b>bold</b> ${window.harmed=1} "
    "`+(window.harmed=1)+` {{constructor}} </textarea></section><style>*{display:none}</style> "
    "\u202eright to left\u202c \u200bzero\u200dwidth\ufeff \u05e9\u05dc\u05d5\u05dd $$x$$ [a](javascript:alert(1))"
)
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
_SECONDS = 120  # a busy machine


@dataclass(frozen=True)
class Running:
    """Where it listens, its process, and the file of what it said so far."""

    address: str
    process: subprocess.Popen[bytes]
    log: Path


@contextmanager
def run_demo(log: Path, *args: object, **env: str) -> Iterator[Running]:
    """Start `scripts/demo.py ARGS`, and end it afterwards."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    start = (sys.executable, str(ROOT / "scripts" / "demo.py"), "--port", port)
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", **env}
    with log.open("wb") as file:
        process = subprocess.Popen(
            [*start, *map(str, args)], stdout=file, stderr=subprocess.STDOUT, env=environment
        )
    try:
        yield Running(wait_for_address(process, log), process, log)
    finally:
        process.terminate()
        process.wait(60)


def wait_for_address(process: subprocess.Popen[bytes], log: Path) -> str:
    """Return the address that it prints when it listens."""
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        text = log.read_text(encoding="utf-8")
        printed = re.search(r"Running at (http://\S+?)/?\s", text)
        if printed:
            return printed[1]
        assert process.poll() is None, text
        time.sleep(0.1)
    raise TimeoutError(log.read_text(encoding="utf-8"))
