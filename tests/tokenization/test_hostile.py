"""Texts made to hang a regular expression."""

import time

import pytest

HOSTILE = {
    "megabyte word": "a" * 1_000_000,
    "million spaces": " " * 1_000_000,
    "angle brackets": "<" * 200_000,
    "http": "http://" * 30_000,
    "ww.": "ww." * 70_000,
    "<url": "<url" * 50_000,
    "<ttp": "<ttps://" * 30_000,
    "hyphens": "-" * 200_000,
    "digits and commas": "1," * 100_000,
    "words and hyphens": "a-" * 100_000,
    "combining marks": "e" + "\u0301" * 200_000,
    "stop words run together": "the" * 70_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_text_takes_long(tokenizer, name):
    text = HOSTILE[name]
    tokenizer("boats")
    start = time.perf_counter()
    output = tokenizer(text, "", truncation=False, return_offsets_mapping=True)
    assert time.perf_counter() - start < 2
    assert all(0 <= s <= e <= len(text) for s, e in output["offset_mapping"])
