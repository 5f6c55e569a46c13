"""Texts in ASCII give the tokens that they gave before characters of other scripts were tokens."""

import csv
import gzip

import pytest
from hostile import FRAGMENTS, examples
from hypothesis import given, settings
from hypothesis import strategies as st
from support import ROOT
from tokenizers import Regex, normalizers, pre_tokenizers
from tokenizers.normalizers import Lowercase, Replace

from glove_lstm.text.pipelines import article_pipeline, default_pipeline

CORPUS = ROOT.parent / "shared" / "data" / "recovery" / "recovery.csv.gz"
STOP_WORDS = ["the", "of", "on", "don't", "this"]
_URL = [r"(?i:h(?=ttps?://\S)|w(?=ww\.\S))", r"(?<=<)(?i:ttps?://|ww\.)\S+"]
# Without the quotes, which are not ASCII.
DEFAULT = (
    [Replace(Regex(_URL[0]), "<"), Replace(Regex(_URL[1]), "url>"), Lowercase()],
    r"<url>|\d+(?:[.,]\d+)*|\w+(?:-\w+)*|[^\w\s]",
)
ARTICLE = (
    [Replace(Regex(_URL[0]), "<"), Replace(Regex(_URL[1]), " "), Lowercase()],
    r"\b(?!(?:don|of|on|th(?:e|is)|t)\b)\w+",
)


def earlier_pipeline(steps, pattern):
    words = pre_tokenizers.Split(Regex(pattern), "removed", invert=True)
    return normalizers.Sequence(steps), words


PIPELINES = [
    (earlier_pipeline(*DEFAULT), default_pipeline()),
    (earlier_pipeline(*ARTICLE), article_pipeline(STOP_WORDS)),
]


def tokens(pipeline, text):
    normalizer, pre_tokenizer = pipeline
    return pre_tokenizer.pre_tokenize_str(normalizer.normalize_str(text))


ascii_texts = st.text(st.characters(max_codepoint=127)) | st.lists(
    st.sampled_from([fragment for fragment in FRAGMENTS if fragment.isascii()])
).map("".join)


@settings(max_examples=examples(300), deadline=None)
@given(ascii_texts)
def test_tokens_of_ascii_texts_have_not_changed(text):
    for earlier, pipeline in PIPELINES:
        assert tokens(pipeline, text) == tokens(earlier, text)


@pytest.mark.skipif(not CORPUS.exists(), reason="needs the shared data")
def test_tokens_of_real_articles_have_not_changed():
    with gzip.open(CORPUS, "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))[:200]
    for row in rows:
        text = row["text"].encode("ascii", "ignore").decode()
        for earlier, pipeline in PIPELINES:
            assert tokens(pipeline, text) == tokens(earlier, text)
