"""What every command shares, where no single command shows it."""

import os
import signal
import subprocess
import sys

import pytest
from support import ROOT, assert_refused, run_here


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


def test_a_full_disk_is_one_sentence_even_if_a_library_wraps_the_error():
    def main(_):
        try:
            raise OSError(28, os.strerror(28))
        except OSError as error:
            raise RuntimeError("cannot write") from error

    done = run_here(main)
    assert (done.returncode, done.stderr[:23]) == (1, "error: The disk is full")


def redirected(redirection, *args):
    """`glove-lstm ARGS` with a redirection of a shell."""
    main = "import sys; from glove_lstm.commands.main import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", main, *map(str, args)]
    shell = ["sh", "-c", f'"$@" {redirection}', "sh"]  # "$@" is the command
    return subprocess.run(
        [*shell, *command],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
    )


@pytest.mark.parametrize(
    ("redirection", "args", "message"),
    [
        ("<&-", ["predict"], "Standard input is closed; give texts"),
        ("0>/dev/null", ["predict"], "Standard input or output cannot be used"),
        (">&-", ["predict", "a"], "Standard output is closed; redirect it"),
        ("1</dev/null", ["predict", "a"], "Standard input or output cannot be used"),
        (">&-", ["--help"], "Standard output is closed"),
        (">&-", ["predict", "--help"], "Standard output is closed"),
    ],
)
def test_a_closed_stream_is_one_sentence(redirection, args, message):
    done = redirected(redirection, *args)
    assert_refused(done, message)
    assert done.returncode == 1
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize(("redirection", "texts"), [("<&-", ["a"]), ("2>&-", ["a", ""])])
def test_streams_that_are_not_needed_may_be_closed(redirection, texts):
    assert redirected(redirection, "predict", *texts).stdout.startswith("label")


def test_a_mistake_without_standard_error_has_an_exit_code():
    assert redirected("2>&-", "predict", "a", "--unsure_below", 2).returncode == 1
