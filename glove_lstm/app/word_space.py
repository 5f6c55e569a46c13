"""Words as points: nearest neighbours, and a map in two dimensions."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape

import numpy as np
from numpy.typing import NDArray

from glove_lstm.data.errors import DataError

Neighbours = list[tuple[str, float]]  # words and their cosine similarity, most similar first
Places = dict[str, tuple[float, float]]  # x and y of each word, from -1 to 1


@dataclass(frozen=True, eq=False)
class WordSpace:
    """Words and their vectors.

    Attributes:
        words: n distinct words.
        vectors: (n, d), float32.
        source: Name of the vectors, for messages and headings.
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
        # einsum makes no copy of the vectors, which may be gigabytes.
        return np.maximum(np.sqrt(np.einsum("ij,ij->i", self.vectors, self.vectors)), 1e-9)

    def nearest(self, word: str, count: int) -> Neighbours:
        """Find the words with the highest cosine similarity to a word, or else to the lower-cased word.

        Raises:
            DataError: The word has no vector.
        """
        word = word.strip()
        row = self.index.get(word, self.index.get(word.lower()))
        if row is None:
            raise DataError(
                f"'{word}' is not among the {len(self.words):,} words of {self.source}."
            )
        similarity = self.vectors @ (self.vectors[row] / self._lengths[row]) / self._lengths
        similarity[row] = -np.inf
        count = min(count, len(self.words) - 1)
        best = np.argpartition(-similarity, count)[:count]
        best = best[np.argsort(-similarity[best], kind="stable")]
        return [(self.words[row], float(similarity[row])) for row in best]

    def places(self, words: Sequence[str]) -> Places:
        """Project words on their first two principal components, scaled by the larger one.

        Words without a vector are left out.

        Raises:
            DataError: Fewer than three words have a vector.
        """
        spellings = {word if word in self.index else word.lower(): None for word in words}
        known = [word for word in spellings if word in self.index]
        if len(known) < 3:
            raise DataError(f"A map needs at least three words of {self.source}.")
        rows = [self.index[word] for word in known]
        points = self.vectors[rows] / self._lengths[rows, None]
        left, sizes, axes = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)
        # The sign of a component is arbitrary; fixing it keeps the map from flipping between calls.
        signs = np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])
        flat = (left * sizes * signs)[:, :2]
        flat = flat / max(float(np.abs(flat).max()), 1e-9)
        return {word: (float(x), float(y)) for word, (x, y) in zip(known, flat, strict=True)}


def draw_map(places: Places) -> str:
    """Draw words on a plane, as SVG; a label that would cover another one moves down."""
    marks: list[str] = []
    taken: list[tuple[float, float]] = []
    for word, (x, y) in places.items():
        left, top = (x + 1) * 180 + 20, (1 - y) * 160 + 20
        baseline = top + 5
        while any(abs(left - other) < 70 and abs(baseline - line) < 13 for other, line in taken):
            baseline += 4
        taken.append((left, baseline))
        marks.append(
            f'<circle cx="{left:.1f}" cy="{top:.1f}" r="3"/>'
            f'<text x="{left + 6:.1f}" y="{baseline:.1f}">{escape(word)}</text>'
        )
    names = escape(", ".join(places))
    return (
        f'<svg class="map" viewBox="0 0 480 400" role="img" aria-label="Map of the words {names}">'
        f"{''.join(marks)}</svg>"
    )
