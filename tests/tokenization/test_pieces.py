"""Words without a row of their own are cut into pieces."""

import os
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import slow_shape

from glove_lstm.tokenization.word_shapes import SHAPES

CORPUS = (
    "The harbour master of Vellin counted 1,204 boats on Monday, he said; we count boats, not tonnes.",
    "A well-known skipper, harbouring counters and masters, mastered the counting of 3.5 tonnes at the harbour!",
    "abcdefghijklmnopqrstuvwxyz zyxwvutsrqponmlkjihgfedcba",
)
words = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=14)


@pytest.fixture(scope="module")
def pieces(make):
    return make(corpus=CORPUS, num_pieces=150, model_max_length=1000)


@pytest.fixture(scope="module")
def whole(make):
    return make(corpus=CORPUS, model_max_length=1000)


def test_known_words_stay_whole(make, pieces, whole):
    assert set(whole.get_vocab()) <= set(pieces.get_vocab())
    assert sorted(pieces.get_vocab().values()) == list(range(len(pieces)))
    for word in whole.get_vocab().keys() - {"<pad>", "<unk>", "<url>"}:
        assert pieces.tokenize(word) == [word]
    assert pieces.tokenize("www.a.example") == whole.tokenize("www.a.example")
    tokenizer = make(corpus=CORPUS, num_pieces=150, known_words=["harbours", "vellinese", "said"])
    assert tokenizer.tokenize("Harbours Vellinese") == ["harbours", "vellinese"]
    assert len(tokenizer.tokenize("harboursx")) > 1


@settings(max_examples=100, deadline=None)
@given(word=words)
def test_an_unknown_word_becomes_the_pieces_that_make_it_up(pieces, word):
    output = pieces(word, return_offsets_mapping=True)
    end, rest = 0, word.lower()
    rows = zip(output["offset_mapping"], output.tokens(), output["token_type_ids"], strict=True)
    for (start, stop), token, shape in rows:
        assert start == end
        assert word[start:stop].lower() == token.removeprefix("##")
        assert SHAPES[shape] == slow_shape(word[start:stop])
        prefix = "##" if start else ""
        longest = max(n for n in range(1, len(rest) + 1) if prefix + rest[:n] in pieces.get_vocab())
        assert token == prefix + rest[:longest]
        end, rest = stop, rest[longest:]
    assert end == len(word)
    assert set(output.word_ids()) == {0}


@pytest.mark.parametrize("word", ["漢字", "boat漢", "漢boat", "e" * 101])
def test_a_word_with_a_rare_character_or_of_more_than_a_hundred_is_unknown(pieces, word):
    output = pieces(f"boats {word} boats", return_offsets_mapping=True)
    assert output.tokens() == ["boats", "<unk>", "boats"]
    assert output["offset_mapping"][1] == (6, 6 + len(word))


def test_num_pieces_is_a_maximum(make, whole):
    tokenizer = make(corpus=CORPUS, num_pieces=60)
    more = tokenizer.get_vocab().keys() - whole.get_vocab().keys()
    assert all(token.startswith("##") or len(token) == 1 for token in more)
    assert len(more) <= 60
    assert len(make(corpus=CORPUS, num_pieces=60, vocab_size=36)) == 36


BUILD = """
import hashlib
from glove_lstm.tokenization.build import build_tokenizer
# More characters than pieces are made of, all as frequent.
texts = [" ".join(f"{chr(0x4e00 + n)}{chr(97 + n % 26) * (n % 5)}{n}" for n in range(600))] * 3
tokenizer = build_tokenizer(lambda: texts, num_pieces=700).backend_tokenizer
print(hashlib.sha256(tokenizer.to_str().encode()).hexdigest())
"""


def test_two_processes_build_the_same_tokenizer():
    digests = set()
    for seed in "07":
        env = {**os.environ, "PYTHONHASHSEED": seed}
        digests.add(subprocess.check_output([sys.executable, "-c", BUILD], env=env))
    assert len(digests) == 1
