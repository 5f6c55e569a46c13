"""Serve the files of a folder, and look at the colours of a page."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

RUNTIME = os.environ.get("ONNXRUNTIME_WEB")  # the npm package's folder `dist`; .ci/run gets it


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
