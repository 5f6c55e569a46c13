"""Load the classifier of a checkpoint, with ONNX Runtime or PyTorch."""

import os
from typing import Literal

from glove_lstm.checkpoint.checkpoint import Checkpoint, file_digests
from glove_lstm.checkpoint.names import LIGHT_NAME, WEIGHTS_NAME
from glove_lstm.inference.classifier import Classifier
from glove_lstm.processors import processors

Backend = Literal["onnx", "torch"]


def load_classifier(
    checkpoint: Checkpoint, *, backend: Backend | None = None, threads: int | None = None
) -> Classifier:
    """Load the network and the tokenizer of a checkpoint.

    Args:
        checkpoint: The checkpoint.
        backend: The library that computes; None takes onnx if the checkpoint has a `light.onnx`.
        threads: Cores to use; None takes all cores of this process.

    Raises:
        DataError: A file is missing or damaged, or does not fit the others.
        ValueError: The backend is unknown, or `threads` is below 1 with onnx.
    """
    if backend not in (None, "onnx", "torch"):
        raise ValueError(f"backend must be onnx or torch, not {backend!r}")
    if backend is None:
        checkpoint.fetch(LIGHT_NAME, WEIGHTS_NAME)
        has_light = (checkpoint.folder / LIGHT_NAME).is_file()
        backend = "onnx" if has_light else "torch"

    if backend == "onnx":
        from glove_lstm.inference.light_classifier import LightClassifier

        if threads is None:
            threads = len(processors())
        return LightClassifier.from_checkpoint(checkpoint, threads=threads)

    # OpenMP's spinning barriers can slow an LSTM 5 to 150 times on small virtual machines. torch reads the variable
    # when it is imported.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    import torch
    import transformers

    from glove_lstm.inference.torch_classifier import TorchClassifier

    transformers.utils.logging.disable_progress_bar()  # loading takes less than a second
    if threads is not None:
        torch.set_num_threads(threads)
    model, tokenizer = checkpoint.load_model()
    digests = file_digests(checkpoint.folder, WEIGHTS_NAME)
    return TorchClassifier.of(model, tokenizer, digests)
