"""Open a dataset by its name: one of ours, one on the Hub, or a folder.

`datasets` reads all of them but the CSV files of a folder. It would read these with pandas, for which the labels "01"
and "1" are the same, and the text "NA" is missing.
"""

import logging
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
from datasets.packaged_modules.csv.csv import CsvConfig

from glove_lstm.errors import DataError, listed
from glove_lstm.files import FilePath, check_revision, without_folders
from glove_lstm.tables.builder import NewsBuilder
from glove_lstm.tables.fake_or_real_news import FakeOrRealNews
from glove_lstm.tables.liar import Liar
from glove_lstm.tables.tables import ROWS_OF_HEAD, Table, open_table

logger = logging.getLogger(__name__)

BUILDERS: dict[str, type[NewsBuilder]] = {"fake_or_real_news": FakeOrRealNews, "liar": Liar}

_READ_AS_FILES = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
_SPLITS = ("train", "validation", "test")
_VALIDATION_NAMES = ("validation", "valid", "val", "dev", "eval")  # the first one is used


def open_dataset(
    name: str,
    config: str | None = None,
    *,
    data_files: FilePath | None = None,
    data_dir: FilePath | None = None,
    revision: str | None = None,
) -> tuple[dict[str, list[Table]], str]:
    """Open the splits train, validation and test of a dataset, as far as it has them.

    Args:
        name: The `dataset_name` of `load_splits`; the other arguments are also as there.
        config: One of the dataset's configs.
        data_files: A file of the dataset.
        data_dir: A folder with files of the dataset.
        revision: Commit, tag or branch on the Hub.

    Returns:
        The tables of each split, and a description of the dataset.

    Raises:
        DataError: There is no such dataset, or it has neither train nor test.
    """
    loaded: Mapping[str, Any]  # the rows of each split, or its CSV files
    if name in BUILDERS:
        if revision is not None:
            raise DataError(f"{name} is no dataset on the Hub and has no revision; leave it out.")
        builder = BUILDERS[name](config_name=config, data_files=data_files, data_dir=data_dir)
        builder.download_and_prepare()
        loaded = builder.as_dataset()
        description = f"{name} ({builder.config.name}) from {builder.source}"
    else:
        check_revision(name, revision)
        local = {"data_files": data_files, "data_dir": data_dir}
        paths = {option: os.fspath(path) for option, path in local.items() if path is not None}
        loaded = _csv_files(name, config, paths) or _load_dataset(name, config, revision, paths)
        description = without_folders(name)
        if Path(name).is_dir():  # may be named like a known dataset
            description = f"./{description}"
        if config:
            description += f" ({config})"
    splits = _rename_splits(loaded, name)
    tables = {}
    for split in _SPLITS:
        rows = splits.get(split)
        if isinstance(rows, datasets.Dataset):
            tables[split] = [_table_of(rows, f"split {split} of {name}")]
        elif rows:
            tables[split] = [open_table(Path(file)) for file in rows]
    return tables, description


def _csv_files(name: str, config: str | None, paths: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the CSV files of each split of a folder; none if it is no such folder, or says how they are to be read."""
    if not Path(name).is_dir():
        return {}
    try:
        builder = datasets.load_dataset_builder(name, config, **paths)
    except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError):
        return {}  # loading it raises the same error
    own = builder.config
    if not isinstance(own, CsvConfig) or builder.info.features is not None:
        return {}
    plain = CsvConfig(own.name, own.version, own.data_dir, own.data_files, own.description)
    plain_tsv = replace(plain, sep="\t")
    if own not in (plain, plain_tsv):
        return {}
    files = {str(split): list(paths) for split, paths in own.data_files.items()}
    all_files = [file for of_split in files.values() for file in of_split]
    return files if all(file.endswith(_READ_AS_FILES) for file in all_files) else {}


def _load_dataset(
    name: str, config: str | None, revision: str | None, paths: Mapping[str, str]
) -> datasets.DatasetDict:
    try:
        return datasets.load_dataset(name, config, revision=revision, **paths)
    except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
        lines = str(error).splitlines()[:2]  # the second line names the configs
        reason = " ".join(lines).rstrip(". ")
        advice = "check its name and dataset_config_name"
        if "load_from_disk" in reason:
            reason = "it was written by save_to_disk"
            advice = "write it with to_parquet, and give the files as train_file and test_file"
        raise DataError(f"The dataset {name} could not be loaded: {reason}; {advice}.") from error


def _rename_splits(loaded: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Give splits our names.

    A single split becomes "train", unless it is named as one of ours. The first split of `_VALIDATION_NAMES` becomes
    "validation". Splits of other names are not read, and a warning names them.
    """
    splits = dict(loaded)
    if len(splits) == 1:
        [(only_name, only_split)] = splits.items()
        if only_name not in _SPLITS:
            splits = {"train": only_split}
    for validation in _VALIDATION_NAMES:
        if validation in splits:
            splits["validation"] = splits.pop(validation)
            break
    if "train" not in splits and "test" not in splits:
        raise DataError(
            f"The dataset {name} has the splits {listed(splits)}, but needs train or test."
        )
    left_out = [split for split in splits if split not in _SPLITS]
    if left_out:
        logger.warning("%s: left out the splits %s.", name, listed(left_out))
    return splits


def _table_of(rows: datasets.Dataset, name: str) -> Table:
    class_names = {}
    for column, feature in rows.features.items():
        # The feature of the items, if the cells are lists.
        cell_feature: Any = getattr(feature, "feature", feature)
        if isinstance(cell_feature, datasets.ClassLabel):
            class_names[column] = cell_feature.names
    head = list(rows.select(range(min(len(rows), ROWS_OF_HEAD))))
    return Table(name, rows.column_names, head, read=rows.select_columns, class_names=class_names)
