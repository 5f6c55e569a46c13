"""The n-gram classifier beside the LSTM: what it computes, what it learns, and how the loss treats the two."""

from collections import Counter
from itertools import pairwise
from math import sqrt

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import build_model
from torch import nn

from glove_lstm.modeling.configuration_glove_lstm import KNOWN
from glove_lstm.tokenization.word_shapes import spelling

NGRAMS = {"ngram_buckets": 40}
SHAPES = {"type_embedding_size": 3, "character_buckets": 50, **NGRAMS}
SHAPE_COUNT = 7
EDGE = SHAPE_COUNT  # stands for the shape before the first word and after the last
LOWER = 1
TITLE = 2
UPPER = 3
MIXED = 4


def assert_close(found, expected, tolerance=1e-5):
    torch.testing.assert_close(found, expected, atol=tolerance, rtol=0)


def bucket(left, right, buckets):
    """The row of a pair of numbers."""
    return (left * 1_000_003 + right * 2_654_435_761) % 4_294_967_291 % buckets


def word_rows(config, words, shapes):
    """Rows of a text's words, of its pairs of words, and of its words with their shapes."""
    rows = [config.ngram_buckets + word for word in words]
    edge = 2
    codes_of_words = [word + 3 for word in words]
    codes = [edge, *codes_of_words, edge]
    for left, right in pairwise(codes):
        rows.append(bucket(left, right, config.ngram_buckets))
    if config.type_embedding_size:
        for word, shape in zip(words, shapes, strict=True):
            rows.append(bucket(1, word * SHAPE_COUNT + shape, config.ngram_buckets))
    return rows


def shape_rows(config, words, shapes):
    """Rows of three shapes in a row, of words with the shape after them, and of words with the shape before them."""
    kinds = SHAPE_COUNT + 1
    padded = [EDGE, EDGE, *shapes, EDGE, EDGE]
    pairs = []
    for place in range(len(padded) - 2):
        first, second, third = padded[place : place + 3]
        pairs.append((first * kinds + second, third))
    for place, word in enumerate(words):
        after = padded[place + 3]
        pairs.append((word + kinds**2, after))
    for place, word in enumerate(words):
        before = padded[place + 1]
        pairs.append((before, word + kinds))
    return [bucket(left + 2**30, right, config.ngram_buckets) for left, right in pairs]


def character_rows(word, buckets):
    """Rows of the 3- to 5-grams of a word's characters, in a table of so many buckets."""
    if not word:
        return []
    edge = 32
    codes_of_letters = [ord(letter) - ord("a") + 1 for letter in word]
    codes = [edge, *codes_of_letters, edge]
    rows = []
    for size in (3, 4, 5):
        for start in range(len(codes) - size + 1):
            code = 0
            for one in codes[start : start + size]:
                code = 33 * code + one
            rows.append(bucket(0, code, buckets))
    return rows


def groups(model, words, shapes):
    """Groups of rows: each group counts as one, however many n-grams it has."""
    found = [word_rows(model.config, words, shapes)]
    if model.config.type_embedding_size:
        found.append(shape_rows(model.config, words, shapes))
    return found


def informative(shapes):
    """The shapes of a text, without the case of its words if all of them are in the same case."""
    has_capitals = any(shape in (TITLE, UPPER, MIXED) for shape in shapes)
    has_small_letters = any(shape in (LOWER, TITLE, MIXED) for shape in shapes)
    if has_capitals and has_small_letters:
        return shapes
    return [0 if shape in (LOWER, UPPER) else shape for shape in shapes]


def slow_logits(model, words, shapes):
    """The logits of the n-grams of one text, in plain Python."""
    logits = model.ngrams.bias.detach().clone()
    for rows in groups(model, words, informative(shapes)):
        counters = Counter(row % 4096 for row in rows)
        for row in rows:
            count = counters[row % 4096]
            logits += model.ngrams.weights[row].detach() / sqrt(count * len(rows))
    return logits


VOCABULARY = 100_000  # the codes of the last words must not overflow


@pytest.fixture(scope="module")
def with_shapes():
    return build_model(num_labels=3, vocab_size=VOCABULARY, **SHAPES)


@pytest.fixture(scope="module")
def without_shapes():
    """A model with more rows than the counters have, for many texts."""
    return build_model(num_labels=3, vocab_size=VOCABULARY, ngram_buckets=2**14)


word_ids = st.integers(0, 29) | st.integers(VOCABULARY - 30, VOCABULARY - 1)
words_and_shapes = st.tuples(word_ids, st.integers(0, 6))


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(st.lists(words_and_shapes, max_size=8), min_size=1, max_size=4))
def test_logits_are_those_of_the_slow_reference_whatever_the_padding(
    with_shapes, without_shapes, texts
):
    length = max(map(len, texts)) + 2
    ids = torch.randint(0, 30, (len(texts), length))
    shapes = torch.randint(0, 7, (len(texts), length))
    mask = torch.zeros(len(texts), length, dtype=torch.long)
    for row, tokens in enumerate(texts):
        mask[row, : len(tokens)] = 1
        for place, (word, shape) in enumerate(tokens):
            ids[row, place] = word
            shapes[row, place] = shape
    for model in (with_shapes, without_shapes):
        found = ngram_logits(model, ids, shapes + 8 * KNOWN, mask)
        for row, tokens in enumerate(texts):
            words = [word for word, _ in tokens]
            expected = slow_logits(model, words, [shape for _, shape in tokens])
            assert_close(found[row], expected)


def ngram_logits(model, ids, types, mask=None):
    if mask is None:
        mask = torch.ones_like(ids)
    return model(ids, attention_mask=mask, token_type_ids=types).part_logits[:, 1]


unknown = st.lists(st.text("abcxyz", max_size=14), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(words=unknown)
def test_characters_of_an_unknown_word_count_as_three_ngrams(with_shapes, words):
    ngrams = with_shapes.ngrams
    # Of n words: n words, n + 1 pairs and n words with shapes. An unknown word's characters weigh as 3 n-grams.
    group_size = 3 * len(words) + 1
    expected = torch.zeros(len(words), 3)
    for place, word in enumerate(words):
        rows = character_rows(word[:12], with_shapes.config.ngram_buckets)
        if rows:
            share = sqrt(3 / (len(rows) * group_size))
            expected[place] = share * ngrams.weights[rows].sum(dim=0)

    ids = torch.arange(3, 3 + len(words))[None]
    shapes = ids % 7
    spellings = torch.tensor([[spelling(word) for word in words]])
    [of_unknown_words] = ngram_logits(with_shapes, ids, shapes + 8 * spellings)
    [of_known_words] = ngram_logits(with_shapes, ids, shapes + 8 * KNOWN)
    assert_close(of_unknown_words - of_known_words, expected.sum(dim=0))


@settings(max_examples=60, deadline=None)
@given(words=unknown)
def test_the_vector_of_an_unknown_word_has_the_mean_of_its_characters_added(with_shapes, words):
    encoder = with_shapes.encoder
    table = encoder.embeddings.character_embeddings.weight
    expected = torch.zeros(len(words), 6)
    for place, word in enumerate(words):
        rows = character_rows(word[:12], with_shapes.config.character_buckets)
        if rows:
            expected[place] = table[rows].mean(dim=0)

    ids = torch.arange(3, 3 + len(words))[None]
    types = ids % 7 + 8 * torch.tensor([[spelling(word) for word in words]])
    inputs = encoder.prepare_inputs(ids, None, types)
    vectors = encoder.embed(inputs)[:, 0, :6]
    torch.testing.assert_close(vectors - encoder.get_input_embeddings()(ids[0]), expected)


def test_a_training_batch_without_unknown_words_uses_all_parameters():
    """DistributedDataParallel needs that."""
    model = build_model(**SHAPES, freeze_embeddings=False)
    ids = torch.tensor([[3, 4, 5]])
    types_of_known_words = torch.full_like(ids, 8 * KNOWN + 1)
    with torch.no_grad():
        expected = model(ids, token_type_ids=types_of_known_words).logits
    logits = model(ids, token_type_ids=types_of_known_words).logits
    torch.testing.assert_close(logits, expected)
    logits.sum().backward()
    assert model.encoder.embeddings.character_embeddings.weight.grad is not None


TWO_TEXTS = {
    "input_ids": torch.tensor([[3, 4, 5], [6, 0, 0]]),
    "token_type_ids": torch.ones(2, 3).long(),
}


def test_temperature_and_weight_scale_the_parts():
    model = build_model(**SHAPES)
    plain = model(**TWO_TEXTS)
    model.config.temperature = 2.0
    model.config.ngram_weight = 3.0
    scaled = model(**TWO_TEXTS)
    assert_close(scaled.part_logits, plain.part_logits / 2, 1e-6)
    lstm, ngrams = plain.part_logits.unbind(dim=1)
    assert_close(scaled.logits, lstm / 2 + ngrams * 1.5, 1e-6)


def test_the_ngrams_can_be_left_out():
    model = build_model(dropout=0.0, **NGRAMS)
    ids = torch.tensor([[3, 4, 5]])
    labels = torch.tensor([1])
    both_parts = model(ids).part_logits
    output = model.train()(ids, labels=labels, lstm_only=True)
    assert output.part_logits.shape == (1, 1, 2)
    assert_close(output.logits, both_parts[:, 0], 1e-6)
    torch.testing.assert_close(output.loss, nn.functional.cross_entropy(output.logits, labels))
    output.loss.backward()
    assert all(parameter.grad is None for parameter in model.ngrams.parameters())


def binary_cross_entropy(logits, labels):
    return nn.functional.binary_cross_entropy_with_logits(logits, labels)


def cross_entropy(logits, labels):
    return nn.functional.cross_entropy(logits, labels)


MULTI_LABEL = {"problem_type": "multi_label_classification"}
CLASSES = torch.tensor([5, 0])
LABEL_SETS = torch.tensor([[1.0, 0, 1], [0, 0, 1]])
TWO_IDS = torch.tensor([[3, 4], [5, 0]])


@pytest.mark.parametrize("extra", [{}, NGRAMS], ids=["lstm", "ngrams"])
@pytest.mark.parametrize(
    ("config", "labels", "loss"),
    [
        ({"num_labels": 6}, CLASSES, cross_entropy),
        ({"num_labels": 3, **MULTI_LABEL}, LABEL_SETS, binary_cross_entropy),
        ({"num_labels": 1, **MULTI_LABEL}, LABEL_SETS[:, :1], binary_cross_entropy),
    ],
    ids=["classes", "label sets", "one label or none"],
)
def test_the_loss_is_of_each_part_in_training_and_of_the_sum_otherwise(extra, config, labels, loss):
    model = build_model(dropout=0.0, **extra, **config)
    evaluated = model(TWO_IDS, labels=labels)
    torch.testing.assert_close(evaluated.loss, loss(evaluated.logits, labels))
    trained = model.train()(TWO_IDS, labels=labels)
    assert_close(trained.logits, evaluated.logits, 1e-6)
    expected = sum(loss(logits, labels) for logits in trained.part_logits.unbind(dim=1))
    torch.testing.assert_close(trained.loss, expected)
    if loss is cross_entropy:  # two labels of the four of a step
        half = model(TWO_IDS, labels=labels, num_items_in_batch=4).loss
        torch.testing.assert_close(half, trained.loss / 2)
