"""The light tokenizer gives what `GloveLstmTokenizer` gives, on its fast way and where it leaves all to Rust."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glove_lstm.tokenization import light_tokenizer
from glove_lstm.tokenization.light_tokenizer import LightTokenizer

VARIANTS = ("default", "article", "bare article", "pieces", "corrected")
FRAGMENTS = [
    *(
        "The harbour master of Vellin",
        "boats",
        "BOATS",
        "skipper",
        "Skiper",
        "haarbour",
        "don't",
        "well-known",
        "3.5",
        "1,204",
        "7th",
    ),
    *(
        "https://boats.example/log?id=7",
        "HTTP://X",
        "http://",
        "www.",
        "www.count.example",
        "WwW.a",
        "xhttps://y",
    ),
    *(
        "<url>",
        "<URL>",
        "<pad>",
        "<unk>",
        "<",
        "<ttp://a",
        "<ww.b",
        "://",
        "ww.",
        "wwww.c",
        "--",
        "-",
        "_",
        "a_b",
    ),
    *(
        "“",
        "”",
        "‘",
        "’",
        "\u02bc",
        "½",
        "²",
        "İ",
        "ſ",
        "https\u017f://",
        "ß",
        "é",
        "e\u0301",
        "Σ",
        "Ж",
        "中文",
    ),
    *(
        "\ud800",
        "\x1c",
        "\x85",
        "\xa0",
        "\u200b",
        "\u2028",
        "\ufffd",
        "\U0001f600",
        "\n",
        "\t",
        " ",
        ".",
        ",",
    ),
]
TEXT = st.one_of(
    st.text(max_size=40),
    st.lists(st.sampled_from([*FRAGMENTS, " ", " "]), max_size=14).map("".join),
    st.text("aAzZ019.,-_:/wWhHtTpPsS<>url’“ \n", max_size=30),
)


@pytest.fixture(scope="module", params=VARIANTS)
def both(request, make, tmp_path_factory):
    """The tokenizer that people call, and the light one of the same files."""
    options = {
        "default": {},
        "article": {"variant": "article", "token_types": False},
        "bare article": {"variant": "article", "stop_words": ()},
        "pieces": {"num_pieces": 200},
        "corrected": {"num_pieces": 200, "correct_spelling": True},
    }[request.param]
    tokenizer = make(
        **options, model_max_length=9, truncation_side="left" if "article" in request.param else "right"
    )
    folder = tmp_path_factory.mktemp("light")
    tokenizer.save_pretrained(folder)
    return tokenizer, LightTokenizer.from_folder(folder)


def assert_same(both, texts, pairs=None) -> None:
    tokenizer, light = both
    wanted, found = tokenizer(texts, pairs), light(texts, pairs)
    assert [text.ids.tolist() for text in found] == wanted["input_ids"]
    shapes = wanted.get("token_type_ids") or [[0] * len(row) for row in wanted["input_ids"]]
    assert [text.shapes.tolist() for text in found] == shapes


@settings(max_examples=300, deadline=None)
@given(texts=st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=3))
def test_same_ids_and_shapes(both, texts) -> None:
    assert_same(both, [first for first, _ in texts])
    assert_same(both, [first for first, _ in texts], [second for _, second in texts])


CONTEXTS = [
    "a{0}b",
    "1{0}2",
    "A{0}{0}B",
    "{0}",
    "1{0}b",
    "a-{0} {0}-a",
    "1.{0}",
    "https://x{0}y z",
    "www.{0}a",
]


@pytest.mark.parametrize("context", CONTEXTS)
def test_every_character_that_python_or_rust_may_take_for_white_space(both, context) -> None:
    """And all others up to the emoji's first thousand, for good measure."""
    white = [chr(point) for point in range(0x110000) if chr(point).isspace()]
    assert len(white) == 29
    others = [chr(point) for point in (*range(0xD800), *range(0xE000, 0x10000, 7), *range(0x1F300, 0x1F700))]
    both[0].model_max_length = both[1].model_max_length = 10**6
    try:
        assert_same(both, [context.format(character) for character in white])
        for start in range(0, len(others), 500):
            assert_same(both, [" ".join(context.format(one) for one in others[start : start + 500])])
        assert_same(both, ["".join(random.Random(seed).choices(white + others, k=500)) for seed in range(20)])
    finally:
        both[0].model_max_length = both[1].model_max_length = 9


def test_what_python_and_rust_read_differently_is_left_to_rust(both, monkeypatch) -> None:
    """The planted mistake must be found, or the test above proves nothing."""
    texts = [f"see https://a.b{character}c there" for character in light_tokenizer._DISPUTED]
    assert_same(both, texts)
    monkeypatch.setattr(light_tokenizer, "_DISPUTED", "")
    for text in texts:
        with pytest.raises(AssertionError):
            assert_same(both, [text])


def test_a_piece_goes_through_rust_once(both, monkeypatch) -> None:
    light, asked = both[1], []
    encode = light._encode
    monkeypatch.setattr(light, "_encode", lambda text: asked.append(text) or encode(text))
    light(["Zzyzx (said,) on\u00b2", "on\u00b2 (said,)\n  Zzyzx", ""])
    light(["Zzyzx (said,)  (said,)"])
    assert len(asked) == 1
    assert sorted(asked[0].split()) == ["(said,)", "Zzyzx", "on\u00b2"]


def test_many_texts_are_those_that_they_are_by_themselves(both) -> None:
    texts = [" ".join(random.Random(seed).choices(FRAGMENTS, k=seed % 40)) for seed in range(200)]
    assert_same(both, texts)
    assert_same(both, texts, texts[::-1])
    read = both[1].read(texts)
    assert read.lengths.tolist() == [len(text.ids) for text in both[1](texts)]
    assert len(read.ids) == len(read.shapes) == read.lengths.sum()
    assert both[1]([]) == []


def test_dictionary_that_is_full_starts_anew(both, monkeypatch) -> None:
    monkeypatch.setattr(light_tokenizer, "_MOST_HELD", 50)
    for text in (
        "boats and more boats",
        "The SKIPPER unknownword",
        "boats https://a.example",
        "1,204 The boats",
    ):
        assert_same(both, [text])
    assert len(both[1]._known) < 10


def test_pipeline_of_another_kind_goes_through_rust(make, tmp_path: Path) -> None:
    tokenizer = make(model_max_length=50)
    tokenizer.add_tokens(["harbour master"])
    tokenizer.save_pretrained(tmp_path)
    light = LightTokenizer.from_folder(tmp_path)
    text = "The harbour master said"
    assert light([text])[0].ids.tolist() == tokenizer(text)["input_ids"]
    assert not light._by_pieces
    path = tmp_path / "tokenizer.json"
    changed = path.read_text(encoding="utf-8").replace(r"\\w+(?:-\\w+)*", r"\\w+")
    assert changed != path.read_text(encoding="utf-8")
    path.write_text(changed, encoding="utf-8")
    assert not LightTokenizer.from_folder(tmp_path)._by_pieces


def test_pipelines_of_ours_are_known(both) -> None:
    assert both[1]._by_pieces


def test_stop_words_are_known_for_what_they_are(make) -> None:
    pattern = make("article")._tokenizer.pre_tokenizer.__getstate__().decode()
    assert "(?!" in pattern
    assert light_tokenizer._STOP_WORDS.fullmatch(r"\b(?!(?:a(?:t)?|the)\b)\w+")
    for other in (r"\b(?!a.*\b)\w+", r"\b(?!a\b)\w+|x", r"(?!a\b)\w+", r"\b(?!\b)\w+"):
        assert not light_tokenizer._STOP_WORDS.fullmatch(other)
