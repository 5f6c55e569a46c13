"""A function as a teacher: it returns the probability of each label."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glove_lstm.distillation.known_labels import TeacherOfKnownLabels
from glove_lstm.errors import DataError

# Smaller probabilities are raised to this one, because their logarithms would dominate the squared difference.
_LEAST_PROBABILITY = 1e-4


class FunctionTeacher(TeacherOfKnownLabels):
    """A teacher that is a function.

    Its logits are kept in memory only: a changed function could not be told from the earlier one.

    Args:
        function: n texts -> the probability of each label, (n, labels).
        label_names: The labels in the order of its columns.

    Raises:
        DataError: There are no label names.
    """

    kind = "function"
    revision: str | None = None
    license: str | None = None

    def __init__(self, function: Callable[[list[str]], Any], label_names: Sequence[str]) -> None:
        name = f"the function {getattr(function, '__qualname__', type(function).__name__)}"
        if not len(label_names):
            raise DataError(
                f"The teacher, {name}, does not tell its labels; give label_names, in the order of its columns."
            )
        super().__init__(name, label_names, identity=None)
        self._function = function

    def _own_logits(self, texts: list[str]) -> NDArray[np.floating]:
        """Return the logarithms of the probabilities, in the order of the function's columns."""
        returned = self._function(texts)
        try:
            scores = np.asarray(returned, dtype=np.float64)
        except (TypeError, ValueError, RuntimeError):  # torch refuses a tensor with gradients
            raise DataError(
                f"The teacher, {self.name}, returned a {type(returned).__name__} that is no array of numbers; it must "
                "return the probability of each label, (texts, labels)."
            ) from None
        if scores.ndim != 2 or len(scores) != len(texts):
            raise DataError(
                f"The teacher, {self.name}, returned an array of shape {scores.shape} for {len(texts)} texts; it must "
                "return (texts, labels)."
            )
        if scores.shape[1] != len(self.label_names):
            raise DataError(
                f"The teacher, {self.name}, gives {scores.shape[1]} scores for a text, but there are "
                f"{len(self.label_names)} labels: {', '.join(self.label_names)}. Give label_names, in the order of its "
                "columns."
            )
        not_negative = bool((scores >= 0).all())  # NaN is not
        sum_to_one = np.allclose(scores.sum(axis=1), 1, atol=0.01)
        if not (not_negative and sum_to_one):
            raise DataError(
                f"The teacher, {self.name}, returned values that are no probabilities; it must return, for each text, "
                "numbers from 0 whose sum is 1."
            )
        return np.log(np.maximum(scores, _LEAST_PROBABILITY))
