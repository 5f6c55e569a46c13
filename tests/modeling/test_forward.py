"""What the network computes: whatever the batch and its padding, as Keras."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import build_model

from glove_lstm import GloveLstmConfig, GloveLstmForSequenceClassification
from glove_lstm.modeling.configuration_glove_lstm import KNOWN

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "keras_article.npz"
EVERYTHING = {"type_embedding_size": 3, "character_buckets": 20, "ngram_buckets": 40}
# Shapes of words with case, from the first to the last; the shape of capitalised words lies between.
LOWER = 1
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
