"""A process of the speed benchmark: reads a job, gets ready, measures, and writes its answer.

Each kind of job imports its own libraries, so that no process carries the libraries of another.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from statistics import median
from typing import Any

Job = Mapping[str, Any]

_FIRST_CALLS = 20  # single calls that are not timed
_EPOCHS = 2  # the first one warms up
_KERAS_BATCH = 128  # of the published recipe


def main() -> None:
    """Answer one job: JSON on standard input, JSON on standard output."""
    job = json.load(sys.stdin)
    os.sched_setaffinity(0, job["cores"])
    with redirect_stdout(sys.stderr):  # of libraries
        answer = _KINDS[job["kind"]](job)
    sys.stdout.write(json.dumps(answer) + "\n")


def _light(job: Job) -> dict[str, Any]:
    """Our light runtime."""
    from glove_lstm.inference.runtime import LightClassifier

    return _classify(job, LightClassifier.from_pretrained(job["folder"], threads=len(job["cores"])))


def _linear(job: Job) -> dict[str, Any]:
    """A linear model, fitted here because it could only be handed over by pickle."""
    from glove_lstm.evaluation.baselines import BASELINES

    train = _read(job["train"])
    answer = _classify(job, BASELINES[job["model"]]().fit(train["texts"], train["labels"]).predict)
    if not job["single"]:  # scikit-learn has no threads, but can run once on each processor
        answer["value"] *= len(job["cores"])
    return answer


def _classify(job: Job, classify: Callable[[Sequence[str]], Any]) -> dict[str, Any]:
    """Time new texts after the training texts, all at once or one by one: {"value": texts/s or median ms}."""
    texts, first = _read(job["test"])["texts"], _read(job["train"])["texts"]
    classify(first)
    if not job["single"]:
        began = time.perf_counter()
        classify(texts)
        return {"value": len(texts) / (time.perf_counter() - began)}
    times = []
    for text in [*first[:_FIRST_CALLS], *texts]:
        began = time.perf_counter()
        classify([text])
        times.append(time.perf_counter() - began)
    return {"value": 1e3 * median(times[_FIRST_CALLS:])}


def _train_torch(job: Job) -> dict[str, Any]:
    """Train the article network with our Trainer, texts at their own lengths: {"value": ms a sample}."""
    from datasets import Dataset
    from transformers import TrainerCallback

    from glove_lstm.inference.checkpoints import load_checkpoint
    from glove_lstm.training.arguments import parse_training_run
    from glove_lstm.training.batches import tokenize
    from glove_lstm.training.trainer import GloveLstmTrainer

    class Clock(TrainerCallback):
        began = seconds = 0.0

        def on_epoch_begin(self, *_: Any, **__: Any) -> None:
            self.began = time.perf_counter()

        def on_epoch_end(self, *_: Any, **__: Any) -> None:
            self.seconds = time.perf_counter() - self.began

    model, tokenizer = load_checkpoint(job["folder"])
    train = _read(job["train"])
    rows = Dataset.from_dict({"text": train["texts"], "label": train["labels"]})
    texts = tokenize(rows, tokenizer)
    clock = Clock()
    with tempfile.TemporaryDirectory() as scratch:
        argv = ["--preset", "article", *job["arguments"], "--num_train_epochs", str(_EPOCHS)]
        argv += ["--eval_strategy", "no", "--save_strategy", "no", "--output_dir", scratch]
        args = parse_training_run([*argv, "--disable_tqdm", "True", "--use_cpu", "True"]).training
        GloveLstmTrainer(
            model, args, train_dataset=texts, processing_class=tokenizer, callbacks=[clock]
        ).train()
    return {"value": 1e3 * clock.seconds / len(texts)}


def _train_keras(job: Job) -> dict[str, Any]:
    """Train the network as it was published, in Keras, on padded texts: {"value": ms a sample}."""
    import keras
    import numpy as np
    import tensorflow
    from tokenizers import Tokenizer

    threads = len(job["cores"])
    tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
    tensorflow.config.threading.set_inter_op_parallelism_threads(threads)
    folder, train = Path(job["folder"]), _read(job["train"])
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    length = _read(str(folder / "tokenizer_config.json"))["model_max_length"]
    tokenizer.enable_truncation(length, direction="left")
    tokenizer.enable_padding(length=length)
    ids = np.array([row.ids for row in tokenizer.encode_batch(train["texts"])], dtype=np.int32)
    labels = np.eye(2, dtype=np.float32)[train["labels"]]
    config = _read(str(folder / "config.json"))
    model = keras.Sequential(
        [
            keras.layers.Input((ids.shape[1],), dtype="int32"),
            keras.layers.Embedding(config["vocab_size"], config["embedding_size"], trainable=False),
            keras.layers.LSTM(config["hidden_size"], return_sequences=True),
            keras.layers.GlobalMaxPooling1D(),
            keras.layers.Dropout(0.1),
            keras.layers.Dense(config["classifier_hidden_size"], activation="relu"),
            keras.layers.Dropout(0.1),
            keras.layers.Dense(2, activation="sigmoid"),
        ]
    )
    model.compile(optimizer="adam", loss="binary_crossentropy")
    for _ in range(_EPOCHS):
        began = time.perf_counter()
        model.fit(ids, labels, batch_size=_KERAS_BATCH, verbose=0)
        seconds = time.perf_counter() - began
    return {"value": 1e3 * seconds / len(ids)}


def _read(path: str) -> dict[str, Any]:
    return json.loads(Path(path).read_text(encoding="utf-8"))


_KINDS: dict[str, Callable[[Job], dict[str, Any]]] = {
    "light": _light,
    "linear": _linear,
    "train_torch": _train_torch,
    "train_keras": _train_keras,
}

if __name__ == "__main__":
    main()
