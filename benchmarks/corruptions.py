"""The errors in texts that the benchmarks measure: four of `evaluate --robustness`, and neighbouring keys."""

import random
from collections.abc import Callable

from glove_lstm.evaluation.robustness import PERTURBATIONS
from glove_lstm.text.corruptions import choose_places, in_case_of, key_neighbours

_KEY_NEIGHBOURS = key_neighbours("1234567890-=", "qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./")


def keyboard_slips(text: str, rng: random.Random, share: float = 0.1) -> str:
    """Press a key beside that of a letter, perhaps a digit or punctuation, instead of the letter or as well.

    Args:
        text: Letters that QWERTY lacks do not change.
        rng: Chooses letters and keys.
        share: Of the letters, 0 to 1.
    """
    written = list(text)
    places = [
        place for place, key in enumerate(text) if key.isalpha() and key.lower() in _KEY_NEIGHBOURS
    ]
    for place in choose_places(places, share * len(places), rng):
        key = text[place]
        slip = in_case_of(key, rng.choice(_KEY_NEIGHBOURS[key.lower()]))
        written[place] = rng.choice([slip, slip, key + slip, slip + key])
    return "".join(written)


CORRUPTIONS: dict[str, Callable[[str, random.Random], str]] = {
    "typos": PERTURBATIONS["typos"],
    "keyboard": keyboard_slips,
    "dropped_words": PERTURBATIONS["dropped_words"],
    "no_case": PERTURBATIONS["no_case"],
    "no_punctuation": PERTURBATIONS["no_punctuation"],
}
