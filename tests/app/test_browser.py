"""The app in Chromium, as people use it."""

import pytest
from app_server import CHROMIUM, HOSTILE, assert_readable

playwright = pytest.importorskip(
    "playwright.sync_api", reason="needs playwright: pip install -e '.[test]'"
)
pytestmark = pytest.mark.skipif(
    not CHROMIUM, reason="needs Chromium: apt-get install chromium, or CHROMIUM=PATH"
)
DESKTOP = {"viewport": {"width": 1280, "height": 900}}
PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "color_scheme": "dark"}


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        # Chromium refuses to run in its sandbox as root, which CI is.
        opened = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def visit(browser, demo):
    """Open the app; the test fails if it reports an error, asks another host, or makes a traceback."""
    errors = []
    contexts = []
    log_before = demo.log.read_text(encoding="utf-8", errors="replace")

    def on_console(said):
        if said.type == "error":
            errors.append(f"{said.text} {said.location['url']}")

    def on_request(request):
        if not request.url.startswith((demo.address, "data:", "blob:")):
            errors.append(f"asked {request.url}")

    def open_page(options=DESKTOP):
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", on_console)
        page.on("request", on_request)
        page.goto(demo.address)
        page.get_by_label("Title").wait_for()
        return page

    yield open_page
    harmed = [context.pages[0].evaluate("window.harmed") for context in contexts]
    for context in contexts:
        context.close()
    assert not errors
    log = demo.log.read_text(encoding="utf-8", errors="replace")
    assert "Traceback" not in log.removeprefix(log_before)
    assert set(harmed) == {None}


def test_a_text_is_classified_at_a_click_and_by_the_keyboard(visit):
    page = visit()
    page.get_by_role("button", name="Loud style").click()
    page.locator("#words mark.for").first.wait_for()
    title = page.get_by_label("Title").input_value()
    assert title in page.locator("#words").inner_text()
    playwright.expect(page.locator("#verdict")).to_have_text("FAKE")
    page.get_by_label("Text", exact=True).fill("")
    page.get_by_label("Title").fill("")
    page.get_by_label("Title").focus()
    page.keyboard.type("Council reports")
    page.keyboard.press("Enter")
    playwright.expect(page.locator("#words")).to_have_text("Council reports")


def test_hostile_texts_do_no_harm(visit):
    page = visit()
    page.get_by_label("Title").fill(HOSTILE)
    page.get_by_label("Text", exact=True).fill(HOSTILE)
    page.get_by_role("button", name="Classify", exact=True).click()
    page.locator("#words mark").first.wait_for()
    assert page.locator("#words script, #words img, #words b, #words style").count() == 0
    assert "<script>window.harmed = 1</script>" in page.locator("#words").inner_text()
    assert page.get_by_role("button", name="Classify", exact=True).is_visible()


def test_results_fit_a_phone_and_are_readable_in_the_dark(visit):
    page = visit(PHONE)
    long_text = "the council said the miracle hoax that elites banned " * 20
    page.get_by_label("Text", exact=True).fill(long_text)
    page.get_by_role("button", name="Classify", exact=True).click()
    page.locator("#words mark").first.wait_for()
    assert_readable(page, is_dark=True)
