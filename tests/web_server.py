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


# Of each element: its text, a colour of it, and all backgrounds behind that colour, the nearest first.
_COLOURS = """(all, colour) => all.map(element => {
    const backgrounds = []
    for (let behind = element; behind; behind = behind.parentElement)
        backgrounds.push(getComputedStyle(behind).backgroundColor)
    return [element.innerText, getComputedStyle(element)[colour], backgrounds]
})"""


def contrasts(elements, colour, *, is_dark: bool, is_around: bool = False):
    """For each element: its text, the contrast of a colour with what is in (or around) it, and how light that is."""
    for text, own, backgrounds in elements.evaluate_all(_COLOURS, colour):
        behind = (0.0, 0.0, 0.0) if is_dark else (255.0, 255.0, 255.0)
        for background in reversed(backgrounds[is_around:]):
            behind = _over(background, behind)
        yield text, _contrast(_over(own, behind), behind), _luminance(behind)


def assert_readable(page, *, is_dark: bool) -> None:
    """Results fit the screen; letters contrast with what is behind them by 4.5 to 1, and borders of boxes by 3 to 1."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    shown = list(contrasts(page.locator("#verdict, #words, #words mark"), "color", is_dark=is_dark))
    assert len(shown) > 5
    for text, contrast, lightness in shown:
        assert contrast >= 4.5, text
        assert (lightness < 0.3) == is_dark
    boxes = page.locator("input, textarea")
    for is_around in (False, True):
        borders = contrasts(boxes, "borderTopColor", is_dark=is_dark, is_around=is_around)
        assert all(contrast >= 3 for _, contrast, _ in borders)
    for box in boxes.all():
        style = box.evaluate("box => getComputedStyle(box).borderTop")
        assert re.match(r"[1-9].*px solid", style), style


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
