"""Texts, labels and quick arguments for tests of the estimator."""

import random

from support import SMALL_VALUES, make_article

# One short training. `glove` is a file in the working directory; see the fixture `beside_the_vectors`.
TINY = {
    **SMALL_VALUES,
    "glove": "tiny.8d.txt",
    "ngram_buckets": 64,
    "corrupted_share": 0,
    "learning_rate": 0.02,
    "num_train_epochs": 2,
    "random_state": 0,
    "use_cpu": True,
    "verbose": 0,
}

LABELS = ["FAKE", "REAL"] * 60
_GENERATOR = random.Random(3)
PAIRS = [make_article(_GENERATOR, label, 12) for label in LABELS]
TEXTS = [f"{title} {body}" for title, body in PAIRS]
