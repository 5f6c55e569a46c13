"""The layers of the encoder. Travels to the Hub: imports only torch, transformers and siblings.

Shapes in the comments: B texts, T tokens, E width of the LSTM's input, H width of its output.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from transformers import initialization as init

from .configuration_glove_lstm import SHAPE_COUNT, GloveLstmConfig

_NONE, _LOWER, _TITLE, _UPPER, _MIXED = range(5)  # of `SHAPES` in word_shapes.py


class GloveLstmEmbeddings(nn.Module):
    """Word vectors, with a small learned vector for the word's shape beside them where the config has one."""

    def __init__(self, config: GloveLstmConfig) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(
            config.vocab_size, config.embedding_size, padding_idx=config.pad_token_id
        )
        self.token_type_embeddings = None
        if config.type_embedding_size:
            self.token_type_embeddings = nn.Embedding(SHAPE_COUNT, config.type_embedding_size)
        self.dropout = nn.Dropout(config.embedding_dropout)

    def forward(
        self, input_ids: Tensor | None, inputs_embeds: Tensor | None, token_type_ids: Tensor | None
    ) -> Tensor:
        """(T, B) ids and shapes -> (T, B, E)."""
        if inputs_embeds is None:
            assert input_ids is not None
            inputs_embeds = self.word_embeddings(input_ids)
        if self.token_type_embeddings is not None:
            shapes = self.token_type_embeddings(token_type_ids)
            inputs_embeds = torch.cat([inputs_embeds.to(shapes.dtype), shapes], dim=-1)
        return self.dropout(inputs_embeds)


def max_pool(hidden: Tensor, mask: Tensor) -> Tensor:
    """Pool the outputs over the real tokens; a text without any gives zeros.

    Args:
        hidden: (B, T, H).
        mask: Bool (B, T), true for real tokens.

    Returns:
        (B, H).
    """
    # Added rather than filled in, which is slower: no output of an LSTM is larger than 1.
    excluded = (mask.to(hidden.dtype) - 1) * torch.finfo(hidden.dtype).max
    highest = (hidden + excluded.unsqueeze(-1)).max(dim=1).values
    return highest.masked_fill(~mask.any(dim=1, keepdim=True), 0)


def informative_shapes(token_type_ids: Tensor, mask: Tensor) -> Tensor:
    """Remove the case of a text in a single case: it tells how the text was typed, not what it says.

    Args:
        token_type_ids: (B, T) word shapes.
        mask: Bool (B, T), true for real tokens.

    Returns:
        (B, T) shapes; of a text without lower-case letters, or without capitals, words of letters have none.
    """
    title, mixed = token_type_ids == _TITLE, token_type_ids == _MIXED
    capitals = (title | mixed | (token_type_ids == _UPPER)) & mask
    small = (title | mixed | (token_type_ids == _LOWER)) & mask
    both = capitals.any(dim=1, keepdim=True) & small.any(dim=1, keepdim=True)
    letters = capitals | small
    return token_type_ids.masked_fill(letters & ~both, _NONE)


def init_lstm(lstm: nn.LSTM) -> None:
    """Initialise as Keras does; leave alone what a checkpoint has filled."""
    for name, parameter in lstm.named_parameters():
        if is_loaded(parameter):
            continue
        gates = parameter.chunk(4)  # input, forget, cell, output
        if name.startswith("weight_ih"):
            # Keras draws one kernel for the four gates: its fan-out is 4 x hidden_size.
            bound = (6 / (parameter.shape[1] + parameter.shape[0])) ** 0.5
            init.uniform_(parameter, -bound, bound)
        elif name.startswith("weight_hh"):
            for gate in gates:
                init.orthogonal_(gate)
        else:
            init.zeros_(parameter)
            if name.startswith("bias_ih"):
                init.ones_(gates[1])  # remember by default


def is_loaded(parameter: Tensor) -> bool:
    """Whether a checkpoint has filled this weight. `transformers.initialization` skips such weights, but no slices."""
    return getattr(parameter, "_is_hf_initialized", False)


def move_to_front(
    mask: Tensor, rows: Sequence[Tensor | None]
) -> tuple[Tensor, Tensor, list[Tensor | None]]:
    """Move each text's real tokens to its front.

    Without a sort and without a branch on the data, so that it can be exported.

    Args:
        mask: Bool (B, T), true for real tokens.
        rows: (B, T) ids or (B, T, E) vectors; None stays None.

    Returns:
        The new position of each token (B, T), the new mask (B, T), and the rows, ids as int64.
    """
    count = mask.sum(dim=1, keepdim=True)
    steps = torch.arange(mask.shape[1], device=mask.device).expand_as(mask)
    before = mask.cumsum(dim=1)
    positions = torch.where(mask, before - 1, count + steps - before)
    order = torch.zeros_like(steps).scatter(1, positions, steps)
    moved = [
        None if row is None else pick(row if row.dim() == 3 else row.long(), order) for row in rows
    ]
    return positions, steps < count, moved


def pick(rows: Tensor, index: Tensor) -> Tensor:
    """Reorder each text: (B, T) or (B, T, E) by (B, T)."""
    if rows.dim() == 2:
        return rows.gather(1, index)
    return rows[torch.arange(index.shape[0], device=index.device).unsqueeze(1), index]
