"""Texts that the vector encoder reads without Rust, and its hashes of words; its tokens are in test_same_tokens.py."""

import numpy as np
import pytest

from glove_lstm.text.vector_encoder import VectorEncoder
from glove_lstm.text.vocabulary import hash_words

WORDS = [
    "the",
    "harbour",
    "été",
    "привет",
    "schön",
    "'",
    '"',
    "—",
    "7",
    "th",
    "well-known",
    ",",
    ".",
]
UNKNOWN = 0


def refuse(pieces):
    raise AssertionError(pieces)


@pytest.fixture(scope="module")
def reader():
    return VectorEncoder({word: row for row, word in enumerate(WORDS, 1)}, UNKNOWN, refuse)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "The HARBOUR\u00a0—\tthe “harbour”,",
            ["the", "harbour", "—", "the", '"', "harbour", '"', ","],
        ),
        ("Été ПРИВЕТ Schön", ["été", "привет", "schön"]),
        ("the 7th Well-Known", ["the", "7", "th", "well-known"]),
        ("", []),
        (" \n ", []),
    ],
)
def test_common_text_needs_no_rust(reader, text, words):
    tokens = reader.encode([text])
    assert [WORDS[row - 1] for row in tokens.ids] == words


def test_words_of_up_to_eight_bytes_have_different_hashes():
    count = 200_000
    text = "".join(f"{number:07x}" for number in range(count)).encode()
    hashes = hash_words(text, np.arange(count) * 7, np.full(count, 7))
    assert len(np.unique(hashes)) == count
