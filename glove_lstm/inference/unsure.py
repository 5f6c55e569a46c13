"""The score below which a checkpoint's labels are best read as "unsure"."""

from dataclasses import dataclass

import numpy as np

from glove_lstm.checkpoint import METRICS_NAME, Checkpoint
from glove_lstm.data.files import read_checkpoint_json


@dataclass(frozen=True)
class SuggestedThreshold:
    """A threshold, and what was measured for it on the validation texts."""

    threshold: float  # a multiple of 0.05
    coverage: float  # share of the texts whose best score reaches it
    accuracy: float  # share of correct labels among these texts


def suggested_threshold(checkpoint: Checkpoint) -> SuggestedThreshold | None:
    """Return the threshold that about nine in ten validation texts reach, rounded to a multiple of 0.05.

    None if the checkpoint's metrics.json does not record it: for a model that was not calibrated, or for several labels
    a text.
    """
    checkpoint.fetch(METRICS_NAME)
    try:
        metrics = read_checkpoint_json(checkpoint.folder / METRICS_NAME)
        rows = metrics["validation"]["coverage"]
        thresholds = [row["threshold"] for row in rows]
        reached_by_most = thresholds[1]  # by 90 % of the texts; see `coverage_table`
        multiple = round(20 * reached_by_most) / 20
        threshold = min(multiple, 0.95)  # 1 would keep no text
        coverage = np.interp(threshold, thresholds, [row["coverage"] for row in rows])
        accuracy = np.interp(threshold, thresholds, [row["accuracy"] for row in rows])
    except (ValueError, LookupError, TypeError):
        return None
    return SuggestedThreshold(threshold, float(coverage), float(accuracy))
