"""The log of a training in words, for files and other places where bars and dictionaries cannot be read."""

import sys
from typing import Any

from transformers import TrainerCallback, TrainerState, TrainingArguments

_SHOWN = {"eval_loss": "validation loss", "eval_accuracy": "accuracy"}


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
