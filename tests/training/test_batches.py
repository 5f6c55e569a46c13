"""Batches: padding, corrupted copies, the order of texts."""

from typing import NamedTuple

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tides import corrupted_texts, make_texts, tokenized

from glove_lstm.text.tokens import Tokens
from glove_lstm.training.batches import LengthGroupedSampler, TokenizedTexts, collate


def test_collate_is_the_tokenizers_own_pad(tokenizer):
    texts, labels = make_texts(40)
    rows = [3, 1, 17, 17]
    table = tokenized(texts, tokenizer, labels)
    encoded = tokenizer([texts[row] for row in rows])
    assert table.lengths[rows].tolist() == [len(ids) for ids in encoded["input_ids"]]

    batch = collate(table.__getitems__(rows))
    assert batch.pop("labels").tolist() == labels[rows].tolist()
    padded = tokenizer.pad(encoded, return_tensors="pt")
    assert batch.keys() == padded.keys()
    for name in padded:
        assert torch.equal(batch[name], padded[name].long()), name


class Row(NamedTuple):
    """A text of a batch."""

    label: int
    weight: float
    ids: list[int]
    types: list[int]


def rows_of(batch):
    """The texts of a batch, sorted by label."""
    begins_of_others = np.cumsum(batch.tokens.lengths)[:-1]
    ids = np.split(batch.tokens.ids, begins_of_others)
    types = np.split(batch.tokens.types, begins_of_others)
    rows = []
    for number, label in enumerate(batch.labels):
        rows.append(Row(label, batch.weights[number], ids[number].tolist(), types[number].tolist()))
    return sorted(rows)


def test_copies_depend_on_seed_and_epoch_alone(tokenizer):
    """Not on the batch. The label of a text is its number, which shows to which text a copy belongs."""
    texts, _ = make_texts(60)
    numbers = np.arange(60)
    weights = numbers / 10

    def copies_of(**options):
        return corrupted_texts(texts, numbers, tokenizer, weights=weights, **options)

    rows = rows_of(copies_of().__getitems__(numbers))
    assert [row.label for row in rows] == numbers.tolist()
    assert [row.weight for row in rows] == weights.tolist()
    assert all(len(row.ids) == len(row.types) <= 20 for row in rows)
    for batch in ([3, 1, 17, 17], np.arange(30)):
        assert rows_of(copies_of().__getitems__(batch)) == sorted(rows[row] for row in batch)
    for options in ({"epoch": 1}, {"seed": 4}):
        others = rows_of(copies_of(**options).__getitems__(numbers))
        assert sum(row not in rows for row in others) > 15


def texts_of(lengths):
    """Texts with these numbers of tokens."""
    lengths = np.array(lengths, dtype=int)
    zeros = np.zeros(lengths.sum(), dtype=int)
    return TokenizedTexts(Tokens(zeros, zeros, lengths))


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
        sampler = LengthGroupedSampler(texts_of(lengths), batch_size, seed)
        sampler.set_epoch(epoch)
        orders.append(list(sampler))
    assert orders[0] == orders[1]
    assert len(sampler) == len(lengths)
    assert sorted(orders[0]) == list(range(len(lengths)))


def test_another_seed_or_epoch_gives_another_order():
    orders = set()
    for seed, epoch in ((0, 0), (1, 0), (0, 1)):
        sampler = LengthGroupedSampler(texts_of(range(60)), 4, seed)
        sampler.set_epoch(epoch)
        orders.add(tuple(sampler))
    assert len(orders) == 3
