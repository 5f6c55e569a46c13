"""How long, in which batches and how fast a model is trained, where the settings leave it to the texts and labels."""

from dataclasses import dataclass, replace
from math import ceil
from typing import Any

from glove_lstm.training.settings import Settings


@dataclass(frozen=True)
class _Plan:
    """Epochs, of two labels, and learning rates by the number of texts."""

    texts_read: int  # by all epochs together, if the epochs are within the limits
    most_epochs: int
    fewest_epochs: int
    fewest_steps: int  # few texts have more epochs than these limits, but each has a step
    # Added for each further label, until there are nine: an LSTM that stops early has learned none of many labels.
    more_texts_read: int
    more_epochs: int
    # For batches of 32 texts. Rates grow with the root of the batch size, as the noise of a gradient falls with it.
    learning_rate: float
    embedding_learning_rate: float


# Adam moves the vector of a rare word for many steps after its gradient: the vectors need a lower rate.
_ON_LABELS = _Plan(
    texts_read=50_000,
    most_epochs=12,
    fewest_epochs=2,
    fewest_steps=300,
    more_texts_read=25_000,
    more_epochs=7,
    learning_rate=7e-3,
    embedding_learning_rate=1e-3,
)
# A checkpoint whose labels are replaced has to unlearn what it attended to: the LSTM needs more epochs.
_ON_NEW_LABELS = replace(_ON_LABELS, texts_read=100_000, most_epochs=16)
# The logits of a teacher are harder to overfit than labels.
_ON_LOGITS = _Plan(
    texts_read=600_000,
    most_epochs=10,
    fewest_epochs=3,
    fewest_steps=100,
    more_texts_read=0,  # each logit tells of all labels
    more_epochs=0,
    learning_rate=2e-3,
    embedding_learning_rate=2e-3,
)
_MOST_FURTHER_LABELS = 7
_EMBEDDING_LEARNING_RATE_OF_FEW_TEXTS = 3e-3  # whose trainings have few steps
_REFERENCE_BATCH_SIZE = 32  # texts
_SMALL_BATCH = 32  # texts, for up to `_FEW_TEXTS` training texts
_FEW_TEXTS = 5_000
_LARGE_BATCH = 64
_BATCH_ON_LOGITS = 128


def with_schedule(
    settings: Settings,
    text_count: int,
    label_count: int,
    *,
    learns_logits: bool,
    has_new_labels: bool,
) -> Settings:
    """Return settings with the epochs, the batch size and the learning rates that they left to the texts and labels.

    Few texts need many steps, even if that takes more than the plan's epochs. Many texts need fewer passes. Of many
    labels, an LSTM that stops early has learned none. DECISIONS.md has the measurements.

    Args:
        settings: The settings.
        text_count: Number of texts that the LSTM learns from.
        label_count: Number of labels.
        learns_logits: Whether it learns the logits of a teacher.
        has_new_labels: Whether it is a checkpoint that is fine-tuned on other labels.
    """
    plan = _ON_LABELS
    if learns_logits:
        plan = _ON_LOGITS
    elif has_new_labels:
        plan = _ON_NEW_LABELS
    batch_size = settings.per_device_train_batch_size
    if batch_size is None:
        if learns_logits:
            batch_size = _BATCH_ON_LOGITS
        elif text_count <= _FEW_TEXTS:
            batch_size = _SMALL_BATCH
        else:
            batch_size = _LARGE_BATCH

    further_labels = min(max(label_count - 2, 0), _MOST_FURTHER_LABELS)
    texts_read = plan.texts_read + further_labels * plan.more_texts_read
    most_epochs = plan.most_epochs + further_labels * plan.more_epochs
    epochs = round(texts_read / text_count)
    epochs = min(max(epochs, plan.fewest_epochs), most_epochs)
    embedding_learning_rate = plan.embedding_learning_rate
    if not learns_logits and text_count <= _FEW_TEXTS:
        embedding_learning_rate = _EMBEDDING_LEARNING_RATE_OF_FEW_TEXTS
    epochs_for_fewest_steps = ceil(plan.fewest_steps * batch_size / text_count)
    epochs_for_fewest_steps = min(epochs_for_fewest_steps, plan.fewest_steps)
    learning_rate = settings.learning_rate
    if learning_rate is None:
        learning_rate = plan.learning_rate * (batch_size / _REFERENCE_BATCH_SIZE) ** 0.5
    values: dict[str, Any] = {
        "num_train_epochs": float(max(epochs, epochs_for_fewest_steps)),
        "per_device_train_batch_size": batch_size,
        "learning_rate": learning_rate,
        # The rate of the word vectors keeps its ratio to that of the LSTM.
        "embedding_learning_rate": learning_rate * embedding_learning_rate / plan.learning_rate,
    }
    missing = {name: value for name, value in values.items() if getattr(settings, name) is None}
    return replace(settings, **missing)
