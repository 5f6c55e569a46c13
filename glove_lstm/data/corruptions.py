"""Errors in texts that robustness is measured with; only `typos` is also trained with."""

import random
import re
from collections.abc import Callable

from glove_lstm.data.typos import in_case_of, key_neighbours, typos

_NEIGHBOURS = key_neighbours("1234567890-=", "qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./")
_WORD = re.compile(r"\S+\s*")
# Pairs that look alike in print, in the manner of the error tables of OCR post-correction.
_LOOK_ALIKE = {
    "rn": ["m"],
    "cl": ["d"],
    "vv": ["w"],
    "li": ["h"],
    "m": ["rn"],
    "d": ["cl"],
    "w": ["vv"],
    "l": ["1", "I"],
    "i": ["l", "1"],
    "I": ["l", "1"],
    "e": ["c"],
    "c": ["e"],
    "h": ["b", "li"],
    "b": ["h", "6"],
    "o": ["0", "c"],
    "O": ["0", "Q"],
    "u": ["n", "ii"],
    "n": ["u", "ri"],
    "t": ["f", "l"],
    "f": ["t"],
    "s": ["5"],
    "S": ["5"],
    "B": ["8"],
    "G": ["6"],
    "Z": ["2"],
}
_LOOK_ALIKE_TEXT = re.compile("|".join(sorted(_LOOK_ALIKE, key=len, reverse=True)))


def keyboard_slips(text: str, rng: random.Random, share: float = 0.1) -> str:
    """Press a key beside the right one, instead of it or as well, digits and punctuation included.

    Args:
        text: Letters that QWERTY lacks are left alone.
        rng: Chooses letters and keys.
        share: Of the letters, 0 to 1.
    """
    written = list(text)
    letters = [
        place
        for place, letter in enumerate(text)
        if letter.isalpha() and letter.lower() in _NEIGHBOURS
    ]
    for place in _choose(letters, share * len(letters), rng):
        key = text[place]
        slip = in_case_of(key, rng.choice(_NEIGHBOURS[key.lower()]))
        written[place] = rng.choice([slip, slip, key + slip, slip + key])
    return "".join(written)


def dropped_words(text: str, rng: random.Random, share: float = 0.1) -> str:
    """Leave out a share of the words; one always stays.

    Args:
        text: Words are separated by white space.
        rng: Chooses words.
        share: Of the words, 0 to 1.
    """
    words = list(_WORD.finditer(text))
    dropped = set(_choose(range(len(words)), min(share * len(words), len(words) - 1), rng))
    if not dropped:
        return text
    kept = "".join(word.group() for place, word in enumerate(words) if place not in dropped)
    return text[: words[0].start()] + kept


def ocr_confusions(text: str, rng: random.Random, share: float = 0.1) -> str:
    """Replace letters by what a scanner takes them for: "m" by "rn", "l" by "1".

    Args:
        text: Letters that are not confused are left alone.
        rng: Chooses letters and replacements.
        share: Of the letters, 0 to 1.
    """
    places = list(_LOOK_ALIKE_TEXT.finditer(text))
    chosen = set(_choose(range(len(places)), share * sum(map(str.isalpha, text)), rng))
    written, end = [], 0
    for number, place in enumerate(places):
        if number in chosen:
            written += [text[end : place.start()], rng.choice(_LOOK_ALIKE[place.group()])]
            end = place.end()
    return "".join([*written, text[end:]])


CORRUPTIONS: dict[str, Callable[..., str]] = {
    "typos": typos,
    "keyboard": keyboard_slips,
    "dropped_words": dropped_words,
    "ocr": ocr_confusions,
}


def _choose(places: "range | list[int]", count: float, rng: random.Random) -> list[int]:
    """So many of the places; chance rounds the count."""
    return rng.sample(places, min(len(places), int(count + rng.random()))) if places else []
