"""Small made-up texts for tests of training."""

import numpy as np

from glove_lstm.tables.examples import Examples

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


def examples(texts, labels, weights=None):
    """Texts with the numbers of two or more labels."""
    count = labels.shape[1] if labels.ndim == 2 else max(2, labels.max() + 1)
    return Examples(texts, labels, [f"label {number}" for number in range(count)], weights)
