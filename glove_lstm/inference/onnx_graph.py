"""ONNX graphs of the network without a model's numbers: traced from PyTorch, and stored beside this file.

Tracing takes ten seconds, but depends on little: on which optional parts a network has, its kind. The graphs of the two
presets' kinds are stored in `graphs/`. `make graphs` writes them anew after a change of this file or of the network.
"""

import hashlib
import logging
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from glove_lstm.files import package_resource
from glove_lstm.modeling.configuration_glove_lstm import GloveLstmConfig
from glove_lstm.modeling.modeling_glove_lstm import GloveLstmForSequenceClassification

GRAPHS = Path(__file__).with_name("graphs")
# In a traced graph, each of these numbers stands for a field of the config. No other constant of the network has them.
STAND_INS = {
    "lstm_length": 101,
    "ngram_buckets": 103,
    "character_buckets": 107,
    "unk_token_id": 109,
    "ngram_weight": 113,
    "shrinkage": 127,
    "temperature": 131,
}
MODEL = "model"  # the first part of the names of weights: an attribute of `_Logits`
_OPTIONAL = (
    "type_embedding_size",
    "character_buckets",
    "ngram_buckets",
)  # 0: a network lacks the part
_SOURCE_KEY = (
    "glove_lstm.source"  # in the metadata of a graph: hash of the code that it was traced from
)
_OPSET = 18


def network_graph(config: GloveLstmConfig) -> Any:
    """Return an ONNX model with the graph of a config's network: the stored one, or else a traced one.

    Its weights are random and small, and `STAND_INS` are its constants.
    """
    from onnxscript import ir

    path = stored_path(config)
    if path.is_file():
        graph = ir.load(path)
        if graph.metadata_props[_SOURCE_KEY] == source_digest():
            return graph
    return _trace(config)


def store_graphs() -> None:
    """Write the graphs of the two presets."""
    from onnxscript import ir

    parts: dict[str, Any] = dict.fromkeys(_OPTIONAL, 1)
    for config in (GloveLstmConfig(), GloveLstmConfig(**parts)):
        ir.save(_trace(config), stored_path(config))


def stored_path(config: GloveLstmConfig) -> Path:
    """Return where the graph of a config's kind is stored, if it is."""
    parts = [name.partition("_")[0] for name in _OPTIONAL if getattr(config, name)]
    return GRAPHS / f"{'_'.join(['lstm', *parts])}.onnx"


def source_digest() -> str:
    """Return the SHA-256 of the files that a graph is traced from."""
    sources = sorted(package_resource("modeling").glob("*.py"))
    digest = hashlib.sha256()
    for path in (Path(__file__), *sources):
        digest.update(path.read_bytes())
    return digest.hexdigest()


class _Logits(nn.Module):
    """The classifier with one output."""

    def __init__(self, model: GloveLstmForSequenceClassification) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None
    ) -> Tensor:
        return self.model(input_ids, attention_mask, token_type_ids, return_dict=False)[0]


def _small_model(config: GloveLstmConfig) -> GloveLstmForSequenceClassification:
    """Return a small network of a config's kind, with random weights, and tables in 16 bits as a save writes them."""
    sizes: dict[str, Any] = {"type_embedding_size": 2, **STAND_INS}
    for name in _OPTIONAL:
        if not getattr(config, name):
            sizes[name] = 0
    small = GloveLstmConfig(
        vocab_size=110,
        embedding_size=4,
        hidden_size=3,
        classifier_hidden_size=5,
        num_labels=2,
        **sizes,
    )
    model = GloveLstmForSequenceClassification(small)
    generator = torch.Generator().manual_seed(0)
    for weight in model.parameters():  # all of them: the exporter merges equal weights
        nn.init.uniform_(weight, generator=generator)
    for table in model.tables().values():
        if table.dim() == 2:
            table.data = table.data.half()
    return model.eval()


def _trace(config: GloveLstmConfig) -> Any:
    """Trace a small network of a config's kind."""
    model = _small_model(config)
    names = ["input_ids", "attention_mask"]
    if config.reads_types:
        names.append("token_type_ids")
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
    _remove_sizes(program.model.graph)
    program.model.metadata_props[_SOURCE_KEY] = source_digest()
    return program.model


def _remove_sizes(graph: Any) -> None:
    """Remove the sizes of the small network from what the nodes return, and paths of this machine."""
    for part in (*graph.all_nodes(), *graph.initializers.values(), *graph.outputs):
        part.metadata_props.clear()  # stack traces
    for node in graph.all_nodes():
        for value in node.outputs:
            if value not in graph.outputs:
                value.type = None
                value.shape = None
    [logits] = graph.outputs
    logits.shape = type(logits.shape)(["batch", "labels"])


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
