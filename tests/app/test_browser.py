"""The app in Chromium, as people use it."""

import pytest
from app_server import CHROMIUM, HOSTILE
from web_server import assert_visible_box

from glove_lstm.app import MOST_CHARACTERS, MOST_WHILE_TYPING

playwright = pytest.importorskip(
    "playwright.sync_api", reason="needs playwright: pip install -e '.[test]'"
)
playwright.expect.set_options(timeout=30_000)  # a busy machine
pytestmark = pytest.mark.skipif(
    not CHROMIUM, reason="needs Chromium: apt-get install chromium, or CHROMIUM=PATH"
)


@pytest.fixture
def page(demo, browser):
    """The app; the test fails if it reports an error, asks another host, makes a traceback or comes to harm."""
    errors = []
    log_before = demo.log.read_text(encoding="utf-8", errors="replace")

    def on_console(said):
        if said.type == "error":
            errors.append(f"{said.text} {said.location['url']}")

    def on_request(request):
        if not request.url.startswith((demo.address, "data:", "blob:")):
            errors.append(f"asked {request.url}")

    page = browser.new_page()  # with cookies and storage of its own
    page.set_default_timeout(30_000)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", on_console)
    page.on("request", on_request)
    page.goto(demo.address)
    page.get_by_label("Title").wait_for()
    yield page
    assert page.evaluate("window.harmed") is None
    page.close()
    assert not errors
    log = demo.log.read_text(encoding="utf-8", errors="replace")
    assert "Traceback" not in log.removeprefix(log_before)


def test_texts_are_classified_at_a_click_and_by_the_keyboard(page):
    """An example, a text that is typed, and one that does harm where it is shown as HTML."""
    title = page.get_by_label("Title")
    text = page.get_by_label("Text", exact=True)
    page.get_by_role("button", name="Loud style").click()
    page.locator("#words mark.for").first.wait_for()
    assert title.input_value() in page.locator("#words").inner_text()
    playwright.expect(page.locator("#verdict")).to_have_text("FAKE")
    text.fill("")
    title.fill("")
    title.focus()
    page.keyboard.type("Council reports")
    page.keyboard.press("Enter")
    playwright.expect(page.locator("#words")).to_have_text("Council reports")

    title.fill(HOSTILE)
    text.fill(HOSTILE)
    page.get_by_role("button", name="Classify", exact=True).click()
    playwright.expect(page.locator("#words")).to_contain_text("<script>window.harmed = 1</script>")
    assert page.locator("#words mark").count() > 2
    assert page.locator("#words script, #words img, #words b, #words style").count() == 0
    assert page.get_by_role("button", name="Classify", exact=True).is_visible()


def test_the_answer_comes_while_a_person_types(page):
    """The last text wins, and no button is pressed."""
    expect = playwright.expect
    words = page.locator("#words")
    page.get_by_label("Text", exact=True).focus()
    page.keyboard.type("SHOCKING secret exposed")
    expect(page.locator("#verdict")).to_have_text("FAKE")
    expect(words).to_have_text("SHOCKING secret exposed")
    words.locator("mark").first.wait_for()
    page.keyboard.type(" by the council")
    expect(words).to_have_text("SHOCKING secret exposed by the council")

    page.get_by_label("Text", exact=True).fill(" ")
    expect(page.locator("#verdict")).to_contain_text("nothing to classify")
    expect(words).to_be_empty()


def test_a_long_text_is_marked_only_at_a_click(page):
    """Marking takes a classification for each word, and would make typing slow."""
    expect = playwright.expect
    text = page.get_by_label("Text", exact=True)
    words = page.locator("#words")
    text.fill("SHOCKING secret exposed " * (MOST_WHILE_TYPING // 20))
    expect(page.locator("#verdict")).to_have_text("FAKE")
    expect(words).to_contain_text("Classify marks the words")
    page.get_by_role("button", name="Classify", exact=True).click()
    words.locator("mark").first.wait_for()
    text.press_sequentially("more")
    expect(words).to_contain_text("Classify marks the words")

    text.fill("secret " * 10_000)
    expect(page.locator("#verdict")).to_contain_text(f"at most {MOST_CHARACTERS:,} characters")
    expect(words).to_be_empty()


def test_boxes_can_be_seen_in_the_light_app(page):
    for label in ("Title", "Text"):
        assert_visible_box(page.get_by_label(label, exact=True))
