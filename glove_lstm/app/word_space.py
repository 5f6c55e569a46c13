"""Words as points: the nearest ones, analogies, and a map in two dimensions."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from glove_lstm.data.errors import DataError

_BLOCK = 1 << 16  # rows that are read at a time: vectors that lie on disk stay there


@dataclass(frozen=True, eq=False)
class WordSpace:
    """Words and their vectors.

    Attributes:
        words: n distinct words.
        vectors: (n, d), float32.
        source: Where they come from, in words.
    """

    words: list[str]
    vectors: NDArray[np.float32]
    source: str

    @cached_property
    def index(self) -> dict[str, int]:
        """The row of each word."""
        return {word: row for row, word in enumerate(self.words)}

    @cached_property
    def _lengths(self) -> NDArray[np.float32]:
        starts = range(0, len(self.words), _BLOCK)
        lengths = np.concatenate([np.linalg.norm(self.vectors[i : i + _BLOCK], axis=1) for i in starts])
        return np.maximum(lengths, 1e-9)

    def find(self, word: str) -> str:
        """Return the word as it is spelt here: as given, or else lower-cased.

        Raises:
            DataError: It has no vector.
        """
        word = word.strip()
        for spelling in (word, word.lower()):
            if spelling in self.index:
                return spelling
        raise DataError(f"'{word}' is not among the {len(self.words):,} words of {self.source}.")

    def nearest(self, word: str, count: int = 10) -> list[tuple[str, float]]:
        """The words with the highest cosine similarity to a word, and that similarity.

        Raises:
            DataError: The word has no vector.
        """
        word = self.find(word)
        return self._nearest(self.vectors[self.index[word]], {word}, count)

    def analogy(self, one: str, other: str, third: str, count: int = 10) -> list[tuple[str, float]]:
        """What is to `third` as `other` is to `one`: the words nearest to other - one + third, these three left out.

        Each vector counts by its direction alone.

        Raises:
            DataError: A word has no vector.
        """
        given = [self.find(word) for word in (one, other, third)]
        rows = [self.index[word] for word in given]
        a, b, c = self.vectors[rows] / self._lengths[rows, None]
        return self._nearest(b - a + c, set(given), count)

    def plane(self, words: Sequence[str]) -> dict[str, tuple[float, float]]:
        """A map: the words' first two principal components, in units of the farther one's spread.

        Words without a vector are left out.

        Raises:
            DataError: Fewer than three words have one.
        """
        known = {spelt: word for word in words for spelt in (word, word.lower()) if spelt in self.index}
        names = list(dict.fromkeys(known.values()))
        if len(names) < 3:
            raise DataError(f"A map needs three words or more that are among those of {self.source}.")
        rows = [self.index[self.find(name)] for name in names]
        points = self.vectors[rows] / self._lengths[rows, None]
        points = points - points.mean(axis=0)
        left, sizes, axes = np.linalg.svd(points, full_matrices=False)
        # A component has no sign of its own; without one chosen, the map could flip from call to call.
        signs = np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])
        flat = (left * sizes * signs)[:, :2]
        flat = flat / max(float(np.abs(flat).max()), 1e-9)
        return {name: (float(x), float(y)) for name, (x, y) in zip(names, flat, strict=True)}

    def _nearest(self, vector: NDArray[np.float32], without: set[str], count: int) -> list[tuple[str, float]]:
        vector = vector / max(float(np.linalg.norm(vector)), 1e-9)
        starts = range(0, len(self.words), _BLOCK)
        similar = np.concatenate([self.vectors[i : i + _BLOCK] @ vector for i in starts]) / self._lengths
        wanted = min(count + len(without), len(similar))
        best = np.argpartition(-similar, wanted - 1)[:wanted]
        best = best[np.argsort(-similar[best], kind="stable")]
        found = [(self.words[row], float(similar[row])) for row in best if self.words[row] not in without]
        return found[:count]
