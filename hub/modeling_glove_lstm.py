r"""The GloVe+LSTM encoder and classifier. Travels to the Hub: imports only torch, transformers and siblings.

    tokens -> vectors of words, characters, word shapes -> dropout -> LSTM -> max pooling -> dense -> logits
          \-> n-grams of words, characters, word shapes -> a linear classifier, added to them

Shapes in the comments: B texts, T tokens, E width of the LSTM's input, H width of its output.
"""

from dataclasses import dataclass
from typing import Any

import torch
import transformers
from torch import Tensor, nn
from torch.nn import functional

if int(transformers.__version__.split(".")[0]) < 5:
    raise ImportError(
        f"GloVe+LSTM needs transformers 5 or later, not {transformers.__version__}: "
        "pip install 'transformers>=5'"
    )

from transformers.modeling_outputs import BaseModelOutputWithPooling, SequenceClassifierOutput
from transformers.utils.generic import can_return_tuple

from .characters import UnknownWords
from .configuration_glove_lstm import GloveLstmConfig
from .lstm_layers import (
    GloveLstmEmbeddings,
    max_pool,
    move_to_front,
    pick,
    split_types,
    weight_dtype,
)
from .ngram_classifier import GloveLstmNgramClassifier
from .pretrained_glove_lstm import GloveLstmPreTrainedModel


class GloveLstmModel(GloveLstmPreTrainedModel):
    """The encoder: word vectors, LSTM and max pooling. `AutoModel` gives this."""

    def __init__(self, config: GloveLstmConfig) -> None:
        super().__init__(config)
        self.embeddings = GloveLstmEmbeddings(config)
        width = config.embedding_size + config.type_embedding_size
        self.lstm = nn.LSTM(width, config.hidden_size)
        self.post_init()
        self.freeze_embeddings(config.freeze_embeddings)

    @can_return_tuple  # type: ignore[untyped-decorator]
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        output_hidden_states: bool | None = None,
        **kwargs: Any,  # noqa: ARG002 (the pipeline and the Trainer hand over whatever they have)
    ) -> BaseModelOutputWithPooling:
        """Encode texts.

        Args:
            input_ids: (B, T) token ids.
            attention_mask: (B, T), nonzero for real tokens; a masked token counts as deleted, wherever it stands.
                Without it, whatever is not the padding id is real.
            token_type_ids: (B, T) word shapes and spellings; needed where the config has embeddings for either.
            inputs_embeds: (B, T, embedding_size) word vectors instead of `input_ids`.
            output_hidden_states: Whether to return `hidden_states`; by default, what the config says.
            kwargs: Ignored, `output_attentions` too: an LSTM has no attentions.

        Returns:
            `last_hidden_state` (B, T, hidden_size), zero at padding and after `config.lstm_length` tokens, and
            `pooler_output` (B, hidden_size). On demand `hidden_states`, two tensors that are zero at the same tokens:
            the LSTM's input (B, T, embedding_size + type_embedding_size) and its output, `last_hidden_state`.

        Raises:
            ValueError: Neither or both of `input_ids` and `inputs_embeds` are given, `token_type_ids` are missing or,
                where the model reads characters, not int64, or shapes differ.
        """
        inputs = self.prepare_inputs(input_ids, attention_mask, token_type_ids, inputs_embeds)
        states = self.run_lstm(inputs)
        return BaseModelOutputWithPooling(
            last_hidden_state=inputs.move_back(states.hidden),
            pooler_output=states.pooled,
            hidden_states=self.hidden_states(inputs, states, output_hidden_states),
        )

    def prepare_inputs(
        self,
        input_ids: Tensor | None,
        attention_mask: Tensor | None,
        token_type_ids: Tensor | None,
        inputs_embeds: Tensor | None,
    ) -> "GloveLstmInputs":
        """Check the arguments of `forward`, and move the real tokens of each text to its front."""
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("give either input_ids or inputs_embeds, and not both")
        tokens = inputs_embeds if input_ids is None else input_ids
        for name, row in (("token_type_ids", token_type_ids), ("attention_mask", attention_mask)):
            if row is not None and row.shape != tokens.shape[:2]:
                expected = f"{name} must be of shape {tuple(tokens.shape[:2])}, as the tokens"
                raise ValueError(f"{expected}, not {tuple(row.shape)}")
        if self.config.reads_types and token_type_ids is None:
            raise ValueError("token_type_ids are missing: pass all that the tokenizer returns")
        if self.config.character_buckets and token_type_ids.dtype != torch.int64 and tokens.numel():
            raise ValueError("token_type_ids must be int64, for the spellings of unknown words")
        if attention_mask is not None:
            mask = attention_mask.bool()
        elif input_ids is not None:
            mask = input_ids != self.config.pad_token_id
        else:
            mask = inputs_embeds.new_ones(inputs_embeds.shape[:2], dtype=torch.bool)
        rows = [input_ids, inputs_embeds, token_type_ids]
        if mask.shape[1] == 0:  # empty texts: one masked position, for an LSTM needs one
            mask = mask.new_zeros(mask.shape[0], 1)
            rows = [
                None if row is None else row.new_zeros(*mask.shape, *row.shape[2:]) for row in rows
            ]
        positions, mask, (ids, embeds, types) = move_to_front(mask, rows)
        return GloveLstmInputs(ids, embeds, *split_types(self.config, types, mask), mask, positions)

    def embed(self, inputs: "GloveLstmInputs") -> Tensor:
        """Return the LSTM's input of the first `config.lstm_length` tokens: (up to that length, B, E)."""
        longest = inputs.mask.shape[1]
        length = torch.sym_min(longest, self.config.lstm_length or longest)
        # Indices instead of a slice, which PyTorch before 2.10 cannot export.
        read = torch.arange(length, device=inputs.mask.device)
        rows = (inputs.ids, inputs.embeds, inputs.shapes)
        begins = [None if row is None else row[:, read] for row in rows]
        return self.embeddings(*begins, inputs.unknown)

    def run_lstm(self, inputs: "GloveLstmInputs") -> "GloveLstmStates":
        """Run the LSTM over the first tokens, and pool."""
        vectors = self.embed(inputs)
        mask = inputs.mask[:, torch.arange(vectors.shape[0], device=vectors.device)]
        output, _ = self.lstm(vectors.to(weight_dtype(self.lstm)))
        hidden = output.transpose(0, 1)
        return GloveLstmStates(vectors.transpose(0, 1), hidden, max_pool(hidden, mask))

    def hidden_states(
        self, inputs: "GloveLstmInputs", states: "GloveLstmStates", asked: bool | None
    ) -> tuple[Tensor, Tensor] | None:
        """Return the LSTM's input and output at the caller's tokens if asked to; None asks the config."""
        wanted = self.config.output_hidden_states if asked is None else asked
        if not wanted:
            return None
        return inputs.move_back(states.vectors), inputs.move_back(states.hidden)


@dataclass
class GloveLstmInputs:
    """Texts with their real tokens first."""

    ids: Tensor | None  # (B, T)
    embeds: Tensor | None  # (B, T, E) word vectors instead
    shapes: Tensor | None  # (B, T), or None where the model does not read them
    unknown: UnknownWords | None  # those whose characters the model reads
    mask: Tensor  # bool (B, T), true for real tokens
    positions: Tensor  # (B, T), the new position of each token of the caller's

    def move_back(self, states: Tensor) -> Tensor:
        """(B, L, H) states of the first L tokens -> (B, T, H) at the caller's tokens, zero at all others."""
        length = states.shape[1]
        read = self.mask.gather(1, self.positions) & (self.positions < length)
        states = pick(states, self.positions.clamp(max=length - 1))
        return states.masked_fill(~read.unsqueeze(-1), 0)


@dataclass
class GloveLstmStates:
    """The LSTM's input and output for the first L tokens of each text."""

    vectors: Tensor  # (B, L, E)
    hidden: Tensor  # (B, L, H)
    pooled: Tensor  # (B, H)


@dataclass
class GloveLstmClassifierOutput(SequenceClassifierOutput):
    """`SequenceClassifierOutput`, and `part_logits` (B, parts, num_labels): of the LSTM, and of the n-grams.

    Both are divided by the temperature and shrunk. Those of the n-grams are without `config.ngram_weight`.
    """

    part_logits: Tensor | None = None


class GloveLstmForSequenceClassification(GloveLstmPreTrainedModel):
    """The classifier: the encoder, a dense ReLU layer and the logits, divided by `config.temperature`.

    Where `config.ngram_buckets` is set, the logits of a linear classifier over n-grams, times `config.ngram_weight`,
    are added to those of the LSTM: a wide and a deep part (Cheng et al. 2016, https://arxiv.org/abs/1606.07792). In a
    text longer than `config.lstm_length`, the LSTM's logits are scaled by the share that it reads. The loss in
    training is the sum of the losses of either part alone: trained on the sum of their logits, the linear part, which
    learns faster, would leave the LSTM little to learn from. Regression trains on the sum. Where the linear part is
    frozen (`ngrams.requires_grad_(False)`), training does without it: loss and logits are the LSTM's.
    """

    def __init__(self, config: GloveLstmConfig) -> None:
        super().__init__(config)
        self.encoder = GloveLstmModel(config)
        self.dense = nn.Linear(config.hidden_size, config.classifier_hidden_size)
        self.classifier = nn.Linear(config.classifier_hidden_size, len(config.label_names))
        self.dropout = nn.Dropout(config.dropout)
        self.ngrams = GloveLstmNgramClassifier(config) if config.ngram_buckets else None
        self.post_init()

    @can_return_tuple  # type: ignore[untyped-decorator]
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        output_hidden_states: bool | None = None,
        **kwargs: Any,
    ) -> GloveLstmClassifierOutput:
        """Classify texts.

        Args:
            input_ids: (B, T) token ids.
            attention_mask: (B, T), as for `GloveLstmModel`.
            token_type_ids: (B, T) word shapes and spellings; needed where the config has embeddings for either.
            inputs_embeds: (B, T, embedding_size) word vectors, all of known words, instead of `input_ids`; for models
                without n-grams.
            labels: (B,) class indices; with the config's `problem_type` "multi_label_classification", (B, num_labels)
                floats; with "regression", (B, num_labels) numbers, or (B,) of a single label.
            output_hidden_states: As for `GloveLstmModel`.
            kwargs: `num_items_in_batch` reaches the loss; the rest is ignored, `output_attentions` too.

        Returns:
            `logits` (B, num_labels), `loss` where labels are given, `part_logits`, and on demand `hidden_states`, as of
            `GloveLstmModel`.

        Raises:
            ValueError: The inputs do not determine the logits, or the labels not the loss; the message names what is
                missing.
        """
        if self.ngrams is not None and input_ids is None:
            raise ValueError(
                "input_ids are missing: this model reads n-grams of them. For the LSTM alone call `encoder` and "
                "`lstm_logits`."
            )
        encoder = self.encoder
        inputs = encoder.prepare_inputs(input_ids, attention_mask, token_type_ids, inputs_embeds)
        if labels is not None:
            check_labels(labels, self.config, texts=len(inputs.mask))
        states = encoder.run_lstm(inputs)
        parts = [self.lstm_logits(states.pooled)]
        if self.ngrams is not None and (self.ngrams.bias.requires_grad or not self.training):
            parts[0] = parts[0] * self.share_read(inputs)[:, None]
            parts.append(self.ngrams(inputs.ids, inputs.shapes, inputs.unknown, inputs.mask))
        scale = self.confidence(inputs) / self.config.temperature
        part_logits = torch.stack(parts, dim=1) * scale[:, None, None]  # (B, 1 or 2, num_labels)
        logits = part_logits[:, 0]
        if len(parts) == 2:
            logits = logits + self.config.ngram_weight * part_logits[:, 1]
        loss = None
        if labels is not None:
            regression = self.config.num_labels == 1 or self.config.problem_type == "regression"
            alone = part_logits.unbind(dim=1) if self.training and not regression else [logits]
            losses = [
                self.loss_function(labels=labels, pooled_logits=part, config=self.config, **kwargs)
                for part in alone
            ]
            loss = torch.stack(losses).sum()
        return GloveLstmClassifierOutput(
            loss=loss,
            logits=logits,
            hidden_states=encoder.hidden_states(inputs, states, output_hidden_states),
            part_logits=part_logits,
        )

    def resize_token_embeddings(self, *args: Any, **kwargs: Any) -> nn.Embedding:
        """As in transformers; a new word has no weight in the n-gram classifier, and its characters no longer count."""
        embeddings: nn.Embedding = super().resize_token_embeddings(*args, **kwargs)
        if self.ngrams is not None:
            weights = self.ngrams.weights
            more = self.ngrams.buckets + embeddings.num_embeddings - len(weights)
            if more:
                grown = functional.pad(weights.data, (0, 0, 0, more))
                self.ngrams.weights = nn.Parameter(grown, weights.requires_grad)
        return embeddings

    def confidence(self, inputs: GloveLstmInputs) -> Tensor:
        """Return n / (n + shrinkage) for texts of n known tokens: (B,)."""
        known = inputs.mask
        if inputs.ids is not None:
            known = known & (inputs.ids != self.config.unk_token_id)
        count = known.sum(dim=1).clamp(min=1).to(weight_dtype(self.classifier))
        return count / (count + self.config.shrinkage)

    def share_read(self, inputs: GloveLstmInputs) -> Tensor:
        """Return the share of each text that the LSTM reads, or 1 for a model without n-grams: (B,)."""
        count = inputs.mask.sum(dim=1).clamp(min=1).to(weight_dtype(self.classifier))
        if self.ngrams is None or not self.config.lstm_length:
            return torch.ones_like(count)
        return (self.config.lstm_length / count).clamp(max=1)

    def lstm_logits(self, pooled: Tensor) -> Tensor:
        """The encoder's `pooler_output` -> the logits (B, num_labels) of the LSTM alone, before any scaling."""
        return self.classifier(self.dropout(self.dense(self.dropout(pooled)).relu()))


def check_labels(labels: Tensor, config: GloveLstmConfig, texts: int) -> None:
    """Check that labels fit the config's `problem_type`, or the one that transformers infers.

    Raises:
        ValueError: They do not; the message says what is expected.
    """
    shape, several = tuple(labels.shape), (texts, config.num_labels)
    problem = config.problem_type
    if problem is None and config.num_labels == 1:
        problem = "regression"
    elif problem is None and labels.dtype in (torch.long, torch.int):
        problem = "single_label_classification"
    elif problem is None and shape == several:
        problem = "multi_label_classification"
    elif problem is None:
        raise ValueError(
            f"labels are {labels.dtype} of shape {shape}, but the config has no problem_type. Set it to "
            f'"multi_label_classification" (floats of shape {several}, 1 for each label that a text has) or '
            f'"regression" (floats of shape {several}; num_labels is 1 for one number a text), or pass whole numbers '
            f"(class indices) of shape ({texts},)."
        )
    one_each = problem == "single_label_classification" or several == (texts, 1)
    expected = (texts,) if one_each else several
    if shape != expected and not (one_each and shape == (texts, 1)):
        raise ValueError(f'labels must be of shape {expected} for "{problem}", not {shape}')
    if problem == "single_label_classification" and labels.is_floating_point():
        raise ValueError(f'labels must be whole numbers for "{problem}", not {labels.dtype}')
    if problem == "multi_label_classification" and not labels.is_floating_point():
        raise ValueError(f'labels must be floats for "{problem}", not {labels.dtype}')


GloveLstmModel.register_for_auto_class("AutoModel")
GloveLstmForSequenceClassification.register_for_auto_class("AutoModelForSequenceClassification")
