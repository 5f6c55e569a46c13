"""glove_lstm.explain: what it promises of its sums, its offsets, its labels and its pictures, on hostile texts too."""

import dataclasses
import json
from html.parser import HTMLParser

import numpy as np
import pytest
import torch
from hostile import joined, texts
from hypothesis import given, settings
from hypothesis import strategies as st
from support import CORPUS, build_model, repaired
from torch import nn

from glove_lstm import explain
from glove_lstm.inference.prediction import predict_logits, predict_probabilities
from glove_lstm.inference.scores import softmax
from glove_lstm.text.build import build_tokenizer

NGRAMS = {"ngram_buckets": 40, "ngram_weight": 0.6, "shrinkage": 4.0}
SHAPES = {"type_embedding_size": 3, "character_buckets": 20, "temperature": 1.7}
KINDS = {
    "default": ({}, {**NGRAMS, **SHAPES}),
    "beginnings": ({}, {**NGRAMS, **SHAPES, "lstm_length": 9}),
    "article": ({"variant": "article", "token_types": False, "truncation_side": "left"}, {}),
    "many labels": ({}, {**NGRAMS, **SHAPES, "num_labels": 4}),
    "n-grams of words alone": ({"token_types": False}, {"ngram_buckets": 40}),
}
MOST = 40  # tokens that a text is cut to


def build(kind: str, **more: object):
    """A model of random weights, and its tokenizer."""
    wanted, config = KINDS[kind]
    stop_words = ("the", "of", "don't") if wanted.get("variant") == "article" else ()
    options = {"min_frequency": 1, "model_max_length": MOST, "stop_words": stop_words, **wanted}
    tokenizer = build_tokenizer(lambda: CORPUS, **options)
    return build_model(vocab_size=tokenizer.vocab_size, **config, **more), tokenizer


@pytest.fixture(scope="module", params=KINDS)
def opened(request):
    return build(request.param)


@pytest.fixture(scope="module")
def default():
    return build("default")


@settings(max_examples=60, deadline=None)
@given(text=texts | joined, pair=st.none() | texts | joined)
def test_contributions_and_baseline_add_up_and_words_are_where_they_are_said_to_be(
    opened, text, pair
) -> None:
    model, tokenizer = opened
    found = explain(model, tokenizer, text, pair)
    pairs = None if pair is None else [pair]
    logits = predict_logits(model, tokenizer, [text], pairs)[0].astype(np.float64)
    names = model.config.label_names
    order = np.argsort(-logits, kind="stable")
    assert [found.label, found.rival] == [names[order[0]], names[order[1]]]
    assert found.score == pytest.approx(softmax(logits[None])[0].max(), abs=1e-5)
    assert found.logit_difference == pytest.approx(logits[order[0]] - logits[order[1]], abs=1e-4)
    values = np.array([word.contribution for word in found.words])
    size = 1 + abs(values).sum()  # what float32 can be exact to
    total = found.baseline_difference + values.sum()
    assert total == pytest.approx(found.logit_difference, abs=1e-5 * size)

    assert found.text == repaired(text)
    assert found.text_pair == (None if pair is None else repaired(pair))
    at = ("text", 0)
    for word in found.words:
        source = found.text if word.field == "text" else found.text_pair
        assert word.text == source[word.start : word.end]
        assert (word.field, word.start) >= at
        assert word.end > word.start
        at = (word.field, word.end)
    if not found.words:
        assert found.baseline_difference == found.logit_difference
    assert json.loads(json.dumps(found.to_dict()))["label"] == found.label
    found.to_html().encode()


@pytest.mark.parametrize("kind", ["default", "article"])  # which cut the end, and the begin
def test_what_was_cut_off_is_told(kind) -> None:
    model, tokenizer = build(kind)
    text = "boats " * MOST
    assert explain(model, tokenizer, text).unread == explain(model, tokenizer, "").unread == 0
    for pair, unread in ((None, 3), ("tonnes lie", 5)):
        found = explain(model, tokenizer, f"{text} lie lie lie", pair)
        assert found.unread == unread
        assert len(found.words) == MOST
        said = f"{unread} of its tokens were not read"
        assert said in found.to_html()
    assert "cut" not in explain(model, tokenizer, text).to_html()


def test_what_people_call_a_word_is_one() -> None:
    text = 'The U.S. skipper didn\'t count 1,204 boats!!! See "https://boats.example/x?y=1,2", un-harboured cafe\u0301s'
    model, tokenizer = build("default")
    assert [word.text for word in explain(model, tokenizer, text).words] == [
        *("The", "U.S", ".", "skipper", "didn't", "count", "1,204", "boats", "!!!", "See", '"'),
        *('https://boats.example/x?y=1,2",', "un-harboured", "cafe\u0301s"),
    ]
    model, tokenizer = build("article")  # which reads neither punctuation nor stop words
    read = [word.text for word in explain(model, tokenizer, "The boats, of Vellin, counted!").words]
    assert read == ["boats", "Vellin", "counted"]


@pytest.mark.parametrize("kind", ["beginnings", "article", "many labels"])
def test_without_biases_nothing_belongs_to_no_word(kind) -> None:
    model, tokenizer = build(kind)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.rpartition(".")[2].startswith("bias"):
                # The biases of the LSTM's gates are factors; those of its signal are what adds.
                (parameter.chunk(4)[2] if "lstm" in name else parameter).zero_()
    for text in CORPUS:
        found = explain(model, tokenizer, text)
        assert found.baseline_difference == pytest.approx(0, abs=1e-5)
        assert abs(found.logit_difference) > 1e-3


def test_the_label_can_be_chosen() -> None:
    model, tokenizer = build("many labels")
    best = explain(model, tokenizer, CORPUS[1])
    for kind in (None, "multi_label_classification"):
        model.config.problem_type = kind
        scores = predict_probabilities(model, tokenizer, [CORPUS[1]])[0]
        assert (scores.sum() == pytest.approx(1)) == (kind is None)
        for label, score in zip(model.config.label_names, scores, strict=True):
            found = explain(model, tokenizer, CORPUS[1], label=label)
            assert found.score == pytest.approx(score, abs=1e-6)
            assert found.rival == (best.label if label != best.label else best.rival)
            total = found.baseline_difference + sum(word.contribution for word in found.words)
            assert total == pytest.approx(found.logit_difference, abs=1e-4)
    with pytest.raises(ValueError, match="no label 'SATIRE'; it has LABEL_0, "):
        explain(model, tokenizer, "x", label="SATIRE")
    with pytest.raises(ValueError, match="only one label"):
        explain(*build("default", num_labels=1), "x")


def test_the_model_is_left_as_it_was(default) -> None:
    model, tokenizer = default
    model.train().requires_grad_(False)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with torch.inference_mode():
        first = explain(model, tokenizer, CORPUS[1])
    assert first == explain(model, tokenizer, CORPUS[1])
    assert all(value.equal(before[name]) for name, value in model.state_dict().items())
    assert type(model.encoder.lstm) is nn.LSTM


class Reader(HTMLParser):
    """Tags, and all text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.text = set(), ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        assert {name for name, _ in attrs} <= {"class", "dir", "style"}

    def handle_data(self, data):
        self.text += data


def test_html_shows_any_text_as_text(default) -> None:
    text = "<script>alert('boats')</script> & \"tonnes\" &lt; boats</p><img onerror=x> {said}\n[b]"
    found = explain(*default, text, text)
    shown = Reader(found.to_html())
    assert shown.tags == {"section", "pre", "span"}
    assert shown.text.count(text) == 2
    assert "underline" in found.to_html()
    assert "italic" in found.to_html()
    evil = dataclasses.replace(found, label="<i>", rival="<u>")
    assert Reader(evil.to_html()).tags == shown.tags


def test_a_model_in_double_precision_is_explained() -> None:
    model, tokenizer = build("default")
    found, wanted = (
        explain(one, tokenizer, "the shokcing boats") for one in (model.double(), model.float())
    )
    assert found.logit_difference == pytest.approx(wanted.logit_difference, abs=1e-5)
    got, expected = ([word.contribution for word in one.words] for one in (found, wanted))
    assert got == pytest.approx(expected, abs=1e-5)
