"""Classify with ONNX Runtime instead of torch, with the labels and scores of the transformers pipeline.

    from glove_lstm import LightClassifier

    classify = LightClassifier.from_pretrained("user/repo")  # or a folder that holds a light.onnx
    classify(["Senate passes budget bill", ""])              # [{"label": "REAL", "score": 0.74}, ...]
    classify.predict_proba(titles, bodies)                   # (n, labels)

It starts much faster than torch and transformers, in less memory. Threads may share a classifier. Another
process gets it by pickle, and loads the same files again.
"""

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from glove_lstm.checkpoint import LIGHT_NAME, Checkpoint, file_digests
from glove_lstm.errors import DataError
from glove_lstm.inference.explain import Explanation, explain
from glove_lstm.inference.scores import MULTI_LABEL, scores_of
from glove_lstm.text.light_tokenizer import LightTokenizer
from glove_lstm.text.tokens import Tokens, length_batches, ranges

_MOST_IN_WINDOW = 2048  # texts that are tokenised and sorted by length together
# In a batch, with padding; fits a processor's cache.
_MOST_TEXTS = 128
_MOST_TOKENS = 4096


@dataclass(frozen=True, eq=False)
class LightClassifier:
    """A classifier and its tokenizer.

    Attributes:
        session: ONNX Runtime session.
        tokenizer: Tokenizer; it truncates long texts.
        label_names: Labels in the order of the logits.
        problem_type: As in config.json; with `multi_label_classification`, the scores are independent.
        threads: Batches that are computed at the same time.
        folder: The checkpoint, an absolute path.
        digests: SHA-256 of its files by name.
    """

    session: onnxruntime.InferenceSession
    tokenizer: LightTokenizer
    label_names: tuple[str, ...]
    problem_type: str | None
    threads: int
    folder: Path
    digests: Mapping[str, str | None]

    @classmethod
    def from_pretrained(
        cls, model: str | Path, revision: str | None = None, *, threads: int = 1
    ) -> "LightClassifier":
        """Load a checkpoint's tokenizer, its `light.onnx` and its weights.

        Args:
            model: A folder, or a repository's id on the Hub; only the needed files are downloaded.
            revision: Commit, tag or branch on the Hub.
            threads: Batches that are computed at the same time.

        Raises:
            DataError: A file is missing or damaged, a weight is NaN or infinite, or the ONNX file was made from another
                config or other weights.
            ValueError: `threads` is below 1.
        """
        return cls.from_checkpoint(Checkpoint.open(model, revision), threads=threads)

    @classmethod
    def from_checkpoint(cls, checkpoint: Checkpoint, *, threads: int = 1) -> "LightClassifier":
        """Load the tokenizer and the network of a checkpoint; see `from_pretrained`."""
        if threads < 1:
            raise ValueError(f"threads must be at least 1, not {threads}")
        return cls(
            session=checkpoint.light_session(),
            tokenizer=checkpoint.light_tokenizer(),
            label_names=checkpoint.label_names,
            problem_type=checkpoint.problem_type,
            threads=threads,
            folder=checkpoint.folder.absolute(),
            digests=file_digests(checkpoint.folder, LIGHT_NAME),
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process loads the same files again, since a session cannot be pickled."""
        return _load_again, (self.folder, self.digests, self.threads)

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
                    f"{len(texts)} texts, but {len(text_pairs)} second parts; give one for each text"
                )
        if not texts:
            return np.zeros((0, len(self.label_names)), dtype=np.float32)
        size = self._window_size(len(texts))

        def predict_window(start: int) -> NDArray[np.float32]:
            window = slice(start, start + size)
            pairs = None if text_pairs is None else text_pairs[window]
            return self._predict(self.tokenizer.read(texts[window], pairs))

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
            multi_label=self.problem_type == MULTI_LABEL,
            progress=progress,
        )

    def _window_size(self, count: int) -> int:
        """Return the number of texts in a window.

        All threads get the same number of windows, which are as large as possible: texts in a small window differ more
        in length, and need more padding.
        """
        windows_per_thread = max(1, math.ceil(count / (self.threads * _MOST_IN_WINDOW)))
        return max(1, math.ceil(count / (self.threads * windows_per_thread)))

    def _predict(self, texts: Tokens) -> NDArray[np.float32]:
        """Run batches of texts of similar length."""
        logits = np.zeros((len(texts.lengths), len(self.label_names)), dtype=np.float32)
        # Some models read no types.
        input_names = [known.name for known in self.session.get_inputs()]
        begins = np.cumsum(texts.lengths) - texts.lengths
        for batch in length_batches(texts.lengths, _MOST_TEXTS, _MOST_TOKENS):
            lengths = texts.lengths[batch]
            longest = int(lengths[0])  # `length_batches` puts the longest text first
            width = max(1, longest)
            mask = np.arange(width) < lengths[:, None]  # (texts, width)
            tokens = ranges(begins[batch], lengths)
            padded_ids = np.zeros(mask.shape, dtype=np.int64)
            padded_ids[mask] = texts.ids[tokens]
            padded_types = np.zeros(mask.shape, dtype=np.int64)
            padded_types[mask] = texts.types[tokens]
            inputs = {
                "attention_mask": mask.astype(np.int64),
                "input_ids": padded_ids,
                "token_type_ids": padded_types,
            }
            outputs = self.session.run(None, {name: inputs[name] for name in input_names})
            logits[batch] = outputs[0]
        return logits


def _load_again(folder: Path, digests: Mapping[str, str | None], threads: int) -> LightClassifier:
    """Load a classifier that was pickled.

    Raises:
        DataError: The files of the checkpoint are gone, or have changed since the classifier was loaded.
    """
    if not folder.is_dir():
        raise DataError(
            f"There is no folder {folder}, from which the pickled classifier was loaded; copy the checkpoint there, "
            "or load it with from_pretrained in this process."
        )
    present = file_digests(folder, LIGHT_NAME)
    for name, digest in digests.items():
        if present[name] != digest:
            raise DataError(
                f"{folder / name} has changed since the pickled classifier was loaded; load it again with "
                "from_pretrained."
            )
    return LightClassifier.from_pretrained(folder, threads=threads)


def _listed(texts: Sequence[str], name: str) -> list[str]:
    """Return texts as a list, and refuse a single text, a table and other values."""
    if isinstance(texts, str | Mapping) or getattr(texts, "ndim", 1) != 1:
        raise TypeError(f"{name} must be a list of texts, not of type {type(texts).__name__}")
    listed = list(texts)
    for row, text in enumerate(listed):
        if not isinstance(text, str):
            raise TypeError(f"{name}[{row}] must be a text, not {text!r}")
    return listed
