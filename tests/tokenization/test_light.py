"""The light tokenizer gives what `GloveLstmTokenizer` gives."""

import pickle
import random
from itertools import chain

import pytest
from hostile import FRAGMENTS, examples, texts
from hypothesis import given, settings
from hypothesis import strategies as st

from glove_lstm.tokenization import light_tokenizer
from glove_lstm.tokenization.light_tokenizer import LightTokenizer

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


def test_same_when_the_dictionary_is_full(make, monkeypatch) -> None:
    monkeypatch.setattr(light_tokenizer, "_CAPACITY", 100)
    tokenizer = make(model_max_length=9)
    both = tokenizer, LightTokenizer.of(tokenizer)
    test_same_for_many_texts(both)


def test_other_threads_may_change_the_dictionary_meanwhile(make, monkeypatch) -> None:
    """One learns the same words while they are read; another one empties it."""
    tokenizer = make(model_max_length=50)
    light, text = LightTokenizer.of(tokenizer), "The harbour master, US zzqx"
    light.read(["The harbour"])  # known, then forgotten

    def forget() -> None:
        light._dictionary = light_tokenizer._Dictionary()

    encode, others = light._encode, iter([lambda: light.read([text]), forget])

    def encode_beside_others(new: str):
        assert not light._lock.locked()
        encoded = encode(new)
        next(others, lambda: None)()
        return encoded

    monkeypatch.setattr(light, "_encode", encode_beside_others)
    assert_same((tokenizer, light), [text], limit=50)


def test_same_around_every_white_space(both) -> None:
    white = [chr(point) for point in range(0x110000) if chr(point).isspace()]
    for context in ("a{0}b", "A{0}{0}B", "{0}", "a-{0} {0}-a", "1.{0}2", "https://x{0}y z"):
        assert_same(both, [context.format(character) for character in white], limit=10**6)


@pytest.mark.parametrize(("old", "new"), [("<url>|", "<url>|a b|"), ('"Lowercase"', '"NFC"')])
def test_another_pipeline_gives_the_same_too(make, tmp_path, old, new) -> None:
    """It may look across white space, so that no dictionary can serve it."""
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


def test_a_pickle_leaves_the_dictionary_behind(both) -> None:
    light = LightTokenizer.of(both[0])
    before = pickle.dumps(light)
    assert_same((both[0], light), FRAGMENTS, limit=light.model_max_length)
    assert pickle.dumps(light) == before
    assert_same((both[0], pickle.loads(before)), FRAGMENTS)
