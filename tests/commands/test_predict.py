"""predict: texts in by every door, labels out for people and for programs, whole or not at all."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from support import (
    ROOT,
    assert_command_names,
    edit_json,
    read_csv,
    run_here,
    succeed,
    write_articles,
    write_table,
)

from glove_lstm.commands import evaluate
from glove_lstm.commands import predict as command

HEADLINES = ["Council votes on the bridge", "SHOCKING secret they hide from you!!!", ""]
HUB = ROOT / "hub"
SCRIPT = [sys.executable, ROOT / "scripts" / "predict.py"]
predict = partial(run_here, command.main)
run = partial(succeed, command.main)


def rows_of(*args, **options):
    done = run(*args, "--format", "jsonl", **options)
    return [json.loads(line) for line in done.stdout.splitlines()]


def column(name, rows):
    return [row[name] for row in rows]


@pytest.fixture(scope="module")
def expected():
    return rows_of(*HEADLINES)


# Texts and models


def test_lines_of_standard_input_are_texts(expected):
    assert column("row", expected) == [1, 2, 3]
    assert column("label", expected)[:2] == ["REAL", "FAKE"]
    assert rows_of(stdin="\ufeff".encode() + "\r\n".join(HEADLINES[:2]).encode()) == expected[:2]
    not_utf8 = "fine\ncaf\xe9".encode("latin-1")
    assert_command_names(predict(stdin=not_utf8), "standard input", "line 2", "UTF-8")


def test_a_word_with_a_slash_and_a_folder_without_a_model_are_texts(tmp_path):
    words = ["and/or", str(tmp_path), "x" * 10_000, "\0"]
    assert len(rows_of(*words)) == len(words)


def test_several_files_are_named_in_the_output(articles, tmp_path, monkeypatch):
    """A glob, a name that begins with a tilde, and one that is not UTF-8; each --input adds to the others."""
    monkeypatch.chdir(tmp_path)
    pq.write_table(pyarrow.csv.read_csv(articles), "in.parquet", row_group_size=30)
    write_table(Path("in\udcff.jsonl"), read_csv(articles))
    Path("~$in.csv").write_text("title,text\nCouncil votes,\n")
    run("--input", articles, "--output", "whole.csv")
    labels = column("label", read_csv(Path("whole.csv")))
    assert len(set(labels)) == 2

    inputs = ["--input", "*.parquet", "in\udcff.jsonl", "--input", "~$in.csv"]
    run(*inputs, "--output", "out.csv")
    rows = read_csv(Path("out.csv"))
    assert column("label", rows)[:320] == labels * 2
    assert column("file", rows) == ["in.parquet"] * 160 + ["in\ufffd.jsonl"] * 160 + ["~$in.csv"]
    assert column("row", rows) == [*map(str, range(1, 161))] * 2 + ["1"]


def test_a_model_of_the_hub(hub, exported, articles):
    """Its commit, not what was pushed afterwards."""
    files = {path.name: path.read_bytes() for path in exported.iterdir() if path.is_file()}
    first = hub.add_repo("user/news", files).at("main").sha
    hub.repos["models/user/news"].commit("main", {".gitattributes": b"", "config.json": b"{}"})
    at_first = ["--revision", first]
    wanted = rows_of("--model", exported, *HEADLINES)
    assert rows_of("--model", "user/news", *at_first, *HEADLINES) == wanted
    done = run_here(evaluate.main, "user/news", *at_first, "--test_file", articles)
    assert_command_names(done, "All 160")  # it has the record of the texts, too
    for words in (["--revision", "none"], []):
        assert_command_names(predict("--model", "user/news", *words, "a"), "user/news")


def test_the_shipped_model_is_named_if_no_other_is():
    by_default = run("a text")
    named = run("--model", HUB, "a text")
    assert named.stdout == by_default.stdout
    [line] = set(by_default.stderr.splitlines()) - set(named.stderr.splitlines())
    assert "shipped" in line
    assert "--model" in line


def test_what_follows_two_dashes_is_a_text(copy, monkeypatch):
    """Also the name of a checkpoint; and an empty text is no folder."""
    assert len(run("--format", "jsonl", "--", copy, "a text").stdout.splitlines()) == 2
    monkeypatch.chdir(copy)
    assert len(rows_of("", "a text")) == 2


# Labels for people


def test_table_is_for_people_and_harmless_to_a_terminal():
    done = run("--model", HUB, "A \x1b[31mred\x07 headline\nin two lines", "x" * 500)
    header, *rows = done.stdout.splitlines()
    assert header.split() == ["label", "score", "text"]
    assert len(rows) == 2
    for row in rows:
        assert len(row) < 130
    assert "\x1b" not in done.stdout
    assert "\x07" not in done.stdout


def test_explanations_for_people(tmp_path):
    """Of words in a pipe, without controls, and of pairs in a file."""
    texts = ["A \x1b[31mred\x07 headline", HEADLINES[0], "SHOCKING secret <b>they</b> hide!!!"]
    done = run(*texts, "--explain")
    assert "\x1b" not in done.stdout
    assert "A \ufffd[31mred\ufffd headline\n" in done.stdout
    assert f"{texts[2]}\n" in done.stdout
    assert re.search(r"^for FAKE: .*!!! \+\d\.\d\d", done.stdout, re.MULTILINE)
    assert re.search(r"^against REAL: \S+ -\d\.\d\d", done.stdout, re.MULTILINE)

    (tmp_path / "in.csv").write_text("title,text\nCouncil votes,on the bridge\nSecret,\n")
    target = tmp_path / "why.txt"
    run("--input", tmp_path / "in.csv", "--explain", "--output", target)
    lines = target.read_text(encoding="utf-8").splitlines()
    assert lines[1] == HEADLINES[0]
    for word in ("for ", "against "):
        assert sum(line.startswith(word) for line in lines) == 2


def test_labels_are_marked_as_unsure(exported):
    """On request a column, and in a table whatever can be promised by default."""
    model = ["--model", exported]
    expected = rows_of(*model, *HEADLINES)
    lowest, second, _ = sorted(row["score"] for row in expected)
    record = {"labels_of": "people", "rows": [[(lowest + second) / 2, 100, 2]], "sure_from": None}
    edit_json(exported / "config.json", held_out_scores=record)
    marks = [row["score"] == lowest for row in expected]
    marked = [{**row, "unsure": mark} for row, mark in zip(expected, marks, strict=True)]
    assert rows_of(*model, *HEADLINES, "--accuracy", 0.9) == marked
    assert rows_of(*model, *HEADLINES) == expected
    table = run(*model, *HEADLINES, "--accuracy", 0.9, "--format", "csv").stdout
    assert [json.loads(row["unsure"]) for row in csv.DictReader(table.splitlines())] == marks

    by_default = run(*model, *HEADLINES)
    shown = [line.startswith("unsure  ") for line in by_default.stdout.splitlines()[1:]]
    assert shown == marks
    assert "at least 90 % are right, for texts such as the 100" in by_default.stderr
    assert run(*model, *HEADLINES, "--explain").stdout.count("unsure (best: ") == 1
    assert_command_names(predict(*model, "a", "--accuracy", 0.99), "0.99", "at most 0.93 can")
    record["rows"] = [[0.5, 100, 20]]
    edit_json(exported / "config.json", held_out_scores=record)
    assert "No label is marked as unsure. An accuracy of 0.9" in run(*model, "a").stderr


def test_the_column_that_is_read_is_printed_if_it_has_another_name(tmp_path, caplog):
    path = tmp_path / "headlines.csv"
    path.write_text("Breaking\nCouncil votes on the bridge\n")
    run("--input", path)
    for word in (str(path), "'Breaking'"):
        assert word in caplog.text


# Columns of the input in the output

KEPT = [
    {"id": 7, "text": "=SUM(A1)", "share": 0.5, "odd": True, "more": ["x", 1]},
    {"id": None, "text": "Council votes\ud800", "share": 2, "odd": None, "more": None},
]
AS_TEXT = [
    ("7", "=SUM(A1)", "0.5", "true", '["x", 1]'),
    ("", "Council votes\ufffd", "2", "", ""),
]


def test_kept_columns_are_repeated_as_they_are(tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in KEPT))
    names = list(KEPT[0])

    def written(kind):
        run("--input", path, "--keep_columns", ",".join(names), "--output", tmp_path / f"a.{kind}")
        return tmp_path / f"a.{kind}"

    rows = read_csv(written("csv"))
    assert list(rows[0])[:7] == ["row", *names, "label"]
    assert [tuple(row[name] for name in names) for row in rows] == AS_TEXT
    lines = written("jsonl").read_text(encoding="utf-8").splitlines()
    repaired = [KEPT[0], KEPT[1] | {"text": "Council votes\ufffd"}]
    for line, row in zip(lines, repaired, strict=True):
        record = json.loads(line)
        assert {name: record[name] for name in names} == row
        assert {"row", "label", "score", "scores"} <= record.keys()
    table = pq.read_table(written("parquet"))
    found = zip(*(table.column(name).to_pylist() for name in names), strict=True)
    assert [tuple(value or "" for value in row) for row in found] == AS_TEXT

    with_label = write_table(tmp_path / "label.csv", [{"text": "a", "label": "b"}])
    done = predict("--input", with_label, "--keep_columns", "label", "--format", "csv")
    assert_command_names(done, "'label'", "--keep_columns", "rename")


def test_parquet_keeps_the_types_of_parquet(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table = pa.table({"id": pa.array([None, 2], pa.int64()), "text": ["a", "b"], "more": [[1], []]})
    pq.write_table(table, "in.parquet")
    words = ["--keep_columns", "id,more", "--format", "parquet"]
    run("--input", "in.parquet", *words, "--output_dir", "out")
    kept = pq.read_table("out/in.parquet").select(["id", "more"])
    assert kept.equals(table.select(["id", "more"]))
    Path("in.csv").write_text("text,id,more\na,two,\n")
    done = predict("--input", "in.parquet", "in.csv", *words, "--output", "both.parquet")
    assert_command_names(done, "'two'", "first file", "CSV")
    assert not Path("both.parquet").exists()


def test_a_kept_text_has_no_more_lines_than_before(tmp_path):
    (tmp_path / "in.csv").write_bytes(b'text,note\r\n"a\r\nb","c\r\nd"\r\n')
    words = ["--input", tmp_path / "in.csv", "--keep_columns", "text,note"]
    [row] = list(csv.DictReader(run(*words, "--format", "csv").stdout.splitlines(keepends=True)))
    assert (row["text"], row["note"]) == ("a\nb", "c\nd")


# Long texts


@pytest.mark.parametrize("side", ["right", "left"])
def test_texts_that_the_model_does_not_read_to_the_end_are_counted(exported, tmp_path, side):
    """Once, at the end, and not for the parts of an explanation."""
    edit_json(exported / "tokenizer_config.json", model_max_length=5, truncation_side=side)
    table = tmp_path / "in.csv"
    table.write_text("text\n" + "Council votes on the new bridge\nCouncil votes\n" * 3)
    for options in (["--output_dir", tmp_path / "labels"], ["--explain"]):
        errors = run("--model", exported, "--input", table, *options).stderr
        assert errors.count("longer than") == 1
        assert "3 of 6 texts are longer than 5 tokens" in errors
    assert ("beginnings" if side == "left" else "ends") in errors
    assert "--max_seq_length" in errors


# Output


def test_output_goes_through_links_and_devices_stay(tmp_path):
    """A link to a file, a device, and a folder that is not there yet."""
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    (tmp_path / "real.csv").write_text("old")
    done = run("", "--output", tmp_path / "link.csv")
    assert "1 row without any text" in done.stderr
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text().startswith("row,label")
    run("a", "--output", "/dev/null")
    assert not Path("/dev/null").is_file()
    run("", "--output", tmp_path / "new" / "folder" / "out.csv")
    written = (tmp_path / "new" / "folder" / "out.csv").read_text()
    assert written == (tmp_path / "real.csv").read_text()


def test_an_output_that_would_surprise_is_refused(tmp_path):
    """Output is not compressed, and - is standard output."""
    done = predict("a", "--output", tmp_path / "out.csv.gz")
    assert_command_names(done, "out.csv.gz", "compressed")
    assert run("a text", "--output", "-").stdout.endswith("a text\n")


def test_output_into_a_pipe_is_utf8():
    line = f"{sys.executable} {ROOT}/scripts/predict.py \u65e5 --output /dev/stdout | cat"
    ascii_only = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(line, shell=True, capture_output=True, encoding="utf-8", env=ascii_only)
    assert done.stdout.endswith("  \u65e5\n"), done.stderr


def test_reader_that_goes_away_gets_no_traceback(articles):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    words = ["--model", HUB, "--input", articles]
    with subprocess.Popen([*SCRIPT, *words], **pipes, encoding="utf-8") as process:
        process.stdout.close()
        assert "Traceback" not in process.stderr.read()
    assert process.returncode == 141  # as of a signal SIGPIPE


@pytest.mark.parametrize(
    ("name", "number"), [("out.csv", signal.SIGTERM), ("out.parquet", signal.SIGKILL)]
)
def test_a_killed_output_leaves_the_file_as_it_was(tmp_path, name, number):
    path = write_articles(tmp_path / "in.csv", 10_000)
    out = tmp_path / name
    out.write_text("old")
    words = ["--input", path, "--output", out]
    process = subprocess.Popen([*SCRIPT, *words], stderr=subprocess.DEVNULL)
    while process.poll() is None and not any(
        part.stat().st_size > 0 for part in tmp_path.glob(".out*")
    ):
        time.sleep(0.005)
    process.send_signal(number)
    assert process.wait() in (128 + number, -number)
    assert out.read_text() == "old"
    if number == signal.SIGTERM:
        assert {file.name for file in tmp_path.iterdir()} == {"in.csv", name}
