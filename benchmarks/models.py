"""The models that are compared: fitted on a fold, they classify texts. A new model is one more entry in `MODELS`."""

import hashlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from benchmarks.corpora import joined_texts, labelled_texts, named_labels
from benchmarks.folds import Fold
from benchmarks.neural_peers import (
    RATE_OF_MINILM,
    RATE_OF_MPNET,
    finetune_minilm,
    fit_published,
    save_finetuned,
)
from benchmarks.peers import COPIED, PEERS, Classify, Texts, encoder_folder, fit_peer
from benchmarks.records import record
from glove_lstm.distillation.teacher import open_teacher
from glove_lstm.errors import DataError
from glove_lstm.evaluation.metrics import compute_metrics
from glove_lstm.files import digest
from glove_lstm.inference.decisions import softmax
from glove_lstm.splits.splitter import without_near_duplicates
from glove_lstm.tables.examples import Examples
from glove_lstm.text.corruptions import training_copy
from glove_lstm.training.fit import fit
from glove_lstm.training.settings import Settings as TrainingSettings
from glove_lstm.training.settings import make_settings
from glove_lstm.vectors.glove import GloveVectors, load_glove

# Models without a part of `default`, which benchmarks.ablation measures: settings of the training.
PARTS: dict[str, dict[str, Any]] = {
    "lstm_alone": {"ngram_buckets": 0},
    "ngrams_alone": {"num_train_epochs": 0.01, "learning_rate": 0.0},  # and no LSTM at prediction
    "without_word_shapes": {"type_embedding_size": 0},
    "without_characters": {"character_buckets": 0},
    "without_corrupted_copies": {"corrupted_share": 0.0},
}
# Teacher and its learning rate.
DISTILLED = {
    "distilled": ("MiniLM", RATE_OF_MINILM),
    "distilled_mpnet": ("MPNet", RATE_OF_MPNET),
    "distilled_mpnet_more": ("MPNet", RATE_OF_MPNET),  # also on texts without labels
}
OURS = ("default", "article", *DISTILLED)
NEURAL = ("minilm_finetuned", "mpnet_finetuned", "keras_article")
FIRST_SEED = 42
# Not trained on the validation texts: the published recipe holds them out, and the teacher did not learn from them.
_NINE_TENTHS = ("article", *DISTILLED)
_OWN_ARGUMENTS = ("preset", "seed", "output_dir", "glove", "model_name_or_path")
_OUR_SOURCES = (
    *(
        "glove_lstm.splits/*.py",
        "glove_lstm.vectors/*.py",
        "glove_lstm.tables/examples.py",
        "glove_lstm.tokenization/*.py",
        "glove_lstm.text/*.py",
    ),
    "glove_lstm.modeling/*.py",
    *("glove_lstm.training/*.py", "glove_lstm.distillation/*.py", "benchmarks/models.py"),
    *("glove_lstm.inference/*classifier.py", "glove_lstm.inference/decisions.py"),
    "glove_lstm/unicode_scripts.py",
)
_PEER_SOURCES = ("benchmarks/peers*.py", "glove_lstm/baselines.py")
_NEURAL_SOURCES = ("benchmarks/neural_peers.py",)
_ERROR_SOURCES = (
    "benchmarks/corruptions.py",
    "glove_lstm.text/corruptions.py",
    "glove_lstm.evaluation/robustness.py",
)


def sources(model: str, *, corrupted: bool) -> tuple[str, ...]:
    """Return the sources that decide predictions, beside `Fold.digest`; `corrupted`: of texts with errors, too."""
    chosen: tuple[str, ...] = ()
    if model in OURS or model == "mpnet_finetuned":  # which is read as a teacher
        chosen += _OUR_SOURCES
    if model in NEURAL or model in DISTILLED:
        chosen += _NEURAL_SOURCES
    if model in PEERS:
        chosen += _PEER_SOURCES
    if corrupted or model in COPIED:
        chosen += _ERROR_SOURCES
    return chosen


@dataclass(frozen=True)
class Settings:
    """What all models are fitted with.

    Attributes:
        glove_name: Word vectors by name or file.
        arguments: Of `train.py`, for our presets.
        folder: Where teachers are kept.
        mpnet: Folder of all-mpnet-base-v2, for the models that need it.
        unlabelled: Texts without labels, for `distilled_mpnet_more`.
    """

    glove_name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    folder: Path | None = None
    mpnet: str | None = None
    unlabelled: Sequence[str] = ()

    def __post_init__(self) -> None:
        for name in self.arguments:
            if name in _OWN_ARGUMENTS:
                raise DataError(f"--{name} cannot be given here: the benchmark chooses it.")
        for preset in ("default", "article"):
            make_settings(preset, **self.arguments)

    @cached_property
    def glove(self) -> GloveVectors:
        """The word vectors."""
        return load_glove(self.glove_name)

    def options(self, model: str) -> dict[str, Any]:
        """What decides a model beside the sources, the texts and the seed."""
        if model not in (*OURS, "keras_article"):
            return self._own_options(model)
        sha = hashlib.sha256("\n".join(self.glove.words).encode())
        sha.update(np.ascontiguousarray(self.glove.vectors).data)
        arguments = {"arguments": dict(self.arguments)} if model in OURS else {}
        return {**arguments, "glove": sha.hexdigest(), **self._own_options(model)}

    def _own_options(self, model: str) -> dict[str, str]:
        options = {}
        if "mpnet" in model and self.mpnet is not None:
            options["mpnet"] = digest(Path(self.mpnet) / "model.safetensors")
        if model == "distilled_mpnet_more":
            texts = json.dumps(list(self.unlabelled))
            options["unlabelled"] = hashlib.sha256(texts.encode()).hexdigest()
        return options

    def of_training(self, model: str, seed: int) -> TrainingSettings:
        """Return the settings of a training of one of our presets."""
        preset = "article" if model == "article" else "default"
        values = {**self.arguments, **PARTS.get(model, {})}
        values |= {"glove": self.glove_name, "seed": seed, }
        return make_settings(preset, **values)


def fit_preset(fold: Fold, seed: int, settings: Settings, *, model: str) -> Classify:
    """Train one of our presets, perhaps without a part.

    `default` holds texts out itself. The validation texts of the fold are held out if they have other sources than the
    training texts, and for `article` and distilled models.
    """
    train = labelled_texts(fold.every, fold.label_names)
    validation = None
    if fold.by_source or model in _NINE_TENTHS:
        train = labelled_texts(fold.train, fold.label_names)
        held_out = labelled_texts(fold.validation, fold.label_names)
        validation = held_out.texts, named_labels(held_out)
    teacher = None
    unlabelled: Sequence[str] = ()
    if model == "distilled_mpnet_more":
        unlabelled = _unlabelled(fold, settings)
    # Without its progress bar the Trainer prints, and standard output belongs to the table.
    with redirect_stdout(sys.stderr):
        if model in DISTILLED:
            teacher = _teacher(fold, settings, model)
        trained = fit(
            train.texts,
            named_labels(train),
            validation,
            settings=settings.of_training(model, seed),
            label_names=fold.label_names,
            glove=settings.glove,
            compute_metrics=compute_metrics,
            teacher=teacher,
            unlabelled=unlabelled,
        )
    if model == "ngrams_alone":
        for weights in trained.model.classifier.parameters():
            weights.data.zero_()
    return trained.classifier.predict_proba


def _unlabelled(fold: Fold, settings: Settings) -> list[str]:
    """Return the texts without labels that are no near duplicates of a test text."""
    if not settings.unlabelled:
        raise DataError("distilled_mpnet_more needs --unlabelled, a task with more texts; give it.")
    tested = [text for rows in fold.tests.values() for text in joined_texts(rows)]
    return without_near_duplicates(settings.unlabelled, tested, "test")


def _teacher(fold: Fold, settings: Settings, student: str) -> Path:
    """Return the folder of the teacher of a fold, which is fine-tuned if it is not kept from before."""
    assert settings.folder is not None
    settings.folder.mkdir(parents=True, exist_ok=True)
    name, learning_rate = DISTILLED[student]
    made_of = json.dumps([fold.digest, name, record(*_NEURAL_SOURCES)["sources"]])
    folder = settings.folder / hashlib.sha256(made_of.encode()).hexdigest()[:16]
    encoder = encoder_folder(name, settings.mpnet)
    train, validation = _texts(fold.train), _texts(fold.validation)
    save_finetuned(encoder, learning_rate, train, validation, fold.label_names, folder)
    return folder


def _texts(rows: pd.DataFrame) -> Texts:
    return joined_texts(rows), rows["label"].tolist()


def with_copies(texts: Texts) -> Texts:
    """Add a corrupted copy of each text, as the n-gram classifier of `default` learns from them."""
    # Errors as in training/batches.py, which also cuts texts of more than 32,768 characters.
    keys = [f"{FIRST_SEED} 0 {row}" for row in range(len(texts[0]))]
    copies = list(map(training_copy, texts[0], keys))
    return texts[0] + copies, texts[1] + texts[1]


def _fit_peer(fold: Fold, _seed: int, settings: Settings, *, model: str) -> Classify:
    train, validation, every = map(_texts, (fold.train, fold.validation, fold.every))
    if model == "minilm_finetuned":
        return finetune_minilm(train, validation)
    if model == "mpnet_finetuned":  # the teacher itself: another one would take half an hour
        teacher = open_teacher(_teacher(fold, settings, "distilled_mpnet"), torch.device("cpu"))
        teacher.fit(Examples([], np.zeros(0, dtype=np.int64), fold.label_names))
        return lambda texts: softmax(teacher.logits(texts))
    if model == "keras_article":
        return fit_published(every, settings.glove)
    if model in COPIED:
        every = with_copies(every)
    return fit_peer(model, train, validation, every)


# A model is fitted with a fold, a seed and settings.
MODELS: dict[str, Callable[[Fold, int, Settings], Classify]] = {
    **{model: partial(fit_preset, model=model) for model in OURS},
    **{model: partial(_fit_peer, model=model) for model in (*PEERS, *NEURAL)},
}
