"""One whole training run: tokenizer, model, n-gram fit, Trainer, calibration."""

import copy
import dataclasses
import logging
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
import transformers
from datasets import Dataset
from numpy.typing import NDArray
from transformers import EvalPrediction, PreTrainedTokenizerBase, set_seed

from glove_lstm import __version__
from glove_lstm.data.files import DataError
from glove_lstm.data.glove import GloveVectors, load_glove
from glove_lstm.data.labelled_split import strata
from glove_lstm.data.loading import LoadedData, with_validation
from glove_lstm.data.sources import balanced_weights
from glove_lstm.modeling.configuration_glove_lstm import FITTED
from glove_lstm.modeling.modeling_glove_lstm import GloveLstmForSequenceClassification
from glove_lstm.training.arguments import TrainingRun, shaping_arguments
from glove_lstm.training.batches import CorruptedTexts, TokenizedTexts, tokenize
from glove_lstm.training.calibration import calibrate
from glove_lstm.training.initial_model import load_model, new_model
from glove_lstm.training.labelled_texts import label_type_of
from glove_lstm.training.labels import class_weights
from glove_lstm.training.ngram_fitting import fit_ngrams, words_of
from glove_lstm.training.resuming import FIRST_MODEL, resume_points
from glove_lstm.training.trainer import GloveLstmTrainer, steps_an_epoch
from glove_lstm.training.training_texts import TrainingTexts, joined_texts, load_training_texts

logger = logging.getLogger(__name__)

COPIES = ("lower", "title", "no_punctuation", "typos")  # of each text, for the n-gram classifier
_NEED_VALIDATION = "reduce_lr_on_plateau", "greedy"  # schedulers of the learning rate
_MIN_TEXTS_FOR_C = 100  # validation texts that choose C of the n-gram classifier
_MAX_SAMPLING_WEIGHT = 5.0  # larger ones would repeat a few texts too often


@dataclass(frozen=True)
class Experiment:
    """A trained and calibrated model, and how it was made.

    If the calibration is that of a first model, the splits "train" and "validation" are its texts, and "all" those of
    this one; "validation" is classified by the first model, and the history is its.
    """

    model: GloveLstmForSequenceClassification  # with the fitted calibration in its config
    tokenizer: PreTrainedTokenizerBase
    training_texts: TrainingTexts
    splits: dict[str, Dataset]  # with labels as the model numbers them
    logits: dict[str, NDArray[np.float32]]  # split -> (n, classes), at the fitted temperature
    labels: dict[str, NDArray[np.int64]]  # (n,); or (n, classes), 1 where a text has the label
    history: list[dict[str, Any]]  # the Trainer's log
    record: dict[str, Any]  # data, arguments, versions, hardware and time: `about` in metrics.json


def run_experiment(
    run: TrainingRun,
    data: LoadedData,
    glove: GloveVectors | None = None,
    compute_metrics: Callable[[EvalPrediction], dict[str, float]] | None = None,
    *,
    print_log: bool = True,
) -> Experiment:
    """Build or load a tokenizer and a model, train, and calibrate on the validation texts.

    With --refit a first model is calibrated on validation texts held out of the training texts; the final model trains
    on all of them and reuses the calibration. A validation split of the data trains no model. Nor is there a final
    model where validation texts choose its epoch or its learning rate. If a tenth has fewer texts than
    --min_validation, half is held out, whatever --refit is, and the last epoch is kept.

    Args:
        run: The arguments.
        data: Needs a "train" split. Its column `source`, if any, balances the sampling. Its column `weight` multiplies
            a text's weight in the fit of the n-grams, and its root the sampling weight beside `source`. Without
            "validation" the scores are calibrated only if the texts are few.
        glove: Vectors that were loaded before; None loads `run.tokenizer.glove`.
        compute_metrics: Metrics of the validation texts after each epoch, for the Trainer.
        print_log: Whether the Trainer prints its log, if it shows no progress bar.

    Raises:
        DataError: Data and arguments do not fit together.
    """
    if "train" not in data.splits:
        raise DataError("There are no training texts: give --train_file or a train split.")
    args = run.training
    chosen = args.load_best_model_at_end or args.save_strategy == "best"
    chosen = chosen or args.lr_scheduler_type in _NEED_VALIDATION
    if chosen and "validation" not in data.splits:
        raise DataError(
            "--load_best_model_at_end, --save_strategy best and the schedules reduce_lr_on_plateau and greedy need "
            "validation texts; give some."
        )
    cut = _halve_few(run, data)
    if cut.uncut is None:
        run = dataclasses.replace(run, data=dataclasses.replace(run.data, validation_by="text"))
    if cut is data and (chosen or not args.refit):
        cut = dataclasses.replace(data, uncut=None)
    data = cut
    options: Any = {"compute_metrics": compute_metrics, "print_log": print_log}
    if data.uncut is None:
        return _train(run, data, glove, **options)
    held_out = {name: data.splits[name] for name in ("train", "validation")}
    rest = {name: texts for name, texts in data.splits.items() if name not in held_out}
    if not run.model.model_name_or_path:
        glove = glove or load_glove(run.tokenizer.glove)
    counts = [f"{len(texts):,}" for texts in (*held_out.values(), data.uncut)]
    logger.info("Two models: one of %s texts, calibrated on %s; and one of all %s.", *counts)
    folder = Path(str(args.output_dir), FIRST_MODEL)
    if not args.resume_from_checkpoint and args.process_index == 0:
        for earlier in folder.glob("checkpoint-*"):
            shutil.rmtree(earlier, ignore_errors=True)
    first_checkpoint, final_checkpoint = resume_points(args.resume_from_checkpoint)
    first_run = _changed(run, output_dir=str(folder), resume_from_checkpoint=first_checkpoint)
    first = _train(first_run, dataclasses.replace(data, splits=held_out), glove, **options)
    data = dataclasses.replace(data, splits={"train": data.uncut, **rest})
    # A tracker gets the curves of the first model, which has validation texts.
    final_run = _changed(run, report_to=[], resume_from_checkpoint=final_checkpoint)
    final = _train(final_run, data, glove, first, **options)
    splits = {**first.splits, **final.splits, "train": first.splits["train"]}
    splits["all"] = final.splits["train"]
    seconds = {
        part: round(spent + final.record["seconds"][part], 2)
        for part, spent in first.record["seconds"].items()
    }
    rows = {name: len(split) for name, split in splits.items()}
    resumed = bool(args.resume_from_checkpoint)
    return dataclasses.replace(
        final,
        splits=splits,
        logits=first.logits | final.logits,
        labels=first.labels | final.labels,
        history=first.history,
        record=first.record | final.record | {"rows": rows, "seconds": seconds, "resumed": resumed},
    )


def _changed(run: TrainingRun, **arguments: Any) -> TrainingRun:
    training = copy.copy(run.training)
    vars(training).update(arguments)
    return dataclasses.replace(run, training=training)


def _halve_few(run: TrainingRun, data: LoadedData) -> LoadedData:
    """Cut half of the texts for validation if they are too few to cut a tenth, to train on all of them afterwards."""
    held_out = len(data.splits["train"]) * run.data.validation_fraction
    if not 0 < held_out < run.data.min_validation:
        return data
    by = run.data.validation_by
    try:
        return with_validation(data, 0.5, run.training.seed, "the training texts", by, 0)
    except DataError:
        if by == "source":
            raise
        return data  # too few even for that


def _train(
    run: TrainingRun,
    data: LoadedData,
    glove: GloveVectors | None,
    first: Experiment | None = None,
    *,
    compute_metrics: Callable[[EvalPrediction], dict[str, float]] | None,
    print_log: bool,
) -> Experiment:
    """Train one model; without validation texts it takes the calibration and the C of the first one, if any."""
    args = run.training
    began = time.perf_counter()
    splits = dict(data.splits)
    start = run.model.model_name_or_path
    set_seed(args.seed)
    model, tokenizer, record = (
        load_model(run, data, splits) if start else new_model(run, data, splits, glove)
    )
    model.config.text_column_names = data.text_column_names
    model.config.label_type = label_type_of(model.config.label_names, data.label_type)
    earlier = load_training_texts(start) if start else None
    tokenized = {name: tokenize(split, tokenizer) for name, split in splits.items()}
    train = tokenized["train"]
    if "validation" not in tokenized:
        args.eval_strategy, args.load_best_model_at_end = transformers.IntervalStrategy.NO, False
    own_weights = _weigh(train, splits["train"])
    names = model.config.label_names
    by_class = None
    if args.class_weight:
        by_class = class_weights(args.class_weight, names, train.labels, train.weights)
        record["class_weight"] = dict(zip(names, by_class.tolist(), strict=True))
        # The sampling balances the labels for the LSTM alone.
        unsampled = class_weights(args.class_weight, names, train.labels, own_weights)
        own_weights = own_weights * unsampled[train.labels]
    copies = {
        name: [
            CorruptedTexts(tokenized[name], splits[name], tokenizer, 1.0, args.seed, kind=kind)
            for kind in (COPIES if args.corrupted_share and model.ngrams is not None else ())
        ]
        for name in tokenized.keys() - {"test"}
    }
    if model.ngrams is not None:
        held_out = tokenized.get("validation")
        enough = held_out if held_out and len(held_out) >= _MIN_TEXTS_FOR_C else None
        strength = (first.record["ngram_c"] if first else None) or args.ngram_c
        # Sampling weights made the n-grams worse on the hub's own texts, and no better on unseen corpora.
        record["ngram_c"] = fit_ngrams(
            model.ngrams, train, copies["train"], own_weights, enough, strength, words_of(tokenizer)
        )
    if args.corrupted_share:
        share, longest = args.corrupted_share, model.config.lstm_length or None
        train = CorruptedTexts(train, splits["train"], tokenizer, share, args.seed, longest)
    steps = steps_an_epoch(args, len(train))
    args.num_train_epochs = max(args.num_train_epochs, args.min_steps / steps)
    trainer = GloveLstmTrainer(
        model,
        args,
        class_weights=by_class,
        print_log=print_log,
        train_dataset=train,
        eval_dataset=tokenized.get("validation"),
        processing_class=tokenizer,
        compute_metrics=compute_metrics,
    )
    if model.ngrams is not None:  # it is fitted already
        model.ngrams.requires_grad_(False)
    prepared = time.perf_counter()
    trainer.train(resume_from_checkpoint=args.resume_from_checkpoint or None)
    trained = time.perf_counter()
    if model.ngrams is not None:
        model.ngrams.requires_grad_()
    model.round_tables()
    logits: dict[str, NDArray[np.float32]] = {}
    validated = list(joined_texts(splits["validation"])) if "validation" in splits else []
    if validated:
        logits["validation"] = calibrate(
            trainer, tokenized["validation"], validated, copies["validation"]
        )
    if first:
        fitted = first.model.config.to_dict()
        model.config.update({name: fitted[name] for name in FITTED})
    if "test" in splits:
        logits["test"] = np.asarray(trainer.predict(tokenized["test"]).predictions)
    seconds = {"prepare": round(prepared - began, 2), "train": round(trained - prepared, 2)}
    record |= {"seconds": seconds, **_describe(run, data, splits, trainer)}
    texts = TrainingTexts.of(joined_texts(splits["train"]), validated)
    texts = texts.added_to(earlier) if start else texts
    labels = {name: np.asarray(splits[name]["label"][:]) for name in logits}
    history = trainer.state.log_history
    return Experiment(model, tokenizer, texts, splits, logits, labels, history, record)


def _describe(
    run: TrainingRun,
    data: LoadedData,
    splits: dict[str, Dataset],
    trainer: GloveLstmTrainer,
) -> dict[str, Any]:
    model, state = cast(GloveLstmForSequenceClassification, trainer.model), trainer.state
    hardware = f"CPU, threads: {torch.get_num_threads()}"
    if model.device.type == "cuda":
        hardware = torch.cuda.get_device_name(model.device)
    arguments, tokenizer = shaping_arguments(run.training), cast(Any, trainer.processing_class)
    if not run.model.model_name_or_path:
        arguments |= dataclasses.asdict(run.tokenizer)
        del arguments["glove"]
    arguments |= {"max_seq_length": tokenizer.model_max_length}
    arguments |= {"truncation_side": tokenizer.truncation_side}
    versions = {module.__name__: module.__version__ for module in (torch, transformers)}
    return {
        "data": data.source,
        "rows": {name: len(split) for name, split in splits.items()},
        "validation_by": run.data.validation_by,
        "preset": run.preset,
        "temperature": model.config.temperature,
        "shrinkage": model.config.shrinkage,
        "ngram_weight": model.config.ngram_weight if model.ngrams else None,
        "resumed": bool(run.training.resume_from_checkpoint),
        "epochs": state.epoch,
        "best_step": state.best_global_step if run.training.load_best_model_at_end else None,
        "hardware": hardware,
        "arguments": arguments | run.model.config_values(),
        "versions": {"glove_lstm": __version__, **versions},
        "parameters": model.num_parameters(),
    }


def _weigh(tokenized: TokenizedTexts, texts: Dataset) -> NDArray[np.float64]:
    """Set the sampling weights, balanced by source if the texts have a column `source`; return the column `weight`.

    Without this column it is ones. Sampling takes its root, as of the rows of a source.
    """
    own = np.ones(len(texts))
    if "weight" in texts.column_names:
        own = np.asarray(texts["weight"][:], dtype=np.float64)
    if "source" in texts.column_names:
        balanced = balanced_weights(texts["source"][:], strata(tokenized.labels.tolist()))
        tokenized.weights = np.minimum(balanced * np.sqrt(own), _MAX_SAMPLING_WEIGHT)
    return own
