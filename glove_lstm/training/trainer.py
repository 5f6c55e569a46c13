"""The Trainer of GloVe+LSTM models."""

from typing import Any, cast

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy, kl_div
from torch.utils.data import Sampler
from transformers import PreTrainedModel, Trainer
from transformers.trainer_utils import PredictionOutput

from glove_lstm.training.arguments import GloveLstmTrainingArguments
from glove_lstm.training.batches import (
    UNLABELLED,
    LengthGroupedSampler,
    TokenizedTexts,
    collate,
)


class GloveLstmTrainer(Trainer):
    """`Trainer` over `TokenizedTexts`: resumable batches of like lengths, and word vectors with their own rate."""

    args: GloveLstmTrainingArguments

    def __init__(
        self, model: PreTrainedModel, args: GloveLstmTrainingArguments, **kwargs: Any
    ) -> None:
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
        vectors = cast(PreTrainedModel, self.model).get_input_embeddings().weight
        if not existed and rate is not None and vectors.requires_grad:
            for group in optimizer.param_groups:
                group["params"] = [held for held in group["params"] if held is not vectors]
            optimizer.add_param_group({"params": [vectors], "lr": rate, "weight_decay": 0.0})
        return optimizer

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        dataset = self.train_dataset if train_dataset is None else train_dataset
        assert isinstance(dataset, TokenizedTexts)
        seed = self.args.seed if self.args.data_seed is None else self.args.data_seed
        sampler = LengthGroupedSampler(dataset.lengths, self.args.train_batch_size, seed)
        dataset.sampler = sampler
        return sampler

    def _get_eval_sampler(self, eval_dataset: Any) -> Any:
        return _longest_first(eval_dataset).tolist()

    def predict(self, test_dataset: Any, *args: Any, **kwargs: Any) -> PredictionOutput:
        """As `Trainer.predict`; evaluation runs longest first, and the rows come back in the dataset's order."""
        output = super().predict(test_dataset, *args, **kwargs)
        back = np.argsort(_longest_first(test_dataset), kind="stable")
        logits: Any = output.predictions  # perhaps with those of the parts
        several = isinstance(logits, tuple)
        predictions = tuple(part[back] for part in logits) if several else logits[back]
        labels = None if output.label_ids is None else output.label_ids[back]
        return PredictionOutput(predictions, labels, output.metrics)


def _longest_first(dataset: TokenizedTexts) -> np.ndarray[Any, Any]:
    return np.argsort(-dataset.lengths, kind="stable")
