"""Small made-up texts for tests of training, and copies of them with typing errors."""

import numpy as np
from datasets import Dataset

from glove_lstm.training.batches import LengthGroupedSampler, MistypedPairs, tokenize

WORDS = [
    "the",
    "tide",
    "rose",
    "while",
    "BOATS",
    "left",
    "Vellin",
    "harbour",
    "grey",
    "clouds",
    ",",
    "and",
    "lamp",
]


def make_texts(n, seed=0, pairs=False):
    generator = np.random.default_rng(seed)
    rows = [" ".join(generator.choice(WORDS, generator.integers(0, 26))) for _ in range(n)]
    columns = {"text": rows, "label": [int("BOATS" in row) for row in rows]}
    return Dataset.from_dict({**columns, "text_pair": rows[::-1]} if pairs else columns)


def mistyped_pairs(dataset, tokenizer, share=0.2, max_length=100, seed=3, epoch=0, **more):
    """Pairs whose sampler has come to an epoch."""
    texts = tokenize(dataset, tokenizer)
    pairs = MistypedPairs(
        texts, dataset, tokenizer, share=share, max_length=max_length, seed=seed, **more
    )
    pairs.sampler = LengthGroupedSampler(texts.lengths, 8, seed)
    pairs.sampler.set_epoch(epoch)
    return pairs
