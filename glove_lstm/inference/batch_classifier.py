"""Classify batches of columns, for `datasets`, Ray Data and similar engines; docs/scale.md has examples."""

import logging
from collections.abc import Iterator, Mapping, Sequence, Sized
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

from glove_lstm.checkpoint.checkpoint import Checkpoint
from glove_lstm.errors import DataError, counted
from glove_lstm.inference.bulk import Labeller
from glove_lstm.inference.light_classifier import LightClassifier
from glove_lstm.inference.output_formats import UNSURE, label_cell
from glove_lstm.tables.columns import (
    Columns,
    Row,
    choose_columns,
    columns_warning,
    python_values,
    read_rows,
)
from glove_lstm.tables.tables import Cells, Table

logger = logging.getLogger(__name__)

_NAME = "The batch"  # names the table in errors

Batch = TypeVar("Batch")  # a mapping of columns, or a pandas DataFrame


class BatchClassifier:
    """A callable that adds the columns label, score and score_LABEL to batches. It loads the checkpoint once.

    Args:
        model: A checkpoint's folder on the machine that runs it, or a repository's id on the Hub.
        text_column_names: The columns of text, title before body. None takes the columns that the checkpoint was
            trained on. If the first batch of a process lacks them, it takes title and text, else text, else title, else
            the only column of text.
        revision: Commit, tag or branch on the Hub. Only a commit gives all workers the same files.
        threads: Cores that one classifier may use.
        unsure_below: From 0 to 1. Adds a column `unsure`: whether the best score is below this.

    Raises:
        DataError: There is no usable checkpoint, or a folder is given a revision.
        ValueError: `threads` or `unsure_below` is out of range.
    """

    def __init__(
        self,
        model: str | Path,
        text_column_names: str | Sequence[str] | None = None,
        *,
        revision: str | None = None,
        threads: int = 1,
        unsure_below: float | None = None,
    ) -> None:
        if unsure_below is not None and not 0 <= unsure_below <= 1:
            raise ValueError(f"unsure_below must be from 0 to 1, not {unsure_below}")
        checkpoint = Checkpoint.open(model, revision)
        classifier = LightClassifier.from_checkpoint(checkpoint, threads=threads)
        self._labeller = Labeller(classifier, unsure_below)
        self._text_column_names = text_column_names
        self._trained = checkpoint.text_column_names
        self._columns: Columns | None = None  # chosen by the first batch

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process gets: it loads the same files again, and chooses the columns anew.

        `datasets` hashes the state for its cache, so a call must not change it.
        """
        return {**self.__dict__, "_columns": None}

    def __call__(self, batch: Batch) -> Batch:
        """Add the label and the scores of each row.

        Args:
            batch: Columns by name as lists or numpy arrays, or a pandas DataFrame; the result has the same type.

        Raises:
            DataError: The batch has no columns, or columns of different lengths; a text column is missing or holds
                other values; a new column's name is taken; or there is a title or a text that would not be read,
                because the first batch lacks it.
        """
        _check_columns(batch)
        table = cast("Mapping[str, Any]", batch)  # a DataFrame has the methods used here
        names = [name for name in table if isinstance(name, str)]
        labelled = self._labeller(self._rows(table, names))
        scores = labelled.rounded_scores
        cells = [label_cell(label) for label in labelled.labels]
        # Strings are objects, as the engines expect.
        new_columns = {"label": np.array(cells, np.object_), "score": scores.max(axis=1)}
        if labelled.unsure is not None:
            new_columns[UNSURE] = labelled.unsure
        for name, column in zip(self._labeller.classifier.label_names, scores.T, strict=True):
            new_columns[f"score_{name}"] = column
        taken = new_columns.keys() & set(names)
        if taken:
            raise DataError(f"The batch has a column {min(taken)!r} already; drop or rename it.")
        if hasattr(batch, "assign"):
            return batch.assign(**new_columns)
        return cast("Batch", {**table, **new_columns})

    def _rows(self, table: Mapping[str, Any], names: list[str]) -> list[Row]:
        has_rows = any(len(table[name]) for name in names)
        if not has_rows:
            return []

        def read(needed: Sequence[str] | None) -> Iterator[Cells]:
            columns = names if needed is None else needed
            values = [python_values(table[name]) for name in columns]
            for cells in zip(*values, strict=True):
                yield dict(zip(columns, cells, strict=True))

        rows = Table(_NAME, read)
        return list(read_rows(rows, self._choose_columns(rows)))

    def _choose_columns(self, table: Table) -> Columns:
        """Return the text columns. The first batch that has rows chooses them."""
        if self._columns is not None:
            return self._columns
        self._columns = choose_columns(table, self._text_column_names, trained=self._trained)
        clause = columns_warning(self._trained, self._columns.text)
        if clause:
            logger.warning("%s.", clause)
        return self._columns


def _check_columns(batch: Any) -> None:
    """Raise a DataError if a batch is no mapping, a column is a single value, or the lengths of two columns differ."""
    if not isinstance(batch, Mapping) and not hasattr(batch, "assign"):
        kind = type(batch).__name__
        raise DataError(
            f"The batch is of type {kind}; give columns by name, or a pandas DataFrame."
        )
    lengths = {}
    for name in batch:
        column = batch[name]
        is_column = isinstance(column, Sized) and getattr(column, "ndim", 1) > 0
        if isinstance(column, str | bytes) or not is_column:
            raise DataError("The batch holds single values; call `map` with batched=True.")
        lengths[name] = len(column)
    if len(set(lengths.values())) > 1:
        shortest, *_, longest = sorted(lengths, key=lambda name: lengths[name])
        raise DataError(
            f"The batch has columns of different lengths: {counted(lengths[shortest], 'value')} of {shortest!r}, but "
            f"{lengths[longest]:,} of {longest!r}; give each column a value for each row."
        )
