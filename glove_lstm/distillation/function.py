"""Teachers that know their labels: functions, and classifiers, from which classifier.py makes functions."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glove_lstm.distillation.cache import LogitCache
from glove_lstm.errors import DataError, first_line
from glove_lstm.tables.examples import Examples

Floats = NDArray[np.floating]
# Smaller probabilities are raised to this one, because their logarithms would dominate the squared difference.
_LEAST_PROBABILITY = 1e-4


class FunctionTeacher:
    """A teacher that knows its labels.

    Args:
        name: For messages and the model card.
        label_names: Its labels, in the order of its columns.
        compute: Returns the logits for a few texts, (n, labels).
        kind: "function" or "classifier".
        identity: Of all that decides its logits; None: they are kept in memory only.
        revision: Commit on the Hub, if it is known.
        license: Licence, if it is known.
    """

    learns_labels = False
    accuracy_of_labels: float | None = None

    def __init__(
        self,
        name: str,
        label_names: Sequence[str],
        compute: Callable[[list[str]], Floats],
        *,
        kind: str = "function",
        identity: str | None = None,
        revision: str | None = None,
        license: str | None = None,
    ) -> None:
        self.name = name
        self.kind = kind
        self.label_names: Sequence[str] = list(label_names)
        self.revision = revision
        self.license = license
        self.settings: dict[str, Any] = {}
        self._compute = compute
        self._columns = list(range(len(label_names)))
        self._cache = LogitCache(name, identity, len(label_names))

    def fit(self, train: Examples) -> None:
        """Put the labels into the order of the examples.

        Raises:
            DataError: The labels are not the same.
        """
        own = list(self.label_names)
        wanted = train.label_names
        if sorted(own) != sorted(wanted):
            raise DataError(
                f"The labels of the teacher, {self.name}, are {', '.join(own)}; the labels of the texts are "
                f"{', '.join(wanted)}. They must be the same: rename those of the texts, or set id2label in the "
                "teacher's config.json."
            )
        self._columns = [own.index(label) for label in wanted]

    def logits(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the logits for n texts, each with mean 0: (n, labels). They are kept by text.

        Raises:
            DataError: The logits cannot be computed, or are not finite.
        """
        logits = self._cache.logits(texts, self._compute)[:, self._columns]
        return logits - logits.mean(axis=1, keepdims=True)


def teacher_of_function(
    function: Callable[[list[str]], Any], label_names: Sequence[str]
) -> FunctionTeacher:
    """Return a teacher that asks a function.

    Its logits are kept in memory only: a changed function could not be told from the earlier one.

    Args:
        function: Returns the probability of each label for n texts, (n, labels).
        label_names: The labels in the order of its columns.

    Raises:
        DataError: There are no label names.
    """
    name = f"the function {getattr(function, '__qualname__', type(function).__name__)}"
    if not len(label_names):
        raise DataError(
            f"The teacher, {name}, does not tell its labels; give label_names, in the order of its columns."
        )

    def log_probabilities(texts: list[str]) -> Floats:
        expected = (len(texts), len(label_names))
        returned = function(texts)
        try:
            probabilities = np.asarray(returned, dtype=np.float64)
            if probabilities.shape != expected:
                raise ValueError(f"its shape is {probabilities.shape}")
        except (TypeError, ValueError, RuntimeError) as error:  # torch refuses one with gradients
            raise DataError(
                f"The teacher, {name}, returned a {type(returned).__name__} ({first_line(error)}); it must return "
                f"numbers of shape (texts, labels), here {expected}, for label_names {', '.join(label_names)}."
            ) from error
        is_negative = not (probabilities >= 0).all()  # or NaN
        if is_negative or not np.allclose(probabilities.sum(axis=1), 1, atol=0.01):
            raise DataError(
                f"The teacher, {name}, returned values that are no probabilities; it must return, for each text, "
                "numbers from 0 whose sum is 1."
            )
        return np.log(np.maximum(probabilities, _LEAST_PROBABILITY))

    return FunctionTeacher(name, label_names, log_probabilities)
