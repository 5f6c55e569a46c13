"""The pictures of the app: docs/app.png on a desktop, docs/app-phone.png on a phone in the dark.

python tests/app/screenshots.py [MODEL]
"""

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from app_server import CHROMIUM, run_demo
from support import ROOT


def picture(browser: Browser, address: str, name: str, **options: object) -> None:
    """Classify the loud example and save the page in 128 colours."""
    page = browser.new_context(**options).new_page()  # type: ignore[arg-type]
    page.set_default_timeout(120_000)
    page.goto(address)
    page.get_by_role("button", name="Loud style").first.click()
    page.get_by_role("button", name="Classify", exact=True).click()
    page.locator("#words .explanation").wait_for()
    page.mouse.move(0, 0)
    page.wait_for_timeout(1000)  # until gradio's animations end
    image = Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")
    image.quantize(128).save(ROOT / "docs" / f"{name}.png", optimize=True)


def main() -> None:
    """Start the app and take the pictures."""
    with (
        tempfile.TemporaryDirectory() as scratch,
        run_demo(Path(scratch) / "log.txt", *sys.argv[1:]) as running,
        sync_playwright() as started,
    ):
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        picture(browser, running.address, "app", viewport={"width": 960, "height": 700})
        phone = {"viewport": {"width": 390, "height": 800}, "is_mobile": True}
        picture(browser, running.address, "app-phone", color_scheme="dark", **phone)


if __name__ == "__main__":
    main()
