"""Find near duplicates among any number of texts.

Two texts are near duplicates if their sets of runs of five words have a Jaccard similarity of at least 0.8. Near
duplicates share one of their rarest runs, so only texts that share one are compared: prefix filtering (Xiao et al.
2008, "Efficient similarity joins for near duplicate detection"). The runs of a footer under every text are the most
frequent ones. They lead to no comparison.
"""

import re
from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import DisjointSet

from glove_lstm.progress import with_progress

Ints = NDArray[np.int64]
Hashes = NDArray[np.uint64]

_WORD = re.compile(r"\w+")
_WORDS = 5  # of a run
_PADDING = 0  # the number of no word; fills texts that are shorter than a run
_BLOCK = 1000  # texts whose runs are hashed together
_COMPARED = 50  # texts with a run that are compared, from either end of the run's list
# Multiplying by an odd number is a permutation modulo 2**64.
_ODD = np.random.default_rng(5).integers(0, 2**63, _WORDS + 1, dtype=np.uint64) * 2 + 1
_LARGEST = np.array([2**64 - 1], dtype=np.uint64)


@dataclass(frozen=True, eq=False)
class _Runs:
    """The distinct runs of n texts. Runs that occur once are counted, and not kept."""

    sizes: Ints  # (n,) distinct runs of each text
    starts: Ints  # (n + 1,) where the kept runs of each text begin
    kept: Ints  # runs as numbers, a rarer one has a smaller number; ascending in each text

    def of(self, text: int) -> Ints:
        return self.kept[self.starts[text] : self.starts[text + 1]]


def join_near_duplicates(texts: Sequence[str]) -> DisjointSet:
    """Join the texts that are near duplicates; return the sets of their numbers, 0 ... n - 1.

    The time is about linear in the number of runs: a run leads to at most 100 comparisons a text. A pair is missed only
    if more than 100 texts have each of the rarest runs that the two share among their own rarest ninth.
    """
    sets = DisjointSet(range(len(texts)))
    runs = _number_runs(list(_hash_runs(texts)))
    is_own = np.zeros(runs.kept.max(initial=0) + 1, dtype=bool)  # the runs of one text at a time
    for text, others in _candidates(runs):
        own = runs.of(text)
        is_own[own] = True
        common = _count_marked(is_own, [runs.of(other) for other in others])
        is_own[own] = False
        either = runs.sizes[text] + runs.sizes[others] - common
        for other in np.array(others)[5 * common >= 4 * either].tolist():
            sets.merge(text, other)
    return sets


def _hash_runs(texts: Sequence[str]) -> Iterator[tuple[Hashes, Ints]]:
    """Yield the hashes of the runs of a block of texts, and the number of runs of each of these texts."""
    known: dict[str, int] = {}
    words, lengths = array("Q"), array("q")
    for text in with_progress(texts, "Near duplicates: reading"):
        own = [known.setdefault(word, len(known) + 1) for word in _WORD.findall(text.lower())]
        if 0 < len(own) < _WORDS:
            own += [_PADDING] * (_WORDS - len(own))
        words.extend(own)
        lengths.append(len(own))
        if len(lengths) == _BLOCK:
            yield _hash_block(words, lengths)
            words, lengths = array("Q"), array("q")
    yield _hash_block(words, lengths)


def _hash_block(words: Sequence[int], lengths: Sequence[int]) -> tuple[Hashes, Ints]:
    """Hash the runs of texts; `words` are the numbers of the words of one text after the other."""
    hashed = np.array(words, dtype=np.uint64) * _ODD[_WORDS]
    hashed ^= hashed >> np.uint64(31)
    count = max(len(words) - _WORDS + 1, 0)
    hashes = np.zeros(count, dtype=np.uint64)
    for place in range(_WORDS):
        hashes += hashed[place : place + count] * _ODD[place]

    text_of = np.repeat(np.arange(len(lengths)), lengths)
    first, last = text_of[:count], text_of[len(words) - count :]
    in_one_text = first == last
    return hashes[in_one_text], np.bincount(first[in_one_text], minlength=len(lengths))


def _number_runs(blocks: Sequence[tuple[Hashes, Ints]]) -> _Runs:
    """Number the runs that occur several times."""
    ordered = np.concatenate([hashes for hashes, _ in blocks])
    ordered.sort()
    repeated = _distinct(ordered[1:][ordered[1:] == ordered[:-1]])
    del ordered
    repeated = np.concatenate([repeated, _LARGEST])  # so that every search ends within the array
    kinds = len(repeated)

    # A pair of a text and a run is the number text * kinds + run.
    pairs, sizes, read = [], [], 0
    for hashes, counts in blocks:
        text_of = np.repeat(np.arange(len(counts)), counts)
        run_of = np.searchsorted(repeated, hashes)
        is_repeated = repeated[run_of] == hashes
        found = np.sort(text_of[is_repeated] * kinds + run_of[is_repeated])
        distinct = _distinct(found)  # a text may repeat a run
        once = np.bincount(text_of[~is_repeated], minlength=len(counts))
        sizes.append(once + np.bincount(distinct // kinds, minlength=len(counts)))
        pairs.append(distinct + read * kinds)
        read += len(counts)

    # Number the runs by the texts that have them.
    text_of, run_of = np.divmod(np.concatenate(pairs), kinds)
    frequency = np.bincount(run_of, minlength=kinds)
    number = np.empty(kinds, dtype=np.int64)
    number[np.argsort(frequency, kind="stable")] = np.arange(kinds)
    ordered_pairs = np.sort(text_of * kinds + number[run_of])
    kept = np.bincount(text_of, minlength=read)
    starts = np.concatenate([[0], np.cumsum(kept)])
    return _Runs(np.concatenate(sizes), starts, ordered_pairs % kinds)


def _candidates(runs: _Runs) -> Iterator[tuple[int, list[int]]]:
    """Yield each text that may have near duplicates, with texts of at most its size that share a rare run."""
    # Runs are left out from the most frequent one on. A near duplicate has at least 4/5 of the n runs of a text, and a
    # larger near duplicate at least 8/9. So the rarest n - 4/5 * n + 1 runs of a text (the probing prefix) hold one
    # that is also among the rarest n - 8/9 * n + 1 (the indexing prefix) of each smaller near duplicate.
    sizes = runs.sizes
    in_one_text = sizes - np.diff(runs.starts)  # the rarest of all, which lead nowhere
    fewest_common = (4 * sizes + 4) // 5  # 4/5, rounded up
    fewest_common_with_larger = (8 * sizes + 8) // 9
    probed = np.maximum(sizes - fewest_common + 1 - in_one_text, 0)
    indexed = np.maximum(sizes - fewest_common_with_larger + 1 - in_one_text, 0)
    smallest_first = np.argsort(sizes, kind="stable")
    texts = smallest_first[probed[smallest_first] > 0].tolist()
    index: defaultdict[int, list[int]] = defaultdict(list)  # run -> smaller texts
    for text in with_progress(texts, "Near duplicates: comparing"):
        rarest = runs.of(text)[: probed[text]].tolist()
        others: set[int] = set()
        for run in rarest:
            others.update(index[run][:_COMPARED], index[run][-_COMPARED:])
        if others:
            yield text, sorted(others)
        for run in rarest[: indexed[text]]:
            index[run].append(text)


def _count_marked(marked: NDArray[np.bool_], arrays: Sequence[Ints]) -> Ints:
    """Count the marked numbers of each of several arrays, none of which is empty."""
    ends = np.cumsum([len(array) for array in arrays])
    return np.add.reduceat(marked[np.concatenate(arrays)], np.append(0, ends[:-1]), dtype=np.int64)


def _distinct(ordered: NDArray[Any]) -> NDArray[Any]:
    """Leave the repetitions out of an array in ascending order."""
    is_new = np.append(True, ordered[1:] != ordered[:-1])
    return ordered[is_new[: len(ordered)]]
