"""Classify with PyTorch, in the same batches as with ONNX Runtime."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from glove_lstm.inference.classifier import Classifier, Inputs, RunBatch
from glove_lstm.inference.decisions import decision_thresholds
from glove_lstm.modeling.modeling_glove_lstm import GloveLstmForSequenceClassification
from glove_lstm.text.light_tokenizer import LightTokenizer


@dataclass(frozen=True, eq=False, kw_only=True)
class TorchClassifier(Classifier):
    """A model of transformers and a light copy of its tokenizer.

    Attributes:
        model: The network. Each prediction puts it into eval mode.
    """

    model: GloveLstmForSequenceClassification

    @classmethod
    def of(
        cls,
        model: GloveLstmForSequenceClassification,
        tokenizer: PreTrainedTokenizerBase | LightTokenizer,
    ) -> "TorchClassifier":
        """Make a classifier of a model and its tokenizer, which is copied: later changes do not count."""
        if not isinstance(tokenizer, LightTokenizer):
            tokenizer = LightTokenizer.of(tokenizer)
        config = model.config
        return cls(
            model=model,
            tokenizer=tokenizer,
            label_names=tuple(config.label_names),
            problem_type=config.problem_type,
            thresholds=decision_thresholds(config.to_dict()),
        )

    def run(self, inputs: Inputs) -> NDArray[np.float32]:
        """Return the calibrated logits of a batch, (B, labels)."""
        return torch_runner(self.model)(inputs)


def torch_runner(model: GloveLstmForSequenceClassification, output: str = "logits") -> RunBatch:
    """Return a function for `run_batches` that runs a model in eval mode.

    Args:
        model: A classifier.
        output: The output to return in float32: "logits" (B, labels), or "part_logits" (B, parts, labels).
    """
    model.eval()

    @torch.inference_mode()
    def run(inputs: Inputs) -> NDArray[Any]:
        tensors = {
            name: torch.from_numpy(values).to(model.device) for name, values in inputs.items()
        }
        return model(**tensors, return_dict=True)[output].float().cpu().numpy()

    return run
