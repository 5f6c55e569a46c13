"""Character n-grams of unknown words. Travels to the Hub: imports only torch and siblings."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from .configuration_glove_lstm import CODES, SPELLED

# Two odd multipliers and the largest prime below 2**32: operands stay below 2**31, so that int64 never overflows.
_LEFT, _RIGHT, _PRIME = 1_000_003, 2_654_435_761, 4_294_967_291
_SHORTEST, _LONGEST = 3, 5


@dataclass(frozen=True)
class UnknownWords:
    """The n unknown words of B texts, and their m character n-grams, the edges of a word among the characters.

    As in Bojanowski et al. 2017, https://arxiv.org/abs/1607.04606.
    """

    texts: Tensor  # (n,) the text of each word
    places: Tensor  # (n,) its place in the text
    hashes: Tensor  # (n, m), below 2**32; modulo the size of a table, its rows
    present: Tensor  # (n, m) 1 for the n-grams that a word has, else 0


def unknown_words(spellings: Tensor) -> UnknownWords:
    """Find the unknown words of texts: (B, T) spellings, 0 for known words and padding."""
    texts, places = spellings.nonzero(as_tuple=True)
    return UnknownWords(texts, places, *character_ngrams(spellings[texts, places]))


def character_ngrams(spellings: Tensor) -> tuple[Tensor, Tensor]:
    """Return the hashes of the n-grams of three to five characters of n words, and which of them each has: (n, 33)."""
    places = torch.arange(SPELLED, device=spellings.device)
    codes = spellings[:, None] // CODES**places % CODES
    codes = functional.pad(codes, (1, 1))
    # An edge before the first character, and one after the last.
    previous = functional.pad(codes[:, :-1], (1, 0), value=1)
    codes = codes.masked_fill((codes == 0) & (previous > 0), CODES)
    ngrams, hashes, present = codes, [], []
    for size in range(2, _LONGEST + 1):
        ngrams = ngrams[:, :-1] * (CODES + 1) + codes[:, size - 1 :]
        if size >= _SHORTEST:
            hashes.append(hashed(0, ngrams))
            present.append(codes[:, size - 1 :] > 0)
    return torch.cat(hashes, dim=1), torch.cat(present, dim=1).float()


def hashed(left: Tensor | int, right: Tensor) -> Tensor:
    """Hash pairs of codes: below 2**32."""
    return (left * _LEFT + right * _RIGHT) % _PRIME
