"""Columns (an id, a source, a date) and phrases (as in `CITY (Reuters) - `) that give labels away."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binom, hypergeom
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.svm import LinearSVC

Phrase = tuple[str, ...]

_ALPHA = 0.001  # probability of a finding if labels are random

_HALF = 20  # rows in each half; with fewer no column is significant
_BINS = 20  # intervals of numbers and dates
# A leak corrects a fifth of the errors of the majority class, net of new errors. Smaller effects are usual, because the
# labels differ in subjects and years.
_EFFECT = 0.2
_PROSE_WORDS = 4  # a column whose median value has more words is text, if values seldom repeat

_TOKEN = re.compile(r"\w+|[^\w\s]")
_START, _END = "<start of text>", "<end of text>"  # no token of a text contains spaces
_LONGEST = 5  # tokens of a phrase
_ROWS = 5_000  # sample size; enough for a phrase in a quarter of a label's texts
_FEWEST = 10  # texts with a phrase; fewer are not significant among thousands of phrases
# A phrase is boilerplate, and not style or topic, if it is in a quarter of its label's texts and if, were the labels
# equally frequent, at most one text in twenty with it had another label.
_COVERED, _EXCLUSIVE = 0.25, 0.05


@dataclass(frozen=True)
class Finding:
    """A leak of the label.

    Attributes:
        check: "overlap", "column" or "phrase".
        sentence: Description and remedy.
        figures: The numbers in the description.
    """

    check: str
    sentence: str
    figures: dict[str, Any]


def find_column_leaks(columns: Mapping[str, Sequence[Any]], labels: Sequence[str]) -> list[Finding]:
    """Find columns from which a linear model, fitted on a random half of the rows, predicts the labels of the others.

    Its features are the value, the words in it, and the interval of a number or date. The probability of any false
    finding is at most 0.001 (McNemar's exact test against the majority class, Bonferroni correction).

    Args:
        columns: Name -> n values of any kind; columns of prose are ignored.
        labels: n labels.
    """
    order = np.random.default_rng(0).permutation(len(labels))
    fit, held = order[: len(order) // 2], order[len(order) // 2 :]
    classes, label_of = np.unique(labels, return_inverse=True)
    if len(fit) < _HALF or len(np.unique(label_of[fit])) < 2:
        return []
    majority = label_of[held] == np.bincount(label_of[fit], minlength=len(classes)).argmax()
    tried = {name: values for name, values in columns.items() if not _is_prose(values)}
    findings = []
    for name, values in tried.items():
        seen = CountVectorizer(analyzer=list, binary=True).fit_transform(_features(values))
        machine = LinearSVC(random_state=0).fit(seen[fit], label_of[fit])
        right = machine.predict(seen[held]) == label_of[held]
        gained, lost = int((right & ~majority).sum()), int((~right & majority).sum())
        chance = float(binom.sf(gained - 1, gained + lost, 0.5)) if gained else 1.0
        if gained - lost < _EFFECT * (~majority).sum() or chance > _ALPHA / len(tried):
            continue
        accuracy, most = float(right.mean()), float(majority.mean())
        sentence = (
            f"The column {name!r} gives the label away: a linear model on it alone is right on {accuracy:.1%} of "
            f"{len(held):,} held-out rows, the majority class on {most:.1%}. Keep it from the model, and look where "
            "it comes from, because the texts may show the same."
        )
        figures = {"column": name, "rows": len(held), "accuracy": accuracy, "majority": most}
        findings.append(Finding("column", sentence, figures))
    return findings


def _features(values: Sequence[Any]) -> list[list[str]]:
    """Return the features of each value: the value, its words, and the interval of its number or date."""
    strings = ["" if value is None or value != value else str(value).strip() for value in values]
    features = [[f"value {string}", *re.findall(r"\w+", string)] for string in strings]
    column = pd.Series(strings, dtype=object)
    dates = pd.to_datetime(column, errors="coerce", format="ISO8601", utc=True)
    seconds = pd.Series([float("nan") if pd.isna(date) else date.timestamp() for date in dates])
    numbers = pd.to_numeric(column, errors="coerce").fillna(seconds).to_numpy(dtype=float)
    known = np.flatnonzero(np.isfinite(numbers))
    if len(known):
        edges = np.quantile(numbers[known], np.linspace(0, 1, _BINS + 1)[1:-1])
        for row in known:
            features[row].append(f"interval {np.searchsorted(edges, numbers[row])}")
    return features


def _is_prose(values: Sequence[Any]) -> bool:
    texts = [value for value in values if isinstance(value, str) and value.strip()]
    words = [len(text.split()) for text in texts]
    distinct = len(texts) > len(values) / 2 and len(set(texts)) > len(texts) / 2
    return distinct and bool(np.median(words) >= _PROSE_WORDS)


def find_phrase_leaks(columns: Mapping[str, Sequence[str]], labels: Sequence[str]) -> list[Finding]:
    """Find phrases of up to five words or marks that occur almost only with one label.

    The probability of any false finding is at most 0.001 (hypergeometric test, Bonferroni correction). Of phrases in
    the same texts the longest is returned. At most 5,000 texts are searched, a random sample.

    Args:
        columns: Name -> n texts, without duplicates, which are no independent evidence.
        labels: n labels.
    """
    names, label_of = np.unique(labels, return_inverse=True)
    rows = np.random.default_rng(0).permutation(len(labels))[:_ROWS]
    label_of = label_of[rows]
    sizes = np.bincount(label_of, minlength=len(names))
    findings = []
    for column, values in columns.items():
        texts = [values[row] for row in rows]
        # Selected without the labels, so that the test below stays valid.
        phrases = _frequent_phrases(texts, max(_FEWEST, int(_COVERED * sizes.min())))
        tests = len(columns) * len(phrases) * len(names)
        for label, size in enumerate(sizes):
            shares: dict[Phrase, tuple[float, float]] = {}
            for phrase, having in phrases.items():
                own = int((label_of[having] == label).sum())
                covered = own / max(size, 1)
                elsewhere = (len(having) - own) / max(len(texts) - size, 1)
                chance = hypergeom.sf(own - 1, len(texts), size, len(having)) * tests
                if covered >= _COVERED and elsewhere <= _EXCLUSIVE * covered and chance <= _ALPHA:
                    shares[phrase] = covered, elsewhere
            for phrase in _distinct({phrase: phrases[phrase] for phrase in shares}):
                text = texts[phrases[phrase][0]]
                findings.append(_describe(column, phrase, text, str(names[label]), *shares[phrase]))
    return findings


def _describe(
    column: str, phrase: Phrase, text: str, label: str, covered: float, elsewhere: float
) -> Finding:
    """Describe a phrase as it is spelled in one of its texts; the phrase of empty texts is ""."""
    words = [re.escape(word) for word in phrase if word not in (_START, _END)]
    match = re.search(r"\s*".join(words), text)
    shown = match[0] if match else ""
    place = "at the end of" if _END in phrase else "in"
    place = "at the beginning of" if _START in phrase else place
    start = f"{shown!r} is {place} {column!r}" if shown else f"{column!r} is empty"
    sentence = (
        f"{start} in {covered:.1%} of the {label} texts and in {elsewhere:.1%} of the others. Remove it from all of "
        "them, or a model learns it instead of the rest."
    )
    figures = {"column": column, "phrase": shown, "place": place, "label": label}
    return Finding("phrase", sentence, {**figures, "covered": covered, "elsewhere": elsewhere})


def _frequent_phrases(texts: Sequence[str], least: int) -> dict[Phrase, list[int]]:
    """Return the phrases in at least `least` texts, with the rows of these texts.

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
    """Keep one phrase per set of texts: the longest one in about the same texts as the most frequent one."""
    left = sorted(phrases, key=lambda phrase: -len(phrases[phrase]))
    chosen = []
    while left:
        leader = phrases[left[0]]
        within = [phrase for phrase in left if np.isin(phrases[phrase], leader).mean() >= 0.9]
        close = [phrase for phrase in within if len(phrases[phrase]) >= 0.9 * len(leader)]
        chosen.append(max(close, key=lambda phrase: (len(phrase), len(phrases[phrase]))))
        left = [phrase for phrase in left if phrase not in within]
    return chosen
