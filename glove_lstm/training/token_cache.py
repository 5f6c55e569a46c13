"""Tokenised texts on disk, so that the next run over the same texts with the same tokenizer need not tokenise them."""

import hashlib
import inspect
import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import tokenizers
from datasets import Dataset

from glove_lstm.tokenization import light_tokenizer, pipelines, spelling, word_shapes
from glove_lstm.tokenization.light_tokenizer import LightTokenizer

logger = logging.getLogger(__name__)

_BATCH = 1000  # rows


def map_with_cache(
    dataset: Dataset,
    encode: Callable[[dict[str, Any]], pa.Table],
    tokenizer: LightTokenizer,
    *,
    num_proc: int | None = None,
    overwrite: bool = False,
) -> Dataset:
    """`dataset.map`, or what an earlier call for the same texts and the same tokenizer left on disk.

    The file lies in `datasets`' cache, in a folder `glove_lstm`, where it can be deleted at any time. `datasets` writes
    it under another name first, so no process sees half of it. With `datasets.disable_caching()`, or where the cache
    cannot be written, the result is kept in memory.

    Args:
        dataset: n texts.
        encode: Tokenises a batch of rows.
        tokenizer: What `encode` tokenises with.
        num_proc: Processes that share the work; None: this one.
        overwrite: Whether to tokenise anew what is in the cache already.
    """
    # Small shards only cost their processes' start.
    shards = min(num_proc or 1, -(-len(dataset) // _BATCH))
    options: dict[str, Any] = {
        "batched": True,
        "batch_size": _BATCH,
        "remove_columns": dataset.column_names,
        "desc": "Tokenising",
        "num_proc": shards if shards > 1 else None,
    }
    key = _key(dataset, encode, tokenizer)
    options["new_fingerprint"] = key
    if not datasets.is_caching_enabled():
        return dataset.map(encode, keep_in_memory=True, **options)
    folder = Path(datasets.config.HF_DATASETS_CACHE) / "glove_lstm"
    options["cache_file_name"] = str(folder / f"{key}.arrow")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.glob(f"{key}*")) and not overwrite:
            try:
                found = dataset.map(encode, **options)
                if _is_whole(found, dataset):
                    return found
            except (pa.ArrowInvalid, OSError) as error:
                if getattr(
                    error, "errno", None
                ):  # not Arrow's, of what it read: the disk is full, or the like
                    raise
            logger.warning("The tokenised texts in %s are damaged: they are made anew.", folder)
        return dataset.map(encode, load_from_cache_file=False, **options)
    except OSError as error:
        logger.warning("Tokenised texts cannot be kept in %s (%s).", folder, error.strerror or error)
        return dataset.map(encode, keep_in_memory=True, **options | {"cache_file_name": None})


def _key(dataset: Dataset, encode: Callable[..., pa.Table], tokenizer: LightTokenizer) -> str:
    """Of all that the result depends on: the dataset, the tokenizer's state, and the code."""
    digest = hashlib.blake2b(digest_size=16)
    for module in (sys.modules[encode.__module__], light_tokenizer, pipelines, spelling, word_shapes):
        digest.update(inspect.getsource(module).encode())
    digest.update(f"{tokenizers.__version__} {tokenizer.state()}".encode())
    # Not Arrow's own bytes, which differ between equal tables.
    for rows in dataset.with_format(None).iter(_BATCH):
        digest.update(json.dumps(rows, ensure_ascii=False).encode())
    return digest.hexdigest()


def _is_whole(found: Dataset, dataset: Dataset) -> bool:
    """Whether all rows can be read: a file cut at the end of a batch has fewer."""
    if len(found) != len(dataset):
        return False
    column = found.data.column("input_ids")
    column.validate(full=True)
    return bool(
        (pa.compute.list_value_length(column).to_numpy() == found.data.column("length").to_numpy()).all()
    )
