"""Words without a row of their own are cut into pieces."""

import os
import re
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import slow_shape
from transformers import AutoTokenizer

from glove_lstm import GloveLstmTokenizer
from glove_lstm.tokenization.word_shapes import SHAPES

CORPUS = (
    "The harbour master of Vellin counted 1,204 boats on Monday, he said; we count boats, not tonnes.",
    "A well-known skipper, harbouring counters and masters, mastered the counting of 3.5 tonnes at the harbour!",
    "abcdefghijklmnopqrstuvwxyz zyxwvutsrqponmlkjihgfedcba",
)
words = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=14)
mixed = st.lists(words | st.sampled_from(" ".join(CORPUS).split()), max_size=8).map(" ".join)


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


@settings(max_examples=60, deadline=None)
@given(first=mixed, second=mixed)
def test_a_word_in_a_text_is_cut_as_by_itself(pieces, first, second):
    joined = f"{first} {second}"
    surfaces = re.findall(r"\d+(?:[.,]\d+)*|\w+(?:-\w+)*|[^\w\s]", joined)
    tokens = [token for surface in surfaces for token in pieces.tokenize(surface)]
    assert pieces(joined).tokens() == pieces(first, second).tokens() == tokens
    assert pieces.decode(pieces(joined)["input_ids"]) == " ".join(surfaces).lower()


@pytest.mark.parametrize("word", ["漢字", "boat漢", "漢boat", "e" * 101])
def test_a_word_with_a_rare_character_or_of_more_than_a_hundred_is_unknown(pieces, word):
    output = pieces(f"boats {word} boats", return_offsets_mapping=True)
    assert output.tokens() == ["boats", "<unk>", "boats"]
    assert output["offset_mapping"][1] == (6, 6 + len(word))


@pytest.mark.parametrize("count", [1, 10, 60, 150])
def test_num_pieces_is_a_maximum(make, whole, count):
    tokenizer = make(corpus=CORPUS, num_pieces=count)
    more = tokenizer.get_vocab().keys() - whole.get_vocab().keys()
    assert all(token.startswith("##") or len(token) == 1 for token in more)
    assert len(more) <= count
    assert len(make(corpus=CORPUS, num_pieces=count, vocab_size=36)) == 36


def test_round_trip_and_training_anew(pieces, tmp_path):
    texts = ["The SKIPPERS of Vellinmouth", "", "qwzx 漢字 https://a.example", "harbourmaster's"]
    pieces.save_pretrained(tmp_path)
    for loaded in (
        GloveLstmTokenizer.from_pretrained(tmp_path),
        AutoTokenizer.from_pretrained(tmp_path),
    ):
        assert loaded(texts, texts[::-1]).data == pieces(texts, texts[::-1]).data
        assert loaded.decode(pieces(texts[0])["input_ids"]) == "the skippers of vellinmouth"
    new = pieces.train_new_from_iterator([["lanterns glow, lanterns glowed"]], vocab_size=60)
    assert type(new) is GloveLstmTokenizer
    assert len(new.tokenize("Glowlantern")) > 1
    assert new.decode(new("Glowlantern glow")["input_ids"]) == "glowlantern glow"


BUILD = """
import hashlib, random
from glove_lstm.tokenization.build import build_tokenizer
random = random.Random(0)
letters = "abcdefghijklmnopqrstuvwxyz\\u00e4\\u00f6\\u00fc\\u6f22\\u5b57"
words = ["".join(random.choices(letters, k=random.randint(1, 8))) for _ in range(600)]
words += [chr(0x4e00 + n) for n in range(300)]  # more characters than pieces are made of, all as frequent
texts = [" ".join(random.choices(words, k=40)) for _ in range(60)] + [" ".join(words)]
tokenizer = build_tokenizer(lambda: texts, num_pieces=700, min_frequency=3)
digest = hashlib.sha256(tokenizer.backend_tokenizer.to_str().encode()).hexdigest()
"""


def test_two_processes_build_the_same_tokenizer():
    command = [sys.executable, "-c", BUILD + "print(digest)"]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONHASHSEED": "7"}, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    here: dict = {}
    exec(BUILD, here)
    assert done.stdout.strip() == here["digest"]
    assert any(len(token) > 4 for token in here["tokenizer"].get_vocab() if token.startswith("##"))
