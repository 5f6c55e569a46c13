"""Training in a process of the speed benchmark: ours, Keras's, and the growth with the number of texts."""

import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.speed_worker import Values, Work
from glove_lstm.data.errors import DataError

_EPOCHS = 2  # the first warms up
_SAMPLES = 8  # rows that both programs must agree on
_PROBABILITY_TOLERANCE = 1e-4


class DisagreementError(DataError):
    """Two programs that should compute the same do not: a bug of ours."""


def train_torch(job: Values) -> Work:
    """Train the article network by `GloveLstmTrainer`, lengths as they come: {"milliseconds"} a sample."""
    import pyarrow.parquet
    from datasets import Dataset
    from transformers import TrainerCallback

    from glove_lstm.inference.checkpoints import load_checkpoint
    from glove_lstm.training.arguments import parse_training_run
    from glove_lstm.training.batches import tokenize
    from glove_lstm.training.trainer import GloveLstmTrainer

    class Clock(TrainerCallback):
        times: list[float] = []  # noqa: RUF012 - one instance

        def on_epoch_begin(self, *_: Any, **__: Any) -> None:
            self.times.append(time.perf_counter())

        def on_epoch_end(self, *_: Any, **__: Any) -> None:
            self.times[-1] = time.perf_counter() - self.times[-1]

    model, tokenizer = load_checkpoint(job["model"])
    texts = tokenize(Dataset(pyarrow.parquet.read_table(job["train_file"])), tokenizer)

    def work() -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as scratch, redirect_stdout(sys.stderr):
            argv = ["--preset", "article", *job["arguments"], "--num_train_epochs", str(_EPOCHS)]
            argv += ["--eval_strategy", "no", "--save_strategy", "no", "--output_dir", scratch]
            run = parse_training_run([*argv, "--disable_tqdm", "True", "--use_cpu", "True"])
            clock = Clock()
            GloveLstmTrainer(
                model, run.training, train_dataset=texts, processing_class=tokenizer, callbacks=[clock]
            ).train()
        return {"milliseconds": 1e3 * clock.times[-1] / len(texts)}

    return work


def write_keras_inputs(checkpoint: Path, rows: Any, path: Path) -> None:
    """Write what `train_keras` needs: padded ids, labels, our weights in Keras's layout, and what we make of them.

    Args:
        checkpoint: Of the article network.
        rows: A dataset with the columns `text`, `text_pair` and `label`.
        path: Of the `.npz` file.
    """
    import torch

    from glove_lstm.inference.checkpoints import load_checkpoint
    from glove_lstm.training.batches import collate, tokenize

    model, tokenizer = load_checkpoint(checkpoint)
    model.eval()
    texts = tokenize(rows, tokenizer)
    batch = collate(texts.__getitems__(range(len(texts))))
    ids, labels = batch["input_ids"].numpy(), batch["labels"].numpy()
    length = tokenizer.model_max_length
    padded = np.pad(ids, ((0, 0), (0, length - ids.shape[1]))).astype(np.int32)
    # The published network pools over padding, and ours does not: they agree where there is none.
    whole = [np.resize(row[row != 0], length) for row in ids if (row != 0).any()][:_SAMPLES]
    sample = np.stack(whole).astype(np.int32)
    with torch.inference_mode():
        logits = model(torch.from_numpy(sample.astype(np.int64))).logits * model.config.temperature
    weights = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    arrays: dict[str, Any] = {
        "ids": padded,
        "labels": np.eye(len(model.config.label_names), dtype=np.float32)[labels],
        "sample": sample,
        "probabilities": torch.sigmoid(logits).numpy(),
        **_keras_layout(weights),
    }
    np.savez(path, **arrays)


def _keras_layout(weights: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[np.float32]]:
    """In the order of `Model.set_weights`; both have the gates in the order input, forget, cell, output."""
    lstm = "encoder.layers.0.forward_lstm"
    return {
        "weight_0": weights["encoder.embeddings.word_embeddings.weight"].astype(np.float32),
        "weight_1": weights[f"{lstm}.weight_ih_l0"].T,
        "weight_2": weights[f"{lstm}.weight_hh_l0"].T,
        "weight_3": weights[f"{lstm}.bias_ih_l0"] + weights[f"{lstm}.bias_hh_l0"],
        "weight_4": weights["dense.weight"].T,
        "weight_5": weights["dense.bias"],
        "weight_6": weights["classifier.weight"].T,
        "weight_7": weights["classifier.bias"],
    }


def train_keras(job: Values) -> Work:
    """Train the network as it was published, in Keras on TensorFlow: {"milliseconds"} a sample.

    Raises:
        DisagreementError: With our weights it does not compute what ours does.
    """
    import keras
    import tensorflow

    threads = len(job["cores"])
    tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
    tensorflow.config.threading.set_inter_op_parallelism_threads(threads)
    inputs = np.load(job["inputs"], allow_pickle=False)
    weights = [inputs[f"weight_{number}"] for number in range(8)]
    words, width = weights[0].shape
    model = keras.Sequential(
        [
            keras.layers.Input((inputs["ids"].shape[1],), dtype="int32"),
            keras.layers.Embedding(words, width, trainable=False),
            keras.layers.LSTM(weights[2].shape[0], return_sequences=True),
            keras.layers.GlobalMaxPooling1D(),
            keras.layers.Dropout(0.1),
            keras.layers.Dense(weights[4].shape[1], activation="relu"),
            keras.layers.Dropout(0.1),
            keras.layers.Dense(weights[6].shape[1], activation="sigmoid"),
        ]
    )
    # The frozen embedding is counted after the layers that learn.
    model.layers[0].set_weights(weights[:1])
    for number, layer in ((1, weights[1:4]), (4, weights[4:6]), (6, weights[6:])):
        model.layers[number].set_weights(layer)
    check_probabilities(model.predict(inputs["sample"], verbose=0), inputs["probabilities"], "Keras")
    model.compile(optimizer="adam", loss="binary_crossentropy")

    class Clock(keras.callbacks.Callback):  # type: ignore[misc,unused-ignore]
        times: Sequence[float] = ()

        def on_epoch_begin(self, *_: Any, **__: Any) -> None:
            self.began = time.perf_counter()

        def on_epoch_end(self, *_: Any, **__: Any) -> None:
            self.times = [*self.times, time.perf_counter() - self.began]

    def work() -> dict[str, Any]:
        clock = Clock()
        model.fit(
            inputs["ids"],
            inputs["labels"],
            batch_size=job["batch_size"],
            epochs=_EPOCHS,
            verbose=0,
            callbacks=[clock],
        )
        return {"milliseconds": 1e3 * clock.times[-1] / len(inputs["ids"])}

    return work


def check_probabilities(found: NDArray[Any], expected: NDArray[Any], who: str) -> None:
    """Refuse two programs that differ.

    Raises:
        DisagreementError: Some probability differs by more than 1e-4.
    """
    furthest = float(np.abs(found - expected).max())
    if not furthest <= _PROBABILITY_TOLERANCE:
        raise DisagreementError(f"{who} and our network differ by {furthest:.2g} with the same weights")


def train_command(job: Values) -> Work:
    """What `train.py --preset article` does for one epoch, from the file on: {"seconds"}.

    The word vectors are loaded before: the time that they take does not depend on the texts.
    """
    import datasets

    from glove_lstm.data.glove import load_glove
    from glove_lstm.data.loading import load_splits
    from glove_lstm.training.arguments import parse_training_run
    from glove_lstm.training.experiment import run_experiment

    datasets.disable_caching()  # tokenising is part of what is measured
    glove = load_glove(job["glove"])

    def work() -> dict[str, Any]:
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as scratch, redirect_stdout(sys.stderr):
            argv = ["--preset", "article", *job["arguments"], "--num_train_epochs", "1"]
            argv += ["--output_dir", scratch, "--disable_tqdm", "True", "--use_cpu", "True"]
            data = load_splits(train_file=job["train_file"], validation_file=job["validation_file"])
            run_experiment(parse_training_run(argv), data, glove)
        return {"seconds": time.perf_counter() - began}

    return work
