"""Checks of labelled texts for leaks of the label: overlap of splits, and phrases such as `CITY (Reuters) - `."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from datasets import Dataset, concatenate_datasets
from numpy.typing import NDArray
from scipy.stats import hypergeom

from glove_lstm.data.loading import LoadedData
from glove_lstm.data.splits import exact_duplicate_groups, near_duplicate_groups
from glove_lstm.errors import DataError

Phrase = tuple[str, ...]
Finding = dict[str, Any]

_ALPHA = 0.001  # probability of a finding if labels are random

_TOKEN = re.compile(r"\w+|[^\w\s]")
# Tokens at the ends of a text. No other token contains spaces.
_START = "<start of text>"
_END = "<end of text>"
_LONGEST = 5  # tokens of a phrase
_MOST_TEXTS = 5_000  # in the sample; enough for a phrase in a quarter of a label's texts
_FEWEST_TEXTS = 10  # with a phrase; fewer are not significant among thousands of phrases
# A phrase is boilerplate, and not style or topic, if it is in a quarter of the texts of its label, and at least twenty
# times more frequent in these than in other texts.
_LEAST_SHARE = 0.25
_MOST_ELSEWHERE = 0.05  # of the share in the texts of its label
_SAME_TEXTS = 0.9  # phrases that share at least this part of their texts are about the same


def check_leaks(data: LoadedData) -> dict[str, Any]:
    """Find overlap of train with the other splits, and phrases that leak the label.

    Phrases are looked for in all splits together, without near duplicates, which are no independent evidence.

    Returns:
        "findings", overlaps first: "check" ("overlap" or "phrase"), "sentence" (description and remedy) and "figures";
        and "checked": the numbers of rows and the columns.

    Raises:
        DataError: A text may have several labels.
    """
    if data.several_labels:
        raise DataError(
            f"{data.description} has lists of labels; leaks are looked for with one a text."
        )
    sizes = {split: len(texts) for split, texts in data.splits.items()}
    split_of = np.repeat(list(sizes), list(sizes.values()))
    every = concatenate_datasets(list(data.splits.values()))
    labels = np.array(data.label_names)[every["label"][:]]
    keys = _longest_texts(every)
    exact = exact_duplicate_groups(keys)
    near = near_duplicate_groups(keys)

    first, *others = data.text_column_names
    columns = {first: every["text"][:]}
    if others:
        columns[" + ".join(others)] = every["text_pair"][:]
    _, distinct = np.unique(near, return_index=True)
    distinct_texts = {}
    for name, texts in columns.items():
        distinct_texts[name] = [texts[row] for row in distinct]

    findings = _find_overlap(split_of, labels, exact, near)
    findings += find_phrase_leaks(distinct_texts, labels[distinct].tolist())
    checked = {"rows": sizes, "distinct_texts": len(distinct), "text_columns": list(columns)}
    return {"findings": findings, "checked": checked}


def _longest_texts(rows: Dataset) -> list[str]:
    """Return each row's text in its longer column, which gives a duplicate away; where it is empty, in the other."""
    columns = [rows[name][:] for name in ("text", "text_pair") if name in rows.column_names]
    columns.sort(key=lambda column: -sum(map(len, column)))
    longest = []
    for row in zip(*columns, strict=True):
        with_words = [text for text in row if text.strip()]
        longest.append(with_words[0] if with_words else "")
    return longest


def _find_overlap(
    split_of: NDArray[Any], labels: NDArray[Any], exact: NDArray[Any], near: NDArray[Any]
) -> list[Finding]:
    """Compare each split with train, or with the first split.

    Args:
        split_of: (n,) split of each text.
        labels: (n,) label of each text.
        exact: (n,) group of equal texts.
        near: (n,) group of near duplicates.
    """
    train = "train" if "train" in split_of else split_of[0]
    in_train = split_of == train
    train_labels = set(zip(near[in_train].tolist(), labels[in_train].tolist(), strict=True))
    findings = []
    for split in dict.fromkeys(split_of.tolist()):
        rows = np.flatnonzero(split_of == split)
        is_copy = np.isin(exact[rows], exact[in_train])
        is_near = np.isin(near[rows], near[in_train])
        if split == train or not is_near.any():
            continue
        other_label = 0
        for row in rows[is_near]:
            if (near[row], labels[row]) not in train_labels:
                other_label += 1
        figures = {
            "split": split,
            "rows": len(rows),
            "exact": int(is_copy.sum()),
            "near": int((is_near & ~is_copy).sum()),
            "other_label": other_label,
        }
        sentence = (
            f"Of {len(rows):,} {split} texts {figures['exact']:,} are in {train} word for word and "
            f"{figures['near']:,} nearly ({figures['other_label']:,} of both kinds with another label): "
            f"drop them from {train}, or the accuracy on {split} is too high."
        )
        findings.append({"check": "overlap", "sentence": sentence, "figures": figures})
    return findings


def find_phrase_leaks(columns: Mapping[str, Sequence[str]], labels: Sequence[str]) -> list[Finding]:
    """Find phrases of up to five words or marks that occur almost only with one label.

    The probability of any false finding is at most 0.001 (hypergeometric test, Bonferroni correction). Of phrases in
    the same texts, the longest is returned. At most 5,000 texts are searched, a random sample.

    Args:
        columns: Name -> n texts, without duplicates, which are no independent evidence.
        labels: n labels.
    """
    names, label_of = np.unique(labels, return_inverse=True)
    rows = np.random.default_rng(0).permutation(len(labels))[:_MOST_TEXTS]
    label_of = label_of[rows]
    sizes = np.bincount(label_of, minlength=len(names))
    findings = []
    for column, values in columns.items():
        texts = [values[row] for row in rows]
        # Phrases are selected without the labels, so that the test below is valid.
        phrases = _frequent_phrases(texts, max(_FEWEST_TEXTS, int(_LEAST_SHARE * sizes.min())))
        tests = len(columns) * len(phrases) * len(names)
        for label, name in enumerate(names):
            shares = _leaking_phrases(phrases, label_of == label, tests)
            for phrase in _distinct({phrase: phrases[phrase] for phrase in shares}):
                text = texts[phrases[phrase][0]]
                findings.append(_describe(column, phrase, text, str(name), *shares[phrase]))
    return findings


def _leaking_phrases(
    phrases: Mapping[Phrase, Sequence[int]], has_label: NDArray[np.bool_], tests: int
) -> dict[Phrase, tuple[float, float]]:
    """Return the phrases that occur almost only with a label, and their shares of texts with and without it.

    Args:
        phrases: Phrase -> rows of the texts that have it.
        has_label: (n,) whether a text has the label.
        tests: Number of all tests, for the Bonferroni correction.
    """
    texts = len(has_label)
    size = int(has_label.sum())
    shares = {}
    for phrase, rows in phrases.items():
        own = int(has_label[rows].sum())
        inside = own / max(size, 1)
        elsewhere = (len(rows) - own) / max(texts - size, 1)
        if inside < _LEAST_SHARE or elsewhere > _MOST_ELSEWHERE * inside:
            continue
        chance = hypergeom.sf(own - 1, texts, size, len(rows)) * tests
        if chance <= _ALPHA:
            shares[phrase] = inside, elsewhere
    return shares


def _describe(
    column: str, phrase: Phrase, text: str, label: str, covered: float, elsewhere: float
) -> Finding:
    """Describe a phrase, in the spelling of one of its texts; the phrase of empty texts is ""."""
    words = [re.escape(word) for word in phrase if word not in (_START, _END)]
    match = re.search(r"\s*".join(words), text)
    shown = match[0] if match else ""
    place = "in"
    if _START in phrase:
        place = "at the beginning of"
    elif _END in phrase:
        place = "at the end of"
    start = f"{shown!r} is {place} {column!r}" if shown else f"{column!r} is empty"
    sentence = (
        f"{start} in {covered:.1%} of the {label} texts and in {elsewhere:.1%} of the others. Remove it from all of "
        "them, or a model learns it instead of the rest."
    )
    figures = {
        "column": column,
        "phrase": shown,
        "place": place,
        "label": label,
        "covered": covered,
        "elsewhere": elsewhere,
    }
    return {"check": "phrase", "sentence": sentence, "figures": figures}


def _frequent_phrases(texts: Sequence[str], least: int) -> dict[Phrase, list[int]]:
    """Return the phrases in at least `least` texts, with the rows of these texts.

    A phrase is counted only if both of its parts that are one token shorter are frequent (Agrawal and Srikant 1994).
    """
    tokens = [[_START, *_TOKEN.findall(text), _END] for text in texts]
    frequent: dict[Phrase, list[int]] = {}
    for length in range(1, _LONGEST + 1):
        rows_of: defaultdict[Phrase, list[int]] = defaultdict(list)
        for row, words in enumerate(tokens):
            for phrase in _phrases(words, length):
                if length == 1 or (phrase[1:] in frequent and phrase[:-1] in frequent):
                    rows_of[phrase].append(row)
        frequent |= {phrase: rows for phrase, rows in rows_of.items() if len(rows) >= least}
    return frequent


def _phrases(words: Sequence[str], length: int) -> set[Phrase]:
    """Return the distinct phrases of a length in a text."""
    starts = range(len(words) - length + 1)
    return {tuple(words[start : start + length]) for start in starts}


def _distinct(phrases: dict[Phrase, list[int]]) -> list[Phrase]:
    """Keep one phrase for each set of texts: the longest phrase in about the same texts as the most frequent phrase."""
    remaining = sorted(phrases, key=lambda phrase: -len(phrases[phrase]))
    chosen = []
    while remaining:
        texts = phrases[remaining[0]]
        covered = []  # phrases in about the same texts, or in some of them
        equal = []  # phrases in about the same texts
        for phrase in remaining:
            if np.isin(phrases[phrase], texts).mean() >= _SAME_TEXTS:
                covered.append(phrase)
                if len(phrases[phrase]) >= _SAME_TEXTS * len(texts):
                    equal.append(phrase)
        chosen.append(max(equal, key=lambda phrase: (len(phrase), len(phrases[phrase]))))
        remaining = [phrase for phrase in remaining if phrase not in covered]
    return chosen
