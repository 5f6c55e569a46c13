"""The light tokenizer gives what `GloveLstmTokenizer` gives."""

import pickle
import random
import sys
import unicodedata
from itertools import chain

import pytest
from hostile import FRAGMENTS, examples, texts
from hypothesis import given, settings
from hypothesis import strategies as st

from glove_lstm.text.light_tokenizer import LightTokenizer

VARIANTS = {
    "default": {},
    "article": {"variant": "article", "token_types": False, "truncation_side": "left"},
    "bare article": {"variant": "article", "stop_words": ()},
}


@pytest.fixture(scope="module", params=VARIANTS)
def both(request, make, tmp_path_factory):
    """The transformers tokenizer, and the light one of the same files."""
    tokenizer = make(**VARIANTS[request.param], model_max_length=9)
    folder = tmp_path_factory.mktemp("light")
    tokenizer.save_pretrained(folder)
    return tokenizer, LightTokenizer.from_folder(folder)


def assert_same(both, texts, pairs=None, limit=9) -> None:
    tokenizer, light = both
    tokenizer.model_max_length = light.model_max_length = limit
    wanted, found = tokenizer(texts, pairs), light.read(texts, pairs)
    assert found.lengths.tolist() == [len(row) for row in wanted["input_ids"]]
    assert found.ids.tolist() == [*chain(*wanted["input_ids"])]
    shapes = wanted["token_type_ids"] if light.token_types else [[0] * len(found.ids)]
    assert found.types.tolist() == [*chain(*shapes)]


@settings(max_examples=examples(200), deadline=None)
@given(pairs=st.lists(st.tuples(texts, texts), min_size=1, max_size=3))
def test_same_ids_and_shapes(both, pairs) -> None:
    assert_same(both, [first for first, _ in pairs])
    assert_same(both, [first for first, _ in pairs], [second for _, second in pairs])


def test_same_for_many_texts(both) -> None:
    texts = [" ".join(random.Random(seed).choices(FRAGMENTS, k=seed % 40)) for seed in range(200)]
    assert_same(both, texts)
    assert_same(both, texts, texts[::-1])
    assert_same(both, [])


def test_same_around_every_white_space(both) -> None:
    white = [chr(point) for point in range(0x110000) if chr(point).isspace()]
    for context in ("a{0}b", "A{0}{0}B", "{0}", "a-{0} {0}-a", "1.{0}2", "https://x{0}y z"):
        assert_same(both, [context.format(character) for character in white], limit=10**6)


@pytest.mark.parametrize(("old", "new"), [("<url>|", "<url>|a b|"), ('"Lowercase"', '"NFC"')])
def test_another_pipeline_gives_the_same_too(make, tmp_path, old, new) -> None:
    """It may look across white space, which only Rust can."""
    tokenizer = make(model_max_length=50)
    tokenizer.add_tokens(["harbour master"])
    tokenizer.save_pretrained(tmp_path)
    text = "The well-known harbour master, a b  \n said"
    assert_same((tokenizer, LightTokenizer.from_folder(tmp_path)), [text])
    path = tmp_path / "tokenizer.json"
    changed = path.read_text(encoding="utf-8").replace(old, new)
    assert changed != path.read_text(encoding="utf-8")
    path.write_text(changed, encoding="utf-8")
    loaded = type(tokenizer).from_pretrained(tmp_path), LightTokenizer.from_folder(tmp_path)
    assert_same(loaded, [text])


def test_a_pickle_does_not_change_with_use(both) -> None:
    light = LightTokenizer.of(both[0])
    before = pickle.dumps(light)
    assert_same((both[0], light), FRAGMENTS, limit=light.model_max_length)
    assert pickle.dumps(light) == before
    assert_same((both[0], pickle.loads(before)), FRAGMENTS)


def letters() -> list[str]:
    """All lower-cased letters and letters without case, but for those of East Asia, which are too many."""
    points = [*range(0x80, 0x2E80), *range(0xA000, 0xAC00), *range(0xFB00, 0xFFFF)]
    return [chr(point) for point in points if chr(point).isalpha() and chr(point).islower()]


def contexts(letter: str) -> list[str]:
    """Texts that show whether a letter is part of a word, a number, a space or punctuation, and of which case."""
    capital = letter.upper()
    return [
        f"{letter} {capital} a{letter}B A{letter} {letter}a {letter}{capital}",
        f"{capital}{letter} {capital}a {capital}A {letter}-{capital} 1{letter}2 1.{letter}",
        f"{letter}.2 -{letter} {letter}{letter}zq zq{capital} {letter}_{letter} ‘{letter}’",
    ]


def test_letters_of_the_vocabulary_are_read_as_by_rust(make) -> None:
    """A few at a time, so that all of them are in an alphabet."""
    every = letters()
    assert len(every) > 1500
    for begin in range(0, len(every), 50):
        chunk = every[begin : begin + 50]
        tokenizer = make(corpus=["a b zq", *chunk], model_max_length=10**6)
        texts = [*chain(*map(contexts, chunk))]
        assert_same((tokenizer, LightTokenizer.of(tokenizer)), texts, limit=10**6)


def test_every_assigned_character_is_read_as_by_rust(default) -> None:
    assigned = [
        chr(point)
        for point in range(sys.maxunicode + 1)
        if unicodedata.category(chr(point)) not in ("Cn", "Co", "Lo", "Cs")
    ]
    texts = [f"{character} a{character}b1{character}2" for character in assigned]
    assert_same((default, LightTokenizer.of(default)), texts, limit=10**6)
