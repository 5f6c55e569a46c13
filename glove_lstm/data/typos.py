"""Typing mistakes: what training is hardened with, and what robustness is measured with."""

import random


def key_neighbours(*rows: str) -> dict[str, str]:
    """Key -> the keys that touch it on a keyboard with these rows."""
    where = {key: (row, column) for row, keys in enumerate(rows) for column, key in enumerate(keys)}
    found = {}
    for key, (row, column) in where.items():
        # Each row begins half a key to the right of the one above it.
        touching = {
            (row, column - 1),
            (row, column + 1),
            (row - 1, column),
            (row - 1, column + 1),
            (row + 1, column - 1),
            (row + 1, column),
        }
        found[key] = "".join(sorted(other for other, place in where.items() if place in touching))
    return found


_NEIGHBOURS = key_neighbours("qwertyuiop", "asdfghjkl", "zxcvbnm")


def typos(text: str, rng: random.Random, share: float = 0.1) -> str:
    """Mistype a share of the letters: each is replaced by a keyboard neighbour, swapped, dropped or doubled.

    Upper case stays where it was; a letter that QWERTY lacks is swapped, dropped or doubled.

    Args:
        text: Any text; what is no letter is left alone.
        rng: Chooses letters and mistakes.
        share: Of the letters, 0 to 1. Where it is no whole number of them, chance rounds it.
    """
    letters = [place for place, character in enumerate(text) if character.isalpha()]
    chosen = set(rng.sample(letters, min(len(letters), int(share * len(letters) + rng.random()))))
    written = []
    place = 0
    while place < len(text):
        letter = text[place]
        if place not in chosen:
            written.append(letter)
            place += 1
            continue
        after = text[place + 1] if place + 1 < len(text) and place + 1 not in chosen else ""
        mistakes = ["drop", "double"]
        if letter.lower() in _NEIGHBOURS:
            mistakes.append("replace")
        if after.isalpha() and after.lower() != letter.lower():
            mistakes.append("swap")
        mistake = rng.choice(mistakes)
        if mistake == "double":
            written.append(letter + letter)
        elif mistake == "replace":
            written.append(in_case_of(letter, rng.choice(_NEIGHBOURS[letter.lower()])))
        elif mistake == "swap":
            written.append(in_case_of(letter, after) + in_case_of(after, letter))
            place += 1
        place += 1
    return "".join(written)


def training_typos(text: str, key: str, share: float) -> str:
    """Mistype a copy to train on.

    Args:
        text: Any text.
        key: Decides all that is left to chance.
        share: Of the letters, the mean; each text gets its own share from 0 to twice that.
    """
    rng = random.Random(key)  # noqa: S311 - no secret
    return typos(text, rng, min(2 * share * rng.random(), 1.0))


def in_case_of(model: str, letter: str) -> str:
    """The letter, upper-case where the model is; letters whose case has another length stay as they are."""
    changed = letter.upper() if model.isupper() else letter.lower()
    return changed if len(changed) == 1 else letter
