"""Train the LSTM, and the layers around it, with transformers' Trainer."""

import logging
import sys
import tempfile
from collections.abc import Callable
from math import ceil
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from transformers import (
    EvalPrediction,
    PrinterCallback,
    Trainer,
    TrainerState,
    TrainingArguments,
)

from glove_lstm.distillation.targets import Kind, Targets
from glove_lstm.errors import DataError
from glove_lstm.modeling.modeling_glove_lstm import GloveLstmForSequenceClassification
from glove_lstm.tables.examples import Examples
from glove_lstm.text.light_tokenizer import LightTokenizer
from glove_lstm.training.batches import Collator, TokenDataset, tokenize
from glove_lstm.training.settings import Settings

logger = logging.getLogger(__name__)

_CHECKED = 64  # texts whose logits are computed after the training
_LARGEST_LOGIT = 1e4  # those of a useful model are below 100
_EVAL_BATCH_SIZE = 64
_WARMUP = 0.1  # of the steps


def train_lstm(
    model: GloveLstmForSequenceClassification,
    tokenizer: LightTokenizer,
    targets: Targets,
    validation: Examples | None,
    settings: Settings,
    compute_metrics: Callable[[EvalPrediction], dict[str, float]] | None,
) -> TrainerState:
    """Train all but the n-grams, and return the Trainer's state.

    The Trainer works in a temporary folder, which is removed at the end, also after an error.

    Args:
        model: A classifier, which is changed. Its n-gram classifier is already fitted; training skips it.
        tokenizer: Its tokenizer.
        targets: What it learns. Unless these are logits, a share of the texts is replaced by corrupted copies when a
            batch is made.
        validation: Texts with labels that are measured after each epoch.
        settings: Of the training, with its schedule.
        compute_metrics: As for `Trainer`.

    Raises:
        DataError: The training diverged.
    """
    texts = _dataset_of(targets, tokenizer)
    collator = Collator(
        tokenizer,
        share=0.0 if targets.kind == "logits" else settings.corrupted_share,
        seed=settings.seed,
        lstm_length=model.config.lstm_length,
    )
    held_out = None
    if validation is not None:
        held_out = TokenDataset(tokenize(validation.texts, tokenizer), validation.labels)
    with tempfile.TemporaryDirectory(prefix="glove-lstm-") as folder:
        arguments = trainer_arguments(
            settings, folder, text_count=len(texts), has_validation=validation is not None
        )
        model.to(arguments.device)  # type: ignore[arg-type]
        trainer = LstmTrainer(
            targets.kind,
            settings.label_smoothing_factor,
            model=model,
            args=arguments,
            data_collator=collator,
            train_dataset=texts,
            eval_dataset=held_out,
            compute_metrics=compute_metrics,
            optimizers=(make_optimizer(model, settings), None),
        )
        if not logger.isEnabledFor(logging.INFO):
            trainer.remove_callback(PrinterCallback)
        try:
            trainer.train()
        except Exception:  # metrics of logits that are not numbers, for instance
            _check_converged(model, texts, collator)
            raise
    _check_converged(model, texts, collator)
    model.round_tables()
    return trainer.state


def _dataset_of(targets: Targets, tokenizer: LightTokenizer) -> TokenDataset:
    """Tokenise the texts of targets, and warn if some are truncated."""
    truncated_before = tokenizer.truncated_texts
    tokens = tokenize(targets.texts, tokenizer)
    truncated = tokenizer.truncated_texts - truncated_before
    clause = tokenizer.truncation_warning(truncated, len(targets.texts))
    if clause:
        logger.warning("%s.", clause)
    return TokenDataset(tokens, targets.values, targets.weights, targets.texts)


def trainer_arguments(
    settings: Settings, folder: str, *, text_count: int, has_validation: bool
) -> TrainingArguments:
    """Return the arguments of the Trainer, which works in a folder."""
    assert settings.num_train_epochs
    assert settings.per_device_train_batch_size
    steps = ceil(text_count / settings.per_device_train_batch_size) * settings.num_train_epochs
    # The first step of a warm-up has the rate 0: a single step would learn nothing.
    is_warmed_up = settings.lr_scheduler_type != "constant" and steps > 1
    return TrainingArguments(
        output_dir=folder,
        num_train_epochs=settings.num_train_epochs,
        per_device_train_batch_size=settings.per_device_train_batch_size,
        per_device_eval_batch_size=_EVAL_BATCH_SIZE,
        lr_scheduler_type=settings.lr_scheduler_type,
        warmup_steps=_WARMUP if is_warmed_up else 0,
        max_grad_norm=0.0,  # no clipping
        train_sampling_strategy="group_by_length",
        remove_unused_columns=False,  # `Collator` reads them
        eval_strategy="epoch" if has_validation else "no",
        logging_strategy="epoch",
        save_strategy="no",
        report_to=settings.report_to,
        disable_tqdm=not (logger.isEnabledFor(logging.INFO) and sys.stderr.isatty()),
        seed=settings.seed,
        use_cpu=settings.use_cpu,
        dataloader_pin_memory=torch.cuda.is_available() and not settings.use_cpu,
    )


def make_optimizer(
    model: GloveLstmForSequenceClassification, settings: Settings
) -> torch.optim.Optimizer:
    """Return AdamW for all but the n-grams. Word vectors have a learning rate of their own; only matrices decay."""
    vectors = [table for table in model.word_vectors() if table.requires_grad]
    biases: list[nn.Parameter] = []
    matrices: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        is_vector = any(parameter is table for table in model.word_vectors())
        if is_vector or name.startswith("ngrams."):
            continue
        if "bias" in name:
            biases.append(parameter)
        else:
            matrices.append(parameter)
    groups: list[dict[str, Any]] = [
        {"params": matrices, "weight_decay": settings.weight_decay},
        {"params": biases},
    ]
    if vectors:
        groups.append({"params": vectors, "lr": settings.embedding_learning_rate})
    assert settings.learning_rate is not None
    return torch.optim.AdamW(
        groups,
        lr=settings.learning_rate,
        eps=settings.adam_epsilon,
        weight_decay=0.0,
        fused=True,
    )


class LstmTrainer(Trainer):
    """`Trainer` with the loss of the targets, weighted by texts.

    Args:
        kind: Kind of the targets in training, by which the loss is chosen.
        smoothing: Of single labels.
        kwargs: As for `Trainer`.
    """

    def __init__(self, kind: Kind, smoothing: float, **kwargs: Any) -> None:
        self._kind = kind
        self._smoothing = smoothing
        super().__init__(**kwargs)

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """Return the weighted mean of the losses; in evaluation, the model's own loss, which is not smoothed."""
        if not model.training:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        weights = inputs.pop("weights", None)
        labels = inputs.pop("labels")
        outputs = model(**inputs, lstm_only=True)
        loss_of_texts = losses(self._kind, outputs.logits, labels, self._smoothing)
        if weights is not None:
            if loss_of_texts.dim() == 2:  # a loss for each label
                weights = weights[:, None]
            loss_of_texts = loss_of_texts * weights
        loss = loss_of_texts.mean()
        return (loss, outputs) if return_outputs else loss

    def _get_grad_norm(self, *_: Any, **__: Any) -> None:
        """Return no norm of the gradients for the log: to measure it, the Trainer rewrites them all, in each step."""


def losses(kind: Kind, logits: Tensor, targets: Tensor, smoothing: float) -> Tensor:
    """Return the loss of each text, or of each label of each text.

    Args:
        kind: Kind of the targets.
        logits: (B, labels).
        targets: (B,) class indices for "labels"; (B, labels) for the others; see `Targets`.
        smoothing: Of "labels".

    Returns:
        (B,) cross-entropies for "labels"; else (B, labels).
    """
    if kind == "labels":
        return cross_entropy(logits, targets, reduction="none", label_smoothing=smoothing)
    if kind == "label sets":
        return binary_cross_entropy_with_logits(logits, targets, reduction="none")
    centred = logits - logits.mean(dim=1, keepdim=True)  # as a teacher's logits are
    return (centred - targets).square()


@torch.inference_mode()
def _check_converged(
    model: GloveLstmForSequenceClassification, texts: TokenDataset, collator: Collator
) -> None:
    """Raise a DataError if a weight is no number, or the logits of the first texts are so large that they mean nothing.

    A single row of the word vectors may not be a number while the logits of these texts are.
    """
    are_finite = all(bool(weights.isfinite().all()) for weights in model.parameters())
    batch = collator([texts[row] for row in range(min(_CHECKED, len(texts)))])
    inputs = {name: values.to(model.device) for name, values in batch.items()}
    del inputs["labels"]
    largest = float(model.eval()(**inputs).logits.abs().max())
    if not (are_finite and largest < _LARGEST_LOGIT):  # NaN is not smaller
        raise DataError("The training diverged; lower learning_rate.")
