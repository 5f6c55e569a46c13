"""The classifier in numpy, for many texts at a time: what `model.onnx` computes, at twice its speed.

Two things make it faster than a graph can be. What a word adds to the gates of the LSTM is computed once for all the
places where it stands. And texts need no padding: of the rows that are read together the longest stand first, so that
those which are not at their end yet are always the first ones. For a few texts numpy's calls cost more than that gains.

Shapes in the comments: n texts, m tokens, V distinct tokens, R rows that the LSTM reads together, D directions, E width
of the LSTM's input, H units, C labels.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glove_lstm.data.files import read_checkpoint_json
from glove_lstm.inference.checkpoint_files import WEIGHTS_NAME, stored_tensors
from glove_lstm.tokenization.light_tokenizer import TokenizedTexts, ranges

# What `GloveLstmConfig` has where a config.json says nothing; the rest is told by the weights.
DEFAULTS: dict[str, Any] = {
    "type_vocab_size": 7,
    "window_size": 0,
    "lstm_length": 0,
    "pooling": ["max"],
    "ngram_opening": 0,
    "ngram_weight": 1.0,
    "temperature": 1.0,
}
# Multiplications up to which OpenBLAS leaves a product to the thread that asks for it: its threads wait for each other
# in loops, which is slow where other work needs the processors.
_ONE_THREAD = 1 << 18
_ROWS = 256  # that the LSTMs of both directions read together: what they work on fits a processor's cache
_KEPT = 1 << 22  # numbers that the LSTMs gave, where the attention needs all of them
# As in ngram_classifier.py.
_SINGLE, _EDGE, _FIRST_CODE = 0, 1, 2
_LEFT, _RIGHT, _PRIME = 1_000_003, 2_654_435_761, 4_294_967_291

_KNOWN = re.compile(
    r"encoder\.embeddings\.(word|token_type)_embeddings\.weight|encoder\.layers\.0\..*|encoder\.pooler\.attention\.weight"
    r"|(dense|classifier)\.(weight|bias)|ngrams\.(word_weights|opening_weights|character_weights|character_ngrams|shape_weights|bias)"
)

Weights = Mapping[str, NDArray[Any]]
Floats = NDArray[np.floating]
Whole = NDArray[np.int64]


def can_compute(names: Iterable[str]) -> bool:
    """Whether the network in numpy knows what to do with all weights, given by name: it knows no second layer."""
    return all(_KNOWN.fullmatch(name) for name in names)


class BulkNetwork:
    """A classifier with one layer of LSTMs.

    Args:
        config: Values of `config.json`.
        weights: The checkpoint's state, by PyTorch's names, of which `can_compute` is true.
    """

    def __init__(self, config: Mapping[str, Any], weights: Weights) -> None:
        said = {**DEFAULTS, **config}
        self._vectors = weights["encoder.embeddings.word_embeddings.weight"]
        self._shapes = weights.get("encoder.embeddings.token_type_embeddings.weight")
        self._lstm = _Lstm(weights, said)
        self._dense = [_dense(weights, name) for name in ("dense", "classifier")]
        self._scale = 1 / said["temperature"]
        self._ngrams = _Ngrams(weights, said) if "ngrams.word_weights" in weights else None

    @classmethod
    def from_folder(cls, folder: Path) -> "BulkNetwork | None":
        """Of a checkpoint; None where it is of a kind that this cannot compute."""
        path = folder / WEIGHTS_NAME
        stored = stored_tensors(path)
        if not can_compute(stored):
            return None
        weights = {
            name: np.memmap(path, tensor.kind, "r", tensor.offset, tensor.shape)
            if tensor.length
            else np.zeros(tensor.shape, tensor.kind)
            for name, tensor in stored.items()
        }
        return cls(read_checkpoint_json(folder / "config.json"), weights)

    def logits(self, texts: TokenizedTexts) -> NDArray[np.float32]:
        """Classify: (n, C), divided by the temperature."""
        hidden = self._lstm.pooled(texts.lengths, *self._project(texts))
        for number, (matrix, bias) in enumerate(self._dense):
            hidden = _product(np.maximum(hidden, 0) if number else hidden, matrix) + bias
        if self._ngrams:
            hidden = hidden + self._ngrams.logits(texts)
        return (hidden * self._scale).astype(np.float32)

    def _project(self, texts: TokenizedTexts) -> tuple[NDArray[np.float32], Whole]:
        """What each distinct token adds to the gates, (4, D, V, H), and which of them each token is, (m,)."""
        kinds = 1 if self._shapes is None else len(self._shapes)
        codes = texts.ids if self._shapes is None else texts.ids * kinds + texts.shapes
        distinct, places = _distinct(codes, len(self._vectors) * kinds)
        inputs = [self._vectors[distinct // kinds]]
        if self._shapes is not None:
            inputs.append(self._shapes[distinct % kinds])
        return self._lstm.project(*inputs), places


class _Lstm:
    """LSTMs and the pooling of what they give.

    numpy has an exponential that is twice as fast as its tanh, and tanh(x) = 2 s(2x) - 1 of the sigmoid s. So that the
    gates need nothing but one 1 / (1 + exp(.)), the weights hold signs and factors: what is called hidden below is half
    the LSTM's output, and cell is -1/2 of its cell.
    """

    def __init__(self, weights: Weights, config: Mapping[str, Any]) -> None:
        layer = "encoder.layers.0"
        names = [f"{layer}.{way}_lstm" for way in ("forward", "backward")]
        names = [name for name in names if f"{name}.weight_ih_l0" in weights]

        def stacked(kind: str) -> NDArray[np.float32]:
            """(4, D, H, ...), with the gates input, forget, output, cell, of which PyTorch has the last two turned."""
            found = [np.array(np.split(weights[f"{name}.{kind}_l0"].astype(np.float32), 4)) for name in names]
            gates = np.stack(found, axis=1)[[0, 1, 3, 2]]
            gates[:3] *= -1
            gates[3] *= -2
            return gates

        bias = stacked("bias_ih") + stacked("bias_hh")  # (4, D, H)
        # (4, D, E + 1, H) and (4, D, H, H)
        self._input = np.concatenate([stacked("weight_ih"), bias[..., None]], axis=3).swapaxes(2, 3).copy()
        # In C's order, which OpenBLAS reads faster.
        self._state = (stacked("weight_hh").swapaxes(2, 3) * 2).copy()
        self._block = max(1, _ONE_THREAD // self._state[0, 0].size)  # rows of one product
        self._window: int = config["window_size"]
        self._length: int = config["lstm_length"]
        self._pooling: list[str] = config["pooling"]
        if "attention" in self._pooling:
            query = weights["encoder.pooler.attention.weight"].astype(np.float32)
            self._query = query.reshape(len(names), -1, 1) * 2  # (D, H, 1)

    def project(self, *inputs: NDArray[Any]) -> NDArray[np.float32]:
        """Parts of the vectors of V tokens, (V, .) each -> (4, D, V or more, H)."""
        _, directions, width, units = self._input.shape
        block = max(1, _ONE_THREAD // self._input[0, 0].size)
        blocks = -(-len(inputs[0]) // block)
        given = np.ones((blocks, block, width), np.float32)  # the last column is that of the bias
        np.concatenate(
            inputs, axis=1, out=given.reshape(-1, width)[: len(inputs[0]), :-1], casting="same_kind"
        )
        found = np.empty((blocks, block, directions, 4, units), np.float32)
        np.matmul(given, self._input[:, :, None], out=found.transpose(3, 2, 0, 1, 4))
        return found.reshape(-1, directions, 4, units)

    def pooled(self, lengths: Whole, projected: NDArray[np.float32], places: Whole) -> Floats:
        """Read n texts.

        Args:
            lengths: (n,) tokens of each text.
            projected: (4, D, V, H) of `project`.
            places: (m,) which of the V each token is.

        Returns:
            (n, D x H x number of poolings); zeros for a text without tokens.
        """
        read = np.minimum(lengths, self._length) if self._length else lengths
        width = self._window or max(int(read.max(initial=0)), 1)
        counts = -(-read // width)  # windows of each text
        text = np.repeat(np.arange(len(read)), counts)
        number = ranges(np.zeros_like(counts), counts)
        begins = (np.cumsum(lengths) - lengths)[text] + number * width
        sizes = np.minimum(read[text] - number * width, width)
        order = np.argsort(-sizes, kind="stable")
        _, directions, units, _ = self._state.shape
        found = {name: np.empty((len(text), directions * units), np.float32) for name in self._pooling}
        scores = np.empty((2, len(text)), np.float32)  # the largest in each window, and the sum of the shares
        rows = _ROWS // directions
        if "attention" in self._pooling:
            rows = max(1, min(rows, _KEPT // (width * directions * units)))
        for start in range(0, len(order), rows):
            some = order[start : start + rows]
            with np.errstate(over="ignore"):  # 1 / (1 + infinity) is right
                read_now = self._read(projected, places, begins[some], sizes[some])
            for name, values in read_now.items():
                if name == "scores":
                    scores[:, some] = values
                else:
                    found[name][some] = values.swapaxes(0, 1).reshape(len(some), -1)
        return self._join(found, scores, read, counts)

    def _read(
        self, projected: NDArray[np.float32], places: Whole, begins: Whole, sizes: Whole
    ) -> dict[str, NDArray[np.float32]]:
        """Read R windows, the longest first: by name of the pooling (D, R, H), and "scores" (2, R) of the attention."""
        _, directions, _, units = projected.shape
        table = projected.reshape(-1, units)
        steps, attends = int(sizes[0]), "attention" in self._pooling
        rows = _rounded(len(sizes), self._block)[0]
        shape = directions, rows, units
        taken = self._taken(places, begins, sizes, rows)  # (steps, 4, D, rows)
        # Zeros before the first step, and then what the LSTM gave: of all steps only where it is asked for again.
        kept = np.zeros((steps + 1 if attends else 1, *shape), np.float32)
        cell, spare = np.zeros(shape, np.float32), np.empty(shape, np.float32)
        best, total = np.full(shape, -0.5, np.float32), np.zeros(shape, np.float32)
        gates, inputs = np.empty((2, 4 * directions * rows * units), np.float32)
        live, half = 0, np.float32(0.5)
        for step, count in enumerate(_living(sizes)):
            if count != live:
                live = count
                used, blocks = _rounded(live, self._block)
                size = 4, directions, used, units
                gate, given = (
                    buffer[: 4 * directions * used * units].reshape(size) for buffer in (gates, inputs)
                )
                product = gate.reshape(4, directions, blocks, -1, units)
                c, s = cell[:, :used], spare[:, :used]
            before, now = kept[step if attends else 0, :, :used], kept[step + 1 if attends else 0, :, :used]
            np.matmul(before.reshape(directions, blocks, -1, units), self._state[:, :, None], out=product)
            np.take(table, taken[step, :, :, :used], axis=0, out=given, mode="clip")
            np.add(gate, given, out=gate)
            _sigmoid_of_minus(gate)
            np.subtract(half, gate[3], out=s)
            np.multiply(gate[0], s, out=s)
            np.multiply(gate[1], c, out=c)
            np.add(c, s, out=c)
            np.multiply(c, 4, out=s)
            _sigmoid_of_minus(s)
            np.subtract(s, half, out=s)
            np.multiply(gate[2], s, out=now)
            if "max" in self._pooling:
                np.maximum(best[:, :live], now[:, :live], out=best[:, :live])
            if "mean" in self._pooling:
                np.add(total[:, :live], now[:, :live], out=total[:, :live])
        found: dict[str, NDArray[np.float32]] = {}
        found["max"], found["mean"] = best[:, : len(sizes)] * 2, total[:, : len(sizes)] * 2
        if attends:
            found["attention"], found["scores"] = self._attend(kept[1:, :, : len(sizes)], sizes)
        return {name: found[name] for name in (*self._pooling, *(["scores"] if attends else []))}

    def _taken(self, places: Whole, begins: Whole, sizes: Whole, rows: int) -> Whole:
        """Which rows of the table (4 x D x V, H) each step reads: (steps, 4, D, rows); the second direction turned."""
        directions = self._state.shape[1]
        steps = np.arange(int(sizes[0]))[:, None]
        tokens = np.zeros((len(steps), 2, rows), np.int64)
        np.minimum(begins + steps, len(places) - 1, out=tokens[:, 0, : len(sizes)])
        np.maximum(begins + sizes - 1 - steps, 0, out=tokens[:, 1, : len(sizes)])
        planes = np.arange(4 * directions).reshape(directions, 4).T[..., None]
        return 4 * directions * places[tokens[:, :directions]][:, None] + planes

    def _attend(
        self, kept: NDArray[np.float32], sizes: Whole
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(steps, D, R, H) -> the sum weighted by the shares (D, R, H); largest score and sum of the shares (2, R)."""
        steps = np.arange(len(kept))[:, None]
        turned = np.maximum(
            sizes - 1 - steps, 0
        )  # (steps, R): the step at which the other direction is there
        real = steps < sizes
        parts = np.matmul(kept, self._query)[..., 0]  # (steps, D, R)
        scores = parts[:, 0]
        if kept.shape[1] == 2:
            scores = scores + np.take_along_axis(parts[:, 1], turned, axis=0)
        scores = np.where(real, scores, -np.inf)
        most = scores.max(axis=0)
        shares = np.exp(scores - most)
        back = np.where(real, np.take_along_axis(shares, turned, axis=0), 0)
        each = np.stack([shares, back][: kept.shape[1]], axis=1)  # (steps, D, R)
        summed = np.einsum("tdr,tdrh->drh", each, kept) * 2
        return summed, np.stack([most, shares.sum(axis=0)])

    def _join(
        self, found: dict[str, NDArray[np.float32]], scores: NDArray[np.float32], read: Whole, counts: Whole
    ) -> Floats:
        """The windows of each text -> (n, width)."""
        some = counts > 0
        starts = (np.cumsum(counts) - counts)[some]
        parts = []
        for name in self._pooling:
            values = found[name]
            pooled = np.zeros((len(counts), values.shape[1]), np.float32)
            if len(starts) and name == "max":
                pooled[some] = np.maximum.reduceat(values, starts)
            elif len(starts) and name == "mean":
                pooled[some] = np.add.reduceat(values, starts) / read[some, None]
            elif len(starts):
                most, sums = scores
                weight = np.exp(most - np.repeat(np.maximum.reduceat(most, starts), counts[some]))
                total = np.add.reduceat(sums * weight, starts)
                pooled[some] = np.add.reduceat(values * weight[:, None], starts) / total[:, None]
            parts.append(pooled)
        return np.concatenate(parts, axis=1)


class _Ngrams:
    """The linear classifier over words, pairs, character n-grams and shapes."""

    def __init__(self, weights: Weights, config: Mapping[str, Any]) -> None:
        self._weight: float = config["ngram_weight"]
        self._kinds: int = config["type_vocab_size"]
        opening: int = config["ngram_opening"]
        tables = [("ngrams.word_weights", 0), *([("ngrams.opening_weights", opening)] if opening else [])]
        # (C, buckets + 1) each; the last is for what is none
        self._tables = [(np.pad(_turned(weights[name]), ((0, 0), (0, 1))), length) for name, length in tables]
        self._rows = weights["ngrams.character_ngrams"]  # (vocabulary, n-grams of a word)
        self._characters = _turned(weights["ngrams.character_weights"])  # (C, buckets)
        shapes = weights.get("ngrams.shape_weights")
        self._shapes = None if shapes is None else np.pad(_turned(shapes), ((0, 0), (0, 1)))
        # Checkpoints from before there was a bias have none.
        self._bias = weights.get("ngrams.bias", np.zeros(len(self._characters))).astype(np.float32)

    def logits(self, texts: TokenizedTexts) -> Floats:
        """(n, C), by their weight beside the LSTM's."""
        codes = texts.ids * self._kinds + texts.shapes + _FIRST_CODE
        found = np.tile(self._bias.astype(np.float64), (len(texts.lengths), 1))
        for table, length in self._tables:
            found += self._words(table, *_first(codes, texts.lengths, length))
        if self._rows.shape[1]:
            found += self._words_parts(texts)
        if self._shapes is not None:
            found += self._runs(self._shapes, texts)
        return self._weight * found

    def _words(self, table: NDArray[np.float32], codes: Whole, lengths: Whole) -> Floats:
        """Words and pairs of n texts, given as codes (m,): (n, C)."""
        buckets = table.shape[1] - 1
        sizes = lengths + 1  # of the pairs; a text has one more of them than words
        left, right = np.full((2, int(sizes.sum())), _EDGE)
        places = np.arange(len(codes)) + np.repeat(np.arange(len(lengths)), lengths)
        left[places + 1] = right[places] = codes
        ngrams = np.stack([_hash(_SINGLE, right, buckets), _hash(left, right, buckets)])
        ngrams[0, np.cumsum(sizes) - 1] = buckets  # the edge is no word
        return _weigh(table, ngrams, sizes) / np.sqrt(2 * lengths + 1)[:, None]

    def _runs(self, table: NDArray[np.float32], texts: TokenizedTexts) -> Floats:
        """Runs of three shapes, and words beside a shape: (n, C)."""
        lengths, buckets, edge = texts.lengths, table.shape[1] - 1, self._kinds
        kinds = edge + 1
        sizes = lengths + 2  # of the runs; a text has two more of them than words
        text = np.arange(len(lengths))
        known = np.full(int(sizes.sum()) + 2 * len(lengths), edge)  # two edges before and after each text
        places = np.arange(len(texts.ids)) + 4 * np.repeat(text, lengths) + 2
        known[places] = texts.shapes
        starts = np.arange(int(sizes.sum())) + 2 * np.repeat(text, sizes)
        pairs = known[starts] * kinds + known[starts + 1]
        ngrams = np.full((3, len(starts)), buckets)
        ngrams[0] = _hash(pairs, known[starts + 2], buckets)
        words = np.arange(len(texts.ids)) + 2 * np.repeat(text, lengths)
        ngrams[1, words] = _hash(texts.ids + kinds**2, known[places + 1], buckets)
        ngrams[2, words] = _hash(known[places - 1], texts.ids + kinds, buckets)
        return _weigh(table, ngrams, sizes) / np.sqrt(3 * lengths + 2)[:, None]

    def _words_parts(self, texts: TokenizedTexts) -> Floats:
        """The character n-grams of each word: (n, C). Number 0 stands for none."""
        labels, buckets = self._characters.shape
        found = np.empty((len(texts.lengths), labels))
        for row, text in zip(found, texts.apart(), strict=True):
            counts = np.bincount(self._rows[text.ids].ravel(), minlength=buckets).astype(np.float32)
            counts[0] = 0
            total = max(float(counts.sum()), 1)
            row[:] = np.einsum("cb,b->c", self._characters, np.sqrt(counts, out=counts)) / total**0.5
        return found


def _sigmoid_of_minus(values: NDArray[np.float32]) -> None:
    """In place."""
    np.exp(values, out=values)
    np.add(values, 1, out=values)
    np.reciprocal(values, out=values)


def _hash(left: Whole | int, right: Whole, buckets: int) -> Whole:
    found: Whole = (left * _LEFT + right * _RIGHT) % _PRIME % buckets
    return found


def _weigh(table: NDArray[np.float32], ngrams: Whole, sizes: Whole) -> Floats:
    """Sum what n-grams add by the roots of their counts.

    Args:
        table: (C, buckets + 1), with zeros at the end, for what is no n-gram.
        ngrams: (k, N) columns of the table; the first sizes[0] of each of the k are the first text's, and so on.
        sizes: (n,)

    Returns:
        (n, C)
    """
    found = np.empty((len(sizes), len(table)))
    ends = np.cumsum(sizes)
    for row, begin, end in zip(found, (ends - sizes).tolist(), ends.tolist(), strict=True):
        here = ngrams[:, begin:end].ravel()
        # Each occurrence of k counts 1 / k of its root: sqrt(k / total) = k x 1 / sqrt(k x total).
        roots = np.sqrt(np.bincount(here)[here].astype(np.float32))
        row[:] = [(column[here] / roots).sum() for column in table]
    return found


def _turned(table: NDArray[Any]) -> NDArray[np.float32]:
    return np.ascontiguousarray(table.astype(np.float32).T)


def _dense(weights: Weights, name: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return weights[f"{name}.weight"].astype(np.float32).T, weights[f"{name}.bias"].astype(np.float32)


def _product(rows: Floats, matrix: Floats) -> Floats:
    """(n, k) x (k, l), a few rows at a time; see `_ONE_THREAD`."""
    size = max(1, _ONE_THREAD // matrix.size)
    whole = len(rows) // size * size
    many = np.matmul(rows[:whole].reshape(-1, size, rows.shape[1]), matrix).reshape(whole, matrix.shape[1])
    return np.concatenate([many, rows[whole:] @ matrix])


def _distinct(codes: Whole, most: int) -> tuple[Whole, Whole]:
    """The V distinct ones of m codes below `most`, in order, and which of them each code is; faster than sorting."""
    seen = np.zeros(most, dtype=bool)
    seen[codes] = True
    distinct = np.flatnonzero(seen)
    place = np.empty(most, dtype=np.int64)
    place[distinct] = np.arange(len(distinct))
    return distinct, place[codes]


def _first(codes: Whole, lengths: Whole, length: int) -> tuple[Whole, Whole]:
    """The first `length` tokens of each text, or all where it is 0."""
    if not length:
        return codes, lengths
    kept = np.minimum(lengths, length)
    return codes[ranges(np.cumsum(lengths) - lengths, kept)], kept


def _rounded(rows: int, block: int) -> tuple[int, int]:
    """As many rows or a few more, in equal blocks of at most `block`, and how many blocks."""
    blocks = -(-rows // block)
    return -(-rows // blocks) * blocks, blocks


def _living(sizes: Whole) -> Iterator[int]:
    """Of rows with the longest first: how many are not at their end, step by step."""
    shortest_first = sizes[::-1]
    ended = np.searchsorted(shortest_first, np.arange(int(sizes[0])), side="right")
    return iter((len(sizes) - ended).tolist())
