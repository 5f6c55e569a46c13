"""Errors in texts, for robustness: measured, and in copies of the training texts."""

import random
import re
import unicodedata
from collections.abc import Callable, Sequence


def _key_neighbours(*rows: str) -> dict[str, str]:
    """Return key -> the keys that touch it on a keyboard; each row begins half a key further right."""
    where = {key: (row, column) for row, keys in enumerate(rows) for column, key in enumerate(keys)}
    steps = ((0, -1), (0, 1), (-1, 0), (-1, 1), (1, -1), (1, 0))
    neighbours = {}
    for key, (row, column) in where.items():
        near = {(row + down, column + right) for down, right in steps}
        neighbours[key] = "".join(sorted(other for other in where if where[other] in near))
    return neighbours


_LETTERS = _key_neighbours("qwertyuiop", "asdfghjkl", "zxcvbnm")
_KEYS = _key_neighbours("1234567890-=", "qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./")
_WORD = re.compile(r"^\s*|\S+\s*")  # a word with the space after it, or the space before the first
# Inside a word these vanish ("don't", "U.S."); elsewhere punctuation becomes a space, which keeps words apart.
_INNER = re.compile(r"(?<=[^\W\d_])['\u2019](?=[^\W\d_])|(?<=\b[^\W\d_])\.(?=[^\W\d_]\b)")
_KINDS = ["typos", "lower", "title", "no_punctuation", "drop", "cut"]  # of `training_copy`
_KIND_SHARES = (0.35, 0.35, 0.05, 0.15, 0.05, 0.05)
_PASSAGES = 0.3  # share of the copies of texts of three sentences or more that are passages
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"'\u2019\u201d)]*\s+")


def typos(text: str, rng: random.Random, share: float = 0.1) -> str:
    """Mistype a share of the letters: each is replaced by a keyboard neighbour, swapped, dropped or doubled.

    Upper case stays where it was; a letter that QWERTY lacks is swapped, dropped or doubled.

    Args:
        text: Any text; only its letters change.
        rng: Chooses letters and mistakes.
        share: Of the letters, 0 to 1. A fractional number of letters is rounded at random.
    """
    letters = [place for place, character in enumerate(text) if character.isalpha()]
    chosen = set(_choose(letters, share * len(letters), rng))
    written = list(text)
    for place in sorted(chosen):
        letter = text[place]
        after = text[place + 1] if place + 1 < len(text) and place + 1 not in chosen else ""
        mistakes = ["drop", "double"]
        if letter.lower() in _LETTERS:
            mistakes.append("replace")
        if after.isalpha() and after.lower() != letter.lower():
            mistakes.append("swap")
        mistake = rng.choice(mistakes)
        if mistake == "drop":
            written[place] = ""
        elif mistake == "double":
            written[place] = letter + letter
        elif mistake == "replace":
            written[place] = _in_case_of(letter, rng.choice(_LETTERS[letter.lower()]))
        else:
            written[place : place + 2] = _in_case_of(letter, after), _in_case_of(after, letter)
    return "".join(written)


def no_punctuation(text: str) -> str:
    """Replace punctuation and symbols by one space."""
    text = _INNER.sub("", text)
    return " ".join("".join(" " if unicodedata.category(c)[0] in "PS" else c for c in text).split())


def training_copy(text: str, key: str) -> str:
    """Corrupt a text to train on, in one way: letters, case, punctuation, dropped words, cut ends, or a passage.

    A passage is up to five sentences in a row of a text of three or more: a stranger's text is often as short.

    Args:
        text: Any text.
        key: Seeds the random choices.
    """
    rng = random.Random(key)  # noqa: S311 - no secret
    sentences = _SENTENCE_END.split(text.strip())
    if len(sentences) > 2 and rng.random() < _PASSAGES:
        count = min(rng.randint(1, 5), len(sentences))
        first = rng.randint(0, len(sentences) - count)
        return " ".join(sentences[first : first + count])
    [kind] = rng.choices(_KINDS, _KIND_SHARES)
    if kind == "typos":
        return typos(text, rng, 0.25 * rng.random())
    if kind == "no_punctuation":
        return no_punctuation(text)
    if kind == "drop":
        return dropped_words(text, rng, 0.3 * rng.random())
    if kind == "cut":
        words = text.split(" ")
        kept = max(1, round(len(words) * (0.3 + 0.7 * rng.random())))
        first = rng.randint(0, len(words) - kept)
        return " ".join(words[first : first + kept])
    return text.lower() if kind == "lower" else text.title()


def keyboard_slips(text: str, rng: random.Random, share: float = 0.1) -> str:
    """Press a key beside the right one, instead of it or as well, digits and punctuation included.

    Args:
        text: Letters that QWERTY lacks do not change.
        rng: Chooses letters and keys.
        share: Of the letters, 0 to 1.
    """
    written = list(text)
    letters = [place for place, key in enumerate(text) if key.isalpha() and key.lower() in _KEYS]
    for place in _choose(letters, share * len(letters), rng):
        key = text[place]
        slip = _in_case_of(key, rng.choice(_KEYS[key.lower()]))
        written[place] = rng.choice([slip, slip, key + slip, slip + key])
    return "".join(written)


def dropped_words(text: str, rng: random.Random, share: float = 0.1) -> str:
    """Drop a share of the words, 0 to 1, but never the last one left."""
    margin, *words = _WORD.findall(text)
    dropped = set(_choose(range(len(words)), min(share * len(words), len(words) - 1), rng))
    return margin + "".join(word for place, word in enumerate(words) if place not in dropped)


CORRUPTIONS: dict[str, Callable[..., str]] = {
    "typos": typos,
    "keyboard": keyboard_slips,
    "dropped_words": dropped_words,
    "no_case": lambda text, _: text.lower(),
    "no_punctuation": lambda text, _: no_punctuation(text),
}


def _choose(places: Sequence[int], count: float, rng: random.Random) -> list[int]:
    """Sample `count` of the places; a fraction is rounded at random."""
    return rng.sample(places, min(len(places), int(count + rng.random()))) if places else []


def _in_case_of(model: str, letter: str) -> str:
    """Return the letter in the case of `model`, unless that changes its length."""
    changed = letter.upper() if model.isupper() else letter.lower()
    return changed if len(changed) == 1 else letter
