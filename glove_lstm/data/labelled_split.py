"""Read one split of labelled text, and decide which number each label gets."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Literal

import datasets
import pyarrow as pa

from glove_lstm.data.columns import read_text
from glove_lstm.data.errors import DataError
from glove_lstm.data.reading import RowReader
from glove_lstm.data.text_rows import Record

logger = logging.getLogger(__name__)

OnEmpty = Literal["error", "drop", "keep"]

_MAX_LABELS = 1000
_BATCH = 10_000  # rows held as Python objects


class LabelledSplit:
    """A split: its texts in Arrow, its labels as they are written.

    Attributes:
        where: Names it in errors.
        labels: A label a row.
        examples: Label -> the first row that has it, as errors name it.
        unlabelled: The number of rows that a ClassLabel marks as unlabelled; they are left out.

    Raises:
        DataError: A row cannot be read, has no label, or has no text and `on_empty` is "error".
    """

    def __init__(
        self,
        readers: Sequence[RowReader],
        columns: Sequence[str],
        label_column: str,
        on_empty: OnEmpty,
    ) -> None:
        self.where = " and ".join(reader.where for reader in readers)
        self.labels: list[str] = []
        self.examples: dict[str, str] = {}
        self.unlabelled = 0
        rows = self._rows(readers, columns, label_column, on_empty)
        schema = pa.schema([(name, pa.string()) for name in ("text", "text_pair")[: len(columns)]])
        batches = []
        while batch := list(islice(rows, _BATCH)):
            arrays = [pa.array(column) for column in zip(*batch, strict=True)]
            batches.append(pa.RecordBatch.from_arrays(arrays, schema=schema))
        self._texts = pa.Table.from_batches(batches, schema)
        if self.unlabelled and self.labels:
            raise DataError(
                f"{self.where} has {self.unlabelled} rows without a label; label or remove them."
            )
        if not self.labels and not self.unlabelled:
            raise DataError(f"{self.where} has no rows with text; give a file with data.")

    def encode(self, names: Sequence[str]) -> datasets.Dataset:
        """Return the split as a dataset whose labels are indices into `names`."""
        numbers = {name: number for number, name in enumerate(names)}
        labels = pa.array([numbers[label] for label in self.labels], pa.int64())
        return datasets.Dataset(
            datasets.table.InMemoryTable(self._texts.append_column("label", labels))
        )

    def _rows(
        self,
        readers: Sequence[RowReader],
        columns: Sequence[str],
        label_column: str,
        on_empty: OnEmpty,
    ) -> Iterator[tuple[str, ...]]:
        """Yield the text, or the text and its pair, of every row; note the labels."""
        empty = 0
        for reader, number, record in read_records(readers, [*columns, label_column]):
            label = read_label(record.get(label_column), reader, number, label_column)
            if label is None:
                self.unlabelled += 1
                continue
            texts = [read_text(record.get(name), reader.where, number, name) for name in columns]
            place = f"{reader.where}, row {number}"
            if not any(text.strip() for text in texts):
                if on_empty == "error":
                    raise DataError(
                        f"{place} has no text in {', '.join(columns)}; "
                        "fill it, or pass --on_empty drop or --on_empty keep."
                    )
                empty += 1
                if on_empty == "drop":
                    continue
            self.labels.append(label)
            self.examples.setdefault(label, place)
            yield (texts[0], " ".join(texts[1:])) if texts[1:] else (texts[0],)
        if empty:
            logger.warning("%s: %d rows without text (%s).", self.where, empty, on_empty)


def read_records(
    readers: Sequence[RowReader], columns: Sequence[str]
) -> Iterator[tuple[RowReader, int, Record]]:
    """Yield every row of a split with its reader and its number.

    Raises:
        DataError: A reader lacks a column, or a row cannot be read.
    """
    for reader in readers:
        missing = [name for name in columns if name not in reader.columns]
        if missing:
            raise DataError(
                f"{reader.where} has no column {missing[0]!r}, which the first split has; add it."
            )
        for number, record in reader.records(columns):
            yield reader, number, record


def read_label(value: Any, reader: RowReader, row: int, column: str) -> str | None:
    """Return the label as a string, or None where a ClassLabel says that the row has none."""
    class_names = reader.class_names.get(column)
    if class_names is not None and isinstance(value, int):
        return None if value == -1 else class_names[value]
    if value is None or (isinstance(value, str) and not value.strip()):
        raise DataError(
            f"{reader.where}, row {row} has no label in {column!r}; label or remove it."
        )
    if (
        isinstance(value, float) and value.is_integer()
    ):  # whole numbers in a column that once had a gap
        return str(int(value))
    if not isinstance(value, str | int):
        raise DataError(
            f"{reader.where}, row {row} has the label {value!r}; labels must be text or whole numbers."
        )
    return str(value)


def name_labels(
    splits: Mapping[str, LabelledSplit], class_names: list[str] | None, asked: Sequence[str] | None
) -> list[str]:
    """Decide the labels' order and check that no split has another."""
    first = next(iter(splits.values()))
    if asked is not None:
        names, owner = list(asked), "the model's labels"
    elif class_names is not None:
        names, owner = list(class_names), "the dataset's labels"
    else:
        names, owner = _order(first.examples), f"the labels of {first.where}"
        if len(names) > _MAX_LABELS:
            raise DataError(
                f"{first.where} has {len(names)} different labels; set label_column_name to another column."
            )
        if len(names) < 2 and "train" in splits:
            raise DataError(
                f"{first.where} has the label {names[0]!r} only; a classifier needs two or more."
            )
    folded = {name.strip().casefold() for name in names}
    if len(folded) < len(names):
        logger.warning(
            "Some labels differ only in case or space and stay apart: %s.",
            ", ".join(map(repr, names)),
        )
    for split in splits.values():
        for label, row in split.examples.items():
            if label not in names:
                known = f"{owner} ({', '.join(names[:20])})"
                raise DataError(f"{row} has the label {label!r}, not of {known}; correct it.")
    return names


def _order(labels: Iterable[str]) -> list[str]:
    found = sorted(labels)
    if all(label.removeprefix("-").isdecimal() for label in found):
        return sorted(found, key=int)
    return found  # "FAKE" sorts before "REAL"
