"""Classify with ONNX Runtime instead of torch, with the labels and scores of the transformers pipeline.

    from glove_lstm import LightClassifier

    classify = LightClassifier.from_pretrained("user/repo")  # or a folder that holds a light.onnx
    classify(["Senate passes budget bill", ""])              # [{"label": "REAL", "score": 0.74}, ...]
    classify.predict_proba(titles, bodies)                   # (n, labels)
    classify.explain("Senate passes budget bill").effects    # of each word

It starts much faster than torch and transformers, in less memory. Threads may share a classifier. Another
process gets it by pickle, and loads the same files again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from glove_lstm.checkpoint.checkpoint import Checkpoint, check_unchanged, file_digests
from glove_lstm.checkpoint.names import LIGHT_NAME, WEIGHTS_NAME
from glove_lstm.checkpoint.weights_file import check_weights
from glove_lstm.errors import DataError, first_line
from glove_lstm.inference.classifier import Classifier, Inputs
from glove_lstm.inference.decisions import decision_thresholds


@dataclass(frozen=True, eq=False, kw_only=True)
class LightClassifier(Classifier):
    """A checkpoint's `light.onnx` and its tokenizer.

    Attributes:
        session: ONNX Runtime session.
        folder: The checkpoint, an absolute path.
    """

    session: onnxruntime.InferenceSession
    folder: Path

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
            session=_light_session(checkpoint),
            tokenizer=checkpoint.light_tokenizer(),
            label_names=checkpoint.label_names,
            problem_type=checkpoint.problem_type,
            thresholds=decision_thresholds(checkpoint.config),
            threads=threads,
            folder=checkpoint.folder.absolute(),
            digests=file_digests(checkpoint.folder, LIGHT_NAME),
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process loads the same files again, since a session cannot be pickled."""
        return _load_again, (self.folder, self.digests, self.threads)

    def run(self, inputs: Inputs) -> NDArray[np.float32]:
        """Return the calibrated logits of a batch, (B, labels)."""
        names = [known.name for known in self.session.get_inputs()]  # some networks read no types
        [logits] = self.session.run(None, {name: inputs[name] for name in names})
        return logits


def _light_session(checkpoint: Checkpoint) -> onnxruntime.InferenceSession:
    """Load the `light.onnx` of a checkpoint.

    Raises:
        DataError: A file is missing or damaged, a weight is NaN or infinite, or `light.onnx` was made from another
            config or other weights.
    """
    checkpoint.fetch(LIGHT_NAME, WEIGHTS_NAME)
    folder = checkpoint.folder
    path = folder / LIGHT_NAME
    if not path.is_file():
        raise DataError(f"{path} is missing; run: glove-lstm export {folder}.")
    check_weights(folder / WEIGHTS_NAME, len(checkpoint.label_names))
    session = open_session(path)
    metadata = session.get_modelmeta().custom_metadata_map
    for key, expected in checkpoint.content_hashes().items():
        if metadata.get(key) != expected:
            source = key.rpartition(".")[2]  # config or weights
            raise DataError(
                f"{path} was not made from the {source} of {folder}: write it again with glove-lstm export {folder}, "
                "or remove it."
            )
    return session


def open_session(path: Path) -> onnxruntime.InferenceSession:
    """Load an ONNX file, to run on one core at a time.

    Raises:
        DataError: The file is damaged.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_mem_pattern = False  # only useful if all batches have one shape
    options.log_severity_level = 3  # errors only, which raise exceptions, too
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        advice = "get the checkpoint again, or export it again"
        raise DataError(f"{path} cannot be loaded ({first_line(error)}); {advice}.") from None


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
    check_unchanged(str(folder), digests, file_digests(folder, LIGHT_NAME))
    return LightClassifier.from_pretrained(folder, threads=threads)
