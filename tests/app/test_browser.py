"""The page in Chromium, as people use it."""

from pathlib import Path

import pytest
from app_server import CHROMIUM, HOSTILE
from support import read_csv, write_articles

playwright = pytest.importorskip(
    "playwright.sync_api", reason="needs playwright: pip install -e '.[test]'"
)
pytestmark = pytest.mark.skipif(
    not CHROMIUM, reason="needs Chromium: apt-get install chromium, or CHROMIUM=PATH"
)

DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        # Chromium refuses to run in its sandbox as root, which CI is.
        opened = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def visit(browser, demo):
    """Open the page; the test fails if the page reports an error or asks another host."""
    errors, contexts = [], []

    def on_request(request):
        if not request.url.startswith((demo.address, "data:", "blob:")):
            errors.append(f"asked {request.url}")

    def open_page(size=DESKTOP, **options):
        context = browser.new_context(viewport=size, accept_downloads=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        page.on("request", on_request)
        page.goto(demo.address)
        page.get_by_label("Title").first.wait_for()
        return page

    yield open_page
    harmed = [context.pages[0].evaluate("window.harmed") for context in contexts]
    for context in contexts:
        context.close()
    assert not errors
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
    playwright.expect(page.locator("#verdict h2")).to_have_text("FAKE")
    assert "SHOCKING SECRET EXPOSED!" in page.locator("#words").inner_text()
    assert page.locator("#words span[style]").count() > 3
    page.get_by_role("slider").first.press("End")
    page.get_by_text("Not sure", exact=True).wait_for()
    page.get_by_role("button", name="What this does and does not mean").click()
    page.get_by_text("A few words get a score near 50").wait_for()


def test_label_a_table(visit, tmp_path):
    page = visit()
    open_tab(page, "Many")
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


@pytest.mark.parametrize(
    ("name", "size", "scheme"), [("phone", PHONE, "dark"), ("desktop", DESKTOP, "light")]
)
def test_every_tab_fits_the_screen(visit, name, size, scheme):
    page = visit(size, is_mobile=name == "phone", has_touch=True, color_scheme=scheme)
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, background[4:-1].split(", "))) < 150) == (scheme == "dark")

    def check(tab):
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), tab

    classify(page, "SHOCKING SECRET EXPOSED!", "the miracle hoax that elites banned " * 20)
    check("classify")
    open_tab(page, "Many")
    check("many")


def test_the_keyboard_is_enough(visit):
    page = visit()

    def tab_to(wanted):
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate(wanted):
                return
        raise AssertionError(wanted)

    tab_to("document.activeElement.closest('label')?.innerText.startsWith('Title')")
    page.keyboard.type("council report statement")
    tab_to(
        "document.activeElement.innerText === 'Classify' && document.activeElement.role !== 'tab'"
    )
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    page.locator("#words .explanation").wait_for()
