"""Classify batches of columns, for `datasets`, Ray Data and similar engines; docs/scale.md has examples."""

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

from glove_lstm.checkpoint.checkpoint import Checkpoint, check_unchanged
from glove_lstm.errors import DataError
from glove_lstm.inference.bulk import Labeller
from glove_lstm.inference.load_classifier import Backend, load_classifier
from glove_lstm.inference.output_formats import UNSURE, label_cell
from glove_lstm.tables.columns import TextColumns, choose_text_columns, columns_warning
from glove_lstm.tables.tables import Table
from glove_lstm.tables.text_rows import TextRow, columns_table, read_text_rows

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
        backend: The library that computes; None takes onnx if the checkpoint has a `light.onnx`.
        threads: Cores that one classifier may use.
        unsure_below: From 0 to 1. Adds a column `unsure`: whether the best score is below this.

    Raises:
        DataError: There is no usable checkpoint, or a folder is given a revision.
        ValueError: `backend`, `threads` or `unsure_below` is out of range.
    """

    def __init__(
        self,
        model: str | Path,
        text_column_names: str | Sequence[str] | None = None,
        *,
        revision: str | None = None,
        backend: Backend | None = None,
        threads: int = 1,
        unsure_below: float | None = None,
    ) -> None:
        if unsure_below is not None and not 0 <= unsure_below <= 1:
            raise ValueError(f"unsure_below must be from 0 to 1, not {unsure_below}")
        checkpoint = Checkpoint.open(model, revision)
        classifier = load_classifier(checkpoint, backend=backend, threads=threads)
        self._load = partial(
            BatchClassifier,
            model,
            text_column_names,
            revision=revision,
            backend=backend,
            threads=threads,
            unsure_below=unsure_below,
        )
        self._name = checkpoint.name
        self._files = classifier.digests
        self._labeller = Labeller(classifier, unsure_below)
        self._text_column_names = text_column_names
        self._trained = checkpoint.text_column_names
        self._columns: TextColumns | None = None  # chosen by the first batch

    def __reduce__(self) -> tuple[Any, ...]:
        """Let another process load the same files again.

        `datasets` hashes the identity of the files, too, so that its cache does not give an older model's labels.
        """
        return _load_again, (self._load, self._files)

    def __call__(self, batch: Batch) -> Batch:
        """Add the label and the scores of each row.

        Args:
            batch: Columns by name as lists or numpy arrays, or a pandas DataFrame; the result has the same type.

        Raises:
            DataError: A text column is missing or holds other values; a new column's name is taken; or there is a
                title or a text that would not be read, because the first batch lacks it.
        """
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

    def _rows(self, table: Mapping[str, Any], names: list[str]) -> list[TextRow]:
        if any(isinstance(table[name], str) for name in names):
            raise DataError("The batch holds single values; call `map` with batched=True.")
        has_rows = any(len(table[name]) for name in names)
        if not has_rows:
            return []
        rows = columns_table(table, _NAME)
        return list(read_text_rows(rows, self._choose_columns(rows)))

    def _choose_columns(self, table: Table) -> TextColumns:
        """Return the text columns. The first batch that has rows chooses them."""
        if self._columns is not None:
            self._columns.check(table, "first batch")
            return self._columns
        self._columns = choose_text_columns(table, self._text_column_names, trained=self._trained)
        clause = columns_warning(self._trained, self._columns.names)
        if clause:
            logger.warning("%s.", clause)
        return self._columns


def _load_again(
    load: Callable[[], BatchClassifier], digests: Mapping[str, str | None]
) -> BatchClassifier:
    """Load a classifier that was pickled.

    Raises:
        DataError: The files of the checkpoint are gone, or have changed since the classifier was loaded.
    """
    classifier = load()
    check_unchanged(classifier._name, digests, classifier._files)
    return classifier
