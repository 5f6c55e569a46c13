"""Texts and labels in memory, as scikit-learn's estimators take them, as the data of a training run."""

from collections.abc import Sequence
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
from glove_lstm.data.reading import RowReader
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
        {"train": labelled_rows(texts, labels, names, on_empty)},
        names,
        None,
        "texts in memory",
        label_type=type(labels.tolist()[0]).__name__,
    )
    if isinstance(validation, tuple | list) and len(validation) == 2:
        rows = validation[0], read_labels(validation[1], "validation labels")
        data.splits["validation"] = labelled_rows(*rows, names, on_empty, "validation texts")
        return data
    if validation is None or (isinstance(validation, Real) and 0 <= float(validation) < 1):
        fraction = run.data.validation_fraction = float(validation or 0)
        seed, least = run.training.seed, run.data.min_validation
        return with_validation(data, fraction, seed, "X", "text", least, "validation to None")
    value = repr(validation) if isinstance(validation, Real) else f"a {type(validation).__name__}"
    allowed = "(texts, labels), a share from 0 to below 1, or None"
    raise DataError(f"validation must be {allowed}, not {value}.")


def labelled_rows(
    texts: Any, labels: NDArray[Any], names: Sequence[str], on_empty: OnEmpty, where: str = "X"
) -> Dataset:
    """Return the columns text, text_pair if the texts are pairs, and label as indices of `names`."""
    columns = dict(zip(("text", "text_pair"), read_texts(texts, where), strict=False))
    check_consistent_length(columns["text"], labels)
    values = zip(*columns.values(), as_label_names(labels), strict=True)
    rows = [dict(zip((*columns, "label"), row, strict=True)) for row in values]
    reader = RowReader(where, [*columns, "label"], None, lambda _: rows)
    return encode_labels(read_split(reader, list(columns), "label", on_empty, names), names)


def read_labels(labels: Any, where: str = "y") -> NDArray[Any]:
    """Check labels and return them as an array of strings, numbers or booleans, (n,)."""
    values = python_values(column_or_1d(np.asarray(labels, dtype=object), warn=True))
    for row, value in enumerate(values, 1):
        text = isinstance(value, str), isinstance(values[0], str)
        if not isinstance(value, str | Real | np.bool_) or text[0] != text[1]:
            advice = "give strings, whole numbers or booleans, one kind for all"
            raise DataError(f"{where}, row {row} has the label {value!r}; {advice}.")
    array = np.array(values)
    check_classification_targets(array)
    return array


def python_labels(names: Sequence[str], label_type: str | None) -> NDArray[Any]:
    """Return labels as an array of their Python type, (n,); the inverse of `as_label_names`.

    Args:
        names: Labels as a config names them.
        label_type: Of `GloveLstmConfig`; None: strings.

    Raises:
        DataError: A label is not of that type.
    """
    if label_type is None or label_type == "str":
        return np.array(names)
    values: list[Any] = []
    try:
        for name in names:
            if label_type == "bool":
                values.append(name == "True")
            elif label_type == "int":
                values.append(int(name))
            elif label_type == "float":
                values.append(float(name))
        labels = np.array(values)
        same = as_label_names(labels) == list(names)
    except (ValueError, OverflowError):
        same = False
    if not same:
        problem = f"The labels {', '.join(names)} are not all of the type {label_type}"
        raise DataError(f"{problem}; correct label_type in config.json.")
    return labels


def label_type_of(names: Sequence[str], label_type: str | None) -> str | None:
    """Return the type of the labels that a model was fitted to, or "str" if it has others from an earlier training."""
    try:
        python_labels(names, label_type)
    except DataError:
        return "str"
    return label_type


def as_label_names(labels: NDArray[Any]) -> list[str]:
    """Return labels as a config names them; whole numbers without a point."""
    values = labels.tolist()
    return [str(int(x) if isinstance(x, float) and x.is_integer() else x) for x in values]
