"""Phrases that alone give a label away, as `CITY (Reuters) -` does: a model learns them instead of the rest."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import hypergeom
from sklearn.feature_extraction.text import CountVectorizer

from glove_lstm.printable import markdown_table
from glove_lstm.unicode_scripts import CHARACTER, LETTER

_WORD_OR_MARK = rf"{CHARACTER}|{LETTER}+|[^\w\s]"
_LONGEST = 3  # words or marks of a phrase
_MOST_TEXTS = 3_000  # in the sample; enough to find a phrase in a quarter of a label's texts
_FEWEST_TEXTS = 10  # a phrase in fewer texts is not significant among thousands of phrases
# A phrase is boilerplate, not style or topic, if it is in at least a quarter of the texts of its label, and at least
# twenty times as frequent in these as in other texts.
_LEAST_SHARE = 0.25
_MOST_ELSEWHERE = (
    0.05  # share of the other texts with the phrase / share of the label's texts with it
)
_ALPHA = 0.001  # probability of any phrase being found if the labels are random
_SAME_TEXTS = 0.9  # two phrases are one finding if they share this part of their texts
_EMPTY = "∅"  # stands for a text without words


def find_leaks(texts: Sequence[str], labels: Sequence[str]) -> list[dict[str, Any]]:
    """Find phrases of up to three words or marks that occur almost only with one label.

    The probability of any false finding is at most 0.001 (hypergeometric test, Bonferroni correction). Of several
    phrases in the same texts, only the longest is returned. At most 3,000 texts are searched, a random sample; of equal
    texts, one.

    Args:
        texts: n texts.
        labels: Their labels.

    Returns:
        The phrases, the most frequent first: "phrase", which is empty if the texts are; "label"; "covered", the share
        of the label's texts that have it; and "elsewhere", the share of the other texts.
    """
    rows = _distinct_rows(texts)
    sample = np.random.default_rng(0).permutation(rows)[:_MOST_TEXTS]
    names, label_of = np.unique(labels, return_inverse=True)
    has_label = np.eye(len(names), dtype=np.int64)[label_of[sample]]  # (texts, labels)
    label_texts = has_label.sum(axis=0)
    other_texts = len(sample) - label_texts
    least = max(_FEWEST_TEXTS, int(_LEAST_SHARE * label_texts.min()))
    if least > len(sample):
        return []

    # Phrases are chosen without the labels, so that the test of the labels is valid.
    vectorizer = CountVectorizer(
        lowercase=False,
        token_pattern=_WORD_OR_MARK,
        ngram_range=(1, _LONGEST),
        binary=True,
        min_df=least,
    )
    try:
        # (texts, phrases)
        has_phrase = vectorizer.fit_transform(
            texts[row].strip() or _EMPTY for row in sample
        ).tocsc()
    except ValueError:  # no phrase is in enough texts
        return []
    phrases = vectorizer.get_feature_names_out()
    phrase_texts = np.asarray(has_phrase.sum(axis=0)).ravel()
    with_label = has_phrase.T @ has_label  # (phrases, labels): texts with both
    covered = with_label / np.maximum(label_texts, 1)
    elsewhere = (phrase_texts[:, None] - with_label) / np.maximum(other_texts, 1)
    # Probability that at least as many of the phrase's texts have the label by chance.
    p_values = hypergeom.sf(with_label - 1, len(sample), label_texts, phrase_texts[:, None])
    leaks = (
        (covered >= _LEAST_SHARE)
        & (elsewhere <= _MOST_ELSEWHERE * covered)
        & (p_values * p_values.size <= _ALPHA)
    )

    findings = []
    for phrase, label in _distinct(leaks, phrases, has_phrase, phrase_texts):
        findings.append(
            {
                "phrase": "" if phrases[phrase] == _EMPTY else str(phrases[phrase]),
                "label": str(names[label]),
                "covered": float(covered[phrase, label]),
                "elsewhere": float(elsewhere[phrase, label]),
            }
        )
    return findings


def describe_leaks(leaks: Sequence[Mapping[str, Any]]) -> str:
    """Format what `find_leaks` returns for a terminal."""
    if not leaks:
        return "No phrase alone gives a label away."
    rows = []
    for leak in leaks:
        phrase = repr(leak["phrase"]) if leak["phrase"] else "no text"
        rows.append([phrase, leak["label"], f"{leak['covered']:.1%}", f"{leak['elsewhere']:.1%}"])
    table = markdown_table(["phrase", "label", "in its texts", "in others"], rows)
    remedy = (
        "Remove a phrase from all texts if it is an artefact of how the data were made, such as the name of a source: "
        "a model learns it instead of the rest. Keep it if it belongs to the meaning of the label, as "
        "'How many' does to questions for a number."
    )
    return f"Phrases that alone give a label away:\n\n{table}\n\n{remedy}"


def _distinct_rows(texts: Sequence[str]) -> list[int]:
    """Return the rows of empty texts, and of other texts one row each: copies are no independent evidence."""
    rows = []
    seen = set()
    for row, text in enumerate(texts):
        if text not in seen:
            rows.append(row)
        if text.strip():
            seen.add(text)
    return rows


def _distinct(
    leaks: Any, phrases: Any, has_phrase: Any, phrase_texts: Any
) -> list[tuple[int, int]]:
    """Return one phrase for each set of texts, and its label, so that parts of a phrase are not reported beside it.

    Args:
        leaks: (phrases, labels) whether a phrase gives a label away.
        phrases: (phrases,) as text.
        has_phrase: (texts, phrases), sparse.
        phrase_texts: (phrases,) number of texts of each.
    """
    kept: list[
        tuple[int, int, set[int]]
    ] = []  # with the texts of the most frequent phrase of the set
    most_frequent_first = sorted(
        zip(*leaks.nonzero(), strict=True), key=lambda leak: -phrase_texts[leak[0]]
    )
    for phrase, label in most_frequent_first:
        rows = set(has_phrase.indices[has_phrase.indptr[phrase] : has_phrase.indptr[phrase + 1]])
        for place, (other, _, other_rows) in enumerate(kept):
            if len(rows & other_rows) < _SAME_TEXTS * len(rows):
                continue
            is_same = len(rows) >= _SAME_TEXTS * len(other_rows)
            if is_same and len(phrases[phrase]) > len(phrases[other]):
                kept[place] = (phrase, label, other_rows)
            break
        else:
            kept.append((phrase, label, rows))
    return [(phrase, label) for phrase, label, _ in kept]
