"""The logits of a teacher, kept in the cache folder so that no run computes them again.

They lie in `$GLOVE_LSTM_CACHE/teachers/IDENTITY/`, in parts that are appended and never written again. Processes may
share the folder: each part has a name of its own, and appears when it is complete.
"""

import hashlib
import json
import logging
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glove_lstm.errors import DataError, first_line
from glove_lstm.files import cache_folder, whole_file
from glove_lstm.progress import progress

logger = logging.getLogger(__name__)

Floats = NDArray[np.floating]

_KEY_SIZE = 16  # bytes
_NOTE_NAME = "note.json"
_BATCH_SIZE = 32  # texts
_SECONDS_BETWEEN_PARTS = 60.0  # a kill loses no more


class LogitCache:
    """The logits of a teacher, a row for each text.

    Args:
        name: Name of the teacher, for messages.
        identity: Hash of all that decides the logits, but for rounding; None: they are kept in memory only.
    """

    def __init__(self, name: str, identity: str | None) -> None:
        self._name = name
        self._logits_of: dict[bytes, NDArray[np.float32]] = {}  # by the hash of the text
        self._folder: Path | None = None
        if identity is not None:
            self._folder = cache_folder() / "teachers" / identity[:32]
            self._read_parts(self._folder)

    def logits(
        self, texts: Sequence[str], compute: Callable[[list[str]], Floats]
    ) -> NDArray[np.float32]:
        """Return the logits for one or more texts, (n, labels). Those that are missing are computed.

        Args:
            texts: n texts.
            compute: Returns the logits for a few texts.

        Raises:
            DataError: They are not finite.
        """
        text_of = {_key(text): text for text in texts}
        missing = [key for key in text_of if key not in self._logits_of]
        # The longest first, in batches of similar length.
        missing.sort(key=lambda key: len(text_of[key]), reverse=True)
        unwritten: list[bytes] = []
        last_write = time.monotonic()
        try:
            with progress(f"Asking {self._name}", total=len(missing)) as bar:
                for start in range(0, len(missing), _BATCH_SIZE):
                    keys = missing[start : start + _BATCH_SIZE]
                    logits = compute([text_of[key] for key in keys])
                    self._add(keys, logits)
                    unwritten += keys
                    if time.monotonic() - last_write > _SECONDS_BETWEEN_PARTS:
                        self._write_part(unwritten)
                        unwritten = []
                        last_write = time.monotonic()
                    bar.update(len(keys))
        finally:  # also after an interruption
            self._write_part(unwritten)
        return np.stack([self._logits_of[_key(text)] for text in texts])

    def read_note(self) -> dict[str, Any] | None:
        """Return the note that is kept beside the logits; None: there is none, or it is damaged."""
        if self._folder is None:
            return None
        try:
            return dict(json.loads((self._folder / _NOTE_NAME).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def write_note(self, note: Mapping[str, Any]) -> None:
        """Keep a note beside the logits, if the cache can be written."""
        if self._folder is None:
            return
        with suppress(OSError), whole_file(self._folder / _NOTE_NAME) as part:
            part.write_text(json.dumps(note) + "\n", encoding="utf-8")

    def _add(self, keys: Sequence[bytes], logits: Floats) -> None:
        if not np.isfinite(logits).all():
            raise DataError(f"The teacher, {self._name}, gives logits that are not finite numbers.")
        self._logits_of.update(zip(keys, logits.astype(np.float32), strict=True))

    def _read_parts(self, folder: Path) -> None:
        """Read all parts. A damaged one is removed, so that its logits are computed again."""
        for path in sorted(folder.glob("*.npz")):
            try:
                self._logits_of.update(_read_part(path))
            except (OSError, MemoryError) as error:  # another process may have removed it
                logger.warning("%s cannot be read: %s.", path, first_line(error))
            except Exception as error:  # a damaged archive raises errors of many types
                logger.warning(
                    "%s is damaged (%s): its logits are computed again.", path, first_line(error)
                )
                with suppress(OSError):  # the cache may be read-only
                    path.unlink()

    def _write_part(self, keys: Sequence[bytes]) -> None:
        if self._folder is None or not keys:
            return
        rows = np.frombuffer(b"".join(keys), dtype=np.uint8).reshape(-1, _KEY_SIZE)
        logits = np.stack([self._logits_of[key] for key in keys])
        path = self._folder / f"{uuid.uuid4().hex}.npz"
        try:
            with whole_file(path) as part, part.open("wb") as file:
                np.savez(file, keys=rows, logits=logits)
        except OSError as error:  # the training goes on without it
            logger.warning("The teacher's logits are not kept: %s.", first_line(error))


def _read_part(path: Path) -> dict[bytes, NDArray[np.float32]]:
    """Return the logits of a part by the hashes of their texts.

    Raises:
        OSError: The file cannot be read.
        Exception: It is damaged.
    """
    with np.load(path, allow_pickle=False) as arrays:
        keys = [key.tobytes() for key in arrays["keys"]]
        logits = arrays["logits"]
    if logits.ndim != 2 or not np.isfinite(logits).all():
        raise ValueError("it holds no finite numbers")
    return dict(zip(keys, logits, strict=True))


def _key(text: str) -> bytes:
    content = text.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(content, digest_size=_KEY_SIZE).digest()
