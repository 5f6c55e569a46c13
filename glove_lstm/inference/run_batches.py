"""Run a network on texts of several lengths: sort by length, pad, compute."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glove_lstm.text.tokens import Tokens, length_batches, pad

# In a batch, with padding; fits a processor's cache.
_MOST_TEXTS = 128
_MOST_TOKENS = 4096

# `input_ids`, `attention_mask` and `token_type_ids` of B texts, padded on the right to T tokens: (B, T) each.
Inputs = Mapping[str, NDArray[np.int64]]
RunBatch = Callable[[Inputs], NDArray[np.floating]]  # returns (B, ...)


def run_batches(
    run: RunBatch, texts: Tokens, *, done: Callable[[int], Any] | None = None
) -> NDArray[Any]:
    """Pad and run texts in batches of similar length, and return the results in the order of the texts.

    Args:
        run: Computes one batch.
        texts: n encoded texts, at least one.
        done: Called with the number of texts of each batch, such as the `update` of a progress bar.

    Returns:
        (n, ...), as the results of `run`.
    """
    results: NDArray[Any] | None = None
    for batch in length_batches(texts.lengths, _MOST_TEXTS, _MOST_TOKENS):
        tokens = texts.select(batch)
        mask, ids, types = pad(tokens.lengths, tokens.ids, tokens.types)
        result = run({"input_ids": ids, "attention_mask": mask, "token_type_ids": types})
        if results is None:
            results = np.empty((len(texts.lengths), *result.shape[1:]), dtype=result.dtype)
        results[batch] = result
        if done is not None:
            done(len(batch))
    assert results is not None
    return results
