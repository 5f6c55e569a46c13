r"""The GloVe+LSTM encoder and classifier. Travels to the Hub: imports only torch, transformers and siblings.

    token ids -> word vectors (+ word shapes) -> dropout -> LSTM -> pooling over real tokens -> dense -> logits
             \-> hashed words, pairs, character n-grams, shapes -> a linear classifier whose logits are added

Shapes in the comments: B texts, T tokens, E width of the LSTM's input, H width of its output.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers.modeling_outputs import BaseModelOutputWithPooling, SequenceClassifierOutput

from .configuration_glove_lstm import GloveLstmConfig
from .lstm_layers import GloveLstmEmbeddings, GloveLstmLayer, GloveLstmPooler, move_to_front, pick
from .ngram_classifier import GloveLstmNgramClassifier
from .pretrained_glove_lstm import GloveLstmPreTrainedModel


class GloveLstmModel(GloveLstmPreTrainedModel):
    """The encoder: word vectors, LSTM layers and pooling. `AutoModel` gives this."""

    def __init__(self, config: GloveLstmConfig) -> None:
        super().__init__(config)
        input_size = config.embedding_size + config.type_embedding_size
        self.embeddings = GloveLstmEmbeddings(config)
        self.layers = nn.ModuleList(
            GloveLstmLayer(config, config.output_size if layer else input_size)
            for layer in range(config.num_hidden_layers)
        )
        self.dropout = nn.Dropout(config.hidden_dropout)
        self.pooler = GloveLstmPooler(config)
        self.post_init()
        self.freeze_embeddings(config.freeze_embeddings)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        return_dict: bool | None = None,
        **kwargs: Any,  # noqa: ARG002 (the pipeline and the Trainer hand over whatever they have)
    ) -> BaseModelOutputWithPooling | tuple[Tensor, Tensor]:
        """Encode texts.

        Args:
            input_ids: (B, T) token ids.
            attention_mask: (B, T), nonzero for real tokens; a masked token counts as deleted, wherever it stands.
                Without it, whatever is not the padding id is real.
            token_type_ids: (B, T) word shapes; needed where the config has an embedding for them.
            inputs_embeds: (B, T, embedding_size) word vectors instead of `input_ids`.
            return_dict: False for a tuple.
            kwargs: Ignored.

        Returns:
            `last_hidden_state` (B, T, output_size), zero at padding and after `config.lstm_length` tokens, and
            `pooler_output` (B, pooled_size).

        Raises:
            ValueError: Neither or both of `input_ids` and `inputs_embeds` are given, or `token_type_ids` are missing.
        """
        mask = self.mask(input_ids, attention_mask, inputs_embeds)
        rows = [input_ids, inputs_embeds, token_type_ids]
        if mask.shape[1] == 0:  # empty texts: one masked position, for an LSTM needs one
            mask = mask.new_zeros(mask.shape[0], 1)
            rows = [
                None if row is None else row.new_zeros(*mask.shape, *row.shape[2:]) for row in rows
            ]
        positions, real, rows = move_to_front(mask, rows)
        length = torch.sym_min(mask.shape[1], self.config.lstm_length or mask.shape[1])
        rows = [None if row is None else row[:, :length] for row in rows]
        hidden, real = self._read(rows, real[:, :length])
        pooled = self.pooler(hidden, real)
        read = mask & (positions < length)
        hidden = pick(hidden, positions.clamp(max=length - 1)).masked_fill(~read.unsqueeze(-1), 0)
        if return_dict is False:
            return hidden, pooled
        return BaseModelOutputWithPooling(last_hidden_state=hidden, pooler_output=pooled)

    def _read(self, rows: Sequence[Tensor | None], real: Tensor) -> tuple[Tensor, Tensor]:
        """Run embeddings and LSTMs over right-padded texts, cut into windows.

        Args:
            rows: Ids (B, T), vectors (B, T, E) and shapes (B, T), each or None.
            real: Bool (B, T).

        Returns:
            The LSTM's outputs (B, T, H) and the mask (B, T), with T filled up to whole windows.
        """
        texts, length = real.shape
        window = torch.sym_min(length, self.config.window_size or length)
        number = (length + window - 1) // window if self.config.window_size else 1

        def cut(row: Tensor) -> Tensor:  # (B, T, ...) -> (window, B x number, ...)
            missing = number * window - length
            row = functional.pad(row, (*[0] * (2 * row.dim() - 3), missing))
            return row.reshape(texts * number, window, *row.shape[2:]).transpose(0, 1)

        hidden = self.embeddings(*(None if row is None else cut(row) for row in rows))
        real = cut(real)
        lengths = real.sum(dim=0)
        steps = torch.arange(window, device=real.device).unsqueeze(1)
        reversal = torch.where(real, lengths - 1 - steps, steps)
        for index, layer in enumerate(self.layers):
            hidden = layer(self.dropout(hidden) if index else hidden, reversal, lengths)

        def joined(columns: Tensor) -> Tensor:  # and back
            return columns.transpose(0, 1).reshape(texts, number * window, *columns.shape[2:])

        return joined(hidden), joined(real)

    def mask(
        self, input_ids: Tensor | None, attention_mask: Tensor | None, inputs_embeds: Tensor | None
    ) -> Tensor:
        """Bool (B, T), true for real tokens."""
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("give either input_ids or inputs_embeds, and not both")
        if attention_mask is not None:
            return attention_mask.bool()
        if input_ids is not None:
            return input_ids != self.config.pad_token_id
        return torch.ones(inputs_embeds.shape[:2], dtype=torch.bool, device=inputs_embeds.device)


@dataclass
class GloveLstmClassifierOutput(SequenceClassifierOutput):
    """`SequenceClassifierOutput`, and the logits (B, parts, num_labels) of the LSTM, and of the n-grams unweighted."""

    part_logits: Tensor | None = None


class GloveLstmForSequenceClassification(GloveLstmPreTrainedModel):
    """The classifier: the encoder, a dense ReLU layer and the logits, divided by `config.temperature`.

    Where `config.ngram_buckets` is set, the logits of a linear classifier over n-grams, times `config.ngram_weight`,
    are added to those of the LSTM. The loss in training is then the sum of the losses that either has by itself:
    trained on their sum, the linear one, which learns faster, would leave the LSTM little to learn from. Where the
    linear one is frozen (`freeze_ngrams`), training does without it: loss and logits are the LSTM's.
    """

    def __init__(self, config: GloveLstmConfig) -> None:
        super().__init__(config)
        self.num_labels = len(config.label_names)
        self.encoder = GloveLstmModel(config)
        self.hidden_dropout = nn.Dropout(config.hidden_dropout)
        self.dense = nn.Linear(config.pooled_size, config.classifier_hidden_size)
        self.classifier_dropout = nn.Dropout(config.classifier_dropout)
        self.classifier = nn.Linear(config.classifier_hidden_size, len(config.label_names))
        self.ngrams = GloveLstmNgramClassifier(config) if config.ngram_buckets else None
        self.post_init()
        self.freeze_embeddings(config.freeze_embeddings)

    def reset_classifier(self) -> None:
        """Draw the last layer anew (and empty the n-gram tables), for labels of another meaning."""
        # Not through _init_weights, which leaves alone what a checkpoint has filled.
        nn.init.xavier_uniform_(self.classifier.weight)
        nn.init.zeros_(self.classifier.bias)
        if self.ngrams is not None:
            for table in self.ngrams.parameters():
                nn.init.zeros_(table)

    def freeze_ngrams(self, frozen: bool = True) -> None:
        """Keep the n-gram classifier out of training, or let it in. Not saved: a loaded one takes part."""
        if self.ngrams is not None:
            self.ngrams.requires_grad_(not frozen)

    def _ngrams_frozen(self) -> bool:
        return self.ngrams is not None and not self.ngrams.word_weights.requires_grad

    @torch.no_grad()
    def load_character_ngrams(self, rows: Any) -> None:
        """Say which character n-grams each word has.

        Args:
            rows: Whole numbers (vocab_size, config.character_ngrams), rows of the table of character n-grams for
                token id i; 0 for none. `glove_lstm.training.word_vectors.character_ngram_rows` makes them.

        Raises:
            ValueError: The model has no n-gram classifier, or the shape or a value does not fit it.
        """
        if self.ngrams is None:
            raise ValueError("config.ngram_buckets is 0: this model has no n-gram classifier")
        held = self.ngrams.character_ngrams
        rows = torch.as_tensor(rows)
        if rows.shape != held.shape:
            raise ValueError(
                f"character n-grams of shape {tuple(rows.shape)} do not fit a model that has {tuple(held.shape)}"
            )
        last = self.config.character_buckets - 1
        if rows.is_floating_point() or (
            rows.numel() and not 0 <= int(rows.min()) <= int(rows.max()) <= last
        ):
            raise ValueError(f"character n-grams must be whole numbers from 0 to {last}")
        held.copy_(rows)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        return_dict: bool | None = None,
        **kwargs: Any,
    ) -> "GloveLstmClassifierOutput | tuple[Tensor, ...]":
        """Classify texts.

        Args:
            input_ids: (B, T) token ids.
            attention_mask: (B, T), as for `GloveLstmModel`.
            token_type_ids: (B, T) word shapes; needed where the config has an embedding for them or n-grams.
            inputs_embeds: (B, T, embedding_size) word vectors instead of `input_ids`, for models without n-grams.
            labels: (B,) class indices, or (B, num_labels) floats for several labels at once.
            return_dict: False for a tuple.
            kwargs: `num_items_in_batch` reaches the loss; the rest is ignored.

        Returns:
            `logits` (B, num_labels), `loss` where labels are given, and `part_logits`.

        Raises:
            ValueError: The inputs do not determine the logits; the message names what is missing.
        """
        if self.ngrams is not None and input_ids is None:
            raise ValueError(
                "input_ids are missing: this model reads n-grams of them. For the LSTM alone call `encoder` and "
                "`lstm_logits`."
            )
        pooled = self.encoder(
            input_ids, attention_mask, token_type_ids, inputs_embeds
        ).pooler_output
        parts = [self.lstm_logits(pooled)]
        if self.ngrams is not None and not (self.training and self._ngrams_frozen()):
            mask = self.encoder.mask(input_ids, attention_mask, None)
            _, real, (ids, shapes) = move_to_front(mask, [input_ids, token_type_ids])
            parts.append(self.ngrams(ids, shapes, real))
        part_logits = torch.stack(parts, dim=1) / self.config.temperature  # (B, 1 or 2, num_labels)
        logits = part_logits[:, 0]
        if len(parts) == 2:
            logits = logits + self.config.ngram_weight * part_logits[:, 1]
        loss = None
        if labels is not None:
            alone = part_logits.unbind(dim=1) if self.training else [logits]
            losses = [
                self.loss_function(labels=labels, pooled_logits=part, config=self.config, **kwargs)
                for part in alone
            ]
            loss = torch.stack(losses).sum()
        if return_dict is False:
            return (logits,) if loss is None else (loss, logits)
        return GloveLstmClassifierOutput(loss=loss, logits=logits, part_logits=part_logits)

    def lstm_logits(self, pooled: Tensor) -> Tensor:
        """The encoder's `pooler_output` -> the logits (B, num_labels) of the LSTM alone, before the temperature."""
        dense = self.dense(self.hidden_dropout(pooled)).relu()
        return self.classifier(self.classifier_dropout(dense))


GloveLstmModel.register_for_auto_class("AutoModel")
GloveLstmForSequenceClassification.register_for_auto_class("AutoModelForSequenceClassification")
