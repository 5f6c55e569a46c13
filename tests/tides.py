"""Small made-up texts for tests of training, and the same with corrupted copies among them."""

import numpy as np

from glove_lstm.text.light_tokenizer import LightTokenizer
from glove_lstm.training.batches import CorruptedTexts, tokenize

_TEXT = "the tide rose while BOATS left Vellin harbour grey clouds , and lamp"
WORDS = _TEXT.split()


def make_texts(n, seed=0):
    """n texts of 0 to 25 words, and labels: 1 where BOATS is among the words."""
    generator = np.random.default_rng(seed)
    texts = []
    labels = []
    for _ in range(n):
        length = generator.integers(0, 26)
        words = generator.choice(WORDS, length)
        texts.append(" ".join(words))
        labels.append(int("BOATS" in words))
    return texts, np.array(labels)


def tokenized(texts, tokenizer, labels=None):
    return tokenize(texts, LightTokenizer.of(tokenizer), labels)


def corrupted_texts(texts, labels, tokenizer, *, share=0.5, seed=3, epoch=0, weights=None):
    """The texts in an epoch, with the share corrupted."""
    reader = LightTokenizer.of(tokenizer)
    clean = tokenize(texts, reader, labels, weights)
    mixed = CorruptedTexts(texts, clean, reader, share=share, seed=seed)
    mixed.epoch = epoch
    return mixed
