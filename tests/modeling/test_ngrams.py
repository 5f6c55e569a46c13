"""The n-gram classifier beside the LSTM: what it computes, what it learns, and how the loss treats the two."""

from collections import Counter
from itertools import pairwise
from math import sqrt

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from glove_lstm import GloveLstmConfig, GloveLstmForSequenceClassification

NGRAMS = {"ngram_buckets": 40, "ngram_opening": 3, "character_ngrams": 3, "character_buckets": 17}
NGRAMS["shape_buckets"] = 23
NO_DROPOUT = {"hidden_dropout": 0.0, "classifier_dropout": 0.0}


def buckets(config, words, shapes):
    """Rows of the table that a text's words and pairs have, one by one."""

    def bucket(left, right):
        return (left * 1_000_003 + right * 2_654_435_761) % 4_294_967_291 % config.ngram_buckets

    codes = [
        word * config.type_vocab_size + shape + 2 for word, shape in zip(words, shapes, strict=True)
    ]
    return [bucket(0, code) for code in codes] + [
        bucket(*pair) for pair in pairwise([1, *codes, 1])
    ]


def runs(config, words, shapes):
    """Rows of the table of shapes: runs of three, words with the shape after them, words with that before."""
    edge = config.type_vocab_size
    kinds = edge + 1
    known = [edge, edge, *shapes, edge, edge]
    pairs = [(a * kinds + b, c) for a, b, c in zip(known, known[1:], known[2:], strict=False)]
    pairs += [(word + kinds**2, after) for word, after in zip(words, known[3:], strict=False)]
    pairs += [(before, word + kinds) for before, word in zip(known[1:], words, strict=False)]
    return [
        (a * 1_000_003 + b * 2_654_435_761) % 4_294_967_291 % config.shape_buckets for a, b in pairs
    ]


def slow_logits(model, words, shapes):
    """The same in plain Python, for one text."""
    ngrams = model.ngrams
    terms = buckets(model.config, words, shapes)
    opening = slice(None, model.config.ngram_opening)
    first = buckets(model.config, words[opening], shapes[opening])
    characters = [gram for word in words for gram in ngrams.character_ngrams[word].tolist() if gram]
    logits = ngrams.bias.tolist()
    groups = [(ngrams.word_weights, terms), (ngrams.character_weights, characters)]
    if ngrams.opening_weights is not None:
        groups.append((ngrams.opening_weights, first))
    if ngrams.shape_weights is not None:
        groups.append((ngrams.shape_weights, runs(model.config, words, shapes)))
    for table, group in groups:
        for row, count in Counter(group).items():
            for label, weight in enumerate(table[row].tolist()):
                logits[label] += weight * sqrt(count / len(group))
    return logits


def ngram_logits(model, **inputs):
    return model.train()(**inputs).part_logits[:, 1]


@pytest.fixture(scope="module")
def built():
    """One model for many texts, whose word 5 has no character n-grams and whose word 6 has one."""
    torch.manual_seed(0)
    config = GloveLstmConfig(vocab_size=30, embedding_size=6, hidden_size=5, num_labels=3, **NGRAMS)
    model = GloveLstmForSequenceClassification(config)
    for parameter in model.ngrams.parameters():
        nn.init.normal_(parameter)
    rows = torch.randint(1, 17, (30, 3))
    rows[5] = 0
    rows[6, 1:] = 0
    model.load_character_ngrams(rows)
    return model


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.lists(st.tuples(st.integers(1, 29), st.integers(0, 6)), max_size=8),
        min_size=1,
        max_size=4,
    ),
    more=st.integers(0, 4),
    data=st.data(),
)
def test_logits_are_those_of_the_slow_reference_wherever_the_padding_is(built, rows, more, data):
    length = max(map(len, rows)) + more
    ids, shapes = (
        torch.randint(0, 30, (len(rows), length)),
        torch.randint(0, 7, (len(rows), length)),
    )
    mask = torch.zeros(len(rows), length, dtype=torch.long)
    for row, tokens in enumerate(rows):
        where = sorted(data.draw(st.permutations(range(length)))[: len(tokens)])
        for place, (word, shape) in zip(where, tokens, strict=True):
            ids[row, place], shapes[row, place], mask[row, place] = word, shape, 1
    found = ngram_logits(built, input_ids=ids, token_type_ids=shapes, attention_mask=mask)
    wanted = torch.tensor(
        [
            slow_logits(built, *zip(*row, strict=True)) if row else slow_logits(built, [], [])
            for row in rows
        ]
    )
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=0)


def test_large_codes_do_not_overflow():
    config = GloveLstmConfig(
        vocab_size=100_000, embedding_size=2, hidden_size=2, ngram_buckets=1009
    )
    model = GloveLstmForSequenceClassification(config)
    nn.init.normal_(model.ngrams.word_weights)
    words, shapes = [99_999, 99_998, 2, 99_999], [6, 5, 6, 0]
    found = ngram_logits(
        model, input_ids=torch.tensor([words]), token_type_ids=torch.tensor([shapes])
    )
    torch.testing.assert_close(
        found, torch.tensor([slow_logits(model, words, shapes)]), atol=1e-5, rtol=0
    )


def test_the_logits_are_the_sum_of_the_two_parts_and_a_new_classifier_adds_nothing(make):
    config = {"type_embedding_size": 3, **NO_DROPOUT}
    inputs = {"input_ids": torch.tensor([[3, 4, 5], [6, 0, 0]]), "token_type_ids": torch.ones(2, 3)}
    model = make(**config, **NGRAMS)
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

    new = GloveLstmForSequenceClassification(
        GloveLstmConfig(vocab_size=30, embedding_size=6, **NGRAMS)
    )
    assert not ngram_logits(new, **inputs).any()
    assert not new.ngrams.character_ngrams.any()
    alone = new.eval()(**inputs).logits
    new.ngrams = None
    assert torch.equal(new(**inputs).logits, alone)


def test_vectors_instead_of_words_are_refused_by_the_ngrams(make):
    model = make(**NGRAMS, type_vocab_size=1)
    ids = torch.tensor([[3, 4, 5]])
    vectors = model.get_input_embeddings()(ids)
    for again in (model, model.train()):
        with pytest.raises(ValueError, match="input_ids are missing"):
            again(inputs_embeds=vectors)
    pooled = model.eval().encoder(inputs_embeds=vectors).pooler_output
    torch.testing.assert_close(model.lstm_logits(pooled), model(ids).part_logits[:, 0])


def test_a_new_last_layer_empties_the_tables(make):
    model = make(**NGRAMS)
    rows, dense = model.ngrams.character_ngrams.clone(), model.dense.weight.detach().clone()
    last = model.classifier.weight.detach().clone()
    model.reset_classifier()
    assert not any(table.any() for table in model.ngrams.parameters())
    assert not model.classifier.bias.any()
    assert not torch.equal(model.classifier.weight, last)
    assert torch.equal(model.ngrams.character_ngrams, rows)
    assert torch.equal(model.dense.weight, dense)


def test_a_frozen_classifier_takes_no_part_in_training(make):
    model = make(**NO_DROPOUT, **NGRAMS, type_vocab_size=1)
    ids, labels = torch.tensor([[3, 4, 5]]), torch.tensor([1])
    whole = model(ids, labels=labels)
    model.freeze_ngrams()
    assert torch.equal(model(ids, labels=labels).loss, whole.loss)
    trained = model.train()(ids, labels=labels)
    assert trained.part_logits.shape == (1, 1, 2)
    torch.testing.assert_close(trained.logits, whole.part_logits[:, 0], atol=1e-6, rtol=0)
    trained.loss.backward()
    assert all(parameter.grad is None for parameter in model.ngrams.parameters())
    model.freeze_ngrams(False)
    assert model(ids).part_logits.shape == (1, 2, 2)


def test_gradients_reach_the_weights_of_the_ngrams_that_a_text_has(make):
    model = make(**NGRAMS)
    words, shapes = [3, 4, 5, 3], [1, 2, 3, 1]
    inputs = {
        "input_ids": torch.tensor([[*words, 9]]),
        "token_type_ids": torch.tensor([[*shapes, 1]]),
        "attention_mask": torch.tensor([[1, 1, 1, 1, 0]]),
    }
    model.train()(**inputs, labels=torch.tensor([1])).loss.backward()
    touched = model.ngrams.word_weights.grad.any(dim=1).nonzero().flatten().tolist()
    assert touched == sorted(set(buckets(model.config, words, shapes)))
    grams = set(model.ngrams.character_ngrams[words].flatten().tolist()) - {0}
    assert model.ngrams.character_weights.grad.any(dim=1).nonzero().flatten().tolist() == sorted(
        grams
    )


LABELS = [
    ({"num_labels": 1}, torch.tensor([0.5, -1.0])),
    ({}, torch.tensor([0, 1])),
    ({"num_labels": 6}, torch.tensor([5, 0])),
    (
        {"num_labels": 3, "problem_type": "multi_label_classification"},
        torch.tensor([[1.0, 0, 1], [0, 0, 1]]),
    ),
]


def plain_loss(logits, labels):
    if labels.dim() == 2:
        return nn.functional.binary_cross_entropy_with_logits(logits, labels)
    if labels.is_floating_point():
        return nn.functional.mse_loss(logits.squeeze(), labels)
    return nn.functional.cross_entropy(logits, labels)


@pytest.mark.parametrize("extra", [{}, NGRAMS], ids=["lstm", "ngrams"])
@pytest.mark.parametrize(("config", "labels"), LABELS)
def test_the_loss_is_that_of_each_part_in_training_and_of_the_sum_otherwise(
    make, extra, config, labels
):
    model = make(**NO_DROPOUT, **extra, **config, type_vocab_size=1)
    ids = torch.tensor([[3, 4], [5, 0]])
    evaluated = model(ids, labels=labels)
    torch.testing.assert_close(evaluated.loss, plain_loss(evaluated.logits, labels))
    trained = model.train()(ids, labels=labels)
    assert trained.part_logits.shape[1] == (2 if extra else 1)
    torch.testing.assert_close(trained.logits, evaluated.logits, atol=1e-6, rtol=0)
    torch.testing.assert_close(
        trained.loss, sum(plain_loss(part, labels) for part in trained.part_logits.unbind(1))
    )
    if not extra:
        torch.testing.assert_close(trained.loss, evaluated.loss)
        assert torch.equal(trained.part_logits[:, 0], trained.logits)
    assert torch.equal(model(ids, labels=labels, return_dict=False)[1], trained.logits)
    if labels.dtype == torch.long:  # two batches of two make a step
        summed = model(ids, labels=labels, num_items_in_batch=4).loss
        torch.testing.assert_close(summed, trained.loss / 2)


def slow_contributions(model, words, shapes):
    """What each token adds, one occurrence of an n-gram after the other."""
    ngrams, size, labels = model.ngrams, len(words), len(model.config.label_names)

    def terms(size):
        pairs = [[max(place - 1, 0), min(place, size - 1)] for place in range(size + 1)]
        rows = buckets(model.config, words[:size], shapes[:size])
        return list(zip(rows, [[n] for n in range(size)] + pairs, strict=True))

    characters = [
        (gram, [place])
        for place, word in enumerate(words)
        for gram in ngrams.character_ngrams[word].tolist()
        if gram
    ]
    rows = runs(model.config, words, shapes)
    covered = [range(place - 2, place + 1) for place in range(size + 2)]
    covered += [range(place, place + 2) for place in range(size)] + [
        range(place - 1, place + 1) for place in range(size)
    ]
    covered = [[place for place in places if 0 <= place < size] for places in covered]
    added = torch.zeros(size, labels)
    groups = [(ngrams.word_weights, terms(size)), (ngrams.character_weights, characters)]
    groups.append((ngrams.opening_weights, terms(min(size, model.config.ngram_opening))))
    for table, group in [*groups, (ngrams.shape_weights, list(zip(rows, covered, strict=True)))]:
        counts = Counter(row for row, _ in group)
        for row, places in group:
            each = table[row].detach() * sqrt(counts[row] / len(group)) / counts[row]
            for place in places:
                added[place] += each / len(places)
    return added


@settings(max_examples=60, deadline=None)
@given(words=st.lists(st.tuples(st.integers(1, 29), st.integers(0, 6)), min_size=1, max_size=8))
def test_contributions_share_the_logits_out_to_the_tokens(built, words):
    ids, shapes = (list(column) for column in zip(*words, strict=True))
    found = built.ngrams.contributions(torch.tensor([ids]), torch.tensor([shapes]))[0]
    torch.testing.assert_close(found, slow_contributions(built, ids, shapes), atol=1e-5, rtol=0)
    summed = found.sum(0) + built.ngrams.bias.detach()
    torch.testing.assert_close(
        summed, torch.tensor(slow_logits(built, ids, shapes)), atol=1e-5, rtol=0
    )
