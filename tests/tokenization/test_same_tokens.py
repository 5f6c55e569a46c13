"""Every reader gives the ids and the shapes that a call of `GloveLstmTokenizer` gives.

The reader of the page is compared in `tests/app`.
"""

import sys
import unicodedata

import numpy as np
import pytest
from hostile import FRAGMENTS, examples, texts
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support import CORPUS

from glove_lstm import GloveLstmTokenizer
from glove_lstm.text.light_tokenizer import LightTokenizer
from glove_lstm.text.vector_encoder import VectorEncoder

VARIANTS = {
    "default": {},
    "article": {"variant": "article", "token_types": False, "truncation_side": "left"},
    "added tokens": {},
    "accents": {"corpus": [*CORPUS, "wörlds ürl thé http flœur PÛRPOSES étés 𐐨 𝐚𝐛"]},
}
# Beside a text of this length, the light tokenizer reads all texts with numpy; short ones alone go through Rust.
LONG = "The harbour master, un-harboured, counts 1,204 BOATS at www.boats.example <url>. " * 10


@pytest.fixture(scope="module", params=VARIANTS)
def tokenizer(request, make):
    tokenizer = make(**VARIANTS[request.param], model_max_length=9)
    if request.param == "added tokens":
        tokenizer.add_tokens(["[USER]"])
    return tokenizer


@pytest.fixture(scope="module")
def readers(tokenizer, tmp_path_factory):
    """The tokenizer loaded from its files, and light tokenizers."""
    folder = tmp_path_factory.mktemp("tokenizer")
    tokenizer.save_pretrained(folder)
    return {
        "from files": GloveLstmTokenizer.from_pretrained(folder),
        "light, from a folder": LightTokenizer.from_folder(folder),
        "light, of an object": LightTokenizer.of(tokenizer),
    }


def read(reader, texts, pairs):
    """The ids of each text, and its types if there are any."""
    if not isinstance(reader, LightTokenizer):
        output = reader(texts, pairs)
        return output["input_ids"], output.get("token_type_ids")
    tokens = reader.encode(texts, pairs)
    ids = divided(tokens.ids, tokens.lengths)
    if not reader.token_types:
        return ids, None
    return ids, divided(tokens.types, tokens.lengths)


def divided(values, lengths):
    """Values of all texts, one list a text."""
    assert len(values) == lengths.sum()
    ends = lengths.cumsum()[:-1]
    return [part.tolist() for part in np.split(values, ends)][: len(lengths)]


def assert_same(tokenizer, readers, texts, pairs=None, limit=9):
    tokenizer.model_max_length = limit
    expected = read(tokenizer, texts, pairs)
    for name, reader in readers.items():
        reader.model_max_length = limit
        assert read(reader, texts, pairs) == expected, name


@settings(max_examples=examples(200), deadline=None)
@given(pairs=st.lists(st.tuples(texts, texts), min_size=1, max_size=3))
def test_hostile_texts(tokenizer, readers, pairs):
    first = [text for text, _ in pairs]
    second = [text for _, text in pairs]
    assert_same(tokenizer, readers, first)
    assert_same(tokenizer, readers, [*first, LONG])
    assert_same(tokenizer, readers, first, second)


def test_texts_that_are_longer_than_a_batch(tokenizer, readers, monkeypatch):
    monkeypatch.setattr("glove_lstm.text.vector_encoder._BATCH_CHARACTERS", 1 << 12)
    texts = [LONG * 4, "", "the " * 3, *["été 𐐨 zq [USER]"] * 60]
    assert_same(tokenizer, readers, texts, texts[::-1])
    assert_same(tokenizer, readers, [])


UNITS = [
    "été 中文ก็\nhttps://a.b/c <url> ",
    "ΟΔΟΣ\ud800 e\u0301\u3000",
    "中",
    "ดีมาก๑๒.๓ก็",
    "www.中か\u3099",
    "កខ្មែរ",
]


@settings(max_examples=examples(150), deadline=None)
@given(
    parts=st.lists(st.sampled_from([*UNITS, *FRAGMENTS]), min_size=1, max_size=5),
    side=st.sampled_from(["right", "left"]),
    limit=st.integers(1, 12),
)
@example(parts=["http://中"], side="left", limit=3)
@example(parts=["中文", "a"], side="right", limit=3)
def test_a_part_of_a_very_long_text_has_the_tokens_of_the_text(default, parts, side, limit):
    default.truncation_side = side
    reader = LightTokenizer.of(default)
    long = "".join(parts) * 400
    for pairs in (None, [long, "short", "short"]):
        assert_same(default, {side: reader}, [long, "short", long], pairs, limit)
    begin, end = reader.part_read(long)
    assert read(reader, [long[begin:end]], None) == read(reader, [long], None)
    assert reader.part_read("") == (0, 0)


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize(
    "unit", ["市议会批准了预算。", "カラオケのデータ", "ดีมาก", "The vote passed. "]
)
def test_of_a_very_long_text_only_a_part_is_encoded(make, monkeypatch, side, unit):
    reader = LightTokenizer.of(make(model_max_length=9, truncation_side=side))
    lengths = []
    encode = VectorEncoder.encode
    monkeypatch.setattr(
        LightTokenizer,
        "_encode",
        lambda self, parts: lengths.extend(map(len, parts)) or encode(self._vector_encoder, parts),
    )
    reader.encode([unit * 1000])
    assert max(lengths) < 300
    assert reader.truncated_texts == 1


def test_every_assigned_character(default):
    not_assigned = ("Cn", "Co", "Cs")
    texts = []
    for character in map(chr, range(sys.maxunicode + 1)):
        category = unicodedata.category(character)
        if category not in not_assigned and category != "Lo":  # letters without case are many
            texts.append(f"{character} a{character}b1{character}2 1.{character}2")
        if character.isspace():
            texts.append(f"https://x{character}y z")
    readers = {"of an object": LightTokenizer.of(default)}
    assert_same(default, readers, texts, limit=10**6)


def test_common_text_needs_no_rust():
    def refuse(pieces):
        raise AssertionError(pieces)

    text = "The HARBOUR\u00a0—\tthe “harbour”, Été ПРИВЕТ Schön the 7th Well-Known"
    words = ["the", "harbour", "—", "the", '"', "harbour", '"', ",", "été", "привет", "schön"]
    words += ["the", "7", "th", "well-known"]
    ids = {word: row for row, word in enumerate(sorted(set(words)), 1)}
    tokens = VectorEncoder(ids, 0, refuse).encode(["", text, " \n "])
    assert tokens.ids.tolist() == [ids[word] for word in words]
    assert tokens.lengths.tolist() == [0, len(words), 0]
