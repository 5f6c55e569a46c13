"""The two recipes, as plain values. Precedence: command line, JSON file, preset, library default."""

from math import ceil
from typing import Any

PRESETS: dict[str, dict[str, Any]] = {
    # The published recipe. It differs in two stated ways: padding is masked (the published net pools over it), and
    # the loss is softmax cross-entropy (its two outputs are independent sigmoids).
    "article": {
        "tokenizer_variant": "article",
        "vocab_size": 100_000,
        "max_seq_length": 1000,
        "truncation_side": "left",
        "token_types": False,
        "remove_stop_words": True,
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
        # The rate falls to zero, so the last epoch is the best but for chance.
        "warmup_steps": 0.1,  # of all steps
        "weight_decay": 0.01,
        "label_smoothing_factor": 0.1,
        # Epochs, batch size and learning rates follow from the number of texts.
    },
}


# `default` reads this many texts in all its epochs, but passes over them eight times at the most, and twice at least.
_TEXTS_READ = 50_000
_MOST_EPOCHS, _FEWEST_EPOCHS = 8, 2
_FEWEST_STEPS = 100
_FEW = 5_000  # texts up to which batches are small
_SMALL_BATCH, _LARGE_BATCH = 32, 64
# Rates for batches of 32 texts. They grow with the root of the batch size, as the noise of a gradient falls with it.
_RATES = {"learning_rate": 7e-3, "embedding_learning_rate": 3e-3}

# The same of a training on a teacher's logits, which are harder to overfit than labels.
_DISTILLED_TEXTS_READ = 600_000
_DISTILLED_MOST_EPOCHS, _DISTILLED_FEWEST_EPOCHS = 10, 3
_DISTILLED_BATCH = 128
_DISTILLED_RATES = {"learning_rate": 2e-3, "embedding_learning_rate": 2e-3}
_COPIES = 80_000  # altered copies of all training texts together
_MOST_COPIES = 14  # of a text


def schedule(
    texts: int, batches: int = 1, batch_size: int | None = None, *, distils: bool = False
) -> dict[str, Any]:
    """Return the epochs, the batch size and the learning rates for a number of training texts.

    Few texts need many steps; many texts need fewer passes. docs/train.md has the measurements.

    Args:
        texts: Number of training texts.
        batches: Batches of a step: devices times accumulated batches.
        batch_size: Texts of a batch; None: by the number of texts.
        distils: Whether the model learns from a teacher's logits.
    """
    read, most, fewest = _TEXTS_READ, _MOST_EPOCHS, _FEWEST_EPOCHS
    rates = _RATES
    usual_batch = _SMALL_BATCH if texts <= _FEW else _LARGE_BATCH
    if distils:
        read, most, fewest = (
            _DISTILLED_TEXTS_READ,
            _DISTILLED_MOST_EPOCHS,
            _DISTILLED_FEWEST_EPOCHS,
        )
        rates = _DISTILLED_RATES
        usual_batch = _DISTILLED_BATCH
    batch_size = batch_size or usual_batch
    texts_of_step = batch_size * batches
    epochs = min(max(round(read / texts), fewest), most)
    epochs_for_steps = ceil(_FEWEST_STEPS * texts_of_step / texts)
    epochs = max(epochs, epochs_for_steps)
    growth = (texts_of_step / _SMALL_BATCH) ** 0.5
    grown = {name: rate * growth for name, rate in rates.items()}
    return {"num_train_epochs": epochs, "per_device_train_batch_size": batch_size, **grown}


def copies_of_each(texts: int) -> int:
    """Return how many altered copies of each training text a distillation has."""
    return min(round(_COPIES / max(texts, 1)), _MOST_COPIES)
