"""One whole training run: tokenizer, model, n-gram fit, Trainer, calibration."""

import copy
import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from typing import Any, cast

import numpy as np
import torch
import transformers
from datasets import Dataset, concatenate_datasets
from numpy.typing import NDArray
from transformers import EvalPrediction, PreTrainedTokenizerBase, set_seed

from glove_lstm import __version__
from glove_lstm.data.errors import DataError
from glove_lstm.data.glove import GloveVectors
from glove_lstm.data.loading import LoadedData
from glove_lstm.data.splits import near_duplicate_groups
from glove_lstm.modeling.modeling_glove_lstm import GloveLstmForSequenceClassification
from glove_lstm.training.arguments import TrainingRun
from glove_lstm.training.batches import MistypedPairs, TokenizedTexts, tokenize
from glove_lstm.training.calibration import fit_scales
from glove_lstm.training.initial_model import load_model, new_model, without_folders
from glove_lstm.training.ngram_fitting import NgramFit, fit_ngrams
from glove_lstm.training.presets import PRESETS
from glove_lstm.training.trainer import GloveLstmTrainer
from glove_lstm.training.training_texts import TrainingTexts, joined_texts, load_training_texts

COPIES = 2  # mistyped ones of each text, for the n-gram classifier
_COPY_LENGTH = 256  # tokens of a mistyped copy that the network reads, which saves time


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
        refit: Whether the n-gram weights were fitted to the validation texts after `logits["validation"]`.
        history: The Trainer's log.
        record: Data, arguments, versions, hardware and time: `about` in metrics.json.
    """

    model: GloveLstmForSequenceClassification
    tokenizer: PreTrainedTokenizerBase
    training_texts: TrainingTexts
    splits: dict[str, Dataset]
    logits: dict[str, NDArray[np.float32]]
    labels: dict[str, NDArray[np.int64]]
    refit: bool
    history: list[dict[str, Any]]
    record: dict[str, Any]


def run_experiment(
    run: TrainingRun,
    data: LoadedData,
    glove: GloveVectors | None = None,
    compute_metrics: Callable[[EvalPrediction], dict[str, float]] | None = None,
) -> Experiment:
    """Build or load a tokenizer and a model, train, and calibrate on the validation texts.

    Args:
        run: The arguments.
        data: Needs "train"; without "validation" there is no temperature and no best epoch.
        glove: Vectors that were loaded before; None loads `run.tokenizer.glove`.
        compute_metrics: Measures of the validation texts after each epoch, for the Trainer.

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
    if args.consistency_weight and args.typo_share:
        share, seed = args.typo_share, args.seed
        train = MistypedPairs(train, splits["train"], tokenizer, share, _COPY_LENGTH, seed)
    trainer = GloveLstmTrainer(
        model,
        args,
        train_dataset=train,
        eval_dataset=tokenized.get("validation"),
        processing_class=tokenizer,
        compute_metrics=compute_metrics,
    )
    ngrams = model.ngrams
    before = copy.deepcopy(ngrams.state_dict()) if ngrams is not None else {}
    how = _fit_ngrams(run, model, tokenizer, splits["train"], tokenized["train"])
    model.freeze_ngrams()
    prepared = time.perf_counter()
    trainer.train(resume_from_checkpoint=args.resume_from_checkpoint or None)
    trained = time.perf_counter()
    model.freeze_ngrams(False)
    half = model.config.half_precision_embeddings
    if half:
        model.round_tables()
    logits: dict[str, NDArray[np.float32]] = {}
    refit = False
    if "validation" in splits:
        _calibrate(model, trainer, tokenized["validation"])
        logits["validation"] = np.asarray(trainer.predict(tokenized["validation"]).predictions)
        if args.refit_ngrams and ngrams is not None:
            # The validation texts are no longer needed to choose anything.
            refit = True
            ngrams.load_state_dict(before)
            both = concatenate_datasets([splits["train"], splits["validation"]])
            tokens = tokenized["train"].followed_by(tokenized["validation"])
            _fit_ngrams(run, model, tokenizer, both, tokens, how)
            if half:
                model.round_tables()
    if "test" in splits:
        logits["test"] = np.asarray(trainer.predict(tokenized["test"]).predictions)
    seconds = {"prepare": round(prepared - began, 2), "train": round(trained - prepared, 2)}
    record |= {"seconds": seconds, **_describe(run, data, splits, trainer, how)}
    validated = list(joined_texts(splits["validation"])) if "validation" in splits else []
    fitted = chain(joined_texts(splits["train"]), validated if refit else [])
    texts = TrainingTexts.of(fitted, validated)
    texts = texts.added_to(earlier) if start else texts
    labels = {name: np.asarray(splits[name]["label"][:]) for name in logits}
    history = trainer.state.log_history
    return Experiment(model, tokenizer, texts, splits, logits, labels, refit, history, record)


def _describe(
    run: TrainingRun,
    data: LoadedData,
    splits: dict[str, Dataset],
    trainer: GloveLstmTrainer,
    how: NgramFit | None,
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
        "preset": run.preset,
        "temperature": model.config.temperature,
        "ngram_strength": how.strength if how else None,
        "ngram_weight": model.config.ngram_weight if how else None,
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
    how: NgramFit | None = None,
) -> NgramFit | None:
    """Fit the n-gram classifier, if there is one, to texts and, with --typo_share, to mistyped copies of them."""
    if model.ngrams is None:
        return None
    args, length = run.training, tokenizer.model_max_length
    if args.typo_share:
        share, seed = args.typo_share, args.seed
        tokenized = MistypedPairs(tokenized, texts, tokenizer, share, length, seed, COPIES)
    groups = None if how else near_duplicate_groups(list(joined_texts(texts)))
    return fit_ngrams(model.ngrams, tokenized, how=how, groups=groups)


def _calibrate(
    model: GloveLstmForSequenceClassification, trainer: GloveLstmTrainer, validation: TokenizedTexts
) -> None:
    """Fit the temperature, and the weight of the n-gram classifier if there is one."""
    output = trainer.predict(validation, ignore_keys=[])
    _, parts = cast(tuple[NDArray[np.float32], NDArray[np.float32]], output.predictions)
    parts[:, 1:] *= model.config.ngram_weight
    scale, *others = fit_scales(parts, np.asarray(output.label_ids))
    model.config.temperature = 1 / scale
    if others:
        model.config.ngram_weight *= others[0] / scale
