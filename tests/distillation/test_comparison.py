"""What is said of the labels alone and of an encoder, before the encoder is tuned."""

import json
import logging
import re

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from glove_lstm.distillation.comparison import compare_with_labels_alone, log_comparison
from glove_lstm.tables.examples import Examples

LABELS = ["bad", "good"]
RANDOM = np.random.default_rng(0)


def reviews(count):
    """Texts of which one word tells the label, and the others are random."""
    labels = np.arange(count) % 2
    texts = [
        f"{LABELS[label]} {' '.join(map(str, RANDOM.integers(10**9, size=6)))}" for label in labels
    ]
    return Examples(texts, labels, LABELS)


def knows(texts):
    return np.array([[1.0, text.startswith("good")] for text in texts])


def knows_nothing(texts):
    return RANDOM.normal(size=(len(texts), 4))


@pytest.fixture
def messages(caplog):
    """What `compare_with_labels_alone` logs, by level."""

    def messages(embed, train):
        caplog.clear()
        with caplog.at_level(logging.INFO):
            comparison = compare_with_labels_alone(embed, lambda _: LogisticRegression(), train)
            if comparison is not None:
                log_comparison("large", json.loads(json.dumps(comparison)))
        return [(record.levelname, record.getMessage()) for record in caplog.records]

    return messages


def accuracy(message):
    """The accuracy of a message, and its interval."""
    return [float(number) for number in re.findall(r"\d\.\d\d", message)]


def test_texts_without_words_are_not_compared(messages):
    signs = [chr(0x2200 + number) for number in range(80)]
    assert messages(knows_nothing, Examples(signs, np.arange(80) % 2, LABELS)) == []


def test_a_teacher_that_is_worse_than_the_labels_is_warned_of(messages):
    (_, alone), (_, encoder), (level, advice) = messages(knows_nothing, reviews(80))
    assert "80 labelled texts" in alone
    assert accuracy(alone)[0] > 0.9
    value, low, high = accuracy(encoder)
    assert low < value < high < 0.8
    assert "large" in encoder
    assert level == "WARNING"
    assert "without" in advice


@pytest.mark.parametrize("count", [80, 1_200])
def test_a_teacher_that_is_as_good_is_not_warned_of(messages, count):
    logged = messages(knows, reviews(count))
    assert [level for level, _ in logged] == ["INFO", "INFO"]
    assert accuracy(logged[1][1])[0] == 1
    assert f"{min(count, 1_000)} labelled texts" in logged[0][1]


def test_near_duplicates_do_not_make_the_labels_look_better(messages):
    """Each text is there twice, and only its copy tells its label."""
    texts = [" ".join(map(str, RANDOM.integers(10**9, size=12))) for _ in range(60)]
    labels = RANDOM.integers(2, size=60)
    doubled = Examples([*texts, *texts], np.concatenate([labels, labels]), LABELS)
    [(_, alone), *_] = messages(knows_nothing, doubled)
    assert accuracy(alone)[0] < 0.75


def test_texts_that_cannot_be_divided_are_not_compared(messages):
    """Few texts, a rare label, few texts of each label, and few texts that are distinct."""
    assert not messages(knows, reviews(49))
    texts = reviews(80).texts
    names = [f"label {number}" for number in range(20)]
    assert not messages(knows, Examples(texts, (np.arange(80) == 0).astype(int), LABELS))
    assert not messages(knows, Examples(texts[:60], np.arange(60) % 20, names))
    assert not messages(knows, Examples(texts[:2] * 30, np.arange(60) % 2, LABELS))
