"""Start `glove-lstm demo` as people start it, serve the files of a folder, and look at the colours of a page."""

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
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from support import ROOT

RUNTIME = os.environ.get("ONNXRUNTIME_WEB")  # the npm package's folder `dist`; .ci/run gets it
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


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve the files of a folder on this machine, and yield the address of the folder."""
    handler = partial(SimpleHTTPRequestHandler, directory=folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()


# The colours of the letters of a text, and of all backgrounds behind them, the nearest first.
_COLOURS = """all => all.map(element => {
    const backgrounds = []
    for (let behind = element; behind; behind = behind.parentElement)
        backgrounds.push(getComputedStyle(behind).backgroundColor)
    return [element.innerText, getComputedStyle(element).color, backgrounds]
})"""


def assert_readable(page, *, is_dark: bool) -> None:
    """The results fit the screen, and their letters contrast with what is behind them by at least 4.5 to 1."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    shown = page.locator("#verdict, #words, #words mark").evaluate_all(_COLOURS)
    assert len(shown) > 5
    canvas = (0.0, 0.0, 0.0) if is_dark else (255.0, 255.0, 255.0)
    for text, letters, backgrounds in shown:
        behind = canvas
        for colour in reversed(backgrounds):
            behind = _over(colour, behind)
        assert _contrast(_over(letters, behind), behind) >= 4.5, (text, letters, backgrounds)
    assert (_luminance(behind) < 0.3) == is_dark


# The border of a box, and all backgrounds of the box and behind it, the nearest first.
_BORDER = """box => {
    const backgrounds = []
    for (let behind = box; behind; behind = behind.parentElement)
        backgrounds.push(getComputedStyle(behind).backgroundColor)
    const { borderTopWidth, borderTopStyle, borderTopColor } = getComputedStyle(box)
    return [parseFloat(borderTopWidth), borderTopStyle, borderTopColor, backgrounds]
}"""


def assert_visible_box(box, *, is_dark: bool = False) -> None:
    """The border of a box contrasts with what is in the box and around it by at least 3 to 1."""
    width, style, border, backgrounds = box.evaluate(_BORDER)
    assert width >= 1
    assert style == "solid"
    for behind_border in (backgrounds, backgrounds[1:]):
        behind = (0.0, 0.0, 0.0) if is_dark else (255.0, 255.0, 255.0)
        for colour in reversed(behind_border):
            behind = _over(colour, behind)
        assert _contrast(_over(border, behind), behind) >= 3, (border, backgrounds)


def _contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    darker, lighter = sorted([_luminance(one), _luminance(other)])
    return (lighter + 0.05) / (darker + 0.05)


def _over(colour: str, behind: tuple[float, ...]) -> tuple[float, ...]:
    """Return what a colour, named as browsers name it, makes of the one behind it."""
    numbers = [float(number) for number in re.findall(r"[\d.]+", colour)]
    opacity = numbers[3] if len(numbers) > 3 else 1.0
    return tuple(
        opacity * part + (1 - opacity) * other for part, other in zip(numbers, behind, strict=False)
    )


def _luminance(colour: tuple[float, ...]) -> float:
    """Relative luminance of a colour, from 0 to 1 (https://www.w3.org/TR/WCAG22)."""
    total = 0.0
    for number, weight in zip(colour, (0.2126, 0.7152, 0.0722), strict=True):
        value = number / 255
        linear = value / 12.92
        if value > 0.04045:
            linear = ((value + 0.055) / 1.055) ** 2.4
        total += weight * linear
    return total
