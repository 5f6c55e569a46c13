"""The page of docs/web: its tokens and its scores are Python's."""

import json
import os
import random
import shutil
import unicodedata
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from hostile import FRAGMENTS, examples, texts
from hypothesis import given, settings
from hypothesis import strategies as st
from support import ROOT, make_article

from glove_lstm import LightClassifier
from glove_lstm.tokenization.build import build_tokenizer
from glove_lstm.tokenization.light_tokenizer import LightTokenizer

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
RUNTIME = os.environ.get("ONNXRUNTIME_WEB")  # the npm package's folder `dist`; .ci/run gets it
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="needs Chromium")

STATEMENTS = [
    line
    for path in sorted((ROOT / "tests" / "statements").glob("*.txt"))
    for line in path.read_text(encoding="utf-8").splitlines()
    if path.name != "README.md"
]
DISPUTED = "两京俩倆拐洞皕秭鈎钩"  # numbers since Python 3.13


class _Handler(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def page():
    """The page. The runtime's files come from RUNTIME, and no other host is asked."""
    errors = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=ROOT))
    Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/"

    def answer(route):
        _, name, file = route.request.url.partition("/dist/")
        if RUNTIME and name:
            route.fulfill(path=Path(RUNTIME, file), headers={"Access-Control-Allow-Origin": "*"})
        else:
            route.abort()

    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        page.route(lambda url: not url.startswith((address, "data:", "blob:")), answer)
        page.goto(f"{address}docs/web/")
        yield page
        browser.close()
    server.shutdown()
    assert not (RUNTIME and errors), errors


@pytest.fixture(scope="module", params=["hub", "article"])
def both(request, page, tmp_path_factory):
    """The light tokenizer and the page's, from the same files."""
    folder = ROOT / "hub"
    if request.param == "article":
        folder = tmp_path_factory.mktemp("article")
        options = {"stop_words": ["the", "of", "a", "don't"], "truncation_side": "left"}
        options |= {"token_types": False, "model_max_length": 9}
        made = build_tokenizer(lambda: STATEMENTS, variant="article", **options)
        made.save_pretrained(folder)
    files = [
        (folder / name).read_text("utf-8") for name in ("tokenizer.json", "tokenizer_config.json")
    ]
    script = """async (files) => {
        const { Tokenizer } = await import("/docs/web/tokenizer.js");
        return new Tokenizer(...files.map((file) => JSON.parse(file)));
    }"""
    return LightTokenizer.from_folder(folder), page.evaluate_handle(script, files)


def assert_same(both, texts, limit=9):
    # Two surrogates that make a character are that character in JavaScript.
    texts = [
        text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass") for text in texts
    ]
    light, other = both
    light.model_max_length = limit
    # As ASCII, because the way to the browser loses lone surrogates.
    script = """(made, [texts, limit]) => {
        made.longest = limit;
        return JSON.stringify(JSON.parse(texts).map((text) => made.read(text)));
    }"""
    found = json.loads(other.evaluate(script, [json.dumps(texts), limit]))
    wanted = light.read(texts)
    ends = np.cumsum(wanted.lengths)
    for text, row, end, length in zip(texts, found, ends, wanted.lengths, strict=True):
        assert row["ids"] == wanted.ids[end - length : end].tolist(), ascii(text)
        assert row["shapes"] == wanted.shapes[end - length : end].tolist(), ascii(text)


def is_settled(character):
    """Whether the Unicode versions of Python, Rust and the browser agree on a character."""
    return unicodedata.category(character) != "Cn" and character not in DISPUTED


def test_same_tokens_of_real_texts(both):
    generator = random.Random(0)
    articles = [" ".join(make_article(generator, label, 400)) for label in ("REAL", "FAKE") * 50]
    mixed = [
        " ".join(generator.choices(FRAGMENTS + STATEMENTS, k=size % 40)) for size in range(500)
    ]
    assert len(STATEMENTS) >= 400
    assert_same(both, STATEMENTS + articles + mixed)
    assert_same(both, STATEMENTS + articles + mixed, limit=2048)


@settings(max_examples=examples(60), deadline=None)
@given(texts=st.lists(texts, min_size=20, max_size=20))
def test_same_tokens_of_hostile_texts(both, texts):
    assert_same(both, ["".join(filter(is_settled, text)) for text in texts])


def test_same_tokens_around_every_character(both):
    texts = [
        " ".join(f"A{each}b 1{each} {each}" for each in map(chr, points) if is_settled(each))
        for points in np.split(np.arange(0x110000), 0x1100)
    ]
    assert_same(both, texts, limit=10**6)


@pytest.mark.skipif(not RUNTIME, reason="needs onnxruntime-web in the folder ONNXRUNTIME_WEB")
def test_same_scores(page):
    texts = ["", " ", "😀 \ud800", "Σ" * 3000, *STATEMENTS[:16]]
    page.get_by_text("Ready.").wait_for()
    script = """async (texts) => {
        const { Classifier } = await import("./classifier.js");
        const classifier = await Classifier.load(new URL("../../hub/", location.href));
        const scores = [];
        for (const text of JSON.parse(texts)) scores.push(await classifier.scores(text));
        return { labels: classifier.labels, scores };
    }"""
    found = page.evaluate(script, json.dumps(texts))
    light = LightClassifier.from_pretrained(ROOT / "hub")
    assert found["labels"] == [*light.label_names]
    np.testing.assert_allclose(found["scores"], light.predict_proba(texts), rtol=0, atol=1e-4)


@pytest.mark.skipif(not RUNTIME, reason="needs onnxruntime-web in the folder ONNXRUNTIME_WEB")
def test_classify_by_keyboard(page):
    page.get_by_text("Ready.").wait_for()
    page.get_by_label("Text").fill("You WON'T BELIEVE what they are hiding!!!")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text("FAKE has the highest score.").wait_for()
    [best] = LightClassifier.from_pretrained(ROOT / "hub")(
        "You WON'T BELIEVE what they are hiding!!!"
    )
    score = page.get_by_role("row", name=best["label"]).get_by_role("cell").last.inner_text()
    assert float(score) == pytest.approx(best["score"], abs=1e-3)
