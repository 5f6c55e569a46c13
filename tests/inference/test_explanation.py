"""glove_lstm.explain: what it promises of its sums, its offsets, its labels and its pictures, on hostile texts too."""

import copy
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

MOST = 40  # tokens that a text is cut to
NGRAMS = {"ngram_buckets": 40, "ngram_weight": 0.6, "shrinkage": 4.0}
SHAPES = {"type_embedding_size": 3, "character_buckets": 20, "temperature": 1.7}
CONFIGS = {
    "default": {**NGRAMS, **SHAPES},
    "beginnings": {**NGRAMS, **SHAPES, "lstm_length": 9},
    "article": {},
    "many labels": {**NGRAMS, **SHAPES, "num_labels": 4},
    "n-grams of words alone": {"ngram_buckets": 40},
}
ARTICLE = {
    "variant": "article",
    "token_types": False,
    "truncation_side": "left",
    "stop_words": ("the", "of", "don't"),
}
TOKENIZERS = {"article": ARTICLE, "n-grams of words alone": {"token_types": False}}


def build(kind: str, **more: object):
    """A model of random weights, and its tokenizer."""
    options = TOKENIZERS.get(kind, {})
    tokenizer = build_tokenizer(lambda: CORPUS, min_frequency=1, model_max_length=MOST, **options)
    model = build_model(vocab_size=tokenizer.vocab_size, **CONFIGS[kind], **more)
    return model, tokenizer


@pytest.fixture(scope="module", params=CONFIGS)
def every_kind(request):
    return build(request.param)


@pytest.fixture(scope="module")
def default():
    return build("default")


@settings(max_examples=60, deadline=None)
@given(text=texts | joined, pair=st.none() | texts | joined)
def test_hostile_texts_are_explained(every_kind, text, pair):
    model, tokenizer = every_kind
    explanation = explain(model, tokenizer, text, pair)
    assert_best_label_against_second(explanation, model, tokenizer, text, pair)
    assert_contributions_add_up(explanation)
    assert_words_are_in_their_places(explanation, text, pair)
    assert json.loads(json.dumps(explanation.to_dict()))["label"] == explanation.label
    explanation.to_html().encode()


def assert_best_label_against_second(explanation, model, tokenizer, text, pair):
    pairs = None if pair is None else [pair]
    logits = predict_logits(model, tokenizer, [text], pairs).astype(np.float64)
    best, second, *_ = np.argsort(-logits[0], kind="stable")
    assert explanation.label == model.config.label_names[best]
    assert explanation.rival == model.config.label_names[second]
    assert explanation.score == pytest.approx(softmax(logits).max(), abs=1e-5)
    difference = logits[0, best] - logits[0, second]
    assert explanation.logit_difference == pytest.approx(difference, abs=1e-4)


def assert_contributions_add_up(explanation):
    contributions = np.array([word.contribution for word in explanation.words])
    total = explanation.baseline_difference + contributions.sum()
    size = 1 + abs(contributions).sum()  # float32 is exact to a share of it
    assert total == pytest.approx(explanation.logit_difference, abs=1e-5 * size)


def assert_words_are_in_their_places(explanation, text, pair):
    assert explanation.text == repaired(text)
    if pair is not None:
        pair = repaired(pair)
    assert explanation.text_pair == pair
    sources = {"text": explanation.text, "text_pair": explanation.text_pair}
    end_of_last = ("text", 0)
    for word in explanation.words:
        assert end_of_last <= (word.field, word.start) < (word.field, word.end)
        assert word.text == sources[word.field][word.start : word.end]
        end_of_last = (word.field, word.end)


@pytest.mark.parametrize("kind", ["default", "article"])  # which cut the end, and the begin
def test_what_was_cut_off_is_told(kind):
    model, tokenizer = build(kind)
    longest = "boats " * MOST
    for text in (longest, ""):
        assert explain(model, tokenizer, text).unread == 0
    assert "cut" not in explain(model, tokenizer, longest).to_html()
    for pair, unread in ((None, 3), ("tonnes lie", 5)):
        explanation = explain(model, tokenizer, f"{longest} lie lie lie", pair)
        assert explanation.unread == unread
        assert len(explanation.words) == MOST
        assert f"{unread} of its tokens were not read" in explanation.to_html()


def words_of(kind: str, text: str) -> list[str]:
    explanation = explain(*build(kind), text)
    return [word.text for word in explanation.words]


def test_what_people_call_a_word_is_one():
    text = "The U.S. skipper didn't count 1,204 boats!!!"
    words = ["The", "U.S", ".", "skipper", "didn't", "count", "1,204", "boats", "!!!"]
    assert words_of("default", text) == words
    text = 'See "https://boats.example/x?y=1,2", un-harboured cafe\u0301s'
    words = ["See", '"', 'https://boats.example/x?y=1,2",', "un-harboured", "cafe\u0301s"]
    assert words_of("default", text) == words


def test_the_article_variant_reads_neither_punctuation_nor_stop_words():
    text = "The boats, of Vellin, counted!"
    assert words_of("article", text) == ["boats", "Vellin", "counted"]


@pytest.mark.parametrize("kind", ["beginnings", "article", "many labels"])
def test_without_biases_the_baseline_is_zero(kind):
    model, tokenizer = build(kind)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            _, _, last_name = name.rpartition(".")
            if last_name.startswith("bias"):
                if "lstm" in name:
                    # The biases of the three gates are in factors; only the bias of the cell's input is added.
                    _, _, parameter, _ = parameter.chunk(4)
                parameter.zero_()
    for text in CORPUS:
        explanation = explain(model, tokenizer, text)
        assert explanation.baseline_difference == pytest.approx(0, abs=1e-5)
        assert abs(explanation.logit_difference) > 1e-3


@pytest.mark.parametrize("problem_type", [None, "multi_label_classification"])
def test_the_label_can_be_chosen(problem_type):
    text = CORPUS[1]
    model, tokenizer = build("many labels", problem_type=problem_type)
    best = explain(model, tokenizer, text)
    [scores] = predict_probabilities(model, tokenizer, [text])
    assert (scores.sum() == pytest.approx(1)) == (problem_type is None)
    for label, score in zip(model.config.label_names, scores, strict=True):
        explanation = explain(model, tokenizer, text, label=label)
        assert explanation.score == pytest.approx(score, abs=1e-6)
        if label == best.label:
            assert explanation.rival == best.rival
        else:
            assert explanation.rival == best.label
        contributions = sum(word.contribution for word in explanation.words)
        total = explanation.baseline_difference + contributions
        assert total == pytest.approx(explanation.logit_difference, abs=1e-4)


def test_labels_that_cannot_be_explained_are_refused():
    with pytest.raises(ValueError, match="no label 'SATIRE'; it has LABEL_0, "):
        explain(*build("many labels"), "x", label="SATIRE")
    with pytest.raises(ValueError, match="only one label"):
        explain(*build("default", num_labels=1), "x")


def test_the_model_is_left_as_it_was(default):
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
        self.tags = set()
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        assert {name for name, _ in attrs} <= {"class", "dir", "style"}

    def handle_data(self, data):
        self.text += data


def test_html_shows_any_text_as_text(default):
    text = "<script>alert('boats')</script> & \"tonnes\" &lt; boats</p><img onerror=x> {said}\n[b]"
    explanation = explain(*default, text, text)
    html = explanation.to_html()
    shown = Reader(html)
    assert shown.tags == {"section", "pre", "span"}
    assert shown.text.count(text) == 2
    assert "underline" in html
    assert "italic" in html
    evil = dataclasses.replace(explanation, label="<i>", rival="<u>")
    assert Reader(evil.to_html()).tags == shown.tags


def test_a_model_in_double_precision_is_explained(default):
    model, tokenizer = default
    text = "the shokcing boats"
    single = explain(model, tokenizer, text)
    double = explain(copy.deepcopy(model).double(), tokenizer, text)
    assert double.logit_difference == pytest.approx(single.logit_difference, abs=1e-5)
    contributions = [word.contribution for word in single.words]
    assert [word.contribution for word in double.words] == pytest.approx(contributions, abs=1e-5)
