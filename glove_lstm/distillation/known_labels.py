"""What teachers that know their labels have in common."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glove_lstm.distillation.cache import LogitCache
from glove_lstm.errors import DataError
from glove_lstm.tables.examples import Examples


class TeacherOfKnownLabels(ABC):
    """A teacher that need not learn; see `Teacher`.

    Args:
        name: For messages.
        label_names: Its labels, in the order of its own logits.
        identity: Of all that decides its logits; None: they are kept in memory only.
    """

    learns_labels = False
    accuracy_of_labels: float | None = None

    def __init__(self, name: str, label_names: Sequence[str], identity: str | None) -> None:
        self.name = name
        self.label_names: Sequence[str] = list(label_names)
        self.settings: dict[str, Any] = {}
        self._columns = list(range(len(label_names)))
        self._cache = LogitCache(name, identity)

    def fit(self, train: Examples) -> None:
        """Put the labels into the order of the examples.

        Raises:
            DataError: The labels are not the same.
        """
        own = list(self.label_names)
        wanted = train.label_names
        if set(own) != set(wanted):
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
        logits = self._cache.logits(texts, self._own_logits)[:, self._columns]
        return logits - logits.mean(axis=1, keepdims=True)

    @abstractmethod
    def _own_logits(self, texts: list[str]) -> NDArray[np.floating]:
        """Return the logits for a few texts, in the order of the teacher's own labels."""
