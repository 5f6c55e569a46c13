"""Tokenised texts, and batches of them that hold as little padding as possible."""

import logging
import random
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from glove_lstm.distillation.targets import Targets
from glove_lstm.progress import progress
from glove_lstm.text.corruptions import training_copy
from glove_lstm.text.light_tokenizer import LightTokenizer
from glove_lstm.text.tokens import Tokens, length_batches, pad, ranges
from glove_lstm.training.arguments import GloveLstmTrainingArguments

logger = logging.getLogger(__name__)

Ints = NDArray[np.int64]

_BATCHES_PER_GROUP = 50  # texts are sorted by length within groups of this size
_CHUNK = 4096  # texts tokenised between two updates of the progress bar
_CHARACTERS_PER_TOKEN = 16  # with its space; the mean of a real text is lower


class TokenizedTexts(Dataset[Any]):
    """n tokenised texts, read a whole batch at a time.

    Args:
        tokens: Ids and `token_type_ids` of all texts, one text after the other.
        labels: (n,) class indices; or (n, classes) with 1 where a text has the label, or the logits of a teacher; None
            without labels.
        weights: (n,) weight of each text in the loss; None: 1.

    Attributes:
        epoch: The epoch of the training, from 0. The sampler sets it.
    """

    def __init__(
        self,
        tokens: Tokens,
        labels: NDArray[Any] | None = None,
        weights: NDArray[np.float64] | None = None,
    ) -> None:
        ids: Any = tokens.ids.astype(np.int32, copy=False)  # half of the memory
        self.tokens = replace(tokens, ids=ids)
        self.labels: Any = labels
        self.weights: Any = weights
        self.epoch = 0
        self._begins = np.cumsum(tokens.lengths) - tokens.lengths

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each text, (n,)."""
        return self.tokens.lengths

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitems__(self, rows: Sequence[int] | Ints) -> "TokenizedTexts":
        """Return the texts of a batch. torch's DataLoader calls this method instead of `__getitem__`."""
        rows = np.asarray(rows, dtype=np.int64)
        lengths = self.lengths[rows]
        places = ranges(self._begins[rows], lengths)
        tokens = Tokens(self.tokens.ids[places], self.tokens.types[places], lengths)
        return TokenizedTexts(tokens, _rows_of(self.labels, rows), _rows_of(self.weights, rows))

    def count_other_than(self, token: int) -> NDArray[np.int64]:
        """Count the tokens of each text that are not `token`: (n,)."""
        text_of_token = np.repeat(np.arange(len(self)), self.lengths)
        is_other = self.tokens.ids != token
        return np.bincount(text_of_token[is_other], minlength=len(self))


def _rows_of(values: NDArray[Any] | None, rows: Ints) -> NDArray[Any] | None:
    """Return some of the values, if there are any."""
    if values is None:
        return None
    return values[rows]


def collate(batch: TokenizedTexts) -> dict[str, Tensor]:
    """Pad a batch on the right with zeros, to its longest text (at least one token).

    Returns:
        `input_ids`, `token_type_ids` and `attention_mask` (B, T); and if the batch has them, `weights` (B,) and
        `labels`, (B,) or as floats (B, classes).
    """
    mask, ids, types = pad(batch.lengths, batch.tokens.ids, batch.tokens.types)
    padded = {
        "input_ids": torch.from_numpy(ids),
        "token_type_ids": torch.from_numpy(types),
        "attention_mask": torch.from_numpy(mask),
    }
    if batch.labels is not None:
        kind = np.float32 if batch.labels.ndim == 2 else np.int64
        padded["labels"] = torch.from_numpy(batch.labels.astype(kind))
    if batch.weights is not None:
        padded["weights"] = torch.from_numpy(batch.weights.astype(np.float32))
    return padded


def tokenize(
    texts: Sequence[str],
    tokenizer: LightTokenizer,
    labels: NDArray[Any] | None = None,
    weights: NDArray[np.float64] | None = None,
) -> TokenizedTexts:
    """Tokenise texts, truncated to the tokenizer's `model_max_length`; see `TokenizedTexts` for labels and weights."""
    parts = []
    with progress("Tokenising", total=len(texts)) as bar:
        for start in range(0, len(texts), _CHUNK):
            chunk = texts[start : start + _CHUNK]
            parts.append(tokenizer.encode(chunk))
            bar.update(len(chunk))
    tokens = Tokens.concatenate(parts)
    return TokenizedTexts(tokens, labels, weights)


def corrupt(
    texts: Sequence[str], tokenizer: LightTokenizer, *, seed: int, epoch: int = 0
) -> list[str]:
    """Return a corrupted copy of each text, whose errors depend on the text, its place, the seed and the epoch.

    Text beyond the `model_max_length` of the tokenizer is cut off, to save time.
    """
    kept = slice(None)  # without text that the tokenizer truncates anyway
    if tokenizer.model_max_length is not None:
        most_characters = _CHARACTERS_PER_TOKEN * tokenizer.model_max_length
        kept = slice(most_characters)
        if tokenizer.truncation_side == "left":
            kept = slice(-most_characters, None)
    return [
        training_copy(text[kept], f"{seed} {epoch} {row}")
        for row, text in enumerate(progress("Corrupting copies", texts))
    ]


def tokenize_targets(
    targets: Targets,
    tokenizer: LightTokenizer,
    lstm_length: int,
    arguments: GloveLstmTrainingArguments,
) -> TokenizedTexts:
    """Return the tokenised texts of targets. Unless they are logits, each epoch replaces a share by corrupted copies.

    Args:
        targets: What the LSTM learns.
        tokenizer: Tokenizer of the model.
        lstm_length: Tokens that the LSTM reads; 0: all.
        arguments: The share, and the seed.
    """
    truncated_before = tokenizer.truncated_texts
    texts = tokenize(targets.texts, tokenizer, targets.values, targets.weights)
    truncated = tokenizer.truncated_texts - truncated_before
    clause = tokenizer.truncation_warning(truncated, len(targets.texts))
    if clause:
        logger.warning("%s.", clause)
    share = arguments.corrupted_share
    if not share or targets.kind == "logits":
        return texts
    # Copies are encoded anew in each epoch: encoding no more than the LSTM reads saves time. If texts are cut on the
    # left, it reads the first tokens after the cut, which depends on the whole length.
    tokenizer_of_copies = copy(tokenizer)
    if lstm_length and tokenizer.truncation_side == "right":
        limit = tokenizer.model_max_length or lstm_length
        tokenizer_of_copies.model_max_length = min(lstm_length, limit)
    return CorruptedTexts(
        targets.texts, texts, tokenizer_of_copies, share=share, seed=arguments.seed
    )


class CorruptedTexts(TokenizedTexts):
    """Texts, a share of which is replaced by corrupted copies in each epoch.

    The copies of an epoch are drawn when its first batch is read.

    Args:
        texts: n texts.
        clean: The same texts, tokenised, with labels and weights.
        tokenizer: Tokenizer of the copies.
        share: Share of the texts that are replaced, 0 to 1.
        seed: Seed of the choice and the errors.
    """

    def __init__(
        self,
        texts: Sequence[str],
        clean: TokenizedTexts,
        tokenizer: LightTokenizer,
        *,
        share: float,
        seed: int,
    ) -> None:
        super().__init__(clean.tokens, clean.labels, clean.weights)
        self._texts = texts
        self._tokenizer = tokenizer
        self._share = share
        self._seed = seed
        self._epoch_of_copies: int | None = None

    def __getitems__(self, rows: Sequence[int] | Ints) -> TokenizedTexts:
        if self._epoch_of_copies != self.epoch:
            self._draw_copies()
        rows = np.asarray(rows, dtype=np.int64)
        numbers = self._copy_numbers[rows]
        has_copy = numbers >= 0
        # The order within a batch does not matter: labels and weights come with their texts.
        clean = super().__getitems__(rows[~has_copy])
        corrupted = self._copies.__getitems__(numbers[has_copy])
        tokens = Tokens.concatenate([clean.tokens, corrupted.tokens])
        labels = np.concatenate([clean.labels, corrupted.labels])
        weights = None
        if self.weights is not None:
            weights = np.concatenate([clean.weights, corrupted.weights])
        return TokenizedTexts(tokens, labels, weights)

    def _draw_copies(self) -> None:
        """Choose the texts that this epoch replaces, corrupt them, and tokenise them together."""
        generator = random.Random(f"{self._seed} {self.epoch}")  # noqa: S311 - no secret
        chosen = [row for row in range(len(self)) if generator.random() < self._share]
        rows = np.array(chosen, dtype=np.int64)
        originals = [self._texts[row] for row in chosen]
        copies = corrupt(originals, self._tokenizer, seed=self._seed, epoch=self.epoch)
        labels = _rows_of(self.labels, rows)
        weights = _rows_of(self.weights, rows)
        self._copies = tokenize(copies, self._tokenizer, labels, weights)
        # The number of each text's copy, or -1 for texts that are not replaced.
        self._copy_numbers = np.full(len(self), -1, dtype=np.int64)
        self._copy_numbers[rows] = np.arange(len(rows))
        self._epoch_of_copies = self.epoch


@dataclass(eq=False)
class LengthGroupedSampler(Sampler[int]):
    """Put texts of similar length into one batch, in an order that depends on the seed and the epoch alone.

    The texts are shuffled and divided into groups. Each group is sorted by length and divided into batches, and the
    batches of all groups are shuffled. transformers' own sampler depends on the global random generator.

    The epoch is kept by the texts, because their corrupted copies depend on it, too.
    """

    texts: TokenizedTexts  # n texts
    batch_size: int  # texts of a batch
    seed: int

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch of the texts. The Trainer's dataloader calls this before each epoch."""
        self.texts.epoch = epoch

    def __len__(self) -> int:
        return len(self.texts)

    def __iter__(self) -> Iterator[int]:
        generator = np.random.default_rng([self.seed, self.texts.epoch])
        rows = generator.permutation(len(self.texts))
        batches: list[Ints] = []
        group_size = self.batch_size * _BATCHES_PER_GROUP
        for start in range(0, len(rows), group_size):
            group = rows[start : start + group_size]
            places_of_batches = length_batches(self.texts.lengths[group], self.batch_size)
            batches += [group[places] for places in places_of_batches]

        # The Trainer divides the rows into batches again: an incomplete batch must be the last, or all batches after it
        # would be divided elsewhere. It is the last of the last group.
        complete = len(rows) // self.batch_size
        for number in generator.permutation(complete):
            yield from batches[number].tolist()
        for batch in batches[complete:]:
            yield from batch.tolist()
