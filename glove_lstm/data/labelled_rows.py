"""Read the labelled rows of a table, and number the labels."""

import logging
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from glove_lstm.data.cells import has_text, read_label, read_text, read_text_and_pair
from glove_lstm.data.tables import Record, Table
from glove_lstm.errors import DataError

logger = logging.getLogger(__name__)

OnEmpty = Literal["error", "drop", "keep"]

_MAX_LABELS = 1000
_BATCH = 10_000  # rows in memory as Python objects


@dataclass(frozen=True)
class RowFormat:
    """How labelled rows are read."""

    text_columns: Sequence[str]
    label_column: str
    source_column: str | None = None  # a table may lack it
    on_empty: OnEmpty = "error"  # what to do about a row without any text
    is_multi_label: bool = False  # whether the label of a row is a list

    @property
    def columns(self) -> list[str]:
        """All columns that are read."""
        columns = [*self.text_columns, self.label_column]
        if self.source_column is not None:
            columns.append(self.source_column)
        return columns


def read_labelled_rows(
    table: Table, row_format: RowFormat, label_names: Sequence[str] | None, corpus: str | None
) -> pa.Table:
    """Read a table into the columns text, text_pair if there are several text columns, label, and source.

    Args:
        table: Any table.
        row_format: How its rows are read.
        label_names: The allowed labels; None allows any.
        corpus: The first part of each source (CORPUS or CORPUS/PUBLISHER). None: no column `source`.

    Returns:
        A table of strings (lists of them for several labels). It has no rows if a ClassLabel marks all as unlabelled.

    Raises:
        DataError: A row cannot be read, its label is missing or not allowed, or its text is missing and
            `on_empty` is "error".
    """
    columns = {"text": pa.string()}
    if len(row_format.text_columns) > 1:
        columns["text_pair"] = pa.string()
    columns["label"] = pa.list_(pa.string()) if row_format.is_multi_label else pa.string()
    if corpus is not None:
        columns["source"] = pa.string()
    schema = pa.schema(columns)

    rows = _read_rows(table, row_format, label_names, corpus)
    batches = []
    while batch := list(islice(rows, _BATCH)):
        # Values that the schema does not name are dropped.
        batches.append(pa.RecordBatch.from_pylist(batch, schema=schema))
    labelled = pa.Table.from_batches(batches, schema)
    if row_format.is_multi_label:
        _check_no_indicators(labelled, table.name, row_format.label_column)
    return labelled


def _read_rows(
    table: Table, row_format: RowFormat, label_names: Sequence[str] | None, corpus: str | None
) -> Iterator[dict[str, Any]]:
    """Yield the labelled rows, each with all four values; at the end, check the number of rows."""
    # Numbers of rows.
    empty = 0
    unlabelled = 0
    labelled = 0
    class_names = table.class_names.get(row_format.label_column)
    needed = [name for name in row_format.columns if name in table.columns]
    for number, record in table.records(needed):
        row_name = table.row_name(number)
        cell = record.get(row_format.label_column)
        label = read_label(cell, row_name, row_format.label_column, class_names)
        if label is None:  # -1 in a ClassLabel column
            unlabelled += 1
            continue
        text, pair = read_text_and_pair(record, row_format.text_columns, row_name)
        if not has_text(text, pair):
            empty += 1
            _check_may_be_empty(row_format, row_name)
            if row_format.on_empty == "drop":
                continue
        _check_label(label, row_format.is_multi_label, label_names, row_name)
        labelled += 1
        source = _source_of(record, row_format.source_column, corpus, row_name)
        yield {"text": text, "text_pair": pair, "label": label, "source": source}
    if empty:
        logger.warning(
            "%s: %d rows without text; --on_empty is %s.", table.name, empty, row_format.on_empty
        )
    # A table may be unlabelled as a whole, as the test splits of some datasets are.
    if unlabelled and labelled:
        raise DataError(
            f"{table.name} has {unlabelled} rows without a label; label or remove them."
        )
    if not labelled and not unlabelled:
        raise DataError(f"{table.name} has no rows with text; give a file with data.")


def _source_of(
    record: Record, source_column: str | None, corpus: str | None, row_name: str
) -> str | None:
    """Return `CORPUS/PUBLISHER`, or `CORPUS` if the row has no publisher; None without a corpus."""
    if corpus is None or source_column is None:
        return corpus
    publisher = read_text(record.get(source_column), row_name, source_column).strip()
    if not publisher:
        return corpus
    return f"{corpus}/{publisher}"


def _check_may_be_empty(row_format: RowFormat, row_name: str) -> None:
    if row_format.on_empty == "error":
        raise DataError(
            f"{row_name} has no text in {', '.join(row_format.text_columns)}; "
            "fill it, or pass --on_empty drop or --on_empty keep."
        )


def _check_label(
    label: str | list[str], is_multi_label: bool, label_names: Sequence[str] | None, row_name: str
) -> None:
    if isinstance(label, list) != is_multi_label:
        expected = "a list of labels" if is_multi_label else "one label"
        raise DataError(f"{row_name} has the label {label!r}; give {expected}, as elsewhere.")
    if label_names is None:
        return
    names = label if isinstance(label, list) else [label]
    for name in names:
        if name not in label_names:
            known = ", ".join(label_names[:20])
            raise DataError(f"{row_name} has the label {name!r}, not one of {known}; correct it.")


def _check_no_indicators(labelled: pa.Table, table_name: str, label_column: str) -> None:
    """Refuse lists such as [0, 1, 0], which have a 0 or 1 for each label instead of the names of labels."""
    lengths = pc.unique(pc.list_value_length(labelled["label"])).to_pylist()
    have_equal_length = len(lengths) == 1 and lengths[0] > 1
    if have_equal_length and set(distinct_labels(labelled)) <= {"0", "1"}:
        raise DataError(
            f"{table_name} has a 0 or 1 for each label in {label_column!r}; "
            "list the names of the labels that a text has."
        )


def distinct_labels(labelled: pa.Table) -> list[str]:
    """Return the different labels of labelled rows, also those in lists."""
    return _flat_labels(labelled).unique().to_pylist()


def _flat_labels(labelled: pa.Table) -> pa.Array:
    column = labelled["label"].combine_chunks()
    return column.flatten() if pa.types.is_list(column.type) else column


def sorted_labels(labelled: pa.Table, table_name: str) -> list[str]:
    """Return the labels, sorted by value if all are whole numbers, else alphabetically."""
    names = sorted(distinct_labels(labelled))  # FAKE before REAL
    if all(name.removeprefix("-").isdecimal() for name in names):
        names.sort(key=int)
    if len(names) > _MAX_LABELS:
        raise DataError(
            f"{table_name} has {len(names)} different labels; set label_column_name to another column."
        )
    keys = [unicodedata.normalize("NFKC", name).strip().casefold() for name in names]
    alike = [repr(name) for name, key in zip(names, keys, strict=True) if keys.count(key) > 1]
    if alike:
        logger.warning("Some labels look alike and stay apart: %s.", ", ".join(alike))
    return names


def encode_labels(labelled: pa.Table, label_names: Sequence[str]) -> datasets.Dataset:
    """Replace the labels by their indices in `label_names`, and lists of them by a 1 or 0 for each name."""
    column = labelled["label"].combine_chunks()
    indices = pc.index_in(_flat_labels(labelled), pa.array(label_names)).cast(pa.int64())
    encoded = indices
    if pa.types.is_list(column.type):
        has_label = np.zeros((len(labelled), len(label_names)), dtype=np.float32)
        row_of_label = pc.list_parent_indices(column)
        has_label[row_of_label, indices] = 1
        # Each row gets a list with one value for each of `label_names`.
        list_starts = np.arange(len(labelled) + 1) * len(label_names)
        encoded = pa.ListArray.from_arrays(list_starts, has_label.ravel())
    table = labelled.drop_columns("label").append_column("label", encoded)
    return datasets.Dataset(table)
