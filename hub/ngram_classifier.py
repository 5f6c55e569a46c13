"""A linear classifier over hashed n-grams, beside the LSTM. Travels to the Hub: imports only torch and siblings."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from .characters import UnknownWords, hashed
from .configuration_glove_lstm import SHAPE_COUNT, GloveLstmConfig

# These codes stand left of a word with its shape, and beside a text's first and last word. 0 is that of characters.
_SHAPED, _EDGE, _FIRST_CODE = range(1, 4)  # codes of ids in pairs begin at _FIRST_CODE
_FIRST_SHAPE_CODE = 1 << 30  # left in n-grams of shapes, above all ids
_COUNTERS = 4096  # of the n-grams of a group in a text; a counter for each row would cost more than the rest


@dataclass(frozen=True)
class NgramGroup:
    """N-grams of words, or of shapes, of B texts of T tokens, at most n in a text."""

    rows: Tensor  # (B, n) of the table of weights
    present: Tensor  # bool (B, n), which of the n a text has


class GloveLstmNgramClassifier(nn.Module):
    """A linear classifier over n-grams of words, of word shapes and of characters.

    A word counts once with its shape, so that "US" and "us" differ, and once without; pairs of neighbours are without
    shapes. So most n-grams stay the same when the case changes. Three shapes in a row, and a word beside a shape,
    describe the style of a text whose words are new. All but words alone are hashed into one table, as in fastText
    (Joulin et al. 2017, https://arxiv.org/abs/1607.01759); after its rows, each word of the vocabulary has its own.

    N-grams of words and n-grams of shapes are two groups. A weight counts by the root of its n-gram's share of its
    group: the hundredth "the" says less than the first, and each group's vector of roots has length 1, however long the
    text is; in texts of several hundred words and more somewhat less, since n-grams that share one of the counters
    count together.

    Where the model reads characters, those of an unknown word together count as much as three n-grams of words, at
    each of its occurrences. Those of a known word are part of its row, and count as the word does.
    """

    def __init__(self, config: GloveLstmConfig) -> None:
        super().__init__()
        self.buckets = config.ngram_buckets
        self.config = config
        labels = len(config.label_names)
        self.weights = nn.Parameter(torch.zeros(self.buckets + config.vocab_size, labels))
        self.bias = nn.Parameter(torch.zeros(labels))

    def forward(
        self, input_ids: Tensor, shapes: Tensor | None, unknown: UnknownWords | None, mask: Tensor
    ) -> Tensor:
        """Classify.

        Args:
            input_ids: (B, T), real tokens first.
            shapes: (B, T) word shapes, if the model reads them.
            unknown: Words of the texts whose characters count, if any.
            mask: Bool (B, T), true for real tokens.

        Returns:
            Logits (B, num_labels).
        """
        logits = self.bias.expand(input_ids.shape[0], -1)
        for group in self.groups(input_ids, shapes, mask):
            shares = ngram_shares(group, self.weights)
            rows = functional.embedding(group.rows, self.weights).to(shares.dtype)
            logits = logits + (shares.unsqueeze(1) @ rows).squeeze(1).to(logits.dtype)
        if unknown is None:
            return logits
        shares = self.character_shares(unknown, mask)
        weights = functional.embedding(unknown.hashes % self.buckets, self.weights).to(shares.dtype)
        each = (shares.unsqueeze(1) @ weights).squeeze(1)
        return logits.index_add(0, unknown.texts, each.to(logits.dtype))

    def groups(self, input_ids: Tensor, shapes: Tensor | None, mask: Tensor) -> list[NgramGroup]:
        """Return the n-grams of words, and those of shapes if the model reads them; arguments as of `forward`."""
        words = self._words(input_ids, shapes, mask)
        return [words] if shapes is None else [words, self._shapes(input_ids, shapes, mask)]

    def character_shares(self, words: UnknownWords, mask: Tensor) -> Tensor:
        """Return the factor of the weight of each of m character n-grams of n words: (n, m)."""
        ngrams = mask.sum(dim=1) * (2 + bool(self.config.type_embedding_size)) + 1  # of words
        count = ngrams[words.texts, None] * words.present.sum(dim=1, keepdim=True)
        return words.present * (3 / count).sqrt()

    def _words(self, input_ids: Tensor, shapes: Tensor | None, mask: Tensor) -> NgramGroup:
        """T words, T + 1 pairs, a text's edges among them, and T words with their shapes."""
        edge = input_ids.new_full((mask.shape[0], 1), _EDGE)  # also where there are no tokens
        known = (input_ids + _FIRST_CODE).masked_fill(~mask, _EDGE)
        left, right = [edge, known], [known, edge]
        # The pair of the last word and the edge stands right after the real tokens.
        present = [mask, mask.new_ones(mask.shape[0], 1), mask]
        if shapes is not None:
            left.append(torch.full_like(input_ids, _SHAPED))
            right.append(input_ids * SHAPE_COUNT + shapes)
            present.append(mask)
        rows = hashed(torch.cat(left, dim=1), torch.cat(right, dim=1)) % self.buckets
        rows = torch.cat([self.buckets + input_ids, rows], dim=1)
        return NgramGroup(rows, torch.cat(present, dim=1))

    def _shapes(self, input_ids: Tensor, shapes: Tensor, mask: Tensor) -> NgramGroup:
        """T + 2 runs of three shapes, a text's edges among them, T words with the shape after, T with that before."""
        edge = SHAPE_COUNT
        kinds = edge + 1
        known = functional.pad(shapes.masked_fill(~mask, edge), (2, 2), value=edge)  # (B, T + 4)
        length = input_ids.shape[1]
        # No two kinds share a pair of codes: left of a shape, words begin at kinds**2, above all pairs of shapes;
        # right of a shape they begin at `kinds`, above all shapes.
        left = [
            known[:, :-2] * kinds + known[:, 1:-1],
            input_ids + kinds**2,
            known[:, 1 : length + 1],
        ]
        right = [known[:, 2:], known[:, 3 : length + 3], input_ids + kinds]
        present = [mask.new_ones(mask.shape[0], 2), mask, mask, mask]
        codes = torch.cat(left, dim=1) + _FIRST_SHAPE_CODE
        rows = hashed(codes, torch.cat(right, dim=1)) % self.buckets
        return NgramGroup(rows, torch.cat(present, dim=1))


def ngram_shares(group: NgramGroup, weights: Tensor) -> Tensor:
    """Return the factor of each n-gram's weight: (B, n), 0 where there is none.

    Computed in 32 bits at least, since 16 cannot count to 257.
    """
    present = group.present.to(torch.promote_types(weights.dtype, torch.float32))
    counters = group.rows % _COUNTERS
    counts = present.new_zeros(counters.shape[0], _COUNTERS).scatter_add(1, counters, present)
    counts = counts.gather(1, counters)
    return present / (counts * present.sum(dim=1, keepdim=True)).clamp(min=1).sqrt()
