"""An encoder of sentence-transformers as a teacher: it learns the labels from a few texts."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from sklearn.linear_model import LogisticRegression

from glove_lstm.distillation.cache import LogitCache
from glove_lstm.distillation.comparison import compare_with_labels_alone, log_comparison
from glove_lstm.distillation.pretrained import TeacherModel, content_hash, loading_error
from glove_lstm.distillation.tuning import texts_to_read, tune
from glove_lstm.errors import DataError
from glove_lstm.tables.examples import Examples

# A part of the identity of its logits, and of the comparison beside them: raise it when anything in tuning.py or
# comparison.py, or the regression, changes.
_VERSION = 5
_MOST_ITERATIONS = 2_000


class EncoderTeacher:
    """A teacher that learns the labels of a few texts, so that its logits are calibrated.

    The encoder is tuned on the texts, and a logistic regression is fitted to their embeddings. That happens when it is
    first asked for a text whose logits the cache lacks.

    Attributes:
        settings: What it chose to learn the labels, and what cross-validation says of it.

    Raises:
        DataError: It cannot be loaded.
    """

    kind = "encoder"
    learns_labels = True
    label_names: Sequence[str] = ()
    revision: str | None = None  # commit on the Hub, if it is known
    license: str | None = None

    def __init__(
        self, teacher: TeacherModel, folder: Path, device: torch.device, seed: int
    ) -> None:
        self.name = str(teacher)
        self.settings: dict[str, Any] = {}
        self._encoder = _load(teacher, folder, device)
        self._title = str(teacher)
        self._folder = folder
        self._seed = seed
        self._train: Examples | None = None
        self._cache: LogitCache | None = None
        self._regression: LogisticRegression | None = None

    def fit(self, train: Examples) -> None:
        """Take the labels of n texts, one or more of each label, to learn them when they are needed.

        Raises:
            DataError: A label has no text.
        """
        counts = np.bincount(train.labels, minlength=len(train.label_names))
        if not counts.all():
            missing = train.label_names[int(counts.argmin())]
            raise DataError(
                f"The {self._title} is an encoder, which learns the labels from the training texts; the label "
                f"{missing!r} has none: add some, or give a classifier."
            )
        self._train = train
        identity = content_hash(self._folder, _described(train, self._seed))
        self._cache = LogitCache(self._title, identity, len(train.label_names))
        self.settings = {"texts_read": texts_to_read(len(train)), "c": _c(train)}
        if self._cache.note:  # it was made when the encoder learned the same before
            self.settings["cross_validated"] = self._cache.note
            log_comparison(self._title, self._cache.note)

    def logits(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the calibrated logits for n texts, each with mean 0: (n, labels)."""
        assert self._cache is not None
        return self._cache.logits(texts, self._learned_logits)

    def _learned_logits(self, texts: list[str]) -> NDArray[np.floating]:
        if self._regression is None:
            self._regression = self._learn()
        margins = self._regression.decision_function(self._embed(texts)).astype(np.float64)
        if margins.ndim == 1:  # of two labels: the second minus the first
            margins = np.stack([-margins, margins], axis=1) / 2
        return margins - margins.mean(axis=1, keepdims=True)

    def _learn(self) -> LogisticRegression:
        """Tune the encoder, and fit a regression to its embeddings of the labelled texts."""
        train = self._train
        assert train is not None
        assert self._cache is not None
        if "cross_validated" not in self.settings:
            comparison = compare_with_labels_alone(self._embed, _regression, train)
            if comparison is not None:
                self.settings["cross_validated"] = comparison
                log_comparison(self._title, comparison)
                self._cache.write_note(comparison)
        tune(self._encoder, train, self._seed)
        return _regression(train).fit(self._embed(train.texts), train.labels, train.weights)

    def _embed(self, texts: Sequence[str]) -> NDArray[np.floating]:
        """Return the embeddings of n texts, (n, width), each of length 1."""
        # Twice to three times as fast where the processor has such instructions.
        with torch.autocast("cpu", torch.bfloat16, enabled=_has_fast_bfloat16()):
            embeddings: Any = self._encoder.encode(
                list(texts), show_progress_bar=False, normalize_embeddings=True
            )
        return np.asarray(embeddings)


def _has_fast_bfloat16() -> bool:
    """Return whether the processor multiplies bfloat16. Older versions of torch do not tell."""
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(capabilities.get(name, False) for name in ("amx_bf16", "avx512_bf16"))


def _regression(train: Examples) -> LogisticRegression:
    return LogisticRegression(C=_c(train), max_iter=_MOST_ITERATIONS)


def _c(train: Examples) -> float:
    """Return the C of the regression. Its logits then need no temperature; DECISIONS.md says what was tried."""
    return 5 * len(train.label_names) / len(train) ** 0.5


def _described(train: Examples, seed: int) -> list[str]:
    """Return all that decides what is learned from examples."""
    weights = None if train.weights is None else train.weights.tolist()
    learned = [list(train.texts), train.labels.tolist(), list(train.label_names), weights]
    return [f"version {_VERSION}", f"seed {seed}", json.dumps(learned)]


def _load(teacher: TeacherModel, folder: Path, device: torch.device) -> SentenceTransformer:
    # Modules of sentence-transformers such as Dense would load pickled weights, whatever `model_kwargs` say.
    for path in sorted(folder.rglob("pytorch_model*.bin")):
        if not any(path.parent.glob("*.safetensors")):
            raise DataError(
                f"The {teacher} has pickled weights, {path.relative_to(folder).as_posix()}; give an encoder with "
                "safetensors weights."
            )
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
