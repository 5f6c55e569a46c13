"""A record of the texts that a checkpoint was trained and validated on, saved beside its weights.

It holds a 64-bit hash of the words of each text, so an evaluation can tell seen from unseen texts without the texts
themselves. Copies that differ in case, punctuation or white space have the same hash; edited copies have another one.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from glove_lstm.data.splits import hash_words
from glove_lstm.errors import DataError
from glove_lstm.inference.checkpoint_files import WEIGHTS_NAME, digest, local_folder

Hashes = NDArray[np.uint64]

TRAINING_TEXTS_NAME = "training_texts.safetensors"

_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class TrainingTexts:
    """Sorted hashes of the words of distinct texts; see `hash_texts`."""

    trained: Hashes  # (n,) of texts that the weights were fitted to
    validated: Hashes  # (m,) of texts that chose the epoch or were used for calibration
    complete: bool = True  # False if training started from a checkpoint whose texts are unknown

    @classmethod
    def of(cls, trained: Iterable[str], validated: Iterable[str]) -> "TrainingTexts":
        """Record texts; a title and a body are joined with a space."""
        return cls(np.unique(hash_texts(trained)), np.unique(hash_texts(validated)))

    def added_to(self, earlier: "TrainingTexts | None") -> "TrainingTexts":
        """Join the record with that of the checkpoint where training started; None if it has none."""
        if earlier is None:
            return TrainingTexts(self.trained, self.validated, complete=False)
        trained = np.union1d(self.trained, earlier.trained)
        validated = np.union1d(self.validated, earlier.validated)
        return TrainingTexts(trained, validated, self.complete and earlier.complete)

    def find(self, texts: Iterable[str]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Look texts up.

        Returns:
            Two masks (n,): texts that were trained on; texts that were only validated on.
        """
        hashes = hash_texts(texts)
        trained = np.isin(hashes, self.trained)
        return trained, np.isin(hashes, self.validated) & ~trained

    def save(self, folder: Path) -> None:
        """Write the record into a folder that holds the weights."""
        tensors = {"trained": self.trained, "validated": self.validated}
        metadata = {"complete": str(self.complete), "weights": digest(folder / WEIGHTS_NAME)}
        save_file(tensors, folder / TRAINING_TEXTS_NAME, metadata)


def load_training_texts(path: str | Path, revision: str | None = None) -> TrainingTexts | None:
    """Load the record of a checkpoint; None if it has none, or if its weights have changed since.

    Args:
        path: A folder, or a repository's id on the Hub.
        revision: Commit, tag or branch on the Hub.

    Raises:
        DataError: The record is damaged, or the repository cannot be downloaded.
    """
    folder = local_folder(path, revision, TRAINING_TEXTS_NAME, WEIGHTS_NAME)
    file = folder / TRAINING_TEXTS_NAME
    if not file.is_file():
        return None
    try:
        with safe_open(file, "np") as tensors:
            trained, validated = (tensors.get_tensor(name) for name in ("trained", "validated"))
            metadata = tensors.metadata()
            complete, weights = metadata["complete"] == "True", metadata["weights"]
        if {trained.dtype, validated.dtype} != {np.dtype(np.uint64)}:
            raise ValueError("its tensors are not uint64")
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{file} is damaged ({error}): get the checkpoint again.") from None
    same = weights == digest(folder / WEIGHTS_NAME)
    return TrainingTexts(trained, validated, complete) if same else None


def hash_texts(texts: Iterable[str]) -> Hashes:
    """Hash the lower-cased words of each text; without a word, its characters with white space folded; shape (n,)."""
    digests = []
    for text in texts:
        words = _WORD.findall(text.lower()) or text.split()
        digests.append(hash_words(words, size=8))
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)
