"""The layers of the encoder. Travels to the Hub: imports only torch, transformers and siblings.

Shapes in the comments: B texts, T tokens, E width of the LSTM's input, H width of its output.
"""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn
from transformers import initialization as init

from .characters import UnknownWords, unknown_words
from .configuration_glove_lstm import KNOWN, SHAPE_BITS, SHAPE_COUNT, GloveLstmConfig

# Word shapes, as word_shapes.py numbers them.
_NO_SHAPE = 0
_LOWER = 1
_TITLE = 2
_UPPER = 3
_MIXED = 4


class GloveLstmEmbeddings(nn.Module):
    """Word vectors and, if the config has them, vectors of character n-grams and of word shapes.

    The mean vector of an unknown word's character n-grams is added to the vector of the unknown word. The vector of a
    word's shape is appended to the vector of the word.
    """

    def __init__(self, config: GloveLstmConfig) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(
            config.vocab_size, config.embedding_size, padding_idx=config.pad_token_id
        )
        self.character_embeddings = None
        self.token_type_embeddings = None
        if config.character_buckets:
            self.character_embeddings = nn.Embedding(
                config.character_buckets, config.embedding_size
            )
        if config.type_embedding_size:
            self.token_type_embeddings = nn.Embedding(SHAPE_COUNT, config.type_embedding_size)
        self.buckets = config.character_buckets
        self.dropout = nn.Dropout(config.embedding_dropout)

    def forward(
        self, input_ids: Tensor, shapes: Tensor | None, unknown: UnknownWords | None
    ) -> Tensor:
        """Embed texts.

        Args:
            input_ids: (B, T) token ids.
            shapes: (B, T) word shapes, if the model reads them.
            unknown: Unknown words whose characters the model reads, if any. Words after the T tokens are ignored.

        Returns:
            (T, B, E): time first, which is fastest for an LSTM.
        """
        vectors = self.word_embeddings(input_ids.T)
        if unknown is not None and self.character_embeddings is not None:
            vectors = self._add_characters(self.character_embeddings, vectors, unknown)
        if shapes is not None and self.token_type_embeddings is not None:
            shape_vectors = self.token_type_embeddings(shapes.T)
            vectors = torch.cat([vectors.to(shape_vectors.dtype), shape_vectors], dim=-1)
        return self.dropout(vectors)

    def _add_characters(
        self, embeddings: nn.Embedding, vectors: Tensor, unknown: UnknownWords
    ) -> Tensor:
        """Add the mean vector of its character n-grams to each unknown word among vectors (T, B, embedding_size)."""
        is_read = unknown.positions < vectors.shape[0]
        present = unknown.present[is_read]
        rows = unknown.hashes[is_read] % self.buckets
        ngram_vectors = embeddings(rows).to(present.dtype)
        sums = (present.unsqueeze(1) @ ngram_vectors).squeeze(1)
        means = sums / present.sum(dim=1, keepdim=True)
        places = unknown.positions[is_read], unknown.texts[is_read]  # time first, as in vectors
        return vectors.to(means.dtype).index_put(places, means, accumulate=True)


def max_pool(hidden: Tensor, mask: Tensor) -> Tensor:
    """Pool outputs (B, T, H) over real tokens, where the mask (B, T) is true: (B, H), zeros for a text without any."""
    # A huge negative number is added to padding; `masked_fill` is slower. Outputs of an LSTM are between -1 and 1.
    penalty = (mask.to(hidden.dtype) - 1) * torch.finfo(hidden.dtype).max
    highest = (hidden + penalty.unsqueeze(-1)).max(dim=1).values
    return highest.masked_fill(~mask.any(dim=1, keepdim=True), 0)


def read_token_types(
    config: GloveLstmConfig, token_type_ids: Tensor, mask: Tensor
) -> tuple[Tensor | None, UnknownWords | None]:
    """Decode token type ids (B, T).

    In inference, a batch without unknown words gives None instead of an empty `UnknownWords`, which is faster. Training
    and exports always compute them, because the parameters in use must not depend on the batch there.

    Returns:
        Word shapes (B, T), without uninformative case, and the unknown words; None for what the model does not read.
    """
    shapes = None
    unknown = None
    if config.type_embedding_size:
        shapes = informative_shapes(token_type_ids % (1 << SHAPE_BITS), mask)
    if config.character_buckets:
        spellings = token_type_ids // (1 << SHAPE_BITS) * mask
        spellings = spellings.masked_fill(spellings == KNOWN, 0)
        always_computes = torch.is_grad_enabled() or torch.compiler.is_compiling()
        if always_computes or spellings.any():
            unknown = unknown_words(spellings)
    return shapes, unknown


def informative_shapes(shapes: Tensor, mask: Tensor) -> Tensor:
    """Remove the case of words in texts that are all lower case or all upper case.

    There, the case tells how the text was typed, not what it says.

    Args:
        shapes: (B, T) word shapes.
        mask: Bool (B, T), true for real tokens.

    Returns:
        (B, T) shapes.
    """
    has_both_cases = (shapes == _TITLE) | (shapes == _MIXED)
    has_capitals = (has_both_cases | (shapes == _UPPER)) & mask
    has_small_letters = (has_both_cases | (shapes == _LOWER)) & mask
    text_has_capitals = has_capitals.any(dim=1, keepdim=True)
    text_has_small_letters = has_small_letters.any(dim=1, keepdim=True)
    is_informative = text_has_capitals & text_has_small_letters
    has_case = has_capitals | has_small_letters
    return shapes.masked_fill(has_case & ~is_informative, _NO_SHAPE)


def init_lstm(lstm: nn.LSTM) -> None:
    """Initialise the parameters that no checkpoint has filled, nearly as Keras does.

    Keras draws one orthogonal matrix for the recurrent weights of all gates. Here each gate has one of its own, so that
    these weights are twice as large.
    """
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
    """Return the type of a layer's weights."""
    return next(layer.parameters()).dtype


def without_autocast(device_type: str) -> AbstractContextManager[None]:
    """Return a context in which layers compute in the type of their weights.

    An LSTM in 16 bits fails on processors without AVX-512.
    """
    available = torch.amp.is_autocast_available(device_type)  # not on the meta device
    if available and torch.is_autocast_enabled(device_type):
        return torch.autocast(device_type, enabled=False)
    return nullcontext()


def is_loaded(parameter: Tensor) -> bool:
    """Whether a checkpoint has filled this weight.

    `transformers.initialization` leaves these weights as they are, but not their slices.
    """
    return getattr(parameter, "_is_hf_initialized", False)
