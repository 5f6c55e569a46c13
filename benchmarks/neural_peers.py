"""Networks of others, trained on the texts of a fold."""

import copy
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from benchmarks.peers import Classify, Floats, Texts, minilm_folder
from glove_lstm.data.glove import GloveVectors
from glove_lstm.inference.scores import softmax
from glove_lstm.tokenization.build import english_stop_words

_SEED = 42
_RATE = 1e-4
_EPOCHS = 4  # at the most, of MiniLM
_BATCH = 32
_TOKENS = 256  # that MiniLM was trained with
_GROUP = 16  # batches that share the sorting by length
_READ = (50, 1_000)  # words that the published network reads of titles, of articles
_PUBLISHED_FIT = {"batch_size": 128, "epochs": 10, "verbose": 0}


class _MiniLM(nn.Module):
    """MiniLM-L6 with a linear layer over the means of its last hidden states."""

    def __init__(self, labels: int) -> None:
        from transformers import AutoModel, AutoTokenizer

        super().__init__()
        folder = minilm_folder()
        self.tokenizer = AutoTokenizer.from_pretrained(folder, model_max_length=_TOKENS)
        self.encoder = AutoModel.from_pretrained(folder)
        self.linear = nn.Linear(self.encoder.config.hidden_size, labels)

    def forward(self, texts: Sequence[str]) -> Tensor:
        inputs = self.tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
        mask = inputs["attention_mask"].unsqueeze(-1)
        with torch.autocast("cpu", torch.bfloat16):
            states = self.encoder(**inputs).last_hidden_state
        logits: Tensor = self.linear((states.float() * mask).sum(dim=1) / mask.sum(dim=1))
        return logits

    def classify(self, texts: Sequence[str]) -> Floats:
        """Return probabilities (n, labels)."""
        self.eval()
        logits = np.empty((len(texts), self.linear.out_features))
        with torch.inference_mode():
            for rows in _batches(texts, np.arange(len(texts))):
                logits[rows] = self([texts[row] for row in rows]).numpy()
        return softmax(logits)


def _batches(texts: Sequence[str], order: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Cut rows into batches of texts of similar lengths, which need little padding."""
    lengths = np.array([len(text) for text in texts])
    for first in range(0, len(order), _GROUP * _BATCH):
        group = order[first : first + _GROUP * _BATCH]
        group = group[np.argsort(lengths[group], kind="stable")]
        yield from np.split(group, range(_BATCH, len(group), _BATCH))


def finetune_minilm(train: Texts, validation: Texts) -> Classify:
    """Fine-tune MiniLM-L6 with AdamW and linear decay.

    Args:
        train: Texts to learn from.
        validation: Texts that choose the epoch whose weights are kept.

    Raises:
        ImportError: The package of its weights is missing.
    """
    torch.manual_seed(_SEED)
    random = np.random.default_rng(_SEED)
    texts, labels = train[0], torch.tensor(train[1])
    model = _MiniLM(len(set(train[1])))
    optimizer = torch.optim.AdamW(model.parameters(), lr=_RATE)
    steps = _EPOCHS * -(-len(texts) // _BATCH)
    decay = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, steps)
    best, kept = -1.0, {}
    for _ in range(_EPOCHS):
        model.train()
        batches = list(_batches(texts, random.permutation(len(texts))))
        random.shuffle(batches)
        for rows in batches:
            optimizer.zero_grad()
            cross_entropy(model([texts[row] for row in rows]), labels[rows]).backward()
            optimizer.step()
            decay.step()
        right = model.classify(validation[0]).argmax(axis=1) == np.array(validation[1])
        if right.mean() > best:
            best, kept = right.mean(), copy.deepcopy(model.state_dict())
    model.load_state_dict(kept)
    return model.classify


def fit_published(texts: Texts, glove: GloveVectors) -> Classify:
    """Train the published network in Keras on the JAX backend, as it was published: padding is not masked.

    Args:
        texts: Texts to learn from, of two labels.
        glove: Word vectors, which stay as they are.

    Raises:
        ImportError: Keras or JAX is missing.
    """
    os.environ["KERAS_BACKEND"] = "jax"
    import jax  # noqa: F401 - the message names it where it is missing
    import keras
    from keras import layers

    keras.utils.set_random_seed(_SEED)
    stop_words = {part for word in english_stop_words() for part in _words(word)}
    split = [[word for word in _words(text) if word not in stop_words] for text in texts[0]]
    known = Counter(word for words in split for word in words)
    ids = {word: number for number, (word, _) in enumerate(known.most_common(), start=1)}
    length = _READ[max(map(len, split)) > _READ[0]]
    vectors = np.zeros((len(ids) + 1, glove.vectors.shape[1]), dtype=np.float32)
    for word in ids.keys() & glove.index.keys():
        vectors[ids[word]] = glove.vectors[glove.index[word]]

    def read(rows: Sequence[str]) -> NDArray[np.int32]:
        numbers = [[ids[word] for word in _words(row) if word in ids] for row in rows]
        return keras.utils.pad_sequences(numbers, length)

    model = keras.Sequential(
        [
            layers.Embedding(*vectors.shape, weights=[vectors], trainable=False),
            layers.LSTM(60, return_sequences=True),
            layers.GlobalMaxPooling1D(),
            layers.Dropout(0.1),
            layers.Dense(50, activation="relu"),
            layers.Dropout(0.1),
            layers.Dense(2, activation="sigmoid"),
        ]
    )
    model.compile(keras.optimizers.Adam(1e-3), "binary_crossentropy")
    model.fit(read(texts[0]), np.eye(2)[texts[1]], **_PUBLISHED_FIT)

    def classify(rows: Sequence[str]) -> Floats:
        scores = model.predict(read(rows), batch_size=128, verbose=0).astype(float)
        return scores / scores.sum(axis=1, keepdims=True)

    return classify


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())
