"""Classify batches of columns, as the engines give them that spread data over processes and machines.

    import ray
    from glove_lstm.inference.batch_classifier import BatchClassifier

    rows = ray.data.read_parquet("news/")
    workers = ray.data.ActorPoolStrategy(size=8)
    rows.map_batches(BatchClassifier, fn_constructor_args=["out"], compute=workers).write_parquet("labels/")

Labels and scores are those of `glove-lstm predict`. Leave CPUs free beside the workers: where they take all that Ray
has, its write tasks deadlock.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

from glove_lstm.data.errors import DataError
from glove_lstm.data.streaming import TextRow, choose_columns, read_text
from glove_lstm.inference.backends import Backend, open_model
from glove_lstm.inference.bulk import Labeller
from glove_lstm.inference.label_writers import Layout

Batch = TypeVar("Batch")  # Mapping[str, NDArray], or a pandas DataFrame


class BatchClassifier:
    """A checkpoint as a callable from columns to columns; it loads once and is then called for batch after batch.

    Args:
        model: A checkpoint's folder on the machine where it is made, or a repository's id on the Hub.
        text_column_names: The columns of text, title before body; None takes title and text, else text, else
            title, else the only column of text.
        backend: What computes; None takes onnx where the checkpoint has a `model.onnx`.
        threads: Cores that one such classifier may use.
        abstain_below: The label is ABSTAIN where the best score is lower.
        prefix: Of the new columns' names: `label`, `score`, and `score_` with each label.

    Raises:
        DataError: There is no usable checkpoint.
    """

    def __init__(
        self,
        model: str | Path,
        text_column_names: str | Sequence[str] | None = None,
        *,
        backend: Backend | None = None,
        threads: int = 1,
        abstain_below: float | None = None,
        prefix: str = "",
    ) -> None:
        opened = open_model(model, backend=backend, threads=threads)
        self._labeller = Labeller(opened.predict, opened.label_names, abstain_below)
        self._asked, self._prefix = text_column_names, prefix

    def __call__(self, batch: Batch) -> Batch:
        """Add the label and the scores of each row.

        Args:
            batch: Columns by name as numpy arrays, or a pandas DataFrame, which gives one back.

        Raises:
            DataError: The text columns are not there or hold no text, or a new column's name is taken.
        """
        table = cast("Mapping[str, Any]", batch)  # a DataFrame has what is needed of one
        names = [str(name) for name in table]
        layout = Layout(self._labeller.label_names)
        labelled = self._labeller(self._rows(table, names))
        _, labels, *scores = layout.values(labelled)
        values = [np.array(labels, dtype=object), *scores]
        new = dict(zip((self._prefix + name for name in layout.columns[1:]), values, strict=True))
        taken = new.keys() & set(names)
        if taken:
            raise DataError(
                f"The batch has a column {min(taken)!r} already; give another prefix for the new ones."
            )
        if hasattr(batch, "assign"):
            return batch.assign(**new)
        return cast("Batch", {**table, **new})

    def _rows(self, table: Mapping[str, Any], names: list[str]) -> list[TextRow]:
        first = {name: _python(table[name][:1])[0] for name in names if len(table[name])}
        if not first:
            return []
        columns = choose_columns("The batch", names, first, self._asked)
        texts = [
            [
                read_text(value, f"The batch, row {row}", name)
                for row, value in enumerate(_python(table[name]), 1)
            ]
            for name in columns
        ]
        return [
            TextRow("", number, text, " ".join(pairs) if pairs else None)
            for number, (text, *pairs) in enumerate(zip(*texts, strict=True), 1)
        ]


def _python(values: Any) -> list[Any]:
    """Values as plain Python objects; None where one is missing."""
    return [None if _missing(value) else value for value in values.tolist()]


def _missing(value: Any) -> bool:
    return (
        value is None
        or type(value).__name__ in ("NAType", "NaTType")
        or (isinstance(value, float) and value != value)
    )
