"""Explain a label: the contribution of each word to the difference between two labels' logits.

The n-gram classifier's logits are sums over n-grams, so its contributions are exact. The LSTM's contributions are
computed by layer-wise relevance propagation for LSTMs (Arras et al. 2017, https://arxiv.org/abs/1706.07206): gates are
constant factors. With every gate and slope of a tanh fixed at its value for this text, the network is
linear in its inputs, and gradient times input (Ali et al. 2022, https://arxiv.org/abs/2202.07304) is exact: the rest of
the difference comes from the biases.
"""

import copy
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import chain, groupby
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from glove_lstm.errors import DataError
from glove_lstm.inference.scores import scores_of
from glove_lstm.modeling.characters import UnknownWords
from glove_lstm.modeling.modeling_glove_lstm import GloveLstmForSequenceClassification
from glove_lstm.modeling.ngram_classifier import GloveLstmNgramClassifier, ngram_shares
from glove_lstm.tokenization.word_shapes import replace_surrogates

Field = Literal["text", "text_pair"]
_FIELDS: tuple[Field, Field] = ("text", "text_pair")
# Words that the tokenizer may split: "don't", "U.S", "well-known", "!!!".
_WORD = re.compile(r"\w+(?:['\u2019.-]\w+)*|([^\w\s])\1*")
_SMALL = 1e-4  # below it tanh(x) / x is 1 in float32


@dataclass(frozen=True, slots=True)
class WordContribution:
    """A word and its contribution to the difference of the logits.

    Attributes:
        start: First character in the field.
        end: Last character, exclusive.
        field: "text", or "text_pair" for the second part.
        text: The characters from start to end.
        contribution: Positive for the label, negative for the rival.
    """

    start: int
    end: int
    field: Field
    text: str
    contribution: float


@dataclass(frozen=True)
class Explanation:
    """The reasons for a label against its strongest rival.

    `baseline_difference` and the words' contributions add up to `logit_difference`, except for rounding.

    Attributes:
        text: The text, with each lone surrogate replaced by U+FFFD.
        text_pair: The second part, or None.
        label: The explained label.
        rival: The other label with the highest logit.
        score: The label's probability, at the model's temperature.
        logit_difference: The label's logit minus the rival's.
        baseline_difference: Contribution of the network's biases at this text's gates; without words, the whole
            difference.
        words: Every word in the model's input, in order. Text that the tokenizer drops (white space, stop words in
            some presets, everything beyond the maximal length) is missing.
        unread: Number of tokens beyond the tokenizer's maximal length; their contribution is unknown.
    """

    text: str
    text_pair: str | None
    label: str
    rival: str
    score: float
    logit_difference: float
    baseline_difference: float
    words: tuple[WordContribution, ...]
    unread: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return asdict(self)

    def to_html(self) -> str:
        """Return HTML with marked words and escaped texts, for any light or dark page."""
        from glove_lstm.inference.explanation_views import html_fragment

        return html_fragment(self)


def explain(
    model: GloveLstmForSequenceClassification,
    tokenizer: PreTrainedTokenizerBase,
    text: str,
    text_pair: str | None = None,
    *,
    label: str | None = None,
) -> Explanation:
    """Compute the contribution of each word to the difference between a label's logit and its strongest rival's.

    Args:
        model: A classifier with at least two labels. It is put into eval mode and otherwise left as it is, so that
            threads may share it.
        tokenizer: The model's tokenizer; it truncates long texts.
        text: Any text, also an empty one.
        text_pair: A second part (the body to a title), or None.
        label: The label to explain; None takes the one with the highest score.

    Raises:
        DataError: The model lacks that label, or has fewer than two labels.
    """
    names: list[str] = model.config.label_names
    if len(names) < 2:
        raise DataError("The model has only one label, so its choice cannot be explained.")
    if label is not None and label not in names:
        raise DataError(f"The model has no label {label!r}; it has {', '.join(names)}.")
    model.eval()
    pairs = None if text_pair is None else [text_pair]
    encoded = tokenizer([text], pairs)
    # Shape (1, T) each. `return_tensors` would make floats of an empty text.
    inputs = {
        name: torch.tensor(rows, dtype=torch.long, device=model.device)
        for name, rows in encoded.items()
    }
    ids, types = inputs["input_ids"], inputs.get("token_type_ids")
    with torch.no_grad():
        logits = model(**inputs).logits.double().cpu().numpy()
    chosen, *others = np.argsort(-logits[0], kind="stable").tolist()
    if label is not None and label != names[chosen]:
        chosen, others = names.index(label), [chosen]
    rival = others[0]
    difference = baseline = float(logits[0, chosen] - logits[0, rival])
    tokens: list[float] = []
    if ids.shape[1]:
        baseline, tokens = _share_out(model, ids, types, chosen, rival)
    parts = (replace_surrogates(text), replace_surrogates(text_pair))
    whole = tokenizer([text], pairs, truncation=False, verbose=False)["input_ids"][0]
    return Explanation(
        *parts,
        label=names[chosen],
        rival=names[rival],
        score=float(scores_of(logits, model.config.problem_type)[0, chosen]),
        logit_difference=difference,
        baseline_difference=baseline,
        words=tuple(_words(parts, encoded.encodings[0], tokens)),
        unread=len(whole) - ids.shape[1],
    )


def _share_out(
    model: GloveLstmForSequenceClassification,
    ids: Tensor,
    types: Tensor | None,
    label: int,
    rival: int,
) -> tuple[float, list[float]]:
    """Return the contribution of the biases and of each of T tokens."""
    with torch.no_grad():
        inputs = model.encoder.prepare_inputs(ids, torch.ones_like(ids), types, None)
        scale = float(model.confidence(inputs)) / model.config.temperature
        vectors = model.encoder.embed(inputs)  # (T that the LSTM reads, 1, E)
    with torch.inference_mode(False), torch.enable_grad():  # the caller may be in inference mode
        leaf = vectors.clone().requires_grad_()
        linear = _linear_in_words(model, leaf)
        logits = linear.lstm_logits(linear.encoder.run_lstm(inputs).pooled)[0]
        logits = logits * scale * float(model.share_read(inputs))
        of_lstm = logits[label] - logits[rival]
        (slope,) = torch.autograd.grad(of_lstm, leaf)
    tokens = torch.zeros(ids.shape[1], dtype=torch.float64)
    tokens[: len(vectors)] = (slope * vectors)[:, 0].double().sum(dim=1).cpu()
    baseline = float(of_lstm.detach().double() - tokens.sum())
    if model.ngrams is not None:
        with torch.no_grad():
            of_ngrams = ngram_contributions(model.ngrams, ids, inputs.shapes, inputs.unknown)
            of_ngrams = of_ngrams[0].double().cpu()
        scale *= model.config.ngram_weight
        tokens = tokens + scale * (of_ngrams[:, label] - of_ngrams[:, rival])
        bias = model.ngrams.bias.detach().double()
        baseline += scale * float(bias[label] - bias[rival])
    return baseline, tokens.tolist()


def ngram_contributions(
    ngrams: GloveLstmNgramClassifier,
    input_ids: Tensor,
    shapes: Tensor | None,
    unknown: UnknownWords | None,
) -> Tensor:
    """Divide the logits of the n-grams among the tokens: each n-gram counts evenly for the words that it covers.

    Args:
        ngrams: The classifier.
        input_ids: (B, T), all of them real tokens, T at least 1.
        shapes: (B, T) word shapes, as for its `forward`.
        unknown: As for its `forward`.

    Returns:
        (B, T, num_labels). Their sum over the tokens, with the bias, is the output of `forward`.
    """
    mask = torch.ones_like(input_ids, dtype=torch.bool)
    texts, length = input_ids.shape
    # The changes from token to token, so that an n-gram needs two entries only.
    steps = ngrams.bias.new_zeros(texts, length + 1, len(ngrams.bias), dtype=torch.float64)
    for group, spans in zip(ngrams.groups(input_ids, shapes, mask), _spans(length), strict=False):
        first, last = spans[: group.rows.shape[1]].to(input_ids.device).unbind(1)
        shares = ngram_shares(group, ngrams.weights).double() / (last - first + 1)
        each = shares.unsqueeze(-1) * ngrams.weights[group.rows]
        steps = steps.index_add(1, first, each).index_add(1, last + 1, -each)
    tokens = steps.cumsum(dim=1)[:, :-1].to(ngrams.bias.dtype)
    if unknown is None:
        return tokens
    shares = ngrams.character_shares(unknown, mask).unsqueeze(1)
    weights = ngrams.weights[unknown.hashes % ngrams.buckets].to(shares.dtype)
    each = (shares @ weights).squeeze(1).to(tokens.dtype)
    return tokens.index_put((unknown.texts, unknown.positions), each, accumulate=True)


def _spans(length: int) -> list[Tensor]:
    """Return the first and the last token of each n-gram of words, where those with shapes come last, and of shapes."""

    def runs(first: int, size: int, count: int) -> Tensor:
        starts = torch.arange(first, first + count)
        return torch.stack([starts, starts + size - 1], dim=1)

    words = runs(0, 1, length)
    groups = (
        [words, runs(-1, 2, length + 1), words],
        [runs(-2, 3, length + 2), runs(0, 2, length), runs(-1, 2, length)],
    )
    # Edges of the text belong to the words there.
    return [torch.cat(spans).clamp(0, length - 1) for spans in groups]


def _linear_in_words(
    model: GloveLstmForSequenceClassification, vectors: Tensor
) -> GloveLstmForSequenceClassification:
    """Return a model with the same weights (shared) and logits, over `vectors`, whose gates have no gradients.

    Max pooling and ReLU are linear while their active positions and units stay the same.
    """
    shared = {id(values): values for values in chain(model.parameters(), model.buffers())}
    linear = copy.deepcopy(model, shared)
    encoder: Any = linear.encoder
    encoder.embed = lambda _: vectors
    encoder.lstm.__class__ = _LinearLstm
    return linear


class _LinearLstm(nn.LSTM):
    """An LSTM of one layer with the outputs of `nn.LSTM`, whose gates are constants to gradients."""

    def forward(self, inputs: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        """Map (T, B, E) to (T, B, hidden_size)."""
        weight, recurrent, *biases = self.all_weights[0]
        bias = biases[0] + biases[1]
        # The order is input gate, forget gate, cell, output gate.
        signal = slice(2 * self.hidden_size, 3 * self.hidden_size)
        projected = inputs.detach() @ weight.T + bias
        signals = inputs @ weight[signal].T + bias[signal]
        hidden = cell = inputs.new_zeros(inputs.shape[1], self.hidden_size)
        outputs = []
        for step in range(len(inputs)):
            gates = projected[step] + hidden.detach() @ recurrent.T
            take, keep, _, give = gates.sigmoid().chunk(4, dim=1)
            cell = keep * cell + take * _scaled_tanh(signals[step] + hidden @ recurrent[signal].T)
            hidden = give * _scaled_tanh(cell)
            outputs.append(hidden)
        return torch.stack(outputs), None


def _scaled_tanh(values: Tensor) -> Tensor:
    """Return tanh(values) as the values times tanh(values) / values, a constant to gradients."""
    fixed = values.detach()
    small = fixed.abs() < _SMALL
    return values * torch.where(small, 1, fixed.tanh() / fixed.masked_fill(small, 1))


def _words(
    parts: tuple[str, str | None], encoding: Any, contributions: Sequence[float]
) -> Iterator[WordContribution]:
    """Join the tokens of an encoding of `tokenizers` to words of the text and of its second part."""
    begin = 0  # of the part in the text that both make
    for field, text in zip(_FIELDS, [part or "" for part in parts], strict=True):
        word_at = list(range(len(text)))  # first character of the word of each character
        for match in _WORD.finditer(text):
            word_at[match.start() : match.end()] = [match.start()] * len(match[0])
        own = [
            (first - begin, last - begin, value)
            for (first, last), value in zip(encoding.offsets, contributions, strict=True)
            if begin <= first < begin + len(text)
        ]
        begin += len(text) + 1
        for _, pieces in groupby(own, key=lambda piece: word_at[piece[0]]):
            starts, ends, values = zip(*pieces, strict=True)
            start, end = starts[0], max(ends)
            yield WordContribution(start, end, field, text[start:end], sum(values))
