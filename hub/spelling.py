"""Words that a vocabulary lacks, read as known ones where one mistake explains them. Travels to the Hub.

Four in five misspelt words have one letter too few, one too many, a wrong one, or two swapped (Damerau 1964,
https://doi.org/10.1145/363958.363994). So the known words that are one such mistake away are looked for, and the most
frequent one is taken, as in Norvig's corrector (2007, https://norvig.com/spell-correct.html).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from string import ascii_lowercase
from threading import RLock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Token, Tokenizer
from tokenizers.pre_tokenizers import PreTokenizer, Sequence

_SHORTEST, _LONGEST = 4, 24  # letters of a word that is corrected: of a shorter one too many others are near
_REMEMBERED = 100_000  # words, after which it begins anew
_FEW = 1_000  # unknown words that are looked for without an index, which takes longer to make


class SpellingCorrector:
    """Gives the tokens of words, with unknown words corrected; alignments still point into the text as it is.

    A word that is corrected has Latin letters alone (a to z, as the pipeline lower-cases them), 4 to 24 of them. Among
    several known words the one with the smallest id is taken: vocabularies of `build_tokenizer` are sorted by
    frequency. What no single mistake explains is left to the model, which reads it in pieces or as the unknown word.

    Args:
        backend: The pipeline that it corrects for; its vocabulary is the known words.

    Attributes:
        lock: Held by the thread that reads with the corrector: any other must hold it to change or save the pipeline.
    """

    def __init__(self, backend: Tokenizer) -> None:
        self._backend = backend
        # Without it, two threads would wait for each other: one for Python, one for the pipeline.
        self.lock = RLock()
        self._model = backend.model
        self._id = self._model.token_to_id
        self._tokens: dict[str, list[Token]] = {}
        self._searches = 0
        self._index: _Index | None = None

    @contextmanager
    def attached(self) -> Iterator[None]:
        """Have the backend correct what it reads, as long as this lasts, in one thread at a time.

        With a corrector in it, it cannot be saved.
        """
        with self.lock:
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
            self._index = _Index(self._backend.get_vocab(with_added_tokens=False))
        near = self._index.near(word) if self._index else _one_mistake_away(word)
        known = [(number, other) for other in near if (number := self._id(other)) is not None]
        return min(known)[1] if known else None

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
    """Finds what `_one_mistake_away` finds, in a fifth of the time.

    Words that are one mistake apart are alike once a letter is left out of one or of both (Garbe 2012,
    https://github.com/wolfgarbe/SymSpell). So each word's hash stands here, as it is and with each letter left out.
    """

    def __init__(self, known: dict[str, int]) -> None:
        self._words = [
            word for word in known if _SHORTEST - 1 <= len(word) <= _LONGEST + 1 and _is_latin(word)
        ]
        counts = [len(word) + 1 for word in self._words]
        hashes = (hash(key) for word in self._words for key in _shortened(word))
        keys = np.fromiter(hashes, np.int64, sum(counts))
        order = keys.argsort()
        self._keys: NDArray[np.int64] = keys[order]
        self._holders = np.repeat(np.arange(len(counts)), counts)[order]

    def near(self, word: str) -> list[str]:
        """All known words that are one mistake away, some perhaps twice."""
        wanted = np.array([hash(key) for key in _shortened(word)])
        begins, ends = (self._keys.searchsorted(wanted, side).tolist() for side in ("left", "right"))
        found = (self._holders[begin:end].tolist() for begin, end in zip(begins, ends, strict=True))
        alike = [self._words[number] for numbers in found for number in numbers]
        return [known for known in alike if _is_one_mistake(word, known)]


def _is_latin(word: str) -> bool:
    return word.isascii() and word.isalpha() and word.islower()


def _one_mistake_away(word: str) -> set[str]:
    cuts = [(word[:place], word[place:]) for place in range(len(word) + 1)]
    found = {left + right[1:] for left, right in cuts[:-1]}
    found.update(left + right[1] + right[0] + right[2:] for left, right in cuts[:-2])
    found.update(left + letter + right[1:] for left, right in cuts[:-1] for letter in ascii_lowercase)
    found.update(left + letter + right for left, right in cuts for letter in ascii_lowercase)
    return found


def _shortened(word: str) -> list[str]:
    """A word of n letters, and what is left of it without each of them: n + 1 strings."""
    return [word, *(word[:place] + word[place + 1 :] for place in range(len(word)))]


def _is_one_mistake(a: str, b: str) -> bool:
    """Whether two words that differ do so by a single mistake."""
    same = next(
        (place for place, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
    )
    a, b = a[same:], b[same:]
    return a[1:] == b[1:] or a[1:] == b or a == b[1:] or (a[:2] == b[1::-1] and a[2:] == b[2:])
