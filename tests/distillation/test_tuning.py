"""What the tuning changes in an encoder, and what that brings."""

import random
import re
import shutil

import numpy as np
import pytest
import torch
from support import CALM, COMMON, LOUD
from transformers import BertConfig, BertModel

from glove_lstm.distillation import tuning
from glove_lstm.distillation.teacher import open_teacher
from glove_lstm.tables.examples import Examples

LABELS = ["FAKE", "REAL"]
OTHER_WORDS = f"{COMMON} {CALM} {LOUD}".replace("hoax", "").replace("vote", "").split()


@pytest.fixture
def ignorant_encoder(encoder, tmp_path):
    """An encoder of eight layers, whose weights are drawn."""
    folder = shutil.copytree(encoder, tmp_path / "ignorant")
    config = BertConfig.from_pretrained(encoder, num_hidden_layers=8)
    torch.manual_seed(0)
    BertModel(config).save_pretrained(folder)
    return folder


def texts_with_a_telling_word(count):
    """Texts of 13 words, one of which tells the label."""
    generator = random.Random(0)
    texts = []
    for row in range(count):
        words = generator.choices(OTHER_WORDS, k=12)
        words.insert(generator.randrange(13), ("hoax", "vote")[row % 2])
        texts.append(" ".join(words))
    return texts


def closeness(embeddings, numbers):
    """By how much the mean cosine within the labels is above that across them."""
    cosines = embeddings @ embeddings.T
    is_same = numbers[:, None] == numbers
    is_other = ~np.eye(len(numbers), dtype=bool)
    return cosines[is_same & is_other].mean() - cosines[~is_same].mean()


def test_tuning_brings_texts_of_a_label_together(ignorant_encoder, read, monkeypatch):
    """By the upper six layers, which read 100 times the root of the number of texts."""
    monkeypatch.setattr(tuning, "_RATE", 0.01)  # so small an encoder learns little in 22 steps
    numbers = np.arange(249) % 2
    texts = texts_with_a_telling_word(249)
    train = Examples(texts[:49], numbers[:49], LABELS)
    teacher = open_teacher(ignorant_encoder, torch.device("cpu"))
    teacher.fit(train)
    weights = teacher._encoder.state_dict()
    drawn = {name: value.clone() for name, value in weights.items()}
    assert closeness(teacher._embed(texts[49:]), numbers[49:]) < 0.02

    del read[:]
    is_right = teacher.logits(texts[49:]).argmax(axis=1) == numbers[49:]
    texts_tuned_on = len(read) - len(texts)
    assert texts_tuned_on == pytest.approx(100 * 49**0.5, abs=16)
    assert is_right.mean() > 0.75
    assert closeness(teacher._embed(texts[49:]), numbers[49:]) > 0.05
    tuned = [name for name, value in weights.items() if not torch.equal(value, drawn[name])]
    assert {re.search(r"\.layer\.(\d)\.", name)[1] for name in tuned} == set("234567")
