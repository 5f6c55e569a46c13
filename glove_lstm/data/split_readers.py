"""Open the splits of a dataset, or of several files each, and choose their text columns."""

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import datasets

from glove_lstm.data.builder import FilePath, NewsBuilder
from glove_lstm.data.fake_or_real_news import FakeOrRealNews
from glove_lstm.data.files import check_revision, user_path
from glove_lstm.data.liar import Liar
from glove_lstm.data.reading import RowReader, encodable, open_reader, without_folders
from glove_lstm.data.streaming import choose_columns
from glove_lstm.errors import DataError

logger = logging.getLogger(__name__)

BUILDERS: dict[str, type[NewsBuilder]] = {"fake_or_real_news": FakeOrRealNews, "liar": Liar}

Files = FilePath | Sequence[FilePath]
Readers = dict[str, dict[str, RowReader]]  # split -> corpus -> reader

_SPLITS = ("train", "validation", "test")
_VALIDATION_NAMES = ("validation", "valid", "val", "dev", "eval")  # the first one is used


def open_splits(
    dataset_name: str | None,
    config: str | None,
    *,
    train_file: Files | None = None,
    validation_file: Files | None = None,
    test_file: Files | None = None,
    **options: Any,
) -> tuple[Readers, str]:
    """Open a dataset or files, with the arguments of `load_splits`; return readers, and the source.

    Raises:
        DataError: There is nothing to open, or something is missing, of the wrong kind, or named twice.
    """
    files = {"train": train_file, "validation": validation_file, "test": test_file}
    paths = {
        split: [file] if isinstance(file, str | os.PathLike) else list(file)
        for split, file in files.items()
        if file
    }
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
    readers = {split: _open_files(some) for split, some in paths.items()}
    names = {split: [without_folders(str(one)) for one in some] for split, some in paths.items()}
    return readers, ", ".join(f"{split} {' + '.join(some)}" for split, some in names.items())


def _open_files(paths: Sequence[FilePath]) -> dict[str, RowReader]:
    """Open the files of one split; return their readers by corpus."""
    readers: dict[str, RowReader] = {}
    for path in map(user_path, paths):
        corpus = encodable(Path(path.name.removesuffix(".gz")).stem)
        if corpus in readers:
            raise DataError(f"{path} and {readers[corpus].where} have the same name; rename one.")
        readers[corpus] = open_reader(path)
    return readers


def _open_dataset(
    name: str,
    config: str | None,
    *,
    data_files: FilePath | None = None,
    data_dir: FilePath | None = None,
    revision: Any = None,
) -> tuple[Readers, str]:
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
            # The second line names the configs.
            reason = " ".join(str(error).splitlines()[:2]).rstrip(". ")
            raise DataError(
                f"The dataset {name} could not be loaded: {reason}; check its name and dataset_config_name."
            ) from error
        # A folder may be named like a known dataset.
        source = f"{'./' * Path(name).is_dir()}{without_folders(name)}"
        source += f" ({config})" if config else ""
    if len(loaded) == 1 and next(iter(loaded)) not in _SPLITS:
        loaded = {"train": next(iter(loaded.values()))}
    held_out = next((split for split in _VALIDATION_NAMES if split in loaded), None)
    splits = {"validation" if split == held_out else split: rows for split, rows in loaded.items()}
    if "train" not in splits and "test" not in splits:
        raise DataError(
            f"The dataset {name} has the splits {', '.join(splits)}, but needs train or test."
        )
    if left_out := [split for split in splits if split not in _SPLITS]:
        logger.warning("%s: left out the splits %s.", name, ", ".join(left_out))
    corpus = encodable(Path(name).absolute().name)
    return {
        split: {corpus: _dataset_reader(splits[split], f"split {split} of {name}")}
        for split in _SPLITS
        if split in splits
    }, source


def _dataset_reader(rows: datasets.Dataset, where: str) -> RowReader:
    kinds = {name: getattr(kind, "feature", kind) for name, kind in rows.features.items()}
    names = {name: k.names for name, k in kinds.items() if isinstance(k, datasets.ClassLabel)}
    first = rows[0] if len(rows) else None
    select = rows.select_columns
    return RowReader(where, rows.column_names, first, select, class_names=names)


def choose_text_columns(
    readers: Readers,
    asked: str | Sequence[str] | None,
    label_column: str,
    source_column: str | None,
    trained: Sequence[str] | None = None,
) -> list[str]:
    """Return the text columns, and check that the files have the columns that they need."""
    every = [reader for of_split in readers.values() for reader in of_split.values()]
    sample: dict[str, Any] = {}
    for reader in every:
        if reader.first is None:
            raise DataError(f"{reader.where} has no rows; give a file with data.")
        sample = {**reader.first, **sample}
    first_split = next(iter(readers.values())).values()
    columns = list(dict.fromkeys(name for reader in first_split for name in reader.columns))
    where = every[0].where
    if source_column and not any(source_column in r.columns for r in every):
        listing = ", ".join(map(repr, columns))
        raise DataError(
            f"{where} has no column {source_column!r}; set source_column_name to one of {listing}."
        )
    texts = [name for name in columns if name != source_column or name == label_column]
    header = all(reader.header for reader in every)
    chosen = choose_columns(
        where, texts, sample, asked, label_column, header=header, trained=trained
    )
    corpora = len(readers.get("train", ())) > 1
    for of_split in readers.values():
        present = {name for reader in of_split.values() for name in reader.columns}
        for reader in of_split.values():
            lacking = [name for name in chosen if name not in reader.columns]
            if len(lacking) < len(chosen):  # corpora of headlines and of articles go together
                lacking = [name for name in lacking if not corpora and name not in present]
            if label_column not in reader.columns:
                lacking.append(label_column)
            if lacking:
                problem = f"{reader.where} has no column {lacking[0]!r}, which the first split has"
                raise DataError(f"{problem}; add it.")
    return chosen
