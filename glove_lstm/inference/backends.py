"""A checkpoint as a function from texts to probabilities, by ONNX Runtime or by PyTorch."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from glove_lstm.inference.checkpoint_files import (
    CONFIG_NAME,
    ONNX_NAME,
    TOKENIZER_NAMES,
    WEIGHTS_NAME,
    digest,
    local_folder,
)

if TYPE_CHECKING:
    from glove_lstm.inference.explanation import Explanation

Backend = Literal["onnx", "torch"]

# n texts and n second parts (bodies to titles), or None -> (n, labels) probabilities at the model's temperature.
Predict = Callable[[list[str], list[str] | None], NDArray[np.floating]]


@dataclass(frozen=True)
class OpenModel:
    """A model that is ready.

    Attributes:
        predict: Gives the scores of texts.
        label_names: In their order.
        folder: Where its files are on this machine.
        options: What decides the scores beside these files, for JSON.
        explain: Gives the contribution of each word of a text and its second part; None with ONNX Runtime, which has
            no gradients.
    """

    predict: Predict
    label_names: tuple[str, ...]
    folder: Path
    options: dict[str, Any]
    explain: "Callable[[str, str | None], Explanation] | None" = None

    def identity(self) -> dict[str, Any]:
        """What decides the scores, for JSON: two models that could differ have another one."""
        weights = ONNX_NAME if self.options["backend"] == "onnx" else WEIGHTS_NAME
        names = (CONFIG_NAME, *TOKENIZER_NAMES, weights)
        return {**self.options, "files": {name: digest(self.folder / name) for name in names}}


def open_model(
    model: str | Path,
    *,
    revision: str | None = None,
    backend: Backend | None = None,
    threads: int | None = None,
    max_length: int | None = None,
) -> OpenModel:
    """Load a checkpoint.

    Args:
        model: A folder, or a repository's id on the Hub.
        revision: Commit, tag or branch on the Hub.
        backend: What computes; None takes onnx where the checkpoint has a `model.onnx`.
        threads: Cores that may be used; None: all that this process may use.
        max_length: Tokens that a text is cut to; None takes the model's own.

    Raises:
        DataError: There is no usable checkpoint.
    """
    folder = local_folder(model, revision)
    backend = backend or ("onnx" if (folder / ONNX_NAME).is_file() else "torch")
    options = {"backend": backend, "max_length": max_length}
    if backend == "onnx":
        from glove_lstm.inference.runtime import LightClassifier

        classifier = LightClassifier.from_pretrained(folder, threads=threads or len(processors()))
        if max_length:
            classifier.tokenizer.model_max_length = max_length
        return OpenModel(classifier.predict_proba, classifier.label_names, folder, options)
    return _open_torch(local_folder(model, revision, WEIGHTS_NAME), threads, options)


def processors() -> list[int]:
    """The numbers of the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))  # macOS cannot pin a process


def _open_torch(folder: Path, threads: int | None, options: dict[str, Any]) -> OpenModel:
    # On small virtual machines OpenMP's spinning barriers can slow an LSTM 5 to 150 times; read when torch loads.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    import torch
    import transformers

    from glove_lstm.inference.checkpoints import load_checkpoint
    from glove_lstm.inference.explanation import explain
    from glove_lstm.inference.prediction import predict_probabilities

    transformers.utils.logging.disable_progress_bar()  # the command has its own
    if threads:
        torch.set_num_threads(threads)
    model, tokenizer = load_checkpoint(folder)
    if options["max_length"]:
        tokenizer.model_max_length = options["max_length"]
    predict = partial(predict_probabilities, model, tokenizer)
    names = tuple(model.config.label_names)
    return OpenModel(predict, names, folder, options, partial(explain, model, tokenizer))
