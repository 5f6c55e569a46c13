"""The public names: those that a version once had must stay, or go the way that CONTRIBUTING.md describes."""

import contextlib
import inspect
import io
import re
from dataclasses import fields
from importlib import import_module

import glove_lstm
from glove_lstm import GloveLstmConfig
from glove_lstm.arguments import DataArguments, ModelArguments, TokenizerArguments
from glove_lstm.presets import PRESETS
from glove_lstm.training import GloveLstmTrainingArguments, TrainingArguments

COMMANDS = ("eval", "export_onnx", "predict", "push_to_hub")  # benchmark.py may change with what it measures


def promises() -> dict[str, list[str]]:
    """Kind -> names, sorted."""
    trainers = {field.name for field in fields(TrainingArguments)}  # transformers' promise, not ours
    groups = (DataArguments, TokenizerArguments, ModelArguments, GloveLstmTrainingArguments)
    found = {
        "package": set(glove_lstm.__all__),
        "config": set(inspect.signature(GloveLstmConfig.__init__).parameters) - {"self", "kwargs"},
        "presets": set(PRESETS),
        "train.py": {f"--{field.name}" for group in groups for field in fields(group)}
        - {f"--{name}" for name in trainers},
    }
    found |= {f"{command}.py": options_of(command) for command in COMMANDS}
    return {kind: sorted(names) for kind, names in found.items()}


def options_of(command: str) -> set[str]:
    """The options that a command's help lists."""
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown), contextlib.suppress(SystemExit):
        import_module(f"glove_lstm.scripts.{command}").main(["--help"])
    return set(re.findall(r"^  (?:-\w, )?(--[a-z]\w+)", shown.getvalue(), re.MULTILINE)) - {"--help"}
