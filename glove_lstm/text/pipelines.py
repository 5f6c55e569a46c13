"""The Rust pipelines that cut raw text into words, one for each tokenizer variant."""

import re
from collections.abc import Iterable, Sequence

from tokenizers import Regex, normalizers, pre_tokenizers
from tokenizers.normalizers import NFC, Lowercase, Replace

from glove_lstm.tokenization.word_shapes import INVISIBLE, JOINERS

# Joiners are dropped beside digits and letters of Latin, Greek and Cyrillic. Other scripts and emoji need them.
_NEEDS_NO_JOINER = "[0-9A-Za-z\u00c0-\u052f]"
_INVISIBLE = Regex(
    f"[{INVISIBLE}]|(?<={_NEEDS_NO_JOINER})[{JOINERS}]+|[{JOINERS}](?={_NEEDS_NO_JOINER})"
)
# These patterns take no flag for case and few classes, because Oniguruma then finds them several times faster.
# A URL is replaced by `<url>` in two steps. After a single Replace, the offsets of the token would cover the
# URL's last character only. The first step replaces its first letter by "<", the second step the rest.
_URL_BEGIN = Regex(r"[hH](?=[tT][tT][pP][sS]?://\S)|[wW](?=[wW][wW]\.\S)")
_URL_REST = Regex(r"(?<=<)(?:[tT][tT][pP][sS]?://|[wW][wW]\.)\S+")
_SINGLE_QUOTE = Regex("\u2018|\u2019|\u201b|\u02bc")
_DOUBLE_QUOTE = Regex("\u201c|\u201d|\u201f")
# `Lowercase` maps each character by itself; a sigma at the end of a word has a lower case of its own.
_FINAL_SIGMA = Regex("(?<=\\p{L})\u03a3(?!\\p{L})")

# Scripts without spaces between words, as Oniguruma names them: a character, with the marks on it, is a token. Unicode
# counts the long vowel marks of Katakana (U+30FC and U+FF70) as common to several scripts.
_SPACELESS = "\\p{Han}\\p{Hiragana}\\p{Katakana}\\p{Thai}\\p{Lao}\\p{Khmer}\\p{Myanmar}\u30fc\uff70"
_CHARACTER = rf"[{_SPACELESS}]\p{{M}}*"
# Letters of other scripts, digits, and all marks. In a class, Oniguruma's \w lacks six numbers that it has outside.
_LETTER = rf"[[^\W{_SPACELESS}]\p{{M}}\u00b2\u00b3\u00b9\u00bc\u00bd\u00be]"
# A word, except `<url>`; `find_tokens` in vector_encoder.py finds the same words.
_WORD = rf"\d+(?:[.,]\d+)*|{_LETTER}+(?:-{_LETTER}+)*|{_CHARACTER}|[^\w\s]"

Pipeline = tuple[normalizers.Normalizer, pre_tokenizers.PreTokenizer]


def default_pipeline() -> Pipeline:
    """Lower-cased words, numbers, punctuation and `<url>`."""
    steps = [
        Replace(_INVISIBLE, ""),
        NFC(),
        Replace(_URL_BEGIN, "<"),
        Replace(_URL_REST, "url>"),
        Replace(_SINGLE_QUOTE, "'"),
        Replace(_DOUBLE_QUOTE, '"'),
        Replace(_FINAL_SIGMA, "\u03c2"),
        Lowercase(),
    ]
    words = pre_tokenizers.Split(Regex(f"<url>|{_WORD}"), "removed", invert=True)
    return normalizers.Sequence(steps), words


def article_pipeline(stop_words: Iterable[str]) -> Pipeline:
    """Lower-cased words, without URLs, punctuation and stop words."""
    steps = [
        Replace(_INVISIBLE, ""),
        NFC(),
        Replace(_URL_BEGIN, "<"),
        Replace(_URL_REST, " "),
        Replace(_FINAL_SIGMA, "\u03c2"),
        Lowercase(),
    ]
    parts: set[str] = set()  # "don't" is two words
    for stop_word in stop_words:
        parts.update(re.findall(r"\w+", stop_word.lower()))
    word = f"{_LETTER}+"
    if parts:
        word = rf"(?<!{_LETTER})(?!{_trie_regex(sorted(parts))}(?!{_LETTER})){word}"
    pattern = f"{word}|{_CHARACTER}"
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
