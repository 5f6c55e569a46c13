"""Batches: padding, and corrupted copies."""

from math import ceil, sqrt

import numpy as np
import pytest
import torch
from support import make_texts

from glove_lstm.text.light_tokenizer import LightTokenizer
from glove_lstm.training.batches import Collator, TokenDataset, tokenize
from glove_lstm.training.schedule import with_schedule
from glove_lstm.training.settings import make_settings


def dataset_of(texts, labels, tokenizer, weights=None, *, with_texts=True):
    light = LightTokenizer.of(tokenizer)
    kept = texts if with_texts else None
    return TokenDataset(tokenize(texts, light), labels, weights, kept)


def test_a_batch_is_the_tokenizers_own_pad(tokenizer):
    texts, labels = make_texts(40)
    dataset = dataset_of(texts, labels, tokenizer)
    rows = [3, 1, 17, 17]
    encoded = tokenizer([texts[row] for row in rows])
    assert [len(dataset[row]["input_ids"]) for row in rows] == [
        len(ids) for ids in encoded["input_ids"]
    ]
    batch = Collator(LightTokenizer.of(tokenizer))([dataset[row] for row in rows])
    assert batch.pop("labels").tolist() == labels[rows].tolist()
    padded = tokenizer.pad(encoded, return_tensors="pt")
    assert batch.keys() == padded.keys()
    for name in padded:
        assert torch.equal(batch[name], padded[name].long()), name


def test_the_rows_of_a_dataset_end(tokenizer):
    """The Trainer reads the lengths of all rows until there is an IndexError."""
    texts, labels = make_texts(7)
    dataset = dataset_of(texts, labels, tokenizer)
    assert [len(feature["input_ids"]) for feature in dataset] == [
        len(ids) for ids in tokenizer(texts)["input_ids"]
    ]


def rows_of(batch):
    """Label, weight, ids and types of each text of a batch."""
    rows = []
    for number, mask in enumerate(batch["attention_mask"].bool()):
        ids = batch["input_ids"][number][mask].tolist()
        types = batch["token_type_ids"][number][mask].tolist()
        rows.append((batch["labels"][number].item(), batch["weights"][number].item(), ids, types))
    return sorted(rows)


def test_a_share_of_the_texts_is_replaced_by_copies_with_their_labels(tokenizer):
    """The label of a text is its number, which shows to which text a copy belongs."""
    texts, _ = make_texts(60)
    numbers = np.arange(60)
    dataset = dataset_of(texts, numbers, tokenizer, numbers / 10)
    features = [dataset[row] for row in range(60)]
    light = LightTokenizer.of(tokenizer)

    def batches(seed, share=0.5):
        collator = Collator(light, share=share, seed=seed)
        return [rows_of(collator(features)) for _ in range(2)]

    [clean, _] = batches(0, share=0.0)
    first, second = batches(3)
    for rows in (first, second):
        assert [row[0] for row in rows] == numbers.tolist()
        assert [row[1] for row in rows] == [row[1] for row in clean]
        assert all(len(ids) == len(types) <= 20 for _, _, ids, types in rows)
        changed = sum(row != other for row, other in zip(rows, clean, strict=True))
        assert 15 < changed < 40
    assert first != second  # an epoch has copies of its own
    assert batches(3) == [first, second]
    assert batches(4)[0] != first


def test_texts_that_are_measured_are_never_replaced(tokenizer):
    texts, labels = make_texts(60)
    weights = np.ones(60)
    light = LightTokenizer.of(tokenizer)
    measured = dataset_of(texts, labels, tokenizer, weights, with_texts=False)
    features = [measured[row] for row in range(60)]
    expected = rows_of(Collator(light)(features))
    assert rows_of(Collator(light, share=1.0, seed=3)(features)) == expected


# Epochs, batches and rates by the numbers of training texts and labels, as docs/options.md says

RATE, WORDS_RATE = 0.007, 0.001  # for batches of 32
FEW_RATE = 0.003  # of the word vectors, for up to 5,000 texts
LOGITS_RATE = 0.002  # both, on logits
LOGITS, NEW_LABELS = {"learns_logits": True}, {"has_new_labels": True}


def hundred_steps(texts, texts_of_step):
    return ceil(100 * texts_of_step / texts)


# Texts, labels, what differs of the targets, given arguments -> epochs, batch, rate, rate of the word vectors.
SCHEDULES = [
    (2, 2, {}, {}, 100, 32, RATE, FEW_RATE),
    (40, 2, {}, {}, hundred_steps(40, 32), 32, RATE, FEW_RATE),
    (300, 2, {}, {}, 12, 32, RATE, FEW_RATE),
    (5_000, 2, {}, {}, 10, 32, RATE, FEW_RATE),
    (5_001, 2, {}, {}, 10, 64, RATE * sqrt(2), WORDS_RATE * sqrt(2)),
    (10_000, 2, {}, {}, 5, 64, RATE * sqrt(2), WORDS_RATE * sqrt(2)),
    (10_000, 1, {}, {}, 5, 64, RATE * sqrt(2), WORDS_RATE * sqrt(2)),
    (100_000, 2, {}, {}, 2, 64, RATE * sqrt(2), WORDS_RATE * sqrt(2)),
    (1_000, 3, {}, {}, 19, 32, RATE, FEW_RATE),
    (1_000, 6, {}, {}, 40, 32, RATE, FEW_RATE),
    (10_000, 6, {}, {}, 15, 64, RATE * sqrt(2), WORDS_RATE * sqrt(2)),
    (1_000, 9, {}, {}, 61, 32, RATE, FEW_RATE),
    (1_000, 77, {}, {}, 61, 32, RATE, FEW_RATE),
    (3_000, 2, NEW_LABELS, {}, 16, 32, RATE, FEW_RATE),
    (25_000, 2, NEW_LABELS, {}, 4, 64, RATE * sqrt(2), WORDS_RATE * sqrt(2)),
    (1_000, 77, LOGITS, {}, hundred_steps(1_000, 128), 128, LOGITS_RATE * 2, LOGITS_RATE * 2),
    (100_000, 2, LOGITS, {}, 6, 128, LOGITS_RATE * 2, LOGITS_RATE * 2),
    (1_000_000, 2, LOGITS, {}, 3, 128, LOGITS_RATE * 2, LOGITS_RATE * 2),
    # Given arguments.
    (300, 2, {}, {"per_device_train_batch_size": 8}, 12, 8, RATE / 2, FEW_RATE / 2),
    (300, 2, {}, {"learning_rate": 0.014}, 12, 32, 0.014, 0.006),
    (300, 2, {}, {"embedding_learning_rate": 0.5}, 12, 32, RATE, 0.5),
    (300, 2, {}, {"learning_rate": 0.014, "embedding_learning_rate": 0.5}, 12, 32, 0.014, 0.5),
    (300, 2, {}, {"num_train_epochs": 1.5}, 1.5, 32, RATE, FEW_RATE),
]


@pytest.mark.parametrize(
    ("texts", "labels", "targets", "given", "epochs", "batch", "rate", "words"), SCHEDULES
)
def test_schedule(texts, labels, targets, given, epochs, batch, rate, words):
    of_targets = {"learns_logits": False, "has_new_labels": False, **targets}
    settings = with_schedule(make_settings(**given), texts, labels, **of_targets)
    assert settings.num_train_epochs == epochs
    assert settings.per_device_train_batch_size == batch
    assert settings.learning_rate == pytest.approx(rate)
    assert settings.embedding_learning_rate == pytest.approx(words)
