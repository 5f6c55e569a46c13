"""From texts to scores, whatever computes a batch: encode, sort by length, pad, run, score."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glove_lstm.checkpoint.names import MULTI_LABEL
from glove_lstm.errors import DataError, counted
from glove_lstm.inference.decisions import are_unsure, decide, scores_of
from glove_lstm.inference.explain import Explanation, evidence, explain
from glove_lstm.inference.promise import promised_score
from glove_lstm.tables.labels import Label
from glove_lstm.text.light_tokenizer import LightTokenizer
from glove_lstm.text.tokens import Tokens, length_batches, pad

_MOST_IN_WINDOW = 2048  # texts that are encoded and sorted by length together
# In a batch, with padding; fits a processor's cache.
_MOST_TEXTS = 128
_MOST_TOKENS = 4096

# `input_ids`, `attention_mask` and `token_type_ids` of B texts, padded on the right to T tokens: (B, T) each.
Inputs = Mapping[str, NDArray[np.int64]]
RunBatch = Callable[[Inputs], NDArray[np.floating]]  # returns (B, ...)


def run_batches(
    run: RunBatch, texts: Tokens, *, done: Callable[[int], Any] | None = None
) -> NDArray[Any]:
    """Pad and run texts in batches of similar length, and return the results in the order of the texts.

    Args:
        run: Computes one batch.
        texts: n encoded texts, at least one.
        done: Called with the number of texts of each batch, such as the `update` of a progress bar.

    Returns:
        (n, ...), as the results of `run`.
    """
    results: NDArray[Any] | None = None
    for batch in length_batches(texts.lengths, _MOST_TEXTS, _MOST_TOKENS):
        tokens = texts.select(batch)
        mask, ids, types = pad(tokens.lengths, tokens.ids, tokens.types)
        result = run({"input_ids": ids, "attention_mask": mask, "token_type_ids": types})
        if results is None:
            results = np.empty((len(texts.lengths), *result.shape[1:]), dtype=result.dtype)
        results[batch] = result
        if done is not None:
            done(len(batch))
    assert results is not None
    return results


@dataclass(frozen=True, eq=False, kw_only=True)
class Classifier(ABC):
    """A network and its tokenizer. `LightClassifier` runs it by ONNX Runtime.

    Attributes:
        tokenizer: Tokenizer; it truncates long texts.
        label_names: Labels in the order of the logits.
        problem_type: As in config.json; with `multi_label_classification`, the scores are independent.
        thresholds: Scores from which a text gets each label, if it may have several; else None.
        held_out_scores: How often labels were right on held-out texts, by score, as config.json has it; None: unknown.
        threads: Batches that are computed at the same time.
    """

    tokenizer: LightTokenizer
    label_names: tuple[str, ...]
    problem_type: str | None
    thresholds: Sequence[float] | None = None
    held_out_scores: Mapping[str, Any] | None = None
    threads: int = 1

    @abstractmethod
    def run(self, inputs: Inputs) -> NDArray[np.float32]:
        """Return the calibrated logits of a batch, (B, labels)."""

    def __call__(
        self, texts: str | Sequence[str], text_pairs: Sequence[str] | None = None
    ) -> list[dict[str, Any]]:
        """Return the best label and its score of each text; `texts` may be a single one."""
        if isinstance(texts, str):
            texts = [texts]
        scores = self.predict_proba(texts, text_pairs)
        answers = []
        for row in scores:
            best = int(row.argmax())
            answers.append({"label": self.label_names[best], "score": float(row[best])})
        return answers

    def predict(
        self,
        texts: Sequence[str],
        text_pairs: Sequence[str] | None = None,
        *,
        accuracy: float | None = None,
    ) -> list[Label | None]:
        """Return the best label of each text; of several labels a text, the list of those that it has.

        Args:
            texts: n texts.
            text_pairs: n second parts, or None.
            accuracy: Return None in place of labels that are unsure, so that at least this share of the others is
                right, for texts such as the held-out ones, with a confidence of 95 %; None: return all.

        Raises:
            DataError: The accuracy cannot be promised, or a text may have several labels.
        """
        least_score = None if accuracy is None else self.promised_score(accuracy)
        scores = self.predict_proba(texts, text_pairs)
        labels: list[Label | None] = [*decide(scores, self.label_names, self.thresholds)]
        if least_score is not None:
            for row in are_unsure(scores, least_score).nonzero()[0]:
                labels[row] = None
        return labels

    def promised_score(self, accuracy: float) -> float:
        """Return the score from which on labels are sure, if so many of them shall be right.

        Raises:
            DataError: The accuracy cannot be promised, or a text may have several labels.
        """
        if self.thresholds is not None:
            raise DataError(
                "accuracy is for one label a text, and this model's texts have each label whose score reaches its "
                "threshold; leave it out."
            )
        return promised_score(self.held_out_scores, accuracy)

    def predict_proba(
        self, texts: Sequence[str], text_pairs: Sequence[str] | None = None
    ) -> NDArray[np.float64]:
        """Return scores (n, labels). In single-label classification, each row adds up to 1."""
        return scores_of(self.predict_logits(texts, text_pairs), self.problem_type)

    def predict_logits(
        self, texts: Sequence[str], text_pairs: Sequence[str] | None = None
    ) -> NDArray[np.float32]:
        """Return calibrated logits (n, labels).

        Args:
            texts: n texts.
            text_pairs: n second parts, such as the bodies below n titles, or None.

        Raises:
            ValueError: The numbers of texts and second parts differ.
            TypeError: `texts` or `text_pairs` are no list of texts.
        """
        texts = _listed(texts, "texts")
        if text_pairs is not None:
            text_pairs = _listed(text_pairs, "text_pairs")
            if len(text_pairs) != len(texts):
                raise ValueError(
                    f"{counted(len(texts), 'text')}, but {counted(len(text_pairs), 'second part')}; give one for each"
                )
        if not texts:
            return np.zeros((0, len(self.label_names)), dtype=np.float32)
        size = self._window_size(len(texts))

        def predict_window(start: int) -> NDArray[np.float32]:
            window = slice(start, start + size)
            pairs = None if text_pairs is None else text_pairs[window]
            return run_batches(self.run, self.tokenizer.encode(texts[window], pairs))

        starts = range(0, len(texts), size)
        if self.threads == 1 or len(starts) == 1:
            return np.concatenate([predict_window(start) for start in starts])
        with ThreadPoolExecutor(self.threads) as pool:
            return np.concatenate(list(pool.map(predict_window, starts)))

    def explain(
        self, text: str, label: str | None = None, *, progress: bool = False
    ) -> Explanation:
        """Return the effect of each word on a label, by default the best one; see `glove_lstm.explain`."""
        return explain(
            self.predict_logits,
            text,
            self.label_names,
            label,
            part=self.tokenizer.part_read(text),
            multi_label=self.problem_type == MULTI_LABEL,
            progress=progress,
        )

    def top_words(self, label: str, n: int = 20) -> list[tuple[str, float]]:
        """Return the words of the vocabulary that speak most for a label: what the model has learned.

        Each word is classified as a text of its own; words with other characters than letters are left out.

        Returns:
            n words, the strongest first, each with the logit of the label; if a text has one label, minus the largest
            of the other logits.

        Raises:
            DataError: There is no such label.
        """
        words, logits = self._logits_of_words
        strengths = evidence(
            logits,
            self.label_names,
            label,
            multi_label=self.problem_type == MULTI_LABEL,
        )
        strongest = np.argsort(-strengths, kind="stable")[:n]
        return [(words[number], float(strengths[number])) for number in strongest]

    @cached_property
    def _logits_of_words(self) -> tuple[list[str], NDArray[np.float32]]:
        """The words of the vocabulary, and the logits of each: kept, because each label asks for them."""
        words = self.tokenizer.words_of_letters()
        return words, self.predict_logits(words)

    def _window_size(self, count: int) -> int:
        """Return the number of texts in a window.

        All threads get the same number of windows, which are as large as possible: texts in a small window differ more
        in length, and need more padding.
        """
        windows_per_thread = max(1, math.ceil(count / (self.threads * _MOST_IN_WINDOW)))
        return max(1, math.ceil(count / (self.threads * windows_per_thread)))


def _listed(texts: Sequence[str], name: str) -> list[str]:
    """Return texts as a list, and refuse a single text, a set, a table and other values."""
    has_no_order = isinstance(texts, str | Mapping | set | frozenset)
    if has_no_order or not isinstance(texts, Iterable) or getattr(texts, "ndim", 1) != 1:
        raise TypeError(f"{name} must be a list of texts, not of type {type(texts).__name__}")
    listed = list(texts)
    for row, text in enumerate(listed):
        if not isinstance(text, str):
            raise TypeError(f"{name}[{row}] must be a text, not {text!r}")
    return listed
