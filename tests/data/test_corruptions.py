"""Each kind of error does what its name says, to its share of the letters or words; so do copies to train on."""

import random
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glove_lstm.data.corruptions import dropped_words, keyboard_slips, no_punctuation, training_copy

TEXT = "The Council of Berwick did not approve the plan, a well-known one: 3.5% said so! " * 20


def test_keyboard_slips_press_a_key_beside_the_right_one() -> None:
    pairs = {pair for key in "ftyhvb" for pair in (f"g{key}", f"{key}g")}
    found = {keyboard_slips("g", random.Random(seed), 1.0) for seed in range(200)}
    assert found == {*"ftyhvb", *pairs}
    assert "." in {keyboard_slips("L", random.Random(seed), 1.0) for seed in range(100)}
    assert keyboard_slips("ж, 12", random.Random(0), 1.0) == "ж, 12"
    slipped = keyboard_slips(TEXT, random.Random(0))
    letters = sum(character in string.ascii_letters for character in TEXT)
    kept = sum(a == b for a, b in zip(TEXT.split(), slipped.split(), strict=True))
    assert 0 < len(slipped) - len(TEXT) < 0.1 * letters
    assert kept < 0.9 * len(TEXT.split())


def test_a_tenth_of_the_words_is_dropped() -> None:
    words = TEXT.split()
    left = dropped_words(TEXT, random.Random(0)).split()
    assert len(words) - len(left) == pytest.approx(0.1 * len(words), abs=1)
    rest = iter(words)
    assert all(word in rest for word in left)  # in their order
    assert dropped_words("word", random.Random(0), 1.0) == "word"  # the last word stays
    assert dropped_words(" two\n words ", random.Random(0), 0.0) == " two\n words "
    assert dropped_words(" two\n words ", random.Random(1), 0.5) in (" words ", " two\n ")


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(exclude_categories=()), max_size=200), st.text(max_size=5))
def test_any_text_has_the_same_training_copy_each_time(text: str, key: str) -> None:
    assert training_copy(text, key) == training_copy(text, key)
    # In each process, so that a resumed run sees the copies of the first.
    assert training_copy("A long debate on it.", "8") == "A lon debatr o it."


def test_each_kind_of_training_copy_occurs() -> None:
    copies = [training_copy(TEXT, str(key)) for key in range(600)]
    whole = {TEXT.lower(), TEXT.title(), no_punctuation(TEXT)}
    assert whole < set(copies)
    sentence = TEXT.partition(" The")[0]
    passages = {" ".join([sentence] * count) for count in range(1, 6)}
    assert passages < set(copies)
    rest = [copy for copy in copies if copy not in whole | passages]
    words = TEXT.split()
    cut = [len(copy.split()) / len(words) for copy in rest if copy in TEXT]
    rest = [copy for copy in rest if copy not in TEXT]
    dropped = [len(copy.split()) / len(words) for copy in rest if set(copy.split()) <= set(words)]
    assert 0.29 < min(cut) < 0.6 < max(cut) <= 1
    assert 0.69 < min(dropped) < 0.9 < max(dropped) <= 1
    assert len(rest) - len(dropped) > 100  # typing errors
