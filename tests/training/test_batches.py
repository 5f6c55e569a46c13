"""Batches: padding, mistyped copies, the order of texts."""

import numpy as np
import pytest
import torch
from datasets import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st
from tides import WORDS, make_texts, mistyped_pairs

from glove_lstm.data.errors import DataError
from glove_lstm.tokenization.build import build_tokenizer
from glove_lstm.training.batches import UNLABELLED, LengthGroupedSampler, collate, tokenize


@pytest.mark.parametrize("pairs", [False, True])
def test_collate_is_the_tokenizers_own_pad(tokenizer, pairs):
    dataset = make_texts(40, pairs=pairs)
    table = tokenize(dataset, tokenizer)
    encoded = tokenizer(dataset["text"][:], dataset["text_pair"][:] if pairs else None)
    assert table.lengths.tolist() == [len(row) for row in encoded["input_ids"]]
    for rows in ([3, 1, 17], [5], list(range(40)), [0, 0]):
        wanted = tokenizer.pad(
            {name: [encoded[name][row] for row in rows] for name in encoded}, return_tensors="pt"
        )
        batch = collate(table.__getitems__(rows))
        assert set(batch) == {*wanted, "labels"}
        assert batch["labels"].tolist() == [dataset["label"][row] for row in rows]
        for name in wanted:
            assert torch.equal(batch[name], wanted[name].long()), name


def test_texts_follow_others_and_none_are_refused(texts, tokenizer):
    others = tokenize(make_texts(40, seed=2), tokenizer)
    both = texts.followed_by(others)
    assert both.lengths.tolist() == [*texts.lengths, *others.lengths]
    assert rows_of(both.__getitems__([96, 97])) == [
        *rows_of(texts.__getitems__([96])),
        *rows_of(others.__getitems__([0])),
    ]
    with pytest.raises(DataError, match="There are no texts to tokenise"):
        tokenize(make_texts(0), tokenizer)


def test_a_batch_of_empty_texts_has_one_masked_token(tokenizer):
    batch = collate(tokenize(Dataset.from_dict({"text": ["", ""]}), tokenizer).__getitems__([0, 1]))
    assert batch["input_ids"].tolist() == batch["attention_mask"].tolist() == [[0], [0]]
    assert "labels" not in batch


def rows_of(table):
    return [
        {name: row[name] for name in ("input_ids", "token_type_ids", "labels")}
        for row in table.to_pylist()
    ]


@pytest.mark.parametrize("pairs", [False, True])
def test_mistyped_copies_follow_the_texts_and_depend_on_seed_epoch_and_row_alone(spelled, pairs):
    dataset = make_texts(40, pairs=pairs)
    plain = tokenize(dataset, spelled)
    both = mistyped_pairs(dataset, spelled)
    assert len(both) == 40
    assert np.array_equal(both.lengths, plain.lengths)
    everything = rows_of(both.__getitems__(range(40)))
    assert len(everything) == 80
    clean, copies = everything[:40], everything[40:]
    assert clean == rows_of(plain.__getitems__(range(40)))
    assert {row["labels"] for row in copies} == {UNLABELLED}
    assert all(len(row["input_ids"]) == len(row["token_type_ids"]) <= 20 for row in copies)
    assert sum(a != b for a, b in zip(clean, copies, strict=True)) > 25

    for indices in ([3, 1, 17], [5], [0, 0], [39, *range(39)]):
        wanted = [clean[index] for index in indices] + [copies[index] for index in indices]
        for batch in (both.__getitems__(indices), both.__getitems__(np.array(indices))):
            assert rows_of(batch) == wanted
        assert len(collate(both.__getitems__(indices))["labels"]) == 2 * len(indices)
    for other in ({"epoch": 1}, {"seed": 4}):
        again = rows_of(mistyped_pairs(dataset, spelled, **other).__getitems__(range(40)))
        assert again[:40] == clean
        assert sum(a != b for a, b in zip(again[40:], copies, strict=True)) > 25

    more = rows_of(mistyped_pairs(dataset, spelled, copies=2).__getitems__(range(40)))
    assert len(more) == 120
    assert more[:80] == everything
    assert sum(a != b for a, b in zip(more[80:], copies, strict=True)) > 25


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("pairs", [False, True])
def test_a_share_of_zero_gives_exact_copies_cut_where_the_texts_are_cut(pairs, side):
    tokenizer = build_tokenizer(
        lambda: [" ".join(WORDS)], min_frequency=1, model_max_length=20, truncation_side=side
    )
    dataset = make_texts(30, pairs=pairs)
    longer = [
        f"{text} {'tide rose ' * 200}{text}" for text in dataset["text"][:10]
    ]  # far beyond any cut
    dataset = Dataset.from_dict({**dataset[:], "text": longer + dataset["text"][10:]})
    for most in (100, 7):
        rows = rows_of(
            mistyped_pairs(dataset, tokenizer, share=0.0, max_length=most).__getitems__(range(30))
        )
        for clean, copy in zip(rows[:30], rows[30:], strict=True):
            for name in ("input_ids", "token_type_ids"):
                cut = clean[name][:most] if side == "right" else clean[name][-most:]
                assert copy[name] == cut
            assert copy["labels"] == UNLABELLED


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
        assert (
            abs(np.corrcoef(means[:-1], means[1:])[0, 1]) < 0.3
        )  # long and short batches come in turn
