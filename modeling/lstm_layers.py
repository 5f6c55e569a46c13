"""The layers of the encoder. Travels to the Hub: imports only torch, transformers and siblings.

Shapes in the comments: B texts, T tokens, E width of the LSTM's input, H width of its output.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from transformers import initialization as init

from .characters import UnknownWords, unknown_words
from .configuration_glove_lstm import KNOWN, SHAPE_COUNT, SPELLING, GloveLstmConfig

_NONE, _LOWER, _TITLE, _UPPER, _MIXED = range(5)  # of `SHAPES` in word_shapes.py


class GloveLstmEmbeddings(nn.Module):
    """Word vectors, and where the config has them, vectors of the characters of unknown words and of word shapes.

    The mean vector of an unknown word's character n-grams is added to the vector of the unknown word; the vector of a
    word's shape stands beside that of the word.
    """

    def __init__(self, config: GloveLstmConfig) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(
            config.vocab_size, config.embedding_size, padding_idx=config.pad_token_id
        )
        self.character_embeddings = self.token_type_embeddings = None
        if config.character_buckets:
            self.character_embeddings = nn.Embedding(
                config.character_buckets, config.embedding_size
            )
        if config.type_embedding_size:
            self.token_type_embeddings = nn.Embedding(SHAPE_COUNT, config.type_embedding_size)
        self.dropout = nn.Dropout(config.embedding_dropout)

    def forward(
        self,
        input_ids: Tensor | None,
        inputs_embeds: Tensor | None,
        shapes: Tensor | None,
        unknown: UnknownWords | None,
    ) -> Tensor:
        """Embed texts.

        An LSTM is fastest with time first; the layers have texts first, as hooks on them expect (captum's, say).

        Args:
            input_ids: (B, T) token ids, or None.
            inputs_embeds: (B, T, embedding_size) word vectors instead.
            shapes: (B, T) word shapes, if the model reads them.
            unknown: Words whose characters count, if any; they may stand after these T tokens.

        Returns:
            (T, B, E).
        """
        if inputs_embeds is None:
            assert input_ids is not None
            inputs_embeds = self.word_embeddings(input_ids)
        vectors = inputs_embeds.transpose(0, 1)
        if self.character_embeddings is not None and unknown is not None:
            read = unknown.places < vectors.shape[0]
            present = unknown.present[read]
            rows = unknown.hashes[read] % self.character_embeddings.num_embeddings
            ngrams = self.character_embeddings(rows).to(present.dtype)
            means = (present.unsqueeze(1) @ ngrams).squeeze(1) / present.sum(dim=1, keepdim=True)
            places = unknown.places[read], unknown.texts[read]
            vectors = vectors.to(means.dtype).index_put(places, means, accumulate=True)
        if self.token_type_embeddings is not None:
            beside = self.token_type_embeddings(shapes).transpose(0, 1)
            vectors = torch.cat([vectors.to(beside.dtype), beside], dim=-1)
        return self.dropout(vectors)


def max_pool(hidden: Tensor, mask: Tensor) -> Tensor:
    """Pool outputs (B, T, H) over real tokens, where the mask (B, T) is true: (B, H), zeros for a text without any."""
    # Added rather than filled in, which is slower: no output of an LSTM is larger than 1.
    excluded = (mask.to(hidden.dtype) - 1) * torch.finfo(hidden.dtype).max
    highest = (hidden + excluded.unsqueeze(-1)).max(dim=1).values
    return highest.masked_fill(~mask.any(dim=1, keepdim=True), 0)


def split_types(
    config: GloveLstmConfig, token_type_ids: Tensor | None, mask: Tensor
) -> tuple[Tensor | None, UnknownWords | None]:
    """Return the informative shapes of words (B, T), and the unknown words; None for what the model does not read.

    In inference, batches without unknown words have None, too, which is faster. Training and exports always compute
    them: there, the parameters in use must not depend on the batch.
    """
    shapes = unknown = None
    if token_type_ids is not None and config.type_embedding_size:
        shapes = informative_shapes(token_type_ids % SPELLING, mask)
    if token_type_ids is not None and config.character_buckets:
        spellings = token_type_ids // SPELLING * mask
        spellings = spellings.masked_fill(spellings == KNOWN, 0)
        if torch.is_grad_enabled() or torch.compiler.is_compiling() or spellings.any():
            unknown = unknown_words(spellings)
    return shapes, unknown


def informative_shapes(shapes: Tensor, mask: Tensor) -> Tensor:
    """Remove the case of a text in a single case: it tells how the text was typed, not what it says.

    Args:
        shapes: (B, T) word shapes.
        mask: Bool (B, T), true for real tokens.

    Returns:
        (B, T) shapes; of a text without lower-case letters, or without capitals, words of letters have none.
    """
    title, mixed = shapes == _TITLE, shapes == _MIXED
    capitals = (title | mixed | (shapes == _UPPER)) & mask
    small = (title | mixed | (shapes == _LOWER)) & mask
    both = capitals.any(dim=1, keepdim=True) & small.any(dim=1, keepdim=True)
    letters = capitals | small
    return shapes.masked_fill(letters & ~both, _NONE)


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


def weight_dtype(layer: nn.Module) -> torch.dtype:
    """Return the type of a layer's weights. Layers of `torch.ao.quantization` have no parameters, and read float32."""
    weights = next(layer.parameters(), None)
    return torch.float32 if weights is None else weights.dtype


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
