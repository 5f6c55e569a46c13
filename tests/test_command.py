"""What every command shares, where no single command shows it."""

import signal
import sys

import pytest
from support import run_here


@pytest.mark.parametrize(
    ("number", "word"), [(signal.SIGINT, "Interrupted."), (signal.SIGTERM, "Terminated.")]
)
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_signal_is_one_word_also_where_a_library_wraps_it(number, word, wrapped):
    def main(_):
        try:
            signal.raise_signal(number)
        except BaseException as error:
            if not wrapped:
                raise
            # As tokenizers does, which calls Python from Rust, and is called by Python.
            raise RuntimeError(f"{type(error).__name__}: {error}") from None

    done = run_here(main)
    assert done.returncode == 128 + number
    assert done.stderr.strip() == f"error: {word}"


def test_a_library_that_hides_a_signal_and_goes_on_does_no_harm():
    def main(_):
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            sys.stdout.write("done")

    done = run_here(main)
    assert (done.returncode, done.stdout) == (0, "done")
