"""Compute the contribution of each word to the difference between two labels' logits.

The n-gram classifier's logits are sums over n-grams, so its contributions are exact. The LSTM's contributions are
computed by layer-wise relevance propagation for LSTMs (Arras et al. 2017, https://arxiv.org/abs/1706.07206): gates are
constant factors. With every gate and slope of a tanh fixed at its value for this text, the network is linear in its
inputs, and gradient times input (Ali et al. 2022, https://arxiv.org/abs/2202.07304) is exact. The rest of the
difference comes from the biases.
"""

import copy
import re
from collections.abc import Sequence
from itertools import chain, groupby
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from glove_lstm.errors import DataError
from glove_lstm.inference.explanation import Explanation, Field, WordContribution
from glove_lstm.inference.scores import scores_of
from glove_lstm.modeling.characters import UnknownWords
from glove_lstm.modeling.modeling_glove_lstm import (
    GloveLstmForSequenceClassification,
    GloveLstmInputs,
)
from glove_lstm.modeling.ngram_classifier import GloveLstmNgramClassifier, ngram_factors
from glove_lstm.tokenization.word_shapes import replace_surrogates

# Words that the tokenizer may split: "don't", "U.S", "well-known", "!!!".
_WORD = re.compile(r"\w+(?:['\u2019.-]\w+)*|([^\w\s])\1*")
_SMALL = 1e-4  # below it tanh(x) / x is 1 in float32


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
        text_pair: A second part, such as the body below a title, or None.
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
    with torch.no_grad():
        logits = model(**inputs).logits.double().cpu().numpy()
    chosen = None if label is None else names.index(label)
    explained, rival = _explained_and_rival(logits[0], chosen)

    difference = float(logits[0, explained] - logits[0, rival])
    ids = inputs["input_ids"]
    token_count = ids.shape[1]
    if token_count:
        types = inputs.get("token_type_ids")
        from_biases, contributions = _token_contributions(model, ids, types, explained, rival)
    else:
        from_biases = difference
        contributions = []

    text = replace_surrogates(text)
    text_pair = replace_surrogates(text_pair)
    words = _words(text, text_pair, encoded.encodings[0].offsets, contributions)
    scores = scores_of(logits, model.config.problem_type)
    untruncated_ids = tokenizer([text], pairs, truncation=False, verbose=False)["input_ids"][0]
    return Explanation(
        text=text,
        text_pair=text_pair,
        label=names[explained],
        rival=names[rival],
        score=float(scores[0, explained]),
        logit_difference=difference,
        baseline_difference=from_biases,
        words=tuple(words),
        unread=len(untruncated_ids) - token_count,
    )


def _explained_and_rival(logits: Any, label: int | None) -> tuple[int, int]:
    """Return the label to explain, by default the best one, and the best of the others."""
    best, second, *_ = np.argsort(-logits, kind="stable").tolist()
    if label is None or label == best:
        return best, second
    return label, best


def _token_contributions(
    model: GloveLstmForSequenceClassification,
    ids: Tensor,
    types: Tensor | None,
    label: int,
    rival: int,
) -> tuple[float, list[float]]:
    """Return the contribution of the biases, and the contribution of each of T tokens.

    Args:
        model: A classifier.
        ids: (1, T) token ids, T at least 1.
        types: (1, T) `token_type_ids`, if the model reads them.
        label: The explained label.
        rival: The other label.
    """
    with torch.no_grad():
        inputs = model.encoder.prepare_inputs(ids, torch.ones_like(ids), types, None)
        scale = float(model.shrinkage_factor(inputs)) / model.config.temperature
    from_biases, from_read_tokens = _lstm_contributions(model, inputs, scale, label, rival)
    # The LSTM may read fewer tokens than there are; the others contribute nothing to its logits.
    contributions = torch.zeros(ids.shape[1], dtype=torch.float64)
    contributions[: len(from_read_tokens)] = from_read_tokens
    if model.ngrams is None:
        return from_biases, contributions.tolist()

    with torch.no_grad():
        of_labels = ngram_contributions(model.ngrams, ids, inputs.shapes, inputs.unknown)
    of_labels = of_labels[0].double().cpu()  # (T, num_labels)
    biases = model.ngrams.bias.detach().double()
    ngram_scale = scale * model.config.ngram_weight
    contributions += ngram_scale * (of_labels[:, label] - of_labels[:, rival])
    from_biases += ngram_scale * float(biases[label] - biases[rival])
    return from_biases, contributions.tolist()


def _lstm_contributions(
    model: GloveLstmForSequenceClassification,
    inputs: GloveLstmInputs,
    scale: float,
    label: int,
    rival: int,
) -> tuple[float, Tensor]:
    """Return the contribution of the biases to the LSTM's logits, and that of each token that it reads: (n,).

    Args:
        model: A classifier.
        inputs: One text.
        scale: Factor of the logits of both parts of the model.
        label: The explained label.
        rival: The other label.
    """
    with torch.no_grad():
        vectors = model.encoder.embed(inputs)  # (n, 1, E)
        share_read = float(model.share_read(inputs))
    # The caller may be in inference mode, in which there are no gradients.
    with torch.inference_mode(False), torch.enable_grad():
        leaf = vectors.clone().requires_grad_()
        linear = _linear_in_words(model, leaf)
        logits = linear.lstm_logits(linear.encoder.run_lstm(inputs).pooled)[0]
        logits = logits * scale * share_read
        difference = logits[label] - logits[rival]
        (gradient,) = torch.autograd.grad(difference, leaf)
    gradient_times_input = (gradient * vectors)[:, 0].double()
    contributions = gradient_times_input.sum(dim=1).cpu()
    from_biases = float(difference.detach().double() - contributions.sum())
    return from_biases, contributions


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
    # In the order of `groups`.
    spans_of_groups = [_word_spans(length, with_shapes=shapes is not None)]
    if shapes is not None:
        spans_of_groups.append(_shape_spans(length))

    contributions = ngrams.bias.new_zeros(texts, length, len(ngrams.bias), dtype=torch.float64)
    groups = ngrams.groups(input_ids, shapes, mask)
    for group, spans in zip(groups, spans_of_groups, strict=True):
        first, last = spans.to(input_ids.device).unbind(dim=1)
        token_counts = last - first + 1
        token_factors = ngram_factors(group, ngrams.weights.dtype).double() / token_counts
        added = token_factors.unsqueeze(-1) * ngrams.weights[group.rows]  # (B, n, num_labels)
        # To the first token of every n-gram, then to the second token of those that have one, and so on.
        for place in range(int(token_counts.max())):
            has_place = place < token_counts
            token = first[has_place] + place
            contributions = contributions.index_add(1, token, added[:, has_place])
    contributions = contributions.to(ngrams.bias.dtype)
    if unknown is None:
        return contributions

    # The n-grams of the characters of an unknown word count for its token.
    factors = ngrams.character_factors(unknown, mask).unsqueeze(1)
    weights = ngrams.weights[unknown.hashes % ngrams.buckets].to(factors.dtype)
    of_words = (factors @ weights).squeeze(1).to(contributions.dtype)
    places = (unknown.texts, unknown.positions)
    return contributions.index_put(places, of_words, accumulate=True)


def _word_spans(length: int, *, with_shapes: bool) -> Tensor:
    """Return the first and the last token of each n-gram of words of a text of T tokens: (n, 2).

    They are in the order of `GloveLstmNgramClassifier`: T words, T + 1 pairs, and perhaps T words with their shapes.
    """
    words = _runs(first=0, size=1, count=length)
    pairs = _runs(first=-1, size=2, count=length + 1)  # with an edge before and after the text
    ngrams = [words, pairs]
    if with_shapes:
        ngrams.append(words)
    return _within_text(torch.cat(ngrams), length)


def _shape_spans(length: int) -> Tensor:
    """Return the first and the last token of each n-gram of shapes of a text of T tokens: (3 T + 2, 2).

    They are in the order of `GloveLstmNgramClassifier`: T + 2 runs of three shapes, with two edges before and after the
    text; T words with the shape after them; and T words with the shape before them.
    """
    three_shapes = _runs(first=-2, size=3, count=length + 2)
    with_shape_after = _runs(first=0, size=2, count=length)
    with_shape_before = _runs(first=-1, size=2, count=length)
    return _within_text(torch.cat([three_shapes, with_shape_after, with_shape_before]), length)


def _within_text(spans: Tensor, length: int) -> Tensor:
    """Leave out the edges of a text: each n-gram has at least one of its tokens."""
    return spans.clamp(0, length - 1)


def _runs(*, first: int, size: int, count: int) -> Tensor:
    """Return the first and the last token of `count` runs of `size` tokens: (count, 2).

    The first run begins at token `first`, and each other run a token after the one before.
    """
    starts = torch.arange(first, first + count)
    return torch.stack([starts, starts + size - 1], dim=1)


def _linear_in_words(
    model: GloveLstmForSequenceClassification, vectors: Tensor
) -> GloveLstmForSequenceClassification:
    """Return a copy of a model whose encoder embeds any input to `vectors`. Its logits are those of the model.

    Its gates count as constants when gradients are computed. It shares the weights. Max pooling and ReLU are
    linear while their active positions and units stay the same.
    """
    linear = _copy_with_shared_weights(model)
    encoder: Any = linear.encoder
    encoder.embed = lambda _: vectors
    encoder.lstm.__class__ = _LinearLstm
    return linear


def _copy_with_shared_weights(
    model: GloveLstmForSequenceClassification,
) -> GloveLstmForSequenceClassification:
    """Copy the modules of a model, but neither its parameters nor its buffers."""
    # `deepcopy` looks up every object by its id in a memo of the copies made so far, and copies it only if it is not
    # there. So a tensor that the memo names as its own copy is not copied.
    copies = {}
    for values in chain(model.parameters(), model.buffers()):
        copies[id(values)] = values
    return copy.deepcopy(model, memo=copies)


class _LinearLstm(nn.LSTM):
    """An LSTM of one layer with the outputs of `nn.LSTM`, whose gates are constants to gradients."""

    def forward(self, inputs: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        """Map (T, B, E) to (T, B, hidden_size)."""
        weight, recurrent, *biases = self.all_weights[0]
        bias = biases[0] + biases[1]
        # The rows are those of the input gate, the forget gate, the cell and the output gate.
        cell_rows = slice(2 * self.hidden_size, 3 * self.hidden_size)
        gate_inputs = inputs.detach() @ weight.T + bias
        cell_inputs = inputs @ weight[cell_rows].T + bias[cell_rows]
        hidden = inputs.new_zeros(inputs.shape[1], self.hidden_size)
        cell = hidden
        outputs = []
        for step in range(len(inputs)):
            gates = (gate_inputs[step] + hidden.detach() @ recurrent.T).sigmoid()
            input_gate, forget_gate, _, output_gate = gates.chunk(4, dim=1)
            candidate = _scaled_tanh(cell_inputs[step] + hidden @ recurrent[cell_rows].T)
            cell = forget_gate * cell + input_gate * candidate
            hidden = output_gate * _scaled_tanh(cell)
            outputs.append(hidden)
        return torch.stack(outputs), None


def _scaled_tanh(values: Tensor) -> Tensor:
    """Return tanh(values) as the product of the values and tanh(values) / values, which is constant to gradients."""
    fixed = values.detach()
    is_small = fixed.abs() < _SMALL
    ratios = fixed.tanh() / fixed.masked_fill(is_small, 1)
    return values * torch.where(is_small, 1, ratios)


def _words(
    text: str,
    text_pair: str | None,
    offsets: Sequence[tuple[int, int]],
    contributions: Sequence[float],
) -> list[WordContribution]:
    """Join tokens to the words of a text and of its second part.

    Args:
        text: The text.
        text_pair: Its second part, which the tokenizer appends after a space; or None.
        offsets: First and last character (exclusive) of each token.
        contributions: Contribution of each token.
    """
    tokens = []
    for (first, end), contribution in zip(offsets, contributions, strict=True):
        tokens.append((first, end, contribution))
    words = _words_of_part("text", text, 0, tokens)
    if text_pair is not None:
        words += _words_of_part("text_pair", text_pair, len(text) + 1, tokens)
    return words


def _words_of_part(
    field: Field, text: str, begin: int, tokens: Sequence[tuple[int, int, float]]
) -> list[WordContribution]:
    """Join the tokens of a part to its words.

    Args:
        field: The part.
        text: Its text.
        begin: Its first character in what the tokenizer reads.
        tokens: First and last character (exclusive) of each token of all parts, and its contribution.
    """
    word_start = list(range(len(text)))  # of each character, the first character of its word
    for match in _WORD.finditer(text):
        word_start[match.start() : match.end()] = [match.start()] * len(match[0])

    tokens_of_part = []
    for first, end, contribution in tokens:
        if begin <= first < begin + len(text):
            tokens_of_part.append((first - begin, end - begin, contribution))
    words = []
    for _, tokens_of_word in groupby(tokens_of_part, key=lambda token: word_start[token[0]]):
        starts, ends, contributions = zip(*tokens_of_word, strict=True)
        start = starts[0]
        end = max(ends)
        word = WordContribution(start, end, field, text[start:end], sum(contributions))
        words.append(word)
    return words
