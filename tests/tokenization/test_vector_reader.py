"""Texts that the vector reader reads alone, and its table of words."""

import numpy as np
import pytest

from glove_lstm.text.alphabet import STRANGE_BYTE, Alphabet
from glove_lstm.text.vector_reader import VectorReader
from glove_lstm.text.word_table import WordTable, hash_words

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
    return VectorReader({word: row for row, word in enumerate(WORDS, 1)}, UNKNOWN, refuse)


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
    tokens = reader.read([text])
    assert [WORDS[row - 1] for row in tokens.ids] == words


def test_ascii_letters_keep_their_bytes_beside_other_letters_of_a_word():
    alphabet = Alphabet(["naïve", "łwów", "curaçao"])
    signs = "<url> www. https://"
    assert alphabet.encode(f"{signs} ï")[:-1] == f"{signs} ".encode()
    assert alphabet.lower(signs.upper().encode()) == signs.encode()


def test_letters_beyond_sixteen_bits_are_in_no_alphabet():
    alphabet = Alphabet(["\U00010428", "\U0001d41a\U0001d41b"])
    assert alphabet.encode("\U00010428x") == bytes([STRANGE_BYTE]) + b"x"


def test_words_of_up_to_eight_bytes_have_different_hashes():
    count = 200_000
    text = "".join(f"{number:07x}" for number in range(count)).encode()
    hashes = hash_words(text, np.arange(count) * 7, np.full(count, 7))
    assert len(np.unique(hashes)) == count


def test_a_table_finds_words_whose_slots_are_taken():
    hashes = np.arange(1, 50, dtype=np.uint64)  # their upper bits, and so their slots, are the same
    table = WordTable(hashes, np.arange(49))
    assert table.find(hashes, -1).tolist() == [*range(49)]
    assert table.find(hashes + np.uint64(100), -1).tolist() == [-1] * 49
    empty = WordTable(hashes[:0], np.arange(0))
    assert empty.find(hashes, 5).tolist() == [5] * 49
