"""Tokenised texts, and batches of them that hold as little padding as possible."""

import copy
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from glove_lstm.data.corruptions import training_copy
from glove_lstm.progress import progress
from glove_lstm.text.light_tokenizer import LightTokenizer
from glove_lstm.text.tokens import Tokens, length_batches, ranges

Ints = NDArray[np.int64]

_BATCHES_PER_GROUP = 50  # a group of shuffled texts is sorted by length
_CHUNK = 4096  # texts tokenised between two updates of the progress bar
_LONGEST_TOKEN = 16  # characters of a token, more than in real texts


class TokenizedTexts(Dataset[Any]):
    """n tokenised texts, read a whole batch at a time.

    Args:
        tokens: Ids and `token_type_ids` of all texts, one text after the other.
        typed: Whether the model reads `token_type_ids`.
        labels: (n,) class indices; or (n, classes) with 1 where a text has the label, or the logits of a teacher; None
            without labels.

    Attributes:
        lengths: (n,) tokens of each text.
        weights: (n,) weight of each text in the loss; None: 1.
        sampler: The sampler of these texts, which knows the epoch; set by `GloveLstmTrainer`.
    """

    def __init__(self, tokens: Tokens, *, typed: bool, labels: NDArray[Any] | None = None) -> None:
        self.lengths = tokens.lengths
        self.labels = labels
        self.typed = typed
        self.weights: NDArray[np.float64] | None = None
        self.sampler: LengthGroupedSampler | None = None
        self._begins = np.cumsum(tokens.lengths) - tokens.lengths
        self._ids = tokens.ids.astype(np.int32)
        self._types = tokens.types

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitems__(self, rows: Sequence[int] | Ints) -> "Batch":
        rows = np.asarray(rows, dtype=np.int64)
        lengths = self.lengths[rows]
        tokens = ranges(self._begins[rows], lengths)
        return Batch(
            ids=self._ids[tokens],
            types=self._types[tokens] if self.typed else None,
            lengths=lengths,
            labels=None if self.labels is None else self.labels[rows],
            weights=None if self.weights is None else self.weights[rows],
        )

    def with_labels(self, labels: NDArray[Any]) -> "TokenizedTexts":
        """Return the same texts with other labels."""
        changed = copy.copy(self)
        changed.labels = labels
        return changed

    def set_epoch(self, epoch: int) -> None:
        """Set the sampler's epoch. If a run is resumed, accelerate before 1.15 calls this, not the sampler."""
        if self.sampler is not None:
            self.sampler.set_epoch(epoch)

    def count_other_than(self, token: int) -> NDArray[np.int64]:
        """Count the tokens of each text that are not `token`: (n,)."""
        text_of_token = np.repeat(np.arange(len(self)), self.lengths)
        is_other = self._ids != token
        return np.bincount(text_of_token[is_other], minlength=len(self))


@dataclass(frozen=True)
class Batch:
    """B texts of m tokens in all, not yet padded."""

    ids: NDArray[np.int32]  # (m,)
    types: NDArray[np.int64] | None  # (m,) `token_type_ids`, if the model reads them
    lengths: NDArray[np.int64]  # (B,) tokens of each text
    labels: NDArray[Any] | None  # (B,) or (B, classes)
    weights: NDArray[np.float64] | None  # (B,) in the loss

    def __add__(self, other: "Batch") -> "Batch":
        """Append the texts of another batch, which has the same fields."""
        joined: dict[str, Any] = {}
        for name, values in vars(self).items():
            others = getattr(other, name)
            joined[name] = None if values is None else np.concatenate([values, others])
        return Batch(**joined)


def collate(batch: Batch) -> dict[str, Tensor]:
    """Pad a batch on the right with zeros, to its longest text (at least one token).

    Returns:
        `input_ids` and `attention_mask` (B, T); and if the batch has them, `token_type_ids` (B, T), `weights` (B,) and
        `labels`, (B,) or as floats (B, classes).
    """
    longest = max(int(batch.lengths.max(initial=0)), 1)
    mask = np.arange(longest) < batch.lengths[:, None]
    padded = {"attention_mask": torch.from_numpy(mask.astype(np.int64))}
    for name, values in (("input_ids", batch.ids), ("token_type_ids", batch.types)):
        if values is not None:
            rows = np.zeros(mask.shape, dtype=np.int64)
            rows[mask] = values
            padded[name] = torch.from_numpy(rows)
    if batch.labels is not None:
        kind = np.float32 if batch.labels.ndim == 2 else np.int64
        padded["labels"] = torch.from_numpy(batch.labels.astype(kind))
    if batch.weights is not None:
        padded["weights"] = torch.from_numpy(batch.weights.astype(np.float32))
    return padded


def tokenize(
    texts: Sequence[str], reader: LightTokenizer, labels: NDArray[Any] | None = None
) -> TokenizedTexts:
    """Tokenise texts, truncated to the reader's `model_max_length`; see `TokenizedTexts` for the labels."""
    parts = []
    with progress("Tokenising", total=len(texts)) as bar:
        for start in range(0, len(texts), _CHUNK):
            chunk = texts[start : start + _CHUNK]
            parts.append(reader.read(chunk))
            bar.update(len(chunk))
    tokens = Tokens.concatenate(parts)
    return TokenizedTexts(tokens, typed=reader.token_types, labels=labels)


def corrupt(texts: Sequence[str], seed: int, epoch: int, reader: LightTokenizer) -> list[str]:
    """Return a corrupted copy of each text, which depends on the text's row, the seed and the epoch alone.

    Args:
        texts: n texts.
        seed: Seed of the errors.
        epoch: Another epoch has other errors.
        reader: Reader of the copies. Text beyond its `model_max_length` is not corrupted, to save time.
    """
    copies = []
    with progress("Corrupting copies", total=len(texts)) as bar:
        for row, text in enumerate(texts):
            copies.append(training_copy(_read_part(text, reader), f"{seed} {epoch} {row}"))
            bar.update()
    return copies


def _read_part(text: str, reader: LightTokenizer) -> str:
    """Return the beginning or the end of a text, more than the reader keeps."""
    if reader.model_max_length is None:
        return text
    most_characters = _LONGEST_TOKEN * reader.model_max_length
    if reader.truncation_side == "left":
        return text[-most_characters:]
    return text[:most_characters]


class CorruptedTexts(TokenizedTexts):
    """Texts, a share of which is replaced by corrupted copies in each epoch.

    Args:
        texts: n texts.
        clean: The same texts, tokenised, with labels.
        reader: Reader of the copies.
        share: Share of the texts that are replaced, 0 to 1.
        seed: Seed of the choice and the errors. A resumed run sees the same copies.
    """

    def __init__(
        self,
        texts: Sequence[str],
        clean: TokenizedTexts,
        reader: LightTokenizer,
        *,
        share: float,
        seed: int,
    ) -> None:
        self.lengths = clean.lengths
        self.labels = clean.labels
        self.typed = clean.typed
        self.weights = clean.weights
        self.sampler = clean.sampler
        self._texts = texts
        self._clean = clean
        self._reader = reader
        self._share = share
        self._seed = seed
        self._epoch = -1  # of the copies; they are drawn when the first batch is read

    def __getitems__(self, rows: Sequence[int] | Ints) -> Batch:
        epoch = 0 if self.sampler is None else self.sampler.epoch
        if epoch != self._epoch:
            self._clean.weights = self.weights  # the Trainer sets them after `__init__`
            self._draw_copies(epoch)
        rows = np.asarray(rows, dtype=np.int64)
        copies = self._copy_of[rows]
        has_copy = copies >= 0
        # The order within a batch does not matter: labels and weights come with their texts.
        clean_texts = self._clean.__getitems__(rows[~has_copy])
        corrupted_texts = self._copies.__getitems__(copies[has_copy])
        return clean_texts + corrupted_texts

    def _draw_copies(self, epoch: int) -> None:
        """Choose the texts that are replaced in an epoch, corrupt them, and tokenise them together."""
        generator = random.Random(f"{self._seed} {epoch}")  # noqa: S311 - no secret
        replaced = [row for row in range(len(self)) if generator.random() < self._share]
        copies = corrupt([self._texts[row] for row in replaced], self._seed, epoch, self._reader)
        labels = None if self.labels is None else self.labels[replaced]
        self._copies = tokenize(copies, self._reader, labels)
        if self.weights is not None:
            self._copies.weights = self.weights[replaced]
        self._copy_of = np.full(len(self), -1, dtype=np.int64)  # row of a text's copy, or -1
        self._copy_of[replaced] = np.arange(len(replaced))
        self._epoch = epoch


@dataclass(eq=False)
class LengthGroupedSampler(Sampler[int]):
    """Put texts of similar length into one batch, in an order that depends on the seed and the epoch alone.

    transformers' own sampler depends on the global random generator, so that a run resumed within an epoch would see
    other batches than an uninterrupted run. Texts with weights are drawn with replacement.
    """

    lengths: NDArray[Any]  # tokens of each text
    batch_size: int  # texts of one step
    seed: int
    weights: NDArray[np.float64] | None = None  # of each text in sampling; None: each once an epoch
    epoch: int = 0  # set by the Trainer's dataloader before each epoch

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        generator = np.random.default_rng([self.seed, self.epoch])
        count = len(self.lengths)
        order = generator.permutation(count)
        if self.weights is not None:
            order = generator.choice(count, count, p=self.weights / self.weights.sum())

        batches: list[Ints] = []
        group_size = self.batch_size * _BATCHES_PER_GROUP
        for start in range(0, count, group_size):
            group = order[start : start + group_size]
            batches_of_places = length_batches(self.lengths[group], self.batch_size)
            batches += [group[places] for places in batches_of_places]

        # The Trainer cuts batches from these rows, so that an incomplete batch must be the last.
        complete = count // self.batch_size
        for number in generator.permutation(complete):
            yield from batches[number].tolist()
        for batch in batches[complete:]:
            yield from batch.tolist()
