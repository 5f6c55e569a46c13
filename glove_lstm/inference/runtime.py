"""Classify with numpy, tokenizers and ONNX Runtime alone: same labels and scores as the transformers pipeline.

    from glove_lstm.inference.runtime import LightClassifier

    classify = LightClassifier.from_pretrained("out")        # a folder in which export_onnx.py wrote model.onnx
    classify(["Senate passes budget bill", ""])              # [{"label": "REAL", "score": 0.98}, ...]
    classify.predict_probabilities(titles, bodies)           # (n, labels)

It starts in a fraction of the time and the memory that torch and transformers take, and reads more articles a second.
Many texts at a time are read without ONNX Runtime, by `bulk_network`, which is faster still. Calls from several threads
are safe; for more speed than one process gives, start several.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from glove_lstm.data.errors import DataError
from glove_lstm.data.files import read_checkpoint_json
from glove_lstm.inference.checkpoint_files import (
    INT8_NAME,
    ONNX_NAME,
    check_made_from,
    check_tokenizer,
    weights_digest,
)
from glove_lstm.inference.scores import sigmoid, softmax, stand_alone
from glove_lstm.tokenization.light_tokenizer import LightTokenizer, TokenizedText

try:
    import onnxruntime
except ImportError as error:  # an ImportError of our own keeps its type, and says what to do
    raise ImportError(
        "glove_lstm.inference.runtime needs ONNX Runtime: pip install 'glove-lstm[onnx]'"
    ) from error

if TYPE_CHECKING:
    from glove_lstm.inference.bulk_network import BulkNetwork

_WINDOW = 512  # texts that are tokenised and sorted by length together
_MANY = 16  # texts from which on numpy is faster than ONNX Runtime
_TOKENS = 2048  # of a batch, padding included: an LSTM's working set then fits a processor's cache


class Prediction(TypedDict):
    """What the pipeline says of a text."""

    label: str
    score: float


@dataclass(frozen=True, eq=False)
class LightClassifier:
    """A classifier and its tokenizer.

    Attributes:
        tokenizer: Cuts long texts.
        session: Of ONNX Runtime.
        threads: Processors that it may use.
        label_names: In the order of the logits.
        several: Whether a text may have several labels, so that each score stands for itself.
        folder: Of the weights, where the session computes just what they say, so that many texts need no session.
    """

    tokenizer: LightTokenizer
    session: "onnxruntime.InferenceSession"
    threads: int
    label_names: tuple[str, ...]
    several: bool = False
    folder: Path | None = None

    @classmethod
    def from_pretrained(
        cls, folder: str | Path, *, threads: int = 1, int8: bool = False
    ) -> "LightClassifier":
        """Load a checkpoint's tokenizer and its ONNX file.

        Args:
            folder: A checkpoint on this machine, in which `glove-lstm export` wrote.
            threads: Processors that the network may use.
            int8: Whether to read `model_int8.onnx`, which is faster and rounds, instead of `model.onnx`.

        Raises:
            DataError: A file is missing or damaged, or the ONNX file was made from other weights.
        """
        if int8:
            return cls.from_file(Path(folder) / INT8_NAME, threads=threads)
        return replace(cls.from_file(Path(folder) / ONNX_NAME, threads=threads), folder=Path(folder))

    @classmethod
    def from_file(cls, path: Path, *, threads: int = 1) -> "LightClassifier":
        """Load an ONNX file of any name, and the tokenizer and config beside it, as `from_pretrained` does."""
        folder = path.parent
        if not path.is_file():
            option = " --test_file LABELLED" if path.name == INT8_NAME else ""
            raise DataError(f"{path} is missing: make it with glove-lstm export {folder}{option}.")
        check_made_from(path, weights_digest(folder))
        config = read_checkpoint_json(folder / "config.json")
        tokenizer = LightTokenizer.from_folder(folder)
        check_tokenizer(folder, config, tokenizer.vocab_size, shapes=tokenizer.token_types)
        names = _label_names(config)
        several = stand_alone(config.get("problem_type"), names)
        return cls(tokenizer, _session(path, threads), threads, names, several)

    def __call__(self, texts: Sequence[str], text_pairs: Sequence[str] | None = None) -> list[Prediction]:
        """The best label of each of n texts, and its score."""
        scores = self.predict_probabilities(texts, text_pairs)
        best = scores.argmax(axis=1) if len(scores) else np.zeros(0, dtype=np.int64)
        return [
            {"label": self.label_names[label], "score": float(row[label])}
            for label, row in zip(best.tolist(), scores, strict=True)
        ]

    def predict_probabilities(
        self, texts: Sequence[str], text_pairs: Sequence[str] | None = None
    ) -> NDArray[np.float64]:
        """Scores of every label: (n, labels). They add up to 1, unless a text may have several labels."""
        logits = self.predict_logits(texts, text_pairs)
        return sigmoid(logits) if self.several else softmax(logits)

    def predict_logits(
        self, texts: Sequence[str], text_pairs: Sequence[str] | None = None
    ) -> NDArray[np.float32]:
        """What the network gives, divided by the model's temperature: (n, labels).

        Args:
            texts: n texts.
            text_pairs: n second parts (bodies to titles), or None.

        Raises:
            ValueError: There are not as many second parts as texts.
            TypeError: `texts` is a single text.
        """
        if isinstance(texts, str):
            raise TypeError("give a list of texts, not a single text")
        if text_pairs is not None and len(text_pairs) != len(texts):
            raise ValueError(
                f"{len(texts)} texts, but {len(text_pairs)} second parts: they must be equally many"
            )
        if len(texts) >= _MANY and self._network:
            return self._predict_many(self._network, texts, text_pairs)
        logits = np.zeros((len(texts), len(self.label_names)), dtype=np.float32)
        for start, tokenized in self._tokenize(texts, text_pairs):
            for batch in _batches(tokenized):
                logits[start + batch] = self._run([tokenized[row] for row in batch])
        return logits

    @cached_property
    def _network(self) -> "BulkNetwork | None":
        from glove_lstm.inference.bulk_network import BulkNetwork

        return None if self.folder is None else BulkNetwork.from_folder(self.folder)

    def _predict_many(
        self, network: "BulkNetwork", texts: Sequence[str], text_pairs: Sequence[str] | None
    ) -> NDArray[np.float32]:
        """Windows of texts, as many at a time as there are threads."""
        size = min(_WINDOW, -(-len(texts) // self.threads))

        def predict(start: int) -> NDArray[np.float32]:
            rows = slice(start, start + size)
            pairs = None if text_pairs is None else text_pairs[rows]
            return network.logits(self.tokenizer.read(texts[rows], pairs))

        starts = range(0, len(texts), size)
        if self.threads == 1 or len(starts) == 1:
            return np.concatenate([predict(start) for start in starts])
        with ThreadPoolExecutor(self.threads) as pool:
            return np.concatenate(list(pool.map(predict, starts)))

    def _tokenize(
        self, texts: Sequence[str], text_pairs: Sequence[str] | None
    ) -> Iterator[tuple[int, list[TokenizedText]]]:
        """Windows of texts, each with its first row; with several threads one window ahead of the network."""

        def read(start: int) -> list[TokenizedText]:
            rows = slice(start, start + _WINDOW)
            return self.tokenizer(texts[rows], None if text_pairs is None else text_pairs[rows])

        starts = range(0, len(texts), _WINDOW)
        if self.threads == 1 or len(starts) < 2:
            yield from ((start, read(start)) for start in starts)
            return
        with ThreadPoolExecutor(1) as helper:
            waiting = helper.submit(read, starts[0])
            for start in starts:
                tokenized = waiting.result()
                if start != starts[-1]:
                    waiting = helper.submit(read, start + _WINDOW)
                yield start, tokenized

    def _run(self, texts: Sequence[TokenizedText]) -> NDArray[np.float32]:
        lengths = np.array([len(text.ids) for text in texts])
        mask = np.arange(lengths.max()) < lengths[:, None]  # (texts, tokens)
        inputs = {"attention_mask": mask.astype(np.int64)}
        for name, rows in (
            ("input_ids", [text.ids for text in texts]),
            ("token_type_ids", [text.shapes for text in texts]),
        ):
            inputs[name] = np.zeros(mask.shape, dtype=np.int64)
            inputs[name][mask] = np.concatenate(rows)
        return self.session.run(
            None, {known.name: inputs[known.name] for known in self.session.get_inputs()}
        )[0]


def _batches(texts: Sequence[TokenizedText]) -> list[NDArray[np.int64]]:
    """Rows that are read together, longest first, so that little of a batch is padding."""
    lengths = np.array([len(text.ids) for text in texts])
    order = np.argsort(-lengths, kind="stable")
    batches, start = [], 0
    while start < len(order):
        size = max(1, _TOKENS // max(1, int(lengths[order[start]])))
        batches.append(order[start : start + size])
        start += size
    return batches


def _session(path: Path, threads: int) -> "onnxruntime.InferenceSession":
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_mem_pattern = False  # it helps where all batches have one shape
    options.add_session_config_entry(
        "session.intra_op.allow_spinning", "0"
    )  # idle threads leave the cores to others
    options.log_severity_level = 3  # errors, which come as exceptions
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        sentence = " ".join(str(error).split()).rstrip(".")
        raise DataError(f"{path} cannot be loaded ({sentence}): make it anew.") from None


def _label_names(config: dict[str, Any]) -> tuple[str, ...]:
    names = config.get("id2label") or {"0": "FAKE", "1": "REAL"}  # as GloveLstmConfig has them
    return tuple(name for _, name in sorted(names.items(), key=lambda item: int(item[0])))
