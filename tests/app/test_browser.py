"""The page in Chromium, as people use it."""

import re
from pathlib import Path

import pytest
from app_server import CHROMIUM, HOSTILE
from support import read_csv, write_articles

from glove_lstm.app.api import MAX_CHARACTERS

playwright = pytest.importorskip(
    "playwright.sync_api", reason="needs playwright: pip install -e '.[test]'"
)
pytestmark = pytest.mark.skipif(
    not CHROMIUM, reason="needs Chromium: apt-get install chromium, or CHROMIUM=PATH"
)

VERDICT = re.compile(r"^\s*resembles FAKE sources, \d+ %\s*$")
UNSURE = re.compile(r"^\s*unsure, nearest to FAKE sources, \d+ %\s*$")
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        # Chromium refuses to run in its sandbox as root, which CI is.
        opened = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def visit(browser, demo):
    """Open the page; the test fails if the page reports an error, asks another host, or makes a traceback."""
    errors = []
    contexts = []
    log_before = demo.log.read_text(encoding="utf-8", errors="replace")

    def on_console(said):
        if said.type == "error":
            errors.append(f"{said.text} {said.location['url']}")

    def on_request(request):
        if not request.url.startswith((demo.address, "data:", "blob:")):
            errors.append(f"asked {request.url}")

    def open_page(size=DESKTOP, **options):
        context = browser.new_context(viewport=size, accept_downloads=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", on_console)
        page.on("request", on_request)
        page.goto(demo.address)
        page.get_by_label("Title").first.wait_for()
        return page

    yield open_page
    harmed = [context.pages[0].evaluate("window.harmed") for context in contexts]
    for context in contexts:
        context.close()
    assert not errors
    log = demo.log.read_text(encoding="utf-8", errors="replace")
    assert "Traceback" not in log.removeprefix(log_before)
    assert set(harmed) == {None}


def open_tab(page, name):
    page.get_by_role("tab", name=name).click()
    page.wait_for_timeout(200)  # tabs fade in


def classify(page, title, text=""):
    page.get_by_label("Title").first.fill(title)
    page.get_by_label("Text", exact=True).first.fill(text)
    page.get_by_role("button", name="Classify", exact=True).click()
    page.locator("#words .explanation").wait_for()


def test_classify_an_article(visit):
    page = visit()
    page.get_by_role("button", name="Loud style").click()
    title = page.get_by_label("Title").first
    playwright.expect(title).to_have_value("You WON'T BELIEVE what the ferry company is HIDING!!!")
    classify(page, "SHOCKING SECRET EXPOSED!", "the miracle hoax that elites banned")
    playwright.expect(page.locator("#verdict")).to_have_text(VERDICT)
    assert "SHOCKING SECRET EXPOSED!" in page.locator("#words").inner_text()
    assert page.locator("#words span[style]").count() > 3
    page.get_by_role("slider").first.press("End")
    playwright.expect(page.locator("#verdict")).to_have_text(UNSURE)
    page.get_by_role("button", name="What this does and does not mean").click()
    page.get_by_text("A few words get a score near 50").wait_for()


def test_label_a_table(visit, tmp_path):
    page = visit()
    open_tab(page, "A file")
    table = write_articles(tmp_path / "<b>news<img src=x>.csv", 149)
    with table.open("a", encoding="utf-8") as file:
        file.write('9,"' + HOSTILE.replace('"', "'") + '",a,FAKE\n')
    page.locator("input[type=file]").first.set_input_files(table)
    page.get_by_role("button", name="Label all rows").click()
    page.get_by_text("150 rows labelled.").wait_for()
    with page.expect_download() as download:
        page.locator("a[download^=labels]").first.click()
    rows = read_csv(Path(download.value.path()))
    assert [row["row"] for row in rows] == [str(number) for number in range(1, 151)]
    assert {row["label"] for row in rows} <= {"FAKE", "REAL"}
    assert page.locator("img[src=x]").count() == 0


def test_hostile_texts_do_no_harm(visit):
    page = visit()
    classify(page, HOSTILE, HOSTILE)
    assert page.locator("#words script, #words img, #words b, #words style").count() == 0
    assert "<script>window.harmed = 1</script>" in page.locator("#words").inner_text()
    assert page.get_by_role("button", name="Classify", exact=True).is_visible()


def test_a_text_that_is_too_large_is_one_message(visit):
    page = visit()
    page.get_by_label("Text", exact=True).first.fill("a" * (MAX_CHARACTERS + 10))
    page.get_by_role("button", name="Classify", exact=True).click()
    message = page.get_by_test_id("toast-text")
    playwright.expect(message).to_have_text(
        f"A text may have at most {MAX_CHARACTERS:,} characters. Send a part of it."
    )


def luminance(colour):
    """Relative luminance of a colour that the browser names, from 0 to 1 (https://www.w3.org/TR/WCAG22)."""
    total = 0.0
    numbers = re.findall(r"[\d.]+", colour)[:3]
    for number, weight in zip(numbers, (0.2126, 0.7152, 0.0722), strict=True):
        value = float(number) / 255
        linear = value / 12.92
        if value > 0.04045:
            linear = ((value + 0.055) / 1.055) ** 2.4
        total += weight * linear
    return total


# The colours of the letters and of the background behind them, for each element with a text of its own.
COLOURS = """all => all.map(element => {
    const colour = getComputedStyle(element).color
    let behind = element
    while (getComputedStyle(behind).backgroundColor === "rgba(0, 0, 0, 0)") behind = behind.parentElement
    return [element.innerText, colour, getComputedStyle(behind).backgroundColor]
})"""


def contrast(first, second):
    """Contrast of two colours, from 1 to 21; 4.5 is enough for letters."""
    darker, lighter = sorted([luminance(first), luminance(second)])
    return (lighter + 0.05) / (darker + 0.05)


def assert_fits(page):
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize(
    ("name", "size", "scheme"), [("phone", PHONE, "dark"), ("desktop", DESKTOP, "light")]
)
def test_every_tab_fits_the_screen_and_results_are_readable(visit, name, size, scheme):
    page = visit(size, is_mobile=name == "phone", has_touch=True, color_scheme=scheme)
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (luminance(background) < 0.2) == (scheme == "dark")

    long_text = "the council said the miracle hoax that elites banned " * 20
    classify(page, "SHOCKING SECRET EXPOSED!", long_text)
    assert_fits(page)
    elements = page.locator("#verdict p, #words pre, #words span").evaluate_all(COLOURS)
    assert len(elements) > 5
    for text, letters, behind in elements:
        assert contrast(letters, behind) >= 4.5, (text, letters, behind)
    open_tab(page, "A file")
    assert_fits(page)


def test_the_keyboard_is_enough(visit):
    page = visit()

    def tab_to(is_wanted):
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate(f"(({is_wanted})(document.activeElement))"):
                return
        raise AssertionError(is_wanted)

    tab_to("element => element.closest('label')?.innerText.startsWith('Title')")
    page.keyboard.type("council report statement")
    tab_to("element => element.innerText === 'Classify' && element.role !== 'tab'")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    page.locator("#words .explanation").wait_for()
