"""The page of docs/web: its tokens and its scores are Python's."""

import json
import random
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
    const { Tokenizer } = await import("/docs/web/tokenizer.js");
    return new Tokenizer(...files.map((file) => JSON.parse(file)));
}"""
SET_LIMIT = "(tokenizer, limit) => { tokenizer.longest = limit; }"
READ = """(tokenizer, texts) => JSON.stringify(
    JSON.parse(texts).map((text) => tokenizer.read(text)).map(({ ids, types }) => ({ ids, types })),
    (_, value) => typeof value === "bigint" ? String(value) : value,
)"""
SCORES = "async (text) => (await import('./page.js')).classifier.scores(JSON.parse(text))"
EFFECTS = "async (text) => (await (await import('./page.js')).classifier.effects(text)).effects"


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
        article = build_tokenizer(lambda: CORPUS, stop_words=["the", "of", "don't"], **options)
        article.save_pretrained(folder)
    tokenizer = (folder / "tokenizer.json").read_text(encoding="utf-8")
    config = (folder / "tokenizer_config.json").read_text(encoding="utf-8")
    of_the_page = page.evaluate_handle(NEW_TOKENIZER, [tokenizer, config])
    return LightTokenizer.from_folder(folder), of_the_page


def assert_same_tokens(tokenizers, texts, limit):
    light, of_the_page = tokenizers
    light.model_max_length = limit
    of_the_page.evaluate(SET_LIMIT, limit)
    # As ASCII, because the way to the browser loses lone surrogates.
    rows = json.loads(of_the_page.evaluate(READ, json.dumps(texts)))
    for text, row in zip(texts, rows, strict=True):
        # Two surrogates that make a character are that character in JavaScript.
        same_text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        expected = light.encode([same_text])
        types = [str(kind) for kind in expected.types.tolist()]
        assert row == {"ids": expected.ids.tolist(), "types": types}, ascii(text)


def known_to_all(text):
    """Leave out characters on which the Unicode versions of Python, Rust and the browser differ."""
    kept = []
    for character in text:
        is_assigned = unicodedata.category(character) != "Cn"
        if is_assigned and character not in NEWER_NUMBERS:
            kept.append(character)
    return "".join(kept)


def test_same_tokens_of_real_texts(tokenizers):
    articles = []
    for seed in range(100):
        title, body = make_article(random.Random(seed), "REAL", 400)
        articles.append(f"{title} {body}")
    assert_same_tokens(tokenizers, CORPUS + articles, 300)


@settings(max_examples=examples(80), deadline=None)
@given(texts=st.lists(texts, min_size=20, max_size=20))
def test_same_tokens_of_hostile_texts(tokenizers, texts):
    known_texts = [known_to_all(text) for text in texts]
    assert_same_tokens(tokenizers, known_texts, 9)


@pytest.mark.parametrize("tokenizers", ["hub"], indirect=True)
@pytest.mark.parametrize("plane", [0, 1, 2, 3, 14])  # others are empty or for private use
def test_same_tokens_around_every_character(tokenizers, plane):
    first = plane << 16
    characters = "".join(map(chr, range(first, first + (1 << 16))))
    words = [f"A{each}b 1{each} {each}" for each in known_to_all(characters)]
    assert_same_tokens(tokenizers, [" ".join(words)], 10**7)


@needs_runtime
def test_same_scores(page, light):
    texts = ["", " ", "😀 \ud800", "Σ " * 3000, *STATEMENTS[:16]]
    found = [page.evaluate(SCORES, json.dumps(text)) for text in texts]
    np.testing.assert_allclose(found, light.predict_proba(texts), rtol=0, atol=1e-4)


@needs_runtime
def test_the_effect_of_a_word_is_what_the_lead_loses_without_it(page, light):
    words = ["SHOCKING", "secret", ":", "the", "council", "voted", "on", "Tuesday"]
    text = " ".join(words)
    texts = [text]
    for position in range(len(words)):
        without = words[:position] + words[position + 1 :]
        texts.append(" ".join(without))
    logits = light.predict_logits(texts)
    second, best = np.argsort(logits[0])
    leads = logits[:, best] - logits[:, second]

    found = page.evaluate(EFFECTS, text)
    effects = [word["effect"] for word in found]
    assert effects == pytest.approx(leads[0] - leads[1:], abs=1e-4)
    assert [text[word["begin"] : word["end"]] for word in found] == words


@needs_runtime
def test_an_example_is_a_title_and_a_text(page, light):
    page.locator("button[type=submit]:enabled").wait_for()  # the model is there
    page.get_by_role("button", name="Loud style").click()
    page.get_by_role("status").get_by_text("resembles FAKE sources").wait_for()
    assert page.locator("#words mark.for").count() > 3
    title = page.get_by_label("Title").input_value()
    body = page.get_by_label("Text").input_value()
    [expected] = light.predict_proba([f"{title} {body}"])
    shown = page.locator("tbody td:last-child").all_inner_texts()
    best_first = sorted(expected, reverse=True)
    assert [float(score) for score in shown] == pytest.approx(best_first, abs=1e-3)


@needs_runtime
def test_nothing_to_classify_is_said(page):
    page.get_by_label("Title").fill("")
    page.get_by_label("Text").fill("  ")
    page.get_by_role("button", name="Classify").press("Enter")
    page.get_by_text("There is nothing to classify").wait_for()
    assert not page.locator("table").is_visible()
