"""Tokenised texts on disk, and batches of them that hold as little padding as possible."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from datasets import Dataset, concatenate_datasets
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset
from torch.utils.data import Sampler
from transformers import PreTrainedTokenizerBase

from glove_lstm.data.corruptions import training_typos
from glove_lstm.data.errors import DataError
from glove_lstm.tokenization.light_tokenizer import LightTokenizer

UNLABELLED = -100  # ignored by transformers' losses and by its count of a batch's items
_GROUP = 50  # batches of shuffled texts that are sorted by length together


class TokenizedTexts(TorchDataset[Any]):
    """Token ids in an Arrow table (memory-mapped where `datasets` caches it), read a whole batch at a time.

    Args:
        table: A dataset with the columns `input_ids`, `length`, and where they apply `token_type_ids` and `labels`.

    Attributes:
        lengths: Tokens of each text.
        sampler: Set by `GloveLstmTrainer`; knows the epoch.
    """

    sampler: "LengthGroupedSampler | None" = None

    def __init__(self, table: Dataset) -> None:
        self.lengths = np.asarray(table.with_format("numpy")["length"][:], dtype=np.int64)
        self._whole = table
        self._table = table.remove_columns("length").with_format("arrow")

    def followed_by(self, others: "TokenizedTexts") -> "TokenizedTexts":
        """Append texts with the same columns."""
        return TokenizedTexts(concatenate_datasets([self._whole, others._whole]))

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
        DataError: There are no texts, or the tokenizer adds tokens of its own to a text.
    """
    if not len(dataset):
        raise DataError("There are no texts to tokenise.")
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
        columns["labels"] = pa.array(rows["label"]).cast(pa.int64())
    return pa.table(columns)


@dataclass(eq=False)
class MistypedPairs(TokenizedTexts):
    """Texts with mistyped copies: a batch of n texts has n rows more for each copy, after the texts.

    The label of a copy is `UNLABELLED`. The mistakes depend on the seed, the epoch and the text's row alone, so that a
    resumed run sees the same ones.

    Attributes:
        texts: `dataset`, tokenised.
        dataset: The texts.
        tokenizer: Their tokenizer.
        share: Mean share of mistyped letters; each text gets its own share from 0 to twice that.
        max_length: Tokens of a mistyped copy at the most.
        seed: Seed of the mistakes.
        copies: Copies of each text.
    """

    texts: TokenizedTexts
    dataset: Dataset
    tokenizer: PreTrainedTokenizerBase
    share: float
    max_length: int
    seed: int
    copies: int = 1

    def __post_init__(self) -> None:
        self.lengths = self.texts.lengths
        names = [name for name in ("text", "text_pair") if name in self.dataset.column_names]
        self.dataset = self.dataset.select_columns(names)
        self._reader = LightTokenizer.of(self.tokenizer)
        self._reader.model_max_length = min(self.max_length, self.tokenizer.model_max_length)

    def __getitems__(self, indices: Sequence[int]) -> pa.Table:
        clean = self.texts.__getitems__(indices)
        rows = self.dataset[list(indices)]
        tables = [clean]
        for copy in range(self.copies):
            changed = {
                name: [
                    self._mistype(text, f"{index} {name} {copy}")
                    for text, index in zip(texts, indices, strict=True)
                ]
                for name, texts in rows.items()
            }
            columns = _encode(changed, self._reader)
            if "labels" in clean.column_names:
                columns["labels"] = pa.array(np.full(len(indices), UNLABELLED))
            tables.append(pa.table(columns).select(clean.column_names).cast(clean.schema))
        return pa.concat_tables(tables)

    def _mistype(self, text: str, key: str) -> str:
        epoch = 0 if self.sampler is None else self.sampler.epoch
        # Saves time on text that the tokenizer cuts off. Real texts have fewer than 16 characters a token; a text with
        # longer words is only cut earlier.
        most = 16 * (self._reader.model_max_length or 0)
        text = text[-most:] if self._reader.truncation_side == "left" else text[:most]
        return training_typos(text, f"{self.seed} {epoch} {key}", self.share)


def _encode(rows: dict[str, list[Any]], tokenizer: LightTokenizer) -> dict[str, Any]:
    """Make the columns `input_ids` and, if the tokenizer has them, `token_type_ids`."""
    found = tokenizer.read(rows["text"], rows.get("text_pair"))
    offsets = np.concatenate([[0], np.cumsum(found.lengths)]).astype(np.int32)
    ids = pa.ListArray.from_arrays(offsets, found.ids.astype(np.int32))
    columns: dict[str, Any] = {"input_ids": ids}
    if tokenizer.token_types:
        columns["token_type_ids"] = pa.ListArray.from_arrays(offsets, found.shapes.astype(np.int8))
    return columns


def collate(table: pa.Table) -> dict[str, Tensor]:
    """Pad a batch on the right with zeros, to its longest text (at least one token).

    Returns:
        `input_ids`, `attention_mask` and where they apply `token_type_ids` (B, T), and `labels` (B,).
    """
    padded: dict[str, Tensor] = {}
    for name in ("input_ids", "token_type_ids"):
        if name not in table.column_names:
            continue
        column = table[name].combine_chunks()
        starts = column.offsets.to_numpy()
        lengths = np.diff(starts)
        mask = np.arange(max(lengths.max(initial=0), 1)) < lengths[:, None]
        rows = np.zeros(mask.shape, dtype=np.int64)
        rows[mask] = column.values.to_numpy()[starts[0] : starts[-1]]
        padded[name] = torch.from_numpy(rows)
        padded["attention_mask"] = torch.from_numpy(mask.astype(np.int64))
    if "labels" in table.column_names:
        padded["labels"] = torch.from_numpy(table["labels"].to_numpy().copy())
    return padded


@dataclass(eq=False)
class LengthGroupedSampler(Sampler[int]):
    """Put texts of similar length into one batch, in an order that depends on the seed and the epoch alone.

    The order of transformers' own sampler depends on the global generator, so that a run resumed in mid-epoch would
    see other batches than an uninterrupted one.

    Attributes:
        lengths: Tokens of each text.
        batch_size: Texts of one step.
        seed: Seed of the order.
        epoch: Set by the Trainer's dataloader before each epoch.
    """

    lengths: np.ndarray[Any, Any]
    batch_size: int
    seed: int
    epoch: int = 0

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        generator = np.random.default_rng([self.seed, self.epoch])
        order = generator.permutation(len(self.lengths))
        size, batches = self.batch_size, []
        for start in range(0, len(order), size * _GROUP):
            group = order[start : start + size * _GROUP]
            group = group[np.argsort(-self.lengths[group], kind="stable")]
            batches += [group[i : i + size].tolist() for i in range(0, len(group), size)]
        # A short batch (the last one, if any) anywhere but at the end would shift all that follow it.
        full = len(order) // size
        for index in [*generator.permutation(full), *range(full, len(batches))]:
            yield from batches[index]
