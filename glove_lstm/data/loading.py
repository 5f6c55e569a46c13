"""Load labelled text, by name or from files, into the columns text, label and perhaps text_pair.

data = load_splits("fake_or_real_news")
data = load_splits(train_file="mine.csv", text_column_names=["headline", "body"], label_column_name="verdict")
data = load_splits("imdb")                                   # a dataset on the Hub
data = load_splits(train_file=["a.csv", "b.csv"], source_column_name="domain")
data.rows("train").texts, data.rows("train").labels          # as `fit` takes them
"""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import datasets
import pyarrow as pa

from glove_lstm.data.labelled_split import (
    OnEmpty,
    encode_labels,
    label_items,
    label_values,
    read_split,
    sorted_labels,
)
from glove_lstm.data.split_readers import Files, choose_text_columns, open_splits
from glove_lstm.errors import DataError

logger = logging.getLogger(__name__)


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
    of a 1 for each label that the text has and a 0 for each other; `source`, if the split or "train" is of several
    files or a column of sources is given: the file's name without its endings, and perhaps `/SOURCE`.
    """

    splits: dict[str, datasets.Dataset]
    label_names: list[str]  # in the order of their numbers
    text_column_names: list[str]  # that the text was taken from
    source: str  # the files, or the dataset and its config
    several_labels: bool = False  # whether the column of labels holds lists

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
    text_column_names: str | Sequence[str] | None = None,
    label_column_name: str = "label",
    source_column_name: str | None = None,
    trained_columns: Sequence[str] | None = None,
    label_names: Sequence[str] | None = None,
    several_labels: bool | None = None,
    on_empty: OnEmpty = "error",
    **files: Files | None,
) -> LoadedData:
    """Load labelled text from one of our builders, files, or the Hub.

    Only the columns that are asked for are read. Several files of a split have the same labels, or one of them; each
    has at least one of the text columns.

    Args:
        dataset_name: "fake_or_real_news" or "liar"; or a dataset's id on the Hub, or a folder.
        dataset_config_name: One of its configs.
        text_column_names: One or more columns, in a list or separated by commas: the first becomes `text`,
            the others, joined by a space, `text_pair`. None takes title and text, else text, else title, else
            the only other column of strings.
        label_column_name: The column of labels: strings, whole numbers or booleans, told apart to the letter; or
            lists of these, written as JSON in CSV, for several labels a text.
        source_column_name: The column of publishers or other sources; rows and files may lack it.
        trained_columns: Text columns that a model was trained on: the default instead, where the data have them all.
        label_names: The labels in order, when a model fixes them. None takes the order of the dataset's
            ClassLabel; FAKE, REAL; the order of the numbers, named "0", "1", ...; or alphabetical order.
        several_labels: Whether labels must be lists, when a model fixes that. None takes what the first row has.
        on_empty: What to do about a row without any text: "error", "drop" it, or "keep" it. An empty column
            beside one with text is always fine.
        **files: `train_file`, `validation_file` and `test_file`, one path or a list each: CSV, TSV, JSON, JSONL
            or Parquet (text formats may be gzipped) instead of a dataset; or the dataset's `data_files`,
            `data_dir` and, on the Hub, `revision`.

    Raises:
        DataError: If anything is missing, unknown, empty or malformed; the sentence names the file and row.
    """
    readers, source = open_splits(dataset_name, dataset_config_name, **files)
    columns = choose_text_columns(
        readers, text_column_names, label_column_name, source_column_name, trained_columns
    )
    first, *_ = next(iter(readers.values())).values()
    names = label_names or first.class_names.get(label_column_name)
    _check_names(names or ())
    several = label_items((first.first or {}).get(label_column_name)) is not None
    several = several if several_labels is None else several_labels
    splits = {}
    for split, of_split in readers.items():
        tables = {}
        for corpus, reader in of_split.items():
            several_files = max(len(of_split), len(readers.get("train", ()))) > 1
            with_source = source_column_name is not None or several_files
            own = (corpus, source_column_name) if with_source else None
            rows = read_split(
                reader, columns, label_column_name, on_empty, names, own, several=several
            )
            tables[reader.where] = rows
        rows = pa.concat_tables(tables.values())
        where = next(iter(tables)) if len(tables) == 1 else f"{split} ({len(tables)} files)"
        if not len(rows):
            logger.warning("%s: left out, because it has no labels.", where)
            continue
        if not names:
            _check_labels(tables)
        names = list(names or sorted_labels(rows, where))
        if split == "train" and len(names) < 2:
            labels = f"the label {names[0]!r} only" if names else "no label"
            raise DataError(f"{where} has {labels}; a classifier needs two or more.")
        splits[split] = encode_labels(rows, names)
    if not names or not splits:
        raise DataError(f"No split of {source} has labels in {label_column_name!r}; name another.")
    data = LoadedData(splits, list(names), columns, source, several)
    counts = ", ".join(f"{split} {len(rows):,}" for split, rows in data.splits.items())
    logger.info("Loaded %s: %s rows; text columns: %s.", source, counts, ", ".join(columns))
    return data


def _check_names(names: Sequence[str]) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise DataError(f"label_names has {name!r} twice; give each label its own name.")


def _check_labels(tables: Mapping[str, pa.Table]) -> None:
    """Refuse files with other labels than the file with the most; each may lack some."""
    labels = {where: set(label_values(rows).unique().to_pylist()) for where, rows in tables.items()}
    widest = max(labels, key=lambda where: len(labels[where]))
    for where, some in labels.items():
        if len(labels[widest]) > 1 and (others := some - labels[widest]):
            raise DataError(
                f"{where} has the label {min(others)!r}, which {widest} lacks; give both the same labels."
            )


def joined_texts(dataset: datasets.Dataset) -> Iterable[str]:
    """Return each row as one text, as the tokenizer reads a pair."""
    columns = [name for name in ("text", "text_pair") if name in dataset.column_names]
    for batch in dataset.iter(batch_size=1000):
        yield from map(" ".join, zip(*(batch[name] for name in columns), strict=True))


def longest_texts(rows: datasets.Dataset) -> list[str]:
    """Return each row's text in its longer column, which gives a duplicate away; where it is empty, in the other."""
    columns = [rows[name][:] for name in ("text", "text_pair") if name in rows.column_names]
    columns.sort(key=lambda column: -sum(map(len, column)))
    longest = []
    for row in zip(*columns, strict=True):
        with_words = [text for text in row if text.strip()]
        longest.append(with_words[0] if with_words else "")
    return longest
