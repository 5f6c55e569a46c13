"""Put errors into texts, or cut them, to measure robustness and to make copies for training and calibration."""

import random
import re
import unicodedata
from collections.abc import Sequence

from glove_lstm.unicode_scripts import CHARACTER, SPACELESS


def key_neighbours(*rows: str) -> dict[str, str]:
    """Return key -> the keys that touch it on a keyboard; each row begins half a key further right."""
    keys = {}  # (row, column) -> key
    for row, keys_of_row in enumerate(rows):
        for column, key in enumerate(keys_of_row):
            keys[row, column] = key
    steps = ((0, -1), (0, 1), (-1, 0), (-1, 1), (1, -1), (1, 0))
    neighbours = {}
    for (row, column), key in keys.items():
        places = [(row + down, column + right) for down, right in steps]
        touching = [keys[place] for place in places if place in keys]
        neighbours[key] = "".join(sorted(touching))
    return neighbours


_LETTER_NEIGHBOURS = key_neighbours("qwertyuiop", "asdfghjkl", "zxcvbnm")
# With the space after it. In scripts without spaces, a character is a word.
_WORD = re.compile(rf"(?:{CHARACTER}|[^\s{SPACELESS}]+)\s*")
_WORD_TO_CUT = re.compile(rf"{CHARACTER} ?|[^ {SPACELESS}]* |[^ {SPACELESS}]+")
# The apostrophe in "don't" and the first full stop in "U.S.", which vanish. Other punctuation becomes a space.
_INNER = re.compile(r"(?<=[^\W\d_])['\u2019](?=[^\W\d_])|(?<=\b[^\W\d_])\.(?=[^\W\d_]\b)")
# Kinds of `training_copy`, and their shares.
_KINDS = {
    "typos": 0.35,
    "lower": 0.35,
    "title": 0.05,
    "no_punctuation": 0.15,
    "drop": 0.05,
    "cut": 0.05,
}
_PASSAGES = 0.3  # share of passages among the copies of texts that have three sentences or more
_SENTENCE_END = re.compile(
    r"(?<=[.!?])[\"'\u2019\u201d)]*\s+|(?<=[\u3002\uff01\uff1f])(?=[^\s\u3002\uff01\uff1f])"
)


def typos(text: str, rng: random.Random, share: float = 0.1) -> str:
    """Mistype a share of the letters: each is replaced by a keyboard neighbour, swapped, dropped or doubled.

    Upper case stays where it was; a letter that QWERTY lacks is swapped, dropped or doubled.

    Args:
        text: Any text; only its letters change.
        rng: Chooses letters and mistakes.
        share: Of the letters, 0 to 1. A fractional number of letters is rounded at random.
    """
    places = [place for place, character in enumerate(text) if character.isalpha()]
    chosen = set(choose_places(places, share * len(places), rng))
    written = list(text)
    for place in sorted(chosen):
        letter = text[place]
        after = text[place + 1 : place + 2]  # empty at the end of the text
        mistakes = ["drop", "double"]
        if letter.lower() in _LETTER_NEIGHBOURS:
            mistakes.append("replace")
        can_swap = place + 1 not in chosen and after.isalpha()
        if can_swap and after.lower() != letter.lower():
            mistakes.append("swap")
        mistake = rng.choice(mistakes)
        if mistake == "drop":
            written[place] = ""
        elif mistake == "double":
            written[place] = letter + letter
        elif mistake == "replace":
            written[place] = in_case_of(letter, rng.choice(_LETTER_NEIGHBOURS[letter.lower()]))
        else:
            written[place] = in_case_of(letter, after)
            written[place + 1] = in_case_of(after, letter)
    return "".join(written)


def no_punctuation(text: str) -> str:
    """Replace punctuation and symbols by one space."""
    characters = []
    for character in _INNER.sub("", text):
        is_punctuation_or_symbol = unicodedata.category(character)[0] in "PS"
        characters.append(" " if is_punctuation_or_symbol else character)
    return " ".join("".join(characters).split())


def training_copy(text: str, key: str) -> str:
    """Corrupt a text to train on, in one way: letters, case, punctuation, dropped words, cut ends, or a passage.

    A passage is one to five consecutive sentences of a text of three sentences or more: texts to classify are often as
    short.

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
    [kind] = rng.choices(list(_KINDS), list(_KINDS.values()))
    if kind == "typos":
        return typos(text, rng, 0.25 * rng.random())
    if kind == "no_punctuation":
        return no_punctuation(text)
    if kind == "drop":
        return dropped_words(text, rng, 0.3 * rng.random())
    if kind == "cut":
        words = _WORD_TO_CUT.findall(text + " ")
        kept = max(1, round(len(words) * (0.3 + 0.7 * rng.random())))
        first = rng.randint(0, len(words) - kept)
        return "".join(words[first : first + kept]).removesuffix(" ")
    if kind == "lower":
        return text.lower()
    return text.title()


def split_words(text: str) -> list[str]:
    """Return the words of a text, each with the space after it. In scripts without spaces, a character is a word."""
    return _WORD.findall(text)


def dropped_words(text: str, rng: random.Random, share: float = 0.1) -> str:
    """Drop a share of the words, 0 to 1, but never the last one left."""
    words = split_words(text)
    count = min(share * len(words), len(words) - 1)
    dropped = set(choose_places(range(len(words)), count, rng))
    kept = [word for place, word in enumerate(words) if place not in dropped]
    space_before = text[: len(text) - len(text.lstrip())]
    return space_before + "".join(kept)


def first_words(text: str, count: int) -> str:
    """Return the first words of a text, with single spaces. In scripts without spaces, a character is a word."""
    beginning = "".join(split_words(text)[:count])
    return " ".join(beginning.split())


def choose_places(places: Sequence[int], count: float, rng: random.Random) -> list[int]:
    """Sample `count` of the places; a fraction is rounded at random."""
    if not places:
        return []
    rounded = int(count + rng.random())
    return rng.sample(places, min(len(places), rounded))


def in_case_of(model: str, letter: str) -> str:
    """Return the letter in the case of `model`, unless that changes its length."""
    changed = letter.upper() if model.isupper() else letter.lower()
    return changed if len(changed) == 1 else letter
