"""What every command shares, where no single command shows it: signals, and errors of the system."""

import os
import signal

import pytest
from support import assert_command_names, run_here


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


def test_an_error_of_the_system_is_one_sentence():
    def main(_):
        raise OSError(28, os.strerror(28))

    assert_command_names(run_here(main), os.strerror(28))
