"""An encoder of sentence-transformers as a teacher: it learns the labels from a few texts."""

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer

from glove_lstm.distillation.cache import AnswerCache
from glove_lstm.distillation.pretrained import (
    TeacherModel,
    identity,
    license_of,
    loading_error,
    revision_of,
)
from glove_lstm.distillation.regression import Regression, fit_regression
from glove_lstm.errors import DataError
from glove_lstm.files import without_folders
from glove_lstm.tables.examples import Examples

logger = logging.getLogger(__name__)

_VERSION = 1  # of what it learns, in the names of kept answers


class EncoderTeacher:
    """A teacher that embeds texts, and learns the labels of a few; see `Teacher`.

    It learns when it is first asked for a text that the cache lacks. Its logits are calibrated.

    Args:
        teacher: Where it is from.
        folder: Its files.
        device: Where it computes.
        seed: Of what it learns.

    Raises:
        DataError: It cannot be loaded.
    """

    kind = "encoder"
    learns_labels = True
    label_names: Sequence[str] = ()

    def __init__(
        self, teacher: TeacherModel, folder: Path, device: torch.device, seed: int
    ) -> None:
        self.name = without_folders(teacher.model)
        self.revision = revision_of(teacher, folder)
        self.license = license_of(folder)
        self.settings: dict[str, Any] = {}
        self._encoder = _load(teacher, folder, device)
        self._folder = folder
        self._seed = seed
        self._train: Examples | None = None
        self._cache: AnswerCache | None = None
        self._regression: Regression | None = None

    def fit(self, train: Examples) -> None:
        """Learn the labels of n texts, one or more of each label.

        Raises:
            DataError: A label has no text.
        """
        counts = np.bincount(train.labels, minlength=len(train.label_names))
        if not counts.all():
            missing = train.label_names[int(counts.argmin())]
            raise DataError(
                f"The teacher {self.name} is an encoder, which learns the labels from the training texts; the label "
                f"{missing!r} has none: add some, or give a classifier."
            )
        self._train = train
        self._regression = None
        self._cache = AnswerCache(self.name, identity(self._folder, _described(train, self._seed)))

    def logits(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the calibrated logits for n texts, each with mean 0: (n, labels)."""
        assert self._train is not None
        assert self._cache is not None
        if not len(texts):
            return np.zeros((0, len(self._train.label_names)), dtype=np.float32)
        logits = self._cache.answers(texts, self._logits_of)
        self.settings = self._cache.note
        return logits

    def _logits_of(self, texts: list[str]) -> NDArray[np.floating]:
        assert self._train is not None
        assert self._cache is not None
        if self._regression is None:
            embeddings = self._embed(self._train.texts)
            self._regression = fit_regression(embeddings, self._train, self._seed)
            self._cache.write_note(
                {"c": self._regression.c, "temperature": self._regression.temperature}
            )
        return self._regression.logits(self._embed(texts))

    def _embed(self, texts: Sequence[str]) -> NDArray[np.floating]:
        """Return the embeddings of n texts, (n, width)."""
        embeddings: Any = self._encoder.encode(
            list(texts), batch_size=32, show_progress_bar=False, normalize_embeddings=True
        )
        return np.asarray(embeddings)


def _described(train: Examples, seed: int) -> list[str]:
    """Return all that decides what is learned from examples."""
    weights = None if train.weights is None else train.weights.tolist()
    learned = [list(train.texts), train.labels.tolist(), list(train.label_names), weights]
    return [f"version {_VERSION}", f"seed {seed}", json.dumps(learned)]


def _load(teacher: TeacherModel, folder: Path, device: torch.device) -> SentenceTransformer:
    _check_no_pickles(teacher, folder)
    try:
        encoder = SentenceTransformer(
            str(folder),
            device=str(device),
            trust_remote_code=teacher.trust_remote_code,
            model_kwargs={"use_safetensors": True, "dtype": torch.float32},
        )
        encoder.encode(["One text.", "Another text"], show_progress_bar=False)
    except Exception as error:
        raise loading_error(teacher, error) from error
    return encoder


def _check_no_pickles(teacher: TeacherModel, folder: Path) -> None:
    """Raise a DataError for pickled weights, which modules of sentence-transformers such as Dense would load."""
    for path in sorted(folder.rglob("pytorch_model*.bin")):
        if not any(path.parent.glob("*.safetensors")):
            raise DataError(
                f"The teacher {teacher.model} has pickled weights, {path.relative_to(folder).as_posix()}; give an "
                "encoder with safetensors weights."
            )
