"""The texts on which a model learns from its teacher: the training texts, altered copies of them, unlabelled texts.

A copy has words dropped or exchanged, and may be cut to a span of words, as in Tang et al. 2019
(https://arxiv.org/abs/1903.12136), where words are masked. The label of such a text would be doubtful; the teacher's
logits say how doubtful.
"""

import logging
import random
from collections.abc import Sequence

from glove_lstm.data.splits import rows_without_near_duplicates
from glove_lstm.progress import progress
from glove_lstm.training.labelled_texts import LabelledTexts

logger = logging.getLogger(__name__)

_DROPPED = 0.1  # share of the words
_EXCHANGED = 0.08  # share of the words
_CUT = 0.4  # share of the copies
_SHORTEST = 2  # words of a span


def without_near_duplicates(
    texts: Sequence[str], others: LabelledTexts | None, name: str
) -> list[str]:
    """Return the unlabelled texts without the near duplicates of other texts, and log how many there were.

    Args:
        texts: n texts.
        others: Texts that measure the model; None: there are none.
        name: What the log calls them.
    """
    if others is None or not len(texts):
        return list(texts)
    kept = rows_without_near_duplicates(texts, others.texts)
    if len(kept) < len(texts):
        left_out = f"{len(texts) - len(kept):,} of {len(texts):,}"
        logger.warning(
            "%s unlabelled texts are left out: they are near duplicates of %s texts.",
            left_out,
            name,
        )
    return [texts[row] for row in kept]


def altered_copies(texts: Sequence[str], count: int) -> list[str]:
    """Return `count` altered copies of each text.

    They depend on the texts alone, so that a teacher need not be asked again in a run with another seed.
    """
    words = [word for text in texts for word in text.split()]
    copies = []
    with progress("Altering copies", total=len(texts) * count) as bar:
        for row, text in enumerate(texts):
            for number in range(count):
                generator = random.Random(f"{row} {number}")  # noqa: S311 - no secret
                copies.append(_alter(text.split(), words, generator))
            bar.update(count)
    return copies


def _alter(own: Sequence[str], others: Sequence[str], generator: random.Random) -> str:
    """Return a copy of a text of these words; other words are drawn from all texts."""
    altered = []
    for word in own:
        chance = generator.random()
        if chance < _EXCHANGED:
            altered.append(generator.choice(others))
        elif chance >= _EXCHANGED + _DROPPED:
            altered.append(word)
    if len(altered) > _SHORTEST and generator.random() < _CUT:
        length = generator.randint(_SHORTEST, len(altered))
        first = generator.randint(0, len(altered) - length)
        altered = altered[first : first + length]
    return " ".join(altered or own)
