"""Phrases that occur almost only under one label: a source's boilerplate, as in `CITY (Reuters) - `."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import hypergeom

Phrase = tuple[str, ...]

_TOKEN = re.compile(r"\w+|[^\w\s]")
_START, _END = "<start of text>", "<end of text>"  # no token of a text contains spaces
_LONGEST = 5  # tokens of a phrase
_ROWS = 5_000  # a phrase in a quarter of a label's texts shows in a sample of these, too
_FEWEST = 10  # texts of a phrase: with fewer nothing is significant among thousands of phrases
# A phrase is boilerplate, and not style or topic, if it is in a quarter of its label's texts and if, were the labels
# equally frequent, at most one text in twenty with it had another label.
_COVERED, _EXCLUSIVE = 0.25, 0.05


@dataclass(frozen=True)
class PhraseLeak:
    """A phrase that gives a label away.

    Attributes:
        phrase: As it is written in one of the texts; "" if the label's texts are empty.
        place: "at the beginning of", "at the end of" or "in".
        label: The label.
        covered: Share of the label's texts that have it.
        elsewhere: Share of the other texts that have it.
    """

    phrase: str
    place: str
    label: str
    covered: float
    elsewhere: float


def find_phrase_leaks(
    texts: Sequence[str], labels: Sequence[str], *, alpha: float = 0.001
) -> list[PhraseLeak]:
    """Find phrases of up to five words or marks that almost only one label has.

    A hypergeometric test over all phrases and labels together errs with a probability of at most `alpha`
    (Bonferroni). Of phrases in the same texts the longest is returned. Of more than 5,000 texts a sample is searched.

    Args:
        texts: n texts, without duplicates, which would count as independent evidence.
        labels: n labels.
        alpha: Probability of finding anything if labels are random.
    """
    names, label_of = np.unique(labels, return_inverse=True)
    if len(names) < 2:
        return []
    rows = np.random.default_rng(0).permutation(len(texts))[:_ROWS]
    texts, label_of = [texts[row] for row in rows], label_of[rows]
    sizes = np.bincount(label_of, minlength=len(names))
    # Chosen by how many texts have it, whatever their label: the test below stays valid.
    phrases = _frequent_phrases(texts, max(_FEWEST, int(_COVERED * sizes.min())))
    leaks = []
    for label, size in enumerate(sizes):
        found: dict[Phrase, tuple[float, float]] = {}
        for phrase, having in phrases.items():
            own = int((label_of[having] == label).sum())
            covered = own / max(size, 1)
            elsewhere = (len(having) - own) / max(len(texts) - size, 1)
            chance = hypergeom.sf(own - 1, len(texts), size, len(having))
            if (
                covered >= _COVERED
                and elsewhere <= _EXCLUSIVE * covered
                and chance <= alpha / (len(phrases) * len(names))
            ):
                found[phrase] = covered, elsewhere
        for phrase in _distinct({phrase: phrases[phrase] for phrase in found}):
            shown = _as_written(phrase, texts[phrases[phrase][0]])
            leaks.append(PhraseLeak(shown, _place(phrase), str(names[label]), *found[phrase]))
    return leaks


def _frequent_phrases(texts: Sequence[str], least: int) -> dict[Phrase, list[int]]:
    """Phrases that are in at least so many texts -> the rows of these.

    A phrase is only counted if both its parts that are one token shorter are frequent (Agrawal and Srikant 1994).
    """
    tokens = [[_START, *_TOKEN.findall(text), _END] for text in texts]
    every: dict[Phrase, list[int]] = {}
    shorter: dict[Phrase, list[int]] = {}
    for length in range(1, _LONGEST + 1):
        rows: defaultdict[Phrase, list[int]] = defaultdict(list)
        for row, words in enumerate(tokens):
            for phrase in {tuple(words[at : at + length]) for at in range(len(words) - length + 1)}:
                if length == 1 or (phrase[1:] in shorter and phrase[:-1] in shorter):
                    rows[phrase].append(row)
        shorter = {phrase: having for phrase, having in rows.items() if len(having) >= least}
        every |= shorter
    return every


def _distinct(phrases: dict[Phrase, list[int]]) -> list[Phrase]:
    """Keep one phrase for each set of texts: the longest that covers about the texts of the most frequent one."""
    left = sorted(phrases, key=lambda phrase: -len(phrases[phrase]))
    chosen = []
    while left:
        leader = phrases[left[0]]
        within = [phrase for phrase in left if np.isin(phrases[phrase], leader).mean() >= 0.9]
        close = [phrase for phrase in within if len(phrases[phrase]) >= 0.9 * len(leader)]
        chosen.append(max(close, key=lambda phrase: (len(phrase), len(phrases[phrase]))))
        left = [phrase for phrase in left if phrase not in within]
    return chosen


def _as_written(phrase: Phrase, text: str) -> str:
    words = [re.escape(word) for word in phrase if word not in (_START, _END)]
    found = re.search(r"\s*".join(words), text)
    return found[0] if found else ""


def _place(phrase: Phrase) -> str:
    if _START in phrase:
        return "at the beginning of"
    return "at the end of" if _END in phrase else "in"
