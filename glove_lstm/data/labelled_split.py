"""Read one split of labelled text, and number the labels."""

import json
import logging
import re
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import Any, Literal

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from glove_lstm.data.reading import RowReader, encodable
from glove_lstm.data.splits import Ints
from glove_lstm.data.streaming import read_text
from glove_lstm.errors import DataError

logger = logging.getLogger(__name__)

OnEmpty = Literal["error", "drop", "keep"]

_MAX_LABELS = 1000
_BATCH = 10_000  # rows in memory as Python objects


def read_split(
    reader: RowReader,
    columns: Sequence[str],
    label_column: str,
    on_empty: OnEmpty,
    names: Sequence[str] | None,
    source: tuple[str, str | None] | None = None,
    *,
    several: bool = False,
) -> pa.Table:
    """Read a split into the columns text, text_pair if there are several text columns, label, and source.

    Args:
        reader: Reads the rows.
        columns: The text columns.
        label_column: The column of labels.
        on_empty: Treatment of rows without text.
        names: The allowed labels; None allows any.
        source: The corpus, and the column whose value follows it in each row's source; None makes no sources.
        several: Whether each label is a list.

    Returns:
        A table of strings (lists of them for several labels). It has no rows if a ClassLabel marks all as unlabelled.

    Raises:
        DataError: A row cannot be read, its label is missing or not allowed, or its text is missing and
            `on_empty` is "error".
    """
    rows = _read_rows(reader, columns, label_column, on_empty, names, source, several)
    kinds = [("text", pa.string())]
    if len(columns) > 1:
        kinds.append(("text_pair", pa.string()))
    kinds.append(("label", pa.list_(pa.string()) if several else pa.string()))
    if source:
        kinds.append(("source", pa.string()))
    schema = pa.schema(kinds)
    batches = []
    while batch := list(islice(rows, _BATCH)):
        arrays = map(pa.array, zip(*batch, strict=True), schema.types)
        batches.append(pa.RecordBatch.from_arrays(list(arrays), schema=schema))
    table = pa.Table.from_batches(batches, schema)
    lengths = pc.unique(pc.list_value_length(table["label"])).to_pylist() if several else []
    if len(lengths) == 1 and lengths[0] > 1 and {*label_values(table).to_pylist()} <= {"0", "1"}:
        problem = f"{reader.where} has a 0 or 1 for each label in {label_column!r}"
        raise DataError(f"{problem}; list the names of the labels that a text has.")
    return table


def encode_labels(table: pa.Table, names: Sequence[str]) -> datasets.Dataset:
    """Replace the labels by their indices in `names`, and lists of them by a 1 or 0 for each name."""
    column = table["label"].combine_chunks()
    labels = pc.index_in(label_values(table), pa.array(names)).cast(pa.int64())
    if pa.types.is_list(column.type):
        has = np.zeros((len(table), len(names)), dtype=np.float32)
        has[pc.list_parent_indices(column), labels] = 1
        labels = pa.ListArray.from_arrays(np.arange(len(has) + 1) * len(names), has.ravel())
    table = table.drop_columns("label").append_column("label", labels)
    return datasets.Dataset(table)


def label_values(table: pa.Table) -> pa.Array:
    """Return all labels of a table from `read_split`, also those in lists."""
    column = table["label"].combine_chunks()
    return column.flatten() if pa.types.is_list(column.type) else column


def strata(labels: Sequence[Any]) -> Sequence[Any]:
    """Return n values for a stratified split: the labels, or the rarest label of each list of 1 and 0."""
    has = np.asarray(labels)
    if has.ndim == 1:
        return labels
    frequent = np.where(has > 0, has.sum(axis=0), len(has) + 1)
    return np.where(has.any(axis=1), frequent.argmin(axis=1), has.shape[1]).tolist()


def row_labels(labels: Sequence[Any]) -> tuple[Ints, Ints]:
    """Return a row and a label for each label of each row.

    Args:
        labels: n labels as numbers, or n lists of 1 and 0.
    """
    has = np.asarray(labels)
    if has.ndim == 1:
        return np.arange(len(has)), has
    rows, numbers = np.nonzero(has)
    return rows, numbers


def label_items(value: Any) -> list[Any] | None:
    """Return the labels of a list, perhaps written as JSON; None for a single label."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        with suppress(ValueError, RecursionError):
            value = json.loads(value)
    return value if isinstance(value, list) else None


def _read_rows(
    reader: RowReader,
    columns: Sequence[str],
    label_column: str,
    on_empty: OnEmpty,
    names: Sequence[str] | None,
    source: tuple[str, str | None] | None,
    several: bool,
) -> Iterator[tuple[Any, ...]]:
    """Yield the text, perhaps its pair, the label, and perhaps the source of every labelled row."""
    empty = unlabelled = labelled = 0
    others = [source[1]] if source and source[1] else []
    wanted = [*columns, label_column, *others]
    needed = [name for name in wanted if name in reader.columns]
    class_names = reader.class_names.get(label_column)
    for number, record in reader.records(needed):
        place = f"{reader.where}, row {number}"
        items = label_items(value := record.get(label_column))
        if items is None and re.match(r"\s*\[.*[,'\"]", str(value)):
            raise DataError(f'{place} has the label {value}, which is no JSON; write ["a", "b"].')
        read = partial(_read_label, place=place, column=label_column, class_names=class_names)
        label = read(value) if items is None else [name for name in map(read, items) if name]
        if label is None:
            unlabelled += 1
            continue
        texts = [read_text(record.get(name), place, name) for name in columns]
        if not any(text.strip() for text in texts):
            if on_empty == "error":
                raise DataError(
                    f"{place} has no text in {', '.join(columns)}; "
                    "fill it, or pass --on_empty drop or --on_empty keep."
                )
            empty += 1
            if on_empty == "drop":
                continue
        _check_label(label, names, several, place)
        labelled += 1
        pair = [" ".join(texts[1:])] if texts[1:] else []
        values = [read_text(record.get(name), place, name).strip() for name in others]
        corpus = ["/".join([source[0], *filter(None, values)])] if source else []
        yield (texts[0], *pair, label, *corpus)
    if empty:
        logger.warning("%s: %d rows without text (%s).", reader.where, empty, on_empty)
    if unlabelled and labelled:
        raise DataError(
            f"{reader.where} has {unlabelled} rows without a label; label or remove them."
        )
    if not labelled and not unlabelled:
        raise DataError(f"{reader.where} has no rows with text; give a file with data.")


def _check_label(
    label: str | list[str], names: Sequence[str] | None, several: bool, place: str
) -> None:
    if isinstance(label, list) != several:
        expected = "a list of labels" if several else "one label"
        raise DataError(f"{place} has the label {label!r}; give {expected}, as elsewhere.")
    for name in label if isinstance(label, list) else [label]:
        if names is not None and name not in names:
            known = ", ".join(names[:20])
            raise DataError(f"{place} has the label {name!r}, not one of {known}; correct it.")


def sorted_labels(table: pa.Table, where: str) -> list[str]:
    """Return the labels in the order of their numbers, or in alphabetical order."""
    names = sorted(label_values(table).unique().to_pylist())  # FAKE before REAL
    if all(label.removeprefix("-").isdecimal() for label in names):
        names.sort(key=int)
    if len(names) > _MAX_LABELS:
        raise DataError(
            f"{where} has {len(names)} different labels; set label_column_name to another column."
        )
    keys = [unicodedata.normalize("NFKC", name).strip().casefold() for name in names]
    alike = [repr(name) for name, key in zip(names, keys, strict=True) if keys.count(key) > 1]
    if alike:
        logger.warning("Some labels look alike and stay apart: %s.", ", ".join(alike))
    return names


def _read_label(
    value: Any, place: str, column: str, class_names: Sequence[str] | None
) -> str | None:
    if class_names is not None and isinstance(value, int):
        if not -1 <= value < len(class_names):
            raise DataError(f"{place} has the label {value}, which has no name; correct it.")
        return None if value == -1 else class_names[value]
    if value is None or (isinstance(value, str) and not value.strip()):
        raise DataError(f"{place} has no label in {column!r}; label or remove it.")
    if isinstance(value, float) and value.is_integer():  # a column of whole numbers that had a gap
        value = int(value)
    if not isinstance(value, str | int):
        raise DataError(f"{place} has the label {value!r}; labels must be text or whole numbers.")
    return encodable(str(value))
