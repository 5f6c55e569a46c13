"""Load labelled texts, for training and evaluation, as plain lists.

data = load_splits(train_file="mine.csv", text_column_names=["headline", "body"], label_column_name="verdict")
data = load_splits("fake_or_real_news")
data = load_splits("imdb")                                   # a dataset on the Hub
data.splits["train"].texts, data.splits["train"].labels      # as `fit` takes them
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from glove_lstm.errors import DataError, counted, listed, shown
from glove_lstm.files import FilePath, expand_globs, without_folders
from glove_lstm.tables.columns import (
    Columns,
    Row,
    choose_columns,
    first_with_rows,
    read_rows,
    read_text,
)
from glove_lstm.tables.labels import (
    Label,
    check_label_names,
    label_list,
    labels_in,
    read_label,
    sorted_label_names,
)
from glove_lstm.tables.tables import Table, open_table

logger = logging.getLogger(__name__)

Files = FilePath | Sequence[FilePath]
OnEmpty = Literal["error", "drop", "keep"]


@dataclass(frozen=True, eq=False)
class Rows:
    """The n labelled texts of a split."""

    texts: list[str] = field(default_factory=list)  # a title and its body are joined by a space
    labels: list[Any] = field(default_factory=list)  # the name of each label, or lists of names
    groups: list[str] | None = None  # rows of a group stay on one side of a split
    numbers: list[int] = field(default_factory=list)  # of each row in its table, from 1
    files: list[str] = field(default_factory=list)  # the table of each row
    kept: list[dict[str, Any]] = field(default_factory=list)  # cells of `keep_columns`

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True, eq=False)
class Data:
    """Labelled texts."""

    splits: dict[str, Rows]  # "train", "validation" and "test", those that there are
    label_names: list[str]  # in the order of their numbers
    text_column_names: list[str]  # that the texts were taken from
    description: str  # the files, or the dataset and its config
    is_multi_label: bool = False  # whether labels are lists
    label_column_name: str | None = None  # that the labels were taken from


def load_splits(
    dataset_name: str | None = None,
    dataset_config_name: str | None = None,
    *,
    train_file: Files | None = None,
    validation_file: Files | None = None,
    test_file: Files | None = None,
    data_files: FilePath | None = None,
    dataset_revision: str | None = None,
    text_column_names: str | Sequence[str] | None = None,
    label_column_name: str | None = None,
    group_column_name: str | None = None,
    keep_columns: str | None = None,
    trained_columns: Sequence[str] | None = None,
    trained_label_column: str | None = None,
    label_names: Sequence[str] | None = None,
    is_multi_label: bool | None = None,
    on_empty: OnEmpty = "error",
    skip_unknown_labels: bool = False,
    may_be_rare: bool = False,
) -> Data:
    """Load labelled texts from files, one of our builders, or the Hub.

    The first table chooses the text columns, which all others must have. Only the columns that are asked for are read.

    docs/options.md describes the arguments that are options of the commands. The others are:

    - trained_columns: text columns that a model was trained on, which replace the default of `text_column_names` if
      the data have all of them;
    - trained_label_column: the label column that it was trained on, likewise;
    - label_names: the labels in order, when a model fixes them; None: the order of the dataset's ClassLabel, or as
      `sorted_label_names` orders the labels of the first split;
    - is_multi_label: whether labels must be lists, when a model fixes that; None: if the first row has a list;
    - may_be_rare: whether labels may have one or two texts each; see `check_label_names`.

    Raises:
        DataError: If anything is missing, unknown, empty or malformed; the sentence names the file and row.
    """
    files_by_split = {"train": train_file, "validation": validation_file, "test": test_file}
    files = {split: paths for split, paths in files_by_split.items() if paths}
    options = {
        "dataset_config_name": dataset_config_name,
        "data_files": data_files,
        "dataset_revision": dataset_revision,
    }
    _check_arguments(dataset_name, options, list(files))
    if dataset_name:
        # It takes seconds to import datasets.
        from glove_lstm.tables.named_datasets import open_dataset

        tables, description = open_dataset(
            dataset_name, dataset_config_name, data_files, dataset_revision
        )
    else:
        tables, description = _open_files(files)

    first = first_with_rows([table for of_split in tables.values() for table in of_split])
    if label_column_name is None:
        label_column_name = "label"
        if trained_label_column and trained_label_column in first.columns:
            label_column_name = trained_label_column
    columns = choose_columns(
        first,
        text_column_names,
        trained=trained_columns,
        label=label_column_name,
        group=group_column_name if "train" in tables else None,
        kept=keep_columns,
    )
    label_column = columns.label or label_column_name  # without spaces around it
    if is_multi_label is None:
        is_multi_label = label_list(first.head()[0].get(label_column)) is not None
    names = list(label_names or first.class_names.get(label_column) or ())

    splits, names = _read_splits(
        tables,
        columns,
        label_column,
        names,
        is_multi_label=is_multi_label,
        on_empty=on_empty,
        skip_unknown_labels=skip_unknown_labels,
        may_be_rare=may_be_rare,
    )
    if not splits:
        raise DataError(
            f"No split of {description} has labels in {shown(label_column)}; name another."
        )
    counts = ", ".join(f"{split} {len(rows):,}" for split, rows in splits.items())
    logger.info(
        "Loaded %s: %s rows; text columns: %s.", description, counts, ", ".join(columns.text)
    )
    return Data(splits, names, columns.text, description, is_multi_label, label_column)


def _check_arguments(
    dataset_name: str | None, dataset_options: Mapping[str, Any], splits: Sequence[str]
) -> None:
    """Check that either a dataset or files for some splits are given, and options of a dataset only with one."""
    if dataset_name and splits:
        raise DataError(
            f"Both the dataset {dataset_name} and {splits[0]}_file are given; choose one."
        )
    if not dataset_name and not splits:
        raise DataError("There is nothing to load; give dataset_name, or train_file or test_file.")
    for option, value in dataset_options.items():
        if value is not None and not dataset_name:
            raise DataError(f"{option} needs dataset_name; name the dataset or leave it out.")


def _open_files(files: Mapping[str, Files]) -> tuple[dict[str, list[Table]], str]:
    """Open the files of each split; return their tables, and a description."""
    tables = {}
    descriptions = []
    for split, one_or_more in files.items():
        paths = expand_globs(one_or_more)
        tables[split] = [open_table(path) for path in paths]
        names = [without_folders(str(path)) for path in paths]
        descriptions.append(f"{split} {' + '.join(names)}")
    return tables, ", ".join(descriptions)


def _read_splits(
    tables: Mapping[str, Sequence[Table]],
    columns: Columns,
    label_column: str,
    names: list[str],
    *,
    is_multi_label: bool,
    on_empty: OnEmpty,
    skip_unknown_labels: bool,
    may_be_rare: bool,
) -> tuple[dict[str, Rows], list[str]]:
    """Read the splits that have labels, and return them with the names of the labels.

    Without `names`, the first split tells the labels.
    """
    splits: dict[str, Rows] = {}
    for split, of_split in tables.items():
        name = of_split[0].name if len(of_split) == 1 else f"{split} ({len(of_split)} files)"
        # Only the training texts are divided by groups.
        columns_of_split = columns if split == "train" else replace(columns, group=None)
        wanted = set(names) if names and skip_unknown_labels else None
        labelled = list(_read_labelled(of_split, columns_of_split, label_column, on_empty, wanted))
        if not labelled:
            raise DataError(f"{name} has no rows with text and a known label; give others.")
        if all(label is None for _, label in labelled):  # as in test splits of some datasets
            logger.warning("%s: left out, because it has no labels.", name)
            continue
        _check_labels(labelled, names, is_multi_label, label_column)
        rows = _rows_of(labelled, columns_of_split)
        if not names:
            names = sorted_label_names(rows.labels)
            remedy = "set label_column_name to another column"
            check_label_names(names, len(rows), name, remedy, may_be_rare=may_be_rare)
        if split == "train" and len(names) < (1 if is_multi_label else 2):
            label = f"the label {shown(names[0])} only" if names else "no label"
            raise DataError(f"{name} has {label}; a classifier needs two or more.")
        if not any(character.isalpha() for text in rows.texts for character in text):
            logger.warning(
                "%s: no text in %s has a letter; if it is the wrong column, name another with --text_column_names.",
                name,
                listed(columns.text),
            )
        splits[split] = rows
    return splits, names


def _read_labelled(
    tables: Sequence[Table],
    columns: Columns,
    label_column: str,
    on_empty: OnEmpty,
    wanted: set[str] | None,
) -> Iterator[tuple[Row, Label | None]]:
    """Yield the rows of a split with their labels, None where one is missing.

    With `wanted`, rows with other labels are left out.

    Raises:
        DataError: A row cannot be read, or its text is missing and `on_empty` is "error".
    """
    for table in tables:
        empty = 0
        unknown = 0
        for row in read_rows(table, columns):
            label = read_label(row.cells[label_column], row.name)
            if wanted is not None and not wanted.issuperset(labels_in(label or [])):
                unknown += 1
                continue
            if row.empty and label is not None:
                empty += 1
                if on_empty == "error":
                    raise DataError(
                        f"{row.name} has no text in {listed(columns.text)}; "
                        "fill it, or pass --on_empty drop or --on_empty keep."
                    )
                if on_empty == "drop":
                    continue
            yield row, label
        if empty:
            without_text = counted(empty, "row")
            logger.warning(
                "%s: %s without text; --on_empty is %s.", table.name, without_text, on_empty
            )
        if unknown:
            logger.warning(
                "%s: %s left out, with a label that no training text has.",
                table.name,
                counted(unknown, "row"),
            )


def _check_labels(
    labelled: Sequence[tuple[Row, Label | None]],
    allowed: Sequence[str],
    is_multi_label: bool,
    column: str,
) -> None:
    """Check that each row has a label, or each row a list, of those that are allowed; none: any.

    Raises:
        DataError: A row has not; or the lists are a 0 or 1 for each label, such as [0, 1, 0].
    """
    expected = "a list of labels" if is_multi_label else "one label"
    for row, label in labelled:
        if label is None:
            raise DataError(f"{row.name} has no label in {shown(column)}; label or remove it.")
        if isinstance(label, list) != is_multi_label:
            raise DataError(
                f"{row.name} has the label {shown(label)}; give {expected}, as elsewhere."
            )
        for name in labels_in(label):
            if allowed and name not in allowed:
                raise DataError(
                    f"No training text has the label {shown(name)} ({row.name}); leave these rows out with "
                    "--skip_unknown_labels, or add texts."
                )
    if not is_multi_label:
        return
    lengths = {len(label) for _, label in labelled if label is not None}
    have_equal_length = len(lengths) == 1 and min(lengths) > 1
    if have_equal_length and {name for _, label in labelled for name in label or ()} <= {"0", "1"}:
        raise DataError(
            f"{labelled[0][0].file} has a 0 or 1 for each label in {shown(column)}; "
            "list the names of the labels that a text has."
        )


def _rows_of(labelled: Sequence[tuple[Row, Label | None]], columns: Columns) -> Rows:
    groups = None
    if columns.group is not None:
        groups = [_group_of(row, columns.group) for row, _ in labelled]
    return Rows(
        texts=[row.joined for row, _ in labelled],
        labels=[label for _, label in labelled],
        groups=groups,
        numbers=[row.number for row, _ in labelled],
        files=[row.file for row, _ in labelled],
        kept=[{name: row.cells[name] for name in columns.kept} for row, _ in labelled],
    )


def _group_of(row: Row, column: str) -> str:
    group = read_text(row.cells[column], row.name, column).strip()
    if not group:
        return row.name  # a row without a group is alone
    return group.removesuffix(".0")  # a missing value turns a column of whole numbers into floats
