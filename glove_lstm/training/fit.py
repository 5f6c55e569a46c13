"""Train a classifier. The command, the estimator and the benchmarks all call `fit`.

result = fit(texts, labels, recipe=make_recipe(glove="6B.50d"))
result.model, result.tokenizer
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from transformers import EvalPrediction, PreTrainedTokenizerBase, set_seed

from glove_lstm import __version__
from glove_lstm.data.files import DataError
from glove_lstm.data.glove import GloveVectors, load_glove
from glove_lstm.data.label_values import common_label_type
from glove_lstm.data.labelled_split import strata
from glove_lstm.data.sources import balanced_weights
from glove_lstm.inference.prediction import predict_logits
from glove_lstm.modeling.modeling_glove_lstm import GloveLstmForSequenceClassification
from glove_lstm.tokenization.light_tokenizer import LightTokenizer
from glove_lstm.training.arguments import Recipe, make_recipe
from glove_lstm.training.batches import CorruptedTexts, TokenizedTexts, corrupt, tokenize
from glove_lstm.training.calibration import Calibration, calibrate, first_words
from glove_lstm.training.held_out import HeldOut, hold_out
from glove_lstm.training.initial_model import InitialModel, initial_model
from glove_lstm.training.labelled_texts import Label, LabelledTexts
from glove_lstm.training.labels import ClassWeight, class_weights
from glove_lstm.training.ngram_fitting import fit_ngrams
from glove_lstm.training.resuming import FIRST_MODEL, FirstModel, prepare_output
from glove_lstm.training.trainer import GloveLstmTrainer
from glove_lstm.training.training_texts import TrainingTexts

logger = logging.getLogger(__name__)

Validation = float | tuple[Sequence[str], Sequence[Label]] | LabelledTexts | HeldOut | None

_FEWEST_FOR_C = 100  # validation texts that choose C of the n-gram classifier
_NGRAM_TEXTS = (
    200_000  # most texts, copies included, of the fit of the n-grams; they bound its memory
)
_MAX_SAMPLING_WEIGHT = 5.0  # larger ones would repeat a few texts too often


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """A trained model, and how it was made.

    Where validation texts were held out, two models are trained: the first one does not see them and is calibrated on
    them; the final one, `model`, learns from all texts and takes the calibration over.
    """

    model: GloveLstmForSequenceClassification  # with the calibration in its config
    tokenizer: PreTrainedTokenizerBase
    train: LabelledTexts  # that `model` learned from
    validation: LabelledTexts | None  # that calibrated; None: the scores are not calibrated
    validation_logits: (
        NDArray[np.float32] | None
    )  # (n, classes), calibrated; of the first model if there were two
    calibration: Calibration
    ngram_c: float | None  # C of the n-gram classifier
    measured_train: LabelledTexts  # that the model of `validation_logits` learned from
    validation_seen: int  # validation texts that are also among these
    training_texts: TrainingTexts  # record of all texts that were used
    history: list[dict[str, Any]]  # the Trainer's log, of the first model if there were two
    about: dict[str, Any]  # arguments, versions, hardware and time, for metrics.json

    def without_texts(self) -> "TrainingResult":
        """Return the result without texts, so that it is small when it is kept or pickled."""
        no_rows = np.zeros(0, dtype=np.int64)
        return replace(
            self,
            train=self.train.select(no_rows),
            measured_train=self.measured_train.select(no_rows),
            validation=None if self.validation is None else self.validation.without_texts(),
        )

    def as_first_model(self) -> FirstModel:
        """Return what a final model takes over from this one."""
        assert self.validation_logits is not None
        return FirstModel(
            calibration=self.calibration,
            ngram_c=self.ngram_c,
            validation_logits=self.validation_logits,
            history=self.history,
            about=self.about,
        )


@dataclass(frozen=True, eq=False)
class _Job:
    """What both models of a training have in common."""

    recipe: Recipe
    glove: GloveVectors | None  # None in fine-tuning
    class_weight: ClassWeight | None
    text_column_names: list[str] | None
    label_type: str | None
    compute_metrics: Callable[[EvalPrediction], dict[str, float]] | None


def fit(
    texts: Sequence[str],
    labels: Sequence[Label],
    validation: Validation = 0.1,
    *,
    recipe: Recipe | None = None,
    label_names: Sequence[str] | None = None,
    class_weight: ClassWeight | None = None,
    sample_weight: NDArray[Any] | None = None,
    sources: Sequence[str] | None = None,
    validation_by: str = "text",
    text_column_names: Sequence[str] | None = None,
    label_type: str | None = None,
    glove: GloveVectors | None = None,
    compute_metrics: Callable[[EvalPrediction], dict[str, float]] | None = None,
) -> TrainingResult:
    """Train and calibrate a classifier.

    Build or load the tokenizer and the network, fit the n-grams, train the LSTM, and calibrate on the validation texts.
    Where these were held out of the texts, do the same once more on all texts, with the calibration of the first model;
    not if `refit` is false, or if validation texts choose the epoch or the learning rate.

    Args:
        texts: n texts; join a title and its body by a space.
        labels: The name of each label; or for several labels a text, lists of names.
        validation: The share of the texts to hold out; (texts, labels) or `LabelledTexts`, which train no model; the
            rows to hold out; or None: the scores are not calibrated.
        recipe: Arguments of tokenizer, network and training; None: those of the default preset.
        label_names: All labels, in the order of the logits; None: in alphabetical order.
        class_weight: "balanced", or the weight of each label; see `class_weights`.
        sample_weight: (n,) weight of each text.
        sources: CORPUS or CORPUS/PUBLISHER of each text; texts are then sampled so that corpora and publishers are
            balanced.
        validation_by: "source" holds whole publishers out.
        text_column_names: Columns that the texts are from, for the config.
        label_type: Python type of the labels, for the config.
        glove: Vectors that were loaded before, instead of the recipe's.
        compute_metrics: Metrics of the validation texts after each epoch, for the Trainer.

    Raises:
        DataError: Texts, labels and arguments do not fit together.
    """
    recipe = recipe or make_recipe()
    names = label_names or sorted_label_names(labels)
    train = LabelledTexts.of(texts, labels, names, sources, sample_weight)
    _check_texts(train)
    if isinstance(validation, tuple):
        validation = LabelledTexts.of(*validation, names)
    if isinstance(validation, LabelledTexts):
        _check_validation(validation, train)
    if train.weights is not None and not isinstance(validation, HeldOut):
        train = train.select(np.flatnonzero(train.weights))  # a text of weight 0 must not calibrate
    _prepare_output(recipe)
    if glove is None and recipe.model.model_name_or_path is None:
        glove = load_glove(recipe.tokenizer.glove)
    columns = None if text_column_names is None else list(text_column_names)
    job = _Job(recipe, glove, class_weight, columns, label_type, compute_metrics)
    with _one_thread():
        if isinstance(validation, LabelledTexts):
            return _train(job, train, validation)
        if isinstance(validation, HeldOut) or validation is None:
            held_out = validation
        else:
            held_out = hold_out(train, validation, validation_by, recipe.training.seed)
        if held_out is None:
            return _train(job, train, None)
        return _train_with_held_out(job, train, held_out)


def sorted_label_names(labels: Sequence[Label]) -> list[str]:
    """Return the distinct labels, numbers in their order, others in alphabetical order."""
    names: set[str] = set()
    for label in labels:
        names.update([label] if isinstance(label, str) else label)
    if all(name.removeprefix("-").isdecimal() for name in names):
        return sorted(names, key=int)
    return sorted(names)


def _prepare_output(recipe: Recipe) -> None:
    """Remove the checkpoints of an earlier training, unless it is resumed."""
    training = recipe.training
    if training.process_index == 0:
        start = recipe.model.model_name_or_path
        prepare_output(Path(str(training.output_dir)), training.resume_from_checkpoint, start)


def _check_texts(train: LabelledTexts) -> None:
    if not len(train):
        raise DataError("There are no training texts; give some.")
    if len(train.label_names) < 2 and not train.several:
        label = train.label_names[0]
        raise DataError(f"All texts have the label {label!r}; a classifier needs two or more.")


def _check_validation(validation: LabelledTexts, train: LabelledTexts) -> None:
    if not len(validation):
        raise DataError("There are no validation texts; give some, or validation=None.")
    if validation.several != train.several:
        raise DataError(
            "Validation texts must have one label each if training texts do, and lists of labels if they do."
        )


def _train_with_held_out(job: _Job, texts: LabelledTexts, held_out: HeldOut) -> TrainingResult:
    """Train and calibrate a first model, then the final one on all texts with the calibration of the first."""
    first_texts, validation = texts.select(held_out.train), texts.select(held_out.validation)
    training = job.recipe.training
    if not training.refit or training.validation_selects_model:
        return _train(job, first_texts, validation)

    sizes = [f"{len(part):,}" for part in (first_texts, validation, texts)]
    logger.info("First model: %s texts, calibrated on %s. Final model: all %s.", *sizes)
    first = _first_model(job, first_texts, validation)
    # A tracker gets the curves of the first model, which has validation texts.
    final_job = replace(job, recipe=job.recipe.with_training(report_to=[]))
    final = _train(final_job, texts, None, first)
    seconds = {}
    for stage, spent in final.about["seconds"].items():
        seconds[stage] = round(spent + first.about["seconds"][stage], 2)
    rows = {"train": len(first_texts), "validation": len(validation), "all": len(texts)}
    names = final.model.config.label_names
    return replace(
        final,
        validation=validation.with_label_names(names),
        validation_logits=first.validation_logits,
        measured_train=first_texts.with_label_names(names),
        validation_seen=_count_seen(first_texts, validation),
        history=first.history,
        about=first.about | final.about | {"seconds": seconds, "rows": rows},
    )


def _first_model(job: _Job, train: LabelledTexts, validation: LabelledTexts) -> FirstModel:
    """Train and calibrate the first of two models, unless a run that is resumed has done so."""
    training = job.recipe.training
    folder = Path(str(training.output_dir), FIRST_MODEL)
    if training.resume_from_checkpoint:
        finished = FirstModel.load(folder, validation)
        if finished is not None:
            return finished
    recipe = job.recipe.with_training(output_dir=str(folder))
    first = _train(replace(job, recipe=recipe), train, validation).as_first_model()
    if training.writes_checkpoints and training.process_index == 0:
        first.save(folder, validation)
    return first


def _train(
    job: _Job,
    train: LabelledTexts,
    validation: LabelledTexts | None,
    first: FirstModel | None = None,
) -> TrainingResult:
    """Train one model and calibrate it on validation texts, or take calibration and C over from a first model."""
    began = time.perf_counter()
    recipe = job.recipe.sized(len(train), validation is not None)
    if validation is None and recipe.training.validation_selects_model:
        raise DataError(
            "load_best_model_at_end, early_stopping_patience, save_strategy best and the schedules "
            "reduce_lr_on_plateau and greedy need validation texts; give some."
        )
    set_seed(recipe.training.seed)
    initial = _initial_model(job, recipe, train, validation)
    model, tokenizer = initial.model, initial.tokenizer

    reader = LightTokenizer.of(tokenizer)
    train_set = _TextSet.of(train, model.config.label_names, reader)
    validation_set = None
    if validation is not None:
        validation_set = _TextSet.of(validation, model.config.label_names, reader)
    weights = _Weights.of(train_set.labelled, job.class_weight)
    ngram_c = _fit_ngrams(recipe, initial, reader, train_set, validation_set, weights, first)
    trainer = _trainer(job, recipe, initial, reader, train_set, validation_set, weights)
    prepared = time.perf_counter()
    history = trainer.train_network()
    trained = time.perf_counter()

    calibration = _calibration(recipe, model, reader, validation_set, first)
    calibration.apply(model.config)
    about = initial.about | weights.about | _describe(recipe, model, tokenizer, trainer)
    about["rows"] = {"train": len(train)}
    if validation is not None:
        about["rows"]["validation"] = len(validation)
    about["ngram_c"] = ngram_c
    about["seconds"] = {
        "prepare": round(prepared - began, 2),
        "train": round(trained - prepared, 2),
    }
    return _result(initial, train_set, validation_set, calibration, history, about)


def _initial_model(
    job: _Job, recipe: Recipe, train: LabelledTexts, validation: LabelledTexts | None
) -> InitialModel:
    """Build or load tokenizer and network; the config records where texts and labels came from."""
    initial = initial_model(recipe, train, validation, job.glove)
    config = initial.model.config
    config.text_column_names = job.text_column_names
    config.label_type = common_label_type(config.label_names, job.label_type)
    return initial


def _result(
    initial: InitialModel,
    train: "_TextSet",
    validation: "_TextSet | None",
    calibration: Calibration,
    history: list[dict[str, Any]],
    about: dict[str, Any],
) -> TrainingResult:
    """Return a trained model with its predictions for the validation texts."""
    logits = None
    seen = 0
    validation_texts: Sequence[str] = ()
    if validation is not None:
        seen = _count_seen(train.labelled, validation.labelled)
        validation_texts = validation.labelled.texts
        logits = predict_logits(initial.model, initial.tokenizer, validation_texts)
    return TrainingResult(
        model=initial.model,
        tokenizer=initial.tokenizer,
        train=train.labelled,
        validation=None if validation is None else validation.labelled,
        validation_logits=logits,
        calibration=calibration,
        ngram_c=about["ngram_c"],
        measured_train=train.labelled,
        validation_seen=seen,
        training_texts=initial.record_of(train.labelled.texts, validation_texts),
        history=history,
        about=about,
    )


def _count_seen(train: LabelledTexts, validation: LabelledTexts) -> int:
    """Count validation texts that are also training texts; a measure on them is too good."""
    trained, _ = TrainingTexts.of(train.texts, ()).find(validation.texts)
    return int(trained.sum())


@dataclass(frozen=True, eq=False)
class _TextSet:
    """Texts, and the same tokenised."""

    labelled: LabelledTexts
    tokenized: TokenizedTexts

    @classmethod
    def of(
        cls, texts: LabelledTexts, label_names: Sequence[str], reader: LightTokenizer
    ) -> "_TextSet":
        """Number the labels as the model does, and tokenise the texts."""
        labelled = texts.with_label_names(label_names)
        return cls(labelled, tokenize(labelled.texts, reader, labelled.labels))

    def corrupted(self, seed: int, reader: LightTokenizer) -> TokenizedTexts:
        """Return a tokenised corrupted copy of each text."""
        copies = corrupt(self.labelled.texts, seed, 0, reader)
        return tokenize(copies, reader, self.tokenized.labels)


@dataclass(frozen=True, eq=False)
class _Weights:
    """How much each training text counts."""

    sampling: NDArray[np.float64] | None  # (n,) in the sampling of the LSTM's batches
    text_loss: NDArray[np.float64] | None  # (n,) in the loss of the LSTM, mean 1
    label_loss: NDArray[np.float64] | None  # (classes,) in the loss of the LSTM
    ngrams: NDArray[np.float64]  # (n,) in the fit of the n-grams
    about: dict[str, Any]

    @classmethod
    def of(cls, texts: LabelledTexts, class_weight: ClassWeight | None) -> "_Weights":
        """Balance texts by their sources, and weigh labels."""
        sampling = text_loss = label_loss = None
        ngrams = np.ones(len(texts))
        about: dict[str, Any] = {}
        if texts.weights is not None:
            text_loss = texts.weights / texts.weights.mean()
            ngrams = text_loss
        if texts.sources is not None:
            balanced = balanced_weights(texts.sources, strata(texts.labels.tolist()))
            sampling = np.minimum(balanced, _MAX_SAMPLING_WEIGHT)
        if class_weight is not None:
            names = texts.label_names
            # The sampling balances the labels for the LSTM; the n-grams are fitted to all texts alike.
            in_batches = ngrams if sampling is None else sampling * ngrams
            label_loss = class_weights(class_weight, names, texts.labels, in_batches)
            label_weights = class_weights(class_weight, names, texts.labels, ngrams)
            ngrams = ngrams * label_weights[texts.labels]
            about["class_weight"] = dict(zip(names, label_loss.tolist(), strict=True))
        return cls(sampling, text_loss, label_loss, ngrams, about)


def _fit_ngrams(
    recipe: Recipe,
    initial: InitialModel,
    reader: LightTokenizer,
    train: _TextSet,
    validation: _TextSet | None,
    weights: _Weights,
    first: FirstModel | None,
) -> float | None:
    """Fit the n-gram classifier of a model, if it has one; return C."""
    ngrams = initial.model.ngrams
    if ngrams is None:
        return None
    training = recipe.training
    of_texts = weights.ngrams
    if len(train.labelled) > _NGRAM_TEXTS:
        generator = np.random.default_rng(training.seed)
        rows = np.sort(generator.choice(len(train.labelled), _NGRAM_TEXTS, replace=False))
        chosen = train.labelled.select(rows)
        train = _TextSet.of(chosen, chosen.label_names, reader)
        of_texts = of_texts[rows]
    copies = None
    if training.corrupted_share and 2 * len(train.labelled) <= _NGRAM_TEXTS:
        copies = train.corrupted(training.seed, reader)
    logger.info(
        "N-grams of %s texts%s.",
        f"{len(train.labelled):,}",
        "" if copies is None else " and a corrupted copy of each",
    )
    chooses_c = None
    if validation is not None and len(validation.labelled) >= _FEWEST_FOR_C:
        chooses_c = validation.tokenized
    c = training.ngram_c if first is None else first.ngram_c
    return fit_ngrams(
        ngrams,
        train.tokenized,
        copies,
        words=initial.words,
        weights=of_texts,
        validation=chooses_c,
        c=c,
    )


def _trainer(
    job: _Job,
    recipe: Recipe,
    initial: InitialModel,
    reader: LightTokenizer,
    train: _TextSet,
    validation: _TextSet | None,
    weights: _Weights,
) -> GloveLstmTrainer:
    """Make the Trainer of the LSTM, which learns from corrupted copies, too."""
    training, config = recipe.training, initial.model.config
    dataset = train.tokenized
    if training.corrupted_share:
        lstm_reader = LightTokenizer.of(initial.tokenizer)
        longest = reader.model_max_length
        if config.lstm_length and lstm_reader.truncation_side == "right":
            # Cut on the left, the first tokens depend on where the whole text would begin.
            longest = min(config.lstm_length, longest or config.lstm_length)
        lstm_reader.model_max_length = longest
        dataset = CorruptedTexts(
            train.labelled.texts,
            dataset,
            lstm_reader,
            share=training.corrupted_share,
            seed=training.seed,
        )
    return GloveLstmTrainer(
        initial.model,
        training,
        train_dataset=dataset,
        eval_dataset=None if validation is None else validation.tokenized,
        processing_class=initial.tokenizer,
        compute_metrics=job.compute_metrics,
        sampling_weights=weights.sampling,
        text_weights=weights.text_loss,
        label_weights=weights.label_loss,
    )


def _calibration(
    recipe: Recipe,
    model: GloveLstmForSequenceClassification,
    reader: LightTokenizer,
    validation: _TextSet | None,
    first: FirstModel | None,
) -> Calibration:
    """Calibrate on the validation texts; without any, return the calibration of the first model, if there was one."""
    if validation is None:
        return Calibration() if first is None else first.calibration
    beginnings = tokenize(first_words(validation.labelled.texts), reader)
    copies = None
    if recipe.training.corrupted_share and model.ngrams is not None:
        copies = validation.corrupted(recipe.training.seed, reader)
    return calibrate(model, validation.tokenized, beginnings, copies)


def _describe(
    recipe: Recipe,
    model: GloveLstmForSequenceClassification,
    tokenizer: PreTrainedTokenizerBase,
    trainer: GloveLstmTrainer,
) -> dict[str, Any]:
    """Return what metrics.json says of a training."""
    hardware = "CPU, one thread"
    if model.device.type == "cuda":
        hardware = torch.cuda.get_device_name(model.device)
    elif model.device.type != "cpu":
        hardware = model.device.type
    config, state, training = model.config, trainer.state, recipe.training
    return {
        "preset": recipe.preset,
        "temperature": config.temperature,
        "shrinkage": config.shrinkage,
        "ngram_weight": config.ngram_weight if model.ngrams is not None else None,
        "resumed": bool(training.resume_from_checkpoint),
        "epochs": state.epoch,
        "best_step": state.best_global_step if training.load_best_model_at_end else None,
        "hardware": hardware,
        "arguments": recipe.described(tokenizer),
        "versions": {
            "glove_lstm": __version__,
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        },
        "parameters": model.num_parameters(),
    }


@contextmanager
def _one_thread() -> Iterator[None]:
    """Compute on one core: a second one hardly helps so small a network, and threads spin beside other work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)
