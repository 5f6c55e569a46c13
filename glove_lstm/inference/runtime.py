"""Classify with ONNX Runtime instead of torch, with the labels and scores of the transformers pipeline.

    from glove_lstm import LightClassifier

    classify = LightClassifier.from_pretrained("user/repo")  # or a folder that holds a light.onnx
    classify(["Senate passes budget bill", ""])              # [{"label": "REAL", "score": 0.74}, ...]
    classify.predict_proba(titles, bodies)                   # (n, labels)

It starts much faster than torch and transformers, in less memory. Threads may share a classifier. Another
process gets it by pickle, and loads the same files again.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from glove_lstm.data.files import read_checkpoint_json
from glove_lstm.errors import DataError, first_line
from glove_lstm.inference.checkpoint_files import (
    CONFIG_NAME,
    LIGHT_NAME,
    WEIGHTS_NAME,
    check_text_length,
    check_tokenizer,
    check_weights,
    file_digests,
    label_names,
    local_folder,
    origin,
)
from glove_lstm.inference.scores import scores_of
from glove_lstm.text.light_tokenizer import LightTokenizer
from glove_lstm.text.tokens import Tokens, ranges

_WINDOW = 2048  # texts tokenised and sorted by length together, at the most
_TEXTS, _TOKENS = 128, 4096  # in a batch at the most, with padding; fits a processor's cache


@dataclass(frozen=True, eq=False)
class LightClassifier:
    """A classifier and its tokenizer.

    Attributes:
        tokenizer: Tokenizer; it truncates long texts.
        session: ONNX Runtime session.
        label_names: Labels in the order of the logits.
        problem_type: As in config.json; with `multi_label_classification`, the scores are independent.
        threads: Batches that are computed at the same time.
        folder: The checkpoint, an absolute path.
        digests: SHA-256 of its files by name.
    """

    tokenizer: LightTokenizer
    session: onnxruntime.InferenceSession
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
        if threads < 1:
            raise ValueError(f"threads must be at least 1, not {threads}")
        folder = local_folder(model, revision, LIGHT_NAME, WEIGHTS_NAME)
        if not (folder / LIGHT_NAME).is_file():
            raise DataError(f"{folder / LIGHT_NAME} is missing; run: glove-lstm export {folder}.")
        config = read_checkpoint_json(folder / CONFIG_NAME)
        check_text_length(folder)
        names = label_names(folder, config)
        tokenizer = LightTokenizer.from_folder(folder)
        check_tokenizer(folder, config, tokenizer.vocab_size, typed=tokenizer.token_types)
        session = open_checked(folder, LIGHT_NAME)
        return cls(
            tokenizer,
            session,
            names,
            config.get("problem_type"),
            threads,
            folder.absolute(),
            file_digests(folder, LIGHT_NAME),
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process loads the same files again, since a session cannot be pickled."""
        return _load_again, (self.folder, self.digests, self.threads)

    def __call__(
        self, texts: str | Sequence[str], text_pairs: Sequence[str] | None = None
    ) -> list[dict[str, Any]]:
        """Return the best label and its score of each text; `texts` may be a single one."""
        scores = self.predict_proba([texts] if isinstance(texts, str) else texts, text_pairs)
        best = zip(scores.argmax(axis=1).tolist(), scores.max(axis=1).tolist(), strict=True)
        return [{"label": self.label_names[number], "score": score} for number, score in best]

    def predict_proba(
        self, texts: Sequence[str], text_pairs: Sequence[str] | None = None
    ) -> NDArray[np.float64]:
        """Return scores (n, labels). Each row adds up to 1, unless a text may have several labels."""
        return scores_of(self.predict_logits(texts, text_pairs), self.problem_type)

    def predict_logits(
        self, texts: Sequence[str], text_pairs: Sequence[str] | None = None
    ) -> NDArray[np.float32]:
        """Return calibrated logits (n, labels).

        Args:
            texts: n texts.
            text_pairs: n second parts (bodies to titles), or None.

        Raises:
            ValueError: The numbers of texts and second parts differ.
            TypeError: `texts` or `text_pairs` are no list of texts.
        """
        texts = _listed(texts, "texts")
        text_pairs = None if text_pairs is None else _listed(text_pairs, "text_pairs")
        if text_pairs is not None and len(text_pairs) != len(texts):
            raise ValueError(
                f"{len(texts)} texts, but {len(text_pairs)} second parts; give one for each text"
            )
        rounds = -(-len(texts) // (self.threads * _WINDOW)) or 1
        # Windows of one size, since a small one would need more padding, and as many for each thread.
        size = max(1, -(-len(texts) // (self.threads * rounds)))

        def predict(start: int) -> NDArray[np.float32]:
            rows = slice(start, start + size)
            pairs = None if text_pairs is None else text_pairs[rows]
            return self._predict(self.tokenizer.read(texts[rows], pairs))

        none = np.zeros((0, len(self.label_names)), dtype=np.float32)
        starts = range(0, len(texts), size)
        if self.threads == 1 or len(starts) == 1:
            return np.concatenate([none, *map(predict, starts)])
        with ThreadPoolExecutor(self.threads) as pool:
            return np.concatenate([none, *pool.map(predict, starts)])

    def _predict(self, texts: Tokens) -> NDArray[np.float32]:
        """Run batches of texts of similar length, longest first, to keep padding small."""
        logits = np.zeros((len(texts.lengths), len(self.label_names)), dtype=np.float32)
        names = [known.name for known in self.session.get_inputs()]
        begins = np.cumsum(texts.lengths) - texts.lengths
        order = np.argsort(-texts.lengths, kind="stable")
        start = 0
        while start < len(order):
            longest = max(1, int(texts.lengths[order[start]]))
            batch = order[start : start + max(1, min(_TEXTS, _TOKENS // longest))]
            start += len(batch)
            mask = np.arange(longest) < texts.lengths[batch][:, None]  # (texts, tokens)
            tokens = ranges(begins[batch], texts.lengths[batch])
            inputs = {"attention_mask": mask.astype(np.int64)}
            for name, values in (("input_ids", texts.ids), ("token_type_ids", texts.types)):
                inputs[name] = np.zeros(mask.shape, dtype=np.int64)
                inputs[name][mask] = values[tokens]
            logits[batch] = self.session.run(None, {name: inputs[name] for name in names})[0]
        return logits


def _load_again(folder: Path, digests: Mapping[str, str | None], threads: int) -> LightClassifier:
    """Load a classifier that was pickled.

    Raises:
        DataError: The files of the checkpoint are gone, or others than those that it was loaded from.
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


def open_checked(folder: Path, name: str) -> onnxruntime.InferenceSession:
    """Load one of a checkpoint's ONNX files.

    Raises:
        DataError: The file is damaged, or does not belong to the config and weights of its checkpoint, or these are
            missing or damaged.
    """
    if not (folder / WEIGHTS_NAME).is_file():
        raise DataError(f"{folder / WEIGHTS_NAME} is missing: get the checkpoint again.")
    labels = label_names(folder, read_checkpoint_json(folder / CONFIG_NAME))
    check_weights(folder / WEIGHTS_NAME, len(labels))
    session = open_session(folder / name)
    metadata = session.get_modelmeta().custom_metadata_map
    for key, value in origin(folder).items():
        if metadata.get(key) != value:
            problem = f"{folder / name} was not made from the {key.rpartition('.')[2]} of {folder}"
            again = f"write it again with glove-lstm export {folder}, or remove it"
            raise DataError(f"{problem}: {again}.")
    return session


def open_session(path: Path) -> onnxruntime.InferenceSession:
    """Load an ONNX file, to run on one core at a time.

    Raises:
        DataError: The file is damaged.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_mem_pattern = False  # only useful if all batches have one shape
    options.log_severity_level = 3  # errors only, which raise exceptions, too
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        advice = "get the checkpoint again, or export it again"
        raise DataError(f"{path} cannot be loaded ({first_line(error)}); {advice}.") from None
