"""Altered copies of texts, on which a model learns more of its teacher.

A copy has words exchanged for words of similar vectors, as in TinyBERT (Jiao et al. 2020,
https://arxiv.org/abs/1909.10351), and words dropped, and may be cut to a span of words, as in Tang et al. 2019
(https://arxiv.org/abs/1903.12136). Altering may change which label is right; the teacher is asked about the altered
text.
"""

import random
import string
from collections.abc import Mapping, Sequence

from sklearn.neighbors import NearestNeighbors

from glove_lstm.progress import progress
from glove_lstm.text.corruptions import split_words
from glove_lstm.vectors.glove import GloveVectors

# DECISIONS.md says what was tried.
_DROPPED = 0.1  # share of the words
_EXCHANGED = 0.3  # share of the words
_CUT = 0.4  # share of the copies that are cut to a span of words
_SHORTEST = 2  # words of a span

_COPIES = 80_000  # of all training texts, about
_MOST_COPIES = 14  # of a text

_FREQUENT = 60_000  # most frequent words of GloVe, among which similar words are looked for
_NEIGHBOURS = 10  # similar words for each word
_LEAST_SIMILARITY = 0.4  # cosine
_BLOCK = 512  # words whose similarities are computed together

_AROUND = string.whitespace + string.punctuation + "\u2018\u2019\u201c\u201d\u2026"


def copies_of_each(count: int) -> int:
    """Return how many altered copies each of `count` labelled texts has."""
    return min(round(_COPIES / max(count, 1)), _MOST_COPIES)


def make_copies(texts: Sequence[str], count: int, glove: GloveVectors | None) -> list[str]:
    """Return `count` altered copies of each text.

    A copy depends on its text and on the vectors only. A run with another seed has the same copies, for which the
    teacher's logits are kept.

    Args:
        texts: n texts.
        count: Copies of each.
        glove: Vectors of words; None: no words are exchanged.
    """
    words_of_texts = [split_words(" ".join(text.split())) for text in texts]
    neighbours: Mapping[str, Sequence[str]] = {}
    if glove is not None and count:
        words = {_bare(word) for words_of_text in words_of_texts for word in words_of_text}
        neighbours = similar_words(sorted(words), glove)
    copies = []
    with progress("Altering copies", total=len(texts) * count) as bar:
        for text, words_of_text in zip(texts, words_of_texts, strict=True):
            for number in range(count):
                generator = random.Random(f"{number} {text}")  # noqa: S311 - no secret
                copies.append(_alter(words_of_text, neighbours, generator))
            bar.update(count)
    return copies


def _alter(
    words: Sequence[str], neighbours: Mapping[str, Sequence[str]], generator: random.Random
) -> str:
    """Return an altered copy of a text with these words, each with the space after it."""
    altered = []
    for word in words:
        chance = generator.random()
        if chance < _DROPPED:
            continue
        others = neighbours.get(_bare(word), ())
        if others and chance < _DROPPED + _EXCHANGED:
            altered.append(_with_style_of(word, generator.choice(others)))
        else:
            altered.append(word)
    if len(altered) > _SHORTEST and generator.random() < _CUT:
        length = generator.randint(_SHORTEST, len(altered))
        first = generator.randint(0, len(altered) - length)
        altered = altered[first : first + length]
    return "".join(altered or words).rstrip()


def _bare(word: str) -> str:
    """Return a word in lower case, without punctuation and spaces around it."""
    return word.strip(_AROUND).lower()


def _with_style_of(word: str, other: str) -> str:
    """Return the other word with the case and the punctuation of a word."""
    bare = word.strip(_AROUND)
    if len(bare) > 1 and bare.isupper():
        other = other.upper()
    elif bare[0].isupper():
        other = other.capitalize()
    return word.replace(bare, other, 1)


def similar_words(words: Sequence[str], glove: GloveVectors) -> dict[str, list[str]]:
    """Return up to ten frequent words of similar vectors for each word that has a vector, the most similar first."""
    known = [word for word in words if word in glove.index]
    if not known:
        return {}
    frequent = glove.vectors[:_FREQUENT]
    # One more, because the word itself is the nearest if it is frequent.
    count = min(_NEIGHBOURS + 1, len(frequent))
    finder = NearestNeighbors(n_neighbors=count, metric="cosine", algorithm="brute").fit(frequent)
    similar = {}
    with progress("Looking for similar words", total=len(known), unit=" words") as bar:
        for start in range(0, len(known), _BLOCK):
            block = known[start : start + _BLOCK]
            vectors = glove.vectors[[glove.index[word] for word in block]]
            distances, rows = finder.kneighbors(vectors)
            for word, word_distances, word_rows in zip(block, distances, rows, strict=True):
                near = word_rows[word_distances <= 1 - _LEAST_SIMILARITY].tolist()
                others = [glove.words[row] for row in near if glove.words[row] != word]
                similar[word] = others[:_NEIGHBOURS]
            bar.update(len(block))
    return similar
