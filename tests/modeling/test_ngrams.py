"""The n-gram classifier beside the LSTM: what it computes, what it learns, and how the loss treats the two."""

from collections import Counter
from functools import reduce
from itertools import pairwise
from math import sqrt

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import build_model
from torch import nn

from glove_lstm import GloveLstmConfig, GloveLstmForSequenceClassification
from glove_lstm.inference.relevance import ngram_contributions
from glove_lstm.modeling.characters import unknown_words
from glove_lstm.tokenization.word_shapes import spelling

NGRAMS = {"ngram_buckets": 40}
SHAPES = {"type_embedding_size": 3, "character_buckets": 50, **NGRAMS}
SHAPE_COUNT = 7


def buckets(config, words, shapes):
    """Rows of the table that a text's words and pairs have, one by one."""
    neighbours = pairwise([2, *(word + 3 for word in words), 2])
    found = [config.ngram_buckets + word for word in words]
    found += [bucket(*pair, config.ngram_buckets) for pair in neighbours]
    if not config.type_embedding_size:
        return found
    shaped = zip(words, shapes, strict=True)
    return found + [
        bucket(1, word * SHAPE_COUNT + shape, config.ngram_buckets) for word, shape in shaped
    ]


def bucket(left, right, buckets):
    return (left * 1_000_003 + right * 2_654_435_761) % 4_294_967_291 % buckets


def characters(word, buckets):
    """Rows of the n-grams of a word's characters, in a table of so many."""
    codes = [32, *(ord(letter) - 96 for letter in word), 32] if word else []
    grams = [codes[at : at + size] for size in (3, 4, 5) for at in range(len(codes) - size + 1)]
    return [bucket(0, reduce(lambda sum, code: 33 * sum + code, gram), buckets) for gram in grams]


def runs(config, words, shapes):
    """Rows of n-grams of shapes: runs of three, words with the shape after them, words with that before."""
    edge = SHAPE_COUNT
    kinds = edge + 1
    known = [edge, edge, *shapes, edge, edge]
    pairs = [(a * kinds + b, c) for a, b, c in zip(known, known[1:], known[2:], strict=False)]
    pairs += [(word + kinds**2, after) for word, after in zip(words, known[3:], strict=False)]
    pairs += [(before, word + kinds) for before, word in zip(known[1:], words, strict=False)]
    return [bucket(a + 2**30, b, config.ngram_buckets) for a, b in pairs]


def groups(model, words, shapes):
    """Rows of the table that a text has: those of words, and those of shapes."""
    found = [buckets(model.config, words, shapes)]
    return (
        [*found, runs(model.config, words, shapes)] if model.config.type_embedding_size else found
    )


def slow_logits(model, words, shapes):
    """The same in plain Python, for one text."""
    logits = model.ngrams.bias.tolist()
    for rows in groups(model, words, shapes):
        counts = Counter(row % 4096 for row in rows)
        for row in rows:
            for label, weight in enumerate(model.ngrams.weights[row].tolist()):
                logits[label] += weight / sqrt(counts[row % 4096] * len(rows))
    return logits


@pytest.fixture(scope="module")
def built():
    """A model that reads shapes, and one that does not, of more rows than counters, for many texts."""
    return build_model(num_labels=3, **SHAPES), build_model(num_labels=3, ngram_buckets=2**14)


words_and_shapes = st.tuples(st.integers(0, 29), st.integers(0, 6))


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.lists(words_and_shapes, max_size=8), min_size=1, max_size=4))
def test_logits_are_those_of_the_slow_reference_whatever_the_padding(built, rows):
    length = max(map(len, rows)) + 2
    ids = torch.randint(0, 30, (len(rows), length))
    shapes = torch.randint(0, 7, (len(rows), length))
    mask = torch.zeros(len(rows), length, dtype=torch.bool)
    for row, tokens in enumerate(rows):
        for place, (word, shape) in enumerate(tokens):
            ids[row, place], shapes[row, place], mask[row, place] = word, shape, True
    columns = [tuple(zip(*row, strict=True)) or ((), ()) for row in rows]
    for model, given_shapes in ((built[0], shapes), (built[1], None)):
        wanted = torch.tensor([slow_logits(model, *pair) for pair in columns])
        output = model.ngrams(ids, given_shapes, None, mask)
        torch.testing.assert_close(output, wanted, atol=1e-5, rtol=0)


def test_large_codes_do_not_overflow():
    sizes = {"vocab_size": 100_000, "embedding_size": 2, "type_embedding_size": 1}
    model = build_model(**sizes, ngram_buckets=1009)
    words, shapes = [99_999, 99_998, 2, 99_999], [6, 5, 6, 0]
    output = model.ngrams(torch.tensor([words]), torch.tensor([shapes]), None, torch.ones(1, 4) > 0)
    wanted = torch.tensor([slow_logits(model, words, shapes)])
    torch.testing.assert_close(output, wanted, atol=1e-5, rtol=0)


@settings(max_examples=60, deadline=None)
@given(words=st.lists(st.text("abcxyz", max_size=14), min_size=1, max_size=6))
def test_unknown_words_are_read_by_their_characters(built, words):
    """Those of a word count as much as its three n-grams of words; the mean of their vectors is added to its own."""
    model, ids = built[0], torch.arange(3, 3 + len(words))[None]
    spellings = torch.tensor([[spelling(word) for word in words]])
    ngrams, embeddings = model.ngrams, model.encoder.embeddings
    added, means = torch.zeros(len(words), 3), torch.zeros(len(words), 6)
    for place, word in enumerate(words):
        if rows := characters(word[:12], model.config.ngram_buckets):
            share = sqrt(3 / (len(rows) * (3 * len(words) + 1)))
            added[place] = share * ngrams.weights[rows].sum(dim=0)
            rows = characters(word[:12], model.config.character_buckets)
            means[place] = embeddings.character_embeddings.weight[rows].mean(dim=0)
    mask = ids > 0
    unknown = unknown_words(spellings)
    whole, known = (ngrams(ids, ids % 7, read, mask)[0] for read in (unknown, None))
    torch.testing.assert_close(whole - known, added.sum(dim=0), atol=1e-5, rtol=0)
    shares = [ngram_contributions(ngrams, ids, ids % 7, read)[0] for read in (unknown, None)]
    torch.testing.assert_close(shares[0] - shares[1], added, atol=1e-5, rtol=0)
    inputs = model.encoder.prepare_inputs(ids, None, ids % 7 + 8 * spellings, None)
    vectors = model.encoder.embed(inputs)[:, 0, :6]
    torch.testing.assert_close(vectors - embeddings.word_embeddings(ids[0]), means)
    model.config.lstm_length = 1
    assert torch.equal(model.encoder.embed(inputs)[:, 0, :6], vectors[:1])
    model.config.lstm_length = 0


def test_unknown_words_are_skipped_where_there_are_none_but_not_in_training():
    model, ids = build_model(**SHAPES, freeze_embeddings=False), torch.tensor([[3, 4, 5]])
    types = torch.full_like(ids, 8 * 32 + 1)
    with torch.no_grad():
        assert model.encoder.prepare_inputs(ids, None, types, None).unknown is None
        skipped = model(ids, token_type_ids=types).logits
    logits = model(ids, token_type_ids=types).logits
    torch.testing.assert_close(logits, skipped)
    logits.sum().backward()
    assert model.encoder.embeddings.character_embeddings.weight.grad is not None


def test_the_logits_are_the_sum_of_the_two_parts_and_a_new_classifier_adds_nothing():
    inputs = {
        "input_ids": torch.tensor([[3, 4, 5], [6, 0, 0]]),
        "token_type_ids": torch.ones(2, 3).long(),
    }
    model = build_model(dropout=0.0, **SHAPES)
    whole = model(**inputs)
    parts = model.train()(**inputs)
    for output in (whole, parts):
        assert output.part_logits.shape == (2, 2, 2)
        torch.testing.assert_close(output.part_logits.sum(dim=1), output.logits)
    torch.testing.assert_close(parts.logits, whole.logits, atol=1e-6, rtol=0)
    lstm, ngrams = parts.part_logits.unbind(dim=1)
    model.config.temperature, model.config.ngram_weight = 2.0, 3.0
    colder = model(**inputs)
    torch.testing.assert_close(colder.part_logits, parts.part_logits / 2, atol=1e-6, rtol=0)
    torch.testing.assert_close(colder.logits, lstm / 2 + ngrams * 1.5, atol=1e-6, rtol=0)

    config = GloveLstmConfig(vocab_size=30, embedding_size=6, **SHAPES)
    new = GloveLstmForSequenceClassification(config)
    assert not new(**inputs).part_logits[:, 1].any()


def test_a_vocabulary_may_grow_and_shrink():
    model = build_model(**SHAPES)
    ids = torch.tensor([[3, 4, 5]])
    logits = model(ids, token_type_ids=ids).logits
    for size in (33, 6):
        model.resize_token_embeddings(size, mean_resizing=False)
        assert torch.equal(model(ids, token_type_ids=ids).logits, logits)
        last = torch.tensor([[size - 1]])
        assert model(last, token_type_ids=last).logits.isfinite().all()
        again = GloveLstmForSequenceClassification(model.config)
        again.load_state_dict(model.state_dict())


def test_vectors_instead_of_words_are_refused_by_the_ngrams():
    model = build_model(**NGRAMS)
    ids = torch.tensor([[3, 4, 5]])
    vectors = model.get_input_embeddings()(ids)
    for again in (model, model.train()):
        with pytest.raises(ValueError, match="input_ids are missing"):
            again(inputs_embeds=vectors)
    pooled = model.eval().encoder(inputs_embeds=vectors).pooler_output
    torch.testing.assert_close(model.lstm_logits(pooled), model(ids).part_logits[:, 0])


def test_a_frozen_classifier_takes_no_part_in_training():
    model = build_model(dropout=0.0, **NGRAMS)
    ids, labels = torch.tensor([[3, 4, 5]]), torch.tensor([1])
    whole = model(ids, labels=labels)
    model.ngrams.requires_grad_(False)
    assert torch.equal(model(ids, labels=labels).loss, whole.loss)
    trained = model.train()(ids, labels=labels)
    assert trained.part_logits.shape == (1, 1, 2)
    torch.testing.assert_close(trained.logits, whole.part_logits[:, 0], atol=1e-6, rtol=0)
    trained.loss.backward()
    assert all(parameter.grad is None for parameter in model.ngrams.parameters())
    model.ngrams.requires_grad_(True)
    assert model(ids).part_logits.shape == (1, 2, 2)


MULTI_LABEL = {"num_labels": 3, "problem_type": "multi_label_classification"}
LABELS = [
    ({"num_labels": 1}, torch.tensor([0.5, -1.0])),
    ({"num_labels": 2, "problem_type": "regression"}, torch.tensor([[0.5, 2], [-1, 0]])),
    ({"num_labels": 6}, torch.tensor([5, 0])),
    (MULTI_LABEL, torch.tensor([[1.0, 0, 1], [0, 0, 1]])),
]


def plain_loss(logits, labels):
    if labels.shape == (2, 2):
        return nn.functional.mse_loss(logits, labels)
    if labels.dim() == 2:
        return nn.functional.binary_cross_entropy_with_logits(logits, labels)
    if labels.is_floating_point():
        return nn.functional.mse_loss(logits.squeeze(), labels)
    return nn.functional.cross_entropy(logits, labels)


@pytest.mark.parametrize("extra", [{}, NGRAMS], ids=["lstm", "ngrams"])
@pytest.mark.parametrize(("config", "labels"), LABELS)
def test_the_loss_is_that_of_each_part_in_training_and_of_the_sum_otherwise(extra, config, labels):
    model = build_model(dropout=0.0, **extra, **config)
    ids = torch.tensor([[3, 4], [5, 0]])
    evaluated = model(ids, labels=labels)
    torch.testing.assert_close(evaluated.loss, plain_loss(evaluated.logits, labels))
    trained = model.train()(ids, labels=labels)
    assert trained.part_logits.shape[1] == (2 if extra else 1)
    torch.testing.assert_close(trained.logits, evaluated.logits, atol=1e-6, rtol=0)
    regression = model.config.problem_type == "regression"  # that loss is of the sum, too
    parts = [trained.logits] if regression else trained.part_logits.unbind(1)
    torch.testing.assert_close(trained.loss, sum(plain_loss(part, labels) for part in parts))
    if not extra:
        torch.testing.assert_close(trained.loss, evaluated.loss)
        assert torch.equal(trained.part_logits[:, 0], trained.logits)
    assert torch.equal(model(ids, labels=labels, return_dict=False)[1], trained.logits)
    if labels.dtype == torch.long:  # two batches of two make a step
        summed = model(ids, labels=labels, num_items_in_batch=4).loss
        torch.testing.assert_close(summed, trained.loss / 2)


def slow_contributions(model, words, shapes):
    """What each token adds, one occurrence of an n-gram after the other."""
    size = len(words)
    # The first and the last token that each row covers, beyond the text too; in the order of `groups`.
    single, pair = [(n, n) for n in range(size)], [(n - 1, n) for n in range(size + 1)]
    run = [(n - 2, n) for n in range(size + 2)]
    covered = [single + pair + single, run + [(n, n + 1) for n in range(size)] + pair[:size]]
    added = torch.zeros(size, len(model.config.label_names))
    for rows, spans in zip(groups(model, words, shapes), covered, strict=True):
        counts = Counter(rows)
        for row, (first, last) in zip(rows, spans, strict=True):
            places = [place for place in range(first, last + 1) if 0 <= place < size]
            each = model.ngrams.weights[row].detach() * sqrt(counts[row] / len(rows)) / counts[row]
            for place in places:
                added[place] += each / len(places)
    return added


@settings(max_examples=60, deadline=None)
@given(words=st.lists(words_and_shapes, min_size=1, max_size=8))
def test_contributions_share_the_logits_out_to_the_tokens(built, words):
    model = built[0]
    ids, shapes = (list(column) for column in zip(*words, strict=True))
    shares = ngram_contributions(model.ngrams, torch.tensor([ids]), torch.tensor([shapes]), None)[0]
    torch.testing.assert_close(shares, slow_contributions(model, ids, shapes), atol=1e-5, rtol=0)
