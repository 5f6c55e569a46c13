"""A loaded checkpoint with its measured threshold."""

import json
from pathlib import Path
from typing import Any

from glove_lstm.data.errors import DataError
from glove_lstm.inference.backends import open_model
from glove_lstm.inference.checkpoint_files import WEIGHTS_NAME, local_folder
from glove_lstm.inference.checkpoints import load_config
from glove_lstm.inference.scores import SEVERAL


class AppCheckpoint:
    """A classifier that threads may share.

    Attributes:
        name: Name of the folder, or the repository id.
        folder: Files of the checkpoint on this machine.
        label_names: Labels, in the order of the scores.
        scores: Returns probabilities (n, labels) of n texts, or of n titles and bodies.
        explain: Returns the contribution of each word of a text and its second part.
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
        opened = open_model(self.folder, backend="torch")
        self.label_names, self.scores = opened.label_names, opened.predict
        self.explain: Any = opened.explain

    @property
    def threshold(self) -> tuple[float, str]:
        """A threshold at which about nine in ten validation texts get a label, and its effect; 0 if not measured."""
        try:
            metrics: Any = json.loads((self.folder / "metrics.json").read_text(encoding="utf-8"))
            row = metrics["validation"]["coverage"][1]
            return row["threshold"], (
                f"At {row['threshold']:.4f}, {row['coverage']:.0%} of the validation texts get a label, and "
                f"{row['accuracy']:.1%} of these labels are right."
            )
        except (OSError, ValueError, LookupError, TypeError):
            return 0.0, "The effect of a threshold has not been measured for this checkpoint."
