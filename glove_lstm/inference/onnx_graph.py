"""The classifier as an ONNX graph, written node by node.

Not traced from PyTorch: ONNX has an LSTM that reads both directions and knows each row's length, which no tracer makes
of our index tricks, and a graph written by hand is small, fast, and the same with every version of PyTorch.

Shapes in the comments: B texts, T tokens, K windows of W tokens to a text, N windows that have tokens, D directions,
H units of the LSTM, C labels. One axis is named where it is one of several: (W, D, N, H).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from glove_lstm.inference.checkpoint_files import DIGEST_KEY, WEIGHTS_NAME, StoredTensor

if TYPE_CHECKING:
    from glove_lstm.modeling.configuration_glove_lstm import GloveLstmConfig

# Opset 17 and IR version 8 are read by every ONNX Runtime since 1.15.
_OPSET, _IR = 17, 8
_SMALL = 1 << 16  # bytes; below, a weight is copied into the graph
_NOWHERE = -4.0  # below all that an LSTM gives, which lies between -1 and 1
_NO_SCORE = -1e30  # below every score of the attention
# 7 bits: with 8, processors without VNNI add up two products in 16 bits, which overflow.
_INT8_STEPS = 63
# As in ngram_classifier.py.
_SINGLE, _EDGE, _FIRST_CODE = 0, 1, 2
_LEFT, _RIGHT, _PRIME = 1_000_003, 2_654_435_761, 4_294_967_291

Weights = Mapping[str, NDArray[Any]]


@dataclass
class _Graph:
    """Nodes and initialisers as they are added; a value is known by its name."""

    weights: Weights
    stored: Mapping[str, StoredTensor]
    nodes: list[NodeProto] = field(default_factory=list)
    initializers: dict[str, TensorProto] = field(default_factory=dict)

    def op(self, kind: str, *inputs: str, outputs: int = 1, domain: str = "", **attributes: Any) -> str:
        """Add a node; the name of its first output."""
        names = [f"{kind.lower()}_{len(self.nodes)}", *[""] * (outputs - 1)]
        self.nodes.append(helper.make_node(kind, inputs, names, domain=domain, **attributes))
        return names[0]

    def constant(self, values: Any, kind: Any = np.int64) -> str:
        """A small constant; equal ones are held once."""
        array = np.asarray(values, dtype=kind)
        name = f"{array.dtype}_{'x'.join(map(str, array.shape))}_{array.tobytes().hex()}"
        return self.tensor(name, array)

    def tensor(self, name: str, array: NDArray[Any]) -> str:
        """A tensor that the graph holds itself."""
        self.initializers.setdefault(name, numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def weight(self, name: str) -> str:
        """A weight of the checkpoint, as it is stored there; a big one stays in `model.safetensors`."""
        array = self.weights[name]
        if array.nbytes < _SMALL or name not in self.stored:
            return self.tensor(name, array)
        where = self.stored[name]
        tensor = TensorProto(
            name=name,
            data_type=helper.np_dtype_to_tensor_dtype(array.dtype),
            dims=array.shape,
            data_location=TensorProto.EXTERNAL,
        )
        for key, value in (("location", WEIGHTS_NAME), ("offset", where.offset), ("length", where.length)):
            tensor.external_data.add(key=key, value=str(value))
        self.initializers[name] = tensor
        return name

    def matrix(self, name: str) -> str:
        """A weight in float32."""
        array = self.weights[name]
        return self.weight(name) if array.dtype == np.float32 else self.tensor(name, array.astype(np.float32))

    def cast(self, value: str, kind: int) -> str:
        """Another type."""
        return self.op("Cast", value, to=kind)

    def rows(self, table: str, indices: str) -> str:
        """Rows of a weight, in float32."""
        found = self.op("Gather", self.weight(table), indices)
        return found if self.weights[table].dtype == np.float32 else self.cast(found, TensorProto.FLOAT)

    def shape(self, *sizes: str | int) -> str:
        """A shape of numbers and of values of shape (1,)."""
        return self.op(
            "Concat", *(self.constant([size]) if isinstance(size, int) else size for size in sizes), axis=0
        )

    def reduce(self, kind: str, value: str, axis: int, *, keep: bool = False) -> str:
        """ReduceSum or ReduceMax, which at this opset take their axes in different ways."""
        if kind == "ReduceSum":
            return self.op(kind, value, self.constant([axis]), keepdims=int(keep))
        return self.op(kind, value, axes=[axis], keepdims=int(keep))

    def beginning(self, value: str, length: int) -> str:
        """The first columns of (B, T)."""
        return self.op("Slice", value, *(self.constant([number]) for number in (0, length, 1)))

    def column(self, value: str, axis: int = 1) -> str:
        """Put in an axis of length 1."""
        return self.op("Unsqueeze", value, self.constant([axis]))


def needs_token_types(config: "GloveLstmConfig") -> bool:
    """Whether the graph has an input `token_type_ids`."""
    return bool(config.type_embedding_size or config.ngram_buckets)


def build_graph(
    config: "GloveLstmConfig",
    weights: Weights,
    stored: Mapping[str, StoredTensor],
    digest: str,
    *,
    int8: bool = False,
) -> ModelProto:
    """Write the graph of a classifier.

    Its inputs are `input_ids`, `attention_mask` and, where the model looks at them, `token_type_ids`: whole numbers
    (B, T), each row's real tokens first; a row may have none. Its output is `logits` (B, C), divided by the
    temperature.

    Args:
        config: Of the classifier.
        weights: Its state, by PyTorch's names.
        stored: Where those of `weights` lie in `model.safetensors` that the graph may point to.
        digest: `checkpoint_files.weights_digest` of the checkpoint.
        int8: Whether the LSTMs compute in 8 bits; ONNX Runtime alone can do that.
    """
    graph = _Graph(weights, stored)
    types = "token_type_ids" if needs_token_types(config) else None
    inputs = ["input_ids", "attention_mask", *([types] if types else [])]
    real = graph.cast(graph.cast("attention_mask", TensorProto.BOOL), TensorProto.INT64)
    lengths = graph.reduce("ReduceSum", real, 1)  # (B,)

    logits = _classify(graph, _encode(graph, config, types, lengths, int8=int8))
    if config.ngram_buckets and types:
        ngrams = _classify_ngrams(graph, config, types, real)
        logits = graph.op("Add", logits, graph.op("Mul", ngrams, graph.constant(config.ngram_weight, "f4")))
    scaled = graph.op("Div", logits, graph.constant(config.temperature, "f4"))
    graph.nodes.append(helper.make_node("Identity", [scaled], ["logits"]))

    batch = ["batch", "tokens"]
    made = helper.make_graph(
        graph.nodes,
        "glove_lstm",
        [helper.make_tensor_value_info(name, TensorProto.INT64, batch) for name in inputs],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", len(config.label_names)])],
        list(graph.initializers.values()),
    )
    opsets = [helper.make_opsetid("", _OPSET), *([helper.make_opsetid("com.microsoft", 1)] if int8 else [])]
    model = helper.make_model(made, opset_imports=opsets, ir_version=_IR, producer_name="glove-lstm")
    helper.set_model_props(model, {DIGEST_KEY: digest})
    return model


@dataclass(frozen=True)
class _Windows:
    """The windows of all texts that have tokens, and where they belong.

    Attributes:
        places: (N,) which of the B x K windows each is.
        lengths: (N,) real tokens of each; 0 in the one window of a text without any.
        every: (1,) B x K.
        per_text: (1,) K.
        width: (1,) W.
    """

    places: str
    lengths: str
    every: str
    per_text: str
    width: str


def _encode(graph: _Graph, config: "GloveLstmConfig", types: str | None, lengths: str, *, int8: bool) -> str:
    """Word vectors, LSTM and pooling: the pooled vectors (B, H x D x number of poolings)."""
    names = ["input_ids", *([types] if config.type_embedding_size and types else [])]
    if config.lstm_length:
        names = [graph.beginning(name, config.lstm_length) for name in names]
        lengths = graph.op("Min", lengths, graph.constant(config.lstm_length))
    windows, cut = _cut(graph, config, names, lengths)
    hidden = graph.rows("encoder.embeddings.word_embeddings.weight", cut[0])  # (W, N, E)
    if config.type_embedding_size:
        shapes = graph.rows("encoder.embeddings.token_type_embeddings.weight", cut[1])
        hidden = graph.op("Concat", hidden, shapes, axis=2)
    # ONNX Runtime's LSTM fails on a row without tokens: it reads one, which the pooling leaves out.
    steps = graph.cast(graph.op("Max", windows.lengths, graph.constant(1)), TensorProto.INT32)
    directions = 2 if config.bidirectional else 1
    outputs = ""
    for layer in range(config.num_hidden_layers):
        if layer:
            hidden = graph.op("Transpose", outputs, perm=[0, 2, 1, 3])  # (W, N, D, H)
            hidden = graph.op("Reshape", hidden, graph.constant([0, 0, config.output_size]))
        outputs = _lstm(graph, config, f"encoder.layers.{layer}", hidden, steps, directions, int8=int8)
    return _pool(graph, config, outputs, windows, lengths)


def _cut(
    graph: _Graph, config: "GloveLstmConfig", names: Sequence[str], lengths: str
) -> tuple[_Windows, list[str]]:
    """Cut texts into windows, leave out those of padding alone, and turn them: (B, T) -> (W, N) for each name."""
    size = graph.op("Shape", names[0])  # (2,)
    batch = graph.op("Slice", size, graph.constant([0]), graph.constant([1]))
    tokens = graph.op("Slice", size, graph.constant([1]), graph.constant([2]))
    width = graph.op("Max", tokens, graph.constant([1]))  # an LSTM needs a token
    if config.window_size:
        width = graph.op("Min", width, graph.constant([config.window_size]))
    reach = graph.op("Sub", graph.op("Add", tokens, width), graph.constant([1]))
    per_text = graph.op("Max", graph.op("Div", reach, width), graph.constant([1]))  # K
    missing = graph.op("Sub", graph.op("Mul", per_text, width), tokens)
    pads = graph.shape(0, 0, 0, missing)

    numbers = graph.op("Range", graph.constant(0), graph.op("Squeeze", per_text), graph.constant(1))  # (K,)
    left = graph.op("Sub", graph.column(lengths), graph.op("Mul", numbers, width))  # (B, K)
    left = graph.op("Min", graph.op("Max", left, graph.constant(0)), width)
    first = graph.op("Equal", numbers, graph.constant(0))
    kept = graph.op("Or", graph.op("Greater", left, graph.constant(0)), first)
    places = graph.op("NonZero", graph.op("Reshape", kept, graph.constant([-1])))
    places = graph.op("Squeeze", places, graph.constant([0]))  # (N,)
    left = graph.op("Gather", graph.op("Reshape", left, graph.constant([-1])), places)
    every = graph.op("Mul", batch, per_text)
    grid = graph.shape(every, width)
    cut = []
    for name in names:
        rows = graph.op("Reshape", graph.op("Pad", name, pads), grid)
        cut.append(graph.op("Transpose", graph.op("Gather", rows, places), perm=[1, 0]))
    return _Windows(places, left, every, per_text, width), cut


def _lstm(
    graph: _Graph,
    config: "GloveLstmConfig",
    layer: str,
    hidden: str,
    steps: str,
    directions: int,
    *,
    int8: bool,
) -> str:
    """(W, N, E) -> (W, D, N, H), zero after each window's last token."""
    names = [f"{layer}.forward_lstm", f"{layer}.backward_lstm"][:directions]

    def stacked(*kinds: str) -> NDArray[np.float32]:
        return np.stack(
            [np.concatenate([_gates(graph.weights[f"{name}.{kind}_l0"]) for kind in kinds]) for name in names]
        )

    bias = graph.tensor(f"{layer}.bias", stacked("bias_ih", "bias_hh"))
    options: dict[str, Any] = {
        "hidden_size": config.hidden_size,
        "direction": "bidirectional" if directions == 2 else "forward",
    }
    weights = stacked("weight_ih"), stacked("weight_hh")  # (D, 4H, E), (D, 4H, H)
    kinds = ("input_weights", "state_weights")
    if not int8:
        held = [graph.tensor(f"{layer}.{kind}", array) for kind, array in zip(kinds, weights, strict=True)]
        return graph.op("LSTM", hidden, *held, bias, steps, outputs=3, **options)
    held, scales = [], []
    for kind, array in zip(kinds, weights, strict=True):
        scale = np.maximum(np.abs(array).max(axis=2), 1e-12) / _INT8_STEPS  # (D, 4H)
        whole = np.rint(array / scale[:, :, None]).astype(np.int8).transpose(0, 2, 1)
        held.append(graph.tensor(f"{layer}.{kind}", whole))
        scales += [
            graph.tensor(f"{layer}.{kind}.scale", scale.astype(np.float32)),
            graph.tensor(f"{layer}.{kind}.zero", np.zeros(scale.shape, dtype=np.int8)),
        ]
    inputs = [hidden, *held, bias, steps, "", "", "", *scales]
    return graph.op("DynamicQuantizeLSTM", *inputs, outputs=3, domain="com.microsoft", **options)


def _gates(array: NDArray[Any]) -> NDArray[np.float32]:
    """PyTorch has input, forget, cell, output; ONNX input, output, forget, cell."""
    first, forget, cell, output = np.split(array.astype(np.float32), 4)
    return np.concatenate([first, output, forget, cell])


def _pool(graph: _Graph, config: "GloveLstmConfig", outputs: str, windows: _Windows, lengths: str) -> str:
    """(W, D, N, H) -> (B, D x H x number of poolings); zeros for a text without tokens."""
    width = config.output_size
    # In this order ONNX Runtime pools several times as fast.
    hidden = graph.op("Transpose", outputs, perm=[2, 0, 1, 3])  # (N, W, D, H)
    hidden = graph.op("Reshape", hidden, graph.constant([0, 0, width]))  # (N, W, D x H)
    steps = graph.op("Range", graph.constant(0), graph.op("Squeeze", windows.width), graph.constant(1))
    real = graph.op("Less", steps, graph.column(windows.lengths))
    mask = graph.column(graph.cast(real, TensorProto.FLOAT), 2)  # (N, W, 1)
    parts = []
    for pooling in config.pooling:
        if pooling == "max":
            outside = graph.op("Sub", mask, graph.constant(1, "f4"))
            below = graph.op("Mul", outside, graph.constant(-_NOWHERE, "f4"))
            best = graph.reduce("ReduceMax", graph.op("Add", hidden, below), 1)  # (N, D x H)
            pooled = graph.reduce("ReduceMax", _by_text(graph, windows, best, width, _NOWHERE), 1)
        elif pooling == "mean":
            total = _by_text(graph, windows, graph.reduce("ReduceSum", hidden, 1), width, 0)
            count = graph.cast(graph.op("Max", lengths, graph.constant(1)), TensorProto.FLOAT)
            pooled = graph.op("Div", graph.reduce("ReduceSum", total, 1), graph.column(count))
        else:
            pooled = _attend(graph, hidden, windows, mask, width)
        parts.append(pooled)
    pooled = graph.op("Concat", *parts, axis=1) if len(parts) > 1 else parts[0]
    # The LSTM did read a step of a text without tokens.
    some = graph.column(graph.op("Greater", lengths, graph.constant(0)))  # (B, 1)
    return graph.op("Where", some, pooled, graph.constant(0, "f4"))


def _attend(graph: _Graph, hidden: str, windows: _Windows, mask: str, width: int) -> str:
    """Attention in each window, then over the windows of a text: (B, D x H)."""
    query = graph.weights["encoder.pooler.attention.weight"].astype(np.float32).T
    scores = graph.op("MatMul", hidden, graph.tensor("attention", query))  # (N, W, 1)
    scores = graph.op("Where", graph.cast(mask, TensorProto.BOOL), scores, graph.constant(_NO_SCORE, "f4"))
    most = graph.reduce("ReduceMax", scores, 1, keep=True)  # (N, 1, 1)
    shares = graph.op("Mul", graph.op("Exp", graph.op("Sub", scores, most)), mask)
    total = graph.reduce("ReduceSum", shares, 1)  # (N, 1)
    summed = graph.op("MatMul", graph.op("Transpose", shares, perm=[0, 2, 1]), hidden)  # (N, 1, D x H)

    most = _by_text(graph, windows, graph.op("Squeeze", most, graph.constant([2])), 1, _NO_SCORE)  # (B, K, 1)
    total = _by_text(graph, windows, total, 1, 0)
    summed = _by_text(graph, windows, graph.op("Squeeze", summed, graph.constant([1])), width, 0)
    weight = graph.op("Exp", graph.op("Sub", most, graph.reduce("ReduceMax", most, 1, keep=True)))
    summed = graph.reduce("ReduceSum", graph.op("Mul", summed, weight), 1)
    total = graph.reduce("ReduceSum", graph.op("Mul", total, weight), 1)
    # Where a text has tokens, its largest share is 1: only the zero of those without any is mended.
    return graph.op("Div", summed, graph.op("Max", total, graph.constant(1e-30, "f4")))


def _by_text(graph: _Graph, windows: _Windows, rows: str, width: int, missing: float) -> str:
    """(N, width) of the windows that have tokens -> (B, K, width), with `missing` for the others."""
    blank = graph.op("Expand", graph.constant(missing, "f4"), graph.shape(windows.every, width))
    filled = graph.op("ScatterND", blank, graph.column(windows.places), rows)
    return graph.op("Reshape", filled, graph.shape(-1, windows.per_text, width))


def _classify(graph: _Graph, pooled: str) -> str:
    """The dense layers: (B, pooled_size) -> (B, C)."""
    dense = graph.op("Gemm", pooled, graph.matrix("dense.weight"), graph.matrix("dense.bias"), transB=1)
    dense = graph.op("Relu", dense)
    return graph.op(
        "Gemm", dense, graph.matrix("classifier.weight"), graph.matrix("classifier.bias"), transB=1
    )


def _classify_ngrams(graph: _Graph, config: "GloveLstmConfig", types: str, real: str) -> str:
    """Words, pairs, character n-grams and shapes: (B, C)."""
    batch = graph.op("Slice", graph.op("Shape", "input_ids"), graph.constant([0]), graph.constant([1]))
    words = ["input_ids", types, real]
    parts = [_classify_words(graph, config, words, batch, "ngrams.word_weights")]
    if config.ngram_opening:
        opening = [graph.beginning(value, config.ngram_opening) for value in words]
        parts.append(_classify_words(graph, config, opening, batch, "ngrams.opening_weights"))
    if config.character_ngrams:
        parts.append(_classify_characters(graph, config, real, batch))
    if config.shape_buckets:
        parts.append(_classify_shapes(graph, config, types, real, batch))
    if "ngrams.bias" in graph.weights:  # checkpoints from before there was one have none
        parts.append(graph.matrix("ngrams.bias"))
    logits, *others = parts
    for part in others:
        logits = graph.op("Add", logits, part)
    return logits


def _classify_words(
    graph: _Graph, config: "GloveLstmConfig", words: Sequence[str], batch: str, table: str
) -> str:
    """Words and pairs, given as ids, shapes and mask (B, T) of whole numbers: (B, C)."""
    ids, types, real = words
    present = graph.cast(real, TensorProto.BOOL)
    one = graph.shape(batch, 1)
    codes = graph.op("Mul", ids, graph.constant(config.type_vocab_size))
    codes = graph.op("Add", graph.op("Add", codes, types), graph.constant(_FIRST_CODE))
    edge = graph.op("Expand", graph.constant(_EDGE), one)
    known = graph.op("Where", present, codes, graph.constant(_EDGE))
    singles = graph.op("Mul", graph.op("Mul", codes, graph.constant(0)), graph.constant(_SINGLE))
    left = graph.op("Concat", singles, edge, known, axis=1)  # (B, 2T + 1)
    right = graph.op("Concat", codes, known, edge, axis=1)
    # The pair of the last word and the edge stands right after the real tokens.
    flags = graph.cast(real, TensorProto.FLOAT)
    ones = graph.op("Expand", graph.constant(1, "f4"), one)
    counted = graph.op("Concat", flags, ones, flags, axis=1)
    return _weigh(graph, (left, right, counted), batch, table, config.ngram_buckets)


def _classify_shapes(graph: _Graph, config: "GloveLstmConfig", types: str, real: str, batch: str) -> str:
    """Runs of three shapes, and words beside a shape: (B, C)."""
    edge = config.type_vocab_size
    kinds = edge + 1
    present = graph.cast(real, TensorProto.BOOL)
    two = graph.shape(batch, 2)
    edges = graph.op("Expand", graph.constant(edge), two)
    known = graph.op("Where", present, types, graph.constant(edge))
    known = graph.op("Concat", edges, known, edges, axis=1)  # (B, T + 4)

    def part(start: int, end: int) -> str:
        """(B, T + 4 + end - start)."""
        bounds = (start, end or np.iinfo(np.int64).max, 1)
        return graph.op("Slice", known, *(graph.constant([number]) for number in bounds))

    pairs = graph.op("Add", graph.op("Mul", part(0, -2), graph.constant(kinds)), part(1, -1))
    ahead = graph.op("Add", "input_ids", graph.constant(kinds**2))
    behind = graph.op("Add", "input_ids", graph.constant(kinds))
    left = graph.op("Concat", pairs, ahead, part(1, -3), axis=1)  # (B, 3T + 2)
    right = graph.op("Concat", part(2, 0), part(3, -1), behind, axis=1)
    flags = graph.cast(real, TensorProto.FLOAT)
    ones = graph.op("Expand", graph.constant(1, "f4"), two)
    counted = graph.op("Concat", ones, flags, flags, flags, axis=1)
    return _weigh(graph, (left, right, counted), batch, "ngrams.shape_weights", config.shape_buckets)


def _weigh(graph: _Graph, ngrams: tuple[str, str, str], batch: str, table: str, buckets: int) -> str:
    """N-grams (B, n), given as what is hashed, left and right, and which of them count, by their roots: (B, C)."""
    left, right, counted = ngrams
    mixed = graph.op(
        "Add",
        graph.op("Mul", left, graph.constant(_LEFT)),
        graph.op("Mul", right, graph.constant(_RIGHT)),
    )
    rows = graph.op("Mod", graph.op("Mod", mixed, graph.constant(_PRIME)), graph.constant(buckets))
    # Each occurrence of n counts 1 / n of its root: sqrt(n / total) = n x 1 / sqrt(n x total).
    blank = graph.op("Expand", graph.constant(0, "f4"), graph.shape(batch, buckets))
    counts = graph.op("ScatterElements", blank, rows, counted, axis=1, reduction="add")
    counts = graph.op("GatherElements", counts, rows, axis=1)  # (B, n)
    total = graph.reduce("ReduceSum", counted, 1, keep=True)
    roots = graph.op("Sqrt", graph.op("Mul", graph.op("Max", counts, graph.constant(1, "f4")), total))
    shares = graph.column(graph.op("Div", counted, roots))  # (B, 1, n)
    weights = graph.rows(table, rows)  # (B, n, C)
    return graph.op("Squeeze", graph.op("MatMul", shares, weights), graph.constant([1]))


def _classify_characters(graph: _Graph, config: "GloveLstmConfig", real: str, batch: str) -> str:
    """The character n-grams of each word: (B, C). Number 0 stands for none, and padding has nothing else."""
    table = graph.weights["ngrams.character_weights"]
    found = graph.op("Gather", graph.weight("ngrams.character_ngrams"), "input_ids")  # (B, T, n)
    found = graph.op("Mul", graph.cast(found, TensorProto.INT64), graph.column(real, 2))
    found = graph.op("Reshape", found, graph.shape(batch, -1))
    blank = graph.op("Expand", graph.constant(0, "f4"), graph.shape(batch, config.character_buckets))
    ones = graph.op("Expand", graph.constant(1, "f4"), graph.op("Shape", found))
    counts = graph.op("ScatterElements", blank, found, ones, axis=1, reduction="add")
    counts = graph.op(
        "Slice", counts, graph.constant([1]), graph.constant([table.shape[0]]), graph.constant([1])
    )
    total = graph.op("Max", graph.reduce("ReduceSum", counts, 1, keep=True), graph.constant(1, "f4"))
    weights = graph.op(
        "Slice",
        graph.weight("ngrams.character_weights"),
        graph.constant([1]),
        graph.constant([table.shape[0]]),
    )
    if table.dtype != np.float32:
        weights = graph.cast(weights, TensorProto.FLOAT)
    return graph.op("Div", graph.op("MatMul", graph.op("Sqrt", counts), weights), graph.op("Sqrt", total))
