"""Pairs, truncation, padding and everything else that transformers promises of a call."""

import json
import warnings
from math import ceil

import numpy as np
import pytest
from datasets.fingerprint import Hasher
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from glove_lstm import GloveLstmTokenizer

WORDS = "boats Skipper SAID 1,204 don't harbour https://a.example/b qwzx ! “we” <pad> 漢字"
text = st.lists(st.sampled_from(WORDS.split()), max_size=9).map(" ".join)
raw = st.text(st.characters(exclude_categories=()), max_size=25)
SIDES = st.sampled_from(["right", "left"])
TRUNCATIONS = [True, False, "longest_first", "only_first", "only_second", "do_not_truncate"]
PADDINGS = [False, True, "longest", "max_length", "do_not_pad"]
OPTIONS = {
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
}


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
    """The result of a call as plain lists, without the shapes that only ours has; or the type of its error."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            output = call(*args, **kwargs)
    except Exception as error:
        return type(error)
    values = {name: as_lists(value) for name, value in output.items() if name != "token_type_ids"}
    if "return_tensors" in kwargs:
        values["library"] = type(output["input_ids"]).__module__
    return values


def as_lists(value):
    """Also for an array of arrays, which transformers makes of rows of unequal length."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list):
        return [as_lists(item) for item in value]
    return value


def set_both(default, plain, **attributes):
    for tokenizer in (default, plain):
        for name, value in attributes.items():
            setattr(tokenizer, name, value)


@st.composite
def explicit_calls(draw):
    """Texts, second parts or None, and options with truncation and padding."""
    options = {
        "truncation": draw(st.sampled_from(TRUNCATIONS)),
        "padding": draw(st.sampled_from(PADDINGS)),
    }
    some_names = st.lists(st.sampled_from(sorted(OPTIONS)), max_size=4, unique=True)
    for name in draw(some_names):
        options[name] = draw(OPTIONS[name])

    is_batch = draw(st.booleans())
    several_texts = st.lists(text, min_size=1, max_size=4)
    texts = draw(several_texts if is_batch else text)
    is_paired = draw(st.booleans())
    if not is_paired:
        return texts, None, options
    if is_batch:
        return texts, [draw(text) for _ in texts], options
    return texts, draw(text), options


@settings(max_examples=200, deadline=None)
@given(explicit_calls(), SIDES, SIDES, st.sampled_from([5, 9, 100]))
def test_explicit_truncation_and_padding_do_what_transformers_does(
    default, plain, call, cut_side, pad_side, limit
):
    texts, pairs, options = call
    joined = texts
    if isinstance(pairs, str):
        joined = f"{texts} {pairs}"
    elif pairs is not None:
        joined = [f"{first} {second}" for first, second in zip(texts, pairs, strict=True)]
    set_both(
        default, plain, truncation_side=cut_side, padding_side=pad_side, model_max_length=limit
    )
    wanted = dict(options)
    if options["truncation"] in ("only_first", "only_second"):  # a pair is one text
        wanted["truncation"] = "longest_first"
    expected = outcome(plain, joined, **wanted)
    assert outcome(default, texts, pairs, **options) == expected
    is_error = isinstance(expected, type)
    if not is_error:
        output = default(texts, pairs, **options)
        ids = as_lists(output["input_ids"])
        types = as_lists(output["token_type_ids"])
        assert list(map(np.size, types)) == list(map(np.size, ids))


@settings(max_examples=100, deadline=None)
@given(
    text=text,
    side=SIDES,
    limit=st.integers(1, 12),
    padding=st.sampled_from([False, True, "max_length"]),
)
def test_texts_are_truncated_by_default(default, plain, text, side, limit, padding):
    set_both(default, plain, truncation_side=side, padding_side="right", model_max_length=limit)
    batch = [text, "boats"]
    wanted = outcome(plain, batch, padding=padding, truncation=True)
    assert outcome(default, batch, padding=padding) == wanted
    wanted = outcome(plain, text, truncation=True, max_length=3)
    assert outcome(default, text, max_length=3) == wanted
    assert outcome(default, text, truncation=False) == outcome(plain, text)
    # transformers would refuse a limit that is not a multiple.
    output = default("boats " * 20, padding=True, pad_to_multiple_of=8)
    assert len(output["input_ids"]) == 8 * ceil(limit / 8)


@settings(max_examples=200, deadline=None)
@given(
    title=text | raw,
    body=text | raw,
    cut_side=SIDES,
    pad_side=SIDES,
    limit=st.integers(0, 14),
    multiple=st.sampled_from([None, 2, 5]),
)
def test_a_pair_is_title_space_body(default, title, body, cut_side, pad_side, limit, multiple):
    default.truncation_side = cut_side
    default.padding_side = pad_side
    default.model_max_length = 100
    joined = default(f"{title} {body}", return_offsets_mapping=True, max_length=limit)
    pair = default(title, body, return_offsets_mapping=True, max_length=limit)
    assert pair.data == joined.data
    assert default.encode(title, body, max_length=limit) == joined["input_ids"]

    default.model_max_length = max(limit, 1)
    for padding in (False, True, "max_length"):
        options = {"padding": padding, "pad_to_multiple_of": multiple, "return_length": True}
        wanted = default(["boats ", f"{title} {body}"], **options)
        assert default(["boats", title], ["", body], **options).data == wanted.data
        assert default([("boats", ""), (title, body)], **options).data == wanted.data


@pytest.mark.parametrize(
    ("args", "ids"),
    [
        (([],), []),
        (([], []), []),
        (("",), []),
        (("", ""), []),
        ((["", ""],), [[], []]),
        ((["", ""], ["", ""]), [[], []]),
    ],
    ids=str,
)
def test_nothing_to_read(default, args, ids):
    output = default(*args)
    assert output["input_ids"] == output["token_type_ids"] == ids
    is_batch = isinstance(args[0], list)
    shape = (len(args[0]) if is_batch else 1, 0)
    for library in ("np", "pt"):
        tensors = default(*args, return_tensors=library)
        assert tensors["input_ids"].shape == tensors["token_type_ids"].shape == shape


WRONG = {
    "None": ((None,), {}),
    "a number": ((5,), {}),
    "a list of numbers": (([5],), {}),
    "a list of None": (([None],), {}),
    "a number as second part": ((["boats"], [5]), {}),
    "None as second part": ((["boats"], [None]), {}),
    "one second part of a batch": ((["boats"], "boats"), {}),
    "a batch of second parts of one text": (("boats", ["boats"]), {}),
    "too many second parts": ((["boats"], ["a", "b"]), {}),
    "words": ((["boats"],), {"is_split_into_words": True}),
    "overflowing tokens": (("boats",), {"return_overflowing_tokens": True}),
}


@pytest.mark.parametrize(("args", "options"), WRONG.values(), ids=WRONG)
def test_wrong_inputs_raise(default, args, options):
    with pytest.raises((TypeError, ValueError)):
        default(*args, **options)


# Saving and loading

TEXTS = ["The SKIPPER said 3.5", "", "see www.count.example “we” <pad>", "qwzx"]


@pytest.mark.parametrize(("variant", "token_types"), [("default", True), ("article", False)])
def test_round_trip(make, tmp_path, variant, token_types):
    tokenizer = make(variant, truncation_side="left", model_max_length=7, token_types=token_types)
    tokenizer.save_pretrained(tmp_path)
    for loader in (GloveLstmTokenizer, AutoTokenizer):
        loaded = loader.from_pretrained(tmp_path)
        assert type(loaded) is GloveLstmTokenizer
        assert loaded.get_vocab() == tokenizer.get_vocab()
        assert (loaded.truncation_side, loaded.model_max_length) == ("left", 7)
        assert loaded.model_input_names == tokenizer.model_input_names
        assert loaded(TEXTS, TEXTS[::-1]).data == tokenizer(TEXTS, TEXTS[::-1]).data


def test_calls_change_neither_files_nor_hash(make, tmp_path):
    """`datasets` caches by the hash."""
    tokenizer = make(model_max_length=7)
    tokenizer(TEXTS)
    before = Hasher.hash(tokenizer)
    tokenizer(TEXTS)
    assert Hasher.hash(tokenizer) == before
    assert vars(tokenizer).keys() == vars(make()).keys()  # a call adds nothing to hash

    cut = {"padding": "max_length", "truncation": True, "max_length": 3}
    saved = set()
    for options in ({}, cut, {"text_pair": TEXTS, "padding": True}):
        tokenizer(TEXTS, **options)
        tokenizer.save_pretrained(tmp_path)
        GloveLstmTokenizer.from_pretrained(tmp_path).save_pretrained(tmp_path)
        saved.add((tmp_path / "tokenizer.json").read_bytes())
    assert len(saved) == 1
    written = json.loads(saved.pop())
    assert written["padding"] is written["truncation"] is None
