"""Load a checkpoint as a function from texts to probabilities, with ONNX Runtime or PyTorch."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from glove_lstm.data.files import read_checkpoint_json
from glove_lstm.inference.checkpoint_files import (
    CONFIG_NAME,
    LIGHT_NAME,
    WEIGHTS_NAME,
    file_digests,
    local_folder,
)
from glove_lstm.inference.output_formats import Explain
from glove_lstm.inference.scores import decision_thresholds

Backend = Literal["onnx", "torch"]

# Maps n texts and n second parts (bodies to titles) or None to (n, labels) probabilities at the model's temperature.
Predict = Callable[[list[str], list[str] | None], NDArray[np.floating]]


@dataclass(frozen=True)
class OpenModel:
    """A loaded checkpoint."""

    predict: Predict
    label_names: tuple[str, ...]  # in the order of the scores
    folder: Path
    backend: Backend
    thresholds: Sequence[float] | None  # least scores of the labels, if a text may have several
    explain: Explain | None = None  # None with ONNX Runtime, which has no gradients

    def identity(self) -> dict[str, Any]:
        """Return the backend and the hashes of the files that decide the scores, for JSON."""
        weights = LIGHT_NAME if self.backend == "onnx" else WEIGHTS_NAME
        return {"backend": self.backend, "files": file_digests(self.folder, weights)}


def open_model(
    model: str | Path,
    *,
    revision: str | None = None,
    backend: Backend | None = None,
    threads: int | None = None,
) -> OpenModel:
    """Load a checkpoint.

    Args:
        model: A folder, or a repository's id on the Hub.
        revision: Commit, tag or branch on the Hub.
        backend: The library that computes; None takes onnx if the checkpoint has a `light.onnx`.
        threads: Cores to use; None takes all cores of this process.

    Raises:
        DataError: There is no usable checkpoint.
        ValueError: The backend is unknown, or `threads` is below 1.
    """
    if backend not in (None, "onnx", "torch"):
        raise ValueError(f"backend must be onnx or torch, not {backend!r}")
    if threads is not None and threads < 1:
        raise ValueError(f"threads must be at least 1, not {threads}")
    folder = local_folder(model, revision, LIGHT_NAME, WEIGHTS_NAME)
    if backend == "onnx" or (backend is None and (folder / LIGHT_NAME).is_file()):
        from glove_lstm.inference.runtime import LightClassifier

        light = LightClassifier.from_pretrained(
            folder, threads=len(processors()) if threads is None else threads
        )
        thresholds = decision_thresholds(read_checkpoint_json(folder / CONFIG_NAME))
        return OpenModel(light.predict_proba, light.label_names, folder, "onnx", thresholds)

    # OpenMP's spinning barriers can slow an LSTM 5 to 150 times on small virtual machines. Read when torch loads.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    import torch
    import transformers

    from glove_lstm.inference.checkpoints import load_checkpoint
    from glove_lstm.inference.prediction import predict_probabilities
    from glove_lstm.inference.relevance import explain

    transformers.utils.logging.disable_progress_bar()  # the command has its own
    if threads:
        torch.set_num_threads(threads)
    loaded = load_checkpoint(folder)
    names = tuple(loaded[0].config.label_names)
    predict = partial(predict_probabilities, *loaded)
    thresholds = decision_thresholds(loaded[0].config.to_dict())
    return OpenModel(predict, names, folder, "torch", thresholds, partial(explain, *loaded))


def processors() -> list[int]:
    """Return the numbers of the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))  # macOS cannot pin a process
