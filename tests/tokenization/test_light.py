"""The light tokenizer gives what `GloveLstmTokenizer` gives, on its fast way and where it leaves all to Rust."""

import random
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glove_lstm.tokenization import light_tokenizer
from glove_lstm.tokenization.light_tokenizer import LightTokenizer

VARIANTS = ("default", "article", "bare article", "pieces")
FRAGMENTS = [
    *(
        "The harbour master of Vellin",
        "boats",
        "BOATS",
        "skipper",
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


def test_every_character_of_the_fast_way(both) -> None:
    """Python's regular expressions tell letters, digits and white space apart as Rust's do, one by one."""
    tokenizer, light = both
    before = light.model_max_length
    tokenizer.model_max_length = light.model_max_length = 10**6
    safe = [chr(point) for point in range(0x110000) if not light_tokenizer._UNSAFE.match(chr(point))]
    assert len(safe) > 3_000
    contexts = ["a{0}b", "1{0}2", "A{0}{0}B", "{0}", "1{0}b", "a-{0} {0}-a", "1.{0}", "https://x{0}y z"]
    try:
        for context in contexts:
            texts = [context.format(character) for character in safe]
            assert sum(light._words(text) is None for text in texts) <= 1  # "https://x<y"
            assert_same(both, texts)
        assert_same(both, ["".join(random.Random(seed).choices(safe, k=2_000)) for seed in range(20)])
    finally:
        tokenizer.model_max_length = light.model_max_length = before


def test_only_what_stands_beside_a_strange_character_goes_through_rust(both) -> None:
    strange = [
        "x\u00b2",
        "\u0130stanbul.",
        "e\u0301t\u00e9-d'un",
        "\u0915\u093e\u0928\u0942\u0928",
        "see:https://a.b/\u00b2,c",
        "\u00b2",
    ]
    texts = [f"The plan, {word} {word}\nand  https://a.b/c\t{word}!" for word in strange]
    texts += ["".join(f"{word} " for word in strange), " \u00b2", "\u00b2 ", "<url> \u00b2 www.a.b"]
    for text in texts[:-1]:
        assert both[1]._words(text) is not None
    assert both[1]._words("x \u00b2" + "y" * light_tokenizer._LONGEST) is None
    assert_same(both, texts)


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
    assert light._words(text) is None
    path = tmp_path / "tokenizer.json"
    changed = path.read_text(encoding="utf-8").replace(r"\\w+(?:-\\w+)*", r"\\w+")
    assert changed != path.read_text(encoding="utf-8")
    path.write_text(changed, encoding="utf-8")
    assert [LightTokenizer.from_folder(tmp_path)._words(text)] == [None]


def test_stop_words_are_known_for_what_they_are(make) -> None:
    pattern = make("article")._tokenizer.pre_tokenizer.__getstate__().decode()
    assert "(?!" in pattern
    assert light_tokenizer._STOP_WORDS.fullmatch(r"\b(?!(?:a(?:t)?|the)\b)\w+")
    for other in (r"\b(?!a.*\b)\w+", r"\b(?!a\b)\w+|x", r"(?!a\b)\w+", r"\b(?!\b)\w+"):
        assert not light_tokenizer._STOP_WORDS.fullmatch(other)
    assert re.compile(light_tokenizer.ARTICLE_WORD)
