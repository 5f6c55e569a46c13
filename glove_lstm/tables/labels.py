"""Turn cells of files and datasets into labels, and labels into numbers; in_memory.py reads the `y` of an estimator.

A file may write a label as 1 or 1.0; values in memory keep their type, and are all of one.
"""

import json
import logging
import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glove_lstm.errors import DataError, listed, shown
from glove_lstm.tables.columns import is_blank
from glove_lstm.tokenization.word_shapes import replace_surrogates

logger = logging.getLogger(__name__)

Label = str | Sequence[str]  # of a text: one label, or several

_LOOKS_LIKE_LIST = re.compile(r"\s*\[.*[,'\"]")
_MAX_LABELS = 1000
_TEXTS_PER_LABEL = 3


def read_label(cell: Any, row_name: str) -> str | list[str] | None:
    """Return the label in a cell, or its list of labels, which may be written as JSON; None if it is missing.

    A label is a string, a whole number or a boolean.

    Raises:
        DataError: The label is of another kind.
    """
    items = label_list(cell)
    if items is not None:
        names = [_label_name(item, row_name) for item in items]
        return [name for name in names if name is not None]
    if _LOOKS_LIKE_LIST.match(str(cell)):
        raise DataError(
            f'{row_name} has the label {shown(cell)}, which is no JSON; write ["a", "b"].'
        )
    return _label_name(cell, row_name)


def label_list(value: Any) -> list[Any] | None:
    """Return a list of labels, perhaps written as JSON; None for a single label."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        with suppress(ValueError, RecursionError):
            value = json.loads(value)
    return value if isinstance(value, list) else None


def _label_name(value: Any, row_name: str) -> str | None:
    # Python and pandas write a missing number as nan. "NA" and "None" may be labels.
    is_nan = isinstance(value, str) and value.strip().lower() == "nan"
    if is_blank(value) or is_nan:
        return None
    # A missing value turns a column of whole numbers into floats.
    if isinstance(value, float | Decimal) and math.isfinite(value) and value == int(value):
        value = int(value)
    if not isinstance(value, str | int):
        raise DataError(
            f"{row_name} has the label {shown(value)}; labels must be text or whole numbers."
        )
    return replace_surrogates(str(value))


def labels_in(label: Label) -> Sequence[str]:
    """Return the labels of a text as a list, which a single label is not."""
    return [label] if isinstance(label, str) else label


def sorted_label_names(labels: Iterable[str | Sequence[str]]) -> list[str]:
    """Return the distinct labels, in numerical order if all are whole numbers, else in alphabetical order."""
    names: set[str] = set()
    for label in labels:
        if not isinstance(label, Iterable):
            raise DataError(f"The label {shown(label)} is no text; give labels as strings.")
        names.update(labels_in(label))
    if all(name.removeprefix("-").isdecimal() for name in names):
        return sorted(names, key=lambda name: (int(name), name))
    return sorted(names)  # FAKE before REAL


def check_label_names(
    names: Sequence[str],
    texts: int,
    table_name: str,
    remedy: str,
    *,
    may_be_rare: bool = False,
) -> None:
    """Refuse too many labels, and warn of those that look alike.

    Args:
        names: The distinct labels.
        texts: The number of texts.
        table_name: Names the table in errors.
        remedy: How to take other labels.
        may_be_rare: Whether labels may have one or two texts each, as with a teacher and unlabelled texts.

    Raises:
        DataError: There are more than 1,000 labels; or more than two, which may not be rare, and too few texts.
    """
    if len(names) > _MAX_LABELS:
        raise DataError(
            f"{table_name} has {len(names):,} different labels; give at most {_MAX_LABELS:,}, or {remedy}."
        )
    most = max(2, texts // _TEXTS_PER_LABEL)
    if len(names) > most and not may_be_rare:
        raise DataError(
            f"{table_name} has {len(names):,} different labels for {texts:,} texts. If they are ids, {remedy}. If they "
            f"are labels, give {_TEXTS_PER_LABEL} texts a label on average, or a teacher and unlabelled texts."
        )
    keys = [unicodedata.normalize("NFKC", name).strip().casefold() for name in names]
    keys = [key.removesuffix(".0") for key in keys]  # pandas writes 1.0 where a label is missing
    alike = [name for name, key in zip(names, keys, strict=True) if keys.count(key) > 1]
    if alike:
        logger.warning("Some labels look alike and stay apart: %s.", listed(alike))


def number_labels(
    labels: Sequence[Label], label_names: Sequence[str], name: str = "labels"
) -> NDArray[Any]:
    """Return the index of each label in `label_names`, (n,); or for lists of labels, (n, labels) with 1 for each.

    `name` names the labels in errors.

    Raises:
        DataError: A label is not one of the names, or some are lists and others not.
    """
    number = {label_name: index for index, label_name in enumerate(label_names)}
    are_lists = len(labels) > 0 and not isinstance(labels[0], str)
    numbers: list[list[int]] = []  # of the labels of each text
    for row, label in enumerate(labels, 1):
        if isinstance(label, str) == are_lists:
            raise DataError(
                f"{name}, row {row} has the label {label!r}; give lists for all texts, or none."
            )
        for text_label in labels_in(label):
            if text_label not in number:
                raise DataError(
                    f"{name}, row {row} has the label {text_label!r}, not one of {listed(label_names)}."
                )
        numbers.append([number[text_label] for text_label in labels_in(label)])

    if not are_lists:
        return np.array([numbers_of_text[0] for numbers_of_text in numbers], dtype=np.int64)
    has_label = np.zeros((len(numbers), len(label_names)), dtype=np.float32)
    for row_index, numbers_of_text in enumerate(numbers):
        has_label[row_index, numbers_of_text] = 1
    return has_label


def labels_as_strings(labels: Iterable[Any]) -> list[str]:
    """Return labels as a config names them; whole numbers without a point."""
    names = []
    for label in labels:
        is_whole = isinstance(label, float | np.floating) and float(label).is_integer()
        name = str(int(label)) if is_whole else str(label)
        names.append(name)
    return names


def label_values(names: Sequence[str], label_type: str | None) -> NDArray[Any]:
    """Return labels as an array of their Python type, (n,); the inverse of `labels_as_strings`.

    Args:
        names: Labels as a config names them.
        label_type: Of `GloveLstmConfig`; None: strings.

    Raises:
        DataError: A label is not of that type.
    """
    if label_type is None or label_type == "str":
        return np.array(names)
    readers: dict[str, Callable[[str], Any]] = {
        "bool": lambda name: name == "True",
        "int": int,
        "float": float,
    }
    mistake = DataError(f"the labels {listed(names)} are not all of the label_type {label_type}")
    read = readers[label_type]
    try:
        labels = np.array([read(name) for name in names])
    except (ValueError, OverflowError):
        raise mistake from None
    if labels_as_strings(labels) != list(names):  # "07" is read as 7, for instance
        raise mistake
    return labels


def common_label_type(names: Sequence[str], label_type: str | None) -> str | None:
    """Return `label_type`, or "str" if some names are not of that type.

    Names of another type come from an earlier training, whose labels a fine-tuned model keeps.
    """
    try:
        label_values(names, label_type)
    except DataError:
        return "str"
    return label_type
