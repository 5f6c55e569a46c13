"""The Trainer of GloVe+LSTM models: its arguments, and what it does differently."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import torch
from torch import nn
from torch.utils.data import Sampler
from transformers import PreTrainedModel, Trainer, TrainingArguments
from transformers.trainer_utils import PredictionOutput

from glove_lstm.batches import LengthGroupedSampler, TokenizedTexts, collate


@dataclass
class GloveLstmTrainingArguments(TrainingArguments):
    """`TrainingArguments`, and the rate at which word vectors learn where they are not frozen."""

    embedding_learning_rate: float | None = field(
        default=None,
        metadata={
            "help": "Learning rate of the word vectors where they are not frozen; default: --learning_rate."
        },
    )
    early_stopping_patience: int | None = field(
        default=None,
        metadata={"help": "Stop after so many evaluations without a better one; default: train all epochs."},
    )


class GloveLstmTrainer(Trainer):
    """`Trainer` over `TokenizedTexts`: resumable batches of like lengths, and word vectors with their own rate."""

    args: GloveLstmTrainingArguments

    def __init__(self, model: PreTrainedModel, args: GloveLstmTrainingArguments, **kwargs: Any) -> None:
        super().__init__(model, args, data_collator=collate, **kwargs)

    def create_optimizer(self, *args: Any, **kwargs: Any) -> torch.optim.Optimizer:
        """The Trainer's own optimizer, with a parameter group for the word vectors where their rate differs."""
        optimizer = super().create_optimizer(*args, **kwargs)
        rate = self.args.embedding_learning_rate
        vectors = cast(PreTrainedModel, self.model).get_input_embeddings().weight
        if rate is not None and vectors.requires_grad and len(optimizer.param_groups) < 3:
            for group in optimizer.param_groups:
                group["params"] = [p for p in group["params"] if p is not vectors]
            optimizer.add_param_group({"params": [vectors], "lr": rate, "weight_decay": 0.0})
        return optimizer

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        dataset = self.train_dataset if train_dataset is None else train_dataset
        assert isinstance(dataset, TokenizedTexts)
        seed = self.args.seed if self.args.data_seed is None else self.args.data_seed
        sampler = LengthGroupedSampler(dataset.lengths, self.args.train_batch_size, seed)
        # In the epoch that a run resumes, older versions of accelerate tell the dataset the epoch, not the sampler.
        dataset.set_epoch = sampler.set_epoch
        return sampler

    def _get_eval_sampler(self, eval_dataset: Any) -> Sampler[int]:
        return _InOrder(_longest_first(eval_dataset))

    def predict(self, test_dataset: Any, *args: Any, **kwargs: Any) -> PredictionOutput:
        """As `Trainer.predict`; evaluation runs longest first, and the rows come back in the dataset's order."""
        output = super().predict(test_dataset, *args, **kwargs)
        back = np.argsort(_longest_first(test_dataset), kind="stable")
        labels = None if output.label_ids is None else output.label_ids[back]
        return PredictionOutput(output.predictions[back], labels, output.metrics)


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
