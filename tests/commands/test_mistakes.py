"""Mistakes on a command line: one sentence names what is wrong and what mends it, and nothing is written."""

import json
import os
import shutil
import signal
from pathlib import Path

import pytest
from support import assert_command_names, edit_json, run_here, write_table

from glove_lstm.commands import demo, evaluate, export, predict, push, train

ROWS = [{"text": "a", "label": "FAKE"}, {"text": "b", "label": "REAL"}]
TABLES = {
    "in.csv": ROWS,
    "satire.csv": [*ROWS, {"text": "c", "label": "SATIRE"}],
    "lists.jsonl": [{"text": "a", "label": ["FAKE"]}, {"text": "b", "label": ["FAKE", "REAL"]}],
}
JSON = {
    "list.json": [],
    "files.json": {"train_file": ["a", 5]},
    "overwrite.json": {"overwrite_output_dir": "yes"},
}


@pytest.fixture(scope="module")
def files(
    checkpoint: Path,
    shared_export: Path,
    glove_file: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A folder of tables, settings and checkpoints, of which only `light` has a light.onnx."""
    folder = tmp_path_factory.mktemp("files")
    for name, rows in TABLES.items():
        write_table(folder / name, rows)
    for name, content in JSON.items():
        (folder / name).write_text(json.dumps(content))
    (folder / "link.csv").symlink_to(folder / "in.csv")
    shutil.copy(glove_file, folder / "glove.txt")
    (folder / "empty").mkdir()
    kinds = {"one": None, "several": "multi_label_classification", "numbers": "regression"}
    for name, problem_type in kinds.items():
        shutil.copytree(checkpoint, folder / name)
        edit_json(folder / name / "config.json", problem_type=problem_type)
    shutil.copytree(shared_export, folder / "light")
    edit_json(folder / "light" / "config.json", problem_type=kinds["several"])
    return folder


def contents(folder: Path) -> dict:
    """The time of change of each file."""
    return {path: path.is_dir() or path.lstat().st_mtime_ns for path in folder.rglob("*")}


@pytest.fixture
def check(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A function that runs a command in `files`, where it changes nothing."""
    monkeypatch.chdir(files)

    def run(main, line: str, words: str) -> None:
        before = contents(files)
        assert_command_names(run_here(main, *line.split()), *words.split())
        assert contents(files) == before
        assert list(tmp_path.iterdir()) == []

    return run


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("in.csv", "in.csv --input"),
        ("a --input in.csv", "'a' --input"),
        ("--input in.csv --output link.csv", "link.csv input"),
        ("--input link.csv --output in.csv", "in.csv input"),
        ("--input in.csv --output_dir out --output a.csv", "--output --output_dir"),
        ("--input in.csv --output_dir out --format table", "--output_dir csv jsonl parquet"),
        ("--input in.csv --output_dir in.csv", "in.csv"),
        ("--input in.csv --format parquet", "--output --output_dir"),
        ("--input in.csv --text_column_names body", "in.csv 'body' text_column_names 'text'"),
        ("a --output out.tsv", "out.tsv --format"),
        ("a --output empty", "empty folder"),
        ("a --text_column_names text", "--text_column_names --input"),
        ("a --keep_columns text", "--keep_columns csv jsonl parquet"),
        ("a --keep_columns text --format csv", "--keep_columns --input"),
        ("--input in.csv --keep_columns id --format csv", "in.csv 'id' keep_columns 'text'"),
        ("--input in.csv --keep_columns text,text --format csv", "keep_columns 'text' once"),
        ("--input in.csv --keep_columns label --format csv", "'label' --keep_columns rename"),
        ("a --accuracy .9 --model light", "accuracy one label"),
        ("a --explain --output_dir out", "--output_dir --explain"),
        ("a --explain --format csv", "--explain jsonl table"),
        ("a --model in.csv", "in.csv folder"),
        ("a --model empty", "empty config.json"),
        ("a --model one --revision main", "one 'main'"),
        ("one", "'one' checkpoint --model"),
        ("a one --model several", "'one' checkpoint --model"),
        ("one --input in.csv", "'one' checkpoint --model"),
        ("a --model one", "light.onnx export one"),
    ],
)
def test_predict(check, line: str, words: str) -> None:
    check(predict.main, line, words)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "dataset_name train_file test_file"),
        ("one --test_file in.csv --leaks", "--leaks MODEL"),
        ("--test_file in.csv --leaks --output_dir out", "--leaks --output_dir"),
        ("one --train_file in.csv --folds 5", "--folds MODEL"),
        ("--train_file in.csv --folds 1", "--folds 2"),
        ("one --test_file in.csv --keep_columns label", "'label' --keep_columns"),
        ("--train_file in.csv --test_file in.csv --folds 5", "--folds --test_file"),
        ("--train_file in.csv --glove none", "--folds --glove"),
        ("one --train_file in.csv", "in.csv test --split train"),
        ("one --dataset_name empty --dataset_revision v1", "empty 'v1'"),
        ("one --test_file in.csv --output_dir in.csv", "in.csv folder"),
        ("one --test_file satire.csv", "satire.csv 3 'SATIRE' --skip_unknown_labels"),
        ("one --test_file lists.jsonl", "lists.jsonl 1 list"),
        ("--test_file lists.jsonl --leaks", "lists.jsonl --leaks"),
        ("several --test_file lists.jsonl --robustness", "--robustness"),
        ("several --test_file in.csv", "in.csv 1 list"),
        ("numbers --test_file in.csv", "numbers 'regression'"),
    ],
)
def test_evaluate(check, line: str, words: str) -> None:
    check(evaluate.main, line, words)


DATA = "--train_file in.csv"
GIVEN = f"{DATA} --glove glove.txt"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--test_file in.csv --glove glove.txt", "--train_file"),
        (f"{GIVEN} --model-name-or-path one", "--model-name-or-path --model_name_or_path"),
        (f"{GIVEN} --output_dir in.csv", "in.csv"),
        (f"{GIVEN} --pres article", "--pres --preset"),
        (f"{GIVEN} --refit False", "--refit"),
        (f"{GIVEN} stray", "'stray'"),
        (f"{GIVEN} --num_train_epochs many", "--num_train_epochs 'many'"),
        (f"{GIVEN} --class_weight even", "even balanced JSON"),
        (f"{GIVEN} --unlabelled_file in.csv", "unlabelled_file teacher"),
        ("--dataset_name empty --glove glove.txt", "empty dataset"),
        ("--unlabelled_file in.csv --teacher a/b --with_baselines True", "with_baselines"),
        ("--unlabelled_file in.csv --teacher a/b --on_empty drop", "on_empty"),
        (
            "--unlabelled_file in.csv --teacher a/b --test_file in.csv --group_column_name kind",
            "group_column_name",
        ),
        (f"--output_dir=out.json {GIVEN} --group_column_name site", "in.csv 'site'"),
        ("--train_file lists.jsonl --glove glove.txt --with_baselines True", "--with_baselines"),
        ("nothing.json", "nothing.json"),
        ("list.json", "list.json object"),
        ("files.json", "train_file strings ['a', 5]"),
        ("overwrite.json", "overwrite_output_dir 'yes'"),
        (f"{GIVEN} --overwrite_output_dir maybe", "--overwrite_output_dir maybe"),
    ],
)
def test_train(check, line: str, words: str) -> None:
    if "--output_dir" not in line:
        line += " --output_dir new"
    check(train.main, f"{line} --use_cpu True", words)


def test_a_training_that_fails_leaves_nothing_behind(
    articles: Path, glove_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    data = ["--train_file", articles, "--glove", glove_file, "--output_dir", tmp_path / "a" / "new"]
    options = ["--learning_rate", 1000]
    done = run_here(train.main, *data, *options, "--use_cpu", True)
    assert_command_names(done, "diverged", "learning_rate")
    assert list(tmp_path.rglob("*")) == [scratch]


@pytest.mark.parametrize(
    ("main", "line", "words"),
    [
        (export.main, "", "MODEL"),
        (export.main, "empty", "empty config.json"),
        (push.main, "one --repo_id no-namespace --dry_run", "'no-namespace' user/name"),
        (push.main, "nowhere --repo_id user/name --dry_run", "nowhere"),
        (push.main, "one", "--repo_id --space_dir"),
        (push.main, "one --repo_id user/name --space_dir page", "--repo_id --space_dir"),
        (push.main, "one --space_dir one", "one empty new"),
        (demo.main, "--port 0", "--port 0 1 65535"),
        (demo.main, "nowhere", "nowhere name"),
        (demo.main, "one", "light.onnx export one"),
    ],
)
def test_other_commands(check, main, line: str, words: str) -> None:
    check(main, line, words)


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
