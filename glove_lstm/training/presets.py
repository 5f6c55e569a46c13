"""The two recipes, as plain values. Precedence: command line, JSON file, preset, library default."""

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
        "adam_epsilon": 1e-7,
        "weight_decay": 0.0,
        "max_grad_norm": 0.0,
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
        "num_train_epochs": 8,
        "min_steps": 100,
        "per_device_train_batch_size": 16,
        "learning_rate": 5e-3,
        "embedding_learning_rate": 1.5e-3,
        "weight_decay": 0.01,
        "label_smoothing_factor": 0.1,
    },
}
