"""What the network and its n-grams compute: as Keras and slow references, whatever the batch and its padding."""

from collections import Counter
from itertools import pairwise
from math import sqrt
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import build_model
from torch.nn import functional

from glove_lstm import GloveLstmConfig, GloveLstmForSequenceClassification
from glove_lstm.modeling.configuration_glove_lstm import KNOWN
from glove_lstm.tokenization.word_shapes import spelling

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "keras_article.npz"
EVERYTHING = {"type_embedding_size": 3, "character_buckets": 20, "ngram_buckets": 40}
# Shapes of words with case.
LOWER = 1
TITLE = 2
UPPER = 3
MIXED = 4


def batch(rows, length):
    """Ids, token types and mask of texts, padded on the right. Ids and types of padding are random.

    Args:
        rows: Ids of each text.
        length: Of the batch.
    """
    size = (len(rows), length)
    ids = torch.randint(0, 30, size)
    shapes = torch.randint(0, 7, size)
    spellings = torch.randint(32**12, size)
    types = shapes + 8 * spellings
    mask = torch.zeros(size, dtype=torch.long)
    for row, tokens in enumerate(rows):
        count = len(tokens)
        words = torch.tensor(tokens, dtype=torch.long)
        ids[row, :count] = words
        is_unknown = words % 3 == 0
        types_of_unknown = 7 * 8**9 * words  # shape 0, and a spelling that depends on the word
        types_of_known = 8 * KNOWN + words % 7
        types[row, :count] = torch.where(is_unknown, types_of_unknown, types_of_known)
        mask[row, :count] = 1
    return {"input_ids": ids, "token_type_ids": types, "attention_mask": mask}


CONFIGS = [
    {},
    {"type_embedding_size": 3, "lstm_length": 4},
    {"ngram_buckets": 40, "lstm_length": 6, "shrinkage": 3.0},
    {**EVERYTHING, "lstm_length": 6, "shrinkage": 3.0},
]


def assert_close(found, expected, tolerance=1e-5):
    torch.testing.assert_close(found, expected, atol=tolerance, rtol=0)


@settings(max_examples=120, deadline=None)
@given(
    config=st.sampled_from(CONFIGS),
    rows=st.lists(st.lists(st.integers(1, 29), max_size=9), min_size=1, max_size=5),
    more=st.integers(0, 7),
)
@torch.no_grad()
def test_logits_do_not_depend_on_batch_or_padding(config, rows, more):
    model = build_model(**config)
    longest = max(1, *map(len, rows))
    together = batch(rows, longest + more)
    logits = model(**together).logits
    assert logits.isfinite().all()
    hidden = model.encoder(**together).last_hidden_state
    for row, tokens in enumerate(rows):
        alone = batch([tokens], len(tokens))
        assert_close(logits[row], model(**alone).logits[0])
        is_real = together["attention_mask"][row].bool()
        assert not hidden[row][~is_real].any()
        if tokens:
            hidden_alone = model.encoder(**alone).last_hidden_state[0]
            assert_close(hidden[row][is_real], hidden_alone)


def assert_equals_keras(found, expected):
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-5, rtol=0)


@torch.no_grad()
def test_the_article_network_computes_what_keras_computes():
    golden = np.load(GOLDEN)
    model = GloveLstmForSequenceClassification(GloveLstmConfig(vocab_size=40)).eval()
    lstm = model.encoder.lstm
    weights = {
        model.get_input_embeddings().weight: golden["embedding"],
        lstm.weight_ih_l0: golden["lstm_kernel"].T,
        lstm.weight_hh_l0: golden["lstm_recurrent_kernel"].T,
        lstm.bias_ih_l0: golden["lstm_bias"],
        lstm.bias_hh_l0: np.zeros(240),
        model.dense.weight: golden["dense_kernel"].T,
        model.dense.bias: golden["dense_bias"],
        model.classifier.weight: golden["output_kernel"].T,
        model.classifier.bias: golden["output_bias"],
    }
    for parameter, value in weights.items():
        parameter.copy_(torch.tensor(value))

    ids = torch.from_numpy(golden["ids"]).long()
    assert_equals_keras(model(ids).logits.sigmoid(), golden["outputs"])
    output = model.encoder(ids)
    assert_equals_keras(output.pooler_output, golden["pooled"])
    is_padding = ids == 0
    hidden = output.last_hidden_state.masked_fill(is_padding[..., None], -1)
    assert_equals_keras(hidden.amax(dim=1), golden["pooled"])
    empty_text = torch.zeros(1, 24, dtype=torch.long)
    assert_equals_keras(model(empty_text).logits.sigmoid(), golden["empty_outputs"])

    # The documented difference: as published, without a mask, Keras pools over the padding, too.
    logits = model(ids, attention_mask=torch.ones_like(ids)).logits
    assert_equals_keras(logits.sigmoid(), golden["outputs_unmasked"])
    difference = np.abs(golden["outputs_unmasked"] - golden["outputs"]).max(axis=1)
    assert difference[0] < 1e-6  # the row without padding
    assert difference[1:].max() > 0.1


@pytest.mark.parametrize("mask", [[[0, 1, 1], [1, 1, 1]], [[1, 1, 1], [1, 0, 1]]])
def test_padding_before_a_token_is_refused(mask):
    """The LSTM would read it. Without a mask, the padding id tells where it is."""
    mask = torch.tensor(mask)
    ids = torch.tensor([[3, 4, 5], [6, 7, 8]]) * mask
    model = build_model()
    for reader in (model, model.encoder):
        for inputs in ({"input_ids": ids}, {"input_ids": ids, "attention_mask": mask}):
            with pytest.raises(ValueError, match=r"padding must be on the right.*padding_side"):
                reader(**inputs)


IDS = torch.tensor([[3, 4, 5], [6, 7, 8]])
ONES = torch.ones_like(IDS)
TOKENS = {"input_ids": IDS, "attention_mask": ONES, "token_type_ids": ONES}
LABELS = {"labels": torch.ones(2)}


@pytest.mark.parametrize(
    ("config", "inputs", "words"),
    [
        ({}, {**TOKENS, "attention_mask": ONES[:1]}, ["attention_mask", "(2, 3)", "(1, 3)"]),
        (EVERYTHING, {**TOKENS, "token_type_ids": IDS.T}, ["token_type_ids", "(2, 3)", "(3, 2)"]),
        (EVERYTHING, {**TOKENS, "token_type_ids": ONES.int()}, ["token_type_ids", "int64"]),
        ({"type_embedding_size": 3}, {"input_ids": IDS}, ["token_type_ids"]),
        ({"character_buckets": 20}, {"input_ids": IDS}, ["token_type_ids"]),
        ({"problem_type": "regression"}, {**TOKENS, **LABELS}, ["problem_type", "'regression'"]),
        ({"num_labels": 1}, {**TOKENS, **LABELS}, ["problem_type", "None"]),
    ],
)
def test_wrong_inputs_raise(config, inputs, words):
    model = build_model(**config)
    readers = [model]
    if "labels" not in inputs:
        readers.append(model.encoder)
    for reader in readers:
        with pytest.raises(ValueError, match=words[0]) as error:
            reader(**inputs)
        for word in words:
            assert word in str(error.value)


@pytest.mark.parametrize("dtype", [torch.long, torch.float32])
def test_an_empty_text_has_a_prediction(dtype):
    model = build_model(**EVERYTHING, shrinkage=2.0)
    nothing = torch.zeros(2, 0, dtype=dtype)
    output = model(nothing, attention_mask=nothing, token_type_ids=nothing).logits
    padding = torch.zeros(2, 5, dtype=torch.long)
    expected = model(padding, token_type_ids=padding).logits
    assert_close(output, expected, 1e-6)
    assert output.isfinite().all()


@pytest.mark.parametrize("name", ["dropout", "embedding_dropout"])
def test_dropout_is_applied_in_training(name):
    model = build_model(**{"dropout": 0.0, name: 0.5}).train()
    ids = torch.arange(1, 29).view(7, 4)
    assert not torch.equal(model(ids).logits, model(ids).logits)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_other_precisions_forward_and_backward(dtype):
    model = build_model(freeze_embeddings=False, **EVERYTHING)
    inputs = batch([[3, 4, 5], [6], []], 4)
    expected = model(**inputs).logits
    output = model.to(dtype)(**inputs, labels=torch.tensor([0, 1, 1]))
    assert output.logits.dtype == dtype
    tolerance = {torch.bfloat16: 0.15, torch.float64: 1e-5}[dtype]
    torch.testing.assert_close(output.logits.float(), expected, atol=tolerance, rtol=0.05)
    output.loss.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


@torch.no_grad()
def test_the_lstm_reads_the_first_tokens_alone_and_the_ngrams_all():
    model = build_model(lstm_length=4, **EVERYTHING)
    rows = [list(range(3, 14)), [5], [9, 8, 7, 6], []]
    inputs = batch(rows, 13)
    beginnings = batch([row[:4] for row in rows], 4)
    # All words are in lower case, so that no text changes its case when it is cut.
    for texts in (inputs, beginnings):
        spellings = texts["token_type_ids"] // 8
        texts["token_type_ids"] = spellings * 8 + LOWER
    hidden, pooled = model.encoder(**inputs, return_dict=False)
    expected = model.encoder(**beginnings)
    assert_close(pooled, expected.pooler_output)
    for row, tokens in enumerate(rows):
        is_real = inputs["attention_mask"][row].bool()
        states = hidden[row][is_real]
        tokens_read = min(len(tokens), 4)
        assert_close(states[:4], expected.last_hidden_state[row, :tokens_read])
        assert not states[4:].any()

    lstm, ngrams = model(**inputs).part_logits.unbind(dim=1)
    shares_read = torch.tensor([4 / 11, 1, 1, 1])[:, None]
    assert_close(lstm, model.lstm_logits(expected.pooler_output) * shares_read)
    ngrams_of_beginnings = model(**beginnings).part_logits[:, 1]
    assert not torch.allclose(ngrams[0], ngrams_of_beginnings[0], atol=1e-3)


@given(
    shapes=st.lists(st.integers(0, 6), min_size=1, max_size=8),
)
@settings(max_examples=60, deadline=None)
@torch.no_grad()
def test_a_text_in_a_single_case_counts_as_lower_case(shapes):
    """Only the real tokens tell the case; digits and punctuation have none."""
    model = build_model(**EVERYTHING)
    count = len(shapes)
    words = list(range(3, 3 + count))
    inputs = batch([words], count + 3)
    real = inputs["attention_mask"].bool()
    types = torch.tensor(shapes)
    has_case = (types >= LOWER) & (types <= MIXED)
    types_in_lower_case = types.masked_fill(has_case, LOWER)
    inputs["token_type_ids"][real] = types
    logits = model(**inputs).logits
    inputs["token_type_ids"][real] = types_in_lower_case
    logits_in_lower_case = model(**inputs).logits
    cases = set(types[has_case].tolist())
    has_a_single_case = cases in (set(), {LOWER}, {UPPER})
    assert torch.allclose(logits, logits_in_lower_case, atol=1e-6) is has_a_single_case


def test_shrinkage_weighs_the_logits_by_the_known_tokens():
    rows = [[3, 4, 5, 6], [1, 3, 1], [7]]  # 1 is the unknown word
    inputs = batch(rows, 6)
    plain = build_model(**EVERYTHING)(**inputs)
    shrunk = build_model(shrinkage=3.0, **EVERYTHING)(**inputs)
    weights = torch.tensor([4 / 7, 1 / 4, 1 / 4])[:, None]
    torch.testing.assert_close(shrunk.logits, plain.logits * weights)
    torch.testing.assert_close(shrunk.part_logits, plain.part_logits * weights[:, None])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("config", CONFIGS)
def test_under_autocast_the_lstm_computes_in_32_bits(config, dtype):
    """An LSTM in bfloat16 fails on processors without AVX-512, and one in float16 on all."""
    model = build_model(**config)
    inputs = batch([[1, 2, 3, 4], [6, 5, 29]], 5)
    expected = model(**inputs).logits
    expected_hidden = model.encoder(**inputs).last_hidden_state
    with torch.autocast("cpu", dtype):
        outputs = model(**inputs, labels=torch.tensor([0, 1]))
        hidden = model.encoder(**inputs).last_hidden_state
    outputs.loss.backward()
    assert hidden.dtype == torch.float32
    assert_close(hidden, expected_hidden, tolerance=0.02)
    assert_close(outputs.logits.float(), expected, tolerance=0.1)
    assert model.encoder.lstm.weight_ih_l0.grad.isfinite().all()


# The n-gram classifier beside the LSTM

NGRAMS = {"ngram_buckets": 40}
SHAPES = {"type_embedding_size": 3, "character_buckets": 50, **NGRAMS}
SHAPE_COUNT = 7
EDGE = SHAPE_COUNT  # stands for the shape before the first word and after the last


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


@settings(max_examples=60, deadline=None)
@given(words=st.lists(st.text("abcxyz", max_size=14), min_size=1, max_size=6))
def test_characters_of_an_unknown_word_count_as_three_ngrams_and_in_its_vector(with_shapes, words):
    """The mean of their vectors is added to that of the unknown word."""
    config, encoder = with_shapes.config, with_shapes.encoder
    ngram_table = with_shapes.ngrams.weights
    character_table = encoder.embeddings.character_embeddings.weight
    # Of n words: n words, n + 1 pairs and n words with shapes. An unknown word's characters weigh as 3 n-grams.
    group_size = 3 * len(words) + 1
    expected_logits = torch.zeros(3)
    expected_vectors = torch.zeros(len(words), 6)
    for place, word in enumerate(words):
        rows = character_rows(word[:12], config.ngram_buckets)
        if rows:
            share = sqrt(3 / (len(rows) * group_size))
            expected_logits += share * ngram_table[rows].sum(dim=0)
            rows = character_rows(word[:12], config.character_buckets)
            expected_vectors[place] = character_table[rows].mean(dim=0)

    ids = torch.arange(3, 3 + len(words))[None]
    shapes = ids % 7
    types = shapes + 8 * torch.tensor([[spelling(word) for word in words]])
    [of_unknown_words] = ngram_logits(with_shapes, ids, types)
    [of_known_words] = ngram_logits(with_shapes, ids, shapes + 8 * KNOWN)
    assert_close(of_unknown_words - of_known_words, expected_logits)
    vectors = encoder.embed(encoder.prepare_inputs(ids, None, types))[:, 0, :6]
    added = vectors - encoder.get_input_embeddings()(ids[0])
    torch.testing.assert_close(added, expected_vectors)


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


def test_temperature_and_weight_scale_the_parts():
    model = build_model(**SHAPES)
    plain = model(**TOKENS)
    model.config.temperature = 2.0
    model.config.ngram_weight = 3.0
    scaled = model(**TOKENS)
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
    torch.testing.assert_close(output.loss, functional.cross_entropy(output.logits, labels))
    output.loss.backward()
    assert all(parameter.grad is None for parameter in model.ngrams.parameters())


MULTI_LABEL = {"problem_type": "multi_label_classification"}
LABEL_SETS = torch.tensor([[1.0, 0, 1], [0, 0, 1]])


@pytest.mark.parametrize("extra", [{}, NGRAMS], ids=["lstm", "ngrams"])
@pytest.mark.parametrize(
    ("config", "labels", "loss"),
    [
        ({"num_labels": 6}, torch.tensor([5, 0]), functional.cross_entropy),
        ({"num_labels": 3, **MULTI_LABEL}, LABEL_SETS, functional.binary_cross_entropy_with_logits),
        (
            {"num_labels": 1, **MULTI_LABEL},
            LABEL_SETS[:, :1],
            functional.binary_cross_entropy_with_logits,
        ),
    ],
    ids=["classes", "label sets", "one label or none"],
)
def test_the_loss_is_of_each_part_in_training_and_of_the_sum_otherwise(extra, config, labels, loss):
    model = build_model(dropout=0.0, **extra, **config)
    evaluated = model(IDS, labels=labels)
    torch.testing.assert_close(evaluated.loss, loss(evaluated.logits, labels))
    trained = model.train()(IDS, labels=labels)
    assert_close(trained.logits, evaluated.logits, 1e-6)
    expected = sum(loss(logits, labels) for logits in trained.part_logits.unbind(dim=1))
    torch.testing.assert_close(trained.loss, expected)
    if loss is functional.cross_entropy:  # two labels of the four of a step
        half = model(IDS, labels=labels, num_items_in_batch=4).loss
        torch.testing.assert_close(half, trained.loss / 2)
