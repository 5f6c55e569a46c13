"""What every command shares: threads that do not spin, and errors in one sentence instead of a traceback."""

import errno
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec

# On small virtual machines OpenMP's spinning barriers can slow an LSTM 5 to 150 times; read once, when torch loads.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")


# What safetensors, torch and datasets say of a full disk.
_FULL = (
    "No space left on device",
    "PytorchStreamWriter failed",
    "inline_container.cc",
    "Not enough disk space",
)


class _TerminatedError(BaseException):
    """Somebody asked us to end: what is half-written is removed on the way out."""


_BY_SIGNALS = {KeyboardInterrupt: signal.SIGINT, _TerminatedError: signal.SIGTERM}


def run_command(main: Callable[[Sequence[str]], None], argv: Sequence[str] | None = None) -> int:
    """Run a command's `main(argv)` and give its exit code; what a person can mend is told in one sentence.

    Other exceptions are bugs of ours and keep their traceback.
    """
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    logging.getLogger("glove_lstm").setLevel(logging.INFO)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, partial(_terminate, os.getpid()))
    try:
        main(sys.argv[1:] if argv is None else argv)
        sys.stdout.flush()  # while it can still be told that there is no room
    except BrokenPipeError:  # the reader of our output went away, as `head` does
        _drop_output()
        return 0
    except (Exception, *_BY_SIGNALS) as error:
        number = _signal_behind(error)
        if number is not None:
            sys.stderr.write("\n")  # below the progress bar
            return _fail("Interrupted." if number == signal.SIGINT else "Terminated.", 128 + number)
        sentence = _sentence(error)
        if sentence is None:
            raise
        _drop_output()
        return _fail(sentence, 1)
    return 0


def _terminate(process: int, *_: object) -> None:
    if os.getpid() != process:  # one that was forked from ours, which ends as it would without us
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)
    raise _TerminatedError


def _signal_behind(error: BaseException | None) -> int | None:
    """The signal that ended the command, if one did: libraries put their own error in its place.

    tokenizers, which calls Python from Rust, keeps no more than the name of what was raised.
    """
    while error is not None:
        for kind, number in _BY_SIGNALS.items():
            if isinstance(error, kind) or kind.__name__ in str(error):
                return number
        error = error.__cause__ or error.__context__
    return None


def _drop_output() -> None:
    """Let Python not complain once more, at exit, of output that cannot be written."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def need(extra: str, *modules: str) -> None:
    """Refuse to go on without modules that one of our extras brings.

    Raises:
        DataError: One is not installed.
    """
    from glove_lstm.data.errors import DataError

    for name in modules:
        if find_spec(name) is None:
            raise DataError(f"This needs {name}, which is not installed: pip install 'glove-lstm[{extra}]'.")


def _sentence(error: BaseException) -> str | None:
    from glove_lstm.data.errors import DataError

    if isinstance(error, DataError):
        return str(error)
    if _disk_is_full(error):
        return "The disk is full: free some space and run the command again."
    if isinstance(error, OSError) and error.errno is not None and error.filename:
        return f"{error.filename}: {error.strerror}."
    if type(error).__name__ == "SafetensorError":
        return f"The weight file is damaged ({error}): get the checkpoint again."
    return None


def _disk_is_full(error: BaseException | None) -> bool:
    """Whether that is at the bottom of it: libraries wrap the error, and some keep the message alone."""
    while error is not None:
        by_number = isinstance(error, OSError) and error.errno == errno.ENOSPC
        if by_number or any(words in str(error) for words in _FULL):
            return True
        error = error.__cause__ or error.__context__
    return False


def _fail(sentence: str, code: int) -> int:
    sys.stderr.write(f"error: {' '.join(sentence.split())}\n")
    return code
