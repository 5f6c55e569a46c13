"""The two recipes, as plain values. Precedence: command line, JSON file, preset, library default."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Preset:
    """One recipe: how text becomes tokens, the shape of the network, and how it is trained."""

    tokenizer: dict[str, Any]
    model: dict[str, Any]
    training: dict[str, Any]


PRESETS = {
    # The published recipe. It differs in two stated ways: padding is masked (the published net pools over it), and
    # the loss is softmax cross-entropy (its two outputs are independent sigmoids).
    "article": Preset(
        tokenizer={
            "tokenizer_variant": "article",
            "vocab_size": 100_000,
            "max_seq_length": 1000,
            "truncation_side": "left",
            "token_types": False,
            "remove_stop_words": True,
            "unknown_vectors": "uniform",
        },
        model={
            "hidden_size": 60,
            "pooling": ["max"],
            "classifier_hidden_size": 50,
            "hidden_dropout": 0.1,
            "classifier_dropout": 0.1,
            "freeze_embeddings": True,
        },
        training={
            "num_train_epochs": 10,
            "per_device_train_batch_size": 128,
            "learning_rate": 1e-3,
            "lr_scheduler_type": "constant",
            "adam_epsilon": 1e-7,
            "weight_decay": 0.0,
            "max_grad_norm": 0.0,
            "eval_strategy": "epoch",
            "save_strategy": "epoch",
        },
    ),
    "default": Preset(
        tokenizer={
            "tokenizer_variant": "default",
            "vocab_size": 50_000,
            "num_pieces": 8_000,
            "correct_spelling": True,
            "max_seq_length": 2048,
            "truncation_side": "right",
            "token_types": True,
            "remove_stop_words": False,
            "unknown_vectors": "normal",
        },
        model={
            "type_embedding_size": 16,
            "hidden_size": 64,
            "bidirectional": True,
            "window_size": 128,
            "lstm_length": 256,
            "pooling": ["max", "mean", "attention"],
            "classifier_hidden_size": 50,
            "ngram_buckets": 65_536,
            "ngram_opening": 20,
            "character_ngrams": 16,
            "shape_buckets": 65_536,
            "ngram_weight": 2.0,
            "embedding_dropout": 0.3,
            "hidden_dropout": 0.3,
            "classifier_dropout": 0.2,
            "freeze_embeddings": False,
        },
        training={
            "num_train_epochs": 8,
            "per_device_train_batch_size": 16,
            "learning_rate": 5e-3,
            "embedding_learning_rate": 1.5e-3,
            "ngram_strength": 5.0,
            "refit_ngrams": True,
            "lr_scheduler_type": "linear",
            "weight_decay": 0.01,
            "max_grad_norm": 1.0,
            "label_smoothing_factor": 0.1,
            "consistency_weight": 1.0,
            "typo_share": 0.1,
            # The rate falls to zero, so the last epoch is the best but for chance.
            "eval_strategy": "epoch",
            "save_strategy": "epoch",
        },
    ),
}
