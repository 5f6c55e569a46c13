"""One whole training run: tokenizer, model, n-gram fit, Trainer, calibration."""

import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
import transformers
from datasets import Dataset
from numpy.typing import NDArray
from transformers import EvalPrediction, PreTrainedTokenizerBase, set_seed

from glove_lstm import __version__
from glove_lstm.data.errors import DataError
from glove_lstm.data.glove import GloveVectors
from glove_lstm.data.loading import LoadedData
from glove_lstm.data.sources import balanced_weights
from glove_lstm.modeling.modeling_glove_lstm import GloveLstmForSequenceClassification
from glove_lstm.training.arguments import TrainingRun
from glove_lstm.training.batches import CorruptedTexts, TokenizedTexts, tokenize
from glove_lstm.training.calibration import Scored, fit_confidence
from glove_lstm.training.initial_model import load_model, new_model, without_folders
from glove_lstm.training.ngram_fitting import fit_ngrams
from glove_lstm.training.presets import PRESETS
from glove_lstm.training.trainer import GloveLstmTrainer
from glove_lstm.training.training_texts import TrainingTexts, joined_texts, load_training_texts
from glove_lstm.training.word_vectors import character_ngrams

COPIES = 2  # corrupted ones of each text, for the n-gram classifier
_MOST = 5.0  # sampling weight; larger ones would repeat a few texts too often


@dataclass(frozen=True)
class Experiment:
    """A trained and calibrated model, and how it was made.

    Attributes:
        model: With the fitted temperature in its config.
        tokenizer: Its tokenizer.
        training_texts: Record of the texts that it was trained and validated on.
        splits: The texts, with labels as the model numbers them.
        logits: "validation" and "test", if available -> (n, classes), at the fitted temperature.
        labels: Those splits -> (n,).
        history: The Trainer's log.
        record: Data, arguments, versions, hardware and time: `about` in metrics.json.
    """

    model: GloveLstmForSequenceClassification
    tokenizer: PreTrainedTokenizerBase
    training_texts: TrainingTexts
    splits: dict[str, Dataset]
    logits: dict[str, NDArray[np.float32]]
    labels: dict[str, NDArray[np.int64]]
    history: list[dict[str, Any]]
    record: dict[str, Any]


def run_experiment(
    run: TrainingRun,
    data: LoadedData,
    glove: GloveVectors | None = None,
    compute_metrics: Callable[[EvalPrediction], dict[str, float]] | None = None,
    *,
    print_log: bool = True,
) -> Experiment:
    """Build or load a tokenizer and a model, train, and calibrate on the validation texts.

    Args:
        run: The arguments.
        data: Needs "train"; without "validation" there is no temperature.
        glove: Vectors that were loaded before; None loads `run.tokenizer.glove`.
        compute_metrics: Measures of the validation texts after each epoch, for the Trainer.
        print_log: Whether the Trainer prints its log, if it shows no progress bar.

    Raises:
        DataError: Data and arguments do not fit together.
    """
    args = run.training
    set_seed(args.seed)
    began = time.perf_counter()
    splits = dict(data.splits)
    if "train" not in splits:
        raise DataError("There are no training texts: give --train_file or a train split.")
    start = run.model.model_name_or_path
    model, tokenizer, record = (
        load_model(run, data, splits) if start else new_model(run, data, splits, glove)
    )
    earlier = load_training_texts(start) if start else None
    tokenized = {name: tokenize(split, tokenizer) for name, split in splits.items()}
    train = tokenized["train"]
    if "validation" not in tokenized:
        args.eval_strategy, args.load_best_model_at_end = transformers.IntervalStrategy.NO, False
    if "source" in splits["train"].column_names:
        train.weights = np.minimum(
            balanced_weights(splits["train"]["source"][:], train.labels.tolist()), _MOST
        )
    _fit_ngrams(run, model, tokenizer, splits["train"], train)
    weights = train.weights
    if args.corrupted_share:
        share, longest = args.corrupted_share, model.config.lstm_length or None
        train = CorruptedTexts(train, splits["train"], tokenizer, share, args.seed, longest)
        train.weights = weights
    trainer = GloveLstmTrainer(
        model,
        args,
        train_dataset=train,
        eval_dataset=tokenized.get("validation"),
        processing_class=tokenizer,
        compute_metrics=compute_metrics,
    )
    if not print_log:
        trainer.remove_callback(transformers.PrinterCallback)
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
        _calibrate(model, trainer, tokenized["validation"], validated)
        logits["validation"] = np.asarray(trainer.predict(tokenized["validation"]).predictions)
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
    hardware = f"{torch.get_num_threads()} CPU threads"
    if model.device.type == "cuda":
        hardware = torch.cuda.get_device_name(model.device)
    # Arguments that shape the result, without paths and tokens.
    names = {name: None for preset in PRESETS.values() for name in preset}
    more = ("gradient_accumulation_steps", "warmup_steps", "seed", "bf16")
    arguments = {n: getattr(run.training, n) for n in (*names, *more) if hasattr(run.training, n)}
    arguments = {name: getattr(value, "value", value) for name, value in arguments.items()}  # enums
    if not run.model.model_name_or_path:
        arguments |= dataclasses.asdict(run.tokenizer)
        del arguments["glove"]
    versions = {module.__name__: module.__version__ for module in (torch, transformers)}
    return {
        "data": without_folders(data.source, run),
        "rows": {name: len(split) for name, split in splits.items()},
        "validation_by": run.data.validation_by,
        "preset": run.preset,
        "temperature": model.config.temperature,
        "shrinkage": model.config.shrinkage,
        "ngram_weight": model.config.ngram_weight if model.ngrams else None,
        "epochs": state.epoch,
        "best_step": state.best_global_step if run.training.load_best_model_at_end else None,
        "hardware": hardware,
        "arguments": arguments | run.model.config_values(),
        "versions": {"glove_lstm": __version__, **versions},
        "parameters": model.num_parameters(),
    }


def _fit_ngrams(
    run: TrainingRun,
    model: GloveLstmForSequenceClassification,
    tokenizer: PreTrainedTokenizerBase,
    texts: Dataset,
    tokenized: TokenizedTexts,
) -> None:
    """Fit the n-gram classifier, if there is one, to texts and, with --corrupted_share, to copies of them."""
    if model.ngrams is None:
        return
    count, seed = COPIES if run.training.corrupted_share else 0, run.training.seed
    copies = [
        CorruptedTexts(tokenized, texts, tokenizer, 1.0, seed + number) for number in range(count)
    ]
    specials = tokenizer.all_special_tokens
    characters = character_ngrams(tokenizer.get_vocab(), specials=specials)
    fit_ngrams(model.ngrams, characters, tokenized, copies, tokenized.weights)


def _calibrate(
    model: GloveLstmForSequenceClassification,
    trainer: GloveLstmTrainer,
    validation: TokenizedTexts,
    texts: Sequence[str],
) -> None:
    """Fit the temperature, the shrinkage, and the weight of the n-gram classifier if there is one."""
    config, tokenizer = model.config, cast(PreTrainedTokenizerBase, trainer.processing_class)
    config.shrinkage = 0.0
    beginnings = [" ".join(text.split()[: 2 ** (row % 5)]) for row, text in enumerate(texts)]
    labels = validation.labels

    def score(rows: TokenizedTexts) -> Scored:
        predictions: Any = trainer.predict(rows, ignore_keys=[]).predictions
        logits = predictions[1].astype(np.float64)
        logits[:, 1:] *= config.ngram_weight
        return logits, rows.count_other_than(config.unk_token_id).clip(min=1)

    begun = tokenize(Dataset.from_dict({"text": beginnings, "label": labels}), tokenizer)
    config.shrinkage, (scale, *others) = fit_confidence(score(validation), score(begun), labels)
    config.temperature = 1 / scale
    if others:
        config.ngram_weight *= others[0] / scale
