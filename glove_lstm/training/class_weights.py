"""Weights of the labels, for the loss of the network and the fit of the n-gram classifier."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glove_lstm.data.errors import DataError
from glove_lstm.data.files import read_json_object


def class_weights(
    wanted: str | None,
    names: Sequence[str],
    labels: NDArray[np.integer],
    sample_weight: NDArray[np.float64] | None = None,
) -> NDArray[np.float64] | None:
    """Return the weight of each label, (classes,); None if none are wanted.

    Args:
        wanted: "balanced" for n / (classes * count), as in scikit-learn; or a JSON file {label: weight}.
        names: The labels.
        labels: (n,) class indices. A label without texts gets the balanced weight 1.
        sample_weight: (n,) weights of the texts in the counts.

    Raises:
        DataError: The file cannot be used, or a text may have several labels.
    """
    if not wanted:
        return None
    if labels.ndim == 2:
        said = "--class_weight is for one label a text; each of several has a threshold of its own"
        raise DataError(f"{said}: leave it out.")
    if wanted == "balanced":
        counts = np.bincount(labels, sample_weight, len(names)).astype(np.float64)
        counts[counts == 0] = counts.sum() / (counts > 0).sum()
        return counts.mean() / counts
    values = read_json_object(Path(wanted), "give {label: weight}")
    if others := values.keys() - set(names):
        known = ", ".join(names)
        raise DataError(f"{wanted}: label {min(others)!r} is not one of {known}; correct it.")
    for name in names:
        value: Any = values.get(name, "missing")
        if type(value) not in (int, float) or not 0 < value < math.inf:
            raise DataError(f"{wanted}: the weight of {name!r} is {value}; give a positive number.")
    return np.array([values[name] for name in names], dtype=np.float64)
