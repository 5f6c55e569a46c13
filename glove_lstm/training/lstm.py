"""Train the LSTM, and the layers around it, with transformers' Trainer."""

import copy
import logging
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
import torch
from accelerate.utils import broadcast_object_list
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from torch.utils.data import Sampler
from transformers import EarlyStoppingCallback, PrinterCallback, ProgressCallback, Trainer
from transformers.trainer_callback import TrainerState

from glove_lstm.errors import DataError
from glove_lstm.inference.classifier import run_batches
from glove_lstm.inference.torch_classifier import torch_runner
from glove_lstm.modeling.modeling_glove_lstm import GloveLstmForSequenceClassification
from glove_lstm.text.tokens import Tokens
from glove_lstm.training.arguments import GloveLstmTrainingArguments
from glove_lstm.training.batches import LengthGroupedSampler, TokenizedTexts, collate
from glove_lstm.training.epoch_lines import EpochLines
from glove_lstm.training.initial_model import InitialModel
from glove_lstm.training.lazy_adam import LazyAdamW

_CHECKED = 64  # texts whose logits are computed after the training
_LARGEST_LOGIT = 1e4  # those of a useful model are below 100


Loss = Callable[[Tensor, Tensor, float], Tensor]


def _loss_of_labels(logits: Tensor, classes: Tensor, smoothing: float) -> Tensor:
    """Return the cross-entropy of each text: (B, labels) and (B,) class indices -> (B,)."""
    return cross_entropy(logits, classes, reduction="none", label_smoothing=smoothing)


def _loss_of_label_sets(logits: Tensor, has_label: Tensor, _: float) -> Tensor:
    """Return the binary cross-entropy of each label of each text: (B, labels) twice -> (B, labels)."""
    return binary_cross_entropy_with_logits(logits, has_label, reduction="none")


def _loss_of_logits(logits: Tensor, targets: Tensor, _: float) -> Tensor:
    """Return the squared difference from a teacher's logits, whose mean is 0: (B, labels) twice -> (B, labels)."""
    centred = logits - logits.mean(dim=1, keepdim=True)
    return (centred - targets).square()


# By the kind of the targets.
LOSSES: dict[str, Loss] = {
    "labels": _loss_of_labels,
    "label sets": _loss_of_label_sets,
    "logits": _loss_of_logits,
}


def train_lstm(
    initial: InitialModel,
    texts: TokenizedTexts,
    kind: str,
    validation: TokenizedTexts | None,
    arguments: GloveLstmTrainingArguments,
    compute_metrics: Any = None,
) -> TrainerState:
    """Train all but the n-grams, and return the Trainer's state.

    The Trainer works in a temporary folder, which is removed at the end, also after an error.

    Args:
        initial: A classifier, which is changed. Its n-gram classifier is already fitted; training skips it.
        texts: What it learns from.
        kind: Kind of the targets of `texts`, by which the loss is chosen; see `Targets`.
        validation: Texts with labels that are measured after each epoch.
        arguments: Arguments of the training.
        compute_metrics: As for `Trainer`.

    Raises:
        DataError: The training diverged.
    """
    model = initial.model
    if model.ngrams is not None:
        # While the n-grams are frozen, the model skips them in training: its logits are the LSTM's alone.
        model.ngrams.requires_grad_(False)
    with _scratch_folder(arguments) as folder:
        trainer = GloveLstmTrainer(
            model,
            _working_in(folder, arguments),
            data_collator=cast(Any, collate),  # takes a `Batch` instead of a list of rows
            train_dataset=texts,
            eval_dataset=validation,
            processing_class=initial.tokenizer,
            compute_metrics=compute_metrics,
        )
        trainer.loss_of = LOSSES[kind]
        # The loss is smoothed here: the smoother of transformers 5.0 divides by the labels of one batch, not of all
        # accumulated ones.
        trainer.label_smoother = None
        if arguments.early_stopping_patience is not None:
            trainer.add_callback(EarlyStoppingCallback(arguments.early_stopping_patience))
        _replace_log(trainer)
        try:
            trainer.train()
        except Exception:  # metrics of logits that are not numbers, for instance
            _check_finite(model)
            _check_logits(model, texts)
            raise
        finally:
            trainer.release_embeddings()
    if model.ngrams is not None:
        model.ngrams.requires_grad_()
    _check_finite(model)
    _check_logits(model, texts)
    model.round_tables()
    return trainer.state


def _replace_log(trainer: Trainer) -> None:
    """Write a line an epoch instead of dictionaries, and of bars where standard error is no terminal.

    The bars of notebooks stay.
    """
    replaced = [trainer.pop_callback(PrinterCallback)]
    if not sys.stderr.isatty():
        replaced.append(trainer.pop_callback(ProgressCallback))
    # PrinterCallback prints at every log level.
    if any(replaced) and trainer.args.get_process_log_level() < logging.ERROR:
        trainer.add_callback(EpochLines)


@contextmanager
def _scratch_folder(arguments: GloveLstmTrainingArguments) -> Iterator[str]:
    """Yield a temporary folder, the same in all processes of a training."""
    names: list[str | None] = [None]
    if arguments.process_index == 0:
        names = [tempfile.mkdtemp(prefix="glove-lstm-")]
    if arguments.world_size > 1:
        broadcast_object_list(names)
    [folder] = names
    try:
        yield str(folder)
    finally:
        if arguments.process_index == 0:
            shutil.rmtree(str(folder), ignore_errors=True)


def _working_in(folder: str, arguments: GloveLstmTrainingArguments) -> GloveLstmTrainingArguments:
    """Return the arguments with another output folder; those of the caller stay as they are."""
    changed = copy.copy(arguments)
    changed.output_dir = folder
    return changed


class GloveLstmTrainer(Trainer):
    """`Trainer` for `TokenizedTexts`: batches of similar lengths, weighted texts, and lazy updates of word vectors."""

    args: GloveLstmTrainingArguments
    loss_of: Loss
    _lazy_optimizer: LazyAdamW | None = None  # without Accelerate's wrapper

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        dataset = train_dataset
        if dataset is None:
            dataset = self.train_dataset
        assert isinstance(dataset, TokenizedTexts)
        seed = self.args.data_seed
        if seed is None:
            seed = self.args.seed
        dataset.epoch = 0  # an earlier training may have left another one
        return LengthGroupedSampler(dataset, self.args.train_batch_size, seed)

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

        In evaluation, return the model's own loss.
        """
        weights = inputs.pop("weights", None)
        if not model.training:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        labels = inputs.pop("labels")
        outputs = model(**inputs)
        losses = self.loss_of(outputs.logits, labels, self.args.label_smoothing_factor)
        if weights is not None:
            if losses.dim() == 2:
                weights = weights[:, None]
            losses = losses * weights
        if num_items_in_batch is None:
            loss = losses.sum() / labels.numel()
        else:
            loss = losses.sum() / num_items_in_batch
            if self.args.average_tokens_across_devices:  # the labels of all processes are counted
                loss = loss * self.accelerator.num_processes
        if return_outputs:
            return loss, outputs
        return loss

    def create_optimizer(self, *_: Any, **__: Any) -> torch.optim.Optimizer:
        """Return AdamW with lazy updates of the word vectors, and a learning rate of their own.

        With another `optim` or in several processes, the word vectors are one more parameter group of the Trainer's own
        optimizer. `max_grad_norm` does not clip lazy updates.
        """
        if self.optimizer is not None:
            return self.optimizer
        model = cast(GloveLstmForSequenceClassification, self.model)
        embeddings = _trained_embeddings(model)
        rate = self.args.embedding_learning_rate
        assert rate is not None
        kind, options = self.get_optimizer_cls_and_kwargs(self.args, model)
        groups = self._dense_groups(embeddings)

        if embeddings and kind is torch.optim.AdamW and self._can_update_lazily():
            self._lazy_optimizer = LazyAdamW(groups, **options)
            self._lazy_optimizer.add_embeddings(embeddings, rate)
            self.optimizer = self._lazy_optimizer
            return self._lazy_optimizer

        if embeddings:
            tables = [embedding.weight for embedding in embeddings]
            groups.append({"params": tables, "lr": rate, "weight_decay": 0.0})
        optimizer = kind(groups, **options)
        self.optimizer = optimizer
        return optimizer

    def release_embeddings(self) -> None:
        """Give the word vectors their ordinary gradients back."""
        if self._lazy_optimizer is not None:
            self._lazy_optimizer.release_embeddings()

    def _can_update_lazily(self) -> bool:
        """Whether sparse gradients work: in a single process, on CPU or CUDA."""
        is_known_device = self.args.device.type in ("cpu", "cuda")
        return is_known_device and self.args.world_size == 1

    def _dense_groups(self, embeddings: list[nn.Embedding]) -> list[dict[str, Any]]:
        """Return the other parameters as `Trainer` groups them: with weight decay, and without."""
        model: Any = self.model
        tables = {id(embedding.weight) for embedding in embeddings}
        decayed = set(self.get_decay_parameter_names(model))
        with_decay: list[nn.Parameter] = []
        without: list[nn.Parameter] = []
        for name, parameter in model.named_parameters():
            if not parameter.requires_grad or id(parameter) in tables:
                continue
            if name in decayed:
                with_decay.append(parameter)
            else:
                without.append(parameter)
        return [
            {"params": with_decay, "weight_decay": self.args.weight_decay},
            {"params": without, "weight_decay": 0.0},
        ]

    def create_accelerator_and_postprocess(self) -> None:
        """Create the accelerator, without its division of the loss by the number of accumulated batches.

        `compute_loss` divides by all texts of a step already. transformers 5.3 makes Accelerate divide again; 5.0 and
        5.24 do not.
        """
        super().create_accelerator_and_postprocess()
        self.accelerator.gradient_accumulation_steps = 1


def _check_finite(model: GloveLstmForSequenceClassification) -> None:
    if not all(weights.isfinite().all() for weights in model.parameters()):
        raise DataError("The training diverged: weights are not numbers; lower learning_rate.")


def _check_logits(model: GloveLstmForSequenceClassification, texts: TokenizedTexts) -> None:
    """Raise a DataError if the logits for the first texts are so large that they mean nothing."""
    lengths = texts.tokens.lengths[:_CHECKED]
    count = int(lengths.sum())
    first_texts = Tokens(texts.tokens.ids[:count], texts.tokens.types[:count], lengths)
    logits = run_batches(torch_runner(model, "part_logits"), first_texts)
    largest = float(np.abs(logits).max())
    if not largest < _LARGEST_LOGIT:  # also true for NaN
        raise DataError(
            f"The training diverged: logits of {largest:.3g} mean nothing; lower learning_rate."
        )


def _trained_embeddings(model: GloveLstmForSequenceClassification) -> list[nn.Embedding]:
    """Return the tables of word vectors and of character vectors, unless they are frozen."""
    embeddings = model.encoder.embeddings
    tables = [embeddings.word_embeddings]
    if embeddings.character_embeddings is not None:
        tables.append(embeddings.character_embeddings)
    return [table for table in tables if table.weight.requires_grad]
