"""Character n-grams of unknown words. Travels to the Hub: imports only torch and siblings."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from .configuration_glove_lstm import CODE_BITS, SPELLING_LENGTH

_SHORTEST = 3  # characters of an n-gram
_LONGEST = 5
_CODES = 1 << CODE_BITS  # character codes are below this; 0 is "no character"
_EDGE = _CODES  # code of the beginning and of the end of a word

# The hash of a pair of numbers: two odd factors, modulo the largest prime below 2**32. Numbers below 2**31 never
# overflow an int64.
_LEFT_FACTOR = 1_000_003
_RIGHT_FACTOR = 2_654_435_761
_PRIME = 4_294_967_291
_CHARACTERS = 0  # left number of an n-gram of characters; ngram_classifier.py has the others


@dataclass(frozen=True)
class UnknownWords:
    """The n unknown words of B texts, and the m possible character n-grams of each.

    The beginning and the end of a word count as characters, as in Bojanowski et al. 2017,
    https://arxiv.org/abs/1607.04606.
    """

    texts: Tensor  # (n,) index of each word's text in the batch
    positions: Tensor  # (n,) position of each word in its text
    hashes: Tensor  # (n, m) below 2**32; modulo the size of a table, they are its rows
    present: Tensor  # (n, m) 1 for the n-grams that a word has, 0 for the others


def unknown_words(spellings: Tensor) -> UnknownWords:
    """Find the unknown words in spellings (B, T), which are 0 for known words and padding."""
    texts, positions = spellings.nonzero(as_tuple=True)
    hashes, present = character_ngrams(spellings[texts, positions])
    return UnknownWords(texts, positions, hashes, present)


def character_ngrams(spellings: Tensor) -> tuple[Tensor, Tensor]:
    """Return the n-grams of three to five characters of n words.

    Args:
        spellings: (n,) spellings, as `word_shapes.spelling` makes them.

    Returns:
        The hashes of the n-grams (n, 33), and 1 for those that a word has, else 0 (n, 33).
    """
    characters = _character_codes(spellings)
    hashes = []
    present = []
    # An n-gram is a number whose digits are its characters. Each round appends one character to all n-grams.
    ngrams = characters
    for size in range(2, _LONGEST + 1):
        last_characters = characters[:, size - 1 :]
        ngrams = ngrams[:, :-1] * (_CODES + 1) + last_characters
        if size >= _SHORTEST:
            hashes.append(hash_pairs(_CHARACTERS, ngrams))
            present.append(last_characters > 0)  # false for n-grams beyond the end of the word
    return torch.cat(hashes, dim=1), torch.cat(present, dim=1).float()


def _character_codes(spellings: Tensor) -> Tensor:
    """Unpack spellings (n,) into codes between two edges, with zeros after the second: (n, 14)."""
    places = torch.arange(SPELLING_LENGTH, device=spellings.device)
    characters = spellings[:, None] // _CODES**places % _CODES
    characters = functional.pad(characters, (1, 1))
    # An edge is a 0 with a code to its left: the 0 after the last character. The first place is the other edge; the 1
    # put to its left may be any nonzero code.
    before = functional.pad(characters[:, :-1], (1, 0), value=1)
    is_edge = (characters == 0) & (before > 0)
    return characters.masked_fill(is_edge, _EDGE)


def hash_pairs(left: Tensor | int, right: Tensor) -> Tensor:
    """Hash pairs of numbers: below 2**32."""
    return (left * _LEFT_FACTOR + right * _RIGHT_FACTOR) % _PRIME
