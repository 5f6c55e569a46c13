"""Batches: padding, corrupted copies, the order of texts."""

from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tides import corrupted_texts, make_texts, tokenized

from glove_lstm.text.build import build_tokenizer
from glove_lstm.text.tokens import Tokens
from glove_lstm.training.batches import LengthGroupedSampler, TokenizedTexts, collate

TIDES, TIDE_LABELS = make_texts(40)


@pytest.mark.parametrize(
    ("texts", "labels", "rows"),
    [(TIDES, TIDE_LABELS, [3, 1, 17, 17]), (["", ""], None, [0, 1])],
    ids=["texts", "empty texts"],
)
def test_collate_is_the_tokenizers_own_pad(tokenizer, texts, labels, rows):
    """Two empty texts have one masked token each."""
    table = tokenized(texts, tokenizer, labels)
    encoded = tokenizer([texts[row] for row in rows])
    assert table.lengths[rows].tolist() == [len(ids) for ids in encoded["input_ids"]]

    batch = collate(table.__getitems__(rows))
    if labels is None:
        assert batch["attention_mask"].tolist() == [[0], [0]]
        assert batch["input_ids"].tolist() == [[0], [0]]
        assert "labels" not in batch
        return
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
    weights = batch.weights
    if weights is None:
        weights = np.ones(len(batch.lengths))
    begins_of_others = np.cumsum(batch.lengths)[:-1]
    ids = np.split(batch.ids, begins_of_others)
    types = np.split(batch.types, begins_of_others)
    rows = []
    for number, label in enumerate(batch.labels):
        rows.append(Row(label, weights[number], ids[number].tolist(), types[number].tolist()))
    return sorted(rows)


ALL = range(60)


@pytest.fixture(scope="module")
def numbered():
    """60 texts whose labels are their numbers, which shows to which text anything belongs."""
    texts, _ = make_texts(60)
    return texts, np.arange(60)


@pytest.fixture(scope="module")
def copies(numbered, tokenizer):
    """The same, half of them as corrupted copies."""
    return corrupted_texts(*numbered, tokenizer)


@pytest.mark.parametrize("rows", [[3, 1, 17, 17], np.arange(30)], ids=len)
def test_copies_do_not_depend_on_the_batch(copies, rows):
    everything = rows_of(copies.__getitems__(ALL))
    batch = rows_of(copies.__getitems__(rows))
    assert batch == sorted(everything[row] for row in rows)


def test_copies_depend_on_seed_and_epoch_alone(numbered, copies, tokenizer):
    rows = rows_of(copies.__getitems__(ALL))
    again = corrupted_texts(*numbered, tokenizer)
    assert rows_of(again.__getitems__(ALL)) == rows
    for options in ({"epoch": 1}, {"seed": 4}):
        others = corrupted_texts(*numbered, tokenizer, **options)
        new = [row for row in rows_of(others.__getitems__(ALL)) if row not in rows]
        assert len(new) > 15


def test_copies_keep_the_labels_and_weights_of_their_texts(numbered, tokenizer):
    texts, numbers = numbered
    weights = numbers / 10
    weighted = corrupted_texts(texts, numbers, tokenizer, weights=weights)
    rows = rows_of(weighted.__getitems__(ALL))
    assert [row.label for row in rows] == list(ALL)
    assert [row.weight for row in rows] == weights.tolist()
    for row in rows:
        assert len(row.ids) == len(row.types) <= 20


@pytest.mark.parametrize("side", ["right", "left"])
def test_copies_are_cut_where_texts_are_cut(side):
    numbers = [str(number) for number in range(500)]
    tokenizer = build_tokenizer(
        lambda: numbers, min_frequency=1, model_max_length=20, truncation_side=side
    )
    # A copy may drop numbers, but does not change them: they have no letters and no case.
    kept_end = numbers[:60]
    if side == "left":
        kept_end = numbers[-60:]
    ids_of_kept_end = set(tokenizer.convert_tokens_to_ids(kept_end))
    texts = [" ".join(numbers)] * 10
    copies = corrupted_texts(texts, np.arange(10), tokenizer, share=1.0, max_length=7)
    copies_at_kept_end = 0
    for row in rows_of(copies.__getitems__(range(10))):
        assert len(row.ids) == 7
        copies_at_kept_end += set(row.ids) <= ids_of_kept_end
    assert copies_at_kept_end >= 8  # a copy may be a passage of its text


def texts_of(lengths):
    """Texts with these numbers of tokens."""
    lengths = np.array(lengths, dtype=int)
    zeros = np.zeros(lengths.sum(), dtype=int)
    return TokenizedTexts(Tokens(zeros, zeros, lengths), typed=False)


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


def batches_of(order, lengths, batch_size=16):
    """Lengths of the texts of each batch."""
    starts = range(batch_size, len(order), batch_size)
    return np.split(lengths[order], starts)


def padding(batches):
    return sum((batch.max() - batch).sum() for batch in batches)


def test_the_sampler_saves_padding_and_shuffles():
    generator = np.random.default_rng(0)
    lengths = generator.integers(1, 500, 4000)
    without_groups = padding(batches_of(generator.permutation(4000), lengths))
    orders = set()
    for seed in (1, 2):
        for epoch in (0, 1):
            sampler = LengthGroupedSampler(texts_of(lengths), 16, seed)
            sampler.set_epoch(epoch)
            order = list(sampler)
            orders.add(tuple(order))
            batches = batches_of(order, lengths)
            assert padding(batches) < without_groups / 10
            # Long and short batches come in no order.
            means = [batch.mean() for batch in batches]
            assert abs(np.corrcoef(means[:-1], means[1:])[0, 1]) < 0.3
    assert len(orders) == 4
