"""Texts made to hang a regular expression."""

import time

import pytest

HOSTILE = {
    "megabyte word": "a" * 1_000_000,
    "megabyte of capitals": "Ab" * 500_000,
    "million spaces": " " * 1_000_000,
    "spaces between words": "a" + " " * 200_000 + "b",
    "angle brackets": "<" * 200_000,
    "h": "h" * 200_000,
    "http": "http://" * 30_000,
    "http and spaces": "http:// " * 30_000,
    "ww.": "ww." * 70_000,
    "www.": "www." * 50_000,
    "<url": "<url" * 50_000,
    "<ttp": "<ttps://" * 30_000,
    "hyphens": "-" * 200_000,
    "digits and commas": "1," * 100_000,
    "words and hyphens": "a-" * 100_000,
    "apostrophes": "don't" * 50_000,
    "combining marks": "e" + "\u0301" * 200_000,
    "surrogates": "\ud800" * 200_000,
    "NULs": "\x00" * 200_000,
    "line breaks": "\r\n" * 100_000,
    "stop words run together": "the" * 70_000,
    "underscores": "_" * 200_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_text_takes_long(tokenizer, name):
    text = HOSTILE[name]
    tokenizer("boats")
    start = time.perf_counter()
    output = tokenizer(text, "", truncation=False, return_offsets_mapping=True)
    assert time.perf_counter() - start < 2
    assert all(0 <= s <= e <= len(text) for s, e in output["offset_mapping"])
