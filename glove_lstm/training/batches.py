"""Tokenised texts on disk, and batches of them that hold as little padding as possible."""

import hashlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from datasets import Dataset
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset
from torch.utils.data import Sampler
from transformers import PreTrainedTokenizerBase

from glove_lstm.data.corruptions import training_copy
from glove_lstm.tokenization.light_tokenizer import LightTokenizer

_GROUP = 50  # batches of shuffled texts that are sorted by length together


class TokenizedTexts(TorchDataset[Any]):
    """Token ids in an Arrow table (memory-mapped where `datasets` caches it), read a whole batch at a time.

    Args:
        table: A dataset with the columns `input_ids`, `length`, and where they apply `token_type_ids` and `labels`.
    """

    weights: NDArray[np.float64] | None = None  # of each text in sampling; None: each once an epoch
    sampler: "LengthGroupedSampler | None" = None  # set by `GloveLstmTrainer`; knows the epoch

    def __init__(self, table: Dataset) -> None:
        # Tokens of each text.
        self.lengths = np.asarray(table.with_format("numpy")["length"][:], dtype=np.int64)
        self._table = table.remove_columns("length").with_format("arrow")

    @property
    def labels(self) -> NDArray[Any]:
        """Class index of each text, (n,); or (n, classes), 1 where a text has the label."""
        return np.asarray(self._table.with_format("numpy")["labels"][:])

    def count_other_than(self, token: int) -> NDArray[np.int64]:
        """Count the tokens of each text that are not `token`."""
        ids = self._table[:]["input_ids"].combine_chunks().flatten().to_numpy()
        text_of = np.repeat(np.arange(len(self)), self.lengths)
        others = ids != token
        return np.bincount(text_of, others, len(self)).astype(np.int64)

    def digest(self) -> str:
        """Return a hash of all tokens and labels."""
        sha = hashlib.sha256(self.lengths.tobytes())
        for column in self._table[:].columns:
            for chunk in column.chunks:
                values = chunk.flatten() if pa.types.is_list(chunk.type) else chunk
                sha.update(values.to_numpy(zero_copy_only=False))
        return sha.hexdigest()

    def __len__(self) -> int:
        return len(self.lengths)

    def set_epoch(self, epoch: int) -> None:
        """Tell the sampler, as accelerate before 1.15 does not in the epoch that a run resumes."""
        if self.sampler:
            self.sampler.set_epoch(epoch)

    def __getitems__(self, indices: Sequence[int]) -> pa.Table:
        return self._table[list(indices)]


def tokenize(dataset: Dataset, tokenizer: PreTrainedTokenizerBase) -> TokenizedTexts:
    """Tokenise a dataset with the columns `text`, and where they apply `text_pair` and `label`.

    Args:
        dataset: The texts.
        tokenizer: A `GloveLstmTokenizer`. Cuts to its `model_max_length`.

    Raises:
        DataError: The tokenizer adds tokens of its own to a text.
    """
    table = dataset.map(
        _encode_rows,
        batched=True,
        remove_columns=dataset.column_names,
        fn_kwargs={"tokenizer": LightTokenizer.of(tokenizer)},
        load_from_cache_file=False,
        desc="Tokenising",
    )
    return TokenizedTexts(table)


def _encode_rows(rows: dict[str, list[Any]], tokenizer: LightTokenizer) -> pa.Table:
    columns = _encode(rows, tokenizer)
    columns["length"] = pa.compute.list_value_length(columns["input_ids"])
    if "label" in rows:
        labels = pa.array(rows["label"])
        kind = pa.list_(pa.float32()) if pa.types.is_list(labels.type) else pa.int64()
        columns["labels"] = labels.cast(kind)
    return pa.table(columns)


@dataclass(eq=False)
class CorruptedTexts(TokenizedTexts):
    """Texts of which a share is replaced by corrupted copies, drawn anew in each epoch.

    The choice and the errors depend on the seed, the epoch and the text's row alone, so that a resumed run sees the
    same ones.
    """

    texts: TokenizedTexts  # `dataset`, tokenised
    dataset: Dataset
    tokenizer: PreTrainedTokenizerBase
    share: float  # of the texts that are replaced, 0 to 1
    seed: int  # of the choice and the errors
    # Tokens of a copy to keep, because the LSTM reads no more; ignored where the tokenizer truncates on the left.
    max_length: int | None = None
    kind: str | None = None  # of all copies, as for `training_copy`; None: drawn for each

    def __post_init__(self) -> None:
        texts = self.texts
        self.lengths, self.weights, self._table = texts.lengths, texts.weights, texts._table
        names = [name for name in ("text", "text_pair") if name in self.dataset.column_names]
        self.dataset = self.dataset.select_columns(names)
        self._reader = LightTokenizer.of(self.tokenizer)
        longest = self.tokenizer.model_max_length
        if self._reader.truncation_side == "right":
            # Cut on the left, the first tokens depend on where the whole text would begin.
            longest = min(self.max_length or longest, longest)
        self._reader.model_max_length = longest

    def __getitems__(self, indices: Sequence[int]) -> pa.Table:
        epoch = 0 if self.sampler is None else self.sampler.epoch
        keys = [f"{self.seed} {epoch} {index}" for index in indices]
        replaced = np.array([random.Random(key).random() < self.share for key in keys])  # noqa: S311
        whole = super().__getitems__(indices)
        if not replaced.any():
            return whole
        copied = np.flatnonzero(replaced).tolist()
        rows = self.dataset[[indices[place] for place in copied]]
        changed = {
            name: [
                training_copy(self._cut(text), f"{keys[place]} copy", self.kind)
                for text, place in zip(texts, copied, strict=True)
            ]
            for name, texts in rows.items()
        }
        columns = _encode(changed, self._reader)
        if "labels" in whole.column_names:
            columns["labels"] = whole["labels"].take(copied)
        copies = pa.table(columns).select(whole.column_names).cast(whole.schema)
        return pa.concat_tables([whole.filter(pa.array(~replaced)), copies])

    def _cut(self, text: str) -> str:
        """Cut text that the tokenizer would cut off, to save time.

        Real texts have fewer than 16 characters a token; a text with longer words is only cut earlier.
        """
        assert self._reader.model_max_length
        most = 16 * self._reader.model_max_length
        return text[-most:] if self._reader.truncation_side == "left" else text[:most]


def _encode(rows: dict[str, list[Any]], tokenizer: LightTokenizer) -> dict[str, Any]:
    """Make the columns `input_ids` and, if the tokenizer has them, `token_type_ids`."""
    tokens = tokenizer.read(rows["text"], rows.get("text_pair"))
    offsets = np.concatenate([[0], np.cumsum(tokens.lengths)]).astype(np.int32)
    ids = pa.ListArray.from_arrays(offsets, tokens.ids.astype(np.int32))
    columns: dict[str, Any] = {"input_ids": ids}
    if tokenizer.token_types:
        columns["token_type_ids"] = pa.ListArray.from_arrays(offsets, tokens.types)
    return columns


def collate(table: pa.Table) -> dict[str, Tensor]:
    """Pad a batch on the right with zeros, to its longest text (at least one token).

    Returns:
        `input_ids`, `attention_mask` and where they apply `token_type_ids` (B, T), and `labels` (B,), or
        (B, classes) for several labels a text.
    """
    padded: dict[str, Tensor] = {}
    for name in ("input_ids", "token_type_ids"):
        if name not in table.column_names:
            continue
        column = table[name].combine_chunks()
        lengths = pa.compute.list_value_length(column).to_numpy()
        mask = np.arange(max(lengths.max(initial=0), 1)) < lengths[:, None]
        rows = np.zeros(mask.shape, dtype=np.int64)
        rows[mask] = column.flatten().to_numpy()
        padded[name] = torch.from_numpy(rows)
        padded["attention_mask"] = torch.from_numpy(mask.astype(np.int64))
    if "labels" in table.column_names:
        labels = table["labels"].combine_chunks()
        if pa.types.is_list(labels.type):
            values = labels.flatten().to_numpy().reshape(len(labels), -1)
        else:
            values = labels.to_numpy()
        padded["labels"] = torch.from_numpy(values.copy())
    return padded


@dataclass(eq=False)
class LengthGroupedSampler(Sampler[int]):
    """Put texts of similar length into one batch, in an order that depends on the seed and the epoch alone.

    The order of transformers' own sampler depends on the global generator, so that a run resumed in mid-epoch would
    see other batches than an uninterrupted one. Texts with weights (mean 1) are drawn with replacement.
    """

    lengths: NDArray[Any]  # tokens of each text
    batch_size: int  # texts of one step
    seed: int
    weights: NDArray[np.float64] | None = None
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
        size, batches = self.batch_size, []
        for start in range(0, len(order), size * _GROUP):
            group = order[start : start + size * _GROUP]
            group = group[np.argsort(-self.lengths[group], kind="stable")]
            batches += [group[i : i + size].tolist() for i in range(0, len(group), size)]
        # A short batch (the last one, if any) anywhere but at the end would shift all that follow it.
        full = len(order) // size
        for index in [*generator.permutation(full), *range(full, len(batches))]:
            yield from batches[index]
