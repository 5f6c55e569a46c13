"""Load labelled texts, for training and evaluation, as plain lists.

data = load_splits(train_file="mine.csv", text_column_names=["headline", "body"], label_column_name="verdict")
data = load_splits("fake_or_real_news")
data = load_splits("imdb")                                   # a dataset on the Hub
data.splits["train"].texts, data.splits["train"].labels      # as `fit` takes them
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from glove_lstm.errors import DataError, counted, listed, shown
from glove_lstm.files import FilePath, expand_globs, without_folders
from glove_lstm.tables.columns import (
    TextColumns,
    check_column,
    choose_text_columns,
    is_blank,
    read_text,
)
from glove_lstm.tables.labels import (
    Label,
    LabelColumn,
    check_label_names,
    label_list,
    sorted_label_names,
)
from glove_lstm.tables.named_datasets import open_dataset
from glove_lstm.tables.tables import Table, open_table

logger = logging.getLogger(__name__)

Files = FilePath | Sequence[FilePath]
OnEmpty = Literal["error", "drop", "keep"]
Tables = Mapping[str, Sequence[Table]]  # of each split


@dataclass(frozen=True, eq=False)
class LabelledRows:
    """The rows of a split."""

    texts: list[str]  # a title and its body are joined by a space
    labels: list[Any]  # the name of each label, or lists of names
    groups: list[str] | None = None  # rows of a group stay on one side of a split
    numbers: list[int] = field(default_factory=list)  # of each row in its table, from 1
    files: list[str] = field(default_factory=list)  # the table of each row

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True, eq=False)
class Data:
    """Labelled texts."""

    splits: dict[str, LabelledRows]  # "train", "validation" and "test", those that there are
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
    data_dir: FilePath | None = None,
    dataset_revision: str | None = None,
    text_column_names: str | Sequence[str] | None = None,
    label_column_name: str | None = None,
    group_column_name: str | None = None,
    trained_columns: Sequence[str] | None = None,
    trained_label_column: str | None = None,
    label_names: Sequence[str] | None = None,
    is_multi_label: bool | None = None,
    on_empty: OnEmpty = "error",
    may_be_rare: bool = False,
) -> Data:
    """Load labelled texts from files, one of our builders, or the Hub.

    The first table chooses the text columns, which all others must have. Only the columns that are asked for are read.

    Args:
        dataset_name: "fake_or_real_news" or "liar"; or a dataset's id on the Hub, or a folder.
        dataset_config_name: One of its configs.
        train_file: Instead of a dataset, one path or glob, or a list: CSV, TSV, JSON, JSONL or Parquet (text formats
            may be gzipped).
        validation_file: As `train_file`.
        test_file: As `train_file`.
        data_files: A local file of the dataset.
        data_dir: A local folder with files of the dataset.
        dataset_revision: Commit, tag or branch of the dataset on the Hub.
        text_column_names: One or more columns, in a list or separated by commas. None takes title and text, else text,
            else title, else the only other column of text.
        label_column_name: The column of labels: strings, whole numbers or booleans, told apart to the letter; or
            lists of these, written as JSON in CSV, for several labels a text. None takes `trained_label_column` if the
            first table has it, else "label".
        group_column_name: A column of the training texts whose rows stay on one side of a split, such as a publisher.
        trained_columns: Text columns that a model was trained on. They replace the default of `text_column_names`, if
            the data have all of them.
        trained_label_column: The label column that a model was trained on.
        label_names: The labels in order, when a model fixes them. None: the order of the dataset's ClassLabel; else as
            `sorted_label_names` orders the labels of the first split.
        is_multi_label: Whether labels must be lists, when a model fixes that. None: if the first row has a list.
        on_empty: What to do about a row without any text: "error", "drop" it, or "keep" it. An empty column
            beside a column with text is always fine.
        may_be_rare: Whether labels may have one or two texts each; see `check_label_names`.

    Raises:
        DataError: If anything is missing, unknown, empty or malformed; the sentence names the file and row.
    """
    files_by_split = {"train": train_file, "validation": validation_file, "test": test_file}
    files = {split: paths for split, paths in files_by_split.items() if paths}
    dataset_options = {
        "dataset_config_name": dataset_config_name,
        "data_files": data_files,
        "data_dir": data_dir,
        "dataset_revision": dataset_revision,
    }
    _check_arguments(dataset_name, dataset_options, list(files))
    tables: Tables
    if dataset_name:
        tables, description = open_dataset(
            dataset_name,
            dataset_config_name,
            data_files=data_files,
            data_dir=data_dir,
            revision=dataset_revision,
        )
    else:
        tables, description = _open_files(files)

    first_table = next(iter(tables.values()))[0]
    if label_column_name is None:
        label_column_name = "label"
        if trained_label_column and trained_label_column in first_table.columns:
            label_column_name = trained_label_column
    text_columns = _choose_columns(
        tables, text_column_names, label_column_name, group_column_name, trained_columns
    )
    if is_multi_label is None:
        first_row = first_table.first or {}
        is_multi_label = label_list(first_row.get(label_column_name)) is not None
    label_column = LabelColumn(label_column_name, is_multi_label)
    known_names = label_names or first_table.class_names.get(label_column_name) or ()
    splits, names = _read_splits(
        tables, text_columns, label_column, group_column_name, known_names, on_empty, may_be_rare
    )
    if not splits:
        raise DataError(
            f"No split of {description} has labels in {shown(label_column_name)}; name another."
        )
    counts = ", ".join(f"{split} {len(rows):,}" for split, rows in splits.items())
    columns = text_columns.names
    logger.info("Loaded %s: %s rows; text columns: %s.", description, counts, ", ".join(columns))
    return Data(splits, names, columns, description, is_multi_label, label_column_name)


def _check_arguments(
    dataset_name: str | None, dataset_options: Mapping[str, Any], splits: Sequence[str]
) -> None:
    """Check that either a dataset or files for some splits are given, and options of a dataset only with one."""
    if dataset_name:
        if splits:
            raise DataError(
                f"Both the dataset {dataset_name} and {splits[0]}_file are given; choose one."
            )
        return
    for option, value in dataset_options.items():
        if value is not None:
            raise DataError(f"{option} needs dataset_name; name the dataset or leave it out.")
    if not splits:
        raise DataError("There is nothing to load; give dataset_name, or train_file or test_file.")


def _open_files(files: Mapping[str, Files]) -> tuple[dict[str, list[Table]], str]:
    """Open the files of each split; return their tables, and a description."""
    tables = {}
    descriptions = []
    for split, one_or_more in files.items():
        paths = expand_globs(one_or_more)
        opened = [open_table(path) for path in paths]
        with_rows = [table for table in opened if table.first is not None]
        tables[split] = with_rows or opened  # engines such as Spark write parts without rows
        names = [without_folders(str(path)) for path in paths]
        descriptions.append(f"{split} {' + '.join(names)}")
    return tables, ", ".join(descriptions)


def _choose_columns(
    tables: Tables,
    requested: str | Sequence[str] | None,
    label_column: str,
    group_column: str | None,
    trained: Sequence[str] | None,
) -> TextColumns:
    """Return the text columns of the first table, and check that the others have the columns that they need."""
    first, *others = [table for of_split in tables.values() for table in of_split]
    for table in (first, *others):
        if table.first is None:
            raise DataError(f"{table.name} has no rows; give a file with data.")
    columns = choose_text_columns(
        first,
        requested,
        trained=trained,
        label_column=label_column,
        group_column=group_column if group_column in first.columns else None,
    )
    for table in others:
        columns.check(table, "first table")
        check_column(table, label_column, "label_column_name")
    for table in tables.get("train", ()):
        if group_column is not None:
            check_column(table, group_column, "group_column_name")
    return columns


def _read_splits(
    tables: Tables,
    text_columns: TextColumns,
    label_column: LabelColumn,
    group_column: str | None,
    known_names: Sequence[str],
    on_empty: OnEmpty,
    may_be_rare: bool,
) -> tuple[dict[str, LabelledRows], list[str]]:
    """Read the splits that have labels, and return them with the names of the labels.

    Args:
        tables: The tables of each split.
        text_columns: The columns of text.
        label_column: The column of labels.
        group_column: The column of groups of the training texts, which alone are divided by them.
        known_names: The names of the labels; none: the first split tells them.
        on_empty: As for `load_splits`.
        may_be_rare: As for `load_splits`.
    """
    splits: dict[str, LabelledRows] = {}
    names = list(known_names)
    for split, of_split in tables.items():
        group_of_split = group_column if split == "train" else None
        rows = _read_rows(of_split, text_columns, label_column, group_of_split, names, on_empty)
        table_name = of_split[0].name
        if len(of_split) > 1:
            table_name = f"{split} ({len(of_split)} files)"
        if not len(rows):
            logger.warning("%s: left out, because it has no labels.", table_name)
            continue
        if not names:
            names = sorted_label_names(rows.labels)
            remedy = "set label_column_name to another column"
            check_label_names(names, len(rows), table_name, remedy, may_be_rare=may_be_rare)
        has_too_few = len(names) < (1 if label_column.holds_lists else 2)
        if split == "train" and has_too_few:
            label = f"the label {shown(names[0])} only" if names else "no label"
            raise DataError(f"{table_name} has {label}; a classifier needs two or more.")
        splits[split] = rows
    return splits, names


def _read_rows(
    tables: Sequence[Table],
    text_columns: TextColumns,
    label_column: LabelColumn,
    group_column: str | None,
    allowed_labels: Sequence[str],
    on_empty: OnEmpty,
) -> LabelledRows:
    """Read the rows of a split: none if a ClassLabel marks all as unlabelled, as in test splits of some datasets.

    Args:
        tables: The tables of the split.
        text_columns: The columns of text.
        label_column: The column of labels.
        group_column: The column of groups, if they are read.
        allowed_labels: The labels that a row may have; none: any.
        on_empty: As for `load_splits`.

    Raises:
        DataError: A row cannot be read, its label is missing or not allowed, or its text is missing and `on_empty` is
            "error".
    """
    columns = [*text_columns.names, label_column.name]
    rows = LabelledRows([], [])
    groups: list[str] = []
    if group_column is not None:
        columns.append(group_column)
        rows = LabelledRows([], [], groups)
    for table in tables:
        class_names = table.class_names.get(label_column.name)
        rows_before = len(rows)
        empty = 0
        unlabelled = 0
        for number, record in table.records(columns):
            row_name = table.row_name(number)
            text = " ".join(text_columns.read(record, row_name))
            label = label_column.read(record, row_name, class_names, allowed_labels)
            if label is None:
                unlabelled += 1
                continue
            if is_blank(text):
                empty += 1
                if on_empty == "error":
                    raise DataError(
                        f"{row_name} has no text in {listed(text_columns.names)}; "
                        "fill it, or pass --on_empty drop or --on_empty keep."
                    )
                if on_empty == "drop":
                    continue
            rows.texts.append(text)
            rows.labels.append(label)
            rows.numbers.append(number)
            rows.files.append(table.name)
            if group_column is not None:
                group = read_text(record.get(group_column), row_name, group_column).strip()
                # A missing value turns a column of whole numbers into floats.
                group = group.removesuffix(".0")
                groups.append(group or row_name)  # a row without a group is alone
        if empty:
            logger.warning(
                "%s: %s without text; --on_empty is %s.",
                table.name,
                counted(empty, "row"),
                on_empty,
            )
        _check_texts(rows.texts[rows_before:], table.name, text_columns)
        _check_labels(rows.labels[rows_before:], unlabelled, table.name, label_column.name)
    return rows


def _check_texts(texts: Sequence[str], table_name: str, columns: TextColumns) -> None:
    """Warn if no text has a letter: the column may be a wrong one."""
    if texts and not any(character.isalpha() for text in texts for character in text):
        logger.warning(
            "%s: no text in %s has a letter; if it is the wrong column, name another with --text_column_names.",
            table_name,
            listed(columns.names),
        )


def _check_labels(
    labels: Sequence[Label], unlabelled: int, table_name: str, column_name: str
) -> None:
    """Refuse a table that has labels for some rows only, no rows, or a 0 or 1 for each label, such as [0, 1, 0]."""
    if unlabelled and labels:
        raise DataError(
            f"{table_name} has {counted(unlabelled, 'row')} without a label; label or remove them."
        )
    if not unlabelled and not labels:
        raise DataError(f"{table_name} has no rows with text; give a file with data.")
    lengths = {len(label) for label in labels if isinstance(label, list)}
    have_equal_length = len(lengths) == 1 and min(lengths) > 1
    if have_equal_length and set(sorted_label_names(labels)) <= {"0", "1"}:
        raise DataError(
            f"{table_name} has a 0 or 1 for each label in {shown(column_name)}; "
            "list the names of the labels that a text has."
        )
