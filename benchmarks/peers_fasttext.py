"""fastText, apart from the other peers, because they import more."""

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import fasttext
import numpy as np
from numpy.typing import NDArray

_OPTIONS = {"dim": 50, "bucket": 200_000, "thread": 1, "seed": 42, "verbose": 0}
_TOKEN = re.compile(r"\w+|[^\w\s]")


@dataclass
class FastText:
    """A fitted model."""

    model: Any

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return probabilities (n, classes)."""
        labels, scores = self.model.predict([_line(text) for text in texts], k=-1)
        classes = [[int(label.removeprefix("__label__")) for label in row] for row in labels]
        probabilities = np.empty(np.shape(classes))
        np.put_along_axis(probabilities, np.array(classes), np.array(scores), axis=1)
        return probabilities / probabilities.sum(axis=1, keepdims=True)


def fit_fasttext(texts: Sequence[Any], lr: float, epoch: int, ngrams: int) -> FastText:
    """Fit a model to texts and their class indices (a pair)."""
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
        lines = [f"__label__{y} {_line(text)}\n" for text, y in zip(*texts, strict=True)]
        np.random.default_rng(0).shuffle(lines)  # it learns in this order
        file.writelines(lines)
        file.flush()
        setting = {"lr": lr, "epoch": epoch, "wordNgrams": ngrams}
        return FastText(fasttext.train_supervised(file.name, **setting, **_OPTIONS))


def _line(text: str) -> str:
    return " ".join(_TOKEN.findall(text))
