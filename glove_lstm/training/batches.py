"""Tokenised texts as a dataset of the Trainer, and their batches."""

import random
from collections.abc import Sequence
from copy import copy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from glove_lstm.progress import progress
from glove_lstm.text.corruptions import training_copy
from glove_lstm.text.light_tokenizer import LightTokenizer
from glove_lstm.text.tokens import Tokens, pad

_CHUNK = 4096  # texts tokenised between two updates of the progress bar
_CHARACTERS_PER_TOKEN = 16  # with its space; the mean of a real text is lower

Feature = dict[
    str, Any
]  # a text: `input_ids`, `token_type_ids`, perhaps `labels`, `weights` and `text`


def tokenize(texts: Sequence[str], tokenizer: LightTokenizer) -> Tokens:
    """Tokenise texts, truncated to the tokenizer's `model_max_length`."""
    parts = []
    with progress("Tokenising", total=len(texts)) as bar:
        for start in range(0, len(texts), _CHUNK):
            chunk = texts[start : start + _CHUNK]
            parts.append(tokenizer.encode(chunk))
            bar.update(len(chunk))
    return Tokens.concatenate(parts)


class TokenDataset(Dataset[Feature]):
    """n tokenised texts.

    Args:
        tokens: Their tokens.
        labels: (n,) class indices; or (n, classes) with 1 where a text has the label, or the logits of a teacher.
        weights: (n,) weight of each text in the loss; None: 1.
        texts: The texts themselves, if `Collator` may replace them by corrupted copies.
    """

    def __init__(
        self,
        tokens: Tokens,
        labels: NDArray[Any],
        weights: NDArray[np.float64] | None = None,
        texts: Sequence[str] | None = None,
    ) -> None:
        self._tokens = tokens
        self._labels = labels.astype(np.float32 if labels.ndim == 2 else np.int64)
        self._weights = weights
        self._texts = texts
        self._ends = np.cumsum(tokens.lengths)

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, row: int) -> Feature:
        end = self._ends[row]
        begin = end - self._tokens.lengths[row]
        feature: Feature = {
            "input_ids": self._tokens.ids[begin:end],
            "token_type_ids": self._tokens.types[begin:end],
            "labels": self._labels[row],
        }
        if self._weights is not None:
            feature["weights"] = self._weights[row]
        if self._texts is not None:
            feature["text"] = self._texts[row]
        return feature


class Collator:
    """Pads the texts of a batch on the right. Of texts with a `text`, a share is replaced by corrupted copies.

    Args:
        tokenizer: Tokenizer of the copies.
        share: Share of the texts that are replaced, 0 to 1.
        seed: Seed of the choice and of the errors.
        lstm_length: Tokens that the LSTM reads; 0: all.
    """

    def __init__(
        self, tokenizer: LightTokenizer, *, share: float = 0.0, seed: int = 0, lstm_length: int = 0
    ) -> None:
        self._share = share
        self._generator = random.Random(seed)  # noqa: S311 - no secret
        # Encoding no more than the LSTM reads saves time. If texts are cut on the left, it reads the first tokens after
        # the cut, which depends on the whole length.
        self._tokenizer = copy(tokenizer)
        if lstm_length and tokenizer.truncation_side == "right":
            limit = tokenizer.model_max_length or lstm_length
            self._tokenizer.model_max_length = min(lstm_length, limit)

    def __call__(self, features: Sequence[Feature]) -> dict[str, Tensor]:
        """Collate B texts.

        Returns:
            `input_ids`, `token_type_ids` and `attention_mask` (B, T), T at least 1; `labels`, (B,) or as floats
            (B, classes); and `weights` (B,), if the texts have them.
        """
        replaced: list[Feature] = []
        kept: list[Feature] = []
        for feature in features:
            is_replaced = "text" in feature and self._generator.random() < self._share
            if is_replaced:
                replaced.append(feature)
            else:
                kept.append(feature)
        # The order within a batch does not matter: labels and weights come with their texts.
        in_order = kept + replaced
        tokens = Tokens.concatenate([_tokens_of(kept), self._copies_of(replaced)])
        mask, ids, types = pad(tokens.lengths, tokens.ids, tokens.types)
        batch = {
            "input_ids": torch.from_numpy(ids),
            "token_type_ids": torch.from_numpy(types),
            "attention_mask": torch.from_numpy(mask),
            "labels": torch.from_numpy(np.stack([feature["labels"] for feature in in_order])),
        }
        if "weights" in in_order[0]:
            weights = [feature["weights"] for feature in in_order]
            batch["weights"] = torch.tensor(weights, dtype=torch.float32)
        return batch

    def _copies_of(self, features: Sequence[Feature]) -> Tokens:
        copies = []
        for feature in features:
            key = str(self._generator.random())
            copies.append(corrupt(feature["text"], self._tokenizer, key))
        return self._tokenizer.encode(copies)


def _tokens_of(features: Sequence[Feature]) -> Tokens:
    none = np.zeros(0, dtype=np.int64)
    ids = [feature["input_ids"] for feature in features]
    types = [feature["token_type_ids"] for feature in features]
    lengths = np.array([len(row) for row in ids], dtype=np.int64)
    return Tokens(np.concatenate([none, *ids]), np.concatenate([none, *types]), lengths)


def corrupt(text: str, tokenizer: LightTokenizer, key: str) -> str:
    """Return a corrupted copy of a text, whose errors depend on the key.

    Text beyond the `model_max_length` of the tokenizer is cut off, to save time.
    """
    kept = slice(None)
    if tokenizer.model_max_length is not None:
        most_characters = _CHARACTERS_PER_TOKEN * tokenizer.model_max_length
        kept = slice(most_characters)
        if tokenizer.truncation_side == "left":
            kept = slice(-most_characters, None)
    return training_copy(text[kept], key)


def corrupt_all(texts: Sequence[str], tokenizer: LightTokenizer, seed: int) -> list[str]:
    """Return a corrupted copy of each text."""
    return [
        corrupt(text, tokenizer, f"{seed} {row}")
        for row, text in enumerate(progress("Corrupting copies", texts))
    ]
