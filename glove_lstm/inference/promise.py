"""Which labels are unsure: those with scores at which labels were not right often enough on held-out texts.

If an accuracy of 0.95 is promised, at least 95 of 100 labels that are not unsure are right, for texts such as the
held-out ones, with a confidence of 95 % (Clopper and Pearson 1934). Scores are tested from the highest one down until
one fails, so that the confidence is that of the chosen score (fixed-sequence testing).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glove_lstm.errors import DataError

DEFAULT_ACCURACY = 0.9
_CONFIDENCE = 0.95
# So many texts, and this share of all, are in the first test: one early mistake would end the tests of fewer.
_FEWEST_TEXTS = 30
_FIRST_SHARE = 0.1
_ROWS = 30  # scores that are recorded
_DECIMALS = 6  # of a recorded score


def held_out_scores(
    scores: NDArray[np.floating], labels: NDArray[np.integer], labels_of: str
) -> dict[str, Any]:
    """Record how often labels are right by their scores, as config.json keeps it.

    Args:
        scores: (n, labels) calibrated scores of n held-out texts, from which the model did not learn.
        labels: (n,) indices of their labels.
        labels_of: Whose labels these are, "people" or "teacher".

    Returns:
        `labels_of`; `rows`, about thirty lists [score, texts, mistakes], the highest score first, with the number of
        texts whose best label has at least this score, and how many of these labels are wrong; and `sure_from`, the
        score of `sure_score` for the default accuracy.
    """
    best = np.floor(scores.max(axis=1) * 10**_DECIMALS) / 10**_DECIMALS
    is_wrong = scores.argmax(axis=1) != labels
    places = np.linspace(0, len(best) - 1, _ROWS).astype(int)
    recorded = np.unique(np.sort(best)[places])
    rows = []
    for score in recorded[::-1]:
        has_score = best >= score
        rows.append([float(score), int(has_score.sum()), int(is_wrong[has_score].sum())])
    sure_from = sure_score(rows, DEFAULT_ACCURACY)
    return {"labels_of": labels_of, "rows": rows, "sure_from": sure_from}


def sure_score(rows: Sequence[Sequence[float]], accuracy: float) -> float | None:
    """Return the lowest score at which an accuracy can be promised; None: it cannot.

    Args:
        rows: Of `held_out_scores`.
        accuracy: Above 0 and below 1.
    """
    chosen = None
    _, all_texts, _ = rows[-1]
    fewest = max(_FEWEST_TEXTS, _FIRST_SHARE * all_texts)
    for score, texts, mistakes in rows:
        # If not even labels without a mistake were enough, there are too few texts for a test.
        if texts < fewest or not _can_be_promised(accuracy, texts, 0):
            continue
        if not _can_be_promised(accuracy, texts, mistakes):
            break
        chosen = score
    return chosen


def _can_be_promised(accuracy: float, texts: float, mistakes: float) -> bool:
    """Return whether so few mistakes are unlikely if the accuracy is lower: the tail of a binomial distribution."""
    counts = np.arange(mistakes)
    ratios = np.log(texts - counts) - np.log(counts + 1) + np.log(1 - accuracy) - np.log(accuracy)
    logarithms = texts * np.log(accuracy) + np.append(0, ratios.cumsum())
    return bool(np.exp(logarithms).sum() <= 1 - _CONFIDENCE)


def promised_score(held_out: Mapping[str, Any] | None, accuracy: float) -> float:
    """Return the score of `sure_score` for what a config.json records.

    Raises:
        DataError: The accuracy cannot be promised; the message says which one could be.
    """
    if not 0 < accuracy < 1:
        raise DataError(f"accuracy must be above 0 and below 1, not {accuracy}.")
    if held_out is None:
        raise DataError(
            "No accuracy can be promised, because the checkpoint has no scores of held-out texts; train with some."
        )
    rows = held_out["rows"]
    score = sure_score(rows, accuracy)
    if score is not None:
        return score
    _, texts, _ = rows[-1]
    highest = ""
    for percent in range(99, 0, -1):
        if sure_score(rows, percent / 100) is not None:
            highest = f"; at most {percent / 100} can"
            break
    raise DataError(
        f"An accuracy of {accuracy} cannot be promised from {texts:,} held-out texts{highest}. Hold more texts "
        "out in a training, by a larger validation_fraction or a file of validation texts."
    )


def promise(held_out: Mapping[str, Any], accuracy: float) -> str:
    """Return what is promised of the labels that are not unsure, in a sentence."""
    _, texts, _ = held_out["rows"][-1]
    right = "are the teacher's" if held_out["labels_of"] == "teacher" else "are right"
    return (
        f"Of the labels that are not unsure, at least {100 * accuracy:g} % {right}, for texts such as the {texts:,} "
        f"held-out ones (with a confidence of {100 * _CONFIDENCE:g} %)."
    )
