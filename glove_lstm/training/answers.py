"""Ask a teacher, each text once, and keep its answers in the output folder."""

import hashlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from glove_lstm.errors import DataError, first_line
from glove_lstm.files import whole_file
from glove_lstm.progress import progress
from glove_lstm.training.teacher import LoadedClassifier, LoadedEncoder, LoadedTeacher

Floats = NDArray[np.floating]

ANSWERS_NAME = "teacher_answers-{}.npz"  # with the beginning of the teacher's identity
_KEY_SIZE = 16  # bytes
_BATCH_SIZE = 32  # texts
_SECONDS_BETWEEN_WRITES = 120.0


def check_labels(teacher: LoadedTeacher, label_names: Sequence[str]) -> None:
    """Raise a DataError if a classifier has other labels, in any order. An encoder has none."""
    if isinstance(teacher, LoadedClassifier):
        _columns_of(teacher, label_names)


def _columns_of(teacher: LoadedClassifier, label_names: Sequence[str]) -> list[int]:
    """Return the column of each label in the logits of a teacher.

    Raises:
        DataError: The labels are not the same.
    """
    if set(teacher.label_names) != set(label_names):
        theirs = ", ".join(teacher.label_names)
        ours = ", ".join(label_names)
        raise DataError(
            f"The labels of the teacher {teacher.about['name']} are {theirs}; the labels of the texts are {ours}. "
            "Rename the labels of the texts, set id2label in the teacher's config.json, or give all of its labels as "
            "label_names."
        )
    return [teacher.label_names.index(name) for name in label_names]


def ask(
    teacher: LoadedTeacher, texts: Sequence[str], label_names: Sequence[str]
) -> NDArray[np.float32]:
    """Return the logits of a classifier for n texts: (n, labels); see `ClassifierAnswers`.

    Raises:
        DataError: The teacher is an encoder, or has other labels.
    """
    if isinstance(teacher, LoadedEncoder):
        raise DataError(
            f"The teacher {teacher.about['name']} is an encoder, which has no labels; give a classifier."
        )
    return ClassifierAnswers(teacher, label_names).logits(texts)


class ClassifierAnswers:
    """The logits that a classifier has given. A text is asked once.

    Args:
        teacher: A loaded classifier.
        label_names: The labels, in any order.
        folder: Folder in which the logits are kept; see `KeptAnswers`.

    Attributes:
        about: What is known of the teacher.

    Raises:
        DataError: The teacher has other labels.
    """

    def __init__(
        self, teacher: LoadedClassifier, label_names: Sequence[str], folder: Path | None = None
    ) -> None:
        self.about = teacher.about
        self._name = teacher.about["name"]
        self._label_names = label_names
        self._columns = _columns_of(teacher, label_names)
        self._kept = KeptAnswers(teacher, self._checked_logits, folder)
        self._teacher = teacher

    def logits(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the logits for n texts, each with mean 0, in the order of the labels: (n, labels).

        Raises:
            DataError: The logits are not finite, or there is not one for each label.
        """
        if not len(texts):
            return np.zeros((0, len(self._label_names)), dtype=np.float32)
        logits = self._kept.of(texts)[:, self._columns]
        return logits - logits.mean(axis=1, keepdims=True)

    def _checked_logits(self, texts: list[str]) -> Floats:
        logits = self._teacher.logits(texts)
        if logits.shape[1] != len(self._label_names):
            raise DataError(
                f"The teacher {self._name} gives {logits.shape[1]} scores for a text, but there are "
                f"{len(self._label_names)} labels: {', '.join(self._label_names)}."
            )
        return logits


class KeptAnswers:
    """The answers of a teacher, a row of numbers for each text. A text is asked once.

    Args:
        teacher: A loaded teacher.
        answer: Returns the answers for a few texts, (n, width).
        folder: Folder in which the answers are kept, so that another run does not ask again; None: they are not kept.
            Those of a function are never kept: a changed function could not be told from the earlier one.

    Raises:
        DataError: A file of kept answers is damaged.
    """

    def __init__(
        self,
        teacher: LoadedTeacher,
        answer: Callable[[list[str]], Floats],
        folder: Path | None = None,
    ) -> None:
        self._name = teacher.about["name"]
        self._answer = answer
        self._answer_of: dict[bytes, Floats] = {}  # by the hash of the text
        self._path: Path | None = None
        self._last_write = time.monotonic()
        if folder is not None and teacher.identity is not None:
            self._path = folder / ANSWERS_NAME.format(teacher.identity[:12])
            if self._path.exists():
                self._answer_of = _read_answers(self._path)

    def of(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the answers for one or more texts: (n, width).

        The longest texts are asked first, in batches of similar length.

        Raises:
            DataError: The answers are not finite.
        """
        text_of = {_key(text): text for text in texts}
        missing = [key for key in text_of if key not in self._answer_of]
        missing.sort(key=lambda key: len(text_of[key]), reverse=True)
        try:
            with progress(f"Asking {self._name}", total=len(missing)) as bar:
                for start in range(0, len(missing), _BATCH_SIZE):
                    batch = missing[start : start + _BATCH_SIZE]
                    self._add(batch, self._answer([text_of[key] for key in batch]))
                    bar.update(len(batch))
        finally:  # also after an interruption
            if missing:
                self._write()
        return np.stack([self._answer_of[_key(text)] for text in texts])

    def _add(self, keys: Sequence[bytes], answers: Floats) -> None:
        if not np.isfinite(answers).all():
            raise DataError(f"The teacher {self._name} gives answers that are not finite numbers.")
        self._answer_of.update(zip(keys, answers.astype(np.float32), strict=True))
        if time.monotonic() - self._last_write > _SECONDS_BETWEEN_WRITES:
            self._write()

    def _write(self) -> None:
        """Write all answers into the file, whole or not at all."""
        if self._path is None or not self._answer_of:
            return
        keys = np.frombuffer(b"".join(self._answer_of), dtype=np.uint8).reshape(-1, _KEY_SIZE)
        answers = np.stack(list(self._answer_of.values()))
        with whole_file(self._path) as part, part.open("wb") as file:
            np.savez(file, keys=keys, answers=answers)
        self._last_write = time.monotonic()


def _read_answers(path: Path) -> dict[bytes, Floats]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            keys = [key.tobytes() for key in arrays["keys"]]
            return dict(zip(keys, arrays["answers"], strict=True))
    except Exception as error:  # a damaged archive raises errors of many types
        raise DataError(f"{path} cannot be used ({first_line(error)}): remove it.") from None


def _key(text: str) -> bytes:
    content = text.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(content, digest_size=_KEY_SIZE).digest()
