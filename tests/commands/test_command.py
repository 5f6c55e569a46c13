"""What every command shares, where no single command shows it."""

import os
import signal

import pytest
from support import run_here


@pytest.fixture(autouse=True)
def as_in_a_terminal():
    """A shell starts background jobs, and so perhaps this test, with Ctrl-C ignored."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_command_without_a_traceback(number):
    done = run_here(lambda _: signal.raise_signal(number))
    assert done.returncode == 128 + number
    assert "Traceback" not in done.stderr


def test_a_full_disk_is_told_in_a_sentence_also_where_a_library_wraps_it():
    def main(_):
        try:
            raise OSError(28, os.strerror(28))
        except OSError as error:
            raise RuntimeError("cannot write") from error

    done = run_here(main)
    assert (done.returncode, done.stderr[:23]) == (1, "error: The disk is full")
