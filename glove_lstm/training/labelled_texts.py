"""Texts and labels in memory, as scikit-learn's estimators take them, as the data of a training run."""

from collections.abc import Iterable, Sequence
from numbers import Real
from typing import Any, cast

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from glove_lstm.data.files import DataError
from glove_lstm.data.in_memory import python_values, read_texts
from glove_lstm.data.labelled_split import OnEmpty, encode_labels, read_split
from glove_lstm.data.loading import LoadedData, with_validation
from glove_lstm.data.reading import RowReader, encodable
from glove_lstm.training.arguments import TrainingRun


def training_data(
    texts: Any, labels: NDArray[Any], validation: Any, run: TrainingRun
) -> LoadedData:
    """Make the splits of a run; see `GloveLstmClassifier.fit`."""
    classes = np.unique(labels)
    if len(classes) < 2:
        problem = f"y has {len(classes)} class, {classes.tolist()}"
        raise DataError(f"{problem}; a classifier needs two or more.")
    names, on_empty = as_label_names(classes), cast(OnEmpty, run.data.on_empty)
    data = LoadedData(
        {"train": labelled_rows(texts, labels, names, on_empty)}, names, ["X"], "texts in memory"
    )
    if isinstance(validation, tuple | list) and len(validation) == 2:
        rows = validation[0], read_labels(validation[1], "validation labels")
        data.splits["validation"] = labelled_rows(*rows, names, on_empty, "validation texts")
        return data
    if validation is None or (isinstance(validation, Real) and 0 <= float(validation) < 1):
        fraction = run.data.validation_fraction = float(validation or 0)
        seed, least = run.training.seed, run.data.min_validation
        return with_validation(data, fraction, seed, "X", "text", least, "set validation=None")
    raise DataError("validation must be (texts, labels), a share below 1, or None.")


def labelled_rows(
    texts: Any, labels: NDArray[Any], names: Sequence[str], on_empty: OnEmpty, where: str = "X"
) -> Dataset:
    """Return the columns text, text_pair if the texts are pairs, and label as indices of `names`."""
    columns: dict[str, Sequence[Any]] = {}
    columns |= zip(("text", "text_pair"), read_texts(texts, where), strict=False)
    check_consistent_length(columns["text"], labels)
    text_columns = list(columns)
    # As indices, because the reader of files takes strings such as '["a"]' for lists of labels.
    columns["label"] = _label_indices(labels, names, where)
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    reader = RowReader(
        where, list(columns), None, lambda _: rows, class_names={"label": list(names)}
    )
    return encode_labels(read_split(reader, text_columns, "label", on_empty, names), names)


def _label_indices(labels: NDArray[Any], names: Sequence[str], where: str) -> list[int]:
    indices = {name: index for index, name in enumerate(names)}
    found = []
    for row, name in enumerate(as_label_names(labels), 1):
        if name not in indices:
            known = ", ".join(names[:20])
            raise DataError(
                f"{where}, row {row} has the label {name!r}, not one of {known}; correct it."
            )
        found.append(indices[name])
    return found


def read_labels(labels: Any, where: str = "y") -> NDArray[Any]:
    """Check labels and return them as an array of strings, numbers or booleans, (n,).

    Raises:
        DataError: A label is missing, or of another kind than the first one, or beyond 64 bits.
    """
    values = python_values(column_or_1d(np.asarray(labels, dtype=object), warn=True))
    for row, value in enumerate(values, 1):
        _check_label(value, f"{where}, row {row}")
        if isinstance(value, str) != isinstance(values[0], str):
            problem = f"{where}, row {row} has the label {value!r}, but row 1 has {values[0]!r}"
            raise DataError(
                f"{problem}; give strings, whole numbers or booleans, one kind for all."
            )
    array = np.array(values)
    check_classification_targets(array)
    for row, (value, kept) in enumerate(zip(values, array.tolist(), strict=True), 1):
        if value != kept:  # a large whole number beside one with a point
            problem = (
                f"{where}, row {row} has the label {value}, too large for a number with a point"
            )
            raise DataError(f"{problem}; give whole numbers only, or strings.")
    return array


def _check_label(value: Any, place: str) -> None:
    if value is None or (isinstance(value, str) and not value.strip()):
        raise DataError(f"{place} has no label; label the text, or leave it out.")
    if isinstance(value, str):
        if encodable(value) != value:
            raise DataError(f"{place} has the label {value!r}, which is not Unicode; correct it.")
        return
    if not isinstance(value, Real | np.bool_):
        advice = "give strings, whole numbers or booleans, one kind for all"
        raise DataError(f"{place} has the label {value!r}; {advice}.")
    number: Any = value.item() if isinstance(value, np.generic) else value
    if not -(2**63) <= number < 2**63:
        raise DataError(f"{place} has the label {value}, which is beyond 64 bits; give strings.")


def as_label_names(labels: Iterable[Any]) -> list[str]:
    """Return labels as a config names them; whole numbers without a point."""
    names = []
    for label in labels:
        is_whole = isinstance(label, float | np.floating) and float(label).is_integer()
        names.append(str(int(label) if is_whole else label))
    return names
