"""The page in a real Chromium, as people use it; pictures of it go to build/screenshots."""

import csv
import os
import shutil
from pathlib import Path

import pytest
from support import ROOT, write_articles

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install -e '.[test]'")
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(
    not CHROMIUM, reason="needs Chromium: apt-get install chromium, or CHROMIUM=PATH"
)

PICTURES = ROOT / "build" / "screenshots"
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}
TABS = ("Classify", "Many", "Compare", "Words", "About")
HOSTILE = (
    "<script>window.harmed = 1</script><img src=x onerror='window.harmed = 1'><b>bold</b> ${window.harmed=1} "
    "`+(window.harmed=1)+` {{constructor}} {window.harmed=1} </textarea></section><style>*{display:none}</style> "
    "\u202eright to left\u202c \u200bzero\u200dwidth\ufeff \u05e9\u05dc\u05d5\u05dd $$x$$ [a](javascript:alert(1))"
)


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        # Chromium refuses to run in its sandbox as root, which CI is.
        opened = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def visit(browser, demo):
    """Open the page; afterwards nothing may have gone wrong in it, and nobody else may have been asked."""
    troubles, contexts = [], []

    def open_page(size=DESKTOP, **options):
        context = browser.new_context(viewport=size, accept_downloads=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", lambda said: troubles.append(said.text) if said.type == "error" else None)
        page.on(
            "request",
            lambda asked: (
                None
                if asked.url.startswith((demo.address, "data:", "blob:"))
                else troubles.append(f"asked {asked.url}")
            ),
        )
        page.goto(demo.address)
        page.get_by_label("Title").first.wait_for()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not troubles


def picture(page, name):
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png", full_page=True)


def open_tab(page, name):
    page.get_by_role("tab", name=name).click()
    page.wait_for_timeout(200)  # tabs fade in


def classify(page, title, text=""):
    page.get_by_label("Title").first.fill(title)
    page.get_by_label("Text", exact=True).first.fill(text)
    page.get_by_role("button", name="Classify", exact=True).click()
    page.locator("#verdict .label").wait_for()
    page.locator("#words .explanation").wait_for()


def fits(page):
    return page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_type_an_article_see_label_and_highlights(visit):
    page = visit()
    classify(page, "SHOCKING SECRET EXPOSED!", "the miracle hoax that elites banned")
    assert page.locator("#verdict .label").inner_text() == "FAKE"
    meter = page.get_by_role("meter")
    assert 50 < float(meter.get_attribute("aria-valuenow")) <= 100
    assert "SHOCKING SECRET EXPOSED!" in page.locator("#words").inner_text()
    assert page.locator("#words span[title], #words mark").count() > 3
    picture(page, "classify-desktop")
    classify(page, "council secret")
    page.get_by_role("slider").first.press("End")
    page.get_by_text("Not sure", exact=True).wait_for()
    page.get_by_role("button", name="What this does and does not mean").click()
    page.get_by_text("nobody checked what they say").wait_for()


def test_examples_and_text_files(visit, tmp_path):
    page = visit()
    page.get_by_role("button", name="Loud style").first.click()
    title = page.get_by_label("Title").first
    playwright.expect(title).to_have_value("You WON'T BELIEVE what the ferry company is HIDING!!!")
    (tmp_path / "a.txt").write_text("council report \u2014 statement", encoding="utf-8")
    page.locator("input[type=file]").first.set_input_files(tmp_path / "a.txt")
    playwright.expect(page.get_by_label("Text", exact=True).first).to_have_value(
        "council report \u2014 statement"
    )


def test_upload_a_table_and_download_the_labels(visit, tmp_path):
    page = visit()
    open_tab(page, "Many")
    table = write_articles(tmp_path / "<b>news<img src=x>.csv", 149)
    with table.open("a", encoding="utf-8") as file:
        file.write('9,"' + HOSTILE.replace('"', "'") + '",a,FAKE\n')
    page.locator("input[type=file]:visible, .file-drop input[type=file], input[type=file]").nth(
        1
    ).set_input_files(table)
    page.get_by_role("button", name="Label all rows").click()
    page.get_by_text("150 rows labelled.").wait_for()
    with page.expect_download() as found:
        page.locator("a[download^=labels]").first.click()
    rows = list(csv.DictReader(Path(found.value.path()).read_text(encoding="utf-8").splitlines()))
    assert [row["row"] for row in rows] == [str(number) for number in range(1, 151)]
    assert {row["label"] for row in rows} <= {"FAKE", "REAL"}
    picture(page, "many-desktop")
    assert page.locator("img[src=x]").count() == 0
    assert page.evaluate("window.harmed === undefined")


def test_hostile_articles_do_no_harm(visit, demo):
    page = visit()
    classify(page, HOSTILE, HOSTILE)
    assert page.evaluate("window.harmed === undefined")
    assert page.locator("#words script, #words img, #words b, #words style").count() == 0
    assert "<script>window.harmed = 1</script>" in page.locator("#words").inner_text()
    assert page.get_by_role("button", name="Classify", exact=True).is_visible()
    open_tab(page, "Compare")
    page.get_by_label("Title").nth(1).fill(HOSTILE)
    page.get_by_role("button", name="Compare", exact=True).click()
    page.locator(".explanation").nth(2).wait_for()
    open_tab(page, "Words")
    page.get_by_label("Word", exact=True).fill(HOSTILE[:90])
    page.get_by_role("button", name="Find").click()
    page.get_by_text("is not among the").first.wait_for()
    assert page.evaluate("window.harmed === undefined")


def test_an_article_of_five_megabytes_is_refused_in_words(browser, demo):
    context = browser.new_context(viewport=DESKTOP)
    page = context.new_page()
    page.goto(demo.address)
    page.get_by_label("Title").first.fill("A title")
    page.get_by_label("Text", exact=True).first.focus()
    page.keyboard.insert_text("word " * (1 << 20))
    page.get_by_role("button", name="Classify", exact=True).click()
    page.get_by_text("at most 100,000 characters").first.wait_for(timeout=60_000)
    page.get_by_label("Text", exact=True).first.fill("short")
    page.get_by_role("button", name="Classify", exact=True).click()
    page.locator("#verdict .label").wait_for()
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_nothing_scrolls_sideways(visit, scheme):
    page = visit(PHONE, is_mobile=True, has_touch=True, color_scheme=scheme)
    classify(page, "SHOCKING SECRET EXPOSED!", "the miracle hoax that elites banned " * 20)
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, background[4:-1].split(", "))) < 150) == (scheme == "dark")
    for tab in TABS:
        open_tab(page, tab)
        if tab == "Words":
            for button in ("Find", "Solve", "Draw"):
                page.get_by_role("button", name=button, exact=True).click()
            page.locator(".map").first.wait_for()
        if tab == "About":
            page.locator(".card").wait_for()
        assert fits(page), tab
        picture(page, f"{tab.lower()}-phone-{scheme}")


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
    tab_to("document.activeElement.innerText === 'Classify' && document.activeElement.role !== 'tab'")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"  # one sees where one is
    page.keyboard.press("Enter")
    page.locator("#verdict .label").wait_for()
    page.evaluate("document.querySelector('[role=tab][aria-selected=true]').focus()")
    for _ in range(3):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Find").wait_for()


def test_every_tab_on_a_desktop(visit):
    page = visit()
    open_tab(page, "Compare")
    page.get_by_label("Title").nth(1).fill("SHOCKING secret exposed")
    page.get_by_role("button", name="Compare", exact=True).click()
    page.locator(".explanation").nth(1).wait_for()
    assert page.get_by_role("heading", name="other-model").is_visible()
    picture(page, "compare-desktop")
    open_tab(page, "Words")
    page.get_by_label("Word", exact=True).fill("council")
    page.get_by_label("Words", exact=True).fill("council, budget report SHOCKING secret")
    for label, word in (("one", "council"), ("other", "budget"), ("third", "secret")):
        page.get_by_label(label, exact=True).fill(word)
    for button in ("Find", "Solve", "Draw"):
        page.get_by_role("button", name=button, exact=True).click()
    page.locator(".map").nth(1).wait_for()
    page.locator("table.words").nth(3).wait_for()
    picture(page, "words-desktop")
    open_tab(page, "About")
    page.locator(".card h1").wait_for()
    assert page.locator(".plots img, .card img").count() >= 3
    picture(page, "about-desktop")
