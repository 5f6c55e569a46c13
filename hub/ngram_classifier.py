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
    and the vector of roots has length 1, however long the text is. The words and pairs of the first
    `config.ngram_opening` tokens (a title, most often) count once more, by weights of their own.
    """

    character_ngrams: Tensor  # (vocab_size, config.character_ngrams), 16 bits; 0 stands for none

    def __init__(self, config: GloveLstmConfig) -> None:
        super().__init__()
        self.config = config
        labels = len(config.label_names)
        self.word_weights = nn.Parameter(torch.zeros(config.ngram_buckets, labels))
        self.character_weights = nn.Parameter(torch.zeros(config.character_buckets, labels))
        opening = torch.zeros(config.ngram_buckets, labels) if config.ngram_opening else None
        self.opening_weights = None if opening is None else nn.Parameter(opening)
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
        logits = torch.zeros((), device=input_ids.device)
        for weights, ngrams, present in self._look_up(input_ids, token_type_ids, mask):
            logits = logits + _weigh(weights, ngrams, self._drop(present))
        if self.config.character_ngrams:
            characters = self.character_ngrams[input_ids].long()  # (B, T, n)
            seen = (characters > 0) & self._drop(mask).unsqueeze(-1)
            logits = logits + _weigh(self.character_weights, characters.flatten(1), seen.flatten(1))
        return logits

    def contributions(self, input_ids: Tensor, token_type_ids: Tensor | None) -> Tensor:
        """What each token adds to the logits: those of its n-grams, each shared evenly by the places where it stands.

        A pair counts half for either of its words. The sum over the tokens is what `forward` gives in eval mode.

        Args:
            input_ids: (B, T), all of them real tokens, T at least 1.
            token_type_ids: (B, T) word shapes, or None for none.

        Returns:
            (B, T, num_labels).
        """
        tokens = self.word_weights.new_zeros(*input_ids.shape, self.word_weights.shape[1])
        mask = torch.ones_like(input_ids, dtype=torch.bool)
        for weights, ngrams, present in self._look_up(input_ids, token_type_ids, mask):
            added = _to_tokens(_weigh_each(weights, ngrams, present))
            tokens[:, : added.shape[1]] += added
        if self.config.character_ngrams:
            characters = self.character_ngrams[input_ids].long()  # (B, T, n)
            each = _weigh_each(self.character_weights, characters.flatten(1), (characters > 0).flatten(1))
            tokens = tokens + each.unflatten(1, characters.shape[1:]).sum(dim=2)
        return tokens

    def _look_up(
        self, input_ids: Tensor, token_type_ids: Tensor | None, mask: Tensor
    ) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Each table of words and pairs, with what `_hash` says of the tokens that it looks at."""
        found: list[tuple[Tensor, Tensor, Tensor]] = [
            (self.word_weights, *self._hash(input_ids, token_type_ids, mask))
        ]
        if self.opening_weights is not None:
            length = self.config.ngram_opening
            shapes = None if token_type_ids is None else token_type_ids[:, :length]
            hashed = self._hash(input_ids[:, :length], shapes, mask[:, :length])
            found.append((self.opening_weights, *hashed))
        return found

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
    _, roots = _count(weights, ngrams, seen)
    return roots @ weights


def _weigh_each(weights: Tensor, ngrams: Tensor, seen: Tensor) -> Tensor:
    """`_weigh`, shared out to the places of the n-grams: (B, n, C)."""
    counts, roots = _count(weights, ngrams, seen)
    shares = (roots / counts.clamp(min=1)).gather(1, ngrams) * seen
    return shares.unsqueeze(-1) * weights[ngrams]


def _to_tokens(each: Tensor) -> Tensor:
    """What T words and T + 1 pairs add, (B, 2T + 1, C), as `_hash` orders them -> what the T tokens add."""
    length = each.shape[1] // 2
    words, halves = each[:, :length], each[:, length:] / 2
    tokens = words + halves[:, :-1] + halves[:, 1:]
    tokens[:, 0] += halves[:, 0]  # the edges of a text are no words
    tokens[:, -1] += halves[:, -1]
    return tokens


def _count(weights: Tensor, ngrams: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
    """How often a text has each row of the table, and the root of its share: (B, N) each."""
    counts = weights.new_zeros(len(ngrams), len(weights)).scatter_add(1, ngrams, seen.to(weights.dtype))
    shares = counts / counts.sum(dim=1, keepdim=True).clamp(min=1)
    return counts, shares.sqrt()
