"""The console command `glove-lstm`."""

import sys
from collections.abc import Sequence
from importlib import import_module

from glove_lstm.commands.command import run_command
from glove_lstm.version import __version__

COMMANDS = {
    "predict": "classify texts or files",
    "train": "train or fine-tune a classifier on labelled texts",
    "evaluate": "measure a checkpoint on labelled texts, or look for leaks in texts",
    "export": "write a checkpoint's light.onnx, which predict uses without torch",
    "push": "push a checkpoint or a Space to the Hugging Face Hub",
    "demo": "show a checkpoint in a browser",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a sub-command, named first in `argv` or sys.argv, and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    name = words[0] if words else "--help"
    if name in COMMANDS:

        def command(arguments: Sequence[str]) -> None:
            import_module(f"glove_lstm.commands.{name}").main(arguments)

        return run_command(command, words[1:])
    if name == "--version":
        return _show(f"glove-lstm {__version__}\n")
    lines = "\n".join(f"  {name:<9} {summary}" for name, summary in COMMANDS.items())
    usage = f"usage: glove-lstm COMMAND [ARGUMENTS]\n\ncommands:\n{lines}\n\n"
    usage += "glove-lstm COMMAND --help describes one.\n"
    if name in ("-h", "--help"):
        return _show(usage)
    sys.stderr.write(f"error: {name!r} is not a command of glove-lstm.\n\n{usage}")
    return 2


def _show(text: str) -> int:
    """Write to standard output, and return the exit code, which is not 0 if that fails."""

    def write(_: Sequence[str]) -> None:
        sys.stdout.write(text)

    return run_command(write, [])
