"""The pictures of the page in docs/, light and dark, as `glove-lstm demo` shows it.

python docs/screenshots.py
"""

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from support import ROOT
from web_server import CHROMIUM, run_demo

PICTURES = {"light": "page.png", "dark": "page_dark.png"}  # by colour scheme
VIEWPORT = {"width": 720, "height": 600}


def main() -> None:
    """Choose the loud example, and save pictures in 128 colours."""
    with (
        sync_playwright() as started,
        tempfile.TemporaryDirectory() as scratch,
        run_demo(Path(scratch) / "log.txt") as running,
    ):
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for scheme, name in PICTURES.items():
            page = browser.new_page(viewport=VIEWPORT, color_scheme=scheme)
            page.goto(running.address)
            page.get_by_role("button", name="Loud style").click()
            page.locator("#words mark").first.wait_for()
            page.mouse.move(0, 0)
            image = Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")
            image.quantize(128).save(ROOT / "docs" / name, optimize=True)


if __name__ == "__main__":
    main()
