"""What every command shares: threads that do not spin, and errors in one sentence instead of a traceback."""

import errno
import logging
import os
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec

# On small virtual machines OpenMP's spinning barriers can slow an LSTM 5 to 150 times; read once, when torch loads.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")


def run_command(main: Callable[[Sequence[str]], None], argv: Sequence[str] | None = None) -> int:
    """Run a command's `main(argv)` and give its exit code; what a person can mend is told in one sentence.

    Other exceptions are bugs of ours and keep their traceback.
    """
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    logging.getLogger("glove_lstm").setLevel(logging.INFO)
    try:
        main(sys.argv[1:] if argv is None else argv)
    except KeyboardInterrupt:
        sys.stderr.write("\n")  # below the progress bar
        return _fail("Interrupted.", 130)
    except BrokenPipeError:
        # The reader of our output went away, as `head` does. Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        sentence = _sentence(error)
        if sentence is None:
            raise
        return _fail(sentence, 1)
    return 0


def need(extra: str, *modules: str) -> None:
    """Refuse to go on without modules that one of our extras brings.

    Raises:
        DataError: One is not installed.
    """
    from glove_lstm.data.errors import DataError

    for name in modules:
        if find_spec(name) is None:
            raise DataError(f"This needs {name}, which is not installed: pip install 'glove-lstm[{extra}]'.")


def _sentence(error: Exception) -> str | None:
    from glove_lstm.data.errors import DataError

    if isinstance(error, DataError | LookupError) and not isinstance(error, KeyError | IndexError):
        return str(error)
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "The disk is full: free some space and run the command again."
    if isinstance(error, OSError) and error.errno is not None and error.filename:
        return f"{error.filename}: {error.strerror}."
    if type(error).__name__ == "SafetensorError":
        if "No space left" in str(error):
            return "The disk is full: free some space and run the command again."
        return f"The weight file is damaged ({error}): get the checkpoint again."
    return None


def _fail(sentence: str, code: int) -> int:
    sys.stderr.write(f"error: {' '.join(sentence.split())}\n")
    return code
