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
_START, _END = "<start of text>", "<end of text>"  # no token of a text contains spaces
_LONGEST = 5  # tokens of a phrase
_ROWS = 5_000  # sample size; enough for a phrase in a quarter of a label's texts
_FEWEST = 10  # texts with a phrase; fewer are not significant among thousands of phrases
# A phrase is boilerplate, and not style or topic, if it is in a quarter of its label's texts and if, were the labels
# equally frequent, at most one text in twenty with it had another label.
_COVERED, _EXCLUSIVE = 0.25, 0.05


def check_leaks(data: LoadedData) -> dict[str, Any]:
    """Find overlap of train and the other splits, and phrases that leak the label.

    Phrases are looked for in all splits together, without copies, which are no independent evidence.

    Returns:
        "findings", worst kinds first: "check" (overlap or phrase), "sentence" (description and remedy) and "figures",
        its numbers; and "checked", the numbers of rows and the columns.

    Raises:
        DataError: A text may have several labels.
    """
    if data.several_labels:
        raise DataError(
            f"{data.description} has lists of labels; leaks are looked for with one a text."
        )
    sizes = {split: len(texts) for split, texts in data.splits.items()}
    every = concatenate_datasets(list(data.splits.values()))
    split_of = np.repeat(list(sizes), list(sizes.values()))
    labels = np.array(data.label_names)[every["label"][:]]
    first, *others = data.text_column_names
    texts = {first: every["text"][:]}
    if others:
        texts[" + ".join(others)] = every["text_pair"][:]
    keys = _longest_texts(every)
    near = near_duplicate_groups(keys)
    rows = np.unique(near, return_index=True)[1]
    once = {name: [values[row] for row in rows] for name, values in texts.items()}
    findings = _find_overlap(split_of, labels, exact_duplicate_groups(keys), near)
    findings += find_phrase_leaks(once, labels[rows].tolist())
    checked = {"rows": sizes, "distinct_texts": len(rows), "text_columns": list(texts)}
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
    """Compare each split with train, or with the first one."""
    learnt = "train" if "train" in split_of else split_of[0]
    in_train = split_of == learnt
    same = set(zip(near[in_train].tolist(), labels[in_train].tolist(), strict=True))
    findings = []
    for split in dict.fromkeys(split_of.tolist()):
        rows = np.flatnonzero(split_of == split)
        copied, close = np.isin(exact[rows], exact[in_train]), np.isin(near[rows], near[in_train])
        if split == learnt or not close.any():
            continue
        figures = {
            "split": split,
            "rows": len(rows),
            "exact": int(copied.sum()),
            "near": int((close & ~copied).sum()),
            "other_label": sum((near[row], labels[row]) not in same for row in rows[close]),
        }
        sentence = (
            f"Of {len(rows):,} {split} texts {figures['exact']:,} are in {learnt} word for word and "
            f"{figures['near']:,} nearly ({figures['other_label']:,} of both kinds with another label): "
            f"drop them from {learnt}, or the accuracy on {split} is too high."
        )
        findings.append({"check": "overlap", "sentence": sentence, "figures": figures})
    return findings


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
    figures: dict[str, Any] = {"column": column, "phrase": shown, "place": place, "label": label}
    figures |= {"covered": covered, "elsewhere": elsewhere}
    return {"check": "phrase", "sentence": sentence, "figures": figures}


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
