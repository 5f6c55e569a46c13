"""Mistakes on a command line: one sentence names what is wrong and what mends it, and nothing is written."""

import os
import shutil
import signal

import pytest
from support import assert_command_names, contents, run_here, write_table

from glove_lstm.commands import demo, evaluate, export, predict, push, train

ROWS = [{"text": "a", "label": "FAKE"}, {"text": "b", "label": "REAL"}]
LISTS = [{"text": "a", "label": ["FAKE"]}, {"text": "b", "label": ["FAKE", "REAL"]}]


@pytest.fixture(scope="module")
def files(checkpoint, glove_file, tmp_path_factory):
    """A folder of tables, settings and a checkpoint without light.onnx."""
    folder = tmp_path_factory.mktemp("files")
    write_table(folder / "in.csv", ROWS)
    write_table(folder / "lists.jsonl", LISTS)
    write_table(folder / "blank.csv", [{"text": " "}] * 3)
    (folder / "files.json").write_text('{"train_file": ["a", 5]}')
    (folder / "link.csv").symlink_to(folder / "in.csv")
    shutil.copy(glove_file, folder / "glove.txt")
    (folder / "empty").mkdir()
    shutil.copytree(checkpoint, folder / "one")
    return folder


TRAIN = "--glove glove.txt --use_cpu True --output_dir new"


@pytest.mark.parametrize(
    ("main", "line", "words"),
    [
        (predict.main, "in.csv", "in.csv --input"),
        (predict.main, "--input in.csv --output link.csv", "link.csv input"),
        (predict.main, "a one --model one", "'one' checkpoint --model"),
        (evaluate.main, "one --test_file in.csv --leaks", "--leaks MODEL"),
        (evaluate.main, "one --train_file in.csv", "in.csv test --split train"),
        (evaluate.main, "one --test_file lists.jsonl", "lists.jsonl 1 list"),
        (train.main, f"--train_file in.csv --model-name one {TRAIN}", "--model-name --model_name_or_path"),
        (train.main, "files.json --use_cpu True --output_dir new", "train_file strings ['a', 5]"),
        (train.main, f"--train_file in.csv --unlabelled_file blank.csv --teacher one {TRAIN}", "blank.csv blank"),
        (export.main, "empty", "empty config.json"),
        (push.main, "one --repo_id no-namespace --dry_run", "'no-namespace' user/name"),
        (push.main, "one --repo_id user/na..me --dry_run", "'user/na..me' user/name"),
        (push.main, "one --repo_id user/name --space_dir page", "--repo_id --space_dir"),
        (push.main, "one --space_dir page --dry_run", "--space_dir --dry_run"),
        (push.main, "one --repo_id user/name --runtime empty --dry_run", "--space --runtime"),
        (push.main, "one --space_dir one", "one empty new"),
        (demo.main, "nowhere", "nowhere name"),
        (demo.main, "one", "light.onnx export one"),
    ],
)  # fmt: skip
def test_mistakes(files, monkeypatch, main, line, words):
    monkeypatch.chdir(files)
    before = contents(files)
    assert_command_names(run_here(main, *line.split()), *words.split())
    assert contents(files) == before


def test_a_training_that_fails_leaves_nothing_behind(articles, glove_file, tmp_path, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    data = ["--train_file", articles, "--glove", glove_file, "--output_dir", tmp_path / "a" / "new"]
    done = run_here(train.main, *data, "--learning_rate", 1000, "--use_cpu", True)
    assert_command_names(done, "diverged", "learning_rate")
    assert list(tmp_path.rglob("*")) == [scratch]


# What every command shares: signals, and errors of the system


@pytest.fixture
def _as_in_a_terminal():
    """A shell starts background jobs, and so perhaps this test, with Ctrl-C ignored."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("_as_in_a_terminal")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_command_without_a_traceback(number):
    done = run_here(lambda _: signal.raise_signal(number))
    assert done.returncode == 128 + number
    assert "Traceback" not in done.stderr


def test_an_error_of_the_system_is_one_sentence():
    def main(_):
        raise OSError(28, os.strerror(28))

    assert_command_names(run_here(main), os.strerror(28))
