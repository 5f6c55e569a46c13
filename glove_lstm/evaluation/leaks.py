"""Checks of labelled texts for leaks of the label: overlap of splits, columns and phrases."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glove_lstm.data.loading import Table
from glove_lstm.data.splits import exact_duplicate_groups, near_duplicate_groups
from glove_lstm.evaluation.label_leaks import Finding, find_column_leaks, find_phrase_leaks


def check_leaks(tables: Mapping[str, Table]) -> dict[str, Any]:
    """Find overlap of train and the other splits, and columns and phrases that leak the label.

    Columns and phrases are tested on all splits together, without copies, which are no independent evidence.

    Args:
        tables: One or more of "train", "validation" and "test", from `load_tables`.

    Returns:
        "findings", worst kinds first, as dictionaries with the keys of `Finding`; and "checked", the numbers of rows
        and the columns.
    """
    splits = list(tables.values())
    split_of = np.array([split for split, table in tables.items() for _ in table.labels])
    labels = np.array([label for table in splits for label in table.labels])
    shared = [name for name in splits[0].others if all(name in table.others for table in splits)]
    texts = {name: [text for t in splits for text in t.texts[name]] for name in splits[0].texts}
    others = {name: [value for t in splits for value in t.others[name]] for name in shared}
    keys = _longest_texts(texts)
    near = near_duplicate_groups(keys)
    rows = np.unique(near, return_index=True)[1]

    def once(columns: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
        return {name: [values[row] for row in rows] for name, values in columns.items()}

    kept = labels[rows].tolist()
    findings = [
        *_find_overlap(split_of, labels, exact_duplicate_groups(keys), near),
        *find_column_leaks(once(others), kept),
        *find_phrase_leaks(once(texts), kept),
    ]
    checked = {
        "rows": {split: len(table.labels) for split, table in tables.items()},
        "distinct_texts": len(rows),
        "text_columns": list(texts),
        "other_columns": shared,
    }
    return {"findings": [asdict(finding) for finding in findings], "checked": checked}


def _longest_texts(texts: Mapping[str, list[str]]) -> list[str]:
    """Return each row's text in the longest column, which identifies copies best, or else its next text."""
    columns = sorted(texts.values(), key=lambda column: -sum(map(len, column)))
    return [next((text for text in row if text.strip()), "") for row in zip(*columns, strict=True)]


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
            f"{figures['near']:,} nearly ({figures['other_label']:,} of these with another label): "
            f"drop them from {learnt}, or the accuracy on {split} is too high."
        )
        findings.append(Finding("overlap", sentence, figures))
    return findings
