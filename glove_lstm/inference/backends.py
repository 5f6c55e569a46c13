"""Turn a checkpoint into a function from texts to probabilities, with ONNX Runtime or PyTorch."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from glove_lstm.checkpoint import LIGHT_NAME, WEIGHTS_NAME, Checkpoint, file_digests
from glove_lstm.inference.explain import Explanation, explain
from glove_lstm.inference.scores import MULTI_LABEL, decision_thresholds
from glove_lstm.processors import processors

Backend = Literal["onnx", "torch"]

# From n texts, and n second parts, such as the bodies below n titles, or None, to (n, labels) probabilities at the
# model's temperature.
Predict = Callable[[list[str], list[str] | None], NDArray[np.floating]]


@dataclass(frozen=True)
class OpenModel:
    """A checkpoint that is loaded and can classify."""

    predict: Predict
    checkpoint: Checkpoint
    backend: Backend
    thresholds: Sequence[float] | None  # least scores of the labels, if a text may have several
    explain: Callable[..., Explanation]

    @property
    def label_names(self) -> tuple[str, ...]:
        """The labels in the order of the scores."""
        return self.checkpoint.label_names

    def identity(self) -> dict[str, Any]:
        """Return the backend and the hashes of the files that decide the scores, for JSON."""
        weights = LIGHT_NAME if self.backend == "onnx" else WEIGHTS_NAME
        return {"backend": self.backend, "files": file_digests(self.checkpoint.folder, weights)}


def open_model(
    checkpoint: Checkpoint, *, backend: Backend | None = None, threads: int | None = None
) -> OpenModel:
    """Load the network and the tokenizer of a checkpoint.

    Args:
        checkpoint: The checkpoint.
        backend: The library that computes; None takes onnx if the checkpoint has a `light.onnx`.
        threads: Cores to use; None takes all cores of this process.

    Raises:
        DataError: A file is missing or damaged, or does not fit the others.
        ValueError: The backend is unknown, or `threads` is below 1.
    """
    if backend not in (None, "onnx", "torch"):
        raise ValueError(f"backend must be onnx or torch, not {backend!r}")
    if threads is not None and threads < 1:
        raise ValueError(f"threads must be at least 1, not {threads}")
    thresholds = decision_thresholds(checkpoint.config)
    if backend is None:
        checkpoint.fetch(LIGHT_NAME, WEIGHTS_NAME)
        has_light = (checkpoint.folder / LIGHT_NAME).is_file()
        backend = "onnx" if has_light else "torch"

    if backend == "onnx":
        from glove_lstm.inference.runtime import LightClassifier

        if threads is None:
            threads = len(processors())
        light = LightClassifier.from_checkpoint(checkpoint, threads=threads)
        return OpenModel(light.predict_proba, checkpoint, backend, thresholds, light.explain)

    # OpenMP's spinning barriers can slow an LSTM 5 to 150 times on small virtual machines. torch reads the variable
    # when it is imported.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    import torch
    import transformers

    from glove_lstm.inference.prediction import predict_logits, predict_probabilities

    transformers.utils.logging.disable_progress_bar()  # loading takes less than a second
    if threads is not None:
        torch.set_num_threads(threads)
    model, tokenizer = checkpoint.load_model()
    predict = partial(predict_probabilities, model, tokenizer)
    explain_text = partial(
        explain,
        partial(predict_logits, model, tokenizer),
        label_names=checkpoint.label_names,
        multi_label=checkpoint.problem_type == MULTI_LABEL,
    )
    return OpenModel(predict, checkpoint, backend, thresholds, explain_text)
