"""The models that are compared: fitted on a fold, they classify rows. A new model is one more entry in `MODELS`."""

import hashlib
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from datasets import Dataset
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.folds import Fold
from benchmarks.neural_peers import finetune_minilm, fit_published
from benchmarks.peers import COPIED, PEERS, fit_peer
from glove_lstm.data.corruptions import training_copy
from glove_lstm.data.files import DataError
from glove_lstm.data.glove import GloveVectors, load_glove
from glove_lstm.data.loading import LoadedData
from glove_lstm.evaluation.metrics import compute_metrics
from glove_lstm.inference.prediction import predict_logits
from glove_lstm.inference.scores import softmax
from glove_lstm.modeling.modeling_glove_lstm import GloveLstmForSequenceClassification as Network
from glove_lstm.modeling.ngram_classifier import GloveLstmNgramClassifier as Ngrams
from glove_lstm.modeling.ngram_classifier import NgramGroup
from glove_lstm.training import ngram_fitting
from glove_lstm.training.arguments import parse_training_run
from glove_lstm.training.experiment import COPIES, Experiment, run_experiment
from glove_lstm.data.loading import joined_texts

Predict = Callable[[Dataset], NDArray[np.float64]]  # rows -> probabilities (n, classes)


def _no_shapes(_: Any, ids: Tensor, __: Tensor, mask: Tensor) -> NgramGroup:
    return NgramGroup(torch.zeros_like(ids), torch.zeros_like(mask))


# Parts of `default` that are left out by a patch, and ablations by arguments of train.py.
_PATCHES: dict[str, tuple[Any, str, Any]] = {
    "without_shape_ngrams": (Ngrams, "_shapes", _no_shapes),
    "without_mean_ratio": (ngram_fitting, "_INTERPOLATION", 1.0),
    "without_share_read": (Network, "share_read", lambda _, one: torch.ones_like(one.mask[:, 0])),
}
ABLATIONS: dict[str, list[str]] = {
    "with_second_training": ["--refit", "True"],
    "lstm_alone": ["--ngram_buckets", "0"],
    "ngrams_alone": ["--max_steps", "1"],  # and no LSTM at prediction
    "without_word_shapes": ["--type_embedding_size", "0"],
    "without_characters": ["--character_buckets", "0"],
    "without_corrupted_copies": ["--corrupted_share", "0"],
    **{name: [] for name in _PATCHES},
}
OURS = ("default", "article", *ABLATIONS)
NEURAL = ("minilm_finetuned", "keras_article")
FIRST_SEED = 42
_OWN_ARGUMENTS = ("--preset", "--seed", "--output_dir", "--glove", "--model_name_or_path")
_OUR_SOURCES = (
    *("glove_lstm.data/*.py", "glove_lstm.tokenization/*.py", "glove_lstm.modeling/*.py"),
    *("glove_lstm.training/*.py", "benchmarks/models.py"),
    *("glove_lstm.inference/prediction.py", "glove_lstm.inference/scores.py"),
)
_PEER_SOURCES = ("benchmarks/peers*.py", "glove_lstm.evaluation/baselines.py")
_NEURAL_SOURCES = ("benchmarks/neural_peers.py",)
_ERROR_SOURCES = ("glove_lstm.data/corruptions.py", "glove_lstm.evaluation/robustness.py")


def sources(model: str, *, corrupted: bool) -> tuple[str, ...]:
    """Return the sources that decide predictions, beside `Fold.digest`; `corrupted`: of texts with errors, too."""
    if model in OURS:
        return _OUR_SOURCES
    peers = _NEURAL_SOURCES if model in NEURAL else _PEER_SOURCES
    return (*peers, *(_ERROR_SOURCES if corrupted or model in COPIED else ()))


@dataclass(frozen=True)
class Settings:
    """What all models are fitted with: word vectors by name or file, and arguments of `train.py` for our presets."""

    glove_name: str
    arguments: Sequence[str] = ()

    def __post_init__(self) -> None:
        for word in self.arguments:
            if word.partition("=")[0] in _OWN_ARGUMENTS:
                raise DataError(f"{word} cannot be given here: the benchmark chooses it.")
        for preset in ("default", "article"):
            parse_training_run(["--preset", preset, *self.arguments])

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
        arguments = {"arguments": list(self.arguments)} if model in OURS else {}
        return {**arguments, "glove": sha.hexdigest()}


def train_preset(model: str, data: LoadedData, seed: int, settings: Settings) -> Experiment:
    """Train one of our presets, perhaps without a part."""
    # Without its progress bar the Trainer prints, and standard output belongs to the table.
    with tempfile.TemporaryDirectory() as scratch, redirect_stdout(sys.stderr):
        argv = ["--preset", model if model == "article" else "default", *settings.arguments]
        argv += [*ABLATIONS.get(model, ()), "--glove", settings.glove_name, "--seed", str(seed)]
        run = parse_training_run([*argv, "--output_dir", scratch, "--disable_tqdm", "True"])
        with _patched(model):
            experiment = run_experiment(run, data, settings.glove, compute_metrics)
    if model == "ngrams_alone":
        for weights in experiment.model.classifier.parameters():
            weights.data.zero_()
    return experiment


def _patched(model: str) -> AbstractContextManager[Any]:
    return patch.object(*_PATCHES[model]) if model in _PATCHES else nullcontext()


def training_texts(fold: Fold, *, copies: bool = False) -> tuple[list[str], list[int]]:
    """All training texts of a fold, and their class indices; perhaps with the copies of `default`."""
    rows = fold.data.uncut
    assert rows is not None
    parts = [rows]
    keys = [f"{FIRST_SEED} 0 {row} copy" for row in range(len(rows))]
    names = {"text", "text_pair"} & set(rows.column_names)
    for kind in COPIES if copies else ():
        copy = partial(training_copy, kind=kind)
        columns = {name: list(map(copy, rows[name], keys)) for name in names}
        parts.append(Dataset.from_dict(columns))
    return [text for part in parts for text in joined_texts(part)], rows["label"][:] * len(parts)


def _fit_preset(fold: Fold, seed: int, settings: Settings, *, preset: str) -> Predict:
    trained = train_preset(preset, fold.data, seed, settings)

    def predict(rows: Dataset) -> NDArray[np.float64]:
        bodies = rows["text_pair"][:] if "text_pair" in rows.column_names else None
        with _patched(preset):
            logits = predict_logits(trained.model, trained.tokenizer, rows["text"][:], bodies)
        return softmax(logits)

    return predict


def _fit_peer(fold: Fold, _seed: int, settings: Settings, *, name: str) -> Predict:
    splits = fold.data.splits
    train, validation = (
        (list(joined_texts(splits[part])), splits[part]["label"][:])
        for part in ("train", "validation")
    )
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
