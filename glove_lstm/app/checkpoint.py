"""A loaded checkpoint with its measured threshold."""

import json
from collections.abc import Sequence
from math import floor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glove_lstm.data.errors import DataError
from glove_lstm.inference.checkpoint_files import WEIGHTS_NAME, local_folder
from glove_lstm.inference.checkpoints import load_checkpoint, load_config
from glove_lstm.inference.explanation import Explanation, explain
from glove_lstm.inference.prediction import predict_probabilities
from glove_lstm.inference.scores import SEVERAL


class AppCheckpoint:
    """A classifier that threads may share.

    Attributes:
        name: Name of the folder, or the repository id.
        folder: Files of the checkpoint on this machine.
        label_names: Labels, in the order of the scores.
    """

    def __init__(self, model: str | Path, revision: str | None = None) -> None:
        """Load a checkpoint with this package's own code; no remote code runs.

        Args:
            model: A folder, or a repository id on the Hub.
            revision: Commit, tag or branch on the Hub.

        Raises:
            DataError: The checkpoint is missing, damaged or of another kind.
        """
        config = load_config(model, revision)  # rejects other models before a download of weights
        if config.problem_type == SEVERAL:
            raise DataError(f"{model} gives several labels a text; use glove-lstm predict.")
        self.name = Path(model).resolve().name if Path(model).is_dir() else str(model)
        self.folder = local_folder(model, revision, WEIGHTS_NAME, "metrics.json")
        self._model, self._tokenizer = load_checkpoint(self.folder)
        self.label_names: tuple[str, ...] = tuple(self._model.config.label_names)

    def scores(self, texts: Sequence[str], pairs: Sequence[str] | None) -> NDArray[np.float64]:
        """Return probabilities (n, labels) of n texts, or of n titles and bodies."""
        return predict_probabilities(self._model, self._tokenizer, texts, pairs)

    def explain(self, text: str, pair: str | None) -> Explanation:
        """Return the contribution of each word to the label with the highest score.

        Raises:
            DataError: The model has only one label.
        """
        if len(self.label_names) < 2:
            raise DataError("This model has one label, so its choice cannot be explained.")
        return explain(self._model, self._tokenizer, text, pair)

    @property
    def threshold(self) -> tuple[float, str]:
        """A threshold at which about nine in ten validation texts get a label, and its effect; 0 if not measured."""
        try:
            metrics: Any = json.loads((self.folder / "metrics.json").read_text(encoding="utf-8"))
            measured = metrics.get("unseen_corpora") or metrics["validation"]
            row = measured["coverage"][1]
            # Rounded up, it could exceed every score.
            threshold = floor(100 * row["threshold"]) / 100
            return threshold, (
                f"At {threshold:.2f}, {row['coverage']:.0%} of the validation texts get a label, and "
                f"{row['accuracy']:.1%} of these labels are right."
            )
        except (OSError, ValueError, LookupError, TypeError):
            return 0.0, "The effect of a threshold has not been measured for this checkpoint."
