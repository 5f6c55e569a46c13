"""What every command shares, where no single command shows it."""

import contextlib
import signal
import sys

import pytest
from support import run_here

from glove_lstm.data.errors import DataError


@pytest.fixture(autouse=True)
def as_in_a_terminal():
    """A shell starts background jobs, and so perhaps this test, with Ctrl-C ignored."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("number", "word"), [(signal.SIGINT, "Interrupted."), (signal.SIGTERM, "Terminated.")]
)
@pytest.mark.parametrize("wrapped", ["no", "by name", "as its cause"])
def test_a_signal_is_one_word_also_where_a_library_wraps_it(number, word, wrapped):
    def main(_):
        try:
            signal.raise_signal(number)
        except BaseException as error:
            if wrapped == "no":
                raise
            if wrapped == "as its cause":
                raise RuntimeError("a worker failed") from error
            name = type(error).__name__
        if (
            wrapped == "by name"
        ):  # as tokenizers does, which calls Python from Rust, and is called by Python
            raise RuntimeError(f"Exception: {name}: ")

    done = run_here(main)
    assert done.returncode == 128 + number
    assert done.stderr.strip() == f"error: {word}"


def test_a_library_that_hides_a_signal_and_goes_on_does_no_harm():
    def main(args):
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        if args:
            raise DataError("row 3 is too long")
        sys.stdout.write("done")

    done = run_here(main)
    assert (done.returncode, done.stdout) == (0, "done")
    done = run_here(main, "and then fail")
    assert (done.returncode, done.stderr) == (1, "error: row 3 is too long\n")
