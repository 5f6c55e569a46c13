"""What gives labels away: checks that any labelled texts can be put through, with or without a model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu

from glove_lstm.data.splits import exact_duplicate_groups, near_duplicate_groups
from glove_lstm.data.tables import Table
from glove_lstm.evaluation.boilerplate import find_boilerplate
from glove_lstm.evaluation.column_leaks import find_column_leaks

Ints = NDArray[np.int64]

_ALPHA = 0.001  # probability that a check, all its tests together, finds something where labels are random
_BOILERPLATE_ROWS = 20_000  # a run of words that covers a quarter of a label shows in a sample of these, too
# By length alone, seven pairs out of ten are ranked rightly: as well as a weak model reads. Less is usual: tabloids
# write somewhat shorter than agencies.
_AUC = 0.7


@dataclass(frozen=True)
class Finding:
    """Something that gives labels away.

    Attributes:
        check: "overlap", "duplicates", "column", "boilerplate" or "length".
        sentence: What was found, and what to do.
        figures: The same in numbers.
    """

    check: str
    sentence: str
    figures: dict[str, Any]


@dataclass(frozen=True)
class LeakReport:
    """What was found, and where it was looked for.

    Attributes:
        findings: The gravest kinds first.
        checked: What the checks saw, so that an empty list of findings means something.
    """

    findings: list[Finding]
    checked: dict[str, Any] = field(default_factory=dict)


def check_leaks(tables: Mapping[str, Table]) -> LeakReport:
    """Put labelled texts through all checks.

    Overlap is looked for between train and the other splits (within it, where there is but one); columns, boilerplate
    and length over all splits together, each text once, because copies are no independent evidence.

    Args:
        tables: One or more of "train", "validation" and "test", as `load_tables` gives them.
    """
    split_of = [split for split, table in tables.items() for _ in table.labels]
    labels = [label for table in tables.values() for label in table.labels]
    names = list(next(iter(tables.values())).texts)
    texts = {name: [text for table in tables.values() for text in table.texts[name]] for name in names}
    shared = [
        name for name in next(iter(tables.values())).others if all(name in t.others for t in tables.values())
    ]
    others = {name: [value for table in tables.values() for value in table.others[name]] for name in shared}

    keys = _telling_texts(texts)
    exact = exact_duplicate_groups(keys)
    near = near_duplicate_groups(keys)
    findings = (
        _overlap(split_of, labels, exact, near) if len(tables) > 1 else _duplicates(split_of, exact, near)
    )

    single = np.unique(near, return_index=True)[1]
    kept = [labels[row] for row in single]
    for leak in find_column_leaks(_rows(others, single), kept, alpha=_ALPHA):
        findings.append(
            Finding(
                "column",
                f"The column {leak.column!r} gives the label away: a simple rule on it alone ({leak.example}) is right "
                f"on {leak.accuracy:.1%} of {leak.rows:,} held-out rows, the majority class on {leak.majority:.1%}; "
                "keep it from the model, and look where it comes from, for the texts may show the same.",
                {
                    "column": leak.column,
                    "rows": leak.rows,
                    "accuracy": leak.accuracy,
                    "majority": leak.majority,
                },
            )
        )
    sample = single
    if len(single) > _BOILERPLATE_ROWS:
        sample = np.sort(np.random.default_rng(0).choice(single, _BOILERPLATE_ROWS, replace=False))
    for name in names:
        findings += _boilerplate(
            name, [texts[name][row] for row in sample], [labels[row] for row in sample], len(names)
        )
    for name in names:
        findings += _length(name, [len(texts[name][row].split()) for row in single], kept, len(names))
    checked = {
        "rows": {split: len(table.labels) for split, table in tables.items()},
        "distinct_texts": len(single),
        "text_columns": names,
        "other_columns": shared,
        "texts_searched_for_boilerplate": len(sample),
    }
    return LeakReport(findings, checked)


def _telling_texts(texts: Mapping[str, list[str]]) -> list[str]:
    """Each row's text in the column that is longest on the whole, which tells a copy best; or what else it has."""
    lengths = {name: sum(map(len, values)) for name, values in texts.items()}
    order = sorted(texts, key=lambda name: -lengths[name])
    rows = zip(*(texts[name] for name in order), strict=True)
    return [next((text for text in row if text.strip()), "") for row in rows]


def _overlap(split_of: Sequence[str], labels: Sequence[str], exact: Ints, near: Ints) -> list[Finding]:
    splits = np.array(split_of)
    learnt = "train" if "train" in split_of else split_of[0]
    in_train = splits == learnt
    findings = []
    for split in dict.fromkeys(split_of):
        rows = np.flatnonzero(splits == split)
        copied = np.isin(exact[rows], exact[in_train])
        close = np.isin(near[rows], near[in_train])
        if split == learnt or not close.any():
            continue
        known: dict[int, set[str]] = {}
        for row in np.flatnonzero(in_train).tolist():
            known.setdefault(int(near[row]), set()).add(labels[row])
        contrary = sum(labels[row] not in known[int(near[row])] for row in rows[close].tolist())
        contradiction = f" ({contrary:,} of these under another label)" if contrary else ""
        findings.append(
            Finding(
                "overlap",
                f"Of {len(rows):,} {split} texts {int(copied.sum()):,} stand in {learnt} word for word and "
                f"{int((close & ~copied).sum()):,} nearly{contradiction}: drop them from {learnt}, or accuracy on "
                f"{split} is flattered.",
                {
                    "split": split,
                    "rows": len(rows),
                    "exact": int(copied.sum()),
                    "near": int((close & ~copied).sum()),
                    "other_label": contrary,
                },
            )
        )
    return findings


def _duplicates(split_of: Sequence[str], exact: Ints, near: Ints) -> list[Finding]:
    total = len(split_of)
    copies, close = total - len(np.unique(exact)), total - len(np.unique(near))
    if not close:
        return []
    sentence = (
        f"Of {total:,} {split_of[0]} texts {copies:,} repeat another word for word and {close - copies:,} nearly: where"
        " you cut a test set from these texts, keep copies on one side, as train.py does for validation."
    )
    return [Finding("duplicates", sentence, {"rows": total, "exact": copies, "near": close - copies})]


def _boilerplate(name: str, texts: list[str], labels: list[str], columns: int) -> list[Finding]:
    findings = []
    for leak in find_boilerplate(texts, labels, alpha=_ALPHA / columns):
        what = f"The text {leak.run!r} stands {leak.place}" if leak.run else "There is no word at all"
        sentence = (
            f"{what} in {name!r} of {leak.covered:.1%} of the {leak.label} texts and of {leak.elsewhere:.1%} of the "
            "others: remove it from all of them, or a model learns it instead of the rest."
        )
        figures = {
            "column": name,
            "text": leak.run,
            "place": leak.place,
            "label": leak.label,
            "share_of_label": leak.covered,
            "share_of_others": leak.elsewhere,
        }
        findings.append(Finding("boilerplate", sentence, figures))
    return findings


def _length(name: str, words: list[int], labels: list[str], columns: int) -> list[Finding]:
    """Mann and Whitney's U, which is the area under the ROC curve times the number of pairs, and its test."""
    lengths, names = np.array(words), sorted(set(labels))
    best: tuple[float, str] | None = None
    for label in names if len(names) > 1 else []:
        own = np.array([other == label for other in labels])
        test = mannwhitneyu(lengths[own], lengths[~own], method="asymptotic")
        auc = float(test.statistic) / (own.sum() * (~own).sum())
        # With two labels both say the same.
        sure = test.pvalue <= _ALPHA / (columns * len(names))
        if sure and abs(auc - 0.5) >= _AUC - 0.5 and (best is None or abs(auc - 0.5) > abs(best[0] - 0.5)):
            best = auc, label
    if best is None:
        return []
    auc, label = best
    own = np.array([other == label for other in labels])
    medians = float(np.median(lengths[own])), float(np.median(lengths[~own]))
    sentence = (
        f"The number of words in {name!r} alone tells {label} from the others with an area under the ROC curve of "
        f"{max(auc, 1 - auc):.3f} (median {medians[0]:g} words against {medians[1]:g}): cut all texts to one length, "
        "or measure by length too."
    )
    figures = {"column": name, "label": label, "auc": max(auc, 1 - auc), "medians": list(medians)}
    return [Finding("length", sentence, figures)]


def _rows(columns: Mapping[str, list[Any]], rows: Ints) -> dict[str, list[Any]]:
    return {name: [values[row] for row in rows] for name, values in columns.items()}
