"""What every command shares, where no single command shows it: signals, full disks, closed streams."""

import os
import signal
import subprocess
import sys
from functools import partial

import pytest
from support import ROOT, assert_command_names, run_here

MAIN = "import sys; from glove_lstm.commands.main import main; sys.exit(main(sys.argv[1:]))"


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

    assert_command_names(run_here(main), "disk", "full")


@pytest.mark.skipif(sys.platform == "win32", reason="this system limits no file sizes")
def test_a_limit_of_the_size_of_a_file(tmp_path):
    import resource

    command = [sys.executable, "-c", MAIN, "predict", "a", "--output", tmp_path / "a.csv"]
    limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (8, 8))
    done = subprocess.run(command, capture_output=True, encoding="utf-8", preexec_fn=limit)
    assert_command_names(done, "ulimit -f")
    assert list(tmp_path.iterdir()) == []


def redirected(redirection, *args):
    """`glove-lstm ARGS` with a redirection of a shell."""
    command = [sys.executable, "-c", MAIN, *map(str, args)]
    shell = ["sh", "-c", f'"$@" {redirection}', "sh"]  # "$@" is the command
    return subprocess.run(
        [*shell, *command],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
    )


@pytest.mark.parametrize(
    ("redirection", "args", "words"),
    [
        ("<&-", ["predict"], ["input", "closed", "--input"]),
        ("0>/dev/null", ["predict"], ["input", "redirect"]),
        (">&-", ["predict", "a"], ["output", "closed", "redirect"]),
        ("1</dev/null", ["predict", "a"], ["output", "redirect"]),
        (">&-", ["--help"], ["output", "closed", "redirect"]),
        (">&-", ["predict", "--help"], ["output", "closed", "redirect"]),
    ],
)
def test_a_closed_stream_is_one_sentence(redirection, args, words):
    done = redirected(redirection, *args)
    assert_command_names(done, *words)
    assert done.returncode == 1
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize(
    ("redirection", "args", "code", "printed"),
    [
        ("<&-", ["a"], 0, "label"),
        ("2>&-", ["a", ""], 0, "label"),
        ("2>&-", ["a", "--unsure_below", 2], 1, ""),
    ],
)
def test_streams_that_are_not_needed_may_be_closed(redirection, args, code, printed):
    done = redirected(redirection, "predict", *args)
    assert done.returncode == code
    assert done.stdout[:5] == printed
