"""Classify with ONNX Runtime instead of torch, with the labels and scores of the transformers pipeline.

    from glove_lstm import LightClassifier

    classify = LightClassifier.from_pretrained("user/repo")  # or a folder that holds a light.onnx
    classify(["Senate passes budget bill", ""])              # [{"label": "REAL", "score": 0.74}, ...]
    classify.predict_proba(titles, bodies)                   # (n, labels)
    classify.explain("Senate passes budget bill").effects    # of each word

It starts much faster than torch and transformers, in less memory. Threads may share a classifier. Another
process gets it by pickle, and loads the same folder again.
"""

from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from glove_lstm.checkpoint.checkpoint import Checkpoint
from glove_lstm.checkpoint.names import LIGHT_NAME, WEIGHTS_NAME
from glove_lstm.checkpoint.weights_file import check_label_count
from glove_lstm.errors import DataError, first_line
from glove_lstm.inference.classifier import Classifier, Inputs
from glove_lstm.inference.decisions import decision_thresholds

PROVIDERS = ["CPUExecutionProvider"]


@dataclass(frozen=True, eq=False, kw_only=True)
class LightClassifier(Classifier):
    """A checkpoint's `light.onnx` and its tokenizer.

    Attributes:
        session: ONNX Runtime session.
        folder: The checkpoint, an absolute path; None for a model in memory.
        weights: Arrays that the session of a model in memory reads.
    """

    session: onnxruntime.InferenceSession
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
        # Hashes of config and weights: `datasets` keeps results by what is pickled.
        hashes = sorted(self.session.get_modelmeta().custom_metadata_map.items())
        return _load_again, (self.folder, self.threads, hashes)

    def run(self, inputs: Inputs) -> NDArray[np.float32]:
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


def _load_again(folder: Path, threads: int, _hashes: list[tuple[str, str]]) -> LightClassifier:
    return LightClassifier.from_pretrained(folder, threads=threads)
