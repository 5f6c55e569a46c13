"""Datasets on the Hub, or in a folder, read as they come over the line: nothing is prepared or kept on the disk."""

import logging
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import datasets
from huggingface_hub import HfApi

from glove_lstm.data.errors import DataError
from glove_lstm.data.reading import Record, check_revision, first_line
from glove_lstm.data.row_readers import SequentialReader
from glove_lstm.data.streaming import Identity, Input, TextSource, fingerprint

logger = logging.getLogger(__name__)


def open_hub(
    name: str,
    config: str | None = None,
    split: str | None = None,
    revision: str | None = None,
    text_column_names: str | Sequence[str] | None = None,
    *,
    skip_bad: bool = False,
) -> TextSource:
    """Stream one split of a dataset.

    Args:
        name: A dataset's id on the Hub, or a folder of data files.
        config: One of its configs.
        split: Needed where there are several.
        revision: A commit, tag or branch; it is fixed to the commit that it names now.
        text_column_names: As for `load_splits`.
        skip_bad: Give a row whose text is no text as a `BadRow` instead of raising.

    Raises:
        DataError: It cannot be reached, or has no such config, split or columns.
    """
    check_revision(name, revision)
    local = Path(name).is_dir()
    commit = None if local else _commit(name, revision)
    rows = _load(name, config, split, commit)
    where = f"split {rows.split} of {name}"
    identity: Identity = {"dataset": name, "config": config, "split": str(rows.split), "commit": commit}
    one = Input(partial(_reader, rows, where), partial(_identity, identity, Path(name) if local else None))
    return TextSource([one], text_column_names, skip_bad=skip_bad)


def _commit(name: str, revision: str | None) -> str | None:
    try:
        return HfApi().dataset_info(name, revision=revision).sha
    except (OSError, ValueError) as error:
        raise DataError(
            f"The dataset {name} could not be reached: {first_line(error)}; check its name and the network."
        ) from error


def _load(name: str, config: str | None, split: str | None, commit: str | None) -> datasets.IterableDataset:
    try:
        found = datasets.load_dataset(name, config, revision=commit, streaming=True)
    except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
        raise DataError(
            f"The dataset {name} could not be loaded: {first_line(error)}; check its name."
        ) from error
    names = list(found)
    if split is None and len(names) == 1:
        split = names[0]
    if split not in names:
        problem = "has several splits" if split is None else f"has no split {split!r}"
        raise DataError(f"The dataset {name} {problem}; choose one of {', '.join(map(repr, names))}.")
    return found[split]


def _reader(rows: datasets.IterableDataset, where: str) -> SequentialReader:
    splits = rows.info.splits or {}
    total = splits[rows.split].num_examples or None if rows.split in splits else None
    return SequentialReader(where, _records(rows, where), columns=rows.column_names, total=total)


def _records(rows: datasets.IterableDataset, where: str) -> Iterator[Record]:
    try:
        yield from rows
    # Whatever a reader of some format or the network raises means the same to who waits for the rows.
    except Exception as error:
        raise DataError(
            f"{where} could not be read to its end: {first_line(error)}; the same command goes on from here."
        ) from error


def _identity(known: Identity, folder: Path | None) -> dict[str, Any]:
    files = sorted(path for path in folder.rglob("*") if path.is_file()) if folder else []
    return {**known, "files": [fingerprint(path) for path in files]}
