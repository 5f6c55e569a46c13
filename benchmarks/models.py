"""The models that are compared: fitted on a fold, they classify rows. A new model is one more entry in `MODELS`."""

import hashlib
import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from datasets import Dataset
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.corpora import named_labels
from benchmarks.folds import Fold
from benchmarks.neural_peers import finetune_minilm, fit_published, save_minilm
from benchmarks.peers import COPIED, PEERS, Texts, fit_peer
from benchmarks.records import record
from glove_lstm.data.corruptions import training_copy
from glove_lstm.data.glove import GloveVectors, load_glove
from glove_lstm.data.loading import joined_texts
from glove_lstm.errors import DataError
from glove_lstm.evaluation.metrics import compute_metrics
from glove_lstm.inference.scores import softmax
from glove_lstm.inference.torch_classifier import predict_logits
from glove_lstm.modeling.modeling_glove_lstm import GloveLstmForSequenceClassification as Network
from glove_lstm.modeling.ngram_classifier import GloveLstmNgramClassifier as Ngrams
from glove_lstm.modeling.ngram_classifier import NgramGroup
from glove_lstm.training import ngram_fitting
from glove_lstm.training.arguments import Recipe, make_recipe
from glove_lstm.training.fit import fit
from glove_lstm.training.result import TrainingResult

Predict = Callable[[Dataset], NDArray[np.float64]]  # rows -> probabilities (n, classes)


def _no_shapes(_: Any, ids: Tensor, __: Tensor, mask: Tensor) -> NgramGroup:
    return NgramGroup(torch.zeros_like(ids), torch.zeros_like(mask))


# Parts of `default` that are left out by a patch, and ablations by arguments of a recipe.
_PATCHES: dict[str, tuple[Any, str, Any]] = {
    "without_shape_ngrams": (Ngrams, "_shape_ngrams", _no_shapes),
    "without_mean_ratio": (ngram_fitting, "_INTERPOLATION", 1.0),
    "without_share_read": (Network, "share_read", lambda _, one: torch.ones_like(one.mask[:, 0])),
}
ABLATIONS: dict[str, dict[str, Any]] = {
    "with_second_training": {"refit": True},
    "lstm_alone": {"ngram_buckets": 0},
    "ngrams_alone": {"max_steps": 1},  # and no LSTM at prediction
    "without_word_shapes": {"type_embedding_size": 0},
    "without_characters": {"character_buckets": 0},
    "without_corrupted_copies": {"corrupted_share": 0.0},
    **{name: {} for name in _PATCHES},
}
OURS = ("default", "article", "distilled", *ABLATIONS)
NEURAL = ("minilm_finetuned", "keras_article")
FIRST_SEED = 42
_OWN_ARGUMENTS = ("preset", "seed", "output_dir", "glove", "model_name_or_path")
_OUR_SOURCES = (
    *("glove_lstm.data/*.py", "glove_lstm.tokenization/*.py", "glove_lstm.text/*.py"),
    "glove_lstm.modeling/*.py",
    *("glove_lstm.training/*.py", "benchmarks/models.py"),
    *("glove_lstm.inference/torch_classifier.py", "glove_lstm.inference/scores.py"),
)
_PEER_SOURCES = ("benchmarks/peers*.py", "glove_lstm.evaluation/baselines.py")
_NEURAL_SOURCES = ("benchmarks/neural_peers.py",)
_ERROR_SOURCES = ("glove_lstm.data/corruptions.py", "glove_lstm.evaluation/robustness.py")


def sources(model: str, *, corrupted: bool) -> tuple[str, ...]:
    """Return the sources that decide predictions, beside `Fold.digest`; `corrupted`: of texts with errors, too."""
    if model == "distilled":
        return _OUR_SOURCES + _NEURAL_SOURCES
    if model in OURS:
        return _OUR_SOURCES
    peers = _NEURAL_SOURCES if model in NEURAL else _PEER_SOURCES
    if corrupted or model in COPIED:
        return peers + _ERROR_SOURCES
    return peers


@dataclass(frozen=True)
class Settings:
    """What all models are fitted with.

    Attributes:
        glove_name: Word vectors by name or file.
        arguments: Of `train.py`, for our presets.
        folder: Where teachers and their answers are kept.
    """

    glove_name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    folder: Path | None = None

    def __post_init__(self) -> None:
        for name in self.arguments:
            if name in _OWN_ARGUMENTS:
                raise DataError(f"--{name} cannot be given here: the benchmark chooses it.")
        for preset in ("default", "article"):
            make_recipe(preset, **self.arguments)

    @cached_property
    def glove(self) -> GloveVectors:
        """The word vectors."""
        return load_glove(self.glove_name)

    def options(self, model: str) -> dict[str, Any]:
        """What decides a model beside the sources, the texts and the seed."""
        if model not in (*OURS, "keras_article"):
            return {}
        sha = hashlib.sha256("\n".join(self.glove.words).encode())
        sha.update(np.ascontiguousarray(self.glove.vectors).data)
        arguments = {"arguments": dict(self.arguments)} if model in OURS else {}
        return {**arguments, "glove": sha.hexdigest()}

    def recipe(self, model: str, seed: int, folder: str) -> Recipe:
        """Return the recipe of one of our presets, which may write checkpoints into a folder."""
        preset = "article" if model == "article" else "default"
        values = {**self.arguments, **ABLATIONS.get(model, {})}
        values |= {"glove": self.glove_name, "seed": seed, "output_dir": folder}
        values["disable_tqdm"] = True
        return make_recipe(preset, **values)


def train_preset(model: str, fold: Fold, seed: int, settings: Settings) -> TrainingResult:
    """Train one of our presets, perhaps without a part. The teacher of `distilled` is a fine-tuned MiniLM."""
    texts = fold.texts
    teacher = _teacher(fold, settings) if model == "distilled" else None
    # Without its progress bar the Trainer prints, and standard output belongs to the table.
    with tempfile.TemporaryDirectory() as scratch, redirect_stdout(sys.stderr), _patched(model):
        folder = Path(scratch)
        if teacher is not None:
            folder = teacher.with_suffix(".student")
        result = fit(
            texts.texts,
            named_labels(texts),
            fold.held_out,
            recipe=settings.recipe(model, seed, str(folder)),
            label_names=texts.label_names,
            sources=texts.sources,
            glove=settings.glove,
            compute_metrics=compute_metrics,
            teacher=teacher,
        )
    if model == "ngrams_alone":
        for weights in result.model.classifier.parameters():
            weights.data.zero_()
    return result


def _teacher(fold: Fold, settings: Settings) -> Path:
    """Return the folder of the teacher of a fold, which is trained if it is not kept from before."""
    assert settings.folder is not None
    settings.folder.mkdir(parents=True, exist_ok=True)
    made_of = json.dumps([fold.digest, record(*_NEURAL_SOURCES)["sources"]])
    folder = settings.folder / hashlib.sha256(made_of.encode()).hexdigest()[:16]
    train, validation = _divided(fold)
    save_minilm(train, validation, fold.label_names, folder)
    return folder


def _divided(fold: Fold) -> tuple[Texts, Texts]:
    """Return the texts of the first model and those that validate it, with class indices."""
    parts = [fold.texts.select(rows) for rows in (fold.held_out.train, fold.held_out.validation)]
    train, validation = ((list(part.texts), part.labels.tolist()) for part in parts)
    return train, validation


def _patched(model: str) -> AbstractContextManager[Any]:
    return patch.object(*_PATCHES[model]) if model in _PATCHES else nullcontext()


def training_texts(fold: Fold, *, copies: bool = False) -> Texts:
    """All training texts of a fold, and their class indices; perhaps with the copies that the n-grams learn from."""
    texts, labels = list(fold.texts.texts), fold.texts.labels.tolist()
    if not copies:
        return texts, labels
    # As in `corrupt`, which also cuts texts of more than 32,768 characters.
    keys = [f"{FIRST_SEED} 0 {row}" for row in range(len(texts))]
    copied = list(map(training_copy, texts, keys))
    return texts + copied, labels + labels


def _fit_preset(fold: Fold, seed: int, settings: Settings, *, preset: str) -> Predict:
    trained = train_preset(preset, fold, seed, settings)

    def predict(rows: Dataset) -> NDArray[np.float64]:
        bodies = rows["text_pair"][:] if "text_pair" in rows.column_names else None
        with _patched(preset):
            logits = predict_logits(trained.model, trained.tokenizer, rows["text"][:], bodies)
        return softmax(logits)

    return predict


def _fit_peer(fold: Fold, _seed: int, settings: Settings, *, name: str) -> Predict:
    train, validation = _divided(fold)
    every = training_texts(fold, copies=name in COPIED)
    if name == "minilm_finetuned":
        classify = finetune_minilm(train, validation)
    elif name == "keras_article":
        classify = fit_published(every, settings.glove)
    else:
        classify = fit_peer(name, train, validation, every)
    return lambda rows: classify(list(joined_texts(rows)))


MODELS: dict[str, Callable[[Fold, int, Settings], Predict]] = {
    **{preset: partial(_fit_preset, preset=preset) for preset in OURS},
    **{name: partial(_fit_peer, name=name) for name in (*PEERS, *NEURAL)},
}
