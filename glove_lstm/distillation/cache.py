"""The logits of a teacher, kept in `$GLOVE_LSTM_CACHE/teachers/logits.sqlite` so that no run computes them again.

A row ends with a checksum, because SQLite notices damage of its own structure only.
"""

import hashlib
import json
import logging
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glove_lstm.errors import DataError, first_line
from glove_lstm.files import cache_folder
from glove_lstm.progress import progress

logger = logging.getLogger(__name__)

Floats = NDArray[np.floating]

_TABLE = """
CREATE TABLE IF NOT EXISTS logits (
    teacher TEXT, -- its identity
    text BLOB, -- a hash, or _NOTE
    content BLOB, -- float32, or the JSON of the note; and the checksum
    PRIMARY KEY (teacher, text)
) WITHOUT ROWID
"""
# The last two: a damaged file has a row that is no such row, or whose text is no UTF-8.
_FAILURES = sqlite3.Error, OSError, TypeError, ValueError
_KEY_SIZE = 16  # bytes of the hash of a text
_NOTE = b"note"  # in the place of a text's hash
_CHECKSUM_SIZE = 4  # bytes
_SECONDS_FOR_OTHERS = 60.0  # while another process writes
_BATCH_SIZE = 256  # texts; a kill loses no more


class LogitCache:
    """The logits of a teacher, a row for each text. Processes may share the file.

    Attributes:
        note: What is kept beside the logits; None: nothing is.

    Args:
        name: Name of the teacher, for messages.
        identity: Hash of all that decides the logits, but for rounding; None: they are kept in memory only.
        label_count: Columns of the logits.
    """

    def __init__(self, name: str, identity: str | None, label_count: int) -> None:
        self._name = name
        self._label_count = label_count
        self._identity = identity and identity[:32]  # None also when the file has failed
        self._file = cache_folder() / "teachers" / "logits.sqlite"
        self._logits_of: dict[bytes, NDArray[np.float32]] = {}  # by the hash of the text
        self.note: dict[str, Any] | None = None
        self._read()

    def logits(
        self, texts: Sequence[str], compute: Callable[[list[str]], Floats]
    ) -> NDArray[np.float32]:
        """Return the logits for n texts, (n, labels). Those that are missing are computed by `compute`.

        Raises:
            DataError: They are not finite.
        """
        text_of = {_key(text): text for text in texts}
        missing = [key for key in text_of if key not in self._logits_of]
        # The longest first, in batches of similar length.
        missing.sort(key=lambda key: len(text_of[key]), reverse=True)
        if missing:
            logger.info("The %s is asked about %s texts.", self._name, f"{len(missing):,}")
        with progress(f"Asking {self._name}", total=len(missing)) as bar:
            for start in range(0, len(missing), _BATCH_SIZE):
                keys = missing[start : start + _BATCH_SIZE]
                logits = compute([text_of[key] for key in keys])
                if not np.isfinite(logits).all():
                    raise DataError(f"The {self._name} gives logits that are not finite numbers.")
                computed = dict(zip(keys, logits.astype(np.float32), strict=True))
                self._logits_of.update(computed)
                self._write({key: row.tobytes() for key, row in computed.items()})
                bar.update(len(keys))
        rows = [self._logits_of[_key(text)] for text in texts]
        return np.array(rows, dtype=np.float32).reshape(len(texts), self._label_count)

    def write_note(self, note: Mapping[str, Any]) -> None:
        """Keep a note beside the logits, if the cache can be written."""
        self._write({_NOTE: json.dumps(note).encode("utf-8")})

    def _read(self) -> None:
        """Read the rows of this teacher, all or, if one is damaged, none."""
        if self._identity is None:
            return
        contents = {}
        query = "SELECT text, content FROM logits WHERE teacher = ?"
        try:
            with _transaction(self._file) as database:
                for key, content in database.execute(query, [self._identity]):
                    value = content[:-_CHECKSUM_SIZE]
                    if content != self._with_checksum(key, value):
                        raise ValueError("a row is damaged")
                    contents[key] = value
        except _FAILURES as error:
            self._give_up("read", error)
            return
        note = contents.pop(_NOTE, None)
        if note is not None:
            self.note = json.loads(note)
        for key, value in contents.items():
            self._logits_of[key] = np.frombuffer(value, dtype=np.float32)

    def _write(self, values: Mapping[bytes, bytes]) -> None:
        """Keep values by their keys, all or none."""
        if self._identity is None:
            return
        rows = [
            (self._identity, key, self._with_checksum(key, value)) for key, value in values.items()
        ]
        try:
            with _transaction(self._file) as database:
                database.executemany("INSERT OR REPLACE INTO logits VALUES (?, ?, ?)", rows)
        except _FAILURES as error:
            self._give_up("written", error)

    def _give_up(self, attempt: str, error: Exception) -> None:
        """Warn that the training goes on without the file."""
        self._identity = None
        logger.warning(
            "%s cannot be %s (%s): the teacher's logits are not kept. Remove the file if it is damaged.",
            self._file,
            attempt,
            first_line(error),
        )

    def _with_checksum(self, key: bytes, value: bytes) -> bytes:
        checksum = zlib.crc32(f"{self._identity} ".encode() + key + value)
        return value + checksum.to_bytes(_CHECKSUM_SIZE)


@contextmanager
def _transaction(file: Path) -> Iterator[sqlite3.Connection]:
    """Open the file, which is made if it is missing. What is written is there after the block, or nothing is."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(file, timeout=_SECONDS_FOR_OTHERS)) as database, database:
        database.execute(_TABLE)
        yield database


def _key(text: str) -> bytes:
    content = text.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(content, digest_size=_KEY_SIZE).digest()
