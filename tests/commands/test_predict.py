"""predict: texts in, labels out, backends, and mistakes."""

import csv
import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from support import ROOT, assert_refused, run_here, succeed

from glove_lstm.commands import predict as command

HEADLINES = ["Council votes on the bridge", "SHOCKING secret they hide from you!!!", ""]
predict = partial(run_here, command.main)
run = partial(succeed, command.main)


def rows_of(*args: object, **options: bytes) -> list[dict]:
    done = run(*args, "--format", "jsonl", **options)
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def expected() -> list[dict]:
    return rows_of(*HEADLINES)


def test_shipped_checkpoint_labels_headlines(expected: list[dict]) -> None:
    assert [row["row"] for row in expected] == [1, 2, 3]
    for row in expected:
        assert row["label"] in ("FAKE", "REAL")
        assert row["score"] == max(row["scores"].values())
        assert sum(row["scores"].values()) == pytest.approx(1, abs=1e-5)
    assert expected[1]["label"] == "FAKE"


def test_lines_of_standard_input_are_texts(expected: list[dict]) -> None:
    lines = "\n".join(HEADLINES[:2])
    assert rows_of(stdin=lines.encode()) == expected[:2]
    not_utf8 = "fine\ncaf\xe9".encode("latin-1")
    assert_refused(predict(stdin=not_utf8), "standard input, line 2 is not UTF-8")


def test_table_is_for_people_and_harmless_to_a_terminal() -> None:
    done = run("A \x1b[31mred\x07 headline\nin two lines", "x" * 500)
    header, *rows = done.stdout.splitlines()
    assert header.split() == ["label", "score", "text"]
    assert len(rows) == 2
    for row in rows:
        assert len(row) < 130
    assert "\x1b" not in done.stdout
    assert "\x07" not in done.stdout
    assert done.stderr == ""


def test_a_name_may_begin_with_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("~$in.csv").write_text("text\nCouncil votes on the bridge\n")
    assert len(rows_of("--input", "~$in.csv")) == 1


def test_the_column_that_is_read_is_printed_if_it_has_another_name(tmp_path: Path) -> None:
    path = tmp_path / "headlines.csv"
    path.write_text("Breaking\nCouncil votes on the bridge\n")
    script = [sys.executable, ROOT / "scripts/predict.py", "--input", path]
    done = subprocess.run(script, capture_output=True, encoding="utf-8")
    assert done.returncode == 0
    assert f"{path}: the first line was taken as the header" in done.stderr
    assert "'Breaking'" in done.stderr


def test_a_column_marks_low_scores_on_request(expected: list[dict]) -> None:
    lowest, second, _ = sorted(row["score"] for row in expected)
    threshold = (lowest + second) / 2
    marks = [row["score"] < threshold for row in expected]
    marked = [{**row, "unsure": mark} for row, mark in zip(expected, marks, strict=True)]
    assert rows_of(*HEADLINES, "--unsure_below", threshold) == marked

    table = run(*HEADLINES, "--unsure_below", threshold, "--format", "csv").stdout
    header, *rows = csv.reader(table.splitlines())
    assert header == ["row", "label", "score", "unsure", "score_FAKE", "score_REAL"]
    marks_of_csv = [json.loads(row[3]) for row in rows]  # true or false
    assert marks_of_csv == marks


def test_the_table_says_what_is_unsure() -> None:
    """By the threshold that the validation texts of the checkpoint suggest, or by --unsure_below."""
    text = "Local man grows tomatoes"
    [row] = rows_of(text)
    two_best = f"FAKE {row['scores']['FAKE']:.3f}, REAL {row['scores']['REAL']:.3f}"
    assert predict(text).stdout.splitlines()[1] == f"unsure  {two_best}  {text}"
    sure = predict(text, "--unsure_below", 0).stdout.splitlines()[1]
    assert sure == f"FAKE    {row['score']:.3f}  {text}"


def test_files_may_be_given_one_by_one(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text(f"text\n{name}\n")
    done = predict("--input", tmp_path / "a.csv", "--input", tmp_path / "b.csv", "--format", "csv")
    assert [line.split(",")[1] for line in done.stdout.splitlines()] == ["row", "1", "1"]


@pytest.mark.parametrize(
    ("args", "part"),
    [
        ("a --input {FILE}", "'a' is neither a checkpoint nor allowed with --input"),
        ("a b/c --input {FILE}", "'a' is neither a checkpoint nor allowed with --input"),
        ("no-user/no-model --input {FILE}", "no-user/no-model could not be loaded"),
        ("--input {FILE} --output_dir {HERE}/out --output a.csv", "not allowed with argument"),
        ("", "standard input has no rows"),
        ("--input -", "--input - needs --input_format: csv"),
        ("--input - {FILE} --input_format csv", "--input - cannot be combined with files"),
        ("--input {FILE} --input_format csv", "--input_format applies only to --input -"),
        ("--input {FILE} --output {FILE}", "in.csv is an input; choose another name"),
        ("a --output {HERE}/out.tsv", "out.tsv names no format; give --format"),
        ("a --text_column_names text", "--text_column_names applies only to --input"),
        ("{FILE}", "in.csv is a file, not a text; give it with --input"),
        ("a --model {FILE}", "in.csv is a file; give a folder"),
        ("a --rows_per_part 0", "--rows_per_part must be at least 1"),
        ("a --unsure_below nan", "--unsure_below must be from 0 to 1"),
        ("a --output {HERE}", "is a folder"),
        ("--input {FILE} --output_dir {HERE}/out --format table", "csv, jsonl and parquet"),
        ("--input {FILE} --format parquet", "Parquet needs a file"),
        ("a --model {HERE}/nowhere", "nowhere could not be loaded: there is no such folder"),
        ("a --model {HERE}", "config.json is missing"),
        ("a --model {HERE} --revision main", "is a folder, which has no revision 'main'"),
        ("a --model {CHECKPOINT} --backend onnx", "light.onnx is missing"),
        ("a --explain --output_dir {HERE}/out", "and no --explain"),
        ("a --explain --format csv", "jsonl and table"),
    ],
)
def test_mistakes(tmp_path: Path, checkpoint: Path, args: str, part: str) -> None:
    (tmp_path / "in.csv").write_text("title,text\na,b\n")
    words = args.format(FILE=tmp_path / "in.csv", HERE=tmp_path, CHECKPOINT=checkpoint).split()
    assert_refused(predict(*words), part)
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_reader_that_goes_away_gets_no_traceback(articles: Path) -> None:
    command = [sys.executable, ROOT / "scripts" / "predict.py", "--input", articles]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes, encoding="utf-8") as process:
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 141  # as of a signal SIGPIPE


def test_output_goes_through_links_and_devices_stay(tmp_path: Path) -> None:
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    (tmp_path / "real.csv").write_text("old")
    done = run("", "--output", tmp_path / "link.csv")
    assert "1 row without any text" in done.stderr
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text().startswith("row,label")
    run("a", "--output", "/dev/null")
    assert not Path("/dev/null").is_file()


def test_the_model_by_position_or_by_name(copy: Path, tmp_path: Path) -> None:
    table = tmp_path / "in.csv"
    table.write_text("text\nCouncil votes on the bridge\n")
    for words in (HEADLINES, ["--input", table]):
        by_name = rows_of("--model", copy, *words)
        assert rows_of(copy, *words) == by_name
        assert by_name != rows_of(*words)
    lines = "\n".join(HEADLINES[:2]).encode()
    assert rows_of(copy, stdin=lines) == rows_of("--model", copy, stdin=lines)


def test_a_word_with_a_slash_and_a_folder_without_a_model_are_texts(tmp_path: Path) -> None:
    words = ["and/or", str(tmp_path), "x" * 10_000, "\0"]
    assert len(rows_of(*words)) == len(words)


def test_output_into_a_pipe_is_utf8() -> None:
    line = f"{sys.executable} {ROOT}/scripts/predict.py \u65e5 --output /dev/stdout | cat"
    ascii_only = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(line, shell=True, capture_output=True, encoding="utf-8", env=ascii_only)
    assert done.stdout.endswith("  \u65e5\n"), done.stderr
