"""The page, written by `push --space_dir` and shown by `demo`: its tokens, scores and explanations are Python's."""

import json
import math
import random
import shutil
import unicodedata
from threading import Thread

import numpy as np
import pytest
from hostile import examples, texts
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support import ROOT, edit_json, make_article
from web_server import CHROMIUM, HOSTILE, RUNTIME, assert_readable, serve

from glove_lstm import LightClassifier
from glove_lstm.inference.explain import word_spans
from glove_lstm.text.build import build_tokenizer
from glove_lstm.text.light_tokenizer import LightTokenizer

playwright = pytest.importorskip("playwright.sync_api")
playwright.expect.set_options(timeout=30_000)  # a busy machine
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="needs Chromium")
needs_runtime = pytest.mark.skipif(
    not RUNTIME, reason="needs onnxruntime-web in the folder ONNXRUNTIME_WEB"
)


def read_statements(name):
    path = ROOT / "tests" / "statements" / f"{name}.txt"
    return path.read_text(encoding="utf-8").splitlines()


STATEMENTS = read_statements("plain") + read_statements("absurd")
CORPUS = [*STATEMENTS, "ΟΔΟΣ DİZİ http://A.b"]  # words that only a right lower-casing finds
NEWER_NUMBERS = "两京俩倆拐洞皕秭鈎钩"  # since Python 3.13
NEW_TOKENIZER = """async (files) => {
    const { Tokenizer } = await import("./tokenizer.js");
    return new Tokenizer(...files.map((file) => JSON.parse(file)));
}"""
SET_LIMIT = "(tokenizer, limit) => { tokenizer.longest = limit; }"
READ = """(tokenizer, texts) => JSON.stringify(
    JSON.parse(texts).map((text) => tokenizer.read(text)).map(({ ids, types }) => ({ ids, types })),
    (_, value) => typeof value === "bigint" ? String(value) : value,
)"""
SCORES = "async (text) => (await import('./page.js')).classifier.scores(JSON.parse(text))"
EFFECTS = """async ([text, label]) => {
    const { classifier } = await import('./page.js');
    return classifier.effects(JSON.parse(text), classifier.labels.indexOf(label));
}"""
SPLIT = """async (texts) => {
    const { splitWords } = await import('./explain.js');
    return JSON.parse(texts).map((text) => splitWords(text));
}"""
CUT = """async ([limit, keepsEnd]) => {
    const { classifier } = await import('./page.js');
    Object.assign(classifier.tokenizer, { longest: limit, keepsEnd });
}"""


def open_page(browser, address, **options):
    page = browser.new_context(**options).new_page()
    page.set_default_timeout(120_000)
    page.goto(address)
    return page


def open_ready_page(browser, address, **options):
    page = open_page(browser, address, **options)
    page.locator("button[type=submit]:enabled").wait_for()
    return page


@pytest.fixture(scope="module")
def page(browser, site):
    """The page that `push --space_dir` wrote: without a runtime, its tokenizer works all the same."""
    return open_page(browser, site[1])


@pytest.fixture(scope="module")
def light():
    return LightClassifier.from_pretrained(ROOT / "hub")


@pytest.fixture(scope="module", params=["hub", "article"])
def tokenizers(request, page, tmp_path_factory):
    """The light tokenizer and the page's, from the same files."""
    folder = ROOT / "hub"
    if request.param == "article":
        folder = tmp_path_factory.mktemp("article")
        options = {"variant": "article", "token_types": False, "truncation_side": "left"}
        article = build_tokenizer(CORPUS, stop_words=["the", "of", "don't"], **options)
        article.save_pretrained(folder)
    tokenizer = (folder / "tokenizer.json").read_text(encoding="utf-8")
    config = (folder / "tokenizer_config.json").read_text(encoding="utf-8")
    of_the_page = page.evaluate_handle(NEW_TOKENIZER, [tokenizer, config])
    return LightTokenizer.from_folder(folder), of_the_page


def in_javascript(text):
    """Two surrogates that make a character are that character there, and others become U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def cut_by_javascript(text, spans):
    """The words at spans that count an emoji as two characters."""
    shown = text.encode("utf-16-le")
    return [shown[2 * begin : 2 * end].decode("utf-16-le") for begin, end in spans]


def assert_same_tokens(tokenizers, texts, limit):
    light, of_the_page = tokenizers
    light.model_max_length = limit
    of_the_page.evaluate(SET_LIMIT, limit)
    # As ASCII, because the way to the browser loses lone surrogates.
    rows = json.loads(of_the_page.evaluate(READ, json.dumps(texts)))
    for text, row in zip(texts, rows, strict=True):
        expected = light.encode([in_javascript(text)])
        types = [str(kind) for kind in expected.types.tolist()]
        assert row == {"ids": expected.ids.tolist(), "types": types}, ascii(text)


def known_to_all(text):
    """Leave out characters on which the Unicode versions of Python, Rust and the browser differ."""
    known = (each for each in text if unicodedata.category(each) != "Cn")
    return "".join(each for each in known if each not in NEWER_NUMBERS)


ARTICLES = [" ".join(make_article(random.Random(seed), "REAL", 400)) for seed in range(100)]


@settings(max_examples=examples(80), deadline=None)
@given(texts=st.lists(texts, min_size=20, max_size=20), limit=st.just(9))
@example(texts=CORPUS + ARTICLES, limit=300)
def test_same_tokens_of_hostile_texts(tokenizers, texts, limit):
    known_texts = [known_to_all(text) for text in texts]
    assert_same_tokens(tokenizers, known_texts, limit)


@pytest.mark.parametrize("tokenizers", ["hub"], indirect=True)
@pytest.mark.parametrize("plane", [0, 1])  # others are of ideographs, empty or for private use
def test_same_tokens_around_every_character(tokenizers, plane):
    first = plane << 16
    characters = "".join(map(chr, range(first, first + (1 << 16))))
    words = [f"A{each}b 1{each} {each}" for each in known_to_all(characters)]
    assert_same_tokens(tokenizers, [" ".join(words)], 10**7)


def assert_same_effects(page, light, text, label=None):
    expected = light.explain(text, label)
    found = page.evaluate(EFFECTS, [json.dumps(text), expected.label])
    spans = [(word["begin"], word["end"]) for word in found]
    words = cut_by_javascript(expected.text, spans)
    assert words == [expected.text[word.begin : word.end] for word in expected.effects]
    effects = [word["effect"] for word in found]
    assert effects == pytest.approx([word.effect for word in expected.effects], abs=1e-3)


def test_same_scores_and_explanations(browser, address, light, demo):
    page = open_ready_page(browser, address)
    # The server explains the best label only.
    labels = [None] if address == demo.address else [None, "REAL"]
    texts = ["", " ", "😀 \ud800", "Σ " * 3000, *STATEMENTS[:16]]
    found = [page.evaluate(SCORES, json.dumps(text)) for text in texts]
    np.testing.assert_allclose(found, light.predict_proba(texts), rtol=0, atol=1e-4)

    texts = ["", "one", "😀 \ud800 it's U.S. news: «1,204» well-known!!!", *STATEMENTS[:3]]
    title, body = make_article(random.Random(0), "FAKE", 100)
    for text in [*texts, f"{title} {body}"]:
        for label in labels:
            assert_same_effects(page, light, text, label)


@needs_runtime
@pytest.mark.parametrize("side", ["right", "left"])
def test_only_words_that_are_read_are_explained(page, light, side, monkeypatch):
    text = "one 😀 \u0301two; three https://four.example five six"
    limit = light.tokenizer.model_max_length
    monkeypatch.setattr(light.tokenizer, "model_max_length", 4)
    monkeypatch.setattr(light.tokenizer, "truncation_side", side)
    page.evaluate(CUT, [4, side == "left"])
    try:
        assert_same_effects(page, light, text)
    finally:
        page.evaluate(CUT, [limit, False])
    effects = light.explain(text).effects
    read = text[effects[0].begin : effects[-1].end]
    expected = {"right": "one 😀 \u0301two;", "left": "three https://four.example five six"}
    assert read == expected[side]


@settings(max_examples=examples(40), deadline=None)
@given(texts=st.lists(texts, min_size=20, max_size=20))
@example(texts=["a, " * 4000])  # in runs of words
def test_same_words_of_hostile_texts(page, texts):
    whole = [in_javascript(text) for text in texts]
    found = page.evaluate(SPLIT, json.dumps(whole))
    for text, spans in zip(whole, found, strict=True):
        words = [text[begin:end] for begin, end in word_spans(text)]
        assert cut_by_javascript(text, spans) == words, ascii(text)


def test_an_example_shows_label_bars_and_words_on_a_phone_in_the_dark(browser, address, light):
    size = {"width": 360, "height": 740}
    options = {"viewport": size, "is_mobile": True, "color_scheme": "dark"}
    page = open_ready_page(browser, address, **options)
    assert page.get_by_role("heading").inner_text() == "Classify a text with hub"
    assert page.title() == "Classify a text with hub"
    assert page.locator("#examples button").count() == 3
    page.get_by_role("button", name="Loud style").click()
    page.locator("#words mark.for").nth(3).wait_for()
    assert_readable(page, is_dark=True)
    title = page.get_by_label("Title").input_value()
    body = page.get_by_label("Text").input_value()
    [expected] = light.predict_proba([f"{title} {body}"])
    shown = page.locator("tbody td:last-child").all()
    scores = [float(cell.get_attribute("data-score")) for cell in shown]
    assert scores == pytest.approx(sorted(expected, reverse=True), abs=1e-4)
    widths = page.locator(".bar").evaluate_all("all => all.map(bar => bar.offsetWidth)")
    assert widths[0] / sum(widths) == pytest.approx(scores[0], abs=0.02)
    assert page.locator("#verdict").inner_text() == "FAKE"
    percents = [int(cell.inner_text().removesuffix("%")) for cell in shown]
    assert percents == [math.floor(100 * score) for score in scores]  # no wrong label has 100 %
    page.get_by_label("Title").fill("")
    page.get_by_label("Text").fill("  ")
    page.get_by_role("button", name="Classify").press("Enter")
    page.get_by_text("There is nothing to classify").wait_for()
    assert not page.locator("table").is_visible()


@needs_runtime
def test_the_answer_comes_while_a_person_types(browser, site):
    """The last text wins; the words of a long text are marked only at a click."""
    expect = playwright.expect
    page = open_ready_page(browser, site[1])
    words = page.locator("#words")
    page.get_by_label("Title").focus()
    page.keyboard.type("SHOCKING: You WILL NOT BELIEVE what they are hiding!!!")
    expect(page.locator("#verdict")).to_have_text("FAKE")
    expect(words).to_have_text("SHOCKING: You WILL NOT BELIEVE what they are hiding!!!")
    words.locator("mark").nth(3).wait_for()
    assert_readable(page, is_dark=False)

    text = page.get_by_label("Text")
    text.fill("The council said on Tuesday that the bridge would open in May. " * 170)
    expect(page.locator("#status")).to_contain_text("Classify marks the words")
    expect(words).to_be_hidden()
    text.press_sequentially("and more")
    page.get_by_role("button", name="Classify").click()
    expect(page.locator("#status")).to_contain_text("Explaining")
    text.fill("")
    page.get_by_label("Title").fill("The council said")  # while it explains
    expect(words).to_have_text("The council said")
    page.get_by_label("Title").fill("")
    page.get_by_text("There is nothing to classify").wait_for()
    expect(words).to_be_hidden()


def test_a_hostile_text_does_no_harm(browser, address):
    """The page asks no other host, either."""
    asked = []
    page = browser.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: asked.append(str(error)))
    page.goto(address)
    page.locator("button[type=submit]:enabled").wait_for(timeout=120_000)
    page.get_by_label("Title").fill(HOSTILE)
    page.get_by_role("button", name="Classify").click()
    playwright.expect(page.locator("#words")).to_contain_text("<script>window.harmed = 1</script>")
    assert page.locator("#words mark").count() > 2
    assert page.locator("#words script, #words img, #words b, #words style").count() == 0
    assert page.evaluate("window.harmed") is None
    assert all(url.startswith((address, "data:", "blob:")) for url in asked)


@needs_runtime
def test_the_files_of_a_model_decide_what_the_page_shows(browser, site, light, tmp_path):
    """Several labels, one text column, and data that are no news, though the labels are FAKE and REAL."""
    folder, _ = site
    shutil.copytree(folder, tmp_path / "site")
    model = tmp_path / "site" / "model"
    edit_json(
        model / "config.json",
        problem_type="multi_label_classification",
        thresholds=[0.0, 1.0],
        text_column_names=["text"],
    )
    edit_json(model / "metrics.json", data={"description": "train reviews.csv"})
    with serve(tmp_path / "site") as address:
        page = open_ready_page(browser, address)
        assert not page.locator("#meaning").is_visible()
        assert page.locator("#examples button").count() == 0
        assert not page.get_by_label("Title").is_visible()
        text = "SHOCKING secret"
        [logits] = light.predict_logits([text])
        found = page.evaluate(SCORES, json.dumps(text))
        assert found == pytest.approx(1 / (1 + np.exp(-logits)), abs=1e-4)
        page.get_by_label("Text").fill(text)
        page.get_by_role("button", name="Classify").click()
        page.locator("#words mark").first.wait_for()
        assert page.locator("#verdict").inner_text() == light.label_names[0]


def test_a_score_that_promises_too_little_is_unsure(browser, unsure):
    Thread(target=unsure.serve_forever).start()
    page = open_ready_page(browser, unsure.address)
    page.get_by_label("Title").fill("Council votes")
    playwright.expect(page.locator("#verdict")).to_contain_text("unsure, nearest to ")
    unsure.shutdown()


def test_a_runtime_of_other_contents_does_not_run(browser, site, tmp_path):
    shutil.copytree(site[0], tmp_path / "site")
    runtime = tmp_path / "site" / "runtime"
    runtime.mkdir(exist_ok=True)
    for name in ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"):
        (runtime / name).write_text("window.harmed = 1")
    edit_json(tmp_path / "site" / "model.json", runtime="runtime/")
    with serve(tmp_path / "site") as address:
        page = open_page(browser, address)
        playwright.expect(page.locator("#status")).to_contain_text("runtime/ort")
        assert page.locator("button[type=submit]").is_disabled()
        assert page.evaluate("window.harmed") is None
