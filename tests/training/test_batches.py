"""Batches: padding, corrupted copies, the order of texts."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tides import WORDS, corrupted_texts, make_texts, tokenized

from glove_lstm.text.build import build_tokenizer
from glove_lstm.training.batches import LengthGroupedSampler, collate


def test_collate_is_the_tokenizers_own_pad(tokenizer):
    texts, labels = make_texts(40)
    table = tokenized(texts, tokenizer, labels)
    encoded = tokenizer(texts)
    assert table.lengths.tolist() == [len(row) for row in encoded["input_ids"]]
    for rows in ([3, 1, 17], [5], list(range(40)), [0, 0]):
        chosen = {name: [encoded[name][row] for row in rows] for name in encoded}
        wanted = tokenizer.pad(chosen, return_tensors="pt")
        batch = collate(table.__getitems__(rows))
        assert set(batch) == {*wanted, "labels"}
        assert batch["labels"].tolist() == labels[rows].tolist()
        for name in wanted:
            assert torch.equal(batch[name], wanted[name].long()), name


def test_a_batch_of_empty_texts_has_one_masked_token(tokenizer):
    batch = collate(tokenized(["", ""], tokenizer).__getitems__([0, 1]))
    assert batch["input_ids"].tolist() == batch["attention_mask"].tolist() == [[0], [0]]
    assert "labels" not in batch


def rows_of(batch):
    """Label, weight, ids and types of each text of a batch, sorted."""
    ends = np.cumsum(batch.lengths)
    rows = []
    for row, end in enumerate(ends):
        own = slice(end - batch.lengths[row], end)
        weight = 1.0 if batch.weights is None else batch.weights[row]
        rows.append((batch.labels[row], weight, batch.ids[own].tolist(), batch.types[own].tolist()))
    return sorted(rows)


def test_copies_depend_on_seed_and_epoch_alone_and_keep_labels_and_weights(tokenizer):
    texts, _ = make_texts(60)
    # The words of a text tell its row: labels that differ show that none moves to another text.
    labels = np.arange(60)
    plain, mixed = tokenized(texts, tokenizer, labels), corrupted_texts(texts, labels, tokenizer)
    assert len(mixed) == 60
    assert np.array_equal(mixed.lengths, plain.lengths)
    clean, drawn = rows_of(plain.__getitems__(range(60))), rows_of(mixed.__getitems__(range(60)))
    assert [row[0] for row in drawn] == labels.tolist()
    assert all(len(ids) == len(types) <= 20 for _, _, ids, types in drawn)
    for indices in ([3, 1, 17], [5], [0, 0], [59, *range(59)], np.arange(60)):
        assert rows_of(mixed.__getitems__(indices)) == sorted(drawn[index] for index in indices)
        assert len(collate(mixed.__getitems__(indices))["labels"]) == len(indices)
    assert rows_of(corrupted_texts(texts, labels, tokenizer).__getitems__(range(60))) == drawn
    for other in ({"epoch": 1}, {"seed": 4}):
        again = corrupted_texts(texts, labels, tokenizer, **other).__getitems__(range(60))
        assert sum(a != b for a, b in zip(rows_of(again), drawn, strict=True)) > 15
    none = corrupted_texts(texts, labels, tokenizer, share=0.0)
    assert rows_of(none.__getitems__(range(60))) == clean

    weighted = corrupted_texts(texts, labels, tokenizer)
    weighted.weights = labels / 10
    found = rows_of(weighted.__getitems__(range(60)))
    assert [weight for _, weight, _, _ in found] == (labels / 10).tolist()


@pytest.mark.parametrize("share", [0.2, 0.8, 1.0])
def test_the_share_of_texts_is_replaced(tokenizer, share):
    texts, labels = ["BOATS left, Vellin harbour; while the tide rose."] * 2000, np.zeros(2000)
    clean = tokenized(texts[:1], tokenizer, labels[:1]).__getitems__([0])
    rows = rows_of(corrupted_texts(texts, labels, tokenizer, share).__getitems__(range(2000)))
    changed = [
        ids != clean.ids.tolist() or types != clean.types.tolist() for *_, ids, types in rows
    ]
    # A few copies are drawn without any error.
    assert 0.85 * share < np.mean(changed) < share + 0.04


@pytest.mark.parametrize("side", ["right", "left"])
def test_copies_are_cut_where_texts_are_cut(side):
    tokenizer = build_tokenizer(
        lambda: [" ".join(WORDS)], min_frequency=1, model_max_length=20, truncation_side=side
    )
    # Text that a copy leaves as it is: words of digits have no letters and no case.
    texts = [" ".join(str(row) for row in range(first, first + 500)) for first in range(10)]
    labels = np.arange(10)
    whole = rows_of(tokenized(texts, tokenizer, labels).__getitems__(range(10)))
    for most in (20, 7):
        mixed = corrupted_texts(texts, labels, tokenizer, 1.0, most)
        copies = rows_of(mixed.__getitems__(range(10)))
        for (*_, ids, _), (*_, copied, _) in zip(whole, copies, strict=True):
            assert len(copied) <= most
            wanted = ids[:most] if side == "right" else ids[-most:]
            assert len(copied) < most or len(wanted) == len(copied)


@settings(deadline=None)
@given(
    lengths=st.lists(st.integers(0, 60), max_size=700),
    batch_size=st.integers(1, 9),
    seed=st.integers(0, 2**32),
    epoch=st.integers(0, 5),
)
def test_the_sampler_gives_each_text_once_in_an_order_of_seed_and_epoch(
    lengths, batch_size, seed, epoch
):
    orders = []
    for global_seed in (0, 1):  # the global generators do not matter
        torch.manual_seed(global_seed)
        np.random.seed(global_seed)  # noqa: NPY002
        sampler = LengthGroupedSampler(np.array(lengths, dtype=int), batch_size, seed)
        sampler.set_epoch(epoch)
        orders.append(list(sampler))
    assert orders[0] == orders[1]
    assert len(sampler) == len(lengths)
    assert sorted(orders[0]) == list(range(len(lengths)))


def padding(order, lengths, batch_size):
    batches = [lengths[order[i : i + batch_size]] for i in range(0, len(order), batch_size)]
    return sum(int((batch.max() - batch).sum()) for batch in batches)


def test_the_sampler_saves_padding_and_shuffles():
    generator = np.random.default_rng(0)
    lengths = generator.integers(1, 500, 4000)
    orders = {}
    for seed in (1, 2):
        for epoch in (0, 1):
            sampler = LengthGroupedSampler(lengths, 16, seed)
            sampler.set_epoch(epoch)
            orders[seed, epoch] = list(sampler)
    assert len({tuple(order) for order in orders.values()}) == 4
    random = padding(generator.permutation(4000), lengths, 16)
    for order in orders.values():
        assert padding(np.array(order), lengths, 16) < random / 10
        means = [lengths[order[i : i + 16]].mean() for i in range(0, 4000, 16)]
        # Long and short batches come in turn.
        assert abs(np.corrcoef(means[:-1], means[1:])[0, 1]) < 0.3


def test_weighted_texts_are_drawn_in_proportion():
    weights = np.repeat([0.0, 0.5, 2.0], [100, 200, 200])
    orders = []
    for epoch in (0, 0, 1):
        sampler = LengthGroupedSampler(np.arange(500), 16, 1, weights)
        sampler.set_epoch(epoch)
        orders.append(list(sampler))
    assert orders[0] == orders[1] != orders[2]
    assert [len(order) for order in orders] == [500] * 3
    counts = np.bincount(np.searchsorted([100, 300], orders[0], side="right"), minlength=3)
    assert counts[0] == 0
    assert counts[1] == pytest.approx(100, abs=30)
