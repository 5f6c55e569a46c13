"""The two recipes, as plain values. Precedence: command line, JSON file, preset, library default."""

from dataclasses import dataclass
from math import ceil
from typing import Any

PRESETS: dict[str, dict[str, Any]] = {
    # The recipe that was published with 91.79 % validation accuracy on fake_or_real_news, for articles; the tokenizer
    # variant without stop words and punctuation is named after it. Two things differ: padding is masked (the published
    # network pools over it), and the loss is softmax cross-entropy (the published network has independent sigmoids).
    "article": {
        "tokenizer_variant": "article",
        "vocab_size": 100_000,
        "max_seq_length": 1000,
        "truncation_side": "left",
        "hidden_size": 60,
        "classifier_hidden_size": 50,
        "dropout": 0.1,
        "freeze_embeddings": True,
        "num_train_epochs": 10,
        "per_device_train_batch_size": 128,
        "learning_rate": 1e-3,
        "lr_scheduler_type": "constant",
        "warmup_steps": 0,
        "embedding_learning_rate": 1e-3,
        "adam_epsilon": 1e-7,
        "weight_decay": 0.0,
    },
    "default": {
        "vocab_size": 50_000,
        "max_seq_length": 2048,
        "type_embedding_size": 16,
        "character_buckets": 8192,
        "hidden_size": 64,
        "lstm_length": 128,
        "classifier_hidden_size": 50,
        "ngram_buckets": 1_048_576,
        "embedding_dropout": 0.3,
        "dropout": 0.3,
        "freeze_embeddings": False,
        "corrupted_share": 0.5,
        "refit": True,
        "warmup_steps": 0.1,  # of all steps
        "weight_decay": 0.01,
        "label_smoothing_factor": 0.1,
        # Epochs, batch size and learning rates follow from the number of texts.
        # Not given: load_best_model_at_end. The learning rate falls to zero, so another epoch is better than the last
        # only by chance.
    },
}


FEWEST_FOR_C = 100  # validation texts with which C of the n-gram classifier is chosen


@dataclass(frozen=True)
class _Schedule:
    """The length and the speed of a training, by the number of its texts."""

    texts_read: int  # by all epochs together, within the limits for the epochs
    most_epochs: int
    fewest_epochs: int
    # For batches of 32 texts. Rates grow with the root of the batch size, as the noise of a gradient falls with it.
    learning_rate: float
    embedding_learning_rate: float


_ON_LABELS = _Schedule(
    texts_read=50_000,
    most_epochs=8,
    fewest_epochs=2,
    learning_rate=7e-3,
    embedding_learning_rate=3e-3,
)
# The logits of a teacher are harder to overfit than labels.
_ON_LOGITS = _Schedule(
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

_COPIES = 80_000  # altered copies of all training texts together
_MOST_COPIES = 14  # of a text


def schedule(
    texts: int, batches: int = 1, batch_size: int | None = None, *, distils: bool = False
) -> dict[str, Any]:
    """Return the epochs, the batch size and the learning rates for a number of training texts.

    Few texts need many steps; many texts need fewer passes. benchmarks/results/README.md has the measurements.

    Args:
        texts: Number of training texts.
        batches: Batches of a step: devices times accumulated batches.
        batch_size: Texts of a batch; None: by the number of texts.
        distils: Whether the model learns from a teacher's logits.
    """
    plan = _ON_LOGITS if distils else _ON_LABELS
    if batch_size is None:
        if distils:
            batch_size = _BATCH_ON_LOGITS
        elif texts <= _FEW_TEXTS:
            batch_size = _SMALL_BATCH
        else:
            batch_size = _LARGE_BATCH
    texts_of_step = batch_size * batches

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


def copies_of_each(texts: int) -> int:
    """Return how many altered copies of each training text a distillation has."""
    return min(round(_COPIES / max(texts, 1)), _MOST_COPIES)
