"""Small made-up texts for tests of training, and the same with corrupted copies among them."""

import numpy as np
from datasets import Dataset

from glove_lstm.training.batches import CorruptedTexts, LengthGroupedSampler, tokenize

_TEXT = "the tide rose while BOATS left Vellin harbour grey clouds , and lamp"
WORDS = _TEXT.split()


def make_texts(n, seed=0, pairs=False):
    generator = np.random.default_rng(seed)
    rows = [" ".join(generator.choice(WORDS, generator.integers(0, 26))) for _ in range(n)]
    columns = {"text": rows, "label": [int("BOATS" in row) for row in rows]}
    return Dataset.from_dict({**columns, "text_pair": rows[::-1]} if pairs else columns)


def corrupted_texts(dataset, tokenizer, share=0.5, max_length=None, seed=3, epoch=0):
    """Texts whose sampler has come to an epoch."""
    texts = tokenize(dataset, tokenizer)
    mixed = CorruptedTexts(texts, dataset, tokenizer, share, seed, max_length)
    mixed.sampler = LengthGroupedSampler(texts.lengths, 8, seed)
    mixed.sampler.set_epoch(epoch)
    return mixed
