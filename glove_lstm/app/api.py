"""The API endpoints, which take and return plain values; the page shows the results."""

import re
import tempfile
from collections.abc import Callable, Sequence
from functools import lru_cache
from html import escape
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

import gradio as gr

from glove_lstm.app import limits
from glove_lstm.app.checkpoint import AppCheckpoint
from glove_lstm.app.table_reading import read_table
from glove_lstm.app.word_space import Neighbours, Places, WordSpace
from glove_lstm.data.errors import DataError
from glove_lstm.data.streaming import TextRow
from glove_lstm.inference.bulk import Labeller
from glove_lstm.inference.label_writers import OUTPUT_FORMATS, Layout, open_writer

T = TypeVar("T")
Texts = tuple[str, str | None]  # a text, or a title and a body

_BATCH = 64  # rows between two updates of the progress bar
_PREVIEW = 100  # characters of a text in the preview


class Api:
    """The endpoints.

    Attributes:
        main: The checkpoint of the app.
        others: Checkpoints to compare it with, by name.
        any_model: Whether visitors may name repositories on the Hub.
        spaces: Word vectors by name: "trained", and "glove" where GloVe is loaded.
    """

    def __init__(
        self, checkpoints: Sequence[AppCheckpoint], glove: WordSpace | None, any_model: bool
    ) -> None:
        """Serve the first checkpoint, and compare it with the others."""
        self.main, self.any_model = checkpoints[0], any_model
        self.others: dict[str, AppCheckpoint] = {}
        for other in checkpoints[1:]:
            while other.name in (self.main.name, *self.others):
                other.name += " (other)"
            self.others[other.name] = other
        self.spaces = {"trained": self.main.words} | ({"glove": glove} if glove else {})
        self._load = lru_cache(limits.VISITOR_MODELS)(AppCheckpoint)
        self._loading = Lock()

    def classify(self, title: str = "", text: str = "", threshold: float = 0.0) -> dict[str, Any]:
        """Label a text. The label is ABSTAIN if the best score is below the threshold, from 0 to 1."""
        return self._classify(self.main, self.check_texts(title, text), threshold)

    def explain(self, title: str = "", text: str = "") -> dict[str, Any]:
        """Return the contribution of each word to the label, by character offsets."""
        return self.main.explain(*self.check_texts(title, text)).to_dict()

    def compare(self, title: str = "", text: str = "", other: str = "") -> list[dict[str, Any]]:
        """Label a text with this model and another one; "" takes the first that the page offers."""
        texts, second = self.check_texts(title, text), self.checkpoint(other)
        return [
            {"model": one.name, **self._classify(one, texts, 0.0)} for one in (self.main, second)
        ]

    def nearest_words(self, word: str, count: int = 10) -> dict[str, Neighbours | None]:
        """Find the words most similar to a word, in the trained vectors and in GloVe's; null if the word is unknown."""
        if not isinstance(count, int | float) or not 1 <= count <= 100:
            raise DataError("The count of words must be from 1 to 100.")
        return self._in_spaces([word], lambda space: space.nearest(word, int(count)))

    def word_map(self, words: str) -> dict[str, Places | None]:
        """Place words, separated by spaces or commas, on a plane: x and y of each word, from -1 to 1."""
        names = _text(words, "words").replace(",", " ").split()
        if len(names) > limits.MAP_WORDS:
            raise DataError(f"A map takes at most {limits.MAP_WORDS} words, not {len(names)}.")
        return self._in_spaces(names, lambda space: space.places(names))

    def about(self) -> dict[str, Any]:
        """Return the model's name, labels, vectors and card."""
        return {
            "model": self.main.name,
            "labels": list(self.main.label_names),
            "compare": list(self.others),
            "vectors": {name: space.source for name, space in self.spaces.items()},
            "card": self.main.card,
        }

    def label_file(
        self,
        file: str | None,
        columns: str = "",
        threshold: float = 0.0,
        output_format: str = "csv",
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - gradio looks for it there
    ) -> tuple[str, str, dict[str, Any]]:
        """Label the rows of an uploaded CSV, TSV, JSON, JSONL or Parquet file, as `glove-lstm predict` does."""
        if not file:
            raise DataError("There is no file. Upload one.")
        if output_format not in OUTPUT_FORMATS:
            raise DataError(f"The download's format must be one of {', '.join(OUTPUT_FORMATS)}.")
        labeller = self._labeller(self.main, threshold)
        rows, errors = read_table(Path(file), _text(columns, "columns"))
        path = Path(tempfile.mkdtemp(dir=Path(file).parent)) / f"labels.{output_format}"
        preview: list[list[str]] = []
        with open_writer(path, output_format, Layout(labeller.label_names)) as write:
            for start in range(0, len(rows), _BATCH):
                labelled = labeller(rows[start : start + _BATCH])
                write(labelled)
                shown = zip(labelled.rows, labelled.labels, labelled.rounded, strict=True)
                for row, label, (best, *_) in islice(shown, limits.PREVIEW_ROWS - len(preview)):
                    texts = f"{row.text[:_PREVIEW]} {(row.pair or '')[:_PREVIEW]}"
                    preview.append([str(row.number), str(label), f"{best:.3f}", texts])
                progress((start + len(labelled.rows), len(rows)), unit="rows")
        skipped = f", {len(errors):,} skipped" if errors else ""
        listed = "".join(f"\n- {escape(error)}" for error in errors[:5])
        summary = f"{len(rows):,} rows labelled{skipped}.\n{listed}"
        return str(path), summary, {"headers": ["row", "label", "score", "text"], "data": preview}

    def check_texts(self, title: Any, text: Any) -> Texts:
        """Return a title and a text as (text, pair) for the model.

        Raises:
            DataError: Both are empty, or together too long.
        """
        title, text = _text(title, "title"), _text(text, "text")
        if len(title) + len(text) > limits.CHARACTERS:
            raise DataError(limits.TEXT_TOO_LONG)
        if not (title.strip() or text.strip()):
            raise DataError("There is nothing to classify. Type or paste a title or a text.")
        texts = [part for part in (title, text) if part.strip()]
        return texts[0], texts[1] if len(texts) > 1 else None

    def checkpoint(self, name: Any) -> AppCheckpoint:
        """Return the checkpoint to compare with, and load it if a visitor may name it.

        Raises:
            DataError: There is no such checkpoint, or visitors may not name it.
        """
        name = _text(name, "other").strip() or next(iter(self.others), "")
        if name in self.others:
            return self.others[name]
        if not self.any_model:
            names = ", ".join(self.others) or "no other model"
            raise DataError(f"This app compares with {names} only.")
        # A visitor must not load, or test for, folders of this machine.
        if not re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", name) or Path(name).exists():
            raise DataError("Give a repository id on the Hub, such as user/name.")
        if not self._loading.acquire(timeout=1):  # or downloads could take all workers
            raise DataError("Another model is being loaded. Try again in a minute.")
        try:
            return self._load(name)
        finally:
            self._loading.release()

    def _labeller(self, checkpoint: AppCheckpoint, threshold: Any) -> Labeller:
        if not isinstance(threshold, int | float) or not 0 <= threshold <= 1:
            raise DataError("The threshold must be a number from 0 to 1.")
        return Labeller(checkpoint.scores, checkpoint.label_names, threshold or None)

    def _classify(self, checkpoint: AppCheckpoint, texts: Texts, threshold: Any) -> dict[str, Any]:
        labelled = self._labeller(checkpoint, threshold)([TextRow("", 1, *texts)])
        best, *scores = labelled.rounded[0]
        by_label = dict(zip(checkpoint.label_names, scores, strict=True))
        return {"label": labelled.labels[0], "score": best, "scores": by_label}

    def _in_spaces(
        self, words: Sequence[Any], ask: Callable[[WordSpace], T]
    ) -> dict[str, T | None]:
        """Call `ask` for each word space; the answer is None where a word is unknown, unless it is unknown in all."""
        for word in words:
            if not 1 <= len(_text(word, "word").strip()) <= 100:
                raise DataError("A word must have 1 to 100 characters.")
        answers: dict[str, T | None] = {}
        error = None
        for name, space in self.spaces.items():
            try:
                answers[name] = ask(space)
            except DataError as missing:
                answers[name], error = None, missing
        if error and not any(answers.values()):
            raise error
        return answers


def _text(value: Any, name: str) -> str:
    """Return a text in which lone surrogates, which JSON can spell, are U+FFFD."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise DataError(f"{name} must be a text.")
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
