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

Measure = Callable[[EvalPrediction], dict[str, float]]

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
    compute_metrics: Measure | None = None,
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
        raise DataError(
            "There are no training texts: give --train_file or a dataset with a train split."
        )
    most = run.data.max_train_samples
    if most is not None and most < len(splits["train"]):
        splits["train"] = splits["train"].shuffle(seed=args.seed).select(range(most))
    start = run.model.model_name_or_path
    model, tokenizer, record = (
        load_model(run, data, splits) if start else new_model(run, data, splits, glove)
    )
    earlier = load_training_texts(start) if start else None
    workers = run.data.preprocessing_num_workers
    tokenized = {
        name: tokenize(split, tokenizer, num_proc=workers) for name, split in splits.items()
    }
    trainer = _make_trainer(run, model, tokenizer, splits["train"], tokenized, compute_metrics)
    ngrams = _NgramFitting(run, model, tokenizer)
    ngrams.fit(splits["train"], tokenized["train"])
    model.freeze_ngrams()
    prepared = time.perf_counter()
    trainer.train(resume_from_checkpoint=args.resume_from_checkpoint or None)
    trained = time.perf_counter()
    model.freeze_ngrams(False)
    _round_tables(model)

    logits: dict[str, NDArray[np.float32]] = {}
    refit = False
    if "validation" in splits:
        _calibrate(model, trainer, tokenized["validation"])
        logits["validation"] = np.asarray(trainer.predict(tokenized["validation"]).predictions)
        refit = args.refit_ngrams and model.ngrams is not None
        if refit:  # the validation texts are no longer needed to choose anything
            both = [splits["train"], splits["validation"]]
            ngrams.fit(
                concatenate_datasets(both), tokenized["train"].followed_by(tokenized["validation"])
            )
            _round_tables(model)
    if "test" in splits:
        logits["test"] = np.asarray(trainer.predict(tokenized["test"]).predictions)
    record["seconds"] = {
        "prepare": round(prepared - began, 2),
        "train": round(trained - prepared, 2),
    }
    record |= _describe(run, data, splits, trainer, ngrams.how)
    texts = _training_texts(splits, refit=refit)
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
    return {
        "data": without_folders(data.source, run),
        "rows": {name: len(split) for name, split in splits.items()},
        "preset": run.preset,
        "temperature": model.config.temperature,
        "ngram_strength": how.strength if how else None,
        "ngram_weight": model.config.ngram_weight if how else None,
        "epochs": state.epoch,
        "best_step": state.best_global_step if run.training.load_best_model_at_end else None,
        "hardware": _hardware(model),
        "arguments": _recorded_arguments(run),
        "versions": {
            "glove_lstm": __version__,
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        },
        "parameters": model.num_parameters(),
    }


class _NgramFitting:
    """Fits the n-gram classifier to texts and, with --typo_share, to mistyped copies of them.

    Attributes:
        how: Strength and scale that the first fit chose; None before it, and without n-grams.
    """

    def __init__(
        self,
        run: TrainingRun,
        model: GloveLstmForSequenceClassification,
        tokenizer: PreTrainedTokenizerBase,
    ) -> None:
        self._args, self._model, self._tokenizer = run.training, model, tokenizer
        self._before = None if model.ngrams is None else copy.deepcopy(model.ngrams.state_dict())
        self.how: NgramFit | None = None

    def fit(self, texts: Dataset, tokenized: TokenizedTexts) -> None:
        """Fit from the weights that the model had at first; the second time with the strength of the first."""
        if self._model.ngrams is None or self._before is None:
            return
        self._model.ngrams.load_state_dict(self._before)
        args, length = self._args, self._tokenizer.model_max_length
        if args.typo_share:
            tokenized = MistypedPairs(
                tokenized, texts, self._tokenizer, args.typo_share, length, args.seed, COPIES
            )
        groups = None if self.how else near_duplicate_groups(list(joined_texts(texts)))
        self.how = fit_ngrams(
            self._model,
            tokenized,
            strength=args.ngram_strength,
            how=self.how,
            groups=groups,
        )


def _make_trainer(
    run: TrainingRun,
    model: GloveLstmForSequenceClassification,
    tokenizer: PreTrainedTokenizerBase,
    texts: Dataset,
    tokenized: dict[str, TokenizedTexts],
    compute_metrics: Measure | None,
) -> GloveLstmTrainer:
    args, train = run.training, tokenized["train"]
    if "validation" not in tokenized:
        args.eval_strategy, args.load_best_model_at_end = transformers.IntervalStrategy.NO, False
    if args.consistency_weight and args.typo_share:
        train = MistypedPairs(train, texts, tokenizer, args.typo_share, _COPY_LENGTH, args.seed)
    return GloveLstmTrainer(
        model,
        args,
        train_dataset=train,
        eval_dataset=tokenized.get("validation"),
        processing_class=tokenizer,
        compute_metrics=compute_metrics,
    )


def _round_tables(model: GloveLstmForSequenceClassification) -> None:
    if model.config.half_precision_embeddings:
        model.round_tables()


def _calibrate(
    model: GloveLstmForSequenceClassification, trainer: GloveLstmTrainer, validation: TokenizedTexts
) -> None:
    """Fit the temperature, and the weight of the n-gram classifier if there is one."""
    output = trainer.predict(validation, ignore_keys=[])
    _, parts = cast(tuple[NDArray[np.float32], NDArray[np.float32]], output.predictions)
    config = model.config
    parts[:, 1:] *= config.ngram_weight
    scale, *others = fit_scales(parts, np.asarray(output.label_ids))
    config.temperature = 1 / scale
    if others:
        config.ngram_weight *= others[0] / scale


def _training_texts(splits: dict[str, Dataset], *, refit: bool) -> TrainingTexts:
    """Record the texts of a run; a refit trains on the validation texts, too."""
    roles = {"trained": ["train", *(["validation"] if refit else [])], "validated": ["validation"]}
    texts = {
        role: chain.from_iterable(joined_texts(splits[name]) for name in names if name in splits)
        for role, names in roles.items()
    }
    return TrainingTexts.of(**texts)


def _hardware(model: torch.nn.Module) -> str:
    device = next(model.parameters()).device
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{torch.get_num_threads()} CPU threads"


def _recorded_arguments(run: TrainingRun) -> dict[str, Any]:
    """Arguments that shape the result, without paths and tokens."""
    names = {name: None for preset in PRESETS.values() for name in preset.training}
    more = ("gradient_accumulation_steps", "warmup_steps", "seed", "bf16")
    said = {name: getattr(run.training, name) for name in (*names, *more)}
    said = {name: getattr(value, "value", value) for name, value in said.items()}  # of enumerations
    if not run.model.model_name_or_path:
        said |= {
            name: value
            for name, value in dataclasses.asdict(run.tokenizer).items()
            if name != "glove"
        }
    return said | run.model.config_values()
