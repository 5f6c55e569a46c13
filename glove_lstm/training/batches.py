"""Tokenised texts on disk, and batches of them that hold as little padding as possible."""

from collections.abc import Callable, Iterator, Sequence
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
_ROWS = 1000  # tokenised together
_GROUP = 50  # batches of shuffled texts that are sorted by length together


class TokenizedTexts(TorchDataset[Any]):
    """Token ids in an Arrow table (memory-mapped where `datasets` caches it), read a whole batch at a time.

    Args:
        table: A dataset with the columns `input_ids`, `length`, and where they apply `token_type_ids` and `labels`.

    Attributes:
        lengths: Tokens of each text.
        set_epoch: Set by `GloveLstmTrainer`; called before each epoch.
    """

    set_epoch: Callable[[int], None]

    def __init__(self, table: Dataset) -> None:
        self.lengths = np.asarray(table.with_format("numpy")["length"][:], dtype=np.int64)
        self._whole = table
        self._table = table.remove_columns("length").with_format("arrow")

    def followed_by(self, others: "TokenizedTexts") -> "TokenizedTexts":
        """Append texts with the same columns."""
        return TokenizedTexts(concatenate_datasets([self._whole, others._whole]))

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, index: int) -> pa.Table:
        return self._table[[index]]

    def __getitems__(self, indices: Sequence[int]) -> pa.Table:
        return self._table[list(indices)]


def tokenize(
    dataset: Dataset, tokenizer: PreTrainedTokenizerBase, *, num_proc: int | None = None
) -> TokenizedTexts:
    """Tokenise a dataset with the columns `text`, and where they apply `text_pair` and `label`.

    Args:
        dataset: The texts.
        tokenizer: A `GloveLstmTokenizer`. Cuts to its `model_max_length`.
        num_proc: Processes that share the work, with a thousand texts each at least; None: this one.

    Raises:
        DataError: There are no texts, or the tokenizer adds tokens of its own to a text.
    """
    if not len(dataset):
        raise DataError("There are no texts to tokenise.")
    workers = min(num_proc or 1, -(-len(dataset) // _ROWS))
    table = dataset.map(
        _encode_rows,
        batched=True,
        batch_size=_ROWS,
        remove_columns=dataset.column_names,
        fn_kwargs={"tokenizer": LightTokenizer.of(tokenizer)},
        load_from_cache_file=False,
        num_proc=workers if workers > 1 else None,
        desc="Tokenising",
    )
    return TokenizedTexts(table)


def _encode_rows(rows: dict[str, list[Any]], tokenizer: LightTokenizer) -> pa.Table:
    columns = _encode(rows, tokenizer)
    columns["length"] = pa.compute.list_value_length(columns["input_ids"])
    if "label" in rows:
        columns["labels"] = pa.array(rows["label"]).cast(pa.int64())
    return pa.table(columns)


class MistypedPairs(TokenizedTexts):
    """Texts with mistyped copies: a batch of n texts has n rows more for each copy, after the texts.

    The label of a copy is `UNLABELLED`. The mistakes depend on the seed, the epoch and the text's row alone, so that a
    resumed run sees the same ones.

    Args:
        texts: `dataset`, tokenised.
        dataset: The texts.
        tokenizer: Their tokenizer.
        share: Mean share of mistyped letters; each text gets its own share from 0 to twice that.
        max_length: Tokens of a mistyped copy at the most.
        seed: Seed of the mistakes.
        copies: Copies of each text.

    Attributes:
        sampler: Set by the Trainer; knows the epoch.
    """

    sampler: "LengthGroupedSampler | None" = None

    def __init__(
        self,
        texts: TokenizedTexts,
        dataset: Dataset,
        tokenizer: PreTrainedTokenizerBase,
        share: float,
        max_length: int,
        seed: int,
        copies: int = 1,
    ) -> None:
        self.lengths = texts.lengths
        self._texts = texts
        self._columns = [name for name in ("text", "text_pair") if name in dataset.column_names]
        self._dataset = dataset.select_columns(self._columns)
        self._tokenizer = LightTokenizer.of(tokenizer)
        self._tokenizer.model_max_length = min(max_length, tokenizer.model_max_length)
        self._share = share
        self._seed = seed
        self._copies = copies

    def __getitem__(self, index: int) -> pa.Table:
        return self.__getitems__([index])

    def __getitems__(self, indices: Sequence[int]) -> pa.Table:
        clean = self._texts.__getitems__(indices)
        rows = self._dataset[list(indices)]
        return pa.concat_tables(
            [clean, *(self._mistyped(clean, rows, indices, copy) for copy in range(self._copies))]
        )

    def _mistyped(
        self, clean: pa.Table, rows: dict[str, list[str]], indices: Sequence[int], copy: int
    ) -> pa.Table:
        changed = {
            name: [
                self._mistype(text, f"{index} {name} {copy}")
                for text, index in zip(rows[name], indices, strict=True)
            ]
            for name in self._columns
        }
        columns = _encode(changed, self._tokenizer)
        if "labels" in clean.column_names:
            columns["labels"] = pa.array(np.full(len(indices), UNLABELLED))
        return pa.table(columns).select(clean.column_names).cast(clean.schema)

    def _mistype(self, text: str, key: str) -> str:
        epoch = 0 if self.sampler is None else self.sampler.epoch
        # Saves time on text that the tokenizer cuts off. Real texts have fewer than 16 characters a token; a text with
        # longer words is only cut earlier.
        most = 16 * (self._tokenizer.model_max_length or 0)
        text = text[-most:] if self._tokenizer.truncation_side == "left" else text[:most]
        return training_typos(text, f"{self._seed} {epoch} {key}", self._share)


def _encode(rows: dict[str, list[Any]], tokenizer: LightTokenizer) -> dict[str, Any]:
    """Make the columns `input_ids` and, if the tokenizer has them, `token_type_ids`."""
    found = tokenizer.read(rows["text"], rows.get("text_pair"))
    offsets = np.concatenate([[0], np.cumsum(found.lengths)]).astype(np.int32)
    columns: dict[str, Any] = {
        "input_ids": pa.ListArray.from_arrays(offsets, found.ids.astype(np.int32))
    }
    if tokenizer.token_types:
        columns["token_type_ids"] = pa.ListArray.from_arrays(offsets, found.shapes.astype(np.int8))
    return columns


def collate(batch: pa.Table | Sequence[pa.Table]) -> dict[str, Tensor]:
    """Pad a batch on the right with zeros, to its longest text (at least one token).

    Returns:
        `input_ids`, `attention_mask` and where they apply `token_type_ids` (B, T), and `labels` (B,).
    """
    table = batch if isinstance(batch, pa.Table) else pa.concat_tables(batch)
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


class LengthGroupedSampler(Sampler[int]):
    """Put texts of similar length into one batch, in an order that depends on the seed and the epoch alone.

    The order of transformers' own sampler depends on the global generator, so that a run resumed in mid-epoch would
    see other batches than an uninterrupted one.

    Args:
        lengths: Tokens of each text.
        batch_size: Texts of one step.
        seed: Seed of the order.
    """

    def __init__(
        self, lengths: Sequence[int] | np.ndarray[Any, Any], batch_size: int, seed: int
    ) -> None:
        self.lengths = np.asarray(lengths)
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch; the Trainer's dataloader does so before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        generator = np.random.default_rng([self.seed, self.epoch])
        order = generator.permutation(len(self.lengths))
        batches: list[np.ndarray[Any, Any]] = []
        for start in range(0, len(order), self.batch_size * _GROUP):
            group = order[start : start + self.batch_size * _GROUP]
            group = group[np.argsort(-self.lengths[group], kind="stable")]
            batches += [
                group[i : i + self.batch_size] for i in range(0, len(group), self.batch_size)
            ]
        full = [batch for batch in batches if len(batch) == self.batch_size]
        # A short batch anywhere but at the end would shift all that follow it.
        rest = [batch for batch in batches if len(batch) < self.batch_size]
        for index in generator.permutation(len(full)):
            yield from full[index].tolist()
        for batch in rest:
            yield from batch.tolist()
