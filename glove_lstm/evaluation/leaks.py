"""Checks of labelled texts for leaks of the label, with or without a model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glove_lstm.data.loading import Table
from glove_lstm.data.splits import exact_duplicate_groups, near_duplicate_groups
from glove_lstm.evaluation.column_leaks import find_column_leaks
from glove_lstm.evaluation.phrase_leaks import find_phrase_leaks

Ints = NDArray[np.int64]

_ALPHA = 0.001  # probability that a check finds something if labels are random


@dataclass(frozen=True)
class Finding:
    """Something that gives labels away.

    Attributes:
        check: "overlap", "column" or "phrase".
        sentence: What it is, and what to do.
        figures: The same in numbers.
    """

    check: str
    sentence: str
    figures: dict[str, Any]


@dataclass(frozen=True)
class LeakReport:
    """Findings, and where they were looked for.

    Attributes:
        findings: The gravest kinds first.
        checked: Rows and columns that were checked, so that an empty list of findings means something.
    """

    findings: list[Finding]
    checked: dict[str, Any]


def check_leaks(tables: Mapping[str, Table]) -> LeakReport:
    """Look for overlap of train and the other splits, and for columns and phrases that tell the label.

    Columns and phrases are looked for in all splits together, each text once: copies are no independent evidence.

    Args:
        tables: One or more of "train", "validation" and "test", as `load_tables` gives them.
    """
    first = next(iter(tables.values()))
    split_of = np.array([split for split, table in tables.items() for _ in table.labels])
    labels = np.array([label for table in tables.values() for label in table.labels])
    texts = {name: [text for table in tables.values() for text in table.texts[name]] for name in first.texts}
    shared = [name for name in first.others if all(name in table.others for table in tables.values())]
    others = {name: [value for table in tables.values() for value in table.others[name]] for name in shared}

    keys = _longest_texts(texts)
    exact, near = exact_duplicate_groups(keys), near_duplicate_groups(keys)
    findings = _overlap(split_of, labels, exact, near)
    rows = np.unique(near, return_index=True)[1]
    kept = labels[rows].tolist()
    findings += _columns({name: [values[row] for row in rows] for name, values in others.items()}, kept)
    for name, column in texts.items():
        findings += _phrases(name, [column[row] for row in rows], kept, _ALPHA / len(texts))
    checked = {
        "rows": {split: len(table.labels) for split, table in tables.items()},
        "distinct_texts": len(rows),
        "text_columns": list(texts),
        "other_columns": shared,
    }
    return LeakReport(findings, checked)


def _longest_texts(texts: Mapping[str, list[str]]) -> list[str]:
    """Each row's text in the column that is longest on the whole, which tells a copy best; or else another text."""
    order = sorted(texts, key=lambda name: -sum(map(len, texts[name])))
    rows = zip(*(texts[name] for name in order), strict=True)
    return [next((text for text in row if text.strip()), "") for row in rows]


def _overlap(split_of: NDArray[Any], labels: NDArray[Any], exact: Ints, near: Ints) -> list[Finding]:
    """Compare each split with train, or with the first one."""
    learnt = "train" if "train" in split_of else split_of[0]
    in_train = split_of == learnt
    findings = []
    for split in dict.fromkeys(split_of.tolist()):
        rows = np.flatnonzero(split_of == split)
        copied, close = np.isin(exact[rows], exact[in_train]), np.isin(near[rows], near[in_train])
        if split == learnt or not close.any():
            continue
        same = set(zip(near[in_train].tolist(), labels[in_train].tolist(), strict=True))
        contrary = sum((near[row], labels[row]) not in same for row in rows[close])
        figures = {
            "split": split,
            "rows": len(rows),
            "exact": int(copied.sum()),
            "near": int((close & ~copied).sum()),
            "other_label": contrary,
        }
        sentence = (
            f"Of {len(rows):,} {split} texts {figures['exact']:,} are in {learnt} word for word and "
            f"{figures['near']:,} nearly ({contrary:,} of these with another label): drop them from {learnt}, or the "
            f"accuracy on {split} is too high."
        )
        findings.append(Finding("overlap", sentence, figures))
    return findings


def _columns(columns: Mapping[str, Sequence[Any]], labels: Sequence[str]) -> list[Finding]:
    return [
        Finding(
            "column",
            f"The column {leak.column!r} gives the label away: a linear model on it alone is right on "
            f"{leak.accuracy:.1%} of {leak.rows:,} held-out rows, the majority class on {leak.majority:.1%}. Keep it "
            "from the model, and look where it comes from, because the texts may show the same.",
            vars(leak),
        )
        for leak in find_column_leaks(columns, labels, alpha=_ALPHA)
    ]


def _phrases(column: str, texts: Sequence[str], labels: Sequence[str], alpha: float) -> list[Finding]:
    findings = []
    for leak in find_phrase_leaks(texts, labels, alpha=alpha):
        start = f"{leak.phrase!r} is {leak.place} {column!r}" if leak.phrase else f"{column!r} is empty"
        sentence = (
            f"{start} in {leak.covered:.1%} of the {leak.label} texts and in {leak.elsewhere:.1%} of the others. "
            "Remove it from all of them, or a model learns it instead of the rest."
        )
        findings.append(Finding("phrase", sentence, {"column": column, **vars(leak)}))
    return findings
