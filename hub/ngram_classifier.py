"""A linear classifier over hashed n-grams, beside the LSTM. Travels to the Hub: imports only torch and siblings."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from .characters import UnknownWords, hash_pairs
from .configuration_glove_lstm import SHAPE_COUNT, GloveLstmConfig

# An n-gram is hashed as a pair of numbers, left and right. The left number tells the kinds of n-grams apart:
#   0: characters
_SHAPED = 1  # a word with its shape
_EDGE = 2  # the edge of a text, and the first word
_FIRST_WORD = 3  # from here on, a word's id plus 3: the word, and the next word or the edge
_FIRST_SHAPE = 1 << 30  # from here on, above all ids: n-grams of shapes

# Counters of equal n-grams in a text. One for each row of the table would cost more than the rest of the classifier.
_COUNTERS = 4096
# The squared factors of an unknown word's characters add up to those of this many n-grams of words.
CHARACTER_WEIGHT = 3


@dataclass(frozen=True)
class NgramGroup:
    """The n-grams of words, or of shapes, in B texts; at most n in a text."""

    rows: Tensor  # (B, n) rows of the table of weights
    present: Tensor  # bool (B, n), which of the n a text has


class GloveLstmNgramClassifier(nn.Module):
    """A linear classifier over n-grams of words, of word shapes and of characters.

    N-grams of words are words, pairs of neighbours, and words with their shapes: "US" and "us" differ as words with
    shapes, but most n-grams do not depend on case. N-grams of shapes are three shapes in a row, and a word beside a
    shape; they describe the style of a text whose words are new.

    Each word of the vocabulary has a row in the table of weights. All other n-grams are hashed into the rows before
    these, as in fastText (Joulin et al. 2017, https://arxiv.org/abs/1607.01759).

    Words and shapes are two groups. The weight of an n-gram is multiplied by a factor, sqrt(count / total) within its
    group. The squares of the factors of a group add up to 1, whatever the length of the text, and the hundredth "the"
    says less than the first. In a text of several hundred words their sum is a little smaller, because some n-grams
    share a counter.

    If the model reads characters, the squared factors of the character n-grams of an unknown word add up to those of
    three n-grams of words, each time the word occurs. For a known word, training has added their weights to the word's
    own row.
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
            unknown: Unknown words whose characters the model reads, if any.
            mask: Bool (B, T), true for real tokens.

        Returns:
            Logits (B, num_labels).
        """
        logits = self.bias.expand(input_ids.shape[0], -1)
        for group in self.groups(input_ids, shapes, mask):
            factors = ngram_factors(group, self.weights.dtype)
            logits = logits + self._weighted_sum(group.rows, factors).to(logits.dtype)
        if unknown is None:
            return logits
        factors = self.character_factors(unknown, mask)
        word_logits = self._weighted_sum(unknown.hashes % self.buckets, factors)
        return logits.index_add(0, unknown.texts, word_logits.to(logits.dtype))

    def _weighted_sum(self, rows: Tensor, factors: Tensor) -> Tensor:
        """Return the sum of m rows of the table, times their factors, for each of n texts or words: (n, num_labels).

        Args:
            rows: (n, m) rows of the table.
            factors: (n, m).
        """
        weights = functional.embedding(rows, self.weights).to(factors.dtype)
        return (factors.unsqueeze(1) @ weights).squeeze(1)

    def groups(self, input_ids: Tensor, shapes: Tensor | None, mask: Tensor) -> list[NgramGroup]:
        """Return the n-grams of words and, if the model reads shapes, of shapes. The arguments are as for `forward`."""
        groups = [self._word_ngrams(input_ids, shapes, mask)]
        if shapes is not None:
            groups.append(self._shape_ngrams(input_ids, shapes, mask))
        return groups

    def character_factors(self, words: UnknownWords, mask: Tensor) -> Tensor:
        """Return the factor of the weight of each of m character n-grams of n words: (n, m).

        Args:
            words: n words of the texts.
            mask: Bool (B, T), true for real tokens.
        """
        # A text of T tokens has 2 T + 1 n-grams of words: T words and T + 1 pairs. With shapes, it has T more.
        ngrams_per_word = 3 if self.config.type_embedding_size else 2
        ngrams_of_text = mask.sum(dim=1) * ngrams_per_word + 1
        character_ngrams_of_word = words.present.sum(dim=1, keepdim=True)
        count = ngrams_of_text[words.texts, None] * character_ngrams_of_word
        return words.present * (CHARACTER_WEIGHT / count).sqrt()

    def _word_ngrams(self, input_ids: Tensor, shapes: Tensor | None, mask: Tensor) -> NgramGroup:
        """Return T words, T + 1 pairs of neighbours, and T words with their shapes.

        The edges of the text are neighbours, too: the first pair is edge, first word; the last one is last word, edge.
        """
        texts = mask.shape[0]
        word_rows = self.buckets + input_ids  # a word has a row of its own, without a hash
        present = [mask]

        # Padding becomes edges, so that the last word and an edge are the last of the T + 1 pairs that are present.
        codes = (input_ids + _FIRST_WORD).masked_fill(~mask, _EDGE)
        edge = codes.new_full((texts, 1), _EDGE)
        left = [edge, codes]
        right = [codes, edge]
        present += [mask.new_ones(texts, 1), mask]
        if shapes is not None:
            left.append(torch.full_like(input_ids, _SHAPED))
            right.append(input_ids * SHAPE_COUNT + shapes)
            present.append(mask)

        hashes = hash_pairs(torch.cat(left, dim=1), torch.cat(right, dim=1))
        rows = torch.cat([word_rows, hashes % self.buckets], dim=1)
        return NgramGroup(rows, torch.cat(present, dim=1))

    def _shape_ngrams(self, input_ids: Tensor, shapes: Tensor, mask: Tensor) -> NgramGroup:
        """Return T + 2 runs of three shapes, T words with the shape after them, and T words with the shape before.

        Two edges precede the text, and two follow it: the first run is edge, edge, first shape; the last one is last
        shape, edge, edge.
        """
        edge = SHAPE_COUNT
        kinds = SHAPE_COUNT + 1  # of shapes, with the edge
        shapes_or_edges = shapes.masked_fill(~mask, edge)
        padded = functional.pad(shapes_or_edges, (2, 2), value=edge)  # (B, T + 4)

        first_of_run = padded[:, :-2]  # (B, T + 2)
        second_of_run = padded[:, 1:-1]
        third_of_run = padded[:, 2:]
        before_word = padded[:, 1:-3]  # (B, T)
        after_word = padded[:, 3:-1]

        # The numbers of words are above all numbers of shapes on their side, so that the three kinds of n-grams differ:
        #                           left                  right
        #   run of three shapes     0 to kinds**2 - 1     0 to kinds - 1
        #   word, shape after it    from kinds**2         0 to kinds - 1
        #   shape before it, word   0 to kinds - 1        from kinds
        first_two_of_run = first_of_run * kinds + second_of_run
        word_on_left = input_ids + kinds**2
        word_on_right = input_ids + kinds
        left = torch.cat([first_two_of_run, word_on_left, before_word], dim=1)
        right = torch.cat([third_of_run, after_word, word_on_right], dim=1)
        hashes = hash_pairs(left + _FIRST_SHAPE, right)

        # A text of n words has n + 2 runs.
        run_present = torch.cat([mask.new_ones(mask.shape[0], 2), mask], dim=1)
        present = torch.cat([run_present, mask, mask], dim=1)
        return NgramGroup(hashes % self.buckets, present)


def ngram_factors(group: NgramGroup, dtype: torch.dtype) -> Tensor:
    """Return the factor of the weight of each n-gram of each text: (B, n), with 0 for the n-grams that a text lacks.

    An n-gram that occurs c times among the n-grams of a text, n in all, has c entries of sqrt(1 / (c n)), whose sum is
    sqrt(c / n). Computed in `dtype`, but in 32 bits at least, because 16 bits cannot count to 257.
    """
    present = group.present.to(torch.promote_types(dtype, torch.float32))
    slots = group.rows % _COUNTERS
    zeros = present.new_zeros(slots.shape[0], _COUNTERS)
    counters = zeros.scatter_add(1, slots, present)
    counts = counters.gather(1, slots)  # of each n-gram in its text
    totals = present.sum(dim=1, keepdim=True)
    return present / (counts * totals).clamp(min=1).sqrt()
