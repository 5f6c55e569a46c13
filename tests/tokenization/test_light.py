"""The light tokenizer gives what `GloveLstmTokenizer` gives."""

import pickle
import random
from itertools import chain

import pytest
from hostile import FRAGMENTS, examples, texts
from hypothesis import given, settings
from hypothesis import strategies as st

from glove_lstm.data.errors import DataError
from glove_lstm.tokenization import light_tokenizer
from glove_lstm.tokenization.light_tokenizer import LightTokenizer

VARIANTS = {
    "default": {},
    "article": {"variant": "article", "token_types": False, "truncation_side": "left"},
    "bare article": {"variant": "article", "stop_words": ()},
    "pieces": {"num_pieces": 200},
    "corrected": {"num_pieces": 200, "correct_spelling": True},
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
    assert found.shapes.tolist() == [*chain(*shapes)]


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
    """And around every seventh of the other characters."""
    white = [chr(point) for point in range(0x110000) if chr(point).isspace()]
    others = [chr(point) for point in range(0, 0x1F700, 7) if not 0xD800 <= point < 0xE000]
    for context in (
        "a{0}b",
        "1{0}2",
        "A{0}{0}B",
        "{0}",
        "a-{0} {0}-a",
        "1.{0}",
        "https://x{0}y z",
        "www.{0}a",
    ):
        assert_same(both, [context.format(character) for character in white], limit=10**6)
        for start in range(0, len(others), 500):
            some = others[start : start + 500]
            assert_same(
                both, [" ".join(context.format(character) for character in some)], limit=10**6
            )


def test_a_full_dictionary_is_emptied(both, monkeypatch) -> None:
    monkeypatch.setattr(light_tokenizer, "_CAPACITY", 50)
    for text in (
        "boats and more boats",
        "The SKIPPER unknownword",
        "see https://a.example",
        "1,204 The boats",
    ):
        assert_same(both, [text])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (r"\\w+(?:-\\w+)*", r"\\w+"),
        ("<url>|", "<url>|a b|"),
        ('"Lowercase"', '"NFC"'),
        (r"[^\\w\\s]", r"[^\\w]"),
    ],
)
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
    assert_same(
        (type(tokenizer).from_pretrained(tmp_path), LightTokenizer.from_folder(tmp_path)), [text]
    )


@pytest.mark.parametrize(
    "pattern", [r"\b(?!a.*\b)\w+", r"\b(?!a\b)\w+|x", r"(?!a\b)\w+", r"\b(?!\b)\w+"]
)
def test_stop_words_are_recognised(pattern) -> None:
    assert light_tokenizer._STOP_WORDS.fullmatch(r"\b(?!(?:a(?:t)?|the)\b)\w+")
    assert not light_tokenizer._STOP_WORDS.fullmatch(pattern)


def test_a_pickle_leaves_the_dictionary_behind(both) -> None:
    light = LightTokenizer.of(both[0])
    before = pickle.dumps(light)
    assert_same((both[0], light), FRAGMENTS)
    assert pickle.dumps(light) == before
    assert_same((both[0], pickle.loads(before)), FRAGMENTS)


def test_damaged_files_are_refused(make, tmp_path) -> None:
    make().save_pretrained(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(DataError, match=r"tokenizer\.json cannot be used"):
        LightTokenizer.from_folder(tmp_path)
    (tmp_path / "tokenizer.json").unlink()
    with pytest.raises(DataError, match=r"tokenizer\.json cannot be read"):
        LightTokenizer.from_folder(tmp_path)
