"""Load labelled text, by name or from files, into the columns text, label and perhaps text_pair.

data = load_splits("fake_or_real_news")
data = load_splits(train_file="mine.csv", text_column_names=["headline", "body"], label_column_name="verdict")
data = load_splits("imdb")                                   # a dataset on the Hub
"""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import numpy as np

from glove_lstm.data.builder import FilePath, NewsBuilder
from glove_lstm.data.errors import DataError
from glove_lstm.data.fake_or_real_news import FakeOrRealNews
from glove_lstm.data.files import check_revision, first_line
from glove_lstm.data.labelled_split import (
    OnEmpty,
    encode_labels,
    labelled_rows,
    read_split,
    sorted_labels,
)
from glove_lstm.data.liar import Liar
from glove_lstm.data.reading import RowReader, open_reader
from glove_lstm.data.splits import grouped_stratified_split, near_duplicate_groups
from glove_lstm.data.streaming import choose_columns

logger = logging.getLogger(__name__)

BUILDERS: dict[str, type[NewsBuilder]] = {"fake_or_real_news": FakeOrRealNews, "liar": Liar}

_SPLITS = ("train", "validation", "test")
_SPLIT_NAMES = dict.fromkeys(("valid", "val", "dev", "eval"), "validation")


@dataclass(frozen=True, eq=False)
class LoadedData:
    """Splits that are ready for a tokenizer.

    Attributes:
        splits: "train", "validation" and "test", as far as available. Columns: `text`; `text_pair`, if
            there are two or more text columns; `label`, an index into `label_names`.
        label_names: The labels in the order of their numbers.
        text_column_names: The columns that the text was taken from.
        source: The files, or the dataset and its config.
    """

    splits: dict[str, datasets.Dataset]
    label_names: list[str]
    text_column_names: list[str]
    source: str


@dataclass(frozen=True, eq=False)
class Table:
    """A split with all its columns, also those that no model may see.

    Attributes:
        texts: Text column -> n texts.
        labels: n labels, as they are written.
        others: Every other column -> n values of any kind.
    """

    texts: dict[str, list[str]]
    labels: list[str]
    others: dict[str, list[Any]]


def load_splits(
    dataset_name: str | None = None,
    dataset_config_name: str | None = None,
    *,
    text_column_names: str | Sequence[str] | None = None,
    label_column_name: str = "label",
    label_names: Sequence[str] | None = None,
    validation_fraction: float = 0.1,
    on_empty: OnEmpty = "error",
    seed: int = 42,
    **files: FilePath | None,
) -> LoadedData:
    """Load labelled text from one of our builders, files, or the Hub.

    Only the columns that are asked for are read. If the data have no validation split, one is cut from
    train: stratified, seeded, with near duplicates on one side.

    Args:
        dataset_name: "fake_or_real_news" or "liar"; or a dataset's id on the Hub, or a folder.
        dataset_config_name: One of its configs.
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
        **files: `train_file`, `validation_file` and `test_file`: CSV, TSV, JSON, JSONL or Parquet files
            (text formats may be gzipped) instead of a dataset; or the dataset's `data_files`, `data_dir`
            and, on the Hub, `revision`.

    Raises:
        DataError: If anything is missing, unknown, empty or malformed; the sentence names the file and row.
    """
    if not 0 <= validation_fraction < 1:
        raise DataError(
            f"validation_fraction is {validation_fraction}, but must be at least 0 and below 1."
        )
    readers, source = _open(dataset_name, dataset_config_name, **files)
    columns = _choose_columns(readers, text_column_names, label_column_name)
    names = label_names or next(iter(readers.values())).class_names.get(label_column_name)
    splits = {}
    for split, reader in readers.items():
        rows = read_split(reader, columns, label_column_name, on_empty, names)
        if not len(rows):
            logger.warning("%s: left out, because it has no labels.", reader.where)
            continue
        names = list(names or sorted_labels(rows, reader.where))
        if split == "train" and len(names) < 2:
            raise DataError(
                f"{reader.where} has the label {names[0]!r} only; a classifier needs two or more."
            )
        splits[split] = encode_labels(rows, names)
    if not names or not splits:
        raise _unlabelled(source, label_column_name)
    if "train" in splits and "validation" not in splits and validation_fraction:
        where = readers["train"].where
        train, validation = _cut_validation(splits["train"], validation_fraction, seed, where)
        splits = {"train": train, "validation": validation} | {**splits, "train": train}
    counts = ", ".join(f"{split} {len(rows):,}" for split, rows in splits.items())
    logger.info("Loaded %s: %s rows; text from %s.", source, counts, " + ".join(columns))
    return LoadedData(splits, list(names), columns, source)


def load_tables(
    dataset_name: str | None = None,
    dataset_config_name: str | None = None,
    *,
    text_column_names: str | None = None,
    label_column_name: str = "label",
    **files: FilePath | None,
) -> dict[str, Table]:
    """Load all columns and rows of the splits that have labels; see `load_splits` for the arguments.

    Raises:
        DataError: As `load_splits`, but a row may be without text.
    """
    readers, source = _open(dataset_name, dataset_config_name, **files)
    names = _choose_columns(readers, text_column_names, label_column_name)
    tables = {}
    for split, reader in readers.items():
        others = [name for name in reader.columns if name not in (*names, label_column_name)]
        rows = list(labelled_rows(reader, names, label_column_name, others))
        rows = [row for row in rows if row[1] is not None]
        if rows:
            tables[split] = Table(
                {name: [texts[at] for _, _, texts, _ in rows] for at, name in enumerate(names)},
                [str(label) for _, label, _, _ in rows],
                {name: [record.get(name) for *_, record in rows] for name in others},
            )
    if not tables:
        raise _unlabelled(source, label_column_name)
    return tables


def _unlabelled(source: str, column: str) -> DataError:
    return DataError(f"No split of {source} has labels in {column!r}; choose another column.")


def _open(
    dataset_name: str | None,
    config: str | None,
    *,
    train_file: FilePath | None = None,
    validation_file: FilePath | None = None,
    test_file: FilePath | None = None,
    **options: FilePath | None,
) -> tuple[dict[str, RowReader], str]:
    """Open a dataset or files; return a reader for every split, and the source."""
    files = {"train": train_file, "validation": validation_file, "test": test_file}
    paths = {split: Path(file).expanduser() for split, file in files.items() if file is not None}
    if dataset_name is not None and paths:
        raise DataError(
            f"Both the dataset {dataset_name} and {next(iter(paths))}_file are given; choose one."
        )
    if dataset_name is not None:
        return _open_dataset(dataset_name, config, **options)
    for option, value in {"dataset_config_name": config, **options}.items():
        if value is not None:
            raise DataError(f"{option} needs dataset_name; name the dataset or leave it out.")
    if not paths:
        raise DataError("There is nothing to load; give dataset_name, or train_file or test_file.")
    source = ", ".join(f"{split} {path}" for split, path in paths.items())
    return {split: open_reader(path) for split, path in paths.items()}, source


def _open_dataset(
    name: str,
    config: str | None,
    *,
    data_files: FilePath | None = None,
    data_dir: FilePath | None = None,
    revision: Any = None,
) -> tuple[dict[str, RowReader], str]:
    if name in BUILDERS:
        if revision is not None:
            raise DataError(f"{name} is no dataset on the Hub and has no revision; leave it out.")
        builder = BUILDERS[name](config_name=config, data_files=data_files, data_dir=data_dir)
        builder.download_and_prepare()
        loaded = builder.as_dataset()
        source = f"{name} ({builder.config.name}) from {builder.source}"
    else:
        check_revision(name, revision)
        local = {"data_files": data_files, "data_dir": data_dir}
        local = {option: path and os.fspath(path) for option, path in local.items()}
        try:
            loaded = datasets.load_dataset(name, config, revision=revision, **local)
        except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
            raise DataError(
                f"The dataset {name} could not be loaded: {first_line(error)}; check its name."
            ) from error
        source = f"{name} ({config})" if config else name
    if len(loaded) == 1 and next(iter(loaded)) not in _SPLITS:
        loaded = {"train": next(iter(loaded.values()))}
    splits = {_SPLIT_NAMES.get(split, split): rows for split, rows in loaded.items()}
    if "train" not in splits and "test" not in splits:
        raise DataError(
            f"The dataset {name} has the splits {', '.join(splits)}, but needs train or test."
        )
    if left_out := [split for split in splits if split not in _SPLITS]:
        logger.warning("%s: left out the splits %s.", name, ", ".join(left_out))
    return {
        split: _dataset_reader(splits[split], f"split {split} of {name}")
        for split in _SPLITS
        if split in splits
    }, source


def _dataset_reader(rows: datasets.Dataset, where: str) -> RowReader:
    features = rows.features.items()
    names = {name: kind.names for name, kind in features if isinstance(kind, datasets.ClassLabel)}
    first = rows[0] if len(rows) else None
    select = rows.select_columns
    return RowReader(where, rows.column_names, first, select, class_names=names)


def _choose_columns(
    readers: dict[str, RowReader], asked: str | Sequence[str] | None, label_column: str
) -> list[str]:
    for reader in readers.values():
        if reader.first is None:
            raise DataError(f"{reader.where} has no rows; give a file with data.")
    first = next(iter(readers.values()))
    assert first.first is not None
    return choose_columns(first.where, first.columns, first.first, asked, label_column)


def _cut_validation(
    train: datasets.Dataset, fraction: float, seed: int, where: str
) -> list[datasets.Dataset]:
    parts = grouped_stratified_split(
        train["label"][:], _duplicate_groups(train), (1 - fraction, fraction), seed
    )
    if not all(len(part) for part in parts):
        raise DataError(
            f"{where} has too few rows ({len(train)}) to cut {fraction:.0%} for validation; "
            "give a validation file, or set validation_fraction to 0."
        )
    logger.info("Cut %d of %d rows of %s for validation.", len(parts[1]), len(train), where)
    # Taken out of the table, so that no index mapping slows every later access.
    return [
        datasets.Dataset(datasets.table.InMemoryTable(train.data.table.take(part)))
        for part in parts
    ]


def _duplicate_groups(rows: datasets.Dataset) -> Any:
    """Group rows by their longer column, which gives a duplicate away; where it is empty, by the other."""
    columns = [name for name in ("text", "text_pair") if name in rows.column_names]
    columns.sort(key=lambda name: -np.mean([len(text) for text in rows[name]]))
    return near_duplicate_groups(
        [next((row[name] for name in columns if row[name].strip()), "") for row in rows]
    )
