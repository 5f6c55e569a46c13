"""Correct words that the vocabulary lacks, if a single typing error explains them. Travels to the Hub.

Four in five misspelt words have one letter too few, one too many, a wrong one, or two swapped (Damerau 1964,
https://doi.org/10.1145/363958.363994). Among the known words that one such error turns into the unknown word, the most
frequent is taken, as in Norvig's corrector (2007, https://norvig.com/spell-correct.html).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from string import ascii_lowercase
from typing import Any

import numpy as np
from tokenizers import Token, Tokenizer
from tokenizers.pre_tokenizers import PreTokenizer, Sequence

# Letters of a corrected word; too many words are one error away from a shorter one.
_SHORTEST, _LONGEST = 4, 24
_CACHED = 100_000  # words, after which the cache is emptied
_FEW = 500  # unknown words looked up without an index, which takes longer to build
_BASE = 0x9E3779B97F4A7C15  # of hashes: odd, so that it has an inverse modulo 2^64
_POWERS = [pow(_BASE, place, 1 << 64) for place in range(_LONGEST + 1)]
_INVERSE = pow(_BASE, -1, 1 << 64)


class SpellingCorrector:
    """Tokenize words with unknown words corrected; alignments still point into the original text.

    Only words of 4 to 24 Latin letters (a to z, as the pipeline lower-cases them) are corrected. Of several known words
    the one with the smallest id is taken, because `build_tokenizer` sorts by frequency. Other unknown words stay as
    they are: pieces, or the unknown token.

    Args:
        backend: The pipeline; its vocabulary is the known words.
    """

    def __init__(self, backend: Tokenizer) -> None:
        self._backend = backend
        self._model = backend.model
        self._id = self._model.token_to_id
        self._cache: dict[str, list[Token]] = {}
        self._searches = 0
        self._index: _Index | None = None

    @contextmanager
    def attached(self) -> Iterator[None]:
        """Attach to the backend, which cannot be saved meanwhile.

        No other thread may use the backend meanwhile: one would wait for the interpreter lock while it holds the
        pipeline, the other for the pipeline while it holds the interpreter lock.
        """
        plain = self._backend.pre_tokenizer
        # transformers' stubs know neither custom pre-tokenizers nor None.
        parts: list[Any] = [part for part in (plain, PreTokenizer.custom(self)) if part is not None]
        self._backend.pre_tokenizer = Sequence(parts)
        try:
            yield
        except Exception as error:
            if KeyboardInterrupt.__name__ in str(error):  # Rust turns Python's exceptions into text
                raise KeyboardInterrupt from error
            raise
        finally:
            self._backend.pre_tokenizer = plain

    def pre_tokenize(self, text: Any) -> None:
        """Tokenize a `PreTokenizedString` that is cut into words. The Rust code calls this."""
        text.tokenize(self._tokenize)

    def nearest(self, word: str) -> str | None:
        """Return the most frequent known word that one error turns into the unknown `word`, or None."""
        if not (_SHORTEST <= len(word) <= _LONGEST and _is_latin(word)):
            return None
        self._searches += 1
        if self._index is None and self._searches > _FEW:
            self._index = _Index(self._known_words())
        if self._index is not None:
            return self._index.nearest(word)
        near = [other for other in _one_error_away(word) if self._id(other) is not None]
        return min(near, key=self._id, default=None)

    def _known_words(self) -> list[str]:
        """Return the known words that can be one error away from a corrected word, sorted by id."""
        ids = self._backend.get_vocab(with_added_tokens=False)
        lengths = range(_SHORTEST - 1, _LONGEST + 2)
        words = [word for word in ids if len(word) in lengths and _is_latin(word)]
        return sorted(words, key=ids.__getitem__)

    def _tokenize(self, word: str) -> list[Token]:
        tokens = self._cache.get(word)
        if tokens is not None:
            return tokens
        tokens = self._model.tokenize(word)
        known = self.nearest(word) if self._id(word) is None else None
        if known is not None:
            tokens = [Token(self._id(known), known, (0, len(word)))]
        if len(self._cache) >= _CACHED:
            self._cache.clear()
        if len(word) <= _LONGEST:
            self._cache[word] = tokens
        return tokens


class _Index:
    """Find the first known word that one error turns into another, many times faster than by trial.

    Words that are one error apart are equal after leaving out a letter of one or both (Garbe 2012,
    https://github.com/wolfgarbe/SymSpell). The index holds the hash of each word, whole and without each letter.

    Args:
        known: The words, each of at most `_LONGEST` + 1 letters a to z.
    """

    def __init__(self, known: list[str]) -> None:
        self._words = known
        letters = np.array(known, dtype=f"S{_LONGEST + 1}").view(np.uint8).reshape(-1, _LONGEST + 1)
        # Shorter words are filled up with zeros, which add nothing to the sums.
        terms = letters * np.array(_POWERS, dtype=np.uint64)
        to_here = terms.cumsum(axis=1)
        whole = to_here[:, -1:]
        shortened = to_here - terms + (whole - to_here) * np.uint64(_INVERSE)
        keys = np.concatenate([whole[:, 0], shortened[letters > 0]]) >> np.uint64(1)
        order = keys.argsort()
        self._keys: Any = np.append(keys[order], np.uint64(1 << 63))  # larger than any key
        self._holders: Any = np.concatenate([np.arange(len(known)), letters.nonzero()[0]])[order]

    def nearest(self, word: str) -> str | None:
        """Return the first known word that one error turns into this one."""
        wanted = _keys(word)
        places: list[int] = self._keys.searchsorted(np.array(wanted, np.uint64)).tolist()
        # Single numbers are read faster from memoryviews than from arrays.
        keys, holders = memoryview(self._keys), memoryview(self._holders)
        candidates = set()
        for key, place in zip(wanted, places, strict=True):
            while keys[place] == key:
                candidates.add(holders[place])
                place += 1
        for known in (self._words[number] for number in sorted(candidates)):
            if _is_one_error(word, known):
                return known
        return None


def _keys(word: str) -> list[int]:
    """Return the hashes of a word of n letters, whole and without each letter: n + 1 numbers below 2^63.

    They are polynomials modulo 2^64, without the last bit. `_Index` computes the same for all of its words at once.
    """
    terms = [letter * power for letter, power in zip(word.encode("ascii"), _POWERS, strict=False)]
    whole = sum(terms)
    keys, to_here = [whole], 0
    for term in terms:
        # The letters after the one left out move up by one.
        keys.append(to_here + (whole - to_here - term) * _INVERSE)
        to_here += term
    return [(key & 0xFFFFFFFFFFFFFFFF) >> 1 for key in keys]


def _is_latin(word: str) -> bool:
    return word.isascii() and word.isalpha() and word.islower()


def _one_error_away(word: str) -> list[str]:
    """Return all strings one error away, some of them twice."""
    cuts = [(word[:place], word[place:], word[place + 1 :]) for place in range(len(word) + 1)]
    strings = [left + rest for left, _, rest in cuts[:-1]]
    strings += [left + rest[0] + right[0] + rest[1:] for left, right, rest in cuts[:-2]]
    strings += [left + letter + rest for left, _, rest in cuts[:-1] for letter in ascii_lowercase]
    strings += [left + letter + right for left, right, _ in cuts for letter in ascii_lowercase]
    return strings


def _is_one_error(a: str, b: str) -> bool:
    """Whether two words that differ do so by a single error."""
    same = 0
    for x, y in zip(a, b, strict=False):
        if x != y:
            break
        same += 1
    a, b = a[same:], b[same:]
    return a[1:] == b[1:] or a[1:] == b or a == b[1:] or (a[:2] == b[1::-1] and a[2:] == b[2:])
