"""Run a command, with one-sentence messages for errors that the user can fix, and a clean end on signals."""

import argparse
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Collection, Sequence
from typing import Any

from glove_lstm.errors import DataError, how_to_install

# OpenMP's spinning barriers can slow an LSTM 5 to 150 times on a small virtual machine.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")


def new_parser(command: str, description: str | None) -> argparse.ArgumentParser:
    """Return the parser of a command; its help shows the module's docstring unchanged."""
    return argparse.ArgumentParser(
        prog=command,
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_model(parser: argparse.ArgumentParser, default: str | None = None) -> None:
    """Add the arguments MODEL, by default the one that ships, and --revision."""
    text = "a checkpoint's folder, or a repository's id on the Hub; default: the one that ships"
    parser.add_argument("model", nargs="?", metavar="MODEL", default=default, help=text)
    add_revision(parser)


def add_revision(parser: argparse.ArgumentParser) -> None:
    """Add the argument --revision, of the model."""
    parser.add_argument("--revision", help="commit, tag or branch of a model on the Hub")


def add_folder(parser: argparse.ArgumentParser) -> None:
    """Add the argument MODEL of a checkpoint that must be a folder."""
    text = "a checkpoint's folder, made by glove-lstm train"
    parser.add_argument("model", metavar="MODEL", help=text)


def check_given(args: argparse.Namespace, purpose: str, allowed: Collection[str]) -> None:
    """Raise a DataError if an argument is given beside those that are allowed; the purpose begins its message."""
    for name, value in vars(args).items():
        is_given = value is not None and value is not False
        if is_given and name not in allowed:
            option = "MODEL" if name == "model" else f"--{name}"
            raise DataError(f"{purpose}; leave {option} out.")


def run_command(
    main: Callable[[Sequence[str]], None],
    argv: Sequence[str] | None = None,
    *,
    extra: str = "train",
) -> int:
    """Run a command and return its exit code.

    Errors that the user can fix are printed as one sentence, others with their traceback.

    Args:
        main: The command.
        argv: Its arguments; None: those of sys.argv.
        extra: The extra of the package that the error for a missing module names.
    """
    _use_utf8()
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    logging.getLogger("glove_lstm").setLevel(logging.INFO)
    if threading.current_thread() is threading.main_thread():
        # SIGTERM becomes an exception, so that context managers remove unfinished files.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        main(sys.argv[1:] if argv is None else argv)
        sys.stdout.flush()  # raises an error if the disk is full, which is ignored at exit
    except BrokenPipeError:  # the reader of the output, such as `head`, has ended
        _discard_output()
        return 141  # as a shell reports SIGPIPE: the command may not have finished
    except KeyboardInterrupt:
        return _fail("Interrupted.", 128 + signal.SIGINT)
    except Exception as error:
        sentence = _sentence(error, extra)
        if sentence is None:
            raise
        _discard_output()
        return _fail(sentence, 1)
    return 0


def _use_utf8() -> None:
    """Read and write UTF-8.

    Bytes that are not UTF-8 become surrogates, which the readers of the input refuse.
    """
    _reconfigure(sys.stdin, encoding="utf-8-sig", errors="surrogateescape")
    _reconfigure(sys.stdout, encoding="utf-8", errors="replace")
    _reconfigure(sys.stderr, encoding="utf-8", errors="replace")


def _reconfigure(stream: Any, **options: str) -> None:
    if hasattr(stream, "reconfigure"):  # a replacement, such as StringIO, has no encoding
        stream.reconfigure(**options)


def _discard_output() -> None:
    """Keep Python from reporting at exit again that the output cannot be written."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _sentence(error: BaseException, extra: str) -> str | None:
    """Return an error that the user can fix as a sentence; None for a bug."""
    if isinstance(error, DataError):
        return str(error)
    module = error.name if isinstance(error, ModuleNotFoundError) else None
    if module and not module.startswith("glove_lstm"):
        library = module.partition(".")[0]
        return f"This needs {library}, which is not installed. Run: {how_to_install(extra)}."
    if isinstance(error, OSError) and error.strerror:  # such as a full disk
        return f"{error.filename}: {error.strerror}." if error.filename else f"{error.strerror}."
    return None


def _fail(sentence: str, code: int) -> int:
    sys.stderr.write(f"error: {' '.join(sentence.split())}\n")
    return code
