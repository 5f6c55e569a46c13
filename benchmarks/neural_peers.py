"""Networks of others, trained on the texts of a fold."""

import os
import re
import sys
import tempfile
from collections.abc import Sequence
from contextlib import redirect_stdout
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray
from transformers import AutoModelForSequenceClassification as Classifier
from transformers import AutoTokenizer, Trainer, TrainingArguments

from benchmarks.peers import Classify, Floats, Texts, encoder_folder
from glove_lstm.evaluation.metrics import compute_metrics
from glove_lstm.inference.decisions import softmax
from glove_lstm.text.build import english_stop_words
from glove_lstm.vectors.glove import GloveVectors

_FINETUNING: dict[str, Any] = {
    "per_device_train_batch_size": 32,
    "train_sampling_strategy": "group_by_length",
    "bf16": True,
    # The epoch with the best accuracy on the validation texts is kept.
    **dict.fromkeys(("eval_strategy", "save_strategy"), "epoch"),
    "save_only_model": True,
    "load_best_model_at_end": True,
    "metric_for_best_model": "accuracy",
    "use_cpu": True,
    "disable_tqdm": True,
    "report_to": "none",
}
RATE_OF_MINILM = 1e-4
RATE_OF_MPNET = 2e-5
_SMALL = 12_000  # training texts; with more, an encoder has one epoch on 128 tokens (ten minutes)
# Words that the published network reads.
_OF_TITLES = 50
_OF_ARTICLES = 1_000
_PUBLISHED_FIT = {"batch_size": 128, "epochs": 10, "verbose": 0}


def finetune_minilm(train: Texts, validation: Texts) -> Classify:
    """Fine-tune MiniLM-L6 with AdamW and linear decay; the epoch with the best validation accuracy is kept."""
    names = [str(number) for number in range(len(set(train[1])))]
    trainer = _finetuned(encoder_folder("MiniLM"), RATE_OF_MINILM, train, validation, names)
    # Predictions follow it, too, and would come in the order of lengths.
    trainer.args.train_sampling_strategy = "sequential"
    tokenizer: Any = trainer.processing_class
    return lambda texts: softmax(
        trainer.predict(_rows(tokenizer, texts, [0] * len(texts))).predictions
    )


def save_finetuned(
    encoder: str,
    learning_rate: float,
    train: Texts,
    validation: Texts,
    label_names: Sequence[str],
    folder: Path,
) -> None:
    """Fine-tune the encoder of a folder as a teacher, and save it, complete or not at all."""
    if folder.exists():
        return
    trainer = _finetuned(encoder, learning_rate, train, validation, label_names)
    tokenizer: Any = trainer.processing_class
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        part = Path(scratch) / folder.name
        trainer.save_model(str(part))
        tokenizer.save_pretrained(part)
        part.rename(folder)


def _finetuned(
    encoder: str,
    learning_rate: float,
    train: Texts,
    validation: Texts,
    label_names: Sequence[str],
) -> Trainer:
    tokens, epochs = (256, 4) if len(train[0]) <= _SMALL else (128, 1)
    tokenizer = AutoTokenizer.from_pretrained(encoder, model_max_length=tokens)
    labels: dict[str, Any] = {
        "id2label": dict(enumerate(label_names)),
        "label2id": {name: number for number, name in enumerate(label_names)},
    }
    with tempfile.TemporaryDirectory() as scratch, redirect_stdout(sys.stderr):
        trainer = Trainer(
            model_init=lambda: Classifier.from_pretrained(encoder, **labels),
            args=TrainingArguments(
                scratch,
                num_train_epochs=epochs,
                learning_rate=learning_rate,
                **_FINETUNING,
            ),
            train_dataset=_rows(tokenizer, *train),
            eval_dataset=_rows(tokenizer, *validation),
            processing_class=tokenizer,
            compute_metrics=compute_metrics,
        )
        trainer.train()
    return trainer


def _rows(tokenizer: Any, texts: Sequence[str], labels: Sequence[int]) -> Dataset:
    return Dataset.from_dict({**tokenizer(list(texts), truncation=True), "label": labels})


def fit_published(texts: Texts, glove: GloveVectors) -> Classify:
    """Train the published network in Keras as it was published: padding, on the right, is not masked."""
    os.environ["KERAS_BACKEND"] = "jax"
    import jax  # noqa: F401 - the message names it where it is missing
    import keras
    from keras import layers

    keras.utils.set_random_seed(42)
    stop_words = {part for word in english_stop_words() for part in _words(word)}
    split = [[word for word in _words(text) if word not in stop_words] for text in texts[0]]
    ids = {word: number for number, word in enumerate(sorted(set(chain(*split))), start=1)}
    longest = max(map(len, split))
    length = _OF_ARTICLES if longest > _OF_TITLES else _OF_TITLES
    vectors = np.zeros((len(ids) + 1, glove.vectors.shape[1]), dtype=np.float32)
    for word in ids.keys() & glove.index.keys():
        vectors[ids[word]] = glove.vectors[glove.index[word]]

    def read(rows: Sequence[str]) -> NDArray[np.int32]:
        numbers = [[ids[word] for word in _words(row) if word in ids] for row in rows]
        return keras.utils.pad_sequences(numbers, length, padding="post")

    one_hot = np.eye(len(set(texts[1])))[texts[1]]
    model = keras.Sequential(
        [
            layers.Embedding(*vectors.shape, weights=[vectors], trainable=False),
            layers.LSTM(60, return_sequences=True),
            layers.GlobalMaxPooling1D(),
            layers.Dropout(0.1),
            layers.Dense(50, activation="relu"),
            layers.Dropout(0.1),
            layers.Dense(one_hot.shape[1], activation="sigmoid"),
        ]
    )
    model.compile(keras.optimizers.Adam(1e-3), "binary_crossentropy")
    model.fit(read(texts[0]), one_hot, **_PUBLISHED_FIT)

    def classify(rows: Sequence[str]) -> Floats:
        scores = model.predict(read(rows), batch_size=128, verbose=0).astype(float)
        return scores / scores.sum(axis=1, keepdims=True)

    return classify


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())
