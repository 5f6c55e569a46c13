"""A measurement of the speed of a classifier."""

import statistics
import timeit
from typing import Any

from glove_lstm.inference.classifier import Classifier

_SENTENCE = (
    "The council said on Tuesday that the new bridge would open in May, after two years of work. "
)
_WORDS = 400  # about the length of an article
_TEXTS = 64  # for the measurement of texts a second


def measure_speed(classifier: Classifier) -> dict[str, Any]:
    """Measure the time from strings to logits for one text of 400 words, and the texts a second for 64 such texts.

    Both are computed from the median time of five calls.
    """
    words = (_SENTENCE * _WORDS).split()
    text = " ".join(words[:_WORDS])

    def median_seconds(texts: list[str]) -> float:
        classifier.predict_logits(texts)  # warm up
        times = timeit.repeat(lambda: classifier.predict_logits(texts), number=1, repeat=5)
        return statistics.median(times)

    seconds_of_one = median_seconds([text])
    seconds_of_all = median_seconds([text] * _TEXTS)
    return {
        "words": _WORDS,
        "one_text_ms": round(seconds_of_one * 1e3, 2),
        "texts_per_second": round(_TEXTS / seconds_of_all, 1),
    }
