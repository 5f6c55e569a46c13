"""Stream datasets from the Hub, or from a folder: nothing is prepared or kept on the disk."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import datasets
from huggingface_hub import HfApi

from glove_lstm.data.errors import DataError
from glove_lstm.data.files import check_revision, first_line
from glove_lstm.data.reading import RowReader, peek
from glove_lstm.data.streaming import Identity, TextSource, fingerprint
from glove_lstm.data.text_rows import Record


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
        split: Needed if there are several.
        revision: A commit, tag or branch; it is fixed to the commit that it names now.
        text_column_names: As for `load_splits`.
        skip_bad: Yield a row whose text is no text as a `BadRow` instead of raising.

    Raises:
        DataError: It cannot be reached, or has no such config, split or columns.
    """
    check_revision(name, revision)
    try:
        commit = None if Path(name).is_dir() else HfApi().dataset_info(name, revision=revision).sha
        splits = datasets.load_dataset(name, config, revision=commit, streaming=True)
    except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
        raise DataError(
            f"The dataset {name} could not be loaded: {first_line(error)}; check its name and the network."
        ) from error
    if split is None and len(splits) == 1:
        split = next(iter(splits))
    if split not in splits:
        problem = "has several splits" if split is None else f"has no split {split!r}"
        raise DataError(
            f"The dataset {name} {problem}; choose one of {', '.join(map(repr, splits))}."
        )

    def identity() -> Identity:
        paths = sorted(Path(name).rglob("*")) if commit is None else []
        files = [fingerprint(path) for path in paths if path.is_file()]
        known = {"dataset": name, "config": config, "split": split, "commit": commit}
        return [{**known, "files": files}]

    return TextSource(
        [lambda: _open(splits[split], f"split {split} of {name}")],
        text_column_names,
        identity=identity,
        skip_bad=skip_bad,
    )


def _open(rows: datasets.IterableDataset, where: str) -> RowReader:
    known = (rows.info.splits or {}).get(rows.split)
    total = known.num_examples or None if known else None
    return peek(where, _records(rows, where), rows.column_names, total)


def _records(rows: datasets.IterableDataset, where: str) -> Iterator[Record]:
    try:
        yield from rows
    except Exception as error:  # of the network, or of the reader of any format
        raise DataError(
            f"{where} could not be read to its end: {first_line(error)}; run the same command to resume."
        ) from error
