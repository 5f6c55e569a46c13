"""Open a dataset by its name: one of ours, one on the Hub, or a folder. `datasets` reads all of them."""

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import datasets

from glove_lstm.errors import DataError, listed
from glove_lstm.files import FilePath, check_file, check_revision, without_folders
from glove_lstm.tables.fake_or_real_news import FakeOrRealNews
from glove_lstm.tables.liar import load_liar
from glove_lstm.tables.tables import Cells, Table

logger = logging.getLogger(__name__)

_OWN = {"fake_or_real_news": ("default", "article"), "liar": ("six", "two")}  # with their configs
_SPLITS = ("train", "validation", "test")
_VALIDATION_NAMES = ("validation", "valid", "val", "dev", "eval")  # the first one is used


def open_dataset(
    name: str, config: str | None, data_files: FilePath | None, revision: str | None
) -> tuple[dict[str, list[Table]], str]:
    """Open the splits train, validation and test of a dataset, as far as it has them.

    The arguments are those of `load_splits`.

    Returns:
        The table of each split, in a list, and a description of the dataset.

    Raises:
        DataError: There is no such dataset, or it has neither train nor test.
    """
    if name in _OWN:
        if revision is not None:
            raise DataError(f"{name} is no dataset on the Hub and has no revision; leave it out.")
        loaded, description = _load_own(name, config, data_files)
    else:
        check_revision(name, revision)
        loaded = _load_dataset(name, config, revision, data_files)
        description = without_folders(name)
        if Path(name).is_dir():  # may be named like a known dataset
            description = f"./{description}"
        if config:
            description += f" ({config})"
    splits = _rename_splits(loaded, name)
    tables = {
        split: [_table_of(splits[split], f"split {split} of {name}")]
        for split in _SPLITS
        if split in splits
    }
    return tables, description


def id_on_hub(name: str, data_files: FilePath | None) -> str | None:
    """Return the id of a dataset on the Hub; None for a folder, one of ours, or a format of files such as csv."""
    is_format = data_files is not None and "/" not in name
    return None if name in _OWN or is_format or Path(name).is_dir() else name


def _load_own(
    name: str, config: str | None, data_files: FilePath | None
) -> tuple[datasets.DatasetDict, str]:
    """Load one of our datasets, from a local copy if there is one."""
    configs = _OWN[name]
    if config not in (None, *configs):
        raise DataError(f"{name} has no config {config!r}; choose from {', '.join(configs)}.")
    source = "a download" if data_files is None else Path(data_files).name
    description = f"{name} ({config or configs[0]}) from {source}"
    if name == "liar":
        return load_liar(config or "six", data_files), description
    if data_files is not None:
        check_file(Path(data_files))
        data_files = str(Path(data_files).absolute())
    builder = FakeOrRealNews(config_name=config, data_files=data_files)
    builder.download_and_prepare()
    return builder.as_dataset(), description


def _load_dataset(
    name: str, config: str | None, revision: str | None, data_files: FilePath | None
) -> datasets.DatasetDict:
    options: dict[str, Any] = {"revision": revision}
    if data_files is not None:
        options["data_files"] = os.fspath(data_files)
    try:
        loaded = datasets.load_dataset(name, config, **options)
        first = next(iter(loaded.values()))
        is_typed = any(_class_names(feature) for feature in first.features.values())
        if first.info.builder_name == "csv" and not is_typed:
            # As strings: pandas would take the label "01" for 1, and the text "NA" for nothing.
            strings = datasets.Features(dict.fromkeys(first.column_names, datasets.Value("string")))
            loaded = datasets.load_dataset(
                name, config, features=strings, keep_default_na=False, **options
            )
        return loaded
    except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
        lines = str(error).splitlines()[:2]  # the second line names the configs
        reason = " ".join(lines).rstrip(". ")
        raise DataError(
            f"The dataset {name} could not be loaded: {reason}; check its name and dataset_config_name."
        ) from error


def _rename_splits(
    loaded: Mapping[str, datasets.Dataset], name: str
) -> dict[str, datasets.Dataset]:
    """Name splits train, validation and test; a warning names those that are left out. A single one is "train"."""
    splits = dict(loaded)
    if len(splits) == 1 and splits.keys().isdisjoint(_SPLITS):
        splits = {"train": next(iter(splits.values()))}
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
        names = _class_names(feature)
        if names:
            class_names[column] = names

    def read(needed: list[str] | None) -> Iterator[Cells]:
        columns = rows.column_names if needed is None else needed
        for record in rows.select_columns(columns):
            for column in class_names.keys() & record.keys():
                record[column] = _with_name(record[column], class_names[column])
            yield record

    return Table(name, read, class_names)


def _class_names(feature: Any) -> list[str] | None:
    """Return the labels of a column of labels, or of lists of labels."""
    of_cell = getattr(feature, "feature", feature)
    return of_cell.names if isinstance(of_cell, datasets.ClassLabel) else None


def _with_name(cell: Any, names: Sequence[str]) -> Any:
    """Return the label of a number, or the labels of a list; None for -1, which marks a row without a label."""
    if isinstance(cell, list):
        return [_with_name(item, names) for item in cell]
    return None if cell is None or cell == -1 else names[cell]
