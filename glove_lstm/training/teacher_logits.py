"""Ask teachers for the logits of texts, and cache them, so that an interrupted run does not ask again."""

import hashlib
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from glove_lstm.errors import DataError
from glove_lstm.progress import progress
from glove_lstm.training.teachers import LoadedTeacher, columns_of

LogitsByKey = dict[bytes, NDArray[np.float32]]  # see `_key`

CACHE_NAME = "teacher_logits.sqlite"  # in the output folder

_BATCH_SIZE = 32  # texts
_BATCHES_PER_COMMIT = 16

_TABLE = (
    "CREATE TABLE IF NOT EXISTS logits "
    "(teacher TEXT, text BLOB, logits BLOB, PRIMARY KEY (teacher, text)) WITHOUT ROWID"
)
_READ = "SELECT text, logits FROM logits WHERE teacher = ?"
_WRITE = "INSERT OR REPLACE INTO logits VALUES (?, ?, ?)"


def ask(
    teacher: LoadedTeacher,
    texts: Sequence[str],
    label_names: Sequence[str],
    folder: Path | None = None,
) -> NDArray[np.float32]:
    """Return the logits of a teacher for n texts, each with mean 0: (n, classes), in the order of the labels.

    Args:
        teacher: A loaded teacher.
        texts: n texts. Equal texts are asked once.
        label_names: The labels, in any order.
        folder: Folder of the cache; None: no cache. The logits of a function are not cached.

    Raises:
        DataError: The teacher has other labels, its logits are not finite, or the cache cannot be read.
    """
    columns = columns_of(teacher, label_names)
    text_of = {_key(text): text for text in texts}
    if folder is None or teacher.identity is None:
        logits_of = _ask_without_cache(teacher, text_of)
    else:
        logits_of = _ask_with_cache(teacher, text_of, folder)
    logits = np.stack([logits_of[_key(text)] for text in texts])
    if logits.shape[1] != len(label_names):
        raise DataError(
            f"The teacher {teacher.about['name']} gives {logits.shape[1]} scores for a text, but there are "
            f"{len(label_names)} labels: {', '.join(label_names)}."
        )
    logits = logits[:, columns]
    return logits - logits.mean(axis=1, keepdims=True)


def _ask_without_cache(teacher: LoadedTeacher, text_of: Mapping[bytes, str]) -> LogitsByKey:
    logits_of: LogitsByKey = {}
    for answers in _ask_in_batches(teacher, text_of):
        logits_of |= answers
    return logits_of


def _ask_with_cache(
    teacher: LoadedTeacher, text_of: Mapping[bytes, str], folder: Path
) -> LogitsByKey:
    """Read logits from the cache in a folder, and ask for the logits that it lacks."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / CACHE_NAME
    try:
        with closing(sqlite3.connect(path)) as database:
            database.execute(_TABLE)
            rows = database.execute(_READ, (teacher.identity,))
            logits_of = {key: np.frombuffer(logits, dtype="<f4") for key, logits in rows}
            new = {key: text for key, text in text_of.items() if key not in logits_of}
            for number, answers in enumerate(_ask_in_batches(teacher, new), 1):
                logits_of |= answers
                _write(database, teacher, answers)
                if number % _BATCHES_PER_COMMIT == 0:
                    database.commit()
            database.commit()
            return logits_of
    except sqlite3.Error as error:
        raise DataError(
            f"{path} cannot be used ({error}): if no other run uses it, remove it."
        ) from error


def _write(database: sqlite3.Connection, teacher: LoadedTeacher, answers: LogitsByKey) -> None:
    rows = [(teacher.identity, key, logits.tobytes()) for key, logits in answers.items()]
    database.executemany(_WRITE, rows)


def _ask_in_batches(teacher: LoadedTeacher, text_of: Mapping[bytes, str]) -> Iterator[LogitsByKey]:
    """Ask for the logits of texts, and yield them batch by batch.

    Texts of similar length share a batch. The longest come first, so that the progress bar is not too optimistic.
    """
    name = teacher.about["name"]
    keys = sorted(text_of, key=lambda key: len(text_of[key]), reverse=True)
    with progress(f"Asking {name}", total=len(keys)) as bar:
        for start in range(0, len(keys), _BATCH_SIZE):
            batch = keys[start : start + _BATCH_SIZE]
            logits = teacher.logits([text_of[key] for key in batch]).astype("<f4")
            if not np.isfinite(logits).all():
                raise DataError(f"The teacher {name} gives logits that are not finite numbers.")
            yield dict(zip(batch, logits, strict=True))
            bar.update(len(batch))


def _key(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
