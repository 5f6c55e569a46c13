"""The Rust pipelines that cut raw text into words, one for each tokenizer variant. Imports tokenizers alone."""

import re
from collections.abc import Iterable, Sequence

from tokenizers import Regex, normalizers, pre_tokenizers
from tokenizers.normalizers import Lowercase, Replace

# A URL is replaced by `<url>` in two steps. After a single Replace, the offsets of the token would cover the
# URL's last character only. The first step replaces its first letter by "<", the second step the rest.
_URL_BEGIN = Regex(r"(?i:h(?=ttps?://\S)|w(?=ww\.\S))")
_URL_REST = Regex(r"(?<=<)(?i:ttps?://|ww\.)\S+")
# A word, except `<url>`; `find_tokens` in vector_encoder.py finds the same words.
DEFAULT_WORD = r"\d+(?:[.,]\d+)*|\w+(?:-\w+)*|[^\w\s]"
ARTICLE_WORD = r"\w+"  # for Rust's regular expressions and for Python's

Pipeline = tuple[normalizers.Normalizer, pre_tokenizers.PreTokenizer]


def default_pipeline() -> Pipeline:
    """Lower-cased words, numbers, punctuation and `<url>`."""
    steps = [
        Replace(_URL_BEGIN, "<"),
        Replace(_URL_REST, "url>"),
        Replace(Regex("[\\u2018\\u2019\\u201b\\u02bc]"), "'"),
        Replace(Regex("[\\u201c\\u201d\\u201f]"), '"'),
        Lowercase(),
    ]
    words = pre_tokenizers.Split(Regex(f"<url>|{DEFAULT_WORD}"), "removed", invert=True)
    return normalizers.Sequence(steps), words


def article_pipeline(stop_words: Iterable[str]) -> Pipeline:
    """Lower-cased words, without URLs, punctuation and stop words."""
    steps = [Replace(_URL_BEGIN, "<"), Replace(_URL_REST, " "), Lowercase()]
    parts: set[str] = set()  # "don't" is two words
    for stop_word in stop_words:
        parts.update(re.findall(ARTICLE_WORD, stop_word.lower()))
    pattern = ARTICLE_WORD
    if parts:
        pattern = rf"\b(?!{_trie_regex(sorted(parts))}\b){ARTICLE_WORD}"
    words = pre_tokenizers.Split(Regex(pattern), "removed", invert=True)
    return normalizers.Sequence(steps), words


def _trie_regex(words: Sequence[str]) -> str:
    """Return a pattern for many words, folded by common prefixes: as fast as one word, unlike a flat alternation."""
    branches = []
    for letter in sorted({word[0] for word in words if word}):
        endings = [word[1:] for word in words if word.startswith(letter)]
        branches.append(re.escape(letter) + _trie_regex(endings))
    if not branches:
        return ""
    pattern = f"(?:{'|'.join(branches)})"
    if "" in words:  # a word may end here
        pattern += "?"
    return pattern
