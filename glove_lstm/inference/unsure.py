"""The score below which a checkpoint's labels are called unsure."""

from collections.abc import Mapping

from glove_lstm.checkpoint.checkpoint import Checkpoint
from glove_lstm.checkpoint.names import METRICS_NAME
from glove_lstm.files import read_checkpoint_json


def suggested_threshold(checkpoint: Checkpoint) -> Mapping[str, float] | None:
    """Return "threshold", "coverage" and "accuracy" as the training recorded them.

    See `evaluation.metrics.suggest_threshold`. None if metrics.json does not have them: if there
    were no validation texts, or a text may have several labels.
    """
    checkpoint.fetch(METRICS_NAME)
    path = checkpoint.folder / METRICS_NAME
    if not path.is_file():
        return None
    metrics = read_checkpoint_json(path)
    try:
        suggested = metrics["validation"]["suggested_threshold"]
        return {name: float(suggested[name]) for name in ("threshold", "coverage", "accuracy")}
    except (LookupError, TypeError, ValueError):
        return None
