"""ONNX graphs of the network without a model's numbers: traced from PyTorch, and stored beside this file.

Tracing takes ten seconds, but depends on little: on which optional parts a network has, its kind. The graphs of the two
presets' kinds are stored in `graphs/`. `make graphs` writes them anew after a change of this file or of the network.
"""

import hashlib
import logging
import warnings
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from glove_lstm.files import package_resource
from glove_lstm.modeling.configuration_glove_lstm import GloveLstmConfig
from glove_lstm.modeling.modeling_glove_lstm import GloveLstmForSequenceClassification

GRAPHS = Path(__file__).with_name("graphs")
# Numbers of the config that change the logits, with their values in the traced network. They are inputs of the trace,
# because the exporter folds constants. In the graph, they are initializers with these names.
NUMBERS: dict[str, int | float] = {
    "lstm_length": 5,
    "ngram_buckets": 103,
    "character_buckets": 107,
    "unk_token_id": 1,
    "ngram_weight": 1.0,
    "shrinkage": 1.0,
    "temperature": 1.0,
}
MODEL = "model"  # the first part of the names of weights: an attribute of `_Logits`
# Fields of the config: if one is 0, the network lacks the part.
_OPTIONAL = ("type_embedding_size", "character_buckets", "ngram_buckets")
# In the metadata of a graph: a hash of the code that it was traced from.
_SOURCE_KEY = "glove_lstm.source"
_OPSET = 18


def network_graph(config: GloveLstmConfig) -> Any:
    """Return an ONNX model with the graph of a config's network: the stored one, or else a traced one.

    Its weights are random and small, and its constants those of `NUMBERS`.
    """
    from onnxscript import ir

    path = stored_path(config)
    if path.is_file():
        graph = ir.load(path)
        if graph.metadata_props[_SOURCE_KEY] == source_digest():
            return graph
    return ir.from_proto(_traced(_parts(config)))


def store_graphs() -> None:
    """Write the graphs of the two presets."""
    import onnx

    every_part: dict[str, Any] = dict.fromkeys(_OPTIONAL, 1)
    for config in (GloveLstmConfig(), GloveLstmConfig(**every_part)):
        onnx.save(_traced(_parts(config)), stored_path(config))


def stored_path(config: GloveLstmConfig) -> Path:
    """Return where the graph of a config's kind is stored, if it is."""
    names = [part.partition("_")[0] for part in _parts(config)]
    return GRAPHS / f"{'_'.join(['lstm', *names])}.onnx"


def _parts(config: GloveLstmConfig) -> tuple[str, ...]:
    """Return the fields of the optional parts that a network has."""
    return tuple(name for name in _OPTIONAL if getattr(config, name))


def source_digest() -> str:
    """Return the SHA-256 of the files that a graph is traced from."""
    sources = sorted(package_resource("modeling").glob("*.py"))
    digest = hashlib.sha256()
    for path in (Path(__file__), *sources):
        digest.update(path.read_bytes())
    return digest.hexdigest()


class _Logits(nn.Module):
    """The classifier with one output, and the numbers of its config as inputs."""

    def __init__(self, model: GloveLstmForSequenceClassification) -> None:
        super().__init__()
        self.model = model

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        token_type_ids: Tensor | None = None,
        *,
        numbers: dict[str, Tensor],
    ) -> Tensor:
        model: Any = self.model
        for name in ("unk_token_id", "ngram_weight", "shrinkage", "temperature"):
            setattr(model.config, name, numbers[name])
        lstm_length: Any = numbers["lstm_length"].item()  # a symbol of the trace
        torch._check(lstm_length > 0)
        model.config.lstm_length = lstm_length
        model.encoder.embeddings.buckets = numbers["character_buckets"]
        if model.ngrams is not None:
            model.ngrams.buckets = numbers["ngram_buckets"]
        return model(input_ids, attention_mask, token_type_ids, return_dict=False)[0]


def _small_model(parts: tuple[str, ...]) -> GloveLstmForSequenceClassification:
    """Return a small network of a kind, with random weights, and tables in 16 bits as a save writes them."""
    sizes: dict[str, Any] = {"type_embedding_size": 2, **NUMBERS}
    for name in _OPTIONAL:
        if name not in parts:
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


@cache
def _traced(parts: tuple[str, ...]) -> Any:
    """Trace a small network that has some of the optional parts, and return its ONNX model for protobuf."""
    from onnxscript import ir

    model = _small_model(parts)
    names = ["input_ids", "attention_mask"]
    if model.config.reads_types:
        names.append("token_type_ids")
    numbers = {name: torch.tensor(number) for name, number in NUMBERS.items()}
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
            kwargs={
                **{name: torch.ones(2, 3, dtype=torch.long) for name in names},
                "numbers": numbers,
            },
            dynamo=True,
            dynamic_shapes={**dict.fromkeys(names, sizes), "numbers": dict.fromkeys(numbers)},
            input_names=[*names, *numbers],
            output_names=["logits"],
            opset_version=_OPSET,
            verbose=False,
        )
    assert program is not None
    _fix_numbers(program.model.graph)
    _remove_sizes(program.model.graph)
    program.model.metadata_props[_SOURCE_KEY] = source_digest()
    return ir.to_proto(program.model)


def _fix_numbers(graph: Any) -> None:
    """Make initializers of the numbers, which are inputs of the traced graph."""
    from onnxscript import ir

    for value in list(graph.inputs):
        if value.name not in NUMBERS:
            continue
        graph.inputs.remove(value)
        if value.uses():
            value.const_value = ir.tensor(NUMBERS[value.name], dtype=value.dtype, name=value.name)
            graph.register_initializer(value)


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
