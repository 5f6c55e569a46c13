"""Fill the graph of a network with the numbers of a model: for `light.onnx`, or for a classifier in memory."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from transformers import PreTrainedTokenizerBase

from glove_lstm.checkpoint.checkpoint import Checkpoint
from glove_lstm.checkpoint.names import LIGHT_NAME, WEIGHTS_NAME
from glove_lstm.checkpoint.weights_file import read_header
from glove_lstm.errors import DataError
from glove_lstm.files import whole_file
from glove_lstm.inference.decisions import decision_thresholds, scores_of
from glove_lstm.inference.light_classifier import (
    PROVIDERS,
    LightClassifier,
    open_session,
    session_options,
)
from glove_lstm.inference.onnx_graph import MODEL, NUMBERS, network_graph
from glove_lstm.modeling.configuration_glove_lstm import (
    CODE_BITS,
    KNOWN,
    SHAPE_BITS,
    SHAPE_COUNT,
    SPELLING_LENGTH,
)
from glove_lstm.modeling.modeling_glove_lstm import GloveLstmForSequenceClassification
from glove_lstm.modeling.pretrained_glove_lstm import lossless_float16
from glove_lstm.text.light_tokenizer import LightTokenizer

# Largest difference between its logits and PyTorch's, as a share of the largest logit, or of 1 if that is smaller.
_TOLERANCE = 1e-5
_ALL_TOKENS = 1 << 31  # in place of an `lstm_length` of 0
_SMALLEST_SHARED = 4096  # bytes; weights of at least this size are not copied into the ONNX model


def export_onnx(folder: str | Path) -> Path:
    """Write `light.onnx` into a checkpoint's folder.

    Its large weights are those of `model.safetensors`, as ONNX external data: they are mapped into memory instead of
    copied.

    Raises:
        DataError: The folder holds no checkpoint of this package, or its logits are not finite.
        RuntimeError: The logits differ from PyTorch's, which is a bug.

    Returns:
        The path of the file.
    """
    from onnxscript import ir

    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder; give the folder of a checkpoint.")
    checkpoint = Checkpoint.open(folder)
    model, _ = checkpoint.load_model()
    model.eval()
    inputs = _example(model)
    with torch.inference_mode():
        tensors = {name: torch.from_numpy(rows) for name, rows in inputs.items()}
        expected = model(**tensors, return_dict=True).logits.numpy()
    scores_of(expected, checkpoint.problem_type)  # refuses logits that are not finite
    largest = max(1, np.abs(expected).max())

    light = network_graph(model.config)
    _fill_in(light.graph, model)
    light.metadata_props.clear()
    light.metadata_props.update(checkpoint.content_hashes())
    weights = folder / WEIGHTS_NAME
    # ONNX Runtime refuses external data outside the folder; a linked weights file (as in the Hub's cache) is outside.
    if not weights.is_symlink():
        _share_weights(light.graph, weights)
    path = folder / LIGHT_NAME
    with whole_file(path) as unfinished:
        ir.save(light, unfinished)
        (actual,) = open_session(unfinished).run(None, inputs)
        difference = np.abs(actual - expected).max() / largest
        if not difference <= _TOLERANCE:  # true of NaN, too
            raise RuntimeError(f"the ONNX file differs from PyTorch by {difference:.2g}")
    return path


def classifier_in_memory(
    model: GloveLstmForSequenceClassification, tokenizer: PreTrainedTokenizerBase | LightTokenizer
) -> LightClassifier:
    """Return a classifier that runs a model by ONNX Runtime. Later changes of model and tokenizer do not count.

    Args:
        model: The model.
        tokenizer: Its tokenizer.
    """
    from onnxscript import ir

    if not isinstance(tokenizer, LightTokenizer):
        tokenizer = LightTokenizer.of(tokenizer)
    light = network_graph(model.config)
    _fill_in(light.graph, model)
    # ONNX Runtime reads the large weights from arrays: from memory, it takes no graph of more than 2 GB.
    arrays = {}
    for name, initializer in light.graph.initializers.items():
        if initializer.const_value.nbytes >= _SMALLEST_SHARED:
            arrays[name] = initializer.const_value.numpy().copy()
            _set_place(initializer, Path("memory"), 0)
    values = [onnxruntime.OrtValue.ortvalue_from_numpy(array) for array in arrays.values()]
    options = session_options()
    options.add_external_initializers(list(arrays), values)
    content = ir.to_proto(light).SerializeToString()
    config = model.config
    return LightClassifier(
        session=onnxruntime.InferenceSession(content, options, providers=PROVIDERS),
        weights=tuple(arrays.values()),
        tokenizer=tokenizer,
        label_names=tuple(config.label_names),
        problem_type=config.problem_type,
        thresholds=decision_thresholds(config.to_dict()),
        held_out_scores=config.held_out_scores,
    )


def _fill_in(graph: Any, model: GloveLstmForSequenceClassification) -> None:
    """Put a model's numbers into the graph of its network, with matrices of 16 bits where that is lossless."""
    from onnxscript import ir

    state = model.state_dict()
    weights = {f"{MODEL}.{name}": weight.float().cpu() for name, weight in state.items()}
    for name, table in model.tables().items():
        if table.dim() == 2:
            weights[f"{MODEL}.{name}"] = lossless_float16(table.detach()).cpu()
    numbers = {name: getattr(model.config, name) for name in NUMBERS}
    numbers["lstm_length"] = numbers["lstm_length"] or _ALL_TOKENS
    for name, initializer in graph.initializers.items():
        if name in numbers:
            _set_value(initializer, np.asarray(numbers[name], initializer.dtype.numpy()))
        elif name in weights:
            _set_value(initializer, weights.pop(name).numpy())
    assert not weights, f"the graph does not read {min(weights)}"
    [lstm] = [node for node in graph if node.op_type == "LSTM"]
    lstm.attributes["hidden_size"] = ir.AttrInt64("hidden_size", model.config.hidden_size)


def _set_value(initializer: Any, value: np.ndarray[Any, Any]) -> None:
    from onnxscript import ir

    tensor = ir.tensor(value, name=initializer.name)
    initializer.const_value = tensor
    initializer.shape = tensor.shape
    initializer.dtype = tensor.dtype


def _share_weights(graph: Any, path: Path) -> None:
    """Make large weights refer to a checkpoint's file, where it holds the very same bytes."""
    header, start_of_weights = read_header(path)
    with path.open("rb") as file:
        for name, entry in header.items():
            initializer = graph.initializers.get(f"{MODEL}.{name}")
            begin, end = entry["data_offsets"]
            if initializer is None or end - begin < _SMALLEST_SHARED:
                continue
            file.seek(start_of_weights + begin)
            if file.read(end - begin) == initializer.const_value.tobytes():
                _set_place(initializer, path, start_of_weights + begin)


def _set_place(initializer: Any, path: Path, offset: int) -> None:
    """Replace the values of a weight by a place in a file."""
    from onnxscript import ir

    tensor = initializer.const_value
    initializer.const_value = ir.ExternalTensor(
        path.name,
        offset=offset,
        length=tensor.nbytes,
        dtype=tensor.dtype,
        shape=tensor.shape,
        name=tensor.name,
        base_dir=path.parent,
    )


def _example(model: GloveLstmForSequenceClassification) -> dict[str, np.ndarray[Any, Any]]:
    """Return random texts; one is empty, others end where the LSTM stops reading."""
    config = model.config
    read_length = config.lstm_length or 20  # tokens that the LSTM reads
    lengths = np.array([read_length + 20, read_length, read_length + 1, 0, read_length - 1])
    mask = np.arange(read_length + 21) < lengths[:, None]  # (texts, positions)
    generator = np.random.default_rng(0)
    ids = generator.integers(0, config.vocab_size, mask.shape)
    is_unknown = ids % 3 == 0
    ids[is_unknown] = config.unk_token_id
    inputs = {"input_ids": ids, "attention_mask": mask.astype(np.int64)}
    if config.reads_types:
        # A token type holds the spelling of an unknown word, or `KNOWN`, above the bits of the word's shape.
        spellings = generator.integers(1, 1 << (CODE_BITS * SPELLING_LENGTH), mask.shape)
        spellings[~is_unknown] = KNOWN
        shapes = generator.integers(0, SHAPE_COUNT, mask.shape)
        inputs["token_type_ids"] = shapes + (spellings << SHAPE_BITS)
    return inputs
