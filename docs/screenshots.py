"""The picture of the page in docs/, as `glove-lstm demo` shows it.

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

DESKTOP = {"viewport": {"width": 960, "height": 700}}


def main() -> None:
    """Choose the loud example, and save a picture in 128 colours."""
    with (
        sync_playwright() as started,
        tempfile.TemporaryDirectory() as scratch,
        run_demo(Path(scratch) / "log.txt") as running,
    ):
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context(**DESKTOP).new_page()
        page.goto(running.address)
        page.get_by_role("button", name="Loud style").click()
        page.locator("#words mark").first.wait_for()
        page.mouse.move(0, 0)
        image = Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")
        image.quantize(128).save(ROOT / "docs" / "page.png", optimize=True)


if __name__ == "__main__":
    main()
