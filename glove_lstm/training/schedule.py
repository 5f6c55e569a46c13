"""How long and how fast a training is, by the number of its texts."""

from dataclasses import dataclass, replace
from math import ceil
from typing import Any


@dataclass(frozen=True)
class _Plan:
    """The length and the speed of a training."""

    texts_read: int  # by all epochs together, if the epochs are within the limits
    most_epochs: int
    fewest_epochs: int
    # For batches of 32 texts. Rates grow with the root of the batch size, as the noise of a gradient falls with it.
    learning_rate: float
    embedding_learning_rate: float


_ON_LABELS = _Plan(
    texts_read=50_000,
    most_epochs=8,
    fewest_epochs=2,
    learning_rate=7e-3,
    embedding_learning_rate=3e-3,
)
# A checkpoint whose labels are replaced has to unlearn what it attended to: the LSTM needs twice the epochs.
_ON_NEW_LABELS = replace(_ON_LABELS, texts_read=100_000, most_epochs=16)
# The logits of a teacher are harder to overfit than labels.
_ON_LOGITS = _Plan(
    texts_read=600_000,
    most_epochs=10,
    fewest_epochs=3,
    learning_rate=2e-3,
    embedding_learning_rate=2e-3,
)
_FEWEST_STEPS = 100
_BATCH_OF_RATES = 32  # texts
_SMALL_BATCH = 32  # texts, for up to `_FEW_TEXTS` training texts
_FEW_TEXTS = 5_000
_LARGE_BATCH = 64
_BATCH_ON_LOGITS = 128


def schedule(
    texts: int,
    batches_of_step: int,
    batch_size: int | None,
    *,
    on_logits: bool = False,
    new_labels: bool = False,
) -> dict[str, Any]:
    """Return the epochs, the batch size and the learning rates for a number of training texts.

    Few texts need many steps: at least 100, even if that takes more than the plan's epochs. Many texts need fewer
    passes. DECISIONS.md has the measurements.

    Args:
        texts: Number of training texts.
        batches_of_step: Devices times accumulated batches.
        batch_size: Texts of a batch; None: by the number of texts.
        on_logits: Whether the model learns the logits of a teacher.
        new_labels: Whether a checkpoint is fine-tuned on labels that it lacks.
    """
    plan = _ON_LABELS
    if on_logits:
        plan = _ON_LOGITS
    elif new_labels:
        plan = _ON_NEW_LABELS
    if batch_size is None:
        if on_logits:
            batch_size = _BATCH_ON_LOGITS
        elif texts <= _FEW_TEXTS:
            batch_size = _SMALL_BATCH
        else:
            batch_size = _LARGE_BATCH
    texts_of_step = batch_size * batches_of_step

    epochs = round(plan.texts_read / texts)
    epochs = min(max(epochs, plan.fewest_epochs), plan.most_epochs)
    epochs_for_fewest_steps = ceil(_FEWEST_STEPS * texts_of_step / texts)
    rate_factor = (texts_of_step / _BATCH_OF_RATES) ** 0.5
    return {
        "num_train_epochs": max(epochs, epochs_for_fewest_steps),
        "per_device_train_batch_size": batch_size,
        "learning_rate": plan.learning_rate * rate_factor,
        "embedding_learning_rate": plan.embedding_learning_rate * rate_factor,
    }
