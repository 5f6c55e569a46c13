"""Runs of words that stand almost only under one label: a source's boilerplate, as in `CITY (Reuters) - `."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import hypergeom

Ints = NDArray[np.int64]

_TOKEN = re.compile(r"\w+|[^\w\s]")
_LONGEST = 5  # words and marks in a run
# What counts as boilerplate, and not as style: at most one text with it in twenty has another label (were the labels
# equally frequent), and it stands in a quarter of its own label's texts. Words of a topic or of a style reach one or
# the other, seldom both.
_EXCLUSIVE, _COVERED = 0.05, 0.25
_FEWEST = 10  # texts that a run must stand in: with fewer nothing is significant among thousands of runs
_NEAR_EDGE, _EDGE = 15, 0.2  # words and marks from the edge, and which share of the text that is at the most
_START, _END = 0, 1  # stand before the first and after the last token


@dataclass(frozen=True)
class Boilerplate:
    """A run of words that gives a label away.

    Attributes:
        run: As it is written in one of the texts; "" where the text has no word at all.
        label: That it gives away.
        place: "as the beginning", "near the beginning", "as the end", "near the end" or "inside".
        covered: Share of the label's texts in which it stands.
        elsewhere: Share of the other texts in which it stands.
    """

    run: str
    label: str
    place: str
    covered: float
    elsewhere: float


@dataclass(frozen=True, eq=False)
class _Run:
    """A run by its first place in each text that has it: n words, `texts` ascending, and where it begins in them."""

    words: int
    texts: Ints
    begins: Ints
    covered: float
    elsewhere: float


def find_boilerplate(
    texts: Sequence[str], labels: Sequence[str], *, alpha: float = 0.001
) -> list[Boilerplate]:
    """Find the runs of up to five words or marks, beginnings and ends included, that almost only one label has.

    A run counts when it covers a quarter of its label's texts, when the share among the other texts is at most a
    twentieth of that, and when chance is ruled out: the hypergeometric test over all runs and labels together errs
    with a probability of at most `alpha` (Bonferroni). Of runs in the same texts the longest is told.

    Args:
        texts: n texts, without duplicates, which would count as independent evidence.
        labels: n labels.
        alpha: Probability of finding anything where labels are random.
    """
    names = sorted(set(labels))
    label_of = np.array([names.index(label) for label in labels], dtype=np.int64)
    sizes = np.bincount(label_of, minlength=len(names))
    if len(names) < 2:
        return []
    # Chosen by how many texts have it at all, which says nothing of labels: so the test below stays valid.
    least = max(_FEWEST, int(_COVERED * sizes.min()))
    runs, tested = _frequent_runs(texts, label_of, sizes, least)
    found = []
    for label, of_label in enumerate(runs):
        alpha_each = alpha / max(tested * len(names), 1)
        sure = [run for run in of_label if _chance(run, label_of, label, sizes) <= alpha_each]
        for run in _distinct(sure):
            shown, place = _show(run, texts)
            found.append(Boilerplate(shown, names[label], place, run.covered, run.elsewhere))
    return found


def _frequent_runs(
    texts: Sequence[str], label_of: Ints, sizes: Ints, least: int
) -> tuple[list[list[_Run]], int]:
    """Runs by the label that they may give away, and how many there were to choose from.

    A run can only be frequent if both its parts that are one shorter are, so that few runs are ever looked at.
    """
    words, text_of, place_of = _number_words(texts)
    runs: list[list[_Run]] = [[] for _ in sizes]
    tested = 0
    for length in range(1, _LONGEST + 1):
        # `words` now numbers the runs of this length by where they begin; -1: not frequent, or past the text's end.
        valid = np.flatnonzero(words >= 0)
        if not len(valid):
            break
        by_run = valid[np.lexsort((valid, words[valid]))]
        first = np.ones(len(by_run), dtype=bool)  # of the run in its text
        first[1:] = (np.diff(words[by_run]) != 0) | (np.diff(text_of[by_run]) != 0)
        firsts = by_run[first]
        starts = np.flatnonzero(np.diff(words[firsts], prepend=-1))
        counts = np.diff(starts, append=len(firsts))
        keep = np.flatnonzero(counts >= least)
        tested += len(keep)
        number = np.full(int(words.max(initial=-1)) + 1, -1, dtype=np.int64)
        for index in keep:
            at = firsts[starts[index] : starts[index] + counts[index]]
            number[words[at[0]]] = index
            rows = text_of[at]
            having = np.bincount(label_of[rows], minlength=len(sizes))
            for label, size in enumerate(sizes):
                covered = float(having[label] / size)
                elsewhere = float((len(rows) - having[label]) / (len(label_of) - size))
                if covered >= _COVERED and elsewhere <= _EXCLUSIVE * covered:
                    runs[label].append(_Run(length, rows, place_of[at], covered, elsewhere))
        words = np.where(words >= 0, number[words], -1)
        same = np.append(text_of[1:] == text_of[:-1], False)
        following = np.append(words[1:], -1)
        pairs = np.where(same & (words >= 0) & (following >= 0), words * (len(starts) + 1) + following, -1)
        words = np.full(len(words), -1, dtype=np.int64)
        words[pairs >= 0] = np.unique(pairs[pairs >= 0], return_inverse=True)[1].reshape(-1)
    return runs, tested


def _number_words(texts: Sequence[str]) -> tuple[Ints, Ints, Ints]:
    """All words and marks of all texts in one row: their numbers, their texts, and their places in these."""
    known: dict[str, int] = {}
    rows = [
        [_START, *(known.setdefault(word, len(known) + 2) for word in _TOKEN.findall(text)), _END]
        for text in texts
    ]
    lengths = [len(row) for row in rows]
    words = np.array([word for row in rows for word in row], dtype=np.int64)
    text_of = np.repeat(np.arange(len(rows)), lengths)
    place_of = np.concatenate([np.arange(length) for length in lengths]) if lengths else words
    return words, text_of, place_of


def _chance(run: _Run, label_of: Ints, label: int, sizes: Ints) -> float:
    """Probability that so many of the run's texts have the label if labels were dealt at random."""
    having = int((label_of[run.texts] == label).sum())
    return float(hypergeom.sf(having - 1, len(label_of), sizes[label], len(run.texts)))


def _distinct(runs: list[_Run]) -> list[_Run]:
    """One run for each set of texts: of those within the most frequent one's texts, the longest that has most."""
    left = sorted(runs, key=lambda run: -run.covered)
    found = []
    while left:
        leader = left[0]
        within = [run for run in left if np.isin(run.texts, leader.texts).mean() >= 0.9]
        close = [run for run in within if run.covered >= 0.9 * leader.covered]
        found.append(max(close, key=lambda run: (run.words, run.covered)))
        left = [run for run in left if run not in within]
    return found


def _show(run: _Run, texts: Sequence[str]) -> tuple[str, str]:
    """The run as one text has it, and where in the texts it mostly stands."""
    text, begin = texts[run.texts[0]], int(run.begins[0]) - 1  # without _START
    spans = [match.span() for match in _TOKEN.finditer(text)]
    inside = [place for place in range(begin, begin + run.words) if 0 <= place < len(spans)]
    shown = text[spans[inside[0]][0] : spans[inside[-1]][1]] if inside else ""
    lengths = np.array([len(_TOKEN.findall(texts[row])) for row in run.texts])
    if run.begins[0] == 0:  # _START belongs to the run, in every text
        return shown, "as the beginning"
    if begin + run.words > len(spans):
        return shown, "as the end"
    for edge, distance in (("beginning", run.begins), ("end", lengths - run.begins)):
        if np.median(distance) <= _NEAR_EDGE and np.median(distance / np.maximum(lengths, 1)) <= _EDGE:
            return shown, f"near the {edge}"
    return shown, "inside"
