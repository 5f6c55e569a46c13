"""Teachers that know their labels: functions, and classifiers, from which classifier.py makes functions."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glove_lstm.distillation.cache import LogitCache
from glove_lstm.errors import DataError
from glove_lstm.tables.examples import Examples

Floats = NDArray[np.floating]
# Smaller probabilities are raised to this one, because their logarithms would dominate the squared difference.
_LEAST_PROBABILITY = 1e-4


class FunctionTeacher:
    """A teacher that need not learn; see `Teacher`.

    Args:
        name: For messages.
        label_names: Its labels, in the order of its columns.
        compute: Returns the logits for a few texts, (n, labels).
        kind: "function" or "classifier".
        identity: Of all that decides its logits; None: they are kept in memory only.
        revision: Commit on the Hub.
        license: Licence.
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
        self._cache = LogitCache(name, identity)

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
        """Return the logits for n texts, each with mean 0: (n, labels)."""
        if not len(texts):
            return np.zeros((0, len(self._columns)), dtype=np.float32)
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
        probabilities = _checked(function(texts), len(texts), name, label_names)
        return np.log(np.maximum(probabilities, _LEAST_PROBABILITY))

    return FunctionTeacher(name, label_names, log_probabilities)


def _checked(returned: Any, text_count: int, name: str, label_names: Sequence[str]) -> Floats:
    """Return what a function has returned as an array (texts, labels).

    Raises:
        DataError: These are no probabilities of the labels.
    """
    try:
        scores = np.asarray(returned, dtype=np.float64)
    except (TypeError, ValueError, RuntimeError):  # torch refuses a tensor with gradients
        raise DataError(
            f"The teacher, {name}, returned a {type(returned).__name__} that is no array of numbers; it must return "
            "the probability of each label, (texts, labels)."
        ) from None
    if scores.ndim != 2 or len(scores) != text_count:
        raise DataError(
            f"The teacher, {name}, returned an array of shape {scores.shape} for {text_count} texts; it must return "
            "(texts, labels)."
        )
    if scores.shape[1] != len(label_names):
        raise DataError(
            f"The teacher, {name}, gives {scores.shape[1]} scores for a text, but there are {len(label_names)} labels: "
            f"{', '.join(label_names)}. Give label_names, in the order of its columns."
        )
    not_negative = bool((scores >= 0).all())  # NaN is not
    sum_to_one = np.allclose(scores.sum(axis=1), 1, atol=0.01)
    if not (not_negative and sum_to_one):
        raise DataError(
            f"The teacher, {name}, returned values that are no probabilities; it must return, for each text, numbers "
            "from 0 whose sum is 1."
        )
    return scores
