"""The pictures of the app and of the static page in docs/.

python docs/screenshots.py

app.png is the app on a desktop, page.png the static page on a phone in the dark. The page needs the folder of
onnxruntime-web in ONNXRUNTIME_WEB; without it, page.png is not taken.
"""

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from app_server import CHROMIUM, run_demo
from support import ROOT
from web_server import RUNTIME, serve_page

DESKTOP = {"viewport": {"width": 960, "height": 700}}
PHONE = {"viewport": {"width": 390, "height": 800}, "is_mobile": True, "color_scheme": "dark"}


def open_page(browser: Browser, address: str, options: dict) -> Page:
    """Open a page and choose the loud example."""
    page = browser.new_context(**options).new_page()
    page.set_default_timeout(120_000)
    page.goto(address)
    page.get_by_role("button", name="Loud style").first.click()
    return page


def save(page: Page, name: str) -> None:
    """Save a picture of the page in 128 colours."""
    page.mouse.move(0, 0)
    page.wait_for_timeout(1000)  # until gradio's animations end
    image = Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")
    image.quantize(128).save(ROOT / "docs" / f"{name}.png", optimize=True)


def picture_app(browser: Browser) -> None:
    """Classify the example in the app."""
    with tempfile.TemporaryDirectory() as scratch, run_demo(Path(scratch) / "log.txt") as running:
        page = open_page(browser, running.address, DESKTOP)
        page.locator("#words mark").first.wait_for()
        save(page, "app")


def picture_page(browser: Browser) -> None:
    """Classify the example in the static page."""
    with tempfile.TemporaryDirectory() as scratch, serve_page(Path(scratch) / "site") as address:
        page = open_page(browser, address, PHONE)
        page.locator("#words mark").first.wait_for()
        save(page, "page")


def main() -> None:
    """Take the pictures."""
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        picture_app(browser)
        if RUNTIME:
            picture_page(browser)


if __name__ == "__main__":
    main()
