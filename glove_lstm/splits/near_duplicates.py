"""Find near duplicates among any number of texts.

Two texts are near duplicates if their sets of runs of five words have a Jaccard similarity of at least 0.8. Near
duplicates share one of their rarest runs, so only texts that share one are compared: prefix filtering (Xiao et al.
2008, "Efficient similarity joins for near duplicate detection"). The runs of a footer under every text are the most
frequent ones. They lead to no comparison.
"""

import re
import unicodedata
from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import DisjointSet

from glove_lstm.progress import progress
from glove_lstm.unicode_scripts import CHARACTER, LETTER, SYMBOLS

Ints = NDArray[np.int64]
Hashes = NDArray[np.uint64]

_ASCII_WORD = re.compile(r"\w+", re.ASCII)
_WORD = re.compile(rf"{CHARACTER}|{LETTER}+|[{SYMBOLS}]")  # in scripts without spaces, a character
_WORDS = 5  # of a run
_PADDING = 0  # the number of no word; fills texts that are shorter than a run
_BLOCK = 1000  # texts whose runs are hashed together
_COMPARED = 50  # of the texts with a run, the first 50 and the last 50 are compared
# Factors of the hash of a run, one for each place, and a last one for words. Multiplying by an odd number is a
# permutation modulo 2**64.
_ODD = np.random.default_rng(5).integers(0, 2**63, _WORDS + 1, dtype=np.uint64) * 2 + 1
_LARGEST_HASH = np.array([2**64 - 1], dtype=np.uint64)


@dataclass(frozen=True, eq=False)
class _Block:
    """The runs of a block of n texts, one text after the other. A text may repeat a run."""

    hashes: Hashes  # (m,)
    counts: Ints  # (n,) runs of each text


@dataclass(frozen=True, eq=False)
class _Runs:
    """The distinct runs of n texts. Runs that occur once are counted, and not kept."""

    sizes: Ints  # (n,) distinct runs of each text
    starts: Ints  # (n + 1,) where the kept runs of each text begin
    kept: Ints  # the rank of each run, 0 for the rarest of all runs; ascending in each text

    def of(self, text: int) -> Ints:
        return self.kept[self.starts[text] : self.starts[text + 1]]


def join_near_duplicates(texts: Sequence[str]) -> DisjointSet:
    """Join the texts that are near duplicates; return the sets of their numbers, 0 ... n - 1.

    The time is about linear in the number of runs, because a run leads to at most 100 comparisons of a text. So a pair
    can be missed if every rare run that it shares is in more than 100 texts.
    """
    sets = DisjointSet(range(len(texts)))
    runs = _rank_runs(list(_hash_runs(texts)))
    in_text = np.zeros(runs.kept.max(initial=0) + 1, dtype=bool)  # the runs of one text at a time
    for text, others in _candidates(runs):
        runs_of_text = runs.of(text)
        in_text[runs_of_text] = True
        in_both = _count_marked(in_text, [runs.of(other) for other in others])
        in_text[runs_of_text] = False
        in_either = runs.sizes[text] + runs.sizes[others] - in_both
        are_similar = 5 * in_both >= 4 * in_either  # Jaccard similarity of at least 0.8
        for other in np.array(others)[are_similar].tolist():
            sets.merge(text, other)
    return sets


def _hash_runs(texts: Sequence[str]) -> Iterator[_Block]:
    """Yield the runs of all texts, block by block."""
    numbers: dict[str, int] = {}  # of the words, from 1
    words = array("Q")  # the words of the texts of a block, as numbers
    lengths = array("q")  # words of each of these texts
    for text in progress("Near duplicates: reading", texts):
        words_of_text = []
        pattern = _ASCII_WORD  # the faster one
        if not text.isascii():
            pattern = _WORD
            text = unicodedata.normalize("NFC", text)
        for word in pattern.findall(text.lower()):
            number = numbers.setdefault(word, len(numbers) + 1)
            words_of_text.append(number)
        if 0 < len(words_of_text) < _WORDS:
            words_of_text += [_PADDING] * (_WORDS - len(words_of_text))
        words.extend(words_of_text)
        lengths.append(len(words_of_text))
        if len(lengths) == _BLOCK:
            yield _hash_block(words, lengths)
            words = array("Q")
            lengths = array("q")
    yield _hash_block(words, lengths)


def _hash_block(words: Sequence[int], lengths: Sequence[int]) -> _Block:
    """Hash the runs of n texts.

    Args:
        words: The numbers of the words, one text after the other.
        lengths: Words of each text: none, or enough for a run.
    """
    mixed_words = np.array(words, dtype=np.uint64) * _ODD[_WORDS]
    mixed_words ^= mixed_words >> np.uint64(31)
    # A run begins at each word that has four words after it.
    count = max(len(words) - _WORDS + 1, 0)
    hashes = np.zeros(count, dtype=np.uint64)
    for place in range(_WORDS):
        hashes += mixed_words[place : place + count] * _ODD[place]

    # Some of these runs begin in one text and end in the next. They are left out.
    text_of_word = np.repeat(np.arange(len(lengths)), lengths)
    text_of_first_word = text_of_word[:count]
    text_of_last_word = text_of_word[_WORDS - 1 :]
    in_one_text = text_of_first_word == text_of_last_word
    counts = np.bincount(text_of_first_word[in_one_text], minlength=len(lengths))
    return _Block(hashes[in_one_text], counts)


def _rank_runs(blocks: Sequence[_Block]) -> _Runs:
    """Rank the runs that occur several times, the rarest first."""
    repeated = _repeated_hashes([block.hashes for block in blocks])
    # Each of these lists gets an array for each block.
    sizes = []
    texts = []
    places = []
    texts_before = 0
    for block in blocks:
        sizes_of_block, text_of_pair, place_of_pair = _distinct_runs(block, repeated)
        sizes.append(sizes_of_block)
        texts.append(text_of_pair + texts_before)
        places.append(place_of_pair)
        texts_before += len(block.counts)
    # All pairs of a text and a run of it. The run is given by the place of its hash in `repeated`.
    text_of_pair = np.concatenate(texts)
    place_of_pair = np.concatenate(places)

    frequency = np.bincount(place_of_pair, minlength=len(repeated))  # texts with each run
    rarest_first = np.argsort(frequency, kind="stable")  # places
    rank_of_place = np.empty(len(repeated), dtype=np.int64)
    rank_of_place[rarest_first] = np.arange(len(repeated))

    # They are distinct already; this orders the runs of each text by rank.
    text_of_pair, rank_of_pair = _distinct_pairs(text_of_pair, rank_of_place[place_of_pair])
    kept_of_text = np.bincount(text_of_pair, minlength=texts_before)
    starts = np.concatenate([[0], np.cumsum(kept_of_text)])
    return _Runs(np.concatenate(sizes), starts, kept=rank_of_pair)


def _distinct_runs(block: _Block, repeated: Hashes) -> tuple[Ints, Ints, Ints]:
    """Find the distinct runs of each text of a block.

    Args:
        block: n texts.
        repeated: Hashes that occur several times in the texts of all blocks; see `_repeated_hashes`.

    Returns:
        The number of distinct runs of each text, (n,). Then all pairs of a text and a run of it that is in `repeated`,
        in ascending order: the numbers of the texts in the block, and the places of the runs in `repeated`.
    """
    text_count = len(block.counts)
    text_of_run = np.repeat(np.arange(text_count), block.counts)
    place_of_run = np.searchsorted(repeated, block.hashes)
    is_repeated = repeated[place_of_run] == block.hashes
    text_of_pair, place_of_pair = _distinct_pairs(
        text_of_run[is_repeated], place_of_run[is_repeated]
    )
    # A run that is not in `repeated` occurs once in all texts, so it is distinct.
    single_runs = np.bincount(text_of_run[~is_repeated], minlength=text_count)
    repeated_runs = np.bincount(text_of_pair, minlength=text_count)
    return single_runs + repeated_runs, text_of_pair, place_of_pair


def _distinct_pairs(texts: Ints, runs: Ints) -> tuple[Ints, Ints]:
    """Sort pairs of a text and a run by text and then by run, and leave the repetitions out.

    Each pair becomes one number, because numbers are sorted faster than pairs: with 100 runs, text 3 and run 12 are the
    number 312.
    """
    run_count = runs.max(initial=0) + 1
    numbers = texts * run_count + runs
    numbers.sort()
    return np.divmod(_distinct(numbers), run_count)


def _repeated_hashes(blocks: Sequence[Hashes]) -> Hashes:
    """Return the hashes that occur several times, ascending, and the largest hash there can be.

    With the largest one, `np.searchsorted` always returns an index within the array.
    """
    ordered = np.concatenate(blocks)
    ordered.sort()
    is_repetition = ordered[1:] == ordered[:-1]
    repeated = _distinct(ordered[1:][is_repetition])
    return np.concatenate([repeated, _LARGEST_HASH])


def _candidates(runs: _Runs) -> Iterator[tuple[int, list[int]]]:
    """Yield each text that may have near duplicates, with texts of at most its size that share a rare run."""
    # Near duplicates share at least 4/5 of the runs of the larger text, and 8/9 of the runs of the smaller text:
    # shared >= 4/5 (larger + smaller - shared) gives 9/5 shared >= 4/5 (larger + smaller) >= 8/5 smaller.
    # The rarest shared run is among the first `probed` runs of the larger and the first `indexed` runs of the smaller.
    probed = _prefix_lengths(runs, 4, 5).tolist()
    indexed = _prefix_lengths(runs, 8, 9).tolist()
    smallest_first = np.argsort(runs.sizes, kind="stable").tolist()
    texts = [text for text in smallest_first if probed[text] > 0]
    texts_of_run: defaultdict[int, list[int]] = defaultdict(list)  # texts so far, by indexed run
    for text in progress("Near duplicates: comparing", texts):
        rarest = runs.of(text)[: probed[text]].tolist()
        others: set[int] = set()
        for run in rarest:
            with_run = texts_of_run[run]
            others.update(with_run[:_COMPARED], with_run[-_COMPARED:])
        if others:
            yield text, sorted(others)
        for run in rarest[: indexed[text]]:
            texts_of_run[run].append(text)


def _prefix_lengths(runs: _Runs, shared: int, of: int) -> Ints:
    """Return how many of the first kept runs of each text to compare: (n,).

    They find all texts that share at least `shared` / `of` of the runs of the text. If k of its m runs are shared, the
    rarest shared run is among its m - k + 1 rarest runs, because only m - k runs are not shared. Runs that occur once
    are the rarest of all; they are not kept.
    """
    fewest_shared = (shared * runs.sizes + of - 1) // of  # rounded up
    rarest = runs.sizes - fewest_shared + 1
    kept = np.diff(runs.starts)
    occur_once = runs.sizes - kept
    return np.maximum(rarest - occur_once, 0)


def _count_marked(marked: NDArray[np.bool_], arrays: Sequence[Ints]) -> Ints:
    """Count the marked numbers of each of several arrays, none of which is empty."""
    ends = np.cumsum([len(numbers) for numbers in arrays])
    starts = np.append(0, ends[:-1])
    is_marked = marked[np.concatenate(arrays)]
    return np.add.reduceat(is_marked, starts, dtype=np.int64)


def _distinct(ordered: NDArray[Any]) -> NDArray[Any]:
    """Leave the repetitions out of an array in ascending order."""
    if not len(ordered):
        return ordered
    is_new = np.append(True, ordered[1:] != ordered[:-1])
    return ordered[is_new]
