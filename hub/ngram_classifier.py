"""A linear classifier over hashed n-grams, beside the LSTM. Travels to the Hub: imports only torch and siblings."""

import torch
from torch import Tensor, nn

from .configuration_glove_lstm import GloveLstmConfig

# These codes stand left of a single word, and beside a text's first and last word; those of words begin at the third.
_SINGLE, _EDGE, _FIRST_CODE = 0, 1, 2
# Two odd multipliers and the largest prime below 2**32: codes stay below 2**31, so that int64 never overflows.
_LEFT, _RIGHT, _PRIME = 1_000_003, 2_654_435_761, 4_294_967_291


class GloveLstmNgramClassifier(nn.Module):
    """Sums learned weights of the words, the word pairs and the words' character n-grams that a text has.

    A word here is a token id with its shape, so "US" and "us" differ. Words and pairs are hashed into one table, as
    in fastText (Joulin et al. 2017, https://arxiv.org/abs/1607.01759); the character n-grams of a word (Bojanowski et
    al. 2017, https://arxiv.org/abs/1607.04606) let words that are rare in training share what is known of their
    parts. A weight counts by the root of its n-gram's share of the text: the hundredth "the" says less than the first,
    and the vector of roots has length 1, however long the text is.
    """

    character_ngrams: Tensor  # (vocab_size, config.character_ngrams), 16 bits; 0 stands for none

    def __init__(self, config: GloveLstmConfig) -> None:
        super().__init__()
        self.config = config
        labels = len(config.label_names)
        self.word_weights = nn.Parameter(torch.zeros(config.ngram_buckets, labels))
        self.character_weights = nn.Parameter(torch.zeros(config.character_buckets, labels))
        rows = torch.zeros(config.vocab_size, config.character_ngrams, dtype=torch.int16)
        self.register_buffer("character_ngrams", rows)

    def forward(self, input_ids: Tensor, token_type_ids: Tensor | None, mask: Tensor) -> Tensor:
        """Classify.

        Args:
            input_ids: (B, T), real tokens first.
            token_type_ids: (B, T) word shapes, or None for none.
            mask: Bool (B, T), true for real tokens.

        Returns:
            Logits (B, num_labels).
        """
        ngrams, present = self._hash(input_ids, token_type_ids, mask)
        logits = _weigh(self.word_weights, ngrams, self._drop(present))
        if self.config.character_ngrams:
            characters = self.character_ngrams[input_ids].long()  # (B, T, n)
            seen = (characters > 0) & self._drop(mask).unsqueeze(-1)
            logits = logits + _weigh(self.character_weights, characters.flatten(1), seen.flatten(1))
        return logits

    def _hash(self, input_ids: Tensor, token_type_ids: Tensor | None, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Buckets of the T words and T + 1 pairs, and which of them the text has: (B, 2T + 1) each."""
        shapes = torch.zeros_like(input_ids) if token_type_ids is None else token_type_ids
        codes = input_ids * self.config.type_vocab_size + shapes + _FIRST_CODE
        edge = codes.new_full((codes.shape[0], 1), _EDGE)  # also where there are no tokens at all
        left = torch.cat([edge, codes.masked_fill(~mask, _EDGE)], dim=1)
        right = torch.cat([codes.masked_fill(~mask, _EDGE), edge], dim=1)
        left = torch.cat([torch.full_like(codes, _SINGLE), left], dim=1)
        right = torch.cat([codes, right], dim=1)
        buckets = (left * _LEFT + right * _RIGHT) % _PRIME % self.config.ngram_buckets
        # The pair of the last word and the edge stands right after the real tokens.
        pairs = torch.cat([mask.new_ones(mask.shape[0], 1), mask], dim=1)
        return buckets, torch.cat([mask, pairs], dim=1)

    def _drop(self, present: Tensor) -> Tensor:
        if not self.training or not self.config.ngram_dropout:
            return present
        return present & (torch.rand(present.shape, device=present.device) >= self.config.ngram_dropout)


def _weigh(weights: Tensor, ngrams: Tensor, seen: Tensor) -> Tensor:
    """Rows (B, n) of a table (N, C), and which of the n count -> (B, C): roots of shares, times weights."""
    counts = weights.new_zeros(len(ngrams), len(weights)).scatter_add(1, ngrams, seen.to(weights.dtype))
    shares = counts / counts.sum(dim=1, keepdim=True).clamp(min=1)
    return shares.sqrt() @ weights
