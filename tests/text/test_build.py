"""What is logged while a tokenizer is built."""

import logging

import pytest

from glove_lstm.text.build import build_tokenizer

PLAIN = ["the", "我", "köln", "é", "?", "𠮷"]
NEVER_A_TOKEN = ["...", "well-known", "Köln", "我们", "a b", "e\u0301"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (PLAIN + NEVER_A_TOKEN, "5 of the 12 words with vectors are no token of any text"),
        (PLAIN, None),
        ([*PLAIN, "a", "of", "in", "to", "on", "..."], None),  # one of twelve
        ([], None),
    ],
)
def test_words_that_no_text_has_are_counted(caplog, words, expected):
    with caplog.at_level(logging.INFO):
        build_tokenizer(["the text"], known_words=words)
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == (expected is not None)
    if expected is not None:
        assert messages[0].startswith(expected)
