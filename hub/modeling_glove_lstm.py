r"""The GloVe+LSTM encoder and classifier. Travels to the Hub: imports only torch, transformers and siblings.

    tokens -> vectors of words, characters, word shapes -> dropout -> LSTM -> max pooling -> dense -> logits
          \-> n-grams of words, characters, word shapes -> a linear classifier, added to them

Shapes in the comments: B texts, T tokens, E width of the LSTM's input, H width of its output.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers.modeling_outputs import BaseModelOutputWithPooling, SequenceClassifierOutput
from transformers.utils.generic import can_return_tuple

from .characters import UnknownWords
from .configuration_glove_lstm import GloveLstmConfig
from .lstm_layers import (
    GloveLstmEmbeddings,
    max_pool,
    read_token_types,
    weight_dtype,
    without_autocast,
)
from .ngram_classifier import GloveLstmNgramClassifier
from .pretrained_glove_lstm import GloveLstmPreTrainedModel


class GloveLstmModel(GloveLstmPreTrainedModel):
    """The encoder: word vectors, LSTM and max pooling. `AutoModel` loads this class."""

    # The classifier's weights, of which transformers would otherwise print a report.
    _keys_to_ignore_on_load_unexpected = [r"^(ngrams|dense|classifier)\."]  # noqa: RUF012 (transformers' own form)

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
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        **kwargs: Any,  # noqa: ARG002 (the pipeline and the Trainer hand over whatever they have)
    ) -> BaseModelOutputWithPooling:
        """Encode texts.

        Args:
            input_ids: (B, T) token ids, padded on the right.
            attention_mask: (B, T), nonzero for real tokens. None: all tokens except the padding id are real.
            token_type_ids: (B, T) word shapes and spellings; required if `config.reads_types`.
            kwargs: Ignored.

        Returns:
            `last_hidden_state` (B, T, hidden_size), zero at padding and after `config.lstm_length` tokens, and
            `pooler_output` (B, hidden_size).

        Raises:
            ValueError: There is padding before a token; `token_type_ids` are missing or, in a model that reads
                characters, not int64; or shapes differ.
        """
        inputs = self.prepare_inputs(input_ids, attention_mask, token_type_ids)
        hidden, pooled = self.run_lstm(inputs)
        tokens_after = inputs.mask.shape[1] - hidden.shape[1]
        states = functional.pad(hidden, (0, 0, 0, tokens_after))
        return BaseModelOutputWithPooling(
            last_hidden_state=states * inputs.mask.unsqueeze(-1), pooler_output=pooled
        )

    def prepare_inputs(
        self, input_ids: Tensor, attention_mask: Tensor | None, token_type_ids: Tensor | None
    ) -> "GloveLstmInputs":
        """Check the arguments of `forward`, and decode the token types."""
        self._check_inputs(input_ids, attention_mask, token_type_ids)
        if attention_mask is None:
            attention_mask = input_ids != self.config.pad_token_id
        if token_type_ids is None:  # the model does not read them
            token_type_ids = torch.zeros_like(input_ids)
        # The tokenizer makes a tensor of floats of empty texts.
        ids, types, mask = input_ids.long(), token_type_ids.long(), attention_mask.bool()
        has_only_empty_texts = ids.shape[1] == 0
        if has_only_empty_texts:  # an LSTM needs a token: give it one of padding
            ids, types, mask = (functional.pad(row, (0, 1)) for row in (ids, types, mask))
        _check_padding(mask)
        shapes, unknown = read_token_types(self.config, types, mask)
        return GloveLstmInputs(ids, shapes, unknown, mask)

    def _check_inputs(
        self, input_ids: Tensor, attention_mask: Tensor | None, token_type_ids: Tensor | None
    ) -> None:
        for name, row in (("token_type_ids", token_type_ids), ("attention_mask", attention_mask)):
            if row is not None and row.shape != input_ids.shape:
                expected = f"{name} must be of shape {tuple(input_ids.shape)}, as input_ids"
                raise ValueError(f"{expected}, not {tuple(row.shape)}")
        if not self.config.reads_types:
            return
        if token_type_ids is None:
            raise ValueError("token_type_ids are missing: pass all that the tokenizer returns")
        has_tokens = input_ids.numel() > 0
        if self.config.character_buckets and has_tokens and token_type_ids.dtype != torch.int64:
            raise ValueError("token_type_ids must be int64, for the spellings of unknown words")

    def embed(self, inputs: "GloveLstmInputs") -> Tensor:
        """Return the LSTM's input for the first L tokens, at most `config.lstm_length`: (L, B, E)."""
        length = inputs.mask.shape[1]
        if self.config.lstm_length:
            length = torch.sym_min(length, self.config.lstm_length)
        # Indices instead of a slice, which PyTorch before 2.10 cannot export.
        first_tokens = torch.arange(length, device=inputs.mask.device)
        shapes = None if inputs.shapes is None else inputs.shapes[:, first_tokens]
        return self.embeddings(inputs.ids[:, first_tokens], shapes, inputs.unknown)

    def run_lstm(self, inputs: "GloveLstmInputs") -> tuple[Tensor, Tensor]:
        """Return the LSTM's outputs for the first L tokens, (B, L, H), and these outputs pooled, (B, H)."""
        vectors = self.embed(inputs)
        with without_autocast(vectors.device.type):
            output, _ = self.lstm(vectors.to(weight_dtype(self.lstm)))
        hidden = output.transpose(0, 1)
        first_tokens = torch.arange(vectors.shape[0], device=vectors.device)
        return hidden, max_pool(hidden, inputs.mask[:, first_tokens])


@dataclass
class GloveLstmInputs:
    """Texts that are padded on the right."""

    ids: Tensor  # (B, T)
    shapes: Tensor | None  # (B, T) word shapes, if the model reads them
    unknown: UnknownWords | None  # unknown words, if the model reads their characters
    mask: Tensor  # bool (B, T), true for real tokens


def _check_padding(mask: Tensor) -> None:
    """Refuse padding before a token, which the LSTM would read; exports and compiled models do not check."""
    if torch.compiler.is_compiling():
        return
    begins_after_padding = mask[:, 1:] & ~mask[:, :-1]
    if begins_after_padding.any():
        raise ValueError(
            'padding must be on the right of a text, not before a token: set tokenizer.padding_side = "right"'
        )


@dataclass
class GloveLstmClassifierOutput(SequenceClassifierOutput):
    """`SequenceClassifierOutput`, and `part_logits` (B, parts, num_labels): the LSTM's logits, then the n-grams'.

    Both are divided by the temperature and shrunk, but not multiplied by `config.ngram_weight`.
    """

    part_logits: Tensor | None = None


class GloveLstmForSequenceClassification(GloveLstmPreTrainedModel):
    """The classifier: the encoder, a dense ReLU layer and the logits, divided by `config.temperature`.

    With `config.ngram_buckets`, the logits of a linear classifier over n-grams, times `config.ngram_weight`, are added
    to the LSTM's: a wide and a deep part (Cheng et al. 2016, https://arxiv.org/abs/1606.07792). In a text longer than
    `config.lstm_length`, the LSTM's logits are scaled by the share of the tokens that it reads.

    In transformers' own Trainer, the loss is the sum of the losses of the two parts: if they were trained on the sum of
    their logits, the linear part would learn faster and leave the LSTM little to learn. `fit` of this package trains
    the LSTM alone, and fits the n-grams by a support vector machine.
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
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        labels: Tensor | None = None,
        *,
        lstm_only: bool = False,
        **kwargs: Any,
    ) -> GloveLstmClassifierOutput:
        """Classify texts.

        Args:
            input_ids: (B, T) token ids, padded on the right.
            attention_mask: (B, T), as for `GloveLstmModel`.
            token_type_ids: (B, T), as for `GloveLstmModel`.
            labels: (B,) class indices; with `problem_type` "multi_label_classification", (B, num_labels) floats.
            lstm_only: Leave out the n-grams: loss and logits are the LSTM's, not scaled by the share of the tokens that
                it reads, and `part_logits` has one part.
            kwargs: `num_items_in_batch` is passed to the loss; all others are ignored.

        Returns:
            `logits` (B, num_labels), `part_logits`, and `loss` if labels are given.

        Raises:
            ValueError: An input is missing or has a wrong shape or type; the message names it.
        """
        if self.training:
            self.config.held_out_scores = None  # those of other weights promise nothing
        inputs = self.encoder.prepare_inputs(input_ids, attention_mask, token_type_ids)
        if labels is not None:
            check_no_regression(self.config)
        _, pooled = self.encoder.run_lstm(inputs)
        part_logits = self._part_logits(inputs, pooled, lstm_only)
        logits = part_logits[:, 0]
        if part_logits.shape[1] == 2:
            logits = logits + self.config.ngram_weight * part_logits[:, 1]
        loss = None
        if labels is not None:
            loss = self._loss(labels, logits, part_logits, **kwargs)
        return GloveLstmClassifierOutput(loss=loss, logits=logits, part_logits=part_logits)

    def _part_logits(self, inputs: GloveLstmInputs, pooled: Tensor, lstm_only: bool) -> Tensor:
        """Return the logits of the LSTM and, unless they are left out, of the n-grams: (B, 1 or 2, num_labels)."""
        lstm_logits = self.lstm_logits(pooled)
        parts = [lstm_logits]
        if self.ngrams is not None and not lstm_only:
            ngram_logits = self.ngrams(inputs.ids, inputs.shapes, inputs.unknown, inputs.mask)
            # Only beside the n-grams: the share says how much the LSTM counts against them.
            parts = [lstm_logits * self.share_read(inputs)[:, None], ngram_logits]
        scale = self.shrinkage_factor(inputs) / self.config.temperature
        return torch.stack(parts, dim=1) * scale[:, None, None]

    def _loss(self, labels: Tensor, logits: Tensor, part_logits: Tensor, **kwargs: Any) -> Tensor:
        """Return the loss of the logits or, in training, the sum of the losses of the parts."""
        compared = part_logits.unbind(dim=1) if self.training else [logits]
        losses = []
        for predicted in compared:
            loss = self.loss_function(
                labels=labels, pooled_logits=predicted, config=self.config, **kwargs
            )
            losses.append(loss)
        return torch.stack(losses).sum()

    def shrinkage_factor(self, inputs: GloveLstmInputs) -> Tensor:
        """Return the factor n / (n + shrinkage) of the logits of a text with n known tokens: (B,)."""
        known = inputs.mask & (inputs.ids != self.config.unk_token_id)
        count = known.sum(dim=1).clamp(min=1).to(weight_dtype(self.classifier))
        return count / (count + self.config.shrinkage)

    def share_read(self, inputs: GloveLstmInputs) -> Tensor:
        """Return the share of the tokens of each text that the LSTM reads: (B,)."""
        count = inputs.mask.sum(dim=1).clamp(min=1).to(weight_dtype(self.classifier))
        if not self.config.lstm_length:
            return torch.ones_like(count)
        return (self.config.lstm_length / count).clamp(max=1)

    def lstm_logits(self, pooled: Tensor) -> Tensor:
        """Return the LSTM's logits (B, num_labels), before any scaling, from the encoder's `pooler_output`."""
        hidden = self.dense(self.dropout(pooled)).relu()
        return self.classifier(self.dropout(hidden))


def check_no_regression(config: GloveLstmConfig) -> None:
    """Raise a ValueError if transformers would take the labels for numbers to approximate."""
    infers_regression = config.problem_type is None and len(config.label_names) == 1
    if infers_regression or config.problem_type == "regression":
        raise ValueError(
            f"problem_type must not be {config.problem_type!r} with these labels: there is no regression. Set "
            '"single_label_classification" or "multi_label_classification".'
        )


GloveLstmModel.register_for_auto_class("AutoModel")
GloveLstmForSequenceClassification.register_for_auto_class("AutoModelForSequenceClassification")
