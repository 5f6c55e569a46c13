"""A linear classifier over hashed n-grams, beside the LSTM. Travels to the Hub: imports only torch and siblings."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from .configuration_glove_lstm import GloveLstmConfig
from .lstm_layers import NO_SHAPES

# These codes stand left of a single word, and beside a text's first and last word; those of words begin at the third.
_SINGLE, _EDGE, _FIRST_CODE = 0, 1, 2
# Two odd multipliers and the largest prime below 2**32: codes stay below 2**31, so that int64 never overflows.
_LEFT, _RIGHT, _PRIME = 1_000_003, 2_654_435_761, 4_294_967_291


@dataclass(frozen=True)
class NgramGroup:
    """One kind of n-grams of B texts of T tokens, n at the most in a text.

    Attributes:
        name: Of the table that weighs them.
        rows: (B, n) rows of that table.
        present: Bool (B, n), which of the n a text has.
    """

    name: str
    rows: Tensor
    present: Tensor


class GloveLstmNgramClassifier(nn.Module):
    """Sums learned weights of the n-grams that a text has, of words, of their shapes and of their characters.

    A word here is a token id with its shape, so "US" and "us" differ. Words and pairs are hashed into one table, as
    in fastText (Joulin et al. 2017, https://arxiv.org/abs/1607.01759), and those of the first `config.ngram_opening`
    tokens (a title, most often) into one of their own. Character n-grams of a word (Bojanowski et al. 2017,
    https://arxiv.org/abs/1607.04606) let words that are rare in training share what is known of their parts. Three
    shapes in a row, and a word beside a shape, tell how a text is written where its words are new. A weight counts by
    the root of its n-gram's share of its kind: the hundredth "the" says less than the first, and the vector of roots
    has length 1, however long the text is.
    """

    character_ngrams: Tensor  # (vocab_size, config.character_ngrams), 16 bits; 0 stands for none

    def __init__(self, config: GloveLstmConfig) -> None:
        super().__init__()
        self.config = config
        labels = len(config.label_names)

        def table(size: int) -> nn.Parameter | None:
            return nn.Parameter(torch.zeros(size, labels)) if size else None

        self.word_weights = nn.Parameter(torch.zeros(config.ngram_buckets, labels))
        self.opening_weights = table(config.ngram_buckets if config.ngram_opening else 0)
        self.character_weights = nn.Parameter(torch.zeros(config.character_buckets, labels))
        self.shape_weights = table(config.shape_buckets)
        self.bias = nn.Parameter(torch.zeros(labels))
        rows = torch.zeros(config.vocab_size, config.character_ngrams, dtype=torch.int16)
        self.register_buffer("character_ngrams", rows)

    def forward(self, input_ids: Tensor, token_type_ids: Tensor | None, mask: Tensor) -> Tensor:
        """Classify.

        Args:
            input_ids: (B, T), real tokens first.
            token_type_ids: (B, T) word shapes; None only where `config.type_vocab_size` is 1.
            mask: Bool (B, T), true for real tokens.

        Returns:
            Logits (B, num_labels).

        Raises:
            ValueError: `token_type_ids` are missing.
        """
        logits = self.bias.expand(input_ids.shape[0], -1)
        for group in self.groups(input_ids, token_type_ids, mask):
            weights = self.get_parameter(group.name)
            counts, present = _counts(group, weights)
            if group.name == "character_weights":
                # So many that the product with the whole table is faster.
                added = counts.sqrt() @ weights.to(counts.dtype)
            else:
                shares = _shares(group, counts, present).unsqueeze(1)  # (B, 1, n)
                rows = functional.embedding(group.rows, weights).to(shares.dtype)
                added = (shares @ rows).squeeze(1)
            logits = logits + (added / _length(present)).to(logits.dtype)
        return logits

    def contributions(self, input_ids: Tensor, token_type_ids: Tensor | None) -> Tensor:
        """What each token adds to the logits: those of its n-grams, each shared evenly by the places where it stands.

        An n-gram counts evenly for the words that it covers. The sum over the tokens, with the bias, is what `forward`
        gives.

        Args:
            input_ids: (B, T), all of them real tokens, T at least 1.
            token_type_ids: (B, T) word shapes, as for `forward`.

        Returns:
            (B, T, num_labels).
        """
        mask = torch.ones_like(input_ids, dtype=torch.bool)
        tokens = self.bias.new_zeros(*input_ids.shape, len(self.bias))
        for group in self.groups(input_ids, token_type_ids, mask):
            weights = self.get_parameter(group.name)
            counts, present = _counts(group, weights)
            shares = _shares(group, counts, present) / _length(present)
            places = self._places(group.name, input_ids)
            covered = places >= 0
            shares = shares / covered.sum(dim=1).clamp(min=1)
            each = shares.unsqueeze(-1) * weights[group.rows]  # (B, n, C)
            for place, real in zip(places.clamp(min=0).unbind(1), covered.unbind(1), strict=True):
                tokens = tokens.index_add(1, place, each * real[:, None])
        return tokens

    def groups(
        self, input_ids: Tensor, token_type_ids: Tensor | None, mask: Tensor
    ) -> list[NgramGroup]:
        """The n-grams of each table that this classifier has; arguments as of `forward`."""
        if token_type_ids is None and self.config.type_vocab_size > 1:
            raise ValueError(NO_SHAPES)
        shapes = torch.zeros_like(input_ids) if token_type_ids is None else token_type_ids
        found = [self._words("word_weights", input_ids, shapes, mask)]
        if self.opening_weights is not None:
            first = slice(self.config.ngram_opening)
            opening = input_ids[:, first], shapes[:, first], mask[:, first]
            found.append(self._words("opening_weights", *opening))
        if self.config.character_ngrams:
            characters = functional.embedding(input_ids, self.character_ngrams).long()  # (B, T, n)
            present = (characters > 0) & mask.unsqueeze(-1)
            found.append(NgramGroup("character_weights", characters.flatten(1), present.flatten(1)))
        if self.shape_weights is not None:
            found.append(self._shapes(input_ids, shapes, mask))
        return found

    def _words(self, name: str, input_ids: Tensor, shapes: Tensor, mask: Tensor) -> NgramGroup:
        """T words, and T + 1 pairs of neighbours, a text's edges among them."""
        codes = input_ids * self.config.type_vocab_size + shapes + _FIRST_CODE
        edge = codes.new_full((codes.shape[0], 1), _EDGE)  # also where there are no tokens at all
        known = codes.masked_fill(~mask, _EDGE)
        left = torch.cat([torch.full_like(codes, _SINGLE), edge, known], dim=1)
        right = torch.cat([codes, known, edge], dim=1)
        # The pair of the last word and the edge stands right after the real tokens.
        pairs = torch.cat([mask.new_ones(mask.shape[0], 1), mask], dim=1)
        rows = _hash(left, right, self.config.ngram_buckets)
        return NgramGroup(name, rows, torch.cat([mask, pairs], dim=1))

    def _shapes(self, input_ids: Tensor, shapes: Tensor, mask: Tensor) -> NgramGroup:
        """T + 2 runs of three shapes, a text's edges among them, T words with the shape after, T with that before."""
        edge = self.config.type_vocab_size
        kinds = edge + 1
        known = functional.pad(shapes.masked_fill(~mask, edge), (2, 2), value=edge)  # (B, T + 4)
        length = input_ids.shape[1]
        # What stands left tells the three apart: two shapes are fewer than kinds**2, one shape fewer than kinds; and
        # a word right of a shape begins at `kinds`.
        left = [
            known[:, :-2] * kinds + known[:, 1:-1],
            input_ids + kinds**2,
            known[:, 1 : length + 1],
        ]
        right = [known[:, 2:], known[:, 3 : length + 3], input_ids + kinds]
        present = [mask.new_ones(mask.shape[0], 2), mask, mask, mask]
        rows = _hash(torch.cat(left, dim=1), torch.cat(right, dim=1), self.config.shape_buckets)
        return NgramGroup("shape_weights", rows, torch.cat(present, dim=1))

    def _places(self, name: str, input_ids: Tensor) -> Tensor:
        """The tokens that each n-gram of a group covers, of texts without padding: (n, k), at most k; -1 for none."""
        if name == "character_weights":
            places = torch.arange(input_ids.shape[1], device=input_ids.device)
            return places.repeat_interleave(self.config.character_ngrams).unsqueeze(1)
        if name == "shape_weights":
            before = _covered(input_ids, -1, 0, ends=False)
            after = _covered(input_ids, 0, 1, ends=False)
            return _stacked(_covered(input_ids, -2, 0), after, before)
        read = input_ids[:, : self.config.ngram_opening] if name == "opening_weights" else input_ids
        return _stacked(_covered(read, 0, 0), _covered(read, -1, 0))


def _hash(left: Tensor, right: Tensor, buckets: int) -> Tensor:
    return (left * _LEFT + right * _RIGHT) % _PRIME % buckets


def _covered(ids: Tensor, first: int, last: int, *, ends: bool = True) -> Tensor:
    """The places from `first` to `last` around each of T tokens, -1 beyond a text.

    With `ends` there are -first more, around the places after the text. (T or T - first, last - first + 1).
    """
    length = ids.shape[1]
    centres = torch.arange(length - first if ends else length, device=ids.device)
    places = centres.unsqueeze(1) + torch.arange(first, last + 1, device=ids.device)
    return places.masked_fill((places < 0) | (places >= length), -1)


def _stacked(*places: Tensor) -> Tensor:
    """Below one another, filled up with -1 to the width of the widest."""
    width = max(rows.shape[1] for rows in places)
    filled = [functional.pad(rows, (0, width - rows.shape[1]), value=-1) for rows in places]
    return torch.cat(filled)


def _counts(group: NgramGroup, weights: Tensor) -> tuple[Tensor, Tensor]:
    """How often each text has each row of a table (B, rows), and `present` as numbers (B, n).

    In 32 bits at least, since 16 cannot count to 257.
    """
    present = group.present.to(torch.promote_types(weights.dtype, torch.float32))
    blank = present.new_zeros(present.shape[0], weights.shape[0])
    return blank.scatter_add(1, group.rows, present), present


def _shares(group: NgramGroup, counts: Tensor, present: Tensor) -> Tensor:
    """The root of each n-gram's count, divided among its occurrences: (B, n)."""
    return present / counts.gather(1, group.rows).clamp(min=1).sqrt()


def _length(present: Tensor) -> Tensor:
    """Length of the vector of the roots, at least 1: (B, 1)."""
    return present.sum(dim=1, keepdim=True).clamp(min=1).sqrt()
