"""The models that are compared: fitted on a fold, they classify texts. A new model is one more entry in `MODELS`."""

import hashlib
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.corpora import joined_texts, labelled_texts, named_labels
from benchmarks.folds import Fold
from benchmarks.peers import PEERS, Classify, Texts, fit_peer
from glove_lstm.errors import DataError
from glove_lstm.evaluation.metrics import compute_metrics
from glove_lstm.training.fit import fit
from glove_lstm.training.settings import Settings as TrainingSettings
from glove_lstm.training.settings import make_settings
from glove_lstm.vectors.glove import GloveVectors, load_glove

OURS = ("default", "article")
FIRST_SEED = 42
_OWN_ARGUMENTS = ("preset", "seed", "output_dir", "glove", "model_name_or_path")


@dataclass(frozen=True)
class Settings:
    """What all models are fitted with.

    Attributes:
        glove_name: Word vectors by name or file.
        arguments: Of `glove-lstm train`, for our presets.
    """

    glove_name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.arguments:
            if name in _OWN_ARGUMENTS:
                raise DataError(f"--{name} cannot be given here: the benchmark chooses it.")
        for preset in OURS:
            make_settings(preset, **self.arguments)

    @cached_property
    def glove(self) -> GloveVectors:
        """The word vectors."""
        return load_glove(self.glove_name)

    def options(self, model: str) -> dict[str, Any]:
        """What decides a model beside the commit, the texts and the seed."""
        if model not in OURS:
            return {}
        sha = hashlib.sha256("\n".join(self.glove.words).encode())
        sha.update(np.ascontiguousarray(self.glove.vectors).data)
        return {"arguments": dict(self.arguments), "glove": sha.hexdigest()}

    def of_training(self, preset: str, seed: int) -> TrainingSettings:
        """Return the settings of a training of one of our presets."""
        values = {"glove": self.glove_name, "seed": seed}
        return make_settings(preset, **{**self.arguments, **values})


def fit_preset(fold: Fold, seed: int, settings: Settings, *, model: str) -> Classify:
    """Train a preset. `default` holds texts out itself, `article` validates on those of the fold."""
    train = labelled_texts(fold.every, fold.label_names)
    validation = None
    if model == "article":
        train = labelled_texts(fold.train, fold.label_names)
        held_out = labelled_texts(fold.validation, fold.label_names)
        validation = held_out.texts, named_labels(held_out)
    # The Trainer may print, and standard output belongs to the table.
    with redirect_stdout(sys.stderr):
        trained = fit(
            train.texts,
            named_labels(train),
            validation,
            settings=settings.of_training(model, seed),
            label_names=fold.label_names,
            glove=settings.glove,
            compute_metrics=compute_metrics,
        )
    return trained.classifier.predict_proba


def _texts(rows: pd.DataFrame) -> Texts:
    return joined_texts(rows), rows["label"].tolist()


def _fit_peer(fold: Fold, _seed: int, _settings: Settings, *, model: str) -> Classify:
    return fit_peer(model, *map(_texts, (fold.train, fold.validation, fold.every)))


# A model is fitted with a fold, a seed and settings.
MODELS: dict[str, Callable[[Fold, int, Settings], Classify]] = {
    **{model: partial(fit_preset, model=model) for model in OURS},
    **{model: partial(_fit_peer, model=model) for model in PEERS},
}
