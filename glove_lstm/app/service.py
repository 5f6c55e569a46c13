"""What the app can do, without any page: plain values in, plain values out, errors in a sentence."""

import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from threading import Lock
from typing import Any, ParamSpec, TypeVar

import gradio as gr
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

from glove_lstm.app.limits import Limits
from glove_lstm.app.opened import OpenedCheckpoint, open_checkpoint
from glove_lstm.app.word_space import WordSpace
from glove_lstm.data.errors import DataError
from glove_lstm.data.streaming import TextRow
from glove_lstm.inference.bulk import Labeller
from glove_lstm.inference.explanation import Explanation

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")
Neighbours = dict[str, Any]


def in_words(function: Callable[P, T]) -> Callable[P, T]:
    """Let a visitor see what is wrong with a request, and nothing of what is wrong with us."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except gr.Error:  # in words already
            raise
        except DataError as error:
            # gradio shows a message as HTML; a visitor's words in it shall be text.
            sentence = str(error).translate({ord("<"): "\u2039", ord(">"): "\u203a", ord("&"): "+"})
        except Exception:
            logger.exception("A request failed.")
            sentence = "Something went wrong here, and not with what you sent; it has been noted."
        raise gr.Error(sentence, print_exception=False)

    return call


class Service:
    """The functions behind the page and the API.

    Attributes:
        main: The checkpoint that is shown.
        others: Those that it may be compared with, by name.
        limits: What a request may ask for.
        any_model: Whether visitors may name repositories on the Hub.
        glove: GloVe's own vectors, or None.
    """

    def __init__(
        self,
        main: OpenedCheckpoint,
        others: Sequence[OpenedCheckpoint] = (),
        *,
        limits: Limits,
        any_model: bool = False,
        glove: WordSpace | None = None,
    ) -> None:
        self.main, self.limits, self.any_model, self.glove = main, limits, any_model, glove
        self.others: dict[str, OpenedCheckpoint] = {}
        for other in others:
            name, count = other.name, 1
            while other.name in (main.name, *self.others):
                count += 1
                other.name = f"{name} ({count})"
            self.others[other.name] = other
        self._named: OrderedDict[str, OpenedCheckpoint] = OrderedDict()
        self._loading = Lock()

    @in_words
    def classify(self, title: str = "", text: str = "", threshold: float = 0.0) -> dict[str, Any]:
        """Label a text; "label" is ABSTAIN where the best label's score is below the threshold (0 to 1)."""
        return self._classify(self.main, *self.parts(title, text), threshold)

    @in_words
    def explain(self, title: str = "", text: str = "", label: str = "") -> dict[str, Any]:
        """Say what each word contributes to the label, by character offsets; "" is the label with the best score."""
        return self.explanation(self.main, *self.parts(title, text), label).to_dict()

    @in_words
    def compare(self, title: str = "", text: str = "", other: str = "") -> list[dict[str, Any]]:
        """Label a text with two checkpoints: this one, and another that the page offers; "" is the first of them."""
        parts, second = self.parts(title, text), self.other(other)
        return [{"model": one.name, **self._classify(one, *parts, 0.0)} for one in (self.main, second)]

    @in_words
    def nearest_words(self, word: str, count: int = 10) -> dict[str, Neighbours | None]:
        """Find the words nearest to a word, in the trained vectors and in GloVe's ("glove" is null without these)."""
        count = self._count(count)
        return self._in_spaces([word], lambda space: space.nearest(word, count))

    @in_words
    def analogy(self, one: str, other: str, third: str, count: int = 10) -> dict[str, Neighbours | None]:
        """Find what is to `third` as `other` is to `one`: man is to king as woman is to ..."""
        count = self._count(count)
        return self._in_spaces([one, other, third], lambda space: space.analogy(one, other, third, count))

    @in_words
    def word_map(self, words: str) -> dict[str, Neighbours | None]:
        """Place words, separated by spaces or commas, on a plane: {word: [x, y]}, each from -1 to 1."""
        names = self._text(words, "words").replace(",", " ").split()
        if len(names) > self.limits.words:
            raise DataError(f"A map takes at most {self.limits.words} words; these are {len(names)}.")
        return self._in_spaces(
            names, lambda space: {name: list(at) for name, at in space.plane(names).items()}
        )

    @in_words
    def about(self) -> dict[str, Any]:
        """Name the model, its labels and limits, and give its card as Markdown."""
        return {
            "model": self.main.name,
            "labels": list(self.main.label_names),
            "compare": list(self.others),
            "glove": self.glove.source if self.glove else None,
            "coverage": self.main.coverage,
            "card": self.main.card,
            "characters": self.limits.characters,
            "rows": self.limits.rows,
        }

    def explanation(
        self, checkpoint: OpenedCheckpoint, text: str, pair: str | None, label: str = ""
    ) -> Explanation:
        """What each word contributes."""
        label = self._text(label, "label")
        if len(checkpoint.label_names) < 2:
            raise DataError(
                "This model has one label, which was chosen over no other: there is nothing to explain."
            )
        if label and label not in checkpoint.label_names:
            raise DataError(f"The labels are {', '.join(checkpoint.label_names)}; choose one of them.")
        return checkpoint.explain(text, pair, label or None)

    def other(self, name: str) -> OpenedCheckpoint:
        """The checkpoint to compare with.

        Raises:
            DataError: There is none, or visitors may not name it.
        """
        name = self._text(name, "other").strip()
        if not name and self.others:
            return next(iter(self.others.values()))
        if name in self.others:
            return self.others[name]
        if not self.any_model:
            offered = f"It compares with {', '.join(self.others)}." if self.others else "It has no other one."
            raise DataError(f"This app loads no model that a visitor names. {offered}")
        try:
            validate_repo_id(name)
        except HFValidationError:
            name = ""
        # A folder's name is refused too: what lies on this machine is nobody's business.
        if name.count("/") != 1 or Path(name).exists():
            raise DataError("Give a repository's id on the Hub, such as user/name.")
        return self._named.get(name) or self._load(name)

    def labeller(self, threshold: float, checkpoint: OpenedCheckpoint | None = None) -> Labeller:
        """What labels texts, as predict.py does."""
        checkpoint = checkpoint or self.main
        return Labeller(checkpoint.scores, checkpoint.label_names, self._threshold(threshold) or None)

    def parts(self, title: Any, text: Any) -> tuple[str, str | None]:
        """Check a title and a text: what goes to the model as (text, second part).

        Raises:
            DataError: Both are empty, or too long together.
        """
        title, text = self._text(title, "title"), self._text(text, "text")
        if len(title) + len(text) > self.limits.characters:
            raise DataError(self.limits.too_long)
        if not title.strip() and not text.strip():
            raise DataError("There is nothing to classify: type or paste a title or a text.")
        if title.strip() and text.strip():
            return title, text
        return (title if title.strip() else text), None

    def _load(self, name: str) -> OpenedCheckpoint:
        """Make room for a checkpoint that a visitor named, and load it; one at a time, or downloads would take all."""
        if not self._loading.acquire(blocking=False):
            raise DataError("Another model is being loaded just now; try again in a minute.")
        try:
            opened = open_checkpoint(name, copies=self.limits.at_once)
            while len(self._named) >= self.limits.any_models:
                self._named.popitem(last=False)
            self._named[name] = opened
            return opened
        finally:
            self._loading.release()

    def _classify(
        self, checkpoint: OpenedCheckpoint, text: str, pair: str | None, threshold: float
    ) -> dict[str, Any]:
        found = self.labeller(threshold, checkpoint)([TextRow("", 1, text, pair)])
        best, *scores = found.rounded[0]
        named = dict(zip(checkpoint.label_names, scores, strict=True))
        return {"label": found.labels[0], "score": best, "scores": named}

    def _in_spaces(
        self, words: Sequence[Any], ask: Callable[[WordSpace], Any]
    ) -> dict[str, Neighbours | None]:
        """Ask the trained vectors and GloVe's; a word that only one of them lacks is told beside the other's answer."""
        for word in words:
            if not self._text(word, "word").strip() or len(word) > 100:
                raise DataError("Give words of 1 to 100 characters.")
        answers: dict[str, Neighbours | None] = {"trained": None, "glove": None}
        errors = []
        for name, space in (("trained", self.main.words), ("glove", self.glove)):
            if space is None:
                continue
            try:
                answers[name] = {"source": space.source, "found": ask(space)}
            except DataError as error:
                answers[name] = {"source": space.source, "error": str(error)}
                errors.append(error)
        if len(errors) == sum(answer is not None for answer in answers.values()):
            raise errors[0]
        return answers

    def _count(self, count: Any) -> int:
        if not isinstance(count, int | float) or not 1 <= count <= 100:
            raise DataError("The count of words must be from 1 to 100.")
        return int(count)

    def _threshold(self, threshold: Any) -> float:
        if not isinstance(threshold, int | float) or not 0 <= threshold <= 1:
            raise DataError("The threshold must be a number from 0 to 1.")
        return float(threshold)

    def _text(self, value: Any, name: str) -> str:
        """Refuse what is no text, and mend lone surrogates, which JSON can spell."""
        if value is None:
            return ""
        if not isinstance(value, str):
            raise DataError(f"{name} must be a text.")
        return (
            value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        )
