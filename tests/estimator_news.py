"""Texts, labels and quick arguments for tests of the estimator."""

import json
import random

from support import SMALL, make_article


def arguments(words):
    """Words of a command line as arguments of the estimator: numbers and booleans."""
    given = {}
    for name, value in zip(words[::2], words[1::2], strict=True):
        given[name.removeprefix("--")] = json.loads(value.lower())
    return given


# One short training. `glove` is a file in the working directory; see the fixture `beside_the_vectors`.
TINY = {
    **arguments(SMALL),
    "glove": "tiny.8d.txt",
    "ngram_buckets": 64,
    "corrupted_share": 0,
    "learning_rate": 0.02,
    "num_train_epochs": 1,
    "max_steps": 10,
    "random_state": 0,
    "use_cpu": True,
    "verbose": 0,
}

LABELS = ["FAKE", "REAL"] * 60
_GENERATOR = random.Random(3)
PAIRS = [make_article(_GENERATOR, label, 12) for label in LABELS]
TEXTS = [f"{title} {body}" for title, body in PAIRS]
