"""Check labelled texts for leaks: texts in two splits, and phrases that reveal a label, as `CITY (Reuters) - ` does."""

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

_ALPHA = 0.001  # probability of any phrase being found if the labels are random

_TOKEN = re.compile(r"\w+|[^\w\s]")
# Tokens at the ends of a text. No other token contains spaces.
_START = "<start of text>"
_END = "<end of text>"
_LONGEST = 5  # tokens of a phrase
_MOST_TEXTS = 5_000  # in the sample; enough to find a phrase in a quarter of a label's texts
_FEWEST_TEXTS = 10  # a phrase in fewer texts is not significant among thousands of phrases
# A phrase is boilerplate, not style or topic, if it is in at least a quarter of the texts of its label, and at least
# twenty times as frequent in these as in other texts.
_LEAST_SHARE = 0.25
# Share of the other texts with the phrase / share of the label's texts with it.
_MOST_ELSEWHERE = 0.05
_SAME_TEXTS = 0.9  # share of the texts of one phrase that must have the other, too


def check_leaks(data: LoadedData) -> dict[str, Any]:
    """Find overlap of train with the other splits, and phrases that leak the label.

    Phrases are looked for in all splits together. Of near duplicates only one text is used, because copies are no
    independent evidence.

    Returns:
        "findings", overlaps first, each with "check" ("overlap" or "phrase"), "sentence" (description and remedy) and
        "figures"; and "checked", the numbers of rows and texts and the columns.

    Raises:
        DataError: A text may have several labels.
    """
    if data.is_multi_label:
        raise DataError(
            f"{data.description} has lists of labels; leaks are looked for with one a text."
        )
    sizes = {split: len(texts) for split, texts in data.splits.items()}
    split_of = np.repeat(list(sizes), list(sizes.values()))
    all_rows = concatenate_datasets(list(data.splits.values()))
    labels = np.array(data.label_names)[all_rows["label"][:]]
    compared_texts = _longer_texts(all_rows)
    exact = exact_duplicate_groups(compared_texts)
    near = near_duplicate_groups(compared_texts)

    # The first text column is loaded as `text`, all others together as `text_pair`.
    first, *others = data.text_column_names
    columns = {first: all_rows["text"][:]}
    if others:
        columns[" + ".join(others)] = all_rows["text_pair"][:]
    # The first row of each group of near duplicates.
    _, distinct = np.unique(near, return_index=True)
    distinct_texts = {}
    for name, texts in columns.items():
        distinct_texts[name] = [texts[row] for row in distinct]

    findings = _find_overlap(split_of, labels, exact, near)
    findings += find_phrase_leaks(distinct_texts, labels[distinct].tolist())
    checked = {"rows": sizes, "distinct_texts": len(distinct), "text_columns": list(columns)}
    return {"findings": findings, "checked": checked}


def _longer_texts(rows: Dataset) -> list[str]:
    """Return the text of each row by which duplicates are found.

    It is the text in the column with more characters in all, such as the body. If it is blank, it is the text in the
    other column, such as the title.
    """
    columns: list[list[str]] = [rows["text"][:]]
    if "text_pair" in rows.column_names:
        columns.append(rows["text_pair"][:])

    def characters(column: Sequence[str]) -> int:
        return sum(len(text) for text in column)

    longer_first = sorted(columns, key=characters, reverse=True)
    return [_first_with_text(row) for row in zip(*longer_first, strict=True)]


def _first_with_text(texts: Sequence[str]) -> str:
    """Return the first text that is not blank; an empty one if all are."""
    for text in texts:
        if text.strip():
            return text
    return ""


def _find_overlap(
    split_of: NDArray[Any], labels: NDArray[Any], exact: NDArray[Any], near: NDArray[Any]
) -> list[Finding]:
    """Find the texts of each split that are in train, too. Without a split named train, the first split is used.

    Args:
        split_of: (n,) split of each text.
        labels: (n,) label of each text.
        exact: (n,) group of equal texts.
        near: (n,) group of near duplicates.
    """
    train = str(split_of[0])
    if "train" in split_of:
        train = "train"
    in_train = split_of == train
    findings = []
    for split in dict.fromkeys(split_of.tolist()):
        if split == train:
            continue
        in_split = split_of == split
        figures = _count_overlap(in_train, in_split, labels, exact, near)
        if figures["exact"] + figures["near"] > 0:
            sentence = _describe_overlap(train, split, figures)
            figures = {"split": split, **figures}
            findings.append({"check": "overlap", "sentence": sentence, "figures": figures})
    return findings


def _count_overlap(
    in_train: NDArray[np.bool_],
    in_split: NDArray[np.bool_],
    labels: NDArray[Any],
    exact: NDArray[Any],
    near: NDArray[Any],
) -> dict[str, Any]:
    """Count the texts of a split that are in train.

    Returns:
        The number of texts of the split, `rows`; of texts that are in train word for word, `exact`; only nearly,
        `near`; and how many of these have another label in train, `other_label`.
    """
    exact_groups = set(exact[in_train].tolist())
    near_groups = set(near[in_train].tolist())
    near_groups_with_label = set(
        zip(near[in_train].tolist(), labels[in_train].tolist(), strict=True)
    )
    counts = {"rows": int(in_split.sum()), "exact": 0, "near": 0, "other_label": 0}
    for row in np.flatnonzero(in_split):
        if near[row] not in near_groups:  # exact copies are near duplicates, too
            continue
        if exact[row] in exact_groups:
            counts["exact"] += 1
        else:
            counts["near"] += 1
        if (near[row], labels[row]) not in near_groups_with_label:
            counts["other_label"] += 1
    return counts


def _describe_overlap(train: str, split: str, figures: Mapping[str, int]) -> str:
    return (
        f"Of {figures['rows']:,} {split} texts {figures['exact']:,} are in {train} word for word and "
        f"{figures['near']:,} nearly ({figures['other_label']:,} of both kinds with another label): "
        f"drop them from {train}, or the accuracy on {split} is too high."
    )


def find_phrase_leaks(columns: Mapping[str, Sequence[str]], labels: Sequence[str]) -> list[Finding]:
    """Find phrases of up to five words or marks that occur almost only with one label.

    The probability of any false finding is at most 0.001 (hypergeometric test, Bonferroni correction). Of several
    phrases in the same texts, only the longest is returned. At most 5,000 texts are searched, a random sample.

    Args:
        columns: Name -> n texts, without duplicates, because copies are no independent evidence.
        labels: n labels.
    """
    names, label_of = np.unique(labels, return_inverse=True)
    sample = np.random.default_rng(0).permutation(len(labels))[:_MOST_TEXTS]
    label_of = label_of[sample]
    texts_of_rarest_label = np.bincount(label_of, minlength=len(names)).min()
    fewest_texts = max(_FEWEST_TEXTS, int(_LEAST_SHARE * texts_of_rarest_label))
    findings = []
    for column, values in columns.items():
        texts = [values[row] for row in sample]
        # Candidates are selected without their labels, so that the test of the labels is valid.
        candidates = _frequent_phrases(texts, fewest_texts)
        tests = len(columns) * len(candidates) * len(names)
        for label, name in enumerate(names):
            shares = _leaking_phrases(candidates, label_of == label, tests)
            leaking = {phrase: candidates[phrase] for phrase in shares}
            for phrase in _distinct(leaking):
                first_row = leaking[phrase][0]
                covered, elsewhere = shares[phrase]
                finding = _describe(column, phrase, texts[first_row], str(name), covered, elsewhere)
                findings.append(finding)
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
    label_texts = int(has_label.sum())
    other_texts = texts - label_texts
    shares = {}
    for phrase, rows in phrases.items():
        label_rows = int(has_label[rows].sum())
        other_rows = len(rows) - label_rows
        covered = label_rows / max(label_texts, 1)
        elsewhere = other_rows / max(other_texts, 1)
        if covered < _LEAST_SHARE or elsewhere > _MOST_ELSEWHERE * covered:
            continue
        # Probability that at least as many of the phrase's texts have the label by chance.
        p_value = hypergeom.sf(label_rows - 1, texts, label_texts, len(rows))
        if p_value * tests <= _ALPHA:
            shares[phrase] = covered, elsewhere
    return shares


def _describe(
    column: str, phrase: Phrase, text: str, label: str, covered: float, elsewhere: float
) -> Finding:
    """Describe a phrase, in the spelling of a text that has it. The phrase of empty texts is shown as "".

    Args:
        column: Name of the column of texts.
        phrase: The tokens.
        text: A text that has the phrase.
        label: The label that leaks.
        covered: Share of the texts of the label that have the phrase.
        elsewhere: Share of all other texts that have it.
    """
    words = [re.escape(word) for word in phrase if word not in (_START, _END)]
    shown = ""
    match = re.search(r"\s*".join(words), text)
    if match:
        shown = match[0]
    place = "in"
    if _START in phrase:
        place = "at the beginning of"
    elif _END in phrase:
        place = "at the end of"
    fact = f"{column!r} is empty"
    if shown:
        fact = f"{shown!r} is {place} {column!r}"
    sentence = (
        f"{fact} in {covered:.1%} of the {label} texts and in {elsewhere:.1%} of the others. Remove it from all of "
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

    Phrases of each length are counted in turn. A phrase can only be frequent if it is frequent without its first token
    and without its last one, so all others are not counted (Agrawal and Srikant 1994).
    """
    tokens_of_texts = []
    for text in texts:
        words = _TOKEN.findall(text)
        tokens_of_texts.append([_START, *words, _END])

    frequent: dict[Phrase, list[int]] = {}
    for length in range(1, _LONGEST + 1):
        rows_of: defaultdict[Phrase, list[int]] = defaultdict(list)
        for row, tokens in enumerate(tokens_of_texts):
            for phrase in _phrases(tokens, length):
                may_be_frequent = length == 1 or _has_frequent_parts(phrase, frequent)
                if may_be_frequent:
                    rows_of[phrase].append(row)
        frequent |= {phrase: rows for phrase, rows in rows_of.items() if len(rows) >= least}
    return frequent


def _has_frequent_parts(phrase: Phrase, frequent: Mapping[Phrase, Sequence[int]]) -> bool:
    """Whether the phrase without its first token, and the phrase without its last one, are frequent."""
    return phrase[1:] in frequent and phrase[:-1] in frequent


def _phrases(tokens: Sequence[str], length: int) -> list[Phrase]:
    """Return the distinct phrases of a length in a text, always in the same order."""
    starts = range(len(tokens) - length + 1)
    phrases = [tuple(tokens[start : start + length]) for start in starts]
    return list(dict.fromkeys(phrases))


def _distinct(phrases: Mapping[Phrase, Sequence[int]]) -> list[Phrase]:
    """Return one phrase for each set of texts, so that parts of a phrase are not reported beside it.

    Begin with the most frequent phrase. Return the longest phrase that stands for the same texts. Drop all phrases that
    occur in these texts only, such as its parts. Repeat with the phrases that remain.

    Args:
        phrases: Phrase -> rows of the texts that have it.
    """

    def frequency(phrase: Phrase) -> int:
        return len(phrases[phrase])

    def length_then_frequency(phrase: Phrase) -> tuple[int, int]:
        return len(phrase), frequency(phrase)

    remaining = sorted(phrases, key=frequency, reverse=True)
    distinct = []
    while remaining:
        most_frequent = remaining[0]
        same_texts = []  # phrases in about the same texts
        others = []  # phrases that other texts have, too
        for phrase in remaining:
            if not _is_nearly_within(phrases[phrase], phrases[most_frequent]):
                others.append(phrase)
            elif frequency(phrase) >= _SAME_TEXTS * frequency(most_frequent):
                same_texts.append(phrase)
        distinct.append(max(same_texts, key=length_then_frequency))
        remaining = others
    return distinct


def _is_nearly_within(rows: Sequence[int], others: Sequence[int]) -> bool:
    """Whether nearly all rows are among the others."""
    return bool(np.isin(rows, others).mean() >= _SAME_TEXTS)
