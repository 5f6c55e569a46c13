"""Find near duplicates among any number of texts.

Two texts are near duplicates if their sets of runs of five words have a Jaccard similarity of at least 0.8. Near
duplicates share one of the rarest fifth of their runs (prefix filtering; Xiao et al. 2008, "Efficient similarity joins
for near duplicate detection"), so only texts that share one of these are compared.
"""

import re
import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components
from sklearn.feature_extraction.text import HashingVectorizer

from glove_lstm.progress import progress
from glove_lstm.tokenization.word_shapes import replace_surrogates
from glove_lstm.unicode_scripts import WORD_OR_SYMBOL

Ints = NDArray[np.int64]

_WORD = re.compile(WORD_OR_SYMBOL)
_WORDS = 5  # of a run
_HASHES = 2**31 - 1
_COMPARED = 50  # of shorter texts that share a run, the first 50 and the last 50 are compared
_BLOCK = 10_000  # pairs of texts that are compared together


def join_near_duplicates(texts: Sequence[str]) -> Ints:
    """Return the group of each of n texts: (n,). Near duplicates, and their near duplicates, are in one group.

    The time is about linear in the number of runs, because a run leads to at most 100 comparisons of a text. So a pair
    can be missed if every rare run that it shares is in more than 100 texts.
    """
    if not len(texts):
        return np.zeros(0, dtype=np.int64)
    vectorizer = HashingVectorizer(
        analyzer=_runs_of, binary=True, norm=None, alternate_sign=False, n_features=_HASHES
    )
    runs = csr_array(vectorizer.transform(progress("Near duplicates", texts)))
    sizes = np.diff(runs.indptr)  # runs of each text
    pairs = _candidates(runs, sizes)
    are_similar = np.zeros(len(pairs), dtype=bool)
    for start in range(0, len(pairs), _BLOCK):
        block = slice(start, start + _BLOCK)
        first, second = pairs[block].T
        in_both = runs[first].multiply(runs[second]).sum(axis=1)
        in_either = sizes[first] + sizes[second] - in_both
        are_similar[block] = 5 * in_both >= 4 * in_either
    first, second = pairs[are_similar].T
    graph = coo_array((np.ones(len(first)), (first, second)), shape=(len(texts), len(texts)))
    _, groups = connected_components(graph, directed=False)
    return groups


def _runs_of(text: str) -> list[str]:
    """Return the runs of a text; all words if these are fewer than five."""
    text = unicodedata.normalize("NFC", replace_surrogates(text))
    words = _WORD.findall(text.lower())
    if 0 < len(words) < _WORDS:
        return [" ".join(words)]
    shifted = [words[shift:] for shift in range(_WORDS)]
    return [" ".join(run) for run in zip(*shifted, strict=False)]


def _candidates(runs: csr_array, sizes: Ints) -> Ints:
    """Return pairs of texts that may be near duplicates, each pair once: (pairs, 2).

    Args:
        runs: (n, runs), an entry for each run of each text.
        sizes: (n,) the runs of each text.
    """
    _, run_of_entry, frequencies = np.unique(runs.indices, return_inverse=True, return_counts=True)
    text_of_entry = np.repeat(np.arange(len(sizes)), sizes)
    frequency = frequencies[run_of_entry]

    # The entries of each text, those of the rarest runs first.
    order = np.lexsort((run_of_entry, frequency, text_of_entry))
    place_in_text = np.arange(len(order)) - runs.indptr[text_of_entry]
    are_rarest = (place_in_text <= sizes[text_of_entry] // 5) & (frequency[order] > 1)
    rarest = order[are_rarest]

    # The entries of each run, those of the shortest texts first.
    rarest = rarest[np.lexsort((sizes[text_of_entry[rarest]], run_of_entry[rarest]))]
    texts = text_of_entry[rarest]
    run_of_text = run_of_entry[rarest]
    place = np.arange(len(texts))
    first_of_run = np.searchsorted(run_of_text, run_of_text)
    pairs = []
    for shift in range(_COMPARED):
        one_of_shortest = first_of_run + shift
        next_shorter = place - 1 - shift
        for other in (one_of_shortest, next_shorter):
            have_same_run = (first_of_run <= other) & (other < place)
            shorter, longer = texts[other[have_same_run]], texts[have_same_run]
            are_alike_in_size = 5 * sizes[shorter] >= 4 * sizes[longer]
            pairs.append(np.column_stack([shorter, longer])[are_alike_in_size])
    numbers = np.unique(np.sort(np.concatenate(pairs)) @ [len(sizes), 1])
    return np.column_stack(np.divmod(numbers, len(sizes)))
