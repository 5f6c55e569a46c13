"""Words that a vocabulary lacks, read as known ones where one mistake explains them. Travels to the Hub.

Four in five misspelt words have one letter too few, one too many, a wrong one, or two swapped (Damerau 1964,
https://doi.org/10.1145/363958.363994). So all words that are one such mistake away are looked for, as in Norvig's
corrector (2007, https://norvig.com/spell-correct.html), and the most frequent one is taken.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from string import ascii_lowercase
from typing import Any

from tokenizers import Token, Tokenizer
from tokenizers.pre_tokenizers import PreTokenizer, Sequence

_SHORTEST, _LONGEST = 4, 24  # letters of a word that is corrected: of a shorter one too many others are near
_REMEMBERED = 100_000  # words, after which it begins anew


class SpellingCorrector:
    """Gives the tokens of words, with unknown words corrected; alignments still point into the text as it is.

    A word that is corrected has Latin letters alone (a to z, as the pipeline lower-cases them), 4 to 24 of them. Among
    several known words the one with the smallest id is taken: vocabularies of `build_tokenizer` are sorted by
    frequency. What no single mistake explains is left to the model, which reads it in pieces or as the unknown word.

    Args:
        backend: Its vocabulary is the known words.
    """

    def __init__(self, backend: Tokenizer) -> None:
        self._model = backend.model
        self._ids = backend.get_vocab(with_added_tokens=False)
        self._tokens: dict[str, list[Token]] = {}

    @contextmanager
    def attached(self, backend: Tokenizer) -> Iterator[None]:
        """Have a pipeline correct what it reads, as long as this lasts; with a corrector in it, it cannot be saved."""
        plain = backend.pre_tokenizer
        # transformers' stubs know neither custom parts nor None.
        parts: list[Any] = [part for part in (plain, PreTokenizer.custom(self)) if part is not None]
        backend.pre_tokenizer = Sequence(parts)
        try:
            yield
        finally:
            backend.pre_tokenizer = plain

    def pre_tokenize(self, text: Any) -> None:
        """Called by the Rust code, with a `PreTokenizedString` that was cut into words."""
        text.tokenize(self._read)

    def nearest(self, word: str) -> str | None:
        """The most frequent known word that one mistake turns into `word`, itself unknown; None where there is none."""
        if not (_SHORTEST <= len(word) <= _LONGEST and word.isascii() and word.isalpha() and word.islower()):
            return None
        known = self._ids.keys() & _one_mistake_away(word)
        return min(known, key=self._ids.__getitem__) if known else None

    def _read(self, word: str) -> list[Token]:
        tokens = self._tokens.get(word)
        if tokens is not None:
            return tokens
        tokens = self._model.tokenize(word)
        known = self.nearest(word) if word not in self._ids else None
        if known is not None:
            tokens = [Token(self._ids[known], known, (0, len(word)))]
        if len(self._tokens) >= _REMEMBERED:
            self._tokens.clear()
        if len(word) <= _LONGEST:
            self._tokens[word] = tokens
        return tokens


def _one_mistake_away(word: str) -> set[str]:
    cuts = [(word[:place], word[place:]) for place in range(len(word) + 1)]
    found = {left + right[1:] for left, right in cuts[:-1]}
    found.update(left + right[1] + right[0] + right[2:] for left, right in cuts[:-2])
    found.update(left + letter + right[1:] for left, right in cuts[:-1] for letter in ascii_lowercase)
    found.update(left + letter + right for left, right in cuts for letter in ascii_lowercase)
    return found
