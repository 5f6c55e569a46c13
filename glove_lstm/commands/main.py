"""The console command `glove-lstm`."""

import sys
from collections.abc import Sequence
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import NamedTuple

from glove_lstm import __version__
from glove_lstm.commands.command import run_command


class Command(NamedTuple):
    """A sub-command.

    Attributes:
        summary: Line in the help.
        needs: Modules beyond the base install, checked first.
        extra: The extra that installs `needs`.
    """

    summary: str
    needs: tuple[str, ...] = ("torch", "transformers", "datasets")
    extra: str = "train"


COMMANDS = {
    "predict": Command("classify texts or files", needs=()),
    "train": Command("train or fine-tune a classifier on labelled texts"),
    "evaluate": Command("measure a checkpoint on labelled texts, or look for leaks in them"),
    "export": Command("write a checkpoint's ONNX files, which predict uses without torch"),
    "push": Command("push a checkpoint, a Space or a dataset to the Hugging Face Hub"),
    "demo": Command("show a checkpoint in a browser", needs=("gradio", "torch"), extra="demo"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a sub-command and return its exit code.

    Args:
        argv: Name of the sub-command and its arguments; None takes sys.argv.
    """
    name, *rest = (sys.argv[1:] if argv is None else argv) or ["--help"]
    if name in COMMANDS:
        return run_command(partial(_run, name), rest, extra=COMMANDS[name].extra)
    if name == "--version":
        sys.stdout.write(f"glove-lstm {__version__}\n")
        return 0
    lines = "\n".join(f"  {name:<9} {command.summary}" for name, command in COMMANDS.items())
    usage = f"usage: glove-lstm COMMAND [ARGUMENTS]\n\ncommands:\n{lines}\n\n"
    usage += "glove-lstm COMMAND --help describes one.\n"
    if name in ("-h", "--help"):
        sys.stdout.write(usage)
        return 0
    sys.stderr.write(f"error: {name!r} is not a command of glove-lstm.\n\n{usage}")
    return 2


def _run(name: str, arguments: Sequence[str]) -> None:
    if not {"-h", "--help"} & set(arguments):
        for module in COMMANDS[name].needs:
            if find_spec(module) is None:
                raise ModuleNotFoundError(name=module)
    import_module(f"glove_lstm.commands.{name}").main(arguments)
