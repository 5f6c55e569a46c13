"""Write `keras_article.npz`: the article network as Keras computes it, for a test of parity.

The command, in an environment of its own (TensorFlow is no dependency of this project):

    python -m venv /tmp/keras && /tmp/keras/bin/pip install tensorflow-cpu==2.21.0 keras==3.15.1 numpy==2.4.6
    /tmp/keras/bin/python tests/golden/make_keras_article.py

The model is the published one (without dropout) with random weights and few words. It is run twice on the same ids:
with `mask_zero=True` (`outputs`), as ours masks padding, and with `mask_zero=False` (`outputs_unmasked`), as published.

GlobalMaxPooling1D ignores the mask (Keras warns of it), and a masked step of the LSTM repeats the output of the
step before it, so a row padded on the right equals the same row without its padding. Before the first real token
the output is 0: an empty row pools to zeros (`empty_outputs`).
"""

import os
from pathlib import Path

os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"  # one order of summation: the same file each time

import keras  # type: ignore[import-not-found,unused-ignore]
import numpy as np

VOCAB = 40
EMBEDDING = 100
UNITS = 60
DENSE = 50
LABELS = 2
LENGTH = 24
ROW_LENGTHS = (24, 1, 2, 7, 13, 23)  # one row without padding, one of a single token


def build(mask_zero: bool) -> keras.Model:
    """The published layers; `mask_zero` is the one difference between the two."""
    return keras.Sequential(
        [
            keras.layers.Input((None,), dtype="int32"),
            keras.layers.Embedding(VOCAB, EMBEDDING, mask_zero=mask_zero, name="embedding"),
            keras.layers.LSTM(UNITS, return_sequences=True, name="lstm"),
            keras.layers.GlobalMaxPooling1D(name="pool"),
            keras.layers.Dense(DENSE, activation="relu", name="dense"),
            keras.layers.Dense(LABELS, activation="sigmoid", name="output"),
        ]
    )


def draw_weights(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Weights in Keras's own layout: kernels (in, out), LSTM gates in the order i, f, c, o; no bias is 0."""

    def normal(scale: float, *shape: int) -> np.ndarray:
        return rng.normal(0.0, scale, shape).astype(np.float32)

    return {
        "embedding": rng.uniform(0.0, 1.0, (VOCAB, EMBEDDING)).astype(np.float32) - np.float32(0.5),
        "lstm_kernel": normal(0.25, EMBEDDING, 4 * UNITS),
        "lstm_recurrent_kernel": normal(0.2, UNITS, 4 * UNITS),
        "lstm_bias": normal(0.5, 4 * UNITS),
        "dense_kernel": normal(0.3, UNITS, DENSE),
        "dense_bias": normal(0.3, DENSE),
        "output_kernel": normal(0.3, DENSE, LABELS),
        "output_bias": normal(0.3, LABELS),
    }


def main() -> None:
    """Build, run, check the handling of the mask, and write the file."""
    rng = np.random.default_rng(20)
    weights = draw_weights(rng)
    ids = np.zeros((len(ROW_LENGTHS), LENGTH), np.int32)
    for row, length in zip(ids, ROW_LENGTHS, strict=True):
        row[:length] = rng.integers(1, VOCAB, length)

    masked = build(mask_zero=True)
    unmasked = build(mask_zero=False)
    for model in (masked, unmasked):
        model.set_weights(list(weights.values()))

    def run(model: keras.Model, batch: np.ndarray) -> np.ndarray:
        return np.asarray(model(batch, training=False))

    outputs = run(masked, ids)
    for model in (masked, unmasked):  # right padding changes nothing
        rows = [run(model, row[None, :n]) for row, n in zip(ids, ROW_LENGTHS, strict=True)]
        np.testing.assert_allclose(outputs, np.concatenate(rows), atol=1e-6, rtol=0)

    np.savez(
        Path(__file__).with_name("keras_article.npz"),
        **weights,
        ids=ids,
        lengths=np.array(ROW_LENGTHS, np.int32),
        pooled=run(keras.Model(masked.inputs, masked.get_layer("pool").output), ids),
        outputs=outputs,
        outputs_unmasked=run(unmasked, ids),
        empty_outputs=run(masked, np.zeros((1, LENGTH), np.int32)),
    )


if __name__ == "__main__":
    main()
