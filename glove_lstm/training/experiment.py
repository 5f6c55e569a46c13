"""One run from texts to a measured checkpoint: what `train.py`, the benchmark and `hub/` all call."""

import copy
import dataclasses
import json
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
import transformers
from datasets import Dataset, concatenate_datasets
from numpy.typing import NDArray
from transformers import EarlyStoppingCallback, EvalPrediction, PreTrainedTokenizerBase, set_seed

from glove_lstm import GloveLstmForSequenceClassification, __version__
from glove_lstm.data.errors import DataError
from glove_lstm.data.glove import GloveVectors, load_glove
from glove_lstm.data.loading import LoadedData
from glove_lstm.data.splits import near_duplicate_groups
from glove_lstm.data.whole_files import whole_files
from glove_lstm.evaluation.examples import classify_examples, measure_speed
from glove_lstm.evaluation.explanations import explain_sample, important_words
from glove_lstm.evaluation.metrics import measure_with_intervals
from glove_lstm.evaluation.plots import plot_curves, plot_measured
from glove_lstm.inference.checkpoints import load_checkpoint, load_config
from glove_lstm.inference.scores import softmax
from glove_lstm.publishing.card import CardTexts, write_card
from glove_lstm.tokenization.build import build_tokenizer, english_stop_words
from glove_lstm.tokenization.word_shapes import SHAPES
from glove_lstm.training.arguments import TrainingRun, config_from
from glove_lstm.training.batches import MistypedPairs, TokenizedTexts, tokenize
from glove_lstm.training.calibration import fit_scales
from glove_lstm.training.ngram_fitting import NgramFit, fit_ngrams
from glove_lstm.training.trainer import GloveLstmTrainer, GloveLstmTrainingArguments, count_parameters
from glove_lstm.training.training_texts import TrainingTexts, load_training_texts
from glove_lstm.training.word_vectors import character_ngram_rows, embedding_rows

logger = logging.getLogger(__name__)

COPIES = 2  # mistyped ones of each text, for the n-gram classifier


@dataclass
class Experiment:
    """A trained, calibrated and measured model.

    Attributes:
        model: With the fitted temperature in its config.
        tokenizer: Its tokenizer.
        training_texts: Record of the texts that it was trained and validated on.
        metrics: What `metrics.json` holds: measures by split, how the run was made, how long it took. Where a refit
            has changed the model since, the measures of validation are named `before_refit`.
        logits: Split -> (n, classes), in the order of the split, at the fitted temperature.
        labels: Split -> (n,).
        splits: The texts that were used, with labels as the model numbers them.
        history: The Trainer's log.
    """

    model: GloveLstmForSequenceClassification
    tokenizer: PreTrainedTokenizerBase
    training_texts: TrainingTexts
    metrics: dict[str, Any]
    logits: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    labels: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    splits: dict[str, Dataset] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)

    def save(self, folder: Path) -> None:
        """Write weights, config, tokenizer, remote code, `metrics.json`, plots and the card; each file is whole."""
        self.metrics["examples"] = classify_examples(self.model, self.tokenizer)
        self.metrics["about"]["speed"] = measure_speed(self.model, self.tokenizer)
        with whole_files(folder) as part:
            self.model.save_pretrained(part)
            self.tokenizer.save_pretrained(part)
            text = json.dumps(self.metrics, indent=2, ensure_ascii=False)
            (part / "metrics.json").write_text(text + "\n", encoding="utf-8")
            plot_curves(self.history, part / "plots" / "curves.png")
            self.training_texts.save(part)
            shown = next((split for split in ("test", "validation") if split in self.metrics), None)
            if shown:
                texts = self.splits[shown]
                plot_measured(
                    softmax(self.logits[shown]),
                    self.labels[shown],
                    self.model.config.label_names,
                    word_counts(texts),
                    important_words(explain_sample(self.model, self.tokenizer, texts)),
                    part / "plots",
                )
            write_card(part, CardTexts())


def run_experiment(run: TrainingRun, data: LoadedData, glove: GloveVectors | None = None) -> Experiment:
    """Make a tokenizer and a model (or load them), train, fit the temperature on validation data, measure.

    Args:
        run: The arguments.
        data: Needs "train"; without "validation" there is no temperature and no best epoch.
        glove: Vectors that were loaded before; None loads `run.tokenizer.glove`.

    Raises:
        DataError: Data and arguments do not fit together.
    """
    args = run.training
    set_seed(args.seed)
    began = time.perf_counter()
    splits = _limit(run, data.splits)
    if "train" not in splits:
        raise DataError("There are no training texts: give --train_file or a dataset with a train split.")
    model, tokenizer, about = (
        _load(run, data, splits) if run.model.model_name_or_path else _make(run, data, splits, glove)
    )
    workers, overwrite = run.data.preprocessing_num_workers, run.data.overwrite_cache
    tokenized = {
        name: tokenize(split, tokenizer, num_proc=workers, overwrite_cache=overwrite)
        for name, split in splits.items()
    }
    about["unknown_share"] = {name: _unknown_share(split, tokenizer) for name, split in tokenized.items()}

    trainer = _trainer(run, model, tokenizer, splits, tokenized)
    ngrams = {} if model.ngrams is None else copy.deepcopy(model.ngrams.state_dict())
    how = _fit_ngrams(run, model, tokenizer, splits["train"], tokenized["train"])
    model.freeze_ngrams()
    prepared = time.perf_counter()
    trainer.train(resume_from_checkpoint=args.resume_from_checkpoint or None)
    trained = time.perf_counter()
    model.freeze_ngrams(False)

    if model.config.half_precision_embeddings:
        model.round_tables()
    logits: dict[str, NDArray[np.float32]] = {}
    labels: dict[str, NDArray[np.int64]] = {}
    refit = "validation" in tokenized and args.refit_ngrams and model.ngrams is not None
    if "validation" in tokenized:
        _calibrate(model, trainer, tokenized["validation"])
    for name in ("validation", "test"):
        if name in tokenized:
            output = trainer.predict(tokenized[name])
            logits[name], labels[name] = np.asarray(output.predictions), np.asarray(output.label_ids)
        if name == "validation" and refit:
            # They have said what they had to say of the temperature: now they may teach, too.
            model.ngrams.load_state_dict(ngrams)
            every = concatenate_datasets([splits["train"], splits[name]])
            taught = tokenized["train"].followed_by(tokenized[name])
            _fit_ngrams(run, model, tokenizer, every, taught, how)
            if model.config.half_precision_embeddings:
                model.round_tables()
    metrics: dict[str, Any] = {
        "before_refit" if refit and name == "validation" else name: measure_with_intervals(
            softmax(values), labels[name]
        )
        for name, values in logits.items()
    }
    metrics["about"] = {
        **about,
        "data": _without_folders(data.source, run),
        "rows": {name: len(split) for name, split in splits.items()},
        "preset": run.preset,
        "temperature": model.config.temperature,
        "ngram_strength": how.strength if model.ngrams is not None else None,
        "ngram_weight": model.config.ngram_weight if model.ngrams is not None else None,
        "epochs": trainer.state.epoch,
        "best_step": trainer.state.best_global_step if args.load_best_model_at_end else None,
        "hardware": _hardware(model),
        "seconds": {"prepare": round(prepared - began, 2), "train": round(trained - prepared, 2)},
        "arguments": _said(run),
        "versions": {
            "glove_lstm": __version__,
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        },
        **count_parameters(model),
    }
    texts = _training_texts(run, splits, refit=refit)
    return Experiment(model, tokenizer, texts, metrics, logits, labels, splits, trainer.state.log_history)


def joined_texts(dataset: Dataset) -> Iterable[str]:
    """Each row as one text, as the tokenizer reads a pair."""
    pairs = "text_pair" in dataset.column_names
    for batch in dataset.iter(batch_size=1000):
        yield from (
            (f"{a} {b}" for a, b in zip(batch["text"], batch["text_pair"], strict=True))
            if pairs
            else batch["text"]
        )


def _training_texts(run: TrainingRun, splits: Mapping[str, Dataset], *, refit: bool) -> TrainingTexts:
    """Record the texts of a run, and of the checkpoint where it started; a refit trains on the validation texts."""
    roles = {"trained": ["train", *(["validation"] if refit else [])], "validated": ["validation"]}
    texts = {
        role: chain.from_iterable(joined_texts(splits[name]) for name in names if name in splits)
        for role, names in roles.items()
    }
    record = TrainingTexts.of(**texts)
    start = run.model.model_name_or_path
    return record.added_to(load_training_texts(start)) if start else record


def word_counts(dataset: Dataset) -> list[int]:
    """Words of each row, separated by white space."""
    return [len(text.split()) for text in joined_texts(dataset)]


def _make(
    run: TrainingRun, data: LoadedData, splits: dict[str, Dataset], glove: GloveVectors | None
) -> tuple[GloveLstmForSequenceClassification, PreTrainedTokenizerBase, dict[str, Any]]:
    wanted = run.tokenizer
    if run.model.type_embedding_size and not wanted.token_types:
        raise DataError(
            f"--type_embedding_size is {run.model.type_embedding_size}, but --no_token_types leaves no word shapes: "
            "set it to 0."
        )
    glove = glove or load_glove(wanted.glove)
    try:
        tokenizer = build_tokenizer(
            lambda: joined_texts(splits["train"]),
            variant=wanted.tokenizer_variant,
            vocab_size=wanted.vocab_size,
            model_max_length=wanted.max_seq_length or 512,
            known_words=glove.words,
            min_frequency=wanted.min_frequency,
            num_pieces=wanted.num_pieces,
            correct_spelling=wanted.correct_spelling,
            truncation_side=wanted.truncation_side,
            token_types=wanted.token_types,
            stop_words=english_stop_words() if wanted.remove_stop_words else (),
        )
    except ValueError as error:
        raise DataError(f"{str(error).rstrip('.')}.") from None
    config = config_from(
        run.model,
        vocab_size=tokenizer.vocab_size,
        embedding_size=glove.dim,
        type_vocab_size=len(SHAPES) if wanted.token_types else 1,
        **_labels(data.label_names),
    )
    model = GloveLstmForSequenceClassification(config)
    rows, share = embedding_rows(
        tokenizer.get_vocab(),
        glove,
        unknown="uniform" if wanted.unknown_vectors == "uniform" else "normal",
        seed=run.training.seed,
    )
    model.load_word_vectors(rows)
    _load_character_ngrams(model, tokenizer)
    about = {"glove": _without_folders(glove.source, run), "vocabulary_with_vectors": share}
    return model, tokenizer, about


def _load_character_ngrams(
    model: GloveLstmForSequenceClassification, tokenizer: PreTrainedTokenizerBase
) -> None:
    config = model.config
    if config.ngram_buckets and config.character_ngrams:
        model.load_character_ngrams(
            character_ngram_rows(
                tokenizer.get_vocab(),
                config.character_ngrams,
                config.character_buckets,
                specials=tokenizer.all_special_tokens,
            )
        )


def _labels(names: Sequence[str]) -> dict[str, Any]:
    """As a config wants them."""
    return {"id2label": dict(enumerate(names)), "label2id": {name: index for index, name in enumerate(names)}}


def _load(
    run: TrainingRun, data: LoadedData, splits: dict[str, Dataset]
) -> tuple[GloveLstmForSequenceClassification, PreTrainedTokenizerBase, dict[str, Any]]:
    path = run.model.model_name_or_path
    assert path is not None
    changes: dict[str, Any] = {"temperature": 1.0, **run.model.config_values()}
    known = load_config(path).label_names
    if set(data.label_names) <= set(known):
        number = [known.index(name) for name in data.label_names]
        for name, split in splits.items():
            labels = [number[label] for label in split["label"][:]]
            splits[name] = split.remove_columns("label").add_column("label", labels)
    else:
        logger.warning(
            "The labels (%s) are not those of %s (%s): its last layer starts anew.",
            ", ".join(data.label_names),
            path,
            ", ".join(known),
        )
        changes |= _labels(data.label_names)
    model, tokenizer = load_checkpoint(path, **changes)
    if "id2label" in changes:
        model.reset_classifier()  # also where the number of labels happens to be the same
    if changes.keys() & {"ngram_buckets", "character_ngrams", "character_buckets"}:
        _load_character_ngrams(model, tokenizer)  # the checkpoint's, if any, may be of another shape
    if run.tokenizer.max_seq_length:
        tokenizer.model_max_length = run.tokenizer.max_seq_length
    return model, tokenizer, {"fine_tuned_from": _without_folders(path, run)}


def _trainer(
    run: TrainingRun,
    model: GloveLstmForSequenceClassification,
    tokenizer: PreTrainedTokenizerBase,
    splits: dict[str, Dataset],
    tokenized: dict[str, TokenizedTexts],
) -> GloveLstmTrainer:
    args = run.training
    if "validation" not in tokenized:
        args.eval_strategy, args.load_best_model_at_end = transformers.IntervalStrategy.NO, False
    callbacks = []
    if args.early_stopping_patience:
        if not args.load_best_model_at_end:
            raise DataError("--early_stopping_patience needs validation data and --load_best_model_at_end.")
        callbacks.append(EarlyStoppingCallback(args.early_stopping_patience))
    train = tokenized["train"]
    if args.consistency_weight:
        train = _mistyped(args, tokenizer, splits["train"], train, args.max_copy_length)
    return GloveLstmTrainer(
        model,
        args,
        train_dataset=train,
        eval_dataset=tokenized.get("validation"),
        processing_class=tokenizer,
        compute_metrics=_accuracy,
        callbacks=callbacks,
    )


def _fit_ngrams(
    run: TrainingRun,
    model: GloveLstmForSequenceClassification,
    tokenizer: PreTrainedTokenizerBase,
    texts: Dataset,
    tokenized: TokenizedTexts,
    how: NgramFit | None = None,
) -> NgramFit:
    """Fit the n-gram classifier on texts, and on mistyped copies of each where there are to be any."""
    args = run.training
    if model.ngrams is None:
        return NgramFit(args.ngram_strength)
    pairs = _mistyped(args, tokenizer, texts, tokenized, tokenizer.model_max_length, COPIES)
    groups = None if how else near_duplicate_groups(list(joined_texts(texts)))
    progress = not args.disable_tqdm
    return fit_ngrams(model, pairs, strength=args.ngram_strength, how=how, groups=groups, progress=progress)


def _mistyped(
    args: GloveLstmTrainingArguments,
    tokenizer: PreTrainedTokenizerBase,
    texts: Dataset,
    tokenized: TokenizedTexts,
    max_length: int,
    copies: int = 1,
) -> TokenizedTexts:
    """Texts with mistyped copies beside them, where there are to be any."""
    if not args.typo_share:
        return tokenized
    return MistypedPairs(tokenized, texts, tokenizer, args.typo_share, max_length, args.seed, copies)


def _calibrate(
    model: GloveLstmForSequenceClassification, trainer: GloveLstmTrainer, validation: TokenizedTexts
) -> None:
    """Fit the temperature, and the weight of the n-gram classifier where there is one."""
    output = trainer.predict(validation, ignore_keys=[])
    _, parts = cast(tuple[NDArray[np.float32], NDArray[np.float32]], output.predictions)
    config = model.config
    parts[:, 1:] *= config.ngram_weight
    scale, *others = fit_scales(parts, np.asarray(output.label_ids))
    config.temperature = 1 / scale
    if others:
        config.ngram_weight *= others[0] / scale


def _accuracy(prediction: EvalPrediction) -> dict[str, float]:
    predictions = prediction.predictions  # with those of the parts, or without
    logits = predictions[0] if isinstance(predictions, tuple) else predictions
    predicted = np.asarray(logits).argmax(axis=1)
    return {"accuracy": float((predicted == prediction.label_ids).mean())}


def _limit(run: TrainingRun, splits: dict[str, Dataset]) -> dict[str, Dataset]:
    data = run.data
    most = {
        "train": data.max_train_samples,
        "validation": data.max_eval_samples,
        "test": data.max_predict_samples,
    }
    result = {}
    for name, split in splits.items():
        limit = most.get(name)
        if limit is not None and limit < len(split):
            split = split.shuffle(seed=run.training.seed).select(range(limit))
        result[name] = split
    return result


def _unknown_share(texts: TokenizedTexts, tokenizer: PreTrainedTokenizerBase) -> float:
    unknown = total = 0
    for start in range(0, len(texts), 1000):
        ids = (
            texts.__getitems__(range(start, min(start + 1000, len(texts))))["input_ids"]
            .combine_chunks()
            .flatten()
        )
        total += len(ids)
        unknown += int((ids.to_numpy() == tokenizer.unk_token_id).sum())
    return unknown / max(total, 1)


def _without_folders(text: str, run: TrainingRun) -> str:
    """A description without this machine's folders: what is written beside a checkpoint travels with it."""
    data = run.data
    paths = [data.data_files, data.data_dir, data.train_file, data.validation_file, data.test_file]
    for path in [*paths, run.tokenizer.glove, run.model.model_name_or_path, data.dataset_name]:
        if path and Path(path).expanduser().exists():
            text = text.replace(str(Path(path).expanduser()), Path(path).name).replace(path, Path(path).name)
    return text


def _hardware(model: torch.nn.Module) -> str:
    device = next(model.parameters()).device
    return (
        torch.cuda.get_device_name(device)
        if device.type == "cuda"
        else f"{torch.get_num_threads()} CPU threads"
    )


def _said(run: TrainingRun) -> dict[str, Any]:
    """The arguments that shape the result; paths, tokens and the like stay on this machine."""
    training = [
        "num_train_epochs",
        "per_device_train_batch_size",
        "gradient_accumulation_steps",
        "learning_rate",
        "embedding_learning_rate",
        "ngram_strength",
        "refit_ngrams",
        "lr_scheduler_type",
        "warmup_steps",
        "weight_decay",
        "adam_beta1",
        "adam_beta2",
        "adam_epsilon",
        "max_grad_norm",
        "label_smoothing_factor",
        "typo_share",
        "max_copy_length",
        "consistency_weight",
        "seed",
        "bf16",
        "load_best_model_at_end",
        "metric_for_best_model",
    ]
    said = {name: getattr(run.training, name) for name in training}
    said["lr_scheduler_type"] = str(
        getattr(run.training.lr_scheduler_type, "value", run.training.lr_scheduler_type)
    )
    if not run.model.model_name_or_path:
        said |= {name: value for name, value in dataclasses.asdict(run.tokenizer).items() if name != "glove"}
    return said | run.model.config_values()
