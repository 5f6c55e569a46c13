"""predict on inputs of any size: formats, folders of parts, and a kill."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from support import (
    ROOT,
    assert_refused,
    edit_json,
    read_csv,
    run_here,
    succeed,
    write_articles,
    write_table,
)

from glove_lstm.commands import predict as command

predict = partial(run_here, command.main)
run = partial(succeed, command.main)


def column(name: str, rows: list[dict]) -> list:
    return [row[name] for row in rows]


@pytest.fixture(scope="module")
def whole(articles: Path, tmp_path_factory) -> Path:
    """Labels of one undisturbed run, in windows of 30."""
    path = tmp_path_factory.mktemp("whole") / "labels.csv"
    done = run("--input", articles, "--rows_per_part", 30, "--output", path)
    assert "160 rows in" in done.stderr
    return path


def test_standard_input_gives_the_same_rows(articles: Path, whole: Path, tmp_path: Path) -> None:
    table = write_table(tmp_path / "in.jsonl", read_csv(articles))
    out = tmp_path / "out.csv"
    stream = ["--input", "-", "--input_format", "jsonl", "--rows_per_part", 30]
    run(*stream, "--output", out, stdin=table.read_bytes())
    assert out.read_bytes() == whole.read_bytes()


def test_several_files_are_named_in_the_output(articles: Path, whole: Path, tmp_path: Path) -> None:
    pq.write_table(pyarrow.csv.read_csv(articles), tmp_path / "in.parquet", row_group_size=30)
    lines = write_table(tmp_path / "in\udcff.jsonl", read_csv(articles))  # not UTF-8
    out = tmp_path / "out.csv"
    run("--input", tmp_path / "*.parquet", lines, "--output", out)
    files = column("file", read_csv(out))
    assert files[:160] == [str(tmp_path / "in.parquet")] * 160
    assert files[160:] == [str(tmp_path / "in\ufffd.jsonl")] * 160
    assert column("label", read_csv(out)) == column("label", read_csv(whole)) * 2


def test_parquet_has_the_same_labels(articles: Path, whole: Path, tmp_path: Path) -> None:
    run("--input", articles, "--output", tmp_path / "out.parquet")
    table = pq.read_table(tmp_path / "out.parquet")
    assert table["label"].to_pylist() == column("label", read_csv(whole))


# Folders of parts


def test_parts_are_kept_by_the_same_command_and_refused_to_another(
    articles: Path, whole: Path, tmp_path: Path
) -> None:
    arguments = ["--input", articles, "--rows_per_part", 30, "--output_dir", tmp_path]
    assert "160 rows in" in run(*arguments).stderr
    parts = sorted(tmp_path.glob("part-*.csv"))
    assert len(parts) == 6
    assert parts[5].name == "part-00005.csv"
    rows = []
    for path in parts:
        rows += read_csv(path)
    assert rows == read_csv(whole)

    before = parts[2].read_bytes()
    parts[2].unlink()
    assert "parts of an earlier run kept: 5" in run(*arguments).stderr
    assert parts[2].read_bytes() == before
    done = predict(*arguments, "--backend", "torch")
    assert_refused(done, "holds parts of another run", "model")


def test_parts_may_be_removed_to_start_another_run(articles: Path, tmp_path: Path) -> None:
    run("--input", articles, "--output_dir", tmp_path)
    for path in tmp_path.glob("part-*"):
        path.unlink()
    run("--input", articles, "--output_dir", tmp_path, "--rows_per_part", 99)


def test_files_of_others_stay(articles: Path, tmp_path: Path) -> None:
    notes = tmp_path / ".notes.part"
    notes.write_text("mine")
    run("--input", articles, "--output_dir", tmp_path)
    assert notes.read_text() == "mine"


# Cells that a spreadsheet would run


@pytest.fixture
def label(copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A function that renames FAKE and REAL, and labels a row of each in two files: into csv, and into jsonl."""
    monkeypatch.chdir(tmp_path)
    for name in ("=a.csv", "b.csv"):
        Path(name).write_text("text\nSHOCKING secret!!!\nCouncil votes\n")

    def label_files(fake: str, real: str) -> tuple[list[dict], list[dict]]:
        edit_json(copy / "config.json", id2label={"0": fake, "1": real}, label2id={})
        for name in ("out.csv", "out.jsonl"):
            run("--input", "=a.csv", "b.csv", "--model", copy, "--output", name)
        lines = Path("out.jsonl").read_text().splitlines()
        return read_csv(Path("out.csv")), [json.loads(line) for line in lines]

    return label_files


@pytest.mark.parametrize(
    ("formula", "harmless"),
    [
        ("=1+1", "-1"),
        ("+1+1", "+2"),
        ("-1+1", "-.5e-3"),
        ("@SUM(A1)", "a=1"),
        ("\t=1", ""),
        ("\r=1", " =1"),
        ("-inf", "'=1"),
        ("-1_0", '["=1"]'),
    ],
)
def test_no_cell_of_csv_is_a_formula(label, formula: str, harmless: str) -> None:
    rows_of_csv, rows_of_jsonl = label(formula, harmless)
    assert column("label", rows_of_jsonl) == [formula, harmless] * 2
    assert column("file", rows_of_jsonl) == ["=a.csv", "=a.csv", "b.csv", "b.csv"]

    # csv cannot hold a carriage return before Python 3.13.
    written = formula.replace("\r", "\n")
    assert column("label", rows_of_csv) == [f"'{written}", harmless] * 2
    assert column("file", rows_of_csv) == ["'=a.csv", "'=a.csv", "b.csv", "b.csv"]
    scores = column("scores", rows_of_jsonl)
    expected = [f"{by_label[formula]:.6f}" for by_label in scores]
    assert column(f"score_{written}", rows_of_csv) == expected


def has_written(files: Iterable[Path]) -> bool:
    return any(file.stat().st_size > 0 for file in files)


def test_a_killed_output_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = write_articles(tmp_path / "in.csv", 20_000)
    out = tmp_path / "out.csv"
    out.write_text("old")
    script = [sys.executable, ROOT / "scripts" / "predict.py", "--input", path, "--output", out]
    process = subprocess.Popen([*script, "--rows_per_part", "100"], stderr=subprocess.DEVNULL)
    while process.poll() is None and not has_written(tmp_path.glob(".out*")):
        time.sleep(0.005)
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 143
    assert out.read_text() == "old"
    assert {file.name for file in tmp_path.iterdir()} == {"in.csv", "out.csv"}
