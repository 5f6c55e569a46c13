"""A checkpoint as a function from texts to probabilities, by ONNX Runtime or by PyTorch, whichever is there."""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from glove_lstm.data.errors import DataError
from glove_lstm.data.files import check_revision
from glove_lstm.inference.checkpoint_files import ONNX_NAME, weights_digest

if TYPE_CHECKING:
    from glove_lstm.inference.explanation import Explanation

Backend = Literal["onnx", "onnx-int8", "torch"]

# n texts and n second parts (bodies to titles), or None -> (n, labels) probabilities at the model's temperature.
Predict = Callable[[list[str], list[str] | None], NDArray[np.floating]]


@dataclass(frozen=True)
class OpenModel:
    """A model that is ready.

    Attributes:
        predict: Gives the scores of texts.
        label_names: In their order.
        folder: Where it lies, or None where it came from the Hub.
        described: What decides the scores beside what lies there, for JSON.
        explain: Says what each word of a text and its second part contributes; None with ONNX Runtime, which has no
            gradients.
    """

    predict: Predict
    label_names: tuple[str, ...]
    folder: Path | None
    described: dict[str, Any]
    explain: "Callable[[str, str | None], Explanation] | None" = None

    @cached_property
    def identity(self) -> dict[str, Any]:
        """What decides the scores, for JSON: two models that could differ have another one. Reads the whole folder."""
        return (
            self.described if self.folder is None else {**self.described, "checkpoint": _digest(self.folder)}
        )


def open_model(
    model: str | Path,
    *,
    revision: str | None = None,
    backend: Backend | None = None,
    threads: int | None = None,
    batch_size: int = 32,
    max_length: int | None = None,
) -> OpenModel:
    """Load a checkpoint.

    Args:
        model: A folder, or, with torch, a repository's id on the Hub.
        revision: Commit, tag or branch on the Hub.
        backend: What computes; None takes onnx where the folder has a `model.onnx` and ONNX Runtime is there.
            onnx-int8 reads `model_int8.onnx`, which rounds.
        threads: Processors that may be used; None leaves it to the backend: all of them.
        batch_size: Texts at a time, with torch.
        max_length: Tokens that a text is cut to; None takes the model's own.

    Raises:
        DataError: There is no usable checkpoint, or what the backend needs is not installed.
    """
    check_revision(model, revision)
    chosen = _choose(Path(model), backend)
    described: dict[str, Any] = {"backend": chosen, "max_length": max_length}
    folder = Path(model) if Path(model).is_dir() else None
    if chosen != "torch":
        predict, names = _open_onnx(Path(model), threads, max_length, int8=chosen == "onnx-int8")
        return OpenModel(predict, names, folder, described)
    predict, explain, names, commit = _open_torch(model, revision, threads, batch_size, max_length)
    if commit:
        described["repository"] = f"{model}@{commit}"
    return OpenModel(predict, names, folder, described, explain)


def processors() -> list[int]:
    """The numbers of those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))  # macOS cannot pin a process


def _choose(folder: Path, asked: Backend | None) -> Backend:
    if asked in ("onnx", "onnx-int8"):
        if not folder.is_dir():
            raise DataError(f"{folder} is no folder: --backend {asked} reads a checkpoint on this machine.")
        if find_spec("onnxruntime") is None:
            raise DataError(f"--backend {asked} needs ONNX Runtime: pip install glove-lstm.")
    elif asked is None and (folder / ONNX_NAME).is_file() and find_spec("onnxruntime"):
        return "onnx"
    elif find_spec("torch") is None or find_spec("transformers") is None:
        raise DataError(
            f"{folder} is read by torch and transformers, which are not installed: pip install 'glove-lstm[train]', "
            f"or write {ONNX_NAME} with glove-lstm export where they are."
        )
    return asked or "torch"


def _open_onnx(
    folder: Path, threads: int | None, max_length: int | None, *, int8: bool
) -> tuple[Predict, tuple[str, ...]]:
    from glove_lstm.inference.runtime import LightClassifier

    classifier = LightClassifier.from_pretrained(folder, threads=threads or len(processors()), int8=int8)
    if max_length:
        classifier.tokenizer.model_max_length = max_length
    return classifier.predict_probabilities, classifier.label_names


def _open_torch(
    path: str | Path, revision: str | None, threads: int | None, batch_size: int, max_length: int | None
) -> "tuple[Predict, Callable[[str, str | None], Explanation], tuple[str, ...], str | None]":
    # On small virtual machines OpenMP's spinning barriers can slow an LSTM 5 to 150 times; read when torch loads.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    import torch
    import transformers

    from glove_lstm.inference.checkpoints import load_checkpoint
    from glove_lstm.inference.prediction import predict_probabilities

    transformers.utils.logging.disable_progress_bar()  # ours tells more
    if threads:
        torch.set_num_threads(threads)
    model, tokenizer = load_checkpoint(path, revision)
    if max_length:
        tokenizer.model_max_length = max_length

    def predict(texts: list[str], pairs: list[str] | None) -> NDArray[np.float64]:
        return predict_probabilities(model, tokenizer, texts, pairs, batch_size=batch_size)

    def explain(text: str, pair: str | None) -> "Explanation":
        from glove_lstm.inference.explanation import explain as explain_text

        return explain_text(model, tokenizer, text, pair)

    names = tuple(model.config.label_names)
    return predict, explain, names, getattr(model.config, "_commit_hash", None)


def _digest(folder: Path) -> str:
    """SHA-256 of what decides a checkpoint's scores: weights, config, and tokenizer."""
    found = hashlib.sha256(weights_digest(folder).encode())
    for name in ("tokenizer.json", "tokenizer_config.json"):
        found.update(hashlib.sha256((folder / name).read_bytes()).digest())
    return found.hexdigest()
