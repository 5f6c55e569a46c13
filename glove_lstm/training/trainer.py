"""The Trainer of GloVe+LSTM models: its arguments, and what it does differently."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf
from typing import Any, cast

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy, kl_div
from torch.utils.data import Sampler
from transformers import PreTrainedModel, Trainer, TrainingArguments
from transformers.trainer_utils import PredictionOutput

from glove_lstm.training.batches import (
    UNLABELLED,
    LengthGroupedSampler,
    MistypedPairs,
    TokenizedTexts,
    collate,
)


@dataclass
class GloveLstmTrainingArguments(TrainingArguments):
    """`TrainingArguments`, and what our recipes add: a rate for word vectors, n-grams, and mistyped copies."""

    embedding_learning_rate: float | None = field(
        default=None,
        metadata={
            "help": "Learning rate of the word vectors where they are not frozen; default: --learning_rate."
        },
    )
    ngram_strength: float = field(
        default=5.0,
        metadata={
            "help": "How closely the n-gram classifier may follow the training texts: the largest C of its support "
            "vector machine that is tried."
        },
    )
    refit_ngrams: bool = field(
        default=False,
        metadata={
            "help": "Whether the n-gram classifier is fitted once more in the end, with the validation texts among the "
            "training texts. The measures of validation texts are of the model before, and the card says so."
        },
    )
    early_stopping_patience: int | None = field(
        default=None,
        metadata={"help": "Stop after so many evaluations without a better one; default: train all epochs."},
    )
    typo_share: float = field(
        default=0.0,
        metadata={"help": "Letters mistyped in the copies that --consistency_weight is about, on average."},
    )
    max_copy_length: int = field(
        default=256, metadata={"help": "Tokens that a mistyped copy is cut to, which saves time."}
    )
    consistency_weight: float = field(
        default=0.0,
        metadata={
            "help": "Weight of the loss that asks for the same answer to a mistyped copy of each text; 0: no copies. "
            "Without copies (--typo_share 0) it has no effect."
        },
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.typo_share <= 0.5:
            raise ValueError(f"typo_share must be 0 to 0.5, not {self.typo_share}")
        if self.max_copy_length < 1:
            raise ValueError(f"max_copy_length must be at least 1, not {self.max_copy_length}")
        if not 0 < self.ngram_strength < inf:
            raise ValueError(f"ngram_strength must be a positive number, not {self.ngram_strength}")
        if not self.consistency_weight >= 0:
            raise ValueError(f"consistency_weight must be at least 0, not {self.consistency_weight}")
        # Where PyTorch was built without oneDNN there is no such function, and its own LSTM can do it.
        able = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True)
        if self.bf16 and self.device.type == "cpu" and not able():
            raise ValueError(
                "bf16: this processor cannot train an LSTM in it (on x86 that needs AVX-512): leave it out"
            )


class GloveLstmTrainer(Trainer):
    """`Trainer` over `TokenizedTexts`: resumable batches of like lengths, and word vectors with their own rate."""

    args: GloveLstmTrainingArguments

    def __init__(self, model: PreTrainedModel, args: GloveLstmTrainingArguments, **kwargs: Any) -> None:
        super().__init__(model, args, data_collator=collate, **kwargs)
        # Tables that do not learn are made from the tokenizer, the same in every process; gloo cannot send their 16-bit
        # integers, so DistributedDataParallel must not try.
        left_out = [name for name, table in model.named_buffers() if table.dtype == torch.int16]
        vars(model)["_ddp_params_and_buffers_to_ignore"] = left_out
        # The Trainer's own would smooth the loss of the summed logits only, and that of evaluation too.
        self.label_smoother = None

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:
        """The model's loss; in training with label smoothing, and with a consistency loss on mistyped copies.

        Each part of the model learns by itself. The rows without a label are copies of those with one, in the same
        order. Their logits are trained towards those of the text itself, not the reverse (Xie et al. 2020,
        https://arxiv.org/abs/1904.12848).
        """
        smoothing, weight = self.args.label_smoothing_factor, self.args.consistency_weight
        if not model.training or not (smoothing or weight):
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        labels = inputs.pop("labels")
        outputs = model(**inputs)
        copied = labels == UNLABELLED
        items = (~copied).sum() if num_items_in_batch is None else num_items_in_batch
        losses = []
        for part in outputs.part_logits.unbind(dim=1):
            losses.append(cross_entropy(part, labels, reduction="sum", label_smoothing=smoothing))
            if copied.any():
                target = part[~copied].detach().log_softmax(dim=-1)
                answer = part[copied].log_softmax(dim=-1)
                losses.append(weight * kl_div(answer, target, reduction="sum", log_target=True))
        loss = torch.stack(losses).sum() / items
        if num_items_in_batch is not None and self.args.average_tokens_across_devices:
            # The items are those of all processes, the loss is not.
            loss = loss * self.accelerator.num_processes
        return (loss, outputs) if return_outputs else loss

    def create_optimizer(self, *args: Any, **kwargs: Any) -> torch.optim.Optimizer:
        """The Trainer's own optimizer, with a parameter group for the word vectors where their rate is another."""
        existed, rate = self.optimizer is not None, self.args.embedding_learning_rate
        optimizer = super().create_optimizer(*args, **kwargs)
        vectors = cast(nn.Parameter, cast(PreTrainedModel, self.model).get_input_embeddings().weight)
        if existed or rate is None or not vectors.requires_grad:
            return optimizer
        for group in optimizer.param_groups:
            group["params"] = [parameter for parameter in group["params"] if parameter is not vectors]
        optimizer.add_param_group({"params": [vectors], "lr": rate, "weight_decay": 0.0})
        return optimizer

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        dataset = self.train_dataset if train_dataset is None else train_dataset
        assert isinstance(dataset, TokenizedTexts)
        seed = self.args.seed if self.args.data_seed is None else self.args.data_seed
        sampler = LengthGroupedSampler(dataset.lengths, self.args.train_batch_size, seed)
        # In the epoch that a run resumes, older versions of accelerate tell the dataset the epoch, not the sampler.
        dataset.set_epoch = sampler.set_epoch
        if isinstance(dataset, MistypedPairs):
            dataset.sampler = sampler
        return sampler

    def _get_eval_sampler(self, eval_dataset: Any) -> Sampler[int]:
        return _InOrder(_longest_first(eval_dataset))

    def predict(self, test_dataset: Any, *args: Any, **kwargs: Any) -> PredictionOutput:
        """As `Trainer.predict`; evaluation runs longest first, and the rows come back in the dataset's order."""
        output = super().predict(test_dataset, *args, **kwargs)
        back = np.argsort(_longest_first(test_dataset), kind="stable")
        predictions, labels = _rows(output.predictions, back), _rows(output.label_ids, back)
        return PredictionOutput(predictions, labels, output.metrics)


def _rows(values: Any, rows: np.ndarray[Any, Any]) -> Any:
    """Some rows of an array, or of each of several."""
    if values is None:
        return None
    return tuple(_rows(part, rows) for part in values) if isinstance(values, tuple) else values[rows]


def _longest_first(dataset: TokenizedTexts) -> np.ndarray[Any, Any]:
    return np.argsort(-dataset.lengths, kind="stable")


class _InOrder(Sampler[int]):
    """The given order."""

    def __init__(self, order: np.ndarray[Any, Any]) -> None:
        self.order = order

    def __len__(self) -> int:
        return len(self.order)

    def __iter__(self) -> Iterator[int]:
        return iter(self.order.tolist())


def count_parameters(model: nn.Module) -> dict[str, int]:
    """How many parameters there are, and how many of them learn."""
    return {
        "parameters": sum(p.numel() for p in model.parameters()),
        "trainable_parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
    }
