"""Load labelled text, by name or from files, into the columns text, label and perhaps text_pair.

data = load_splits("fake_or_real_news")
data = load_splits(train_file="mine.csv", text_column_names=["headline", "body"], label_column_name="verdict")
data = load_splits("imdb")                                   # a dataset on the Hub
data = load_splits(train_file=["a.csv", "b.csv"], source_column_name="domain")
data.rows("train").texts, data.rows("train").labels          # as `fit` takes them
"""

import logging
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa

from glove_lstm.data.cells import choose_columns, label_list
from glove_lstm.data.files import FilePath, user_path, without_folders
from glove_lstm.data.labelled_rows import (
    OnEmpty,
    RowFormat,
    distinct_labels,
    encode_labels,
    read_labelled_rows,
    sorted_labels,
)
from glove_lstm.data.named_datasets import open_dataset
from glove_lstm.data.tables import Table, open_table
from glove_lstm.data.words import replace_surrogates
from glove_lstm.errors import DataError

logger = logging.getLogger(__name__)

Files = FilePath | Sequence[FilePath]
Tables = dict[str, dict[str, Table]]  # split -> corpus -> table


@dataclass(frozen=True, eq=False)
class SplitRows:
    """The rows of a split as plain values."""

    texts: list[str]  # a title and its body are joined by a space
    labels: list[Any]  # the name of each label, or a list of names
    sources: list[str] | None  # CORPUS or CORPUS/PUBLISHER, where the split has them


@dataclass(frozen=True, eq=False)
class LoadedData:
    """Splits that are ready for a tokenizer: "train", "validation" and "test", as far as available.

    Columns: `text`; `text_pair`, if there are two or more text columns; `label`, an index into `label_names`, or a list
    with a 1 or 0 for each of `label_names`; `source` (the name of the file, without endings, or of the dataset,
    perhaps with `/PUBLISHER`), if the split or "train" has several files or a column of sources is given.
    """

    splits: dict[str, datasets.Dataset]
    label_names: list[str]  # in the order of their numbers
    text_column_names: list[str]  # that the text was taken from
    description: str  # the files, or the dataset and its config
    is_multi_label: bool = False  # whether the column of labels holds lists

    def rows(self, split: str) -> SplitRows:
        """Return the rows of a split as plain values."""
        table = self.splits[split]
        labels: list[Any] = []
        for label in table["label"][:]:
            if isinstance(label, list):
                named = zip(self.label_names, label, strict=True)
                labels.append([name for name, has in named if has])
            else:
                labels.append(self.label_names[label])
        sources = table["source"][:] if "source" in table.column_names else None
        return SplitRows(list(joined_texts(table)), labels, sources)


def load_splits(
    dataset_name: str | None = None,
    dataset_config_name: str | None = None,
    *,
    train_file: Files | None = None,
    validation_file: Files | None = None,
    test_file: Files | None = None,
    data_files: FilePath | None = None,
    data_dir: FilePath | None = None,
    revision: str | None = None,
    text_column_names: str | Sequence[str] | None = None,
    label_column_name: str = "label",
    source_column_name: str | None = None,
    trained_columns: Sequence[str] | None = None,
    label_names: Sequence[str] | None = None,
    is_multi_label: bool | None = None,
    on_empty: OnEmpty = "error",
) -> LoadedData:
    """Load labelled text from one of our builders, files, or the Hub.

    Only the columns that are asked for are read. A split may have several files. Each has at least one of the text
    columns. The file with the most labels must have those of all others; files of one label each may differ.

    Args:
        dataset_name: "fake_or_real_news" or "liar"; or a dataset's id on the Hub, or a folder.
        dataset_config_name: One of its configs.
        train_file: Instead of a dataset, one path or a list: CSV, TSV, JSON, JSONL or Parquet (text formats may be
            gzipped).
        validation_file: As `train_file`.
        test_file: As `train_file`.
        data_files: A local file of the dataset.
        data_dir: A local folder with files of the dataset.
        revision: Commit, tag or branch of the dataset on the Hub.
        text_column_names: One or more columns, in a list or separated by commas: the first becomes `text`,
            the others, joined by a space, `text_pair`. None takes title and text, else text, else title, else
            the only other column of strings.
        label_column_name: The column of labels: strings, whole numbers or booleans, told apart to the letter; or
            lists of these, written as JSON in CSV, for several labels a text.
        source_column_name: The column of publishers or other sources; rows and files may lack it.
        trained_columns: Text columns that a model was trained on. They replace the default of `text_column_names`, if
            the data have all of them.
        label_names: The labels in order, when a model fixes them. None: the order of the dataset's ClassLabel; else the
            numerical order, if all labels are whole numbers; else the alphabetical order (FAKE before REAL).
        is_multi_label: Whether labels must be lists, when a model fixes that. None: if the first row has a list.
        on_empty: What to do about a row without any text: "error", "drop" it, or "keep" it. An empty column
            beside a column with text is always fine.

    Raises:
        DataError: If anything is missing, unknown, empty or malformed; the sentence names the file and row.
    """
    files_by_split = {"train": train_file, "validation": validation_file, "test": test_file}
    files = {split: paths for split, paths in files_by_split.items() if paths}
    dataset_options = {
        "dataset_config_name": dataset_config_name,
        "data_files": data_files,
        "data_dir": data_dir,
        "revision": revision,
    }
    _check_arguments(dataset_name, dataset_options, list(files))
    if dataset_name is None:
        tables, description = _open_files(files)
    else:
        split_tables, description = open_dataset(
            dataset_name,
            dataset_config_name,
            data_files=data_files,
            data_dir=data_dir,
            revision=revision,
        )
        corpus = replace_surrogates(Path(dataset_name).absolute().name)
        tables = {split: {corpus: table} for split, table in split_tables.items()}

    columns = _choose_text_columns(
        tables, text_column_names, label_column_name, source_column_name, trained_columns
    )
    first_table = _tables_of_first_split(tables)[0]
    label_names = label_names or first_table.class_names.get(label_column_name)
    _check_label_names(label_names or ())
    if is_multi_label is None:
        first_row = first_table.first or {}
        is_multi_label = label_list(first_row.get(label_column_name)) is not None

    row_format = RowFormat(columns, label_column_name, source_column_name, on_empty, is_multi_label)
    splits, names = _read_splits(tables, row_format, label_names)
    if not names or not splits:
        raise DataError(
            f"No split of {description} has labels in {label_column_name!r}; name another."
        )
    counts = ", ".join(f"{split} {len(rows):,}" for split, rows in splits.items())
    logger.info("Loaded %s: %s rows; text columns: %s.", description, counts, ", ".join(columns))
    return LoadedData(splits, list(names), columns, description, is_multi_label)


def _check_arguments(
    dataset_name: str | None, dataset_options: Mapping[str, Any], splits: Sequence[str]
) -> None:
    """Check that either a dataset or files are given.

    Args:
        dataset_name: The dataset.
        dataset_options: The arguments that need a dataset.
        splits: The splits for which files are given.
    """
    if dataset_name is not None and splits:
        raise DataError(
            f"Both the dataset {dataset_name} and {splits[0]}_file are given; choose one."
        )
    if dataset_name == "":  # such as "$NAME" of a shell, if it is not set
        raise DataError("dataset_name is empty; name a dataset or leave it out.")
    if dataset_name is not None:
        return
    for option, value in dataset_options.items():
        if value is not None:
            raise DataError(f"{option} needs dataset_name; name the dataset or leave it out.")
    if not splits:
        raise DataError("There is nothing to load; give dataset_name, or train_file or test_file.")


def _open_files(files: Mapping[str, Files]) -> tuple[Tables, str]:
    """Open the files of each split; return their tables by split and corpus, and a description."""
    tables: Tables = {}
    descriptions = []
    for split, one_or_more in files.items():
        paths = [one_or_more] if isinstance(one_or_more, str | os.PathLike) else list(one_or_more)
        tables[split] = _open_corpora(paths)
        names = [without_folders(str(path)) for path in paths]
        descriptions.append(f"{split} {' + '.join(names)}")
    return tables, ", ".join(descriptions)


def _open_corpora(paths: Sequence[FilePath]) -> dict[str, Table]:
    """Open the files of one split; a corpus is named like its file, without the endings."""
    tables: dict[str, Table] = {}
    for path in map(user_path, paths):
        corpus = replace_surrogates(Path(path.name.removesuffix(".gz")).stem)
        if corpus in tables:
            raise DataError(f"{path} and {tables[corpus].name} have the same name; rename one.")
        tables[corpus] = open_table(path)
    return tables


def _tables_of_first_split(tables: Tables) -> list[Table]:
    first_split = next(iter(tables.values()))
    return list(first_split.values())


def _choose_text_columns(
    tables: Tables,
    requested: str | Sequence[str] | None,
    label_column: str,
    source_column: str | None,
    trained: Sequence[str] | None,
) -> list[str]:
    """Return the text columns, and check that the tables have the columns that they need."""
    all_tables = [table for by_corpus in tables.values() for table in by_corpus.values()]
    first_name = all_tables[0].name
    columns = _columns_of(_tables_of_first_split(tables))
    _check_rows(all_tables)
    first_values = _first_values(all_tables)
    if source_column and source_column not in _columns_of(all_tables):
        listing = ", ".join(map(repr, columns))
        raise DataError(
            f"{first_name} has no column {source_column!r}; set source_column_name to one of {listing}."
        )
    candidates = list(columns)
    # The source column is no text column. It is kept if it is also the label column, which `choose_columns` requires.
    if source_column in candidates and source_column != label_column:
        candidates.remove(source_column)
    text_columns = choose_columns(
        first_name,
        candidates,
        first_values,
        requested,
        label_column,
        has_header=all(table.has_header for table in all_tables),
        trained=trained,
    )

    trains_on_several_corpora = len(tables.get("train", ())) > 1
    for by_corpus in tables.values():
        # A table may lack a text column that another table of its split has.
        optional = _columns_of(by_corpus.values())
        # Trained on several corpora: any table may lack any text column (headlines, articles).
        if trains_on_several_corpora:
            optional = text_columns
        for table in by_corpus.values():
            _check_columns(table, text_columns, label_column, optional)
    return text_columns


def _columns_of(tables: Iterable[Table]) -> list[str]:
    """Return the columns that any of the tables has, each once."""
    columns: list[str] = []
    for table in tables:
        columns += [name for name in table.columns if name not in columns]
    return columns


def _check_rows(tables: Sequence[Table]) -> None:
    """Raise a DataError if a table has no rows."""
    for table in tables:
        if table.first is None:
            raise DataError(f"{table.name} has no rows; give a file with data.")


def _first_values(tables: Sequence[Table]) -> dict[str, Any]:
    """Return the first value of each column, from the first table that has it."""
    values: dict[str, Any] = {}
    for table in tables:
        first_row = table.first or {}
        for name, value in first_row.items():
            values.setdefault(name, value)
    return values


def _check_columns(
    table: Table, text_columns: Sequence[str], label_column: str, optional: Sequence[str]
) -> None:
    """Raise a DataError if a table lacks the labels, all text columns, or a text column that is not optional."""
    lacking = [name for name in text_columns if name not in table.columns]
    has_text = len(lacking) < len(text_columns)
    if has_text:
        lacking = [name for name in lacking if name not in optional]
    if label_column not in table.columns:
        lacking.append(label_column)
    if lacking:
        raise DataError(
            f"{table.name} has no column {lacking[0]!r}, which another file of the data has; add it."
        )


def _read_splits(
    tables: Tables, row_format: RowFormat, label_names: Sequence[str] | None
) -> tuple[dict[str, datasets.Dataset], Sequence[str] | None]:
    """Read the splits that have labels. Without `label_names`, the first of them tells the names of the labels.

    Returns:
        The splits, and the names of the labels; None if no split has labels.
    """
    splits = {}
    trains_on_several_corpora = len(tables.get("train", ())) > 1
    for split, by_corpus in tables.items():
        has_sources = trains_on_several_corpora or len(by_corpus) > 1
        if row_format.source_column is not None:
            has_sources = True
        rows_of_tables = {}  # by the name of the table
        for corpus, table in by_corpus.items():
            corpus_or_none = corpus if has_sources else None
            rows = read_labelled_rows(table, row_format, label_names, corpus_or_none)
            rows_of_tables[table.name] = rows
        rows = pa.concat_tables(rows_of_tables.values())
        split_name = next(iter(rows_of_tables))
        if len(rows_of_tables) > 1:
            split_name = f"{split} ({len(rows_of_tables)} files)"
        if not len(rows):
            logger.warning("%s: left out, because it has no labels.", split_name)
            continue
        if not label_names:
            _check_same_labels(rows_of_tables)
            label_names = sorted_labels(rows, split_name)
        if split == "train":
            _check_several_labels(label_names, split_name)
        splits[split] = encode_labels(rows, label_names)
    return splits, label_names


def _check_several_labels(label_names: Sequence[str], split_name: str) -> None:
    if len(label_names) < 2:
        labels = f"the label {label_names[0]!r} only" if label_names else "no label"
        raise DataError(f"{split_name} has {labels}; a classifier needs two or more.")


def _check_label_names(label_names: Sequence[str]) -> None:
    for name, count in Counter(label_names).items():
        if count > 1:
            raise DataError(f"label_names has {name!r} twice; give each label its own name.")


def _check_same_labels(rows_of_tables: Mapping[str, pa.Table]) -> None:
    """Refuse a file with a label that the file with the most labels lacks. Files of one label each may differ."""
    labels_of_tables = {name: set(distinct_labels(rows)) for name, rows in rows_of_tables.items()}
    fullest = max(labels_of_tables, key=lambda name: len(labels_of_tables[name]))
    if len(labels_of_tables[fullest]) < 2:
        return
    for name, labels in labels_of_tables.items():
        unknown = labels - labels_of_tables[fullest]
        if unknown:
            raise DataError(
                f"{name} has the label {min(unknown)!r}, which {fullest} lacks; give both the same labels."
            )


def joined_texts(dataset: datasets.Dataset) -> Iterable[str]:
    """Return each row as one text, as the tokenizer reads a pair."""
    for batch in dataset.iter(batch_size=1000):
        texts = batch["text"]
        if "text_pair" not in batch:
            yield from texts
            continue
        for text, pair in zip(texts, batch["text_pair"], strict=True):
            yield f"{text} {pair}"
