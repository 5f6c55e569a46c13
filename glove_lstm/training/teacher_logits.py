"""Ask teachers for the logits of texts, and keep the answers: an interrupted run does not ask again."""

import hashlib
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from glove_lstm.errors import DataError
from glove_lstm.progress import progress
from glove_lstm.training.teachers import LoadedTeacher, columns_of

CACHE_NAME = "teacher_logits.sqlite"  # in the output folder

_BATCH = 32  # texts at a time
_BATCHES_OF_COMMIT = 16

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

    Equal texts are asked once, the longest first.

    Args:
        teacher: A loaded teacher.
        texts: n texts.
        label_names: The labels, which must be those of the teacher.
        folder: Where the answers are kept, except those of a function; None: nowhere.

    Raises:
        DataError: The labels of the teacher are others, its logits are not finite, or the kept answers cannot be read.
    """
    columns = columns_of(teacher, label_names)
    if folder is None or teacher.identity is None:
        found = _ask(teacher, texts, {}, None)
    else:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / CACHE_NAME
        try:
            with closing(sqlite3.connect(path)) as database:
                database.execute(_TABLE)
                rows = database.execute(_READ, (teacher.identity,))
                known = {key: np.frombuffer(logits, dtype="<f4") for key, logits in rows}
                found = _ask(teacher, texts, known, database)
        except sqlite3.Error as error:
            raise DataError(
                f"{path} cannot be used ({error}): if no other run uses it, remove it."
            ) from error
    logits = np.stack([found[_key(text)] for text in texts])
    if logits.shape[1] != len(label_names):
        raise DataError(
            f"The teacher {teacher.about['name']} gives {logits.shape[1]} scores for a text, but there are "
            f"{len(label_names)} labels: {', '.join(label_names)}."
        )
    logits = logits[:, columns]
    return logits - logits.mean(axis=1, keepdims=True)


def _ask(
    teacher: LoadedTeacher,
    texts: Sequence[str],
    known: dict[bytes, NDArray[np.float32]],
    database: sqlite3.Connection | None,
) -> dict[bytes, NDArray[np.float32]]:
    """Return the logits by the key of a text: the known ones, and those of the others, which are asked and kept."""
    new = {_key(text): text for text in texts}
    new = {key: text for key, text in new.items() if key not in known}
    # Texts of similar length share a batch; the longest come first, so that the time left is not too short.
    keys = sorted(new, key=lambda key: -len(new[key]))
    name = teacher.about["name"]
    with progress(f"Asking {name}", total=len(keys)) as bar:
        for number, start in enumerate(range(0, len(keys), _BATCH), 1):
            of_batch = keys[start : start + _BATCH]
            logits = teacher.logits([new[key] for key in of_batch]).astype("<f4")
            if not np.isfinite(logits).all():
                raise DataError(f"The teacher {name} gives logits that are not finite numbers.")
            known.update(zip(of_batch, logits, strict=True))
            if database is not None:
                rows = [(teacher.identity, key, known[key].tobytes()) for key in of_batch]
                database.executemany(_WRITE, rows)
                if number % _BATCHES_OF_COMMIT == 0:
                    database.commit()
            bar.update(len(of_batch))
    if database is not None:
        database.commit()
    return known


def _key(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
