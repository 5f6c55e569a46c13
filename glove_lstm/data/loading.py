"""Load labelled text, by name or from files, into the columns text, label and perhaps text_pair.

data = load_splits("fake_or_real_news")
data = load_splits(train_file="mine.csv", text_column_names=["headline", "body"], label_column_name="verdict")
data = load_splits("imdb")                                   # a dataset on the Hub
data = load_splits(train_file=["a.csv", "b.csv"], source_column_name="domain", validation_by="source")
"""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import datasets
import numpy as np
import pyarrow as pa

from glove_lstm.data.files import DataError
from glove_lstm.data.labelled_split import (
    OnEmpty,
    encode_labels,
    label_items,
    label_values,
    read_split,
    row_labels,
    sorted_labels,
    strata,
)
from glove_lstm.data.sources import split_by_source
from glove_lstm.data.split_readers import Files, choose_text_columns, open_splits
from glove_lstm.data.splits import (
    Ints,
    grouped_stratified_split,
    keep_labels_on_both_sides,
    near_duplicate_groups,
)

logger = logging.getLogger(__name__)

_SHOWN = 20  # labels that a warning names


@dataclass(frozen=True, eq=False)
class LoadedData:
    """Splits that are ready for a tokenizer: "train", "validation" and "test", as far as available.

    Columns: `text`; `text_pair`, if there are two or more text columns; `label`, an index into `label_names`, or a list
    of a 1 for each label that the text has and a 0 for each other; `source`, if the split or "train" is of several
    files or a column of sources is given: the file's name without its endings, and perhaps `/SOURCE`.
    """

    splits: dict[str, datasets.Dataset]
    label_names: list[str]  # in the order of their numbers
    text_column_names: list[str] | None  # that the text was taken from; None: texts in memory
    source: str  # the files, or the dataset and its config
    several_labels: bool = False  # whether the column of labels holds lists
    uncut: datasets.Dataset | None = None  # training texts before "validation" was cut from them
    label_type: str | None = None  # of labels in memory, as in the config; None: labels of files


def load_splits(
    dataset_name: str | None = None,
    dataset_config_name: str | None = None,
    *,
    text_column_names: str | Sequence[str] | None = None,
    trained_columns: Sequence[str] | None = None,
    label_column_name: str = "label",
    source_column_name: str | None = None,
    label_names: Sequence[str] | None = None,
    several_labels: bool | None = None,
    validation_fraction: float = 0.1,
    validation_by: Literal["text", "source"] = "text",
    min_validation: int = 0,
    on_empty: OnEmpty = "error",
    seed: int = 42,
    **files: Files | None,
) -> LoadedData:
    """Load labelled text from one of our builders, files, or the Hub.

    Only the columns that are asked for are read. If the data have no validation split, one is cut from
    train: stratified, seeded, with near duplicates on one side. Several files of a split have the same labels,
    or one of them; each has at least one of the text columns.

    Args:
        dataset_name: "fake_or_real_news" or "liar"; or a dataset's id on the Hub, or a folder.
        dataset_config_name: One of its configs.
        text_column_names: One or more columns, in a list or separated by commas: the first becomes `text`,
            the others, joined by a space, `text_pair`. None takes title and text, else text, else title, else
            the only other column of strings.
        trained_columns: Text columns that a model was trained on: the default instead, where the data have them all.
        label_column_name: The column of labels: strings, whole numbers or booleans, told apart to the letter; or
            lists of these, written as JSON in CSV, for several labels a text.
        source_column_name: The column of publishers or other sources; rows and files may lack it. None takes "source"
            if `validation_by` is "source" and a cut is needed; otherwise no column.
        label_names: The labels in order, when a model fixes them. None takes the order of the dataset's
            ClassLabel; FAKE, REAL; the order of the numbers, named "0", "1", ...; or alphabetical order.
        several_labels: Whether labels must be lists, when a model fixes that. None takes what the first row has.
        validation_fraction: The share of train cut for a missing validation split; 0 cuts none.
        validation_by: "source" cuts whole sources; see `split_by_source`.
        min_validation: Cut nothing where that share would be fewer texts.
        on_empty: What to do about a row without any text: "error", "drop" it, or "keep" it. An empty column
            beside one with text is always fine.
        seed: Of the cut.
        **files: `train_file`, `validation_file` and `test_file`, one path or a list each: CSV, TSV, JSON, JSONL
            or Parquet (text formats may be gzipped) instead of a dataset; or the dataset's `data_files`,
            `data_dir` and, on the Hub, `revision`.

    Raises:
        DataError: If anything is missing, unknown, empty or malformed; the sentence names the file and row.
    """
    if not 0 <= validation_fraction < 1:
        raise DataError(f"validation_fraction is {validation_fraction}; give 0 to below 1.")
    readers, source = open_splits(dataset_name, dataset_config_name, **files)
    if validation_by == "source" and validation_fraction and "validation" not in readers:
        source_column_name = source_column_name or "source"
    columns = choose_text_columns(
        readers, text_column_names, label_column_name, source_column_name, trained_columns
    )
    first, *_ = next(iter(readers.values())).values()
    names = label_names or first.class_names.get(label_column_name)
    _check_names(names or ())
    several = label_items((first.first or {}).get(label_column_name)) is not None
    several = several if several_labels is None else several_labels
    splits, places = {}, {}
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
        places[split] = where
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
    data = with_validation(
        data, validation_fraction, seed, places.get("train", ""), validation_by, min_validation
    )
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


def with_validation(
    data: LoadedData,
    fraction: float,
    seed: int,
    where: str,
    by: str,
    least: int,
    without: str = "set --validation_fraction 0",
) -> LoadedData:
    """Cut validation texts from the training texts if there are none; see `load_splits`.

    A label with two distinct texts or more gets at least one on either side. A label that cannot be divided stays in
    train; a warning names it.

    Args:
        data: Splits.
        fraction: Share of validation.
        seed: Of the cut.
        where: Names the training texts in errors.
        by: "text" or "source".
        least: Cut nothing where the share would be fewer texts.
        without: Tells in errors how to train without validation texts.

    Raises:
        DataError: Fewer than two labels can be divided; or, where a text may have several, none.
    """
    train = data.splits.get("train", ())
    if "validation" in data.splits or not (held_out := len(train) * fraction) or held_out < least:
        return data
    labels = train["label"][:]
    groups = near_duplicate_groups(longest_texts(train))
    if by == "source":
        sources = train["source"][:]
        parts = split_by_source(sources, strata(labels), groups, fraction, seed, where)
    else:
        parts = grouped_stratified_split(strata(labels), groups, (1 - fraction, fraction), seed)
        parts = keep_labels_on_both_sides(parts, row_labels(labels), groups, seed)
        _check_parts(data, parts[1], where, without)
    logger.info("Cut %d of %d rows of %s for validation.", len(parts[1]), len(train), where)
    # Taken out of the table, so that no index mapping slows every later access.
    cut = [datasets.Dataset(train.data.table.take(part)) for part in parts]
    others = {name: rows for name, rows in data.splits.items() if name != "train"}
    splits = {"train": cut[0], "validation": cut[1], **others}
    return replace(data, splits=splits, uncut=train)


def _check_parts(data: LoadedData, held_out: Ints, where: str, without: str) -> None:
    """Name the labels that only train has; raise a DataError if validation has too few."""
    rows, labels = row_labels(data.splits["train"]["label"][:])
    counts = np.bincount(labels, minlength=len(data.label_names))
    counts_held_out = np.bincount(labels[np.isin(rows, held_out)], minlength=len(counts))
    undivided = np.flatnonzero((counts > 0) & (counts_held_out == 0))
    if not len(undivided):
        if not len(held_out):  # and no text has a label
            problem = f"{where} has too few texts to divide between train and validation"
            raise DataError(f"{problem}; give validation texts, or {without}.")
        return
    rarest_first = undivided[np.argsort(counts[undivided], kind="stable")].tolist()

    least = 1 if data.several_labels else 2
    if (counts_held_out > 0).sum() < min(least, (counts > 0).sum()):
        rarest = rarest_first[0]
        problem = f"{where} has {_rows(counts[rarest])} of the label {data.label_names[rarest]!r}"
        raise DataError(
            f"{problem}, too few distinct texts to divide between train and validation; add texts of it, give "
            f"validation texts, or {without}."
        )

    named = [f"{data.label_names[label]!r} ({_rows(counts[label])})" for label in rarest_first]
    listing = ", ".join(named[:_SHOWN])
    if len(named) > _SHOWN:
        listing += f" and {len(named) - _SHOWN} more"
    logger.warning(
        "%s: labels with too few distinct texts to divide stay in train: %s.", where, listing
    )


def _rows(count: int) -> str:
    return f"{count} row" if count == 1 else f"{count} rows"


def longest_texts(rows: datasets.Dataset) -> list[str]:
    """Return each row's text in its longer column, which gives a duplicate away; where it is empty, in the other."""
    columns = [rows[name][:] for name in ("text", "text_pair") if name in rows.column_names]
    columns.sort(key=lambda column: -sum(map(len, column)))
    return [next((text for text in row if text.strip()), "") for row in zip(*columns, strict=True)]
