"""The page of docs/web: its tokens and its scores are Python's."""

import json
import random
import re
import unicodedata

import numpy as np
import pytest
from app_server import CHROMIUM
from hostile import examples, texts
from hypothesis import given, settings
from hypothesis import strategies as st
from support import ROOT, make_article
from web_server import RUNTIME, serve_page

from glove_lstm import LightClassifier
from glove_lstm.text.build import build_tokenizer
from glove_lstm.text.light_tokenizer import LightTokenizer

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="needs Chromium")

FILES = [ROOT / "tests" / "statements" / f"{name}.txt" for name in ("plain", "absurd")]
STATEMENTS = [line for file in FILES for line in file.read_text("utf-8").splitlines()]
CORPUS = [*STATEMENTS, "ΟΔΟΣ DİZİ http://A.b"]  # words that only a right lower-casing finds


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page, with the repository's checkpoint and the runtime of the folder RUNTIME."""
    site = tmp_path_factory.mktemp("web") / "site"
    with serve_page(site) as address, playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(120_000)
        page.goto(address)
        yield page
        browser.close()


@pytest.fixture(scope="module", params=["hub", "article"])
def both(request, page, tmp_path_factory):
    """The light tokenizer and the page's, from the same files."""
    folder = ROOT / "hub"
    if request.param == "article":
        folder = tmp_path_factory.mktemp("article")
        options = {"variant": "article", "token_types": False, "truncation_side": "left"}
        made = build_tokenizer(lambda: CORPUS, stop_words=["the", "of", "don't"], **options)
        made.save_pretrained(folder)
    files = [(folder / f"tokenizer{end}.json").read_text("utf-8") for end in ("", "_config")]
    script = """async (files) => {
        const { Tokenizer } = await import("/docs/web/tokenizer.js");
        return new Tokenizer(...files.map((file) => JSON.parse(file)));
    }"""
    return LightTokenizer.from_folder(folder), page.evaluate_handle(script, files)


def assert_same(both, texts, limit):
    light, other = both
    light.model_max_length = limit
    other.evaluate("(made, limit) => { made.longest = limit; }", limit)
    script = """(made, texts) => JSON.stringify(
        JSON.parse(texts).map((text) => made.read(text)).map(({ ids, types }) => ({ ids, types })),
        (_, value) => typeof value === "bigint" ? String(value) : value,
    )"""
    # As ASCII, because the way to the browser loses lone surrogates.
    found = json.loads(other.evaluate(script, json.dumps(texts)))
    for text, row in zip(texts, found, strict=True):
        # Two surrogates that make a character are that character in JavaScript.
        wanted = light.read([text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")])
        types = [str(kind) for kind in wanted.types.tolist()]
        assert row == {"ids": wanted.ids.tolist(), "types": types}, ascii(text)


def settled(characters):
    """Leave out characters on which the Unicode versions of Python, Rust and the browser differ."""
    newer = "两京俩倆拐洞皕秭鈎钩"  # numbers since Python 3.13
    return (c for c in characters if unicodedata.category(c) != "Cn" and c not in newer)


def test_same_tokens_of_real_texts(both):
    articles = [" ".join(make_article(random.Random(n), "REAL", 400)) for n in range(100)]
    assert_same(both, CORPUS + articles, 300)


@settings(max_examples=examples(80), deadline=None)
@given(texts=st.lists(texts, min_size=20, max_size=20))
def test_same_tokens_of_hostile_texts(both, texts):
    assert_same(both, ["".join(settled(text)) for text in texts], 9)


@pytest.mark.parametrize("both", ["hub"], indirect=True)
@pytest.mark.parametrize("plane", [0, 1, 2, 3, 14])  # others are empty or for private use
def test_same_tokens_around_every_character(both, plane):
    characters = settled(map(chr, range(plane << 16, (plane + 1) << 16)))
    assert_same(both, [" ".join(f"A{each}b 1{each} {each}" for each in characters)], 10**7)


@pytest.mark.skipif(not RUNTIME, reason="needs onnxruntime-web in the folder ONNXRUNTIME_WEB")
def test_same_scores(page):
    texts = ["", " ", "😀 \ud800", "Σ " * 3000, *STATEMENTS[:16]]
    script = "async (text) => (await import('./page.js')).classifier.scores(JSON.parse(text))"
    wanted = LightClassifier.from_pretrained(ROOT / "hub").predict_proba(texts)
    found = [page.evaluate(script, json.dumps(text)) for text in texts]
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-4)
    page.get_by_label("Text").fill(texts[-1])
    page.get_by_role("button", name="Classify").press("Enter")
    page.get_by_role("status").get_by_text(re.compile("sources, [0-9]+ %")).wait_for()
    assert shown_scores(page) == pytest.approx(sorted(wanted[-1], reverse=True), abs=1e-3)


@pytest.mark.skipif(not RUNTIME, reason="needs onnxruntime-web in the folder ONNXRUNTIME_WEB")
def test_the_effect_of_a_word_is_what_the_lead_loses_without_it(page):
    words = ["SHOCKING", "secret", ":", "the", "council", "voted", "on", "Tuesday"]
    script = "async (text) => (await (await import('./page.js')).classifier.effects(text)).effects"
    found = page.evaluate(script, " ".join(words))
    classifier = LightClassifier.from_pretrained(ROOT / "hub")
    without = [" ".join(words[:n] + words[n + 1 :]) for n in range(len(words))]
    whole, *others = classifier.predict_logits([" ".join(words), *without])
    best, second = np.argsort(-whole)
    leads = [logits[best] - logits[second] for logits in (whole, *others)]
    assert [found_word["effect"] for found_word in found] == pytest.approx(
        [leads[0] - lead for lead in leads[1:]], abs=1e-4
    )
    text = " ".join(words)
    assert [text[word["begin"] : word["end"]] for word in found] == words


def shown_scores(page):
    return [float(cell) for cell in page.locator("tbody td:last-child").all_inner_texts()]


@pytest.mark.skipif(not RUNTIME, reason="needs onnxruntime-web in the folder ONNXRUNTIME_WEB")
def test_an_example_is_a_title_and_a_text(page):
    page.locator("button[type=submit]:enabled").wait_for()  # the model is there
    page.get_by_role("button", name="Loud style").click()
    page.get_by_text("resembles FAKE sources").wait_for()
    assert page.locator("#words mark.for").count() > 3
    text = f"{page.get_by_label('Title').input_value()} {page.get_by_label('Text').input_value()}"
    [wanted] = LightClassifier.from_pretrained(ROOT / "hub").predict_proba([text])
    assert shown_scores(page) == pytest.approx(sorted(wanted, reverse=True), abs=1e-3)


@pytest.mark.skipif(not RUNTIME, reason="needs onnxruntime-web in the folder ONNXRUNTIME_WEB")
def test_nothing_to_classify_is_said(page):
    page.get_by_label("Title").fill("")
    page.get_by_label("Text").fill("  ")
    page.get_by_role("button", name="Classify").click()
    page.get_by_text("There is nothing to classify").wait_for()
    assert not page.locator("table").is_visible()
