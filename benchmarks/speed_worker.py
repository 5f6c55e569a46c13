"""A process of the speed benchmark: reads a job, gets ready, measures, and writes its figure by unit.

Each model imports its own libraries, so that no process carries the libraries of another.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

Job = Mapping[str, Any]

_FIRST_CALLS = 20  # single calls that are not timed
_EPOCHS = 2  # the first one warms up


def main() -> None:
    """Answer one job: JSON on standard input, JSON on standard output."""
    job = json.load(sys.stdin)
    os.sched_setaffinity(0, job["cores"])
    with redirect_stdout(sys.stderr):  # of libraries
        if job["work"] == "train":
            figures = {"ms/sample": _train_keras(job) if job["model"] == "keras" else _train(job)}
        else:
            figures = _classify(job)
    sys.stdout.write(json.dumps(figures) + "\n")


def _classify(job: Job) -> dict[str, float]:
    """Time new texts after the training texts, all at once or one by one."""
    threads = len(job["cores"])
    classify: Callable[[Sequence[str]], Any]
    if "folder" in job:
        from glove_lstm.inference.runtime import LightClassifier

        classify, at_once = LightClassifier.from_pretrained(job["folder"], threads=threads), 1
    else:  # fitted here, because it could only be handed over by pickle
        from glove_lstm.evaluation.baselines import BASELINES

        classify = BASELINES[job["model"]]().fit(job["texts"], job["labels"]).predict
        at_once = threads  # scikit-learn has no threads, but can run once on each processor
    classify(job["texts"])
    if job["work"] == "bulk":
        began = time.perf_counter()
        classify(job["tests"])
        return {"texts/s": at_once * len(job["tests"]) / (time.perf_counter() - began)}
    times = []
    for text in [*job["texts"][:_FIRST_CALLS], *job["tests"]]:
        began = time.perf_counter()
        classify([text])
        times.append(time.perf_counter() - began)
    return {"ms": 1e3 * median(times[_FIRST_CALLS:])}


def _train(job: Job) -> float:
    """Train the article network with our Trainer, texts at their own lengths: milliseconds a sample."""
    from datasets import Dataset

    from glove_lstm.inference.checkpoints import load_checkpoint
    from glove_lstm.training.arguments import parse_training_run
    from glove_lstm.training.batches import tokenize
    from glove_lstm.training.trainer import GloveLstmTrainer

    model, tokenizer = load_checkpoint(job["folder"])
    rows = Dataset.from_dict({"text": job["texts"], "label": job["labels"]})
    texts = tokenize(rows, tokenizer)
    with tempfile.TemporaryDirectory() as scratch:
        argv = ["--preset", "article", *job["arguments"], "--num_train_epochs", "1"]
        argv += ["--eval_strategy", "no", "--save_strategy", "no", "--output_dir", scratch]
        args = parse_training_run([*argv, "--disable_tqdm", "True", "--use_cpu", "True"]).training
        trainer = GloveLstmTrainer(model, args, train_dataset=texts, processing_class=tokenizer)
        return _last_epoch(trainer.train, len(texts))


def _train_keras(job: Job) -> float:
    """Train the network as it was published, in Keras, on padded texts: milliseconds a sample."""
    import keras
    import numpy as np
    import tensorflow
    from tokenizers import Tokenizer

    threads = len(job["cores"])
    tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
    tensorflow.config.threading.set_inter_op_parallelism_threads(threads)
    folder = Path(job["folder"])
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    length = json.loads((folder / "tokenizer_config.json").read_text())["model_max_length"]
    tokenizer.enable_truncation(length, direction="left")
    tokenizer.enable_padding(length=length)
    ids = np.array([row.ids for row in tokenizer.encode_batch(job["texts"])], dtype=np.int32)
    labels = np.eye(2, dtype=np.float32)[job["labels"]]
    config = json.loads((folder / "config.json").read_text())
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
    fit = partial(model.fit, ids, labels, batch_size=128, verbose=0)
    return _last_epoch(fit, len(ids))


def _last_epoch(train: Callable[[], Any], texts: int) -> float:
    """Train epoch by epoch and return the milliseconds a text of the last one."""
    for _ in range(_EPOCHS):
        began = time.perf_counter()
        train()
    return 1e3 * (time.perf_counter() - began) / texts


if __name__ == "__main__":
    main()
