"""Classify with ONNX Runtime instead of torch, with the labels and scores of the transformers pipeline.

    from glove_lstm import LightClassifier

    classify = LightClassifier.from_pretrained("user/repo")  # or a folder that holds a light.onnx
    classify(["Senate passes budget bill", ""])              # [{"label": "REAL", "score": 0.74}, ...]
    classify.predict_proba(titles, bodies)                   # (n, labels)
    classify.explain("Senate passes budget bill").effects    # of each word

It starts much faster than torch and transformers, in less memory. Threads may share a classifier. Another
process gets it by pickle, and loads the same folder again.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from glove_lstm.checkpoint.checkpoint import Checkpoint
from glove_lstm.checkpoint.names import LIGHT_NAME, MULTI_LABEL, WEIGHTS_NAME
from glove_lstm.checkpoint.weights_file import check_label_count
from glove_lstm.errors import DataError, counted, first_line
from glove_lstm.inference.decisions import are_unsure, decide, decision_thresholds, scores_of
from glove_lstm.inference.explain import Explanation, evidence, explain
from glove_lstm.inference.promise import promised_score
from glove_lstm.inference.run_batches import Inputs, run_batches
from glove_lstm.tables.labels import Label
from glove_lstm.text.light_tokenizer import LightTokenizer

PROVIDERS = ["CPUExecutionProvider"]
_MOST_IN_WINDOW = 2048  # texts that are encoded and sorted by length together


@dataclass(frozen=True, eq=False, kw_only=True)
class LightClassifier:
    """A checkpoint's `light.onnx` and its tokenizer.

    Attributes:
        session: ONNX Runtime session.
        tokenizer: Tokenizer; it truncates long texts.
        label_names: Labels in the order of the logits.
        problem_type: As in config.json; with `multi_label_classification`, the scores are independent.
        thresholds: Scores from which a text gets each label, if it may have several; else None.
        held_out_scores: How often labels were right on held-out texts, by score, as config.json has it; None: unknown.
        threads: Batches that are computed at the same time.
        folder: The checkpoint, an absolute path; None for a model in memory.
        weights: Arrays that the session of a model in memory reads.
    """

    session: onnxruntime.InferenceSession
    tokenizer: LightTokenizer
    label_names: tuple[str, ...]
    problem_type: str | None
    thresholds: Sequence[float] | None = None
    held_out_scores: Mapping[str, Any] | None = None
    threads: int = 1
    folder: Path | None = None
    weights: tuple[NDArray[Any], ...] = ()

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
            DataError: A file is missing or damaged, or the ONNX file was made from another config or other weights.
            ValueError: `threads` is not a whole number of at least 1.
        """
        return cls.from_checkpoint(Checkpoint.open(model, revision), threads=threads)

    @classmethod
    def from_checkpoint(cls, checkpoint: Checkpoint, *, threads: int = 1) -> "LightClassifier":
        """Load the tokenizer and the network of a checkpoint; see `from_pretrained`."""
        if not isinstance(threads, Integral) or threads < 1:
            raise ValueError(f"threads must be a whole number of at least 1, not {threads!r}")
        return cls(
            session=_light_session(checkpoint),
            tokenizer=checkpoint.light_tokenizer(),
            label_names=checkpoint.label_names,
            problem_type=checkpoint.problem_type,
            thresholds=decision_thresholds(checkpoint.config),
            held_out_scores=checkpoint.config.get("held_out_scores"),
            threads=threads,
            folder=checkpoint.folder.absolute(),
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process loads the folder again, since a session cannot be pickled."""
        if self.folder is None:
            raise TypeError("a classifier in memory cannot be pickled; save it, and load it")
        # `datasets` keeps results by what is pickled: all that decides them.
        hashes = sorted(self.session.get_modelmeta().custom_metadata_map.items())
        decisions = (self.label_names, self.problem_type, self.thresholds, self.held_out_scores)
        return _load_again, (self.folder, self.threads, hashes, decisions)

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
            return run_batches(self._run, self.tokenizer.encode(texts[window], pairs))

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

    def _run(self, inputs: Inputs) -> NDArray[np.float32]:
        """Return the calibrated logits of a batch, (B, labels)."""
        names = [known.name for known in self.session.get_inputs()]  # some networks read no types
        [logits] = self.session.run(None, {name: inputs[name] for name in names})
        return logits


def _light_session(checkpoint: Checkpoint) -> onnxruntime.InferenceSession:
    """Load the `light.onnx` of a checkpoint.

    Raises:
        DataError: A file is missing or damaged, or `light.onnx` was made from another config or other weights.
    """
    checkpoint.fetch(LIGHT_NAME, WEIGHTS_NAME)
    folder = checkpoint.folder
    path = folder / LIGHT_NAME
    if not path.is_file():
        problem = f"{checkpoint.name}: {LIGHT_NAME} is missing"
        if checkpoint.repo_id is not None:
            problem += " (the repository has none, or there is no network)"
        raise DataError(f"{problem}; run: {_export_command(checkpoint)}.")
    check_label_count(folder / WEIGHTS_NAME, len(checkpoint.label_names))
    session = open_session(path)
    metadata = session.get_modelmeta().custom_metadata_map
    for key, expected in checkpoint.content_hashes().items():
        if metadata.get(key) != expected:
            source = key.rpartition(".")[2]  # config or weights
            problem = (
                f"{checkpoint.name}: {LIGHT_NAME} was not made from the {source} of this checkpoint"
            )
            raise DataError(f"{problem}; run: {_export_command(checkpoint)}.")
    return session


def _export_command(checkpoint: Checkpoint) -> str:
    """Return the command that writes `light.onnx`; not into the Hub's cache, where nobody would look for it."""
    if checkpoint.repo_id is None:
        return f"glove-lstm export {checkpoint.folder}"
    commit = checkpoint.folder.name  # as the Hub's cache names its folders
    download = f"hf download {checkpoint.repo_id} --revision {commit} --local-dir FOLDER"
    return f"{download} && glove-lstm export FOLDER"


def open_session(path: Path) -> onnxruntime.InferenceSession:
    """Load an ONNX file, to run on one core at a time.

    Raises:
        DataError: The file is damaged.
    """
    try:
        return onnxruntime.InferenceSession(path, session_options(), providers=PROVIDERS)
    except Exception as error:
        advice = "get the checkpoint again, or export it again"
        raise DataError(f"{path} cannot be loaded ({first_line(error)}); {advice}.") from None


def session_options() -> onnxruntime.SessionOptions:
    """Return options to run on one core at a time."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_mem_pattern = False  # only useful if all batches have one shape
    options.log_severity_level = 3  # errors only, which raise exceptions, too
    return options


def _load_again(folder: Path, threads: int, *_decides_results: Any) -> LightClassifier:
    return LightClassifier.from_pretrained(folder, threads=threads)


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
