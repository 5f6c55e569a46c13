"""Ask teachers for the logits of texts, and cache them, so that an interrupted run does not ask again."""

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
    if folder is None or teacher.identity is None:
        logits_of = _ask_new(teacher, texts, {}, None)
    else:
        logits_of = _ask_with_cache(teacher, texts, folder)
    logits = np.stack([logits_of[_key(text)] for text in texts])
    if logits.shape[1] != len(label_names):
        raise DataError(
            f"The teacher {teacher.about['name']} gives {logits.shape[1]} scores for a text, but there are "
            f"{len(label_names)} labels: {', '.join(label_names)}."
        )
    logits = logits[:, columns]
    return logits - logits.mean(axis=1, keepdims=True)


def _ask_with_cache(
    teacher: LoadedTeacher, texts: Sequence[str], folder: Path
) -> dict[bytes, NDArray[np.float32]]:
    """Return the logits of texts by the key of a text, from the cache in a folder where it has them."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / CACHE_NAME
    try:
        with closing(sqlite3.connect(path)) as database:
            database.execute(_TABLE)
            rows = database.execute(_READ, (teacher.identity,))
            cached = {key: np.frombuffer(logits, dtype="<f4") for key, logits in rows}
            return _ask_new(teacher, texts, cached, database)
    except sqlite3.Error as error:
        raise DataError(
            f"{path} cannot be used ({error}): if no other run uses it, remove it."
        ) from error


def _ask_new(
    teacher: LoadedTeacher,
    texts: Sequence[str],
    cached: dict[bytes, NDArray[np.float32]],
    database: sqlite3.Connection | None,
) -> dict[bytes, NDArray[np.float32]]:
    """Ask for the logits that are not cached, and cache them; return all logits, by the key of a text."""
    logits_of = dict(cached)
    new_texts = {}
    for text in texts:
        key = _key(text)
        if key not in cached:
            new_texts[key] = text
    # Texts of similar length share a batch. The longest come first, so that the bar is not too optimistic.
    keys = sorted(new_texts, key=lambda key: -len(new_texts[key]))
    name = teacher.about["name"]
    with progress(f"Asking {name}", total=len(keys)) as bar:
        for number, start in enumerate(range(0, len(keys), _BATCH_SIZE), 1):
            batch = keys[start : start + _BATCH_SIZE]
            logits = teacher.logits([new_texts[key] for key in batch]).astype("<f4")
            if not np.isfinite(logits).all():
                raise DataError(f"The teacher {name} gives logits that are not finite numbers.")
            logits_of.update(zip(batch, logits, strict=True))
            if database is not None:
                rows = [(teacher.identity, key, logits_of[key].tobytes()) for key in batch]
                database.executemany(_WRITE, rows)
                if number % _BATCHES_PER_COMMIT == 0:
                    database.commit()
            bar.update(len(batch))
    if database is not None:
        database.commit()
    return logits_of


def _key(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
