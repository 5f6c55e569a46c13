"""Read one split of labelled text, and number the labels."""

import logging
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Literal

import datasets
import pyarrow as pa
import pyarrow.compute as pc

from glove_lstm.data.errors import DataError
from glove_lstm.data.reading import Record, RowReader
from glove_lstm.data.streaming import read_text

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
) -> pa.Table:
    """Read a split into the columns text, text_pair if there are several text columns, label, and source.

    Args:
        reader: Reads the rows.
        columns: The text columns.
        label_column: The column of labels.
        on_empty: Treatment of rows without text.
        names: The allowed labels; None allows any.
        source: The corpus, and the column whose value follows it in each row's source; None makes no sources.

    Returns:
        A table of strings, without rows if a ClassLabel marks all rows as unlabelled.

    Raises:
        DataError: A row cannot be read, its label is missing or not allowed, or its text is missing and
            `on_empty` is "error".
    """
    rows = _read_rows(reader, columns, label_column, on_empty, names, source)
    fields = [*("text", "text_pair")[: len(columns)], "label", *(["source"] if source else [])]
    schema = pa.schema([(name, pa.string()) for name in fields])
    batches = []
    while batch := list(islice(rows, _BATCH)):
        arrays = [pa.array(column) for column in zip(*batch, strict=True)]
        batches.append(pa.RecordBatch.from_arrays(arrays, schema=schema))
    return pa.Table.from_batches(batches, schema)


def encode_labels(table: pa.Table, names: Sequence[str]) -> datasets.Dataset:
    """Replace the labels by their indices in `names`."""
    labels = pc.index_in(table["label"], pa.array(names)).cast(pa.int64())
    table = table.drop_columns("label").append_column("label", labels)
    return datasets.Dataset(datasets.table.InMemoryTable(table))


def _read_rows(
    reader: RowReader,
    columns: Sequence[str],
    label_column: str,
    on_empty: OnEmpty,
    names: Sequence[str] | None,
    source: tuple[str, str | None] | None,
) -> Iterator[tuple[str, ...]]:
    """Yield the text, perhaps its pair, the label, and perhaps the source of every labelled row."""
    empty = unlabelled = labelled = 0
    others = [source[1]] if source and source[1] else []
    for place, label, texts, record in labelled_rows(reader, columns, label_column, others):
        if label is None:
            unlabelled += 1
            continue
        if not any(text.strip() for text in texts):
            if on_empty == "error":
                raise DataError(
                    f"{place} has no text in {', '.join(columns)}; "
                    "fill it, or pass --on_empty drop or --on_empty keep."
                )
            empty += 1
            if on_empty == "drop":
                continue
        if names is not None and label not in names:
            raise DataError(
                f"{place} has the label {label!r}, not one of {', '.join(names[:20])}; correct it."
            )
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


def sorted_labels(table: pa.Table, where: str) -> list[str]:
    """Return the labels in the order of their numbers, or in alphabetical order."""
    names = sorted(table["label"].unique().to_pylist())  # FAKE before REAL
    if all(label.removeprefix("-").isdecimal() for label in names):
        names.sort(key=int)
    if len(names) > _MAX_LABELS:
        raise DataError(
            f"{where} has {len(names)} different labels; set label_column_name to another column."
        )
    if len({name.strip().casefold() for name in names}) < len(names):
        listing = ", ".join(map(repr, names))
        logger.warning("Some labels differ only in case or space and stay apart: %s.", listing)
    return names


def labelled_rows(
    reader: RowReader, columns: Sequence[str], label_column: str, others: Sequence[str] = ()
) -> Iterator[tuple[str, str | None, list[str], Record]]:
    """Yield the place, label, texts and record of every row; the label is None if a ClassLabel has none.

    Raises:
        DataError: A row cannot be read or has no label.
    """
    class_names = reader.class_names.get(label_column)
    wanted = [name for name in (*columns, label_column, *others) if name in reader.columns]
    for number, record in reader.records(wanted):
        place = f"{reader.where}, row {number}"
        value = record.get(label_column)
        if class_names is not None and isinstance(value, int):
            label = None if value == -1 else class_names[value]
        else:
            label = _read_label(value, place, label_column)
        texts = [read_text(record.get(name), place, name) for name in columns]
        yield place, label, texts, record


def _read_label(value: Any, place: str, column: str) -> str:
    if value is None or (isinstance(value, str) and not value.strip()):
        raise DataError(f"{place} has no label in {column!r}; label or remove it.")
    if isinstance(value, float) and value.is_integer():  # a column of whole numbers that had a gap
        value = int(value)
    if not isinstance(value, str | int):
        raise DataError(f"{place} has the label {value!r}; labels must be text or whole numbers.")
    return str(value)
