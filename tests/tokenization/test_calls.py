"""Pairs, truncation, padding and everything else that transformers promises of a call."""

import warnings

import numpy as np
import pytest
from datasets import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from glove_lstm.modeling.configuration_glove_lstm import KNOWN
from glove_lstm.tokenization.word_shapes import SHAPES

WORDS = "boats Skipper SAID 1,204 don't harbour https://a.example/b qwzx ! “we” <pad> 漢字"
text = st.lists(st.sampled_from(WORDS.split()), max_size=9).map(" ".join)
raw = st.text(st.characters(exclude_categories=()), max_size=25)
SIDES = st.sampled_from(["right", "left"])
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
    kind = type(output["input_ids"]).__module__ if kwargs.get("return_tensors") else None
    return kind, {key: as_lists(value) for key, value in output.items() if key != "token_type_ids"}


def as_lists(value):
    """Also for an array of arrays, which transformers makes of rows of unequal length."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list):
        return [as_lists(item) for item in value]
    return value


@settings(max_examples=200)
@given(st.data())
def test_explicit_truncation_and_padding_do_what_transformers_does(default, plain, data):
    draw = data.draw
    batched, paired = draw(st.booleans()), draw(st.booleans())
    texts = draw(st.lists(text, min_size=1, max_size=4) if batched else text)
    pairs = None
    if paired:
        pairs = draw(st.lists(text, min_size=len(texts), max_size=len(texts)) if batched else text)
    default.truncation_side = plain.truncation_side = draw(SIDES)
    default.padding_side = plain.padding_side = draw(SIDES)
    default.model_max_length = plain.model_max_length = draw(st.sampled_from([5, 9, 100]))
    truncations = [True, False, "longest_first", "only_first", "only_second", "do_not_truncate"]
    paddings = [False, True, "longest", "max_length", "do_not_pad"]
    chosen = draw(st.sets(st.sampled_from(sorted(OPTIONS)), max_size=4))
    options = {name: draw(OPTIONS[name]) for name in sorted(chosen)}
    options["truncation"] = draw(st.sampled_from(truncations))
    options["padding"] = draw(st.sampled_from(paddings))
    if draw(st.integers(0, 3)) == 0 and not paired:
        options["return_overflowing_tokens"] = True
    expected = outcome(plain, texts, pairs, **options)
    assert outcome(default, texts, pairs, **options) == expected
    if isinstance(expected, tuple):
        output = {name: as_lists(value) for name, value in default(texts, pairs, **options).items()}
        assert [*map(np.size, output["token_type_ids"])] == [*map(np.size, output["input_ids"])]


@settings(max_examples=100)
@given(text, SIDES, st.integers(1, 12), st.sampled_from([False, True, "max_length"]))
def test_texts_are_truncated_by_default(default, plain, text, side, limit, padding):
    default.truncation_side = plain.truncation_side = side
    default.model_max_length = plain.model_max_length = limit
    default.padding_side = plain.padding_side = "right"
    batch = [text, "boats"]
    wanted = outcome(plain, batch, padding=padding, truncation=True)
    assert outcome(default, batch, padding=padding) == wanted
    wanted = outcome(plain, text, truncation=True, max_length=3)
    assert outcome(default, text, max_length=3) == wanted
    assert outcome(default, text, truncation=False) == outcome(plain, text)
    # transformers would refuse a limit that is not a multiple.
    output = default("boats " * 20, padding=True, pad_to_multiple_of=8)
    assert len(output["input_ids"]) == -(-limit // 8) * 8


@settings(max_examples=200)
@given(text | raw, text | raw, SIDES, SIDES, st.integers(0, 14), st.sampled_from([None, 2, 5]))
def test_a_pair_is_title_space_body(default, title, body, cut_side, pad_side, limit, multiple):
    default.truncation_side, default.padding_side = cut_side, pad_side
    default.model_max_length = 100
    joined = default(title + " " + body, return_offsets_mapping=True, max_length=limit)
    pair = default(title, body, return_offsets_mapping=True, max_length=limit)
    assert pair.data == joined.data
    assert default.encode(title, body, max_length=limit) == joined["input_ids"]

    default.model_max_length = max(limit, 1)
    for padding in (False, True, "max_length"):
        options = {"padding": padding, "pad_to_multiple_of": multiple, "return_length": True}
        wanted = default(["boats ", title + " " + body], **options)
        batch = default(["boats", title], ["", body], **options)
        assert batch.data == wanted.data == default([("boats", ""), (title, body)], **options).data


def test_split_into_words(default):
    default.model_max_length, default.truncation_side = 4, "right"
    title, body = ["The", "SKIPPER"], ["well-known", "BOATS", "3.5"]
    ids = default("The SKIPPER well-known BOATS 3.5")["input_ids"]
    shapes = ("title", "upper", "lower", "upper")
    types = [SHAPES.index(shape) + 8 * KNOWN for shape in shapes]
    for args in ((title, body), (tuple(title), tuple(body)), ([title], [body]), ([(title, body)],)):
        output = default(*args, is_split_into_words=True)
        assert np.ravel(output["input_ids"]).tolist() == ids
        assert np.ravel(output["token_type_ids"]).tolist() == types
        assert output.word_ids(0) == [0, 1, 2, 3]
    output = default([[], ["BOATS"]], is_split_into_words=True)
    assert output["token_type_ids"] == [[], [SHAPES.index("upper") + 8 * KNOWN]]
    assert default([], is_split_into_words=True)["input_ids"] == []


NAMES = "input_ids", "token_type_ids", "attention_mask"
PADDINGS = pytest.mark.parametrize("padding", [False, True, "max_length"])


@pytest.fixture
def of_three(default):
    """The tokenizer with a limit of three tokens, that pads on the right."""
    default.model_max_length, default.padding_side = 3, "right"
    return default


@PADDINGS
def test_no_texts(of_three, padding):
    for args in (([],), ([], [])):
        output = of_three(*args, padding=padding)
        for name in NAMES:
            assert output[name] == []
    arrays = of_three([], return_tensors="np", padding=padding)
    width = 3 if padding == "max_length" else 0
    assert arrays["input_ids"].shape == (0, width)


@PADDINGS
def test_an_empty_text(of_three, padding):
    width = 3 if padding == "max_length" else 0
    for args in (("",), ("", "")):
        output = of_three(*args, padding=padding)
        for name in NAMES:
            assert output[name] == [0] * width
        tensors = of_three(*args, return_tensors="pt", padding=padding)
        assert tensors["input_ids"].shape == (1, width)


@PADDINGS
def test_an_empty_text_beside_another(of_three, padding):
    for args in ((["", "boats"],), (["", "boats"], ["", ""])):
        output = of_three(*args, padding=padding)
        ids, types, mask = (output[name][0] for name in NAMES)
        assert mask == [0] * len(ids)
        assert len(types) == len(ids)


@pytest.mark.parametrize("text", [None, 5, [5], [None]])
def test_other_types_are_refused(default, text):
    one = ["boats"]
    for args in ((text,), (one, [text]), (one, "boats"), ("boats", one), (one, ["a", "b"])):
        with pytest.raises((TypeError, ValueError)):
            default(*args)


def test_a_text_that_is_not_split_into_words_is_refused(default):
    with pytest.raises((TypeError, ValueError)):
        default("boats", is_split_into_words=True)


def test_columns_of_a_dataset_have_one_type(default):
    """Also where the first rows hold known words alone, for which `datasets` chooses the type."""
    rows = Dataset.from_dict({"text": ["boats", "The skipper", "", "shokcing"]})
    tokens = rows.map(lambda row: default(row["text"]), writer_batch_size=1)
    types = tokens["token_type_ids"][:]
    assert types == [default(text)["token_type_ids"] for text in rows["text"]]


def test_without_token_types(make):
    tokenizer = make(token_types=False)
    for args in (("The boats",), ("The", "boats")):
        assert set(tokenizer(*args)) == {"input_ids", "attention_mask"}
    assert tokenizer("The BOATS", return_token_type_ids=True)["token_type_ids"] == [
        2 + 8 * KNOWN,
        3 + 8 * KNOWN,
    ]
    assert "token_type_ids" not in make()("The", "boats", return_token_type_ids=False)
