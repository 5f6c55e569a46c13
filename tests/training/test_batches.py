"""Batches: padding, corrupted copies, the order of texts."""

import numpy as np
import pytest
import torch
from datasets import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st
from tides import WORDS, corrupted_texts, make_texts

from glove_lstm.tokenization.build import build_tokenizer
from glove_lstm.training import batches, experiment
from glove_lstm.training.batches import LengthGroupedSampler, collate, tokenize


@pytest.mark.parametrize("pairs", [False, True])
def test_collate_is_the_tokenizers_own_pad(tokenizer, pairs):
    dataset = make_texts(40, pairs=pairs)
    table = tokenize(dataset, tokenizer)
    encoded = tokenizer(dataset["text"][:], dataset["text_pair"][:] if pairs else None)
    assert table.lengths.tolist() == [len(row) for row in encoded["input_ids"]]
    for rows in ([3, 1, 17], [5], list(range(40)), [0, 0]):
        chosen = {name: [encoded[name][row] for row in rows] for name in encoded}
        wanted = tokenizer.pad(chosen, return_tensors="pt")
        batch = collate(table.__getitems__(rows))
        assert set(batch) == {*wanted, "labels"}
        assert batch["labels"].tolist() == [dataset["label"][row] for row in rows]
        for name in wanted:
            assert torch.equal(batch[name], wanted[name].long()), name


def test_a_batch_of_empty_texts_has_one_masked_token(tokenizer):
    batch = collate(tokenize(Dataset.from_dict({"text": ["", ""]}), tokenizer).__getitems__([0, 1]))
    assert batch["input_ids"].tolist() == batch["attention_mask"].tolist() == [[0], [0]]
    assert "labels" not in batch


def rows_of(table):
    return sorted(
        (row["labels"], row["input_ids"], row["token_type_ids"]) for row in table.to_pylist()
    )


@pytest.mark.parametrize("pairs", [False, True])
def test_copies_depend_on_seed_epoch_and_row_alone_and_keep_their_labels(tokenizer, pairs):
    dataset = make_texts(60, pairs=pairs)
    # The words of a text tell its row: labels that differ show that none moves to another text.
    dataset = dataset.remove_columns("label").add_column("label", list(range(60)))
    plain, mixed = tokenize(dataset, tokenizer), corrupted_texts(dataset, tokenizer)
    assert len(mixed) == 60
    assert np.array_equal(mixed.lengths, plain.lengths)
    assert mixed.labels.tolist() == dataset["label"][:]
    clean, drawn = rows_of(plain.__getitems__(range(60))), rows_of(mixed.__getitems__(range(60)))
    assert [row[0] for row in drawn] == dataset["label"][:]
    assert all(len(ids) == len(shapes) <= 20 for _, ids, shapes in drawn)
    for indices in ([3, 1, 17], [5], [0, 0], [59, *range(59)], np.arange(60)):
        assert rows_of(mixed.__getitems__(indices)) == sorted(drawn[index] for index in indices)
        assert len(collate(mixed.__getitems__(indices))["labels"]) == len(indices)
    assert rows_of(corrupted_texts(dataset, tokenizer).__getitems__(range(60))) == drawn
    for other in ({"epoch": 1}, {"seed": 4}):
        again = rows_of(corrupted_texts(dataset, tokenizer, **other).__getitems__(range(60)))
        assert sum(a != b for a, b in zip(again, drawn, strict=True)) > 15
    assert rows_of(corrupted_texts(dataset, tokenizer, 0.0).__getitems__(range(60))) == clean


@pytest.mark.parametrize("share", [0.2, 0.8, 1.0])
def test_the_share_of_texts_is_replaced(tokenizer, share, monkeypatch):
    monkeypatch.setattr(batches, "training_copy", lambda *_: "lamp")
    dataset = Dataset.from_dict({"text": ["tide rose"] * 2000, "label": [0, 1] * 1000})
    rows = corrupted_texts(dataset, tokenizer, share).__getitems__(range(2000))
    copied = [len(ids) == 1 for ids in rows["input_ids"].to_pylist()]
    assert np.mean(copied) == pytest.approx(share, abs=0.04)


@pytest.mark.parametrize("side", ["right", "left"])
def test_copies_are_cut_where_texts_are_cut(side, monkeypatch):
    monkeypatch.setattr(batches, "training_copy", lambda text, *_: text)
    tokenizer = build_tokenizer(
        lambda: [" ".join(WORDS)], min_frequency=1, model_max_length=20, truncation_side=side
    )
    dataset = make_texts(10)
    longer = [f"{text} {'tide rose ' * 200}{text}" for text in dataset["text"][:]]
    dataset = Dataset.from_dict({"text": longer, "label": dataset["label"][:]})
    whole = tokenize(dataset, tokenizer).__getitems__(range(10))["input_ids"].to_pylist()
    for most in (None, 100, 7):
        copies = corrupted_texts(dataset, tokenizer, 1.0, most).__getitems__(range(10))
        # The LSTM reads the first tokens, so a text that loses its beginning is cut by the tokenizer alone.
        length = min(most or 20, 20) if side == "right" else 20
        wanted = [ids[:length] for ids in whole]
        assert copies["input_ids"].to_pylist() == wanted


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


def test_no_text_is_drawn_more_than_five_times_as_often_as_the_mean(tokenizer):
    dataset = make_texts(401).add_column("source", ["a/x"] * 400 + ["a/y"])
    texts = tokenize(dataset, tokenizer)
    experiment._weigh(texts, dataset)
    assert texts.weights[-1] == texts.weights.max() == 5
    assert texts.weights.mean() == pytest.approx(1, abs=0.05)
