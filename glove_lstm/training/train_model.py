"""Train one model: its n-grams, then its LSTM; and calibrate it."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from transformers import EvalPrediction, set_seed

from glove_lstm.data.glove import GloveVectors
from glove_lstm.data.in_memory import common_label_type
from glove_lstm.data.training_texts import TrainingTexts
from glove_lstm.errors import DataError
from glove_lstm.inference.prediction import predict_logits
from glove_lstm.text.light_tokenizer import LightTokenizer
from glove_lstm.training.arguments import Recipe
from glove_lstm.training.batches import CorruptedTexts, TokenizedTexts, corrupt, tokenize
from glove_lstm.training.calibration import Calibration, calibrate, first_words
from glove_lstm.training.initial_model import InitialModel, initial_model
from glove_lstm.training.labelled_texts import LabelledTexts
from glove_lstm.training.ngram_fitting import fit_ngrams
from glove_lstm.training.presets import FEWEST_FOR_C
from glove_lstm.training.result import TrainingResult
from glove_lstm.training.resuming import FirstModel
from glove_lstm.training.trainer import GloveLstmTrainer
from glove_lstm.training.weighting import ClassWeight, TrainingWeights
from glove_lstm.version import __version__

logger = logging.getLogger(__name__)

# Texts, copies included, that the n-grams are fitted to. More would need too much memory.
_MOST_NGRAM_TEXTS = 200_000


@dataclass(frozen=True, eq=False)
class Job:
    """Arguments of `fit` that each of its models needs."""

    recipe: Recipe  # not yet `sized`; each model has an output folder of its own
    glove: GloveVectors | None  # None in fine-tuning
    class_weight: ClassWeight | None
    text_column_names: list[str] | None
    label_type: str | None
    compute_metrics: Callable[[EvalPrediction], dict[str, float]] | None
    more_texts: Sequence[str] = ()  # unlabelled texts; the vocabulary has their words, too


def train_model(
    job: Job,
    train: LabelledTexts,
    validation: LabelledTexts | None,
    first: FirstModel | None = None,
) -> TrainingResult:
    """Train one model, and calibrate it on validation texts.

    The final of two models has no validation texts. It uses the calibration of the first model and its C of the
    n-grams.
    """
    began = time.perf_counter()
    recipe = job.recipe.sized(len(train), validation is not None)
    if train.is_multi_label:
        # Yes-or-no questions are not smoothed; with a factor, the Trainer warns that it cannot smooth them.
        recipe = recipe.with_training(label_smoothing_factor=0.0)
    check_selection(recipe, has_validation=validation is not None)
    set_seed(recipe.training.seed)
    with one_thread():
        start = make_initial_model(job, recipe, train, validation)
        return train_from(start, job, recipe, train, validation, first=first, began=began)


def check_selection(recipe: Recipe, *, has_validation: bool) -> None:
    """Raise a DataError if validation texts must choose the epoch or the learning rate, but there are none."""
    if recipe.training.validation_selects_model and not has_validation:
        raise DataError(
            "load_best_model_at_end, early_stopping_patience, save_strategy best and the schedules "
            "reduce_lr_on_plateau and greedy need validation texts; give some."
        )


def train_from(
    start: InitialModel,
    job: Job,
    recipe: Recipe,
    train: LabelledTexts,
    validation: LabelledTexts | None,
    *,
    targets: NDArray[np.float32] | None = None,
    fits_ngrams: bool = True,
    first: FirstModel | None = None,
    began: float,
) -> TrainingResult:
    """Fit the n-grams, train the LSTM, and calibrate.

    Args:
        start: The model, which changes, and its tokenizer.
        job: What all models have in common.
        recipe: Sized for these texts.
        train: n texts with labels.
        validation: Texts of the calibration; None: the calibration of `first` is used.
        targets: (n, classes) logits that the LSTM learns instead of the labels.
        fits_ngrams: Whether the n-grams are fitted; if not, the n-grams of `start` stay.
        first: The first model, if this is the final one. Its calibration and its C of the n-grams are used.
        began: `time.perf_counter()` at the beginning.
    """
    training = _Training.of(start, job, recipe, train, validation, first)
    # The student of a distillation keeps the n-grams, and their C, of the model of the labels.
    ngram_c = start.about.get("ngram_c")
    if fits_ngrams:
        ngram_c = _fit_ngrams(training)
    trainer = _make_trainer(training, targets)
    prepared = time.perf_counter()

    history = trainer.train_network()
    trained = time.perf_counter()

    calibration = _calibration(training)
    calibration.apply(start.model.config)
    about = _describe(training, trainer)
    about["ngram_c"] = ngram_c
    about["seconds"] = {
        "prepare": round(prepared - began, 2),
        "train": round(trained - prepared, 2),
    }
    return _result(training, calibration, history, about)


@dataclass(frozen=True, eq=False)
class TextSet:
    """Texts, and the same tokenised."""

    labelled: LabelledTexts
    tokenized: TokenizedTexts

    @classmethod
    def of(
        cls, texts: LabelledTexts, label_names: Sequence[str], reader: LightTokenizer
    ) -> "TextSet":
        """Number the labels as the model does, and tokenise the texts."""
        labelled = texts.with_label_names(label_names)
        return cls(labelled, tokenize(labelled.texts, reader, labelled.labels))

    def __len__(self) -> int:
        return len(self.labelled)

    def corrupted(self, seed: int, reader: LightTokenizer) -> TokenizedTexts:
        """Return a tokenised corrupted copy of each text."""
        copies = corrupt(self.labelled.texts, seed, epoch=0, reader=reader)
        return tokenize(copies, reader, self.tokenized.labels)


@dataclass(frozen=True, eq=False)
class _Training:
    """The inputs of one model's training, which its steps share."""

    start: InitialModel  # its model changes from step to step
    job: Job
    recipe: Recipe  # sized for the texts
    reader: LightTokenizer
    train: TextSet
    validation: TextSet | None
    weights: TrainingWeights
    first: FirstModel | None  # the first model, if this is the final one

    @classmethod
    def of(
        cls,
        start: InitialModel,
        job: Job,
        recipe: Recipe,
        train: LabelledTexts,
        validation: LabelledTexts | None,
        first: FirstModel | None,
    ) -> "_Training":
        """Tokenise and weigh the texts. The arguments are as for `train_from`."""
        names = start.model.config.label_names
        reader = LightTokenizer.of(start.tokenizer)
        train_set = TextSet.of(train, names, reader)
        validation_set = None
        if validation is not None:
            validation_set = TextSet.of(validation, names, reader)
        weights = TrainingWeights.of(train_set.labelled, job.class_weight)
        return cls(start, job, recipe, reader, train_set, validation_set, weights, first)


def make_initial_model(
    job: Job, recipe: Recipe, train: LabelledTexts, validation: LabelledTexts | None
) -> InitialModel:
    """Build or load tokenizer and network, and record text columns and label type in the config."""
    initial = initial_model(recipe, train, validation, job.glove, job.more_texts)
    config = initial.model.config
    config.text_column_names = job.text_column_names
    config.label_type = common_label_type(config.label_names, job.label_type)
    return initial


def _fit_ngrams(training: _Training) -> float | None:
    """Fit the n-gram classifier of the model, if it has one; return C."""
    ngrams = training.start.model.ngrams
    if ngrams is None:
        return None
    arguments = training.recipe.training
    reader = training.reader

    train = training.train
    text_weights = training.weights.ngrams
    if len(train) > _MOST_NGRAM_TEXTS:
        generator = np.random.default_rng(arguments.seed)
        rows = np.sort(generator.choice(len(train), _MOST_NGRAM_TEXTS, replace=False))
        sample = train.labelled.select(rows)
        train = TextSet.of(sample, sample.label_names, reader)
        text_weights = text_weights[rows]

    copies = None
    message = f"N-grams of {len(train):,} texts"
    if arguments.corrupted_share and 2 * len(train) <= _MOST_NGRAM_TEXTS:
        copies = train.corrupted(arguments.seed, reader)
        message += " and a corrupted copy of each"
    logger.info("%s.", message)

    c = arguments.ngram_c
    if training.first is not None:
        c = training.first.ngram_c
    texts_for_c = None
    if training.validation is not None and len(training.validation) >= FEWEST_FOR_C:
        texts_for_c = training.validation.tokenized
    return fit_ngrams(
        ngrams,
        train.tokenized,
        copies,
        words=training.start.words,
        weights=text_weights,
        validation=texts_for_c,
        c=c,
    )


def _make_trainer(training: _Training, targets: NDArray[np.float32] | None) -> GloveLstmTrainer:
    """Make the Trainer of the LSTM, which learns the labels of the texts, or the targets if they are given.

    With `corrupted_share`, it learns from corrupted copies, too.
    """
    arguments = training.recipe.training
    start = training.start
    weights = training.weights
    labels = targets
    if labels is None:
        labels = training.train.tokenized.labels
    dataset = training.train.tokenized.with_targets(labels, weights.text_loss)
    if arguments.corrupted_share:
        dataset = CorruptedTexts(
            training.train.labelled.texts,
            dataset,
            _reader_of_copies(start),
            share=arguments.corrupted_share,
            seed=arguments.seed,
        )
    evaluated = None
    if training.validation is not None:
        evaluated = training.validation.tokenized
    return GloveLstmTrainer(
        start.model,
        arguments,
        train_dataset=dataset,
        eval_dataset=evaluated,
        processing_class=start.tokenizer,
        compute_metrics=training.job.compute_metrics,
        sampling_weights=weights.sampling,
        label_weights=weights.label_loss,
    )


def _reader_of_copies(start: InitialModel) -> LightTokenizer:
    """Return a reader of the tokens that the LSTM reads of corrupted copies. Reading no more saves time."""
    reader = LightTokenizer.of(start.tokenizer)
    lstm_length = start.model.config.lstm_length
    # If texts are cut on the left, the LSTM reads the first tokens after the cut, which depends on the whole length.
    if lstm_length and reader.truncation_side == "right":
        longest = reader.model_max_length or lstm_length
        reader.model_max_length = min(lstm_length, longest)
    return reader


def _calibration(training: _Training) -> Calibration:
    """Calibrate on the validation texts; without them, return the calibration of the first model, if there is one."""
    validation = training.validation
    if validation is None and training.first is not None:
        return training.first.calibration
    if validation is None:
        return Calibration.none()
    model = training.start.model
    arguments = training.recipe.training
    beginnings = tokenize(first_words(validation.labelled.texts), training.reader)
    copies = None
    if arguments.corrupted_share and model.ngrams is not None:
        copies = validation.corrupted(arguments.seed, training.reader)
    return calibrate(model, validation.tokenized, beginnings, copies)


def _describe(training: _Training, trainer: GloveLstmTrainer) -> dict[str, Any]:
    """Return what metrics.json says of a training."""
    model = training.start.model
    config = model.config
    state = trainer.state
    arguments = training.recipe.training
    ngram_weight = None
    if model.ngrams is not None:
        ngram_weight = config.ngram_weight
    best_step = None
    if arguments.load_best_model_at_end:
        best_step = state.best_global_step
    about = training.start.about | {
        "preset": training.recipe.preset,
        "temperature": config.temperature,
        "shrinkage": config.shrinkage,
        "ngram_weight": ngram_weight,
        "resumed": bool(arguments.resume_from_checkpoint),
        "epochs": state.epoch,
        "best_step": best_step,
        "hardware": _hardware(model.device),
        "arguments": training.recipe.described(training.start.tokenizer),
        "versions": {
            "glove_lstm": __version__,
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        },
        "parameters": model.num_parameters(),
    }
    label_weights = training.weights.label_loss
    if label_weights is not None:
        about["class_weight"] = dict(zip(config.label_names, label_weights.tolist(), strict=True))
    about["rows"] = {"train": len(training.train)}
    if training.validation is not None:
        about["rows"]["validation"] = len(training.validation)
    return about


def _hardware(device: torch.device) -> str:
    if device.type == "cpu":
        return "CPU, one thread"
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return device.type


def _result(
    training: _Training,
    calibration: Calibration,
    history: list[dict[str, Any]],
    about: dict[str, Any],
) -> TrainingResult:
    """Return the trained model with its predictions for the validation texts."""
    start = training.start
    train = training.train.labelled
    validation: LabelledTexts | None = None
    validation_texts: Sequence[str] = ()
    logits = None
    seen = 0
    if training.validation is not None:
        validation = training.validation.labelled
        validation_texts = validation.texts
        seen = count_seen(train, validation)
        logits = predict_logits(start.model, start.tokenizer, validation_texts)
    return TrainingResult(
        model=start.model,
        tokenizer=start.tokenizer,
        train=train,
        validation=validation,
        validation_logits=logits,
        calibration=calibration,
        ngram_c=about["ngram_c"],
        first_train=train,
        validation_seen=seen,
        training_texts=start.record_of(train.texts, validation_texts),
        history=history,
        about=about,
    )


def count_seen(train: LabelledTexts, validation: LabelledTexts) -> int:
    """Count validation texts that are also training texts: measures on them are too high."""
    record = TrainingTexts.of(train.texts, ())
    was_trained_on, _ = record.find(validation.texts)
    return int(was_trained_on.sum())


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one core: a small network gains little from a second one, and OpenMP threads spin while they wait."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)
