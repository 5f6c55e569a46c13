"""The record of the texts that a model was trained and validated on; a checkpoint holds it beside the weights.

It holds a 64-bit hash of the words of each text, so an evaluation can tell seen from unseen texts without the texts
themselves. Copies that differ in case, punctuation, white space or the Unicode form of their letters have the same
hash; edited copies have another one.
"""

import json
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from glove_lstm.errors import DataError
from glove_lstm.files import digest_of_words
from glove_lstm.unicode_scripts import WORD_OR_SYMBOL

Hashes = NDArray[np.uint64]

_WORD = re.compile(WORD_OR_SYMBOL)


@dataclass(frozen=True)
class TextRecord:
    """Sorted hashes of the words of distinct texts; see `hash_texts`."""

    trained: Hashes  # (n,) of texts that the weights were fitted to
    validated: Hashes  # (m,) of texts that chose the epoch or were used for calibration
    complete: bool = True  # False if training started from a checkpoint whose texts are unknown

    @classmethod
    def of(cls, trained: Iterable[str], validated: Iterable[str]) -> "TextRecord":
        """Record texts; a title and a body are joined with a space."""
        return cls(np.unique(hash_texts(trained)), np.unique(hash_texts(validated)))

    def added_to(self, earlier: "TextRecord | None") -> "TextRecord":
        """Add the record of the checkpoint where training started.

        `earlier` is None if it has none; the result is then incomplete.
        """
        if earlier is None:
            return TextRecord(self.trained, self.validated, complete=False)
        trained = np.union1d(self.trained, earlier.trained)
        validated = np.union1d(self.validated, earlier.validated)
        return TextRecord(trained, validated, self.complete and earlier.complete)

    def find(self, texts: Iterable[str]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Look texts up.

        Returns:
            Two masks (n,): texts that were trained on; texts that were only validated on.
        """
        hashes = hash_texts(texts)
        trained = np.isin(hashes, self.trained)
        validated = np.isin(hashes, self.validated)
        return trained, validated & ~trained

    def save(self, path: Path, weights_digest: str) -> None:
        """Write the record into a file, with the SHA-256 of the weights that the texts made."""
        tensors = {"trained": self.trained, "validated": self.validated}
        metadata = {"complete": str(self.complete), "weights": weights_digest}
        contents = save(tensors, metadata)
        # safetensors writes the metadata in an order that differs from call to call.
        length = int.from_bytes(contents[:8], "little")
        header = json.loads(contents[8 : 8 + length])
        text = json.dumps(header, sort_keys=True, separators=(",", ":"))
        path.write_bytes(contents[:8] + text.encode().ljust(length) + contents[8 + length :])

    @classmethod
    def load(cls, path: Path) -> "tuple[TextRecord, str]":
        """Read a record, and the SHA-256 of the weights that it belongs to.

        Raises:
            DataError: The file is damaged.
        """
        try:
            with safe_open(path, "np") as file:
                trained = file.get_tensor("trained")
                validated = file.get_tensor("validated")
                metadata = file.metadata()
            complete = metadata["complete"] == "True"
            weights_digest = metadata["weights"]
            if trained.dtype != np.uint64 or validated.dtype != np.uint64:
                raise ValueError("its tensors are not uint64")
        except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path} is damaged ({error}): get the checkpoint again.") from None
        return cls(trained, validated, complete), weights_digest


def hash_texts(texts: Iterable[str]) -> Hashes:
    """Hash the lower-cased words of each text; without a word, its characters with white space folded; shape (n,)."""
    digests = []
    for text in texts:
        words = _WORD.findall(unicodedata.normalize("NFC", text).lower()) or text.split()
        digests.append(digest_of_words(words, size=8))
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)
