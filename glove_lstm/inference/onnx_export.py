"""Write the ONNX file of a checkpoint, and compare it with PyTorch first."""

import logging
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from glove_lstm.checkpoint.checkpoint import Checkpoint, open_session
from glove_lstm.checkpoint.names import LIGHT_NAME, WEIGHTS_NAME
from glove_lstm.checkpoint.weights_file import read_header
from glove_lstm.errors import DataError
from glove_lstm.files import whole_file
from glove_lstm.modeling.configuration_glove_lstm import (
    CODE_BITS,
    KNOWN,
    SHAPE_BITS,
    SHAPE_COUNT,
    SPELLING_LENGTH,
)
from glove_lstm.modeling.modeling_glove_lstm import GloveLstmForSequenceClassification
from glove_lstm.modeling.pretrained_glove_lstm import lossless_float16

_OPSET = 18
# Largest constant, in values, that the optimizer may fold; the LSTM's weights are below it.
_LARGEST_FOLDED = 1 << 20
_SMALLEST_SHARED = 4096  # bytes; weights of at least this size are not copied into `LIGHT_NAME`


def export_onnx(folder: str | Path, *, tolerance: float = 1e-5) -> Path:
    """Write `light.onnx` into a checkpoint's folder.

    Its large weights are those of `model.safetensors`, as ONNX external data: they are mapped into memory instead of
    copied.

    Args:
        folder: The checkpoint.
        tolerance: Largest difference between its logits and PyTorch's, as a share of the largest logit, or of 1
            if that is smaller.

    Raises:
        DataError: The folder holds no checkpoint of this package.
        RuntimeError: The logits differ from PyTorch's, which is a bug.

    Returns:
        The path of the file.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder; give the folder of a checkpoint.")
    checkpoint = Checkpoint.open(folder)
    model, _ = checkpoint.load_model()
    model.float().eval()
    inputs = _example(model)
    with torch.inference_mode():
        tensors = {name: torch.from_numpy(rows) for name, rows in inputs.items()}
        expected = model(**tensors).logits.numpy()
    largest = max(1, np.abs(expected).max())

    program = _export(model, list(inputs))
    program.model.metadata_props.update(checkpoint.content_hashes())
    weights = folder / WEIGHTS_NAME
    # ONNX Runtime refuses external data outside the folder; a linked weights file (as in the Hub's cache) is outside.
    if not weights.is_symlink():
        _share_weights(program.model.graph, weights)
    path = folder / LIGHT_NAME
    with whole_file(path) as unfinished:
        program.save(unfinished)
        (actual,) = open_session(unfinished).run(None, inputs)
        difference = np.abs(actual - expected).max() / largest
        if not difference <= tolerance:  # true of NaN, too
            raise RuntimeError(f"the ONNX file differs from PyTorch by {difference:.2g}")
    return path


class _Logits(nn.Module):
    """The classifier with one output."""

    def __init__(self, model: GloveLstmForSequenceClassification) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None
    ) -> Tensor:
        return self.model(input_ids, attention_mask, token_type_ids, return_dict=False)[0]


def _export(model: GloveLstmForSequenceClassification, names: list[str]) -> Any:
    """Export the model, after converting its matrices to 16 bits in place, where that is lossless."""
    from onnxscript import optimizer

    for table in model.tables().values():
        if table.dim() == 2:
            table.data = lossless_float16(table.data)
    lstm: Any = model.encoder.lstm
    lstm.forward = partial(_onnx_lstm, lstm)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it warns of missing torchvision
    # It warns of each Split of the LSTM, which it does not fold.
    logging.getLogger("onnxscript").setLevel(logging.ERROR)
    sizes = {0: torch.export.Dim("batch", min=1), 1: torch.export.Dim("tokens", min=1)}
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # warnings about torch's own code
        program = torch.onnx.export(
            _Logits(model),
            kwargs={name: torch.ones(2, 3, dtype=torch.long) for name in names},
            dynamo=True,
            dynamic_shapes=dict.fromkeys(names, sizes),
            input_names=names,
            output_names=["logits"],
            opset_version=_OPSET,
            verbose=False,
        )
    assert program is not None
    optimizer.optimize(
        program.model, input_size_limit=_LARGEST_FOLDED, output_size_limit=_LARGEST_FOLDED
    )
    graph: Any = program.model.graph
    for part in (*graph.all_nodes(), *graph.initializers.values()):
        part.metadata_props.clear()  # stack traces with paths of this machine
    return program


def _share_weights(graph: Any, path: Path) -> None:
    """Make large weights refer to a checkpoint's file, where it holds the very same bytes.

    Weights that the export has changed stay in the graph, such as the gates of the LSTM, which ONNX orders differently.
    """
    header, start_of_weights = read_header(path)
    with path.open("rb") as file:
        for name, entry in header.items():
            initializer = graph.initializers.get(f"model.{name}")  # an attribute of `_Logits`
            if initializer is None:
                continue
            begin, end = entry["data_offsets"]
            offset = start_of_weights + begin
            size = end - begin
            if size < _SMALLEST_SHARED:
                continue
            file.seek(offset)
            stored = file.read(size)
            tensor = initializer.const_value
            if tensor.tobytes() == stored:
                initializer.const_value = _tensor_in_file(path, offset, size, tensor)


def _tensor_in_file(path: Path, offset: int, size: int, tensor: Any) -> Any:
    """Return a tensor whose bytes are in a file.

    Args:
        path: The file.
        offset: Where the bytes begin.
        size: Number of bytes.
        tensor: The same tensor in memory.
    """
    from onnxscript import ir

    return ir.ExternalTensor(
        path.name,
        offset=offset,
        length=size,
        dtype=tensor.dtype,
        shape=tensor.shape,
        name=tensor.name,
        base_dir=path.parent,
    )


def _onnx_lstm(lstm: nn.LSTM, inputs: Tensor) -> tuple[Tensor, None]:
    """Emit ONNX's own LSTM; arguments and result are those of `nn.LSTM.forward`.

    From `nn.LSTM` the exporter of torch 2.13 makes a loop that is unrolled to the length of its example.
    """
    size = lstm.hidden_size

    def reordered(name: str) -> Tensor:
        # torch orders the gates input, forget, cell, output; ONNX input, output, forget, cell.
        to_input, to_forget, to_cell, to_output = lstm.get_parameter(name).split(size)
        return torch.cat([to_input, to_output, to_forget, to_cell])[None]

    input_weights = reordered("weight_ih_l0")
    recurrent_weights = reordered("weight_hh_l0")
    biases = torch.cat([reordered("bias_ih_l0"), reordered("bias_hh_l0")], dim=1)
    output = torch.onnx.ops.symbolic(
        "LSTM",
        (inputs.float(), input_weights, recurrent_weights, biases),
        {"hidden_size": size},
        dtype=torch.float32,
        shape=(inputs.shape[0], 1, inputs.shape[1], size),
        version=14,
    )
    return output.squeeze(1), None


def _example(model: GloveLstmForSequenceClassification) -> dict[str, np.ndarray[Any, Any]]:
    """Return random texts with padding on both sides; one is empty, others end where the LSTM stops reading."""
    config = model.config
    read_length = config.lstm_length or 20  # tokens that the LSTM reads
    lengths = np.array([read_length + 20, read_length, read_length + 1, 0, read_length - 1])
    begins = np.array([0, 1, 0, 1, 0])
    positions = np.arange(read_length + 21)
    is_begun = positions >= begins[:, None]
    is_ended = positions >= (begins + lengths)[:, None]
    mask = is_begun & ~is_ended  # (texts, positions)
    generator = np.random.default_rng(0)
    ids = generator.integers(0, config.vocab_size, mask.shape)
    inputs = {"input_ids": ids, "attention_mask": mask.astype(np.int64)}
    if config.reads_types:
        # A token type holds the spelling of an unknown word, or `KNOWN`, above the bits of the word's shape.
        spellings = generator.integers(1, 1 << (CODE_BITS * SPELLING_LENGTH), mask.shape)
        spellings[ids % 3 > 0] = KNOWN  # one word in three is unknown
        shapes = generator.integers(0, SHAPE_COUNT, mask.shape)
        inputs["token_type_ids"] = shapes + (spellings << SHAPE_BITS)
    return inputs
