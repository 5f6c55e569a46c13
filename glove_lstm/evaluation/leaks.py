"""Phrases that tell a label, as `CITY (Reuters) -` does: a model learns them instead of the rest."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.feature_selection import chi2

from glove_lstm.printable import markdown_table
from glove_lstm.unicode_scripts import WORD_OR_MARK

_LONGEST = 3  # words or marks of a phrase
_MOST_TEXTS = 3_000  # in the sample; enough for phrases that tell much
_FEWEST_TEXTS = 10  # that have a phrase
_LISTED = 20  # phrases
_EMPTY = "∅"  # stands for a text without words
_REMEDY = (
    "A phrase that most texts of its label have, and hardly any others, gives the label away. Remove it from all "
    "texts if it is an artefact of how the data were made, such as the name of a source: a model learns it instead "
    "of the rest. Keep it if it belongs to the meaning of the label, as 'How many' does to questions for a number."
)


def find_leaks(texts: Sequence[str], labels: Sequence[str]) -> list[dict[str, Any]]:
    """Find the 20 phrases of up to three words or marks that tell most of the labels, by the chi-squared statistic.

    At most 3,000 of the texts are searched, a random sample.

    Returns:
        The phrases that at least ten texts have, those that tell most first: "phrase", which is empty if the texts are;
        "label", which it tells; "covered", the share of the label's texts that have it; and "elsewhere", the share of
        the other texts.
    """
    sample = np.random.default_rng(0).permutation(len(texts))[:_MOST_TEXTS]
    names, label_of = np.unique([labels[row] for row in sample], return_inverse=True)
    if len(names) < 2 or len(sample) < _FEWEST_TEXTS:
        return []
    vectorizer = CountVectorizer(
        lowercase=False,
        token_pattern=WORD_OR_MARK,
        ngram_range=(1, _LONGEST),
        binary=True,
        min_df=_FEWEST_TEXTS,
    )
    try:
        has_phrase = vectorizer.fit_transform(texts[row].strip() or _EMPTY for row in sample)
    except ValueError:  # no phrase is in enough texts
        return []
    phrases = vectorizer.get_feature_names_out()
    has_label = np.eye(len(names), dtype=np.int64)[label_of]  # (texts, labels)
    label_texts = has_label.sum(axis=0)
    with_label = has_phrase.T @ has_label  # (phrases, labels): texts with both
    without_label = with_label.sum(axis=1, keepdims=True) - with_label
    covered = with_label / label_texts
    elsewhere = without_label / (len(sample) - label_texts)
    statistic, _ = chi2(has_phrase, label_of)

    leaks = []
    for phrase in np.argsort(-statistic, kind="stable")[:_LISTED]:
        label = (covered - elsewhere)[phrase].argmax()
        leaks.append(
            {
                "phrase": "" if phrases[phrase] == _EMPTY else str(phrases[phrase]),
                "label": str(names[label]),
                "covered": float(covered[phrase, label]),
                "elsewhere": float(elsewhere[phrase, label]),
            }
        )
    return leaks


def describe_leaks(leaks: Sequence[Mapping[str, Any]]) -> str:
    """Format what `find_leaks` returns for a terminal."""
    if not leaks:
        return "No phrase is in ten texts, or all texts have one label."
    rows = []
    for leak in leaks:
        phrase = repr(leak["phrase"]) if leak["phrase"] else "no text"
        rows.append([phrase, leak["label"], f"{leak['covered']:.1%}", f"{leak['elsewhere']:.1%}"])
    table = markdown_table(["phrase", "label", "in its texts", "in others"], rows)
    return f"The phrases that tell most of a label:\n\n{table}\n\n{_REMEDY}"
