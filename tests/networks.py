"""Configurations of small networks, random tokens, and the logits of PyTorch."""

import numpy as np
import torch
from hypothesis import strategies as st

SHAPES = st.fixed_dictionaries(
    {
        "pooling": st.permutations(["max", "mean", "attention"]).flatmap(
            lambda names: st.integers(1, 3).map(lambda count: names[:count])
        ),
        "bidirectional": st.booleans(),
        "num_hidden_layers": st.integers(1, 3),
        "window_size": st.integers(0, 6),
        "lstm_length": st.sampled_from([0, 0, 1, 5, 9]),
        "type_embedding_size": st.sampled_from([0, 3]),
        "ngram_buckets": st.sampled_from([0, 3, 64]),
        "ngram_opening": st.sampled_from([0, 1, 4]),
        "character_ngrams": st.sampled_from([0, 4]),
        "character_buckets": st.sampled_from([2, 16]),
        "shape_buckets": st.sampled_from([0, 23]),
        "ngram_weight": st.sampled_from([1.0, 0.4]),
        "temperature": st.sampled_from([1.0, 0.7]),
        "num_labels": st.integers(1, 4),
    }
)


def random_batch(lengths, width, seed=0):
    generator = np.random.default_rng(seed)
    shape = len(lengths), width
    return {
        "input_ids": generator.integers(0, 30, shape),
        "attention_mask": (np.arange(width) < np.array(lengths)[:, None]).astype(np.int64),
        "token_type_ids": generator.integers(0, 7, shape),
    }


def torch_logits(model, batch):
    with torch.inference_mode():
        return model(
            **{name: torch.from_numpy(rows) for name, rows in batch.items()}
        ).logits.numpy()
