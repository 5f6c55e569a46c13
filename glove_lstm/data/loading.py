"""Load labelled text, by name or from files, into the columns text, label and perhaps text_pair.

data = load_splits("fake_or_real_news")
data = load_splits(train_file="mine.csv", text_column_names=["headline", "body"], label_column_name="verdict")
data = load_splits("imdb")                                   # a dataset on the Hub
"""

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import datasets
import numpy as np

from glove_lstm.data.builder import DataFiles, FilePath, NewsBuilder
from glove_lstm.data.columns import choose_columns
from glove_lstm.data.errors import DataError
from glove_lstm.data.fake_or_real_news import FakeOrRealNews
from glove_lstm.data.files import check_revision, first_line
from glove_lstm.data.labelled_split import LabelledSplit, OnEmpty, name_labels
from glove_lstm.data.liar import Liar
from glove_lstm.data.reading import RowReader, open_reader
from glove_lstm.data.splits import grouped_stratified_split, near_duplicate_groups

logger = logging.getLogger(__name__)

BUILDERS: dict[str, type[NewsBuilder]] = {"fake_or_real_news": FakeOrRealNews, "liar": Liar}
Readers = dict[str, list[RowReader]]  # split -> its files, or its dataset

_SPLITS = ("train", "validation", "test")
_SPLIT_NAMES = {
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "eval": "validation",
}


@dataclass(frozen=True, eq=False)
class LoadedData:
    """Splits that are ready for a tokenizer.

    Attributes:
        splits: "train", "validation" and "test", as far as available. Columns: `text`; `text_pair`, if
            there are two or more text columns; `label`, an index into `label_names`.
        label_names: The labels in the order of their numbers.
        text_column_names: The columns that the text was taken from.
        source: Where the data come from, in words.
    """

    splits: dict[str, datasets.Dataset]
    label_names: list[str]
    text_column_names: list[str]
    source: str


def load_splits(
    dataset_name: str | None = None,
    dataset_config_name: str | None = None,
    *,
    data_files: DataFiles | None = None,
    data_dir: FilePath | None = None,
    train_file: FilePath | None = None,
    validation_file: FilePath | None = None,
    test_file: FilePath | None = None,
    text_column_names: str | Sequence[str] | None = None,
    label_column_name: str = "label",
    label_names: Sequence[str] | None = None,
    validation_fraction: float = 0.1,
    on_empty: OnEmpty = "error",
    seed: int = 42,
    cache_dir: FilePath | None = None,
    revision: str | None = None,
) -> LoadedData:
    """Load labelled text from one of our builders, files, or the Hub.

    Only the columns that are asked for are read. If the data have no validation split, one is cut from
    train: stratified, seeded, with near duplicates on one side.

    Args:
        dataset_name: "fake_or_real_news" or "liar"; or a dataset's id on the Hub, or a folder.
        dataset_config_name: One of its configs.
        data_files: Passed to the dataset; without `dataset_name`, files by split, as `train_file` and so on.
        data_dir: Passed to the dataset.
        train_file: A CSV, TSV, JSON, JSONL or Parquet file; text formats may be gzipped.
        validation_file: As `train_file`.
        test_file: As `train_file`; it may stand alone.
        text_column_names: One or more columns, in a list or separated by commas: the first becomes `text`,
            the others, joined by a space, `text_pair`. None takes title and text, else text, else title, else
            the only other column of strings.
        label_column_name: The column of labels: strings, whole numbers or booleans, told apart to the letter.
        label_names: The labels in order, when a model fixes them. None takes the order of the dataset's
            ClassLabel; FAKE, REAL; the order of the numbers, named "0", "1", ...; or alphabetical order.
        validation_fraction: The share of train cut for a missing validation split; 0 cuts none.
        on_empty: What to do about a row without any text: "error", "drop" it, or "keep" it. An empty column
            beside one with text is always fine.
        seed: Of the cut.
        cache_dir: For prepared datasets and downloads.
        revision: Of a dataset on the Hub.

    Raises:
        DataError: If anything is missing, unknown, empty or malformed; the sentence names the file and row.
    """
    if not 0 <= validation_fraction < 1:
        raise DataError(
            f"validation_fraction is {validation_fraction}, but must be at least 0 and below 1."
        )
    if on_empty not in ("error", "drop", "keep"):
        raise DataError(f"on_empty is {on_empty!r}, but must be error, drop or keep.")
    readers, columns, source = open_splits(
        dataset_name,
        dataset_config_name,
        {"train": train_file, "validation": validation_file, "test": test_file},
        {"data_files": data_files, "data_dir": data_dir, "cache_dir": cache_dir},
        revision,
        text_column_names,
        label_column_name,
    )
    splits = {
        split: LabelledSplit(parts, columns, label_column_name, on_empty)
        for split, parts in readers.items()
    }
    for split in [split for split, rows in splits.items() if rows.unlabelled]:
        logger.warning("%s: left out, because it has no labels.", splits.pop(split).where)
    if not splits:
        raise DataError(
            f"No split of {source} has labels in {label_column_name!r}; choose another column."
        )
    class_names = next(iter(readers.values()))[0].class_names.get(label_column_name)
    names = name_labels(splits, class_names, label_names)
    loaded = {split: rows.encode(names) for split, rows in splits.items()}
    if "train" in loaded and "validation" not in loaded and validation_fraction:
        loaded = _cut_validation(loaded, validation_fraction, seed, splits["train"].where)
    counts = ", ".join(f"{split} {len(rows):,}" for split, rows in loaded.items())
    logger.info(
        "Loaded %s: %s rows; text from %s; labels %s.",
        source,
        counts,
        " + ".join(columns),
        ", ".join(names),
    )
    return LoadedData(loaded, names, columns, source)


def open_splits(
    dataset_name: str | None,
    config: str | None,
    files: Mapping[str, FilePath | None],
    options: dict[str, Any],
    revision: str | None,
    text_column_names: str | Sequence[str] | None,
    label_column_name: str,
) -> tuple[Readers, list[str], str]:
    """Open a dataset or files.

    Returns:
        The readers by split; the text columns; where the data come from, in words.
    """
    given = {split: file for split, file in files.items() if file is not None}
    if dataset_name is None:
        for option, value in (("dataset_config_name", config), ("revision", revision)):
            if value is not None:
                raise DataError(f"{option} needs dataset_name; name the dataset or leave it out.")
        readers, source = _open_files(given, options["data_files"], options["data_dir"])
    elif given:
        raise DataError(
            f"Both the dataset {dataset_name} and {next(iter(given))}_file are given; choose one."
        )
    else:
        readers, source = _open_dataset(dataset_name, config, options, revision)
    for reader in chain.from_iterable(readers.values()):
        if reader.first is None:
            raise DataError(f"{reader.where} has no rows; give a file with data.")
    first = next(iter(readers.values()))[0]
    assert first.first is not None
    columns = choose_columns(
        first.where, first.columns, first.first, text_column_names, label_column_name
    )
    return readers, columns, source


def _open_files(
    given: Mapping[str, FilePath], data_files: DataFiles | None, data_dir: FilePath | None
) -> tuple[Readers, str]:
    if data_dir is not None:
        raise DataError("data_dir needs dataset_name; name the dataset or give train_file.")
    if given and data_files is not None:
        raise DataError(f"Both data_files and {next(iter(given))}_file are given; choose one.")
    by_split: Mapping[str, FilePath | Sequence[FilePath]] = given
    if data_files is not None:
        by_split = data_files if isinstance(data_files, Mapping) else {"train": data_files}
    files = {}
    for split, paths in by_split.items():
        listed = [paths] if isinstance(paths, str | os.PathLike) else paths
        files[_SPLIT_NAMES.get(split, split)] = [Path(path).expanduser() for path in listed]
    unknown = [split for split in files if split not in _SPLITS]
    if unknown:
        raise DataError(
            f"data_files names the split {unknown[0]!r}; the splits are {', '.join(_SPLITS)}."
        )
    readers = {
        split: [open_reader(path) for path in files[split]] for split in _SPLITS if files.get(split)
    }
    if not readers:
        raise DataError("There is nothing to load; give dataset_name, or train_file or test_file.")
    names = {split: " and ".join(part.where for part in parts) for split, parts in readers.items()}
    return readers, ", ".join(f"{split} {name}" for split, name in names.items())


def _open_dataset(
    name: str, config: str | None, options: dict[str, Any], revision: str | None
) -> tuple[Readers, str]:
    if name in BUILDERS:
        if revision is not None:
            raise DataError(
                f"revision is that of a dataset on the Hub, and {name} is none; leave it out."
            )
        builder = BUILDERS[name](config_name=config, **options)
        builder.download_and_prepare()
        found = builder.as_dataset()
        source = f"{name} ({builder.config.name}) from {builder.source}"
    else:
        check_revision(name, revision)
        try:
            found = datasets.load_dataset(name, config, revision=revision, **_plain(options))
        except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
            raise DataError(
                f"The dataset {name} could not be loaded: {first_line(error)}; check its name."
            ) from error
        source = f"{name} ({config})" if config else name
    if len(found) == 1 and next(iter(found)) not in _SPLITS:
        found = {"train": next(iter(found.values()))}
    renamed = {_SPLIT_NAMES.get(split, split): rows for split, rows in found.items()}
    if "train" not in renamed and "test" not in renamed:
        raise DataError(
            f"The dataset {name} has the splits {', '.join(renamed)}, but needs train or test."
        )
    left_out = [split for split in renamed if split not in _SPLITS]
    if left_out:
        logger.warning("%s: left out the splits %s.", name, ", ".join(left_out))
    readers = {
        split: [_dataset_reader(renamed[split], f"split {split} of {name}")]
        for split in _SPLITS
        if split in renamed
    }
    return readers, source


def _plain(value: Any) -> Any:
    """Turn paths into strings, at any depth: `load_dataset` takes nothing else."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _dataset_reader(rows: datasets.Dataset, where: str) -> RowReader:
    features = rows.features.items()
    class_names = {
        name: kind.names for name, kind in features if isinstance(kind, datasets.ClassLabel)
    }
    return RowReader(
        where,
        rows.column_names,
        rows[0] if len(rows) else None,
        lambda columns: rows.select_columns(list(columns)),
        class_names=class_names,
    )


def _cut_validation(
    loaded: dict[str, datasets.Dataset], fraction: float, seed: int, where: str
) -> dict[str, datasets.Dataset]:
    train = loaded["train"]
    groups = _groups(train)
    parts = grouped_stratified_split(train["label"][:], groups, (1 - fraction, fraction), seed)
    if not all(len(part) for part in parts):
        raise DataError(
            f"{where} has too few rows ({len(train)}) to cut {fraction:.0%} for validation; "
            "give a validation file, or set validation_fraction to 0."
        )
    logger.info("Cut %d of %d rows of %s for validation.", len(parts[1]), len(train), where)
    rest = {split: rows for split, rows in loaded.items() if split != "train"}
    # Taken out of the table, so that no index mapping slows every later access.
    pieces = [
        datasets.Dataset(datasets.table.InMemoryTable(train.data.table.take(part)))
        for part in parts
    ]
    return {"train": pieces[0], "validation": pieces[1]} | rest


def _groups(rows: datasets.Dataset) -> Any:
    """Group rows by their longer column, which gives a duplicate away; where it is empty, by the other."""
    columns = [name for name in ("text", "text_pair") if name in rows.column_names]
    lengths = [np.mean([len(value) for value in rows[name]]) for name in columns]
    body = columns[int(np.argmax(lengths))]
    other = columns[1 - columns.index(body)] if len(columns) == 2 else body
    return near_duplicate_groups([row[body] if row[body].strip() else row[other] for row in rows])
