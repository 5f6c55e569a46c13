"""Run a model during its training, in the same batches as ONNX Runtime runs it afterwards."""

from typing import Any

import torch
from numpy.typing import NDArray

from glove_lstm.inference.classifier import Inputs, RunBatch
from glove_lstm.modeling.modeling_glove_lstm import GloveLstmForSequenceClassification


def torch_runner(model: GloveLstmForSequenceClassification) -> RunBatch:
    """Return a function for `run_batches` that runs a model in eval mode: `part_logits` (B, parts, labels)."""
    model.eval()

    @torch.inference_mode()
    def run(inputs: Inputs) -> NDArray[Any]:
        tensors = {
            name: torch.from_numpy(values).to(model.device) for name, values in inputs.items()
        }
        return model(**tensors, return_dict=True).part_logits.float().cpu().numpy()

    return run
