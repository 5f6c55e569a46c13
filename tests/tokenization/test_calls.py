"""Pairs, truncation, padding and what else transformers promises of a call."""

import warnings

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from glove_lstm.tokenization.word_shapes import SHAPES

WORDS = [
    "boats",
    "Skipper",
    "SAID",
    "1,204",
    "don't",
    "harbour",
    "https://a.example/b",
    "qwzx",
    "!",
    "“we”",
    "<pad>",
    "漢字",
]
text = st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join)
raw = st.text(st.characters(exclude_categories=()), max_size=25)
SIDES = st.sampled_from(["right", "left"])


@pytest.fixture(scope="module")
def plain(default, tmp_path_factory):
    """What transformers makes of the same tokenizer.json."""
    folder = tmp_path_factory.mktemp("plain")
    default.save_pretrained(folder)
    return PreTrainedTokenizerFast(
        tokenizer_file=str(folder / "tokenizer.json"),
        pad_token="<pad>",
        unk_token="<unk>",
        split_special_tokens=True,
        model_input_names=["input_ids", "attention_mask"],
    )


def outcome(call, *args, **kwargs):
    """What a call gives, as plain lists, without the shapes that only ours has; or the error."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            output = call(*args, **kwargs)
    except Exception as error:
        return type(error)
    if kwargs.get("return_tensors"):
        kind = type(output["input_ids"]).__module__
        return kind, {k: as_lists(v) for k, v in output.items() if k != "token_type_ids"}
    return {key: value for key, value in output.items() if key != "token_type_ids"}


def as_lists(value):
    """Also an array of arrays, which transformers makes of rows of unequal length."""
    value = value.tolist() if hasattr(value, "tolist") else value
    return [as_lists(item) for item in value] if isinstance(value, list) else value


def form(value):
    value = as_lists(value)
    return [form(item) for item in value] if isinstance(value, list) else 0


def test_the_plain_tokenizer_knows_the_same_words(default, plain):
    assert default.get_vocab() == plain.get_vocab()
    assert default.unk_token_id not in default("the skipper lost 1,204 boats")["input_ids"]


@settings(max_examples=250)
@given(st.data())
def test_explicit_truncation_and_padding_do_what_transformers_does(default, plain, data):
    draw = data.draw
    batched, paired = draw(st.booleans()), draw(st.booleans())
    batch = st.lists(text, min_size=1, max_size=4)
    texts = draw(batch if batched else text)
    pairs = None
    if paired:
        pairs = draw(st.lists(text, min_size=len(texts), max_size=len(texts)) if batched else text)
    default.truncation_side = plain.truncation_side = draw(SIDES)
    default.padding_side = plain.padding_side = draw(SIDES)
    default.model_max_length = plain.model_max_length = draw(st.sampled_from([5, 9, 100]))
    options = {
        "truncation": draw(
            st.sampled_from([True, False, "longest_first", "only_first", "only_second", "do_not_truncate"])
        ),
        "padding": draw(st.sampled_from([False, True, "longest", "max_length", "do_not_pad"])),
    }
    for name, values in {
        "max_length": st.sampled_from([0, 1, 4, 6, 12]),
        "pad_to_multiple_of": st.sampled_from([2, 4, 5]),
        "padding_side": SIDES,
        "return_length": st.just(True),
        "return_special_tokens_mask": st.just(True),
        "return_offsets_mapping": st.just(True),
        "return_attention_mask": st.booleans(),
        "return_tensors": st.sampled_from(["np", "pt"]),
        "add_special_tokens": st.booleans(),
        "split_special_tokens": st.booleans(),
    }.items():
        if draw(st.integers(0, 3)) == 0:
            options[name] = draw(values)
    if draw(st.integers(0, 3)) == 0 and not paired:
        # A stride that is not smaller than the cut panics in Rust, in plain transformers too.
        options["return_overflowing_tokens"] = True
        if (options.get("max_length") or default.model_max_length) > 1 and options.get("max_length") != 0:
            options["stride"] = draw(st.integers(0, 1))

    expected = outcome(plain, texts, pairs, **options)
    assert outcome(default, texts, pairs, **options) == expected
    if isinstance(expected, dict):
        output = default(texts, pairs, **options)
        assert form(output["token_type_ids"]) == form(output["input_ids"])


@settings(max_examples=200)
@given(text, SIDES, st.integers(1, 12), st.sampled_from([False, True, "max_length"]))
def test_a_text_is_cut_without_being_asked_as_if_asked(default, plain, text, side, limit, padding):
    default.truncation_side = plain.truncation_side = side
    default.model_max_length = plain.model_max_length = limit
    default.padding_side = plain.padding_side = "right"
    assert outcome(default, [text, "boats"], padding=padding) == outcome(
        plain, [text, "boats"], padding=padding, truncation=True
    )
    assert outcome(default, text, max_length=3) == outcome(plain, text, truncation=True, max_length=3)
    assert outcome(default, text, truncation=False) == outcome(plain, text)


def test_padding_to_a_multiple_beyond_the_cut_is_no_error_when_nobody_asked_for_the_cut(default):
    default.model_max_length = 6
    assert len(default(["boats"], padding=True, pad_to_multiple_of=4)["input_ids"][0]) == 4
    assert len(default("boats " * 9, padding=True, pad_to_multiple_of=4)["input_ids"]) == 8


@settings(max_examples=200)
@given(text | raw, text | raw, SIDES, st.integers(0, 14), st.booleans())
def test_a_pair_is_title_space_body(default, title, body, side, limit, by_argument):
    default.truncation_side, default.padding_side = side, "right"
    default.model_max_length = 100 if by_argument else max(limit, 1)
    cut = {"max_length": limit} if by_argument else {}
    joined = default(title + " " + body, return_offsets_mapping=True, **cut)
    pair = default(title, body, return_offsets_mapping=True, **cut)

    assert pair["input_ids"] == joined["input_ids"]
    assert pair["token_type_ids"] == joined["token_type_ids"]
    assert pair["attention_mask"] == joined["attention_mask"]
    assert default.encode(title, body, **cut) == joined["input_ids"]
    batch = default(["boats", title], ["", body], **cut)
    assert batch["input_ids"][1] == joined["input_ids"]
    assert batch.sequence_ids(1) == pair.sequence_ids(0)
    assert default([("boats", ""), (title, body)], **cut).data == batch.data

    # The offsets say where in its own part each token stands.
    for (start, end), part, (start_joined, end_joined) in zip(
        pair["offset_mapping"], pair.sequence_ids(0), joined["offset_mapping"], strict=True
    ):
        base = len(title) + 1 if part == 1 else 0
        assert (start + base, end + base) == (start_joined, end_joined)
        assert part == int(start_joined > len(title))


@settings(max_examples=150)
@given(st.lists(st.tuples(text, text), min_size=1, max_size=4), SIDES, SIDES, st.sampled_from([None, 2, 5]))
def test_padding_of_pairs(default, rows, side, by_argument, multiple):
    default.model_max_length, default.truncation_side, default.padding_side = 8, "right", side
    titles, bodies = [list(part) for part in zip(*rows, strict=True)]
    loose = default(titles, bodies)
    for padding in (True, "max_length"):
        tight = default(
            titles,
            bodies,
            padding=padding,
            padding_side=by_argument,
            pad_to_multiple_of=multiple,
            return_tensors="np",
        )
        length = 8 if padding == "max_length" else max(map(len, loose["input_ids"]))
        length += -length % (multiple or 1)
        for name in ("input_ids", "token_type_ids", "attention_mask"):
            for row, short in zip(tight[name].tolist(), loose[name], strict=True):
                fill = [0] * (length - len(short))
                assert row == (short + fill if by_argument == "right" else fill + short)
        assert default(titles, bodies, padding=padding, pad_to_multiple_of=multiple, return_length=True)[
            "length"
        ] == [length] * len(rows)


def test_overflow_of_a_pair_is_that_of_transformers(default, plain):
    default.model_max_length = plain.model_max_length = 5
    default.truncation_side = plain.truncation_side = "right"
    a, b = "boats skipper said harbour", "lost tonnes boats count on"
    options = {"return_overflowing_tokens": True, "return_offsets_mapping": True}
    assert outcome(default, a, b, **options) == outcome(plain, a, b, truncation=True, **options)
    output = default([a], [b], truncation="only_second", return_overflowing_tokens=True)
    assert len(output["token_type_ids"]) == len(output["input_ids"]) > 1


def test_split_into_words(default):
    default.model_max_length, default.truncation_side = 4, "right"
    title, body = ["The", "SKIPPER"], ["well-known", "BOATS", "3.5"]
    ids = default("The SKIPPER well-known BOATS 3.5")["input_ids"]
    shapes = [SHAPES.index(name) for name in ("title", "upper", "lower", "upper")]
    for output in (
        default(title, body, is_split_into_words=True),
        default(tuple(title), tuple(body), is_split_into_words=True),
        default([title], [body], is_split_into_words=True),
        default([(title, body)], is_split_into_words=True),
    ):
        assert np.ravel(output["input_ids"]).tolist() == ids
        assert np.ravel(output["token_type_ids"]).tolist() == shapes
        assert output.word_ids(0) == [0, 1, 0, 1]
    assert default([[], ["BOATS"]], is_split_into_words=True)["token_type_ids"] == [[], [3]]
    assert default([], is_split_into_words=True)["input_ids"] == []


@pytest.mark.parametrize(
    "options", [{}, {"padding": True}, {"padding": "max_length"}, {"return_length": True}]
)
def test_no_texts_and_empty_texts(default, options):
    default.model_max_length, default.padding_side = 3, "right"
    width = 3 if options.get("padding") == "max_length" else 0
    for output in (default([], **options), default([], [], **options)):
        assert output["input_ids"] == output["token_type_ids"] == output["attention_mask"] == []
    assert default([], return_tensors="np", **options)["input_ids"].shape == (0, width)
    for arguments in (("",), ("", "")):
        output = default(*arguments, **options)
        assert output["input_ids"] == output["token_type_ids"] == output["attention_mask"] == [0] * width
    for arguments in ((["", "boats"],), (["", "boats"], ["", ""])):
        output = default(*arguments, **options)
        assert output["attention_mask"][0] == [0] * len(output["input_ids"][0])
        assert len(output["token_type_ids"][0]) == len(output["input_ids"][0])
    for kind in ("np", "pt"):
        assert default("", return_tensors=kind, **options)["input_ids"].shape == (1, width)


@pytest.mark.parametrize(
    "arguments",
    [
        (None,),
        (5,),
        ([5],),
        ([None],),
        (["boats"], "boats"),
        ("boats", ["boats"]),
        (["boats"], ["a", "b"]),
        (["a"], [None]),
    ],
)
def test_what_is_no_text_is_refused(default, plain, arguments):
    with pytest.raises((TypeError, ValueError)):
        default(*arguments)
    with pytest.raises((TypeError, ValueError)):
        plain(*arguments)


def test_a_string_is_no_list_of_words(default):
    with pytest.raises((TypeError, ValueError)):
        default("boats", is_split_into_words=True)


def test_pad_fills_every_row(default):
    default.padding_side = "right"
    default.model_max_length = 100
    padded = default.pad(default(["The boats", "skipper"]), return_tensors="pt")
    assert padded["attention_mask"].tolist() == [[1, 1], [1, 0]]
    assert padded["token_type_ids"].tolist() == [[2, 1], [1, 0]]
    assert padded["input_ids"][1, 1] == default.pad_token_id


def test_without_token_types(make):
    tokenizer = make(token_types=False)
    assert set(tokenizer("The boats")) == set(tokenizer("The", "boats")) == {"input_ids", "attention_mask"}
    assert tokenizer("The BOATS", return_token_type_ids=True)["token_type_ids"] == [2, 3]
    with_types = make()
    assert "token_type_ids" not in with_types("The", "boats", return_token_type_ids=False)


@given(raw)
@settings(max_examples=50)
def test_decoding_never_fails(default, text):
    assume(text)
    assert isinstance(default.decode(default(text)["input_ids"]), str)
