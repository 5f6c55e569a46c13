"""Each kind of error does what its name says, to its share of the letters or words; so do copies to train on."""

import random

import pytest

from glove_lstm.text.corruptions import (
    dropped_words,
    first_words,
    no_punctuation,
    training_copy,
)

SENTENCE = "The Council of Berwick did not approve the plan, a well-known one: 3.5% said so!"
TEXT = f"{SENTENCE} " * 20
WORDS = TEXT.split()


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_the_share_of_dropped_words(share):
    left = dropped_words(TEXT, random.Random(0), share).split()
    assert len(WORDS) - len(left) == pytest.approx(share * len(WORDS), abs=1)
    rest = iter(WORDS)
    for word in left:
        assert word in rest  # which goes on after it: the order is kept
    assert dropped_words("word", random.Random(0), 1.0) == "word"


def test_a_training_copy_is_the_same_in_each_process():
    """A run with the same seed sees the same copies."""
    assert training_copy("A long debate on it.", "8") == "A lon debatr o it."


def test_each_kind_of_training_copy_occurs():
    changed = {TEXT.lower(), TEXT.title(), no_punctuation(TEXT)}
    passages = {" ".join([SENTENCE] * count) for count in range(1, 6)}
    found = set()
    cut = []  # shares of the words that are left
    dropped = []
    mistyped = 0
    for key in range(600):
        copy = training_copy(TEXT, str(key))
        words = copy.split()
        share = len(words) / len(WORDS)
        if copy in changed | passages:
            found.add(copy)
        elif copy in TEXT:
            cut.append(share)
        elif set(words) <= set(WORDS):
            dropped.append(share)
        else:
            mistyped += 1
    assert found == changed | passages
    assert 0.29 < min(cut) < 0.6 < max(cut) <= 1
    assert 0.69 < min(dropped) < 0.9 < max(dropped) <= 1
    assert mistyped > 100


@pytest.mark.parametrize(
    ("text", "count", "expected"),
    [
        ("  A  bridge,  and a council. ", 2, "A bridge,"),
        ("A bridge", 5, "A bridge"),
        ("市议会昨天批准了预算", 3, "市议会"),
        ("市议 NATO 会", 3, "市议 NATO"),
        ("", 1, ""),
    ],
)
def test_first_words(text, count, expected):
    assert first_words(text, count) == expected


CHINESE = "市议会昨天批准了预算。桥梁的维修要花三年！你觉得好不好？"


def test_copies_of_texts_without_spaces():
    """Their characters are words, and their sentences passages."""
    copies = {training_copy(CHINESE, str(key)) for key in range(300)}
    assert {"市议会昨天批准了预算。", "你觉得好不好？"} <= copies
    assert no_punctuation(CHINESE) in copies
    left = dropped_words(CHINESE, random.Random(0), 0.3)
    assert len(CHINESE) - len(left) == pytest.approx(0.3 * len(CHINESE), abs=2)
    assert dropped_words("ก็", random.Random(0), 1.0) == "ก็"  # a character and its mark
    cut = [copy for copy in copies if copy in CHINESE and copy[-1] not in "。！？"]
    assert cut
    assert " " not in "".join(cut)
