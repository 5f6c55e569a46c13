"""Words without a row of their own, read in pieces."""

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
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
words = st.text(LETTERS, min_size=1, max_size=14)
mixed = st.lists(words | st.sampled_from(" ".join(CORPUS).split()), max_size=8).map(" ".join)


@pytest.fixture(scope="module")
def pieces(make):
    return make(corpus=CORPUS, num_pieces=150, model_max_length=1000)


@pytest.fixture(scope="module")
def whole(make):
    return make(corpus=CORPUS, model_max_length=1000)


def slow_pieces(word, vocabulary):
    """The longest piece first, from the left; a word that cannot be read to its end is unknown."""
    found, start = [], 0
    while start < len(word):
        for end in range(len(word), start, -1):
            piece = ("##" if start else "") + word[start:end]
            if piece in vocabulary:
                break
        else:
            return ["<unk>"]
        found.append(piece)
        start = end
    return found


def test_known_words_stay_whole(pieces, whole):
    assert set(whole.get_vocab()) <= set(pieces.get_vocab())
    assert sorted(pieces.get_vocab().values()) == list(range(len(pieces)))
    assert (pieces.pad_token_id, pieces.unk_token_id) == (0, 1)
    for text in (*CORPUS, *(text.upper() for text in CORPUS), "see https://a.example/x, “master”"):
        assert [t for t in whole.tokenize(text) if t != "<unk>"] == [
            t for t in pieces.tokenize(text) if t in whole.get_vocab() and t != "<unk>"
        ]
    for word in whole.get_vocab().keys() - {"<pad>", "<unk>", "<url>"}:
        assert pieces.tokenize(word) == [word]
    assert pieces.tokenize("www.a.example") == whole.tokenize("www.a.example")


def test_known_words_without_corpus_stay_whole_too(make):
    tokenizer = make(corpus=CORPUS, num_pieces=150, known_words=["harbours", "vellinese", "said"])
    assert tokenizer.tokenize("Harbours Vellinese") == ["harbours", "vellinese"]
    assert len(tokenizer.tokenize("harboursx")) > 1


@settings(max_examples=150, deadline=None)
@given(word=words)
def test_an_unknown_word_becomes_pieces_that_make_it_up(pieces, word):
    output = pieces(word, return_offsets_mapping=True)
    tokens = output.tokens()
    assert tokens == slow_pieces(word.lower(), pieces.get_vocab())
    assert pieces.unk_token_id not in output["input_ids"]
    assert not tokens[0].startswith("##")
    assert all(token.startswith("##") for token in tokens[1:])
    assert "".join(token.removeprefix("##") for token in tokens) == word.lower()
    assert pieces.decode(output["input_ids"]) == word.lower()
    end = 0
    for (start, stop), token, shape in zip(
        output["offset_mapping"], tokens, output["token_type_ids"], strict=True
    ):
        assert start == end
        assert word[start:stop].lower() == token.removeprefix("##")
        assert SHAPES[shape] == slow_shape(word[start:stop])
        end = stop
    assert end == len(word)
    assert set(output.word_ids()) == {0}


@settings(max_examples=100, deadline=None)
@given(first=mixed, second=mixed, limit=st.integers(1, 30), side=st.sampled_from(["right", "left"]))
def test_pieces_in_texts_and_pairs(pieces, first, second, limit, side):
    pieces.model_max_length, pieces.truncation_side = 1000, side
    joined = f"{first} {second}"
    output = pieces(joined, return_offsets_mapping=True)
    # A word in a text is read as it is by itself.
    surfaces = re.findall(r"\d+(?:[.,]\d+)*|\w+(?:-\w+)*|[^\w\s]", joined)
    assert output.tokens() == [token for surface in surfaces for token in pieces.tokenize(surface)]
    assert pieces.decode(output["input_ids"]) == " ".join(surfaces).lower()
    pair = pieces(first, second)
    assert pair["input_ids"] == output["input_ids"]
    assert pair["token_type_ids"] == output["token_type_ids"]
    pieces.model_max_length = limit
    cut = slice(limit) if side == "right" else slice(-limit, None)
    for short in (pieces(joined), pieces(first, second)):
        assert short["input_ids"] == output["input_ids"][cut]
        assert short["token_type_ids"] == output["token_type_ids"][cut]


@pytest.mark.parametrize("word", ["漢字", "boat漢", "漢boat", "e" * 101])
def test_a_word_with_a_rare_character_or_of_more_than_a_hundred_is_unknown(pieces, word):
    pieces.model_max_length = 1000
    output = pieces(f"boats {word} boats", return_offsets_mapping=True)
    assert output.tokens() == ["boats", "<unk>", "boats"]
    assert output["offset_mapping"][1] == (6, 6 + len(word))


@pytest.mark.parametrize("count", [1, 10, 60, 150])
def test_there_are_at_most_so_many_pieces(make, whole, count):
    tokenizer = make(corpus=CORPUS, num_pieces=count)
    more = tokenizer.get_vocab().keys() - whole.get_vocab().keys()
    assert all(token.startswith("##") or len(token) == 1 for token in more)
    assert len(more) <= count
    assert len(make(corpus=CORPUS, num_pieces=count, vocab_size=36)) == 36


@pytest.mark.parametrize("token_types", [True, False])
def test_round_trip(make, tmp_path, token_types):
    tokenizer = make(corpus=CORPUS, num_pieces=150, token_types=token_types, model_max_length=9)
    texts = ["The SKIPPERS of Vellinmouth", "", "qwzx 漢字 https://a.example", "harbourmaster's"]
    tokenizer.save_pretrained(tmp_path)
    for loaded in (GloveLstmTokenizer.from_pretrained(tmp_path), AutoTokenizer.from_pretrained(tmp_path)):
        assert type(loaded) is GloveLstmTokenizer
        assert loaded.get_vocab() == tokenizer.get_vocab()
        assert loaded(texts, texts[::-1]).data == tokenizer(texts, texts[::-1]).data
        ids = tokenizer(texts, truncation=False)["input_ids"]
        assert loaded.batch_decode(ids) == tokenizer.batch_decode(ids)
        assert loaded.decode(ids[0]) == "the skippers of vellinmouth"


def test_a_new_tokenizer_of_the_same_kind_reads_in_pieces_too(pieces):
    new = pieces.train_new_from_iterator([["lanterns glow, lanterns glowed"]], vocab_size=60)
    assert type(new) is GloveLstmTokenizer
    tokens = new.tokenize("Glowlantern")
    assert "".join(token.removeprefix("##") for token in tokens) == "glowlantern"
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


def test_two_processes_make_the_same_tokenizer():
    result = subprocess.run(
        [sys.executable, "-c", BUILD + "print(digest, tokenizer.vocab_size)"],
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        encoding="utf-8",
    )
    assert result.returncode == 0, result.stderr
    for _ in range(3):
        here: dict = {}
        exec(BUILD, here)
        assert result.stdout.split() == [here["digest"], str(here["tokenizer"].vocab_size)]
    assert any(len(token) > 4 for token in here["tokenizer"].get_vocab() if token.startswith("##"))
