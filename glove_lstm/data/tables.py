"""Every column of labelled texts, also those that no model may see, for those who look for leaks in them."""

from dataclasses import dataclass
from typing import Any

from glove_lstm.data.builder import DataFiles, FilePath
from glove_lstm.data.columns import read_text
from glove_lstm.data.errors import DataError
from glove_lstm.data.labelled_split import read_label, read_records
from glove_lstm.data.loading import open_splits


@dataclass(frozen=True, eq=False)
class Table:
    """A split.

    Attributes:
        texts: Text column -> n texts.
        labels: n labels, as they are written.
        others: Every other column -> n values of whatever kind.
    """

    texts: dict[str, list[str]]
    labels: list[str]
    others: dict[str, list[Any]]


def load_tables(
    dataset_name: str | None = None,
    dataset_config_name: str | None = None,
    *,
    data_files: DataFiles | None = None,
    data_dir: FilePath | None = None,
    train_file: FilePath | None = None,
    validation_file: FilePath | None = None,
    test_file: FilePath | None = None,
    text_column_names: str | None = None,
    label_column_name: str = "label",
    revision: str | None = None,
) -> dict[str, Table]:
    """Load what `load_splits` loads, which says what the arguments mean; nothing is cut, and nothing is dropped.

    Returns:
        "train", "validation" and "test", as far as available and labelled.

    Raises:
        DataError: As `load_splits`; but a row may be without text.
    """
    readers, names, source = open_splits(
        dataset_name,
        dataset_config_name,
        {"train": train_file, "validation": validation_file, "test": test_file},
        {"data_files": data_files, "data_dir": data_dir, "cache_dir": None},
        revision,
        text_column_names,
        label_column_name,
    )
    tables = {}
    for split, parts in readers.items():
        others = [
            name for name in parts[0].columns if name not in names and name != label_column_name
        ]
        table = Table({name: [] for name in names}, [], {name: [] for name in others})
        for reader, number, record in read_records(parts, [*names, label_column_name, *others]):
            label = read_label(record.get(label_column_name), reader, number, label_column_name)
            if label is None:
                continue
            table.labels.append(label)
            for name in names:
                table.texts[name].append(read_text(record.get(name), reader.where, number, name))
            for name in others:
                table.others[name].append(record.get(name))
        if table.labels:
            tables[split] = table
    if not tables:
        raise DataError(
            f"No split of {source} has labels in {label_column_name!r}; choose another column."
        )
    return tables
