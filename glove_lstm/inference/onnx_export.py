"""Write a checkpoint's ONNX files, each checked against PyTorch before it gets its name."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from glove_lstm import GloveLstmForSequenceClassification
from glove_lstm.data.errors import DataError
from glove_lstm.data.whole_files import whole_file
from glove_lstm.inference.checkpoint_files import (
    INT8_NAME,
    ONNX_NAME,
    WEIGHTS_NAME,
    stored_tensors,
    weights_digest,
)
from glove_lstm.inference.checkpoints import load_checkpoint
from glove_lstm.inference.onnx_graph import build_graph
from glove_lstm.inference.runtime import LightClassifier

MOST_LOST = 0.002  # of the accuracy, in 8 bits
_TOLERANCE = 1e-5


@dataclass(frozen=True)
class Int8Trial:
    """How the 8-bit file did on n labelled texts.

    Attributes:
        texts: n.
        exact: Accuracy of `model.onnx`.
        rounded: Accuracy in 8 bits.
        path: The file, or None where its accuracy did not hold.
    """

    texts: int
    exact: float
    rounded: float
    path: Path | None


def export_onnx(folder: str | Path) -> Path:
    """Write `model.onnx` into a checkpoint's folder.

    The word vectors and the n-gram tables stay in `model.safetensors`, which the file points to: it only works beside
    it, and is below 1 MB.

    Returns:
        Its path.

    Raises:
        DataError: The folder holds no checkpoint of ours, or weights of a kind that cannot be exported.
        RuntimeError: The graph does not compute what PyTorch does, which is a bug of ours.
    """
    folder = _local(folder)
    model, _ = load_checkpoint(folder)
    with whole_file(folder / ONNX_NAME) as part:
        _write(folder, model, part, int8=False)
        onnx.checker.check_model(str(part), full_check=True)
        _compare(model, part)
    return folder / ONNX_NAME


def export_int8(
    folder: str | Path, texts: Sequence[str], text_pairs: Sequence[str] | None, labels: NDArray[np.integer]
) -> Int8Trial:
    """Write `model_int8.onnx`, whose LSTMs compute in 8 bits, if it loses at most `MOST_LOST` of the accuracy.

    Where it is not, there is no such file afterwards, not even an older one.

    Args:
        folder: A checkpoint that has its `model.onnx`.
        texts: n texts to measure on.
        text_pairs: n second parts, or None.
        labels: n right labels.

    Raises:
        DataError: As `export_onnx`; or `model.onnx` is missing, or is of other weights.
    """
    folder = _local(folder)

    def accuracy(classifier: LightClassifier) -> float:
        return float((classifier.predict_logits(texts, text_pairs).argmax(axis=1) == labels).mean())

    exact = accuracy(LightClassifier.from_pretrained(folder))
    model, _ = load_checkpoint(folder)
    try:
        with whole_file(folder / INT8_NAME) as part:
            _write(folder, model, part, int8=True)
            rounded = accuracy(LightClassifier.from_file(part))
            if exact - rounded > MOST_LOST:
                raise _InaccurateError
    except _InaccurateError:
        (folder / INT8_NAME).unlink(missing_ok=True)
        return Int8Trial(len(texts), exact, rounded, None)
    return Int8Trial(len(texts), exact, rounded, folder / INT8_NAME)


class _InaccurateError(Exception):
    pass


def _local(folder: str | Path) -> Path:
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder; give that of a checkpoint on this machine.")
    return folder


def _write(folder: Path, model: GloveLstmForSequenceClassification, path: Path, *, int8: bool) -> None:
    weights = folder / WEIGHTS_NAME
    stored = stored_tensors(weights)
    try:
        graph = build_graph(model.config, load_file(weights), stored, weights_digest(folder), int8=int8)
    except SafetensorError as error:
        raise DataError(f"{weights} is damaged ({error}): get the checkpoint again.") from None
    path.write_bytes(graph.SerializeToString(deterministic=True))


def _compare(model: GloveLstmForSequenceClassification, path: Path) -> None:
    """Run both on random texts, of which some are empty and some end where a window does."""
    config = model.config
    window = config.window_size or 20
    lengths = np.array([2 * window + 1, window, window + 1, 0, 1, window - 1, 2 * window])
    generator = np.random.default_rng(0)
    shape = len(lengths), int(lengths.max())
    inputs = {
        "input_ids": generator.integers(0, config.vocab_size, shape),
        "attention_mask": (np.arange(shape[1]) < lengths[:, None]).astype(np.int64),
        "token_type_ids": generator.integers(0, config.type_vocab_size, shape),
    }
    with torch.inference_mode():
        wanted = (
            model.float()
            .eval()(**{name: torch.from_numpy(rows) for name, rows in inputs.items()})
            .logits.numpy()
        )
    session = LightClassifier.from_file(path).session
    found = session.run(None, {known.name: inputs[known.name] for known in session.get_inputs()})[0]
    difference = float(np.abs(found - wanted).max() / max(1.0, float(np.abs(wanted).max())))
    if not difference <= _TOLERANCE:
        raise RuntimeError(f"the ONNX graph differs from PyTorch by {difference:.2g} of the largest logit")
