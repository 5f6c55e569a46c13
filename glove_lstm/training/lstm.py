"""Train the LSTM, and the layers around it, with transformers' Trainer."""

import copy
import logging
import sys
import tempfile
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from torch.utils.data import Sampler
from transformers import (
    EvalPrediction,
    PrinterCallback,
    ProgressCallback,
    Trainer,
    TrainerCallback,
    TrainerState,
    TrainingArguments,
)

from glove_lstm.distillation.targets import Kind
from glove_lstm.errors import DataError
from glove_lstm.inference.classifier import run_batches
from glove_lstm.modeling.modeling_glove_lstm import GloveLstmForSequenceClassification
from glove_lstm.text.tokens import Tokens
from glove_lstm.training.arguments import GloveLstmTrainingArguments
from glove_lstm.training.batches import LengthGroupedSampler, TokenizedTexts, collate
from glove_lstm.training.lazy_adam import LazyAdamW
from glove_lstm.training.torch_runner import torch_runner

_CHECKED = 64  # texts whose logits are computed after the training
_LARGEST_LOGIT = 1e4  # those of a useful model are below 100
_SHOWN = {"eval_loss": "validation loss", "eval_accuracy": "accuracy"}  # in the lines of the epochs


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


def train_lstm(
    model: GloveLstmForSequenceClassification,
    texts: TokenizedTexts,
    kind: Kind,
    validation: TokenizedTexts | None,
    arguments: GloveLstmTrainingArguments,
    compute_metrics: Callable[[EvalPrediction], dict[str, float]] | None,
) -> TrainerState:
    """Train all but the n-grams, and return the Trainer's state.

    The Trainer works in a temporary folder, which is removed at the end, also after an error.

    Args:
        model: A classifier, which is changed. Its n-gram classifier is already fitted; training skips it.
        texts: What it learns from.
        kind: Kind of the targets of `texts`, by which the loss is chosen; see `Targets`.
        validation: Texts with labels that are measured after each epoch.
        arguments: Arguments of the training.
        compute_metrics: As for `Trainer`.

    Raises:
        DataError: The training diverged.
    """
    if model.ngrams is not None:
        model.ngrams.requires_grad_(False)
    # The Trainer saves nothing, but makes its output folder and may log there.
    with tempfile.TemporaryDirectory(prefix="glove-lstm-") as folder:
        arguments = copy.copy(arguments)  # those of the caller stay as they are
        arguments.output_dir = folder
        trainer = GloveLstmTrainer(
            kind,
            model,
            arguments,
            data_collator=cast(Any, collate),  # takes `TokenizedTexts` instead of a list of rows
            train_dataset=texts,
            eval_dataset=validation,
            compute_metrics=compute_metrics,
        )
        _replace_log(trainer)
        try:
            trainer.train()
        except Exception:  # metrics of logits that are not numbers, for instance
            _check_converged(model, texts)
            raise
        finally:
            trainer.release_embeddings()
    if model.ngrams is not None:
        model.ngrams.requires_grad_()
    _check_converged(model, texts)
    model.round_tables()
    return trainer.state


def _replace_log(trainer: Trainer) -> None:
    """Print one line an epoch instead of the Trainer's dictionaries, and of bars where standard error is no terminal.

    The bars of notebooks stay.
    """
    replaced = [trainer.pop_callback(PrinterCallback)]
    if not sys.stderr.isatty():
        replaced.append(trainer.pop_callback(ProgressCallback))
    # PrinterCallback prints at every log level.
    if any(replaced) and trainer.args.get_process_log_level() < logging.ERROR:
        trainer.add_callback(EpochLines)


class GloveLstmTrainer(Trainer):
    """`Trainer` for `TokenizedTexts`: batches of similar lengths, weighted texts, and lazy updates of word vectors.

    Args:
        kind: Kind of the targets in training, by which the loss is chosen.
        args: As for `Trainer`.
        kwargs: As for `Trainer`.
    """

    args: GloveLstmTrainingArguments

    def __init__(self, kind: Kind, *args: Any, **kwargs: Any) -> None:
        self._kind = kind
        self._lazy_optimizer: LazyAdamW | None = None  # without Accelerate's wrapper
        super().__init__(*args, **kwargs)

    def _get_train_sampler(self, *_: Any) -> Sampler[int]:
        texts = cast(TokenizedTexts, self.train_dataset)
        texts.epoch = 0  # an earlier training may have left another one
        seed = self.args.seed if self.args.data_seed is None else self.args.data_seed
        return LengthGroupedSampler(texts, self.args.train_batch_size, seed)

    def _get_eval_sampler(self, eval_dataset: Any) -> Any:
        """Evaluate the longest texts first, to keep padding small."""
        return np.argsort(-eval_dataset.lengths, kind="stable").tolist()

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """Return the weighted sum of the losses, divided by the number of labels in all batches of the step.

        In evaluation, return the model's own loss, which is not smoothed.
        """
        if not model.training:
            outputs = model(**inputs)
            return (outputs.loss, outputs) if return_outputs else outputs.loss
        weights = inputs.pop("weights", None)
        labels = inputs.pop("labels")
        outputs = model(**inputs, lstm_only=True)
        smoothing = self.args.label_smoothing_factor
        loss_of_texts = losses(self._kind, outputs.logits, labels, smoothing)
        if weights is not None:
            if loss_of_texts.dim() == 2:
                weights = weights[:, None]
            loss_of_texts = loss_of_texts * weights
        if num_items_in_batch is None:
            loss = loss_of_texts.sum() / labels.numel()
        else:
            loss = loss_of_texts.sum() / num_items_in_batch
            if self.args.average_tokens_across_devices:  # the labels of all processes are counted
                loss = loss * self.accelerator.num_processes
        return (loss, outputs) if return_outputs else loss

    def create_optimizer(self, *_: Any, **__: Any) -> torch.optim.Optimizer:
        """Return AdamW with lazy updates of the word vectors, and a learning rate of their own.

        With another `optim`, in several processes and on devices without sparse gradients, the word vectors are one
        more parameter group of the Trainer's own optimizer. `max_grad_norm` does not clip lazy updates.
        """
        if self.optimizer is not None:
            return self.optimizer
        model = cast(GloveLstmForSequenceClassification, self.model)
        embeddings = model.encoder.embeddings
        known = [embeddings.word_embeddings, embeddings.character_embeddings]
        trained = [table for table in known if table is not None and table.weight.requires_grad]
        tables = [table.weight for table in trained]
        kind, options = self.get_optimizer_cls_and_kwargs(self.args, model)
        is_alone = self.args.device.type in ("cpu", "cuda") and self.args.world_size == 1
        is_lazy = bool(tables) and is_alone and kind is torch.optim.AdamW
        if is_lazy:
            self.optimizer_cls_and_kwargs = LazyAdamW, options
        for table in tables:
            table.requires_grad_(False)  # the Trainer then groups all other parameters
        optimizer = super().create_optimizer()
        for table in tables:
            table.requires_grad_()
        rate = cast(float, self.args.embedding_learning_rate)
        if is_lazy:
            self._lazy_optimizer = cast(LazyAdamW, optimizer)
            self._lazy_optimizer.add_embeddings(trained, rate)
        elif tables:
            optimizer.add_param_group({"params": tables, "lr": rate, "weight_decay": 0.0})
        return optimizer

    def release_embeddings(self) -> None:
        """Give the word vectors their ordinary gradients back."""
        if self._lazy_optimizer is not None:
            self._lazy_optimizer.release_embeddings()

    def create_accelerator_and_postprocess(self) -> None:
        """Create the accelerator, without its division of the loss by the number of accumulated batches.

        `compute_loss` divides by all texts of a step already. transformers 5.3 makes Accelerate divide again; 5.0 and
        5.24 do not.
        """
        super().create_accelerator_and_postprocess()
        self.accelerator.gradient_accumulation_steps = 1


class EpochLines(TrainerCallback):
    """Writes lines such as "epoch 2 of 5: loss 0.412, validation loss 0.380, accuracy 0.871" to standard error."""

    def __init__(self) -> None:
        self._loss: float | None = None  # that has been logged since the last line

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        *_: Any,
        logs: dict[str, Any] | None = None,
        **__: Any,
    ) -> None:
        """Write a line after each measurement; without validation texts, after each logged loss."""
        if not logs or not state.is_local_process_zero:
            return
        self._loss = logs.get("loss", self._loss)
        is_measured = "eval_loss" in logs
        if not is_measured and (args.eval_strategy != "no" or "loss" not in logs):
            return
        values = []
        if self._loss is not None:
            values.append(f"loss {self._loss:.3f}")
        values += [f"{name} {logs[key]:.3f}" for key, name in _SHOWN.items() if key in logs]
        epoch = f"{round(state.epoch or 0, 2):g}"
        sys.stderr.write(f"epoch {epoch} of {state.num_train_epochs}: {', '.join(values)}\n")
        self._loss = None


def _check_converged(model: GloveLstmForSequenceClassification, texts: TokenizedTexts) -> None:
    """Raise a DataError if a weight is no number, or the logits of the first texts are so large that they mean nothing.

    A single row of the word vectors may not be a number while the logits of these texts are.
    """
    are_finite = all(bool(weights.isfinite().all()) for weights in model.parameters())
    lengths = texts.tokens.lengths[:_CHECKED]
    count = int(lengths.sum())
    first_texts = Tokens(texts.tokens.ids[:count], texts.tokens.types[:count], lengths)
    logits = run_batches(torch_runner(model), first_texts)
    largest = float(np.abs(logits).max())
    if not (are_finite and largest < _LARGEST_LOGIT):  # NaN is not smaller
        raise DataError("The training diverged; lower learning_rate.")
