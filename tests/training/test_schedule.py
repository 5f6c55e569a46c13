"""Epochs, batches and rates by the number of training texts, as docs/options.md says."""

from math import ceil, sqrt

import pytest

from glove_lstm.training.schedule import with_schedule
from glove_lstm.training.settings import make_settings

RATE, WORDS_RATE = 0.007, 0.001  # for batches of 32
LOGITS_RATE = 0.002  # both, on logits
LOGITS, NEW_LABELS = {"learns_logits": True}, {"has_new_labels": True}


def hundred_steps(texts, texts_of_step):
    return ceil(100 * texts_of_step / texts)


# Texts, what differs of the targets, given arguments -> epochs, batch, rate, rate of the word vectors.
SCHEDULES = [
    (2, {}, {}, 100, 32, RATE, WORDS_RATE),
    (40, {}, {}, hundred_steps(40, 32), 32, RATE, WORDS_RATE),
    (300, {}, {}, 11, 32, RATE, WORDS_RATE),
    (5_000, {}, {}, 8, 32, RATE, WORDS_RATE),
    (5_001, {}, {}, 8, 64, RATE * sqrt(2), WORDS_RATE * sqrt(2)),
    (20_000, {}, {}, 2, 64, RATE * sqrt(2), WORDS_RATE * sqrt(2)),
    (10_000, {}, {}, 5, 64, RATE * sqrt(2), WORDS_RATE * sqrt(2)),
    (100_000, {}, {}, 2, 64, RATE * sqrt(2), WORDS_RATE * sqrt(2)),
    (3_000, NEW_LABELS, {}, 16, 32, RATE, WORDS_RATE),
    (25_000, NEW_LABELS, {}, 4, 64, RATE * sqrt(2), WORDS_RATE * sqrt(2)),
    (1_000, LOGITS, {}, hundred_steps(1_000, 128), 128, LOGITS_RATE * 2, LOGITS_RATE * 2),
    (100_000, LOGITS, {}, 6, 128, LOGITS_RATE * 2, LOGITS_RATE * 2),
    (1_000_000, LOGITS, {}, 3, 128, LOGITS_RATE * 2, LOGITS_RATE * 2),
    # Given arguments.
    (300, {}, {"per_device_train_batch_size": 8}, 8, 8, RATE / 2, WORDS_RATE / 2),
    (300, {}, {"learning_rate": 0.014}, 11, 32, 0.014, 0.002),
    (300, {}, {"embedding_learning_rate": 0.5}, 11, 32, RATE, 0.5),
    (300, {}, {"learning_rate": 0.014, "embedding_learning_rate": 0.5}, 11, 32, 0.014, 0.5),
    (300, {}, {"num_train_epochs": 1.5}, 1.5, 32, RATE, WORDS_RATE),
]


@pytest.mark.parametrize(
    ("texts", "targets", "given", "epochs", "batch", "rate", "words"), SCHEDULES
)
def test_schedule(texts, targets, given, epochs, batch, rate, words):
    of_targets = {"learns_logits": False, "has_new_labels": False, **targets}
    settings = with_schedule(make_settings(**given), texts, **of_targets)
    assert settings.num_train_epochs == epochs
    assert settings.per_device_train_batch_size == batch
    assert settings.learning_rate == pytest.approx(rate)
    assert settings.embedding_learning_rate == pytest.approx(words)
