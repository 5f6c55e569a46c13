"""Words that a vocabulary lacks, read as known ones where one mistake explains them. Travels to the Hub.

Four in five misspelt words have one letter too few, one too many, a wrong one, or two swapped (Damerau 1964,
https://doi.org/10.1145/363958.363994). So the known words that are one such mistake away are looked for, and the most
frequent one is taken, as in Norvig's corrector (2007, https://norvig.com/spell-correct.html).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from string import ascii_lowercase
from typing import Any

import numpy as np
from tokenizers import Token, Tokenizer
from tokenizers.pre_tokenizers import PreTokenizer, Sequence

_SHORTEST, _LONGEST = 4, 24  # letters of a word that is corrected: of a shorter one too many others are near
_REMEMBERED = 100_000  # words, after which it begins anew
_FEW = 500  # unknown words that are looked for without an index, which takes longer to make
_BASE = 0x9E3779B97F4A7C15  # of hashes: odd, so that it can be divided by
_POWERS = [pow(_BASE, place, 1 << 64) for place in range(_LONGEST + 1)]
_INVERSE = pow(_BASE, -1, 1 << 64)


class SpellingCorrector:
    """Gives the tokens of words, with unknown words corrected; alignments still point into the text as it is.

    A word that is corrected has Latin letters alone (a to z, as the pipeline lower-cases them), 4 to 24 of them. Among
    several known words the one with the smallest id is taken: vocabularies of `build_tokenizer` are sorted by
    frequency. What no single mistake explains is left to the model, which reads it in pieces or as the unknown word.

    Args:
        backend: The pipeline that it corrects for; its vocabulary is the known words.
    """

    def __init__(self, backend: Tokenizer) -> None:
        self._backend = backend
        self._model = backend.model
        self._id = self._model.token_to_id
        self._tokens: dict[str, list[Token]] = {}
        self._searches = 0
        self._index: _Index | None = None

    @contextmanager
    def attached(self) -> Iterator[None]:
        """Have the backend correct what it reads, as long as this lasts; with a corrector in it, it cannot be saved.

        Meanwhile no other thread may touch the backend: one would wait for Python with the pipeline in hand, the
        other for the pipeline with Python in hand.
        """
        plain = self._backend.pre_tokenizer
        # transformers' stubs know neither custom parts nor None.
        parts: list[Any] = [part for part in (plain, PreTokenizer.custom(self)) if part is not None]
        self._backend.pre_tokenizer = Sequence(parts)
        try:
            yield
        except Exception as error:
            if KeyboardInterrupt.__name__ in str(error):  # Rust gives what Python raised as a text
                raise KeyboardInterrupt from error
            raise
        finally:
            self._backend.pre_tokenizer = plain

    def pre_tokenize(self, text: Any) -> None:
        """Called by the Rust code, with a `PreTokenizedString` that was cut into words."""
        text.tokenize(self._read)

    def nearest(self, word: str) -> str | None:
        """The most frequent known word that one mistake turns into `word`, itself unknown; None where there is none."""
        if not (_SHORTEST <= len(word) <= _LONGEST and _is_latin(word)):
            return None
        self._searches += 1
        if self._index is None and self._searches > _FEW:
            self._index = _Index(self._known_words())
        if self._index is not None:
            return self._index.nearest(word)
        near = [
            (number, other) for other in _one_mistake_away(word) if (number := self._id(other)) is not None
        ]
        return min(near)[1] if near else None

    def _known_words(self) -> list[str]:
        """Those that can be one mistake away from a word that is corrected, by their ids."""
        ids = self._backend.get_vocab(with_added_tokens=False)
        lengths = range(_SHORTEST - 1, _LONGEST + 2)
        return sorted((word for word in ids if len(word) in lengths and _is_latin(word)), key=ids.__getitem__)

    def _read(self, word: str) -> list[Token]:
        tokens = self._tokens.get(word)
        if tokens is not None:
            return tokens
        tokens = self._model.tokenize(word)
        known = self.nearest(word) if self._id(word) is None else None
        if known is not None:
            tokens = [Token(self._id(known), known, (0, len(word)))]
        if len(self._tokens) >= _REMEMBERED:
            self._tokens.clear()
        if len(word) <= _LONGEST:
            self._tokens[word] = tokens
        return tokens


class _Index:
    """Finds the first of the known words that one mistake turns into another, in a fraction of the time.

    Words that are one mistake apart are alike once a letter is left out of one or of both (Garbe 2012,
    https://github.com/wolfgarbe/SymSpell). So each word's hash stands here, as it is and with each letter left out.

    Args:
        known: The words, each of at most `_LONGEST` + 1 letters a to z.
    """

    def __init__(self, known: list[str]) -> None:
        self._words = known
        letters = np.array(known, dtype=f"S{_LONGEST + 1}").view(np.uint8).reshape(-1, _LONGEST + 1)
        # Shorter words are filled up with zeros, which count nothing.
        terms = letters * np.array(_POWERS, dtype=np.uint64)
        to_here = terms.cumsum(axis=1)
        whole = to_here[:, -1:]
        shortened = to_here - terms + (whole - to_here) * np.uint64(_INVERSE)
        keys = np.concatenate([whole[:, 0], shortened[letters > 0]]) >> np.uint64(1)
        order = keys.argsort()
        self._keys: Any = np.append(keys[order], np.uint64(1 << 63))  # an end that no key is
        self._holders: Any = np.concatenate([np.arange(len(known)), letters.nonzero()[0]])[order]

    def nearest(self, word: str) -> str | None:
        """The first of the known words that one mistake turns into this one."""
        wanted = _keys(word)
        places: list[int] = self._keys.searchsorted(np.array(wanted, np.uint64)).tolist()
        # Of arrays themselves, single numbers take longer.
        keys, holders = memoryview(self._keys), memoryview(self._holders)
        alike = set()
        for key, place in zip(wanted, places, strict=True):
            while keys[place] == key:
                alike.add(holders[place])
                place += 1
        return next((known for n in sorted(alike) if _is_one_mistake(word, known := self._words[n])), None)


def _keys(word: str) -> list[int]:
    """Hashes of a word of n letters, as it is and without each of them: n + 1 numbers below 2^63.

    They are polynomials modulo 2^64, without the last bit. `_Index` computes the same for all of its words at once.
    """
    terms = [letter * power for letter, power in zip(word.encode("ascii"), _POWERS, strict=False)]
    whole = sum(terms)
    keys, to_here = [whole], 0
    for term in terms:
        # What comes after a letter moves up by one.
        keys.append(to_here + (whole - to_here - term) * _INVERSE)
        to_here += term
    return [(key & 0xFFFFFFFFFFFFFFFF) >> 1 for key in keys]


def _is_latin(word: str) -> bool:
    return word.isascii() and word.isalpha() and word.islower()


def _one_mistake_away(word: str) -> list[str]:
    """All strings that are, some of them twice."""
    cuts = [(word[:place], word[place:], word[place + 1 :]) for place in range(len(word) + 1)]
    found = [left + rest for left, _, rest in cuts[:-1]]
    found += [left + rest[0] + right[0] + rest[1:] for left, right, rest in cuts[:-2]]
    found += [left + letter + rest for left, _, rest in cuts[:-1] for letter in ascii_lowercase]
    found += [left + letter + right for left, right, _ in cuts for letter in ascii_lowercase]
    return found


def _is_one_mistake(a: str, b: str) -> bool:
    """Whether two words that differ do so by a single mistake."""
    same = 0
    for x, y in zip(a, b, strict=False):
        if x != y:
            break
        same += 1
    a, b = a[same:], b[same:]
    return a[1:] == b[1:] or a[1:] == b or a == b[1:] or (a[:2] == b[1::-1] and a[2:] == b[2:])
