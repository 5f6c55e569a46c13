"""predict on inputs of any size: formats, folders of parts, and a kill."""

import json
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from support import ROOT, assert_refused, read_csv, run_here, succeed, write_articles, write_table

from glove_lstm.commands import predict as command

predict = partial(run_here, command.main)
run = partial(succeed, command.main)


@pytest.fixture(scope="module")
def whole(articles: Path, tmp_path_factory) -> Path:
    """Labels of one undisturbed run, in windows of 30."""
    path = tmp_path_factory.mktemp("whole") / "labels.csv"
    args = ("--input", articles, "--format", "csv", "--rows_per_part", 30, "--output", path)
    assert "160 rows in" in run(*args).stderr
    return path


def test_every_way_in_gives_the_same_rows(articles: Path, whole: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    pq.write_table(pyarrow.csv.read_csv(articles), data / "in.parquet", row_group_size=30)
    write_table(data / "in.jsonl", read_csv(articles))
    out = tmp_path / "out.csv"
    common = ("--format", "csv", "--output", out, "--rows_per_part", 30)
    for kind, path in (("csv", articles), ("jsonl", data / "in.jsonl")):
        run("--input", "-", "--input_format", kind, *common, stdin=path.read_bytes())
        assert out.read_bytes() == whole.read_bytes(), kind
    rows = (data / "in.jsonl").rename(data / "in\udcff.jsonl")  # not UTF-8
    run("--input", data / "*.parquet", rows, *common)
    files = [str(data / "in.parquet")] * 160 + [str(data / "in\ufffd.jsonl")] * 160
    assert [row["file"] for row in read_csv(out)] == files
    labels = [row["label"] for row in read_csv(whole)]
    assert [row["label"] for row in read_csv(out)] == labels * 2
    run("--input", articles, "--output", tmp_path / "out.parquet")
    assert pq.read_table(tmp_path / "out.parquet")["label"].to_pylist() == labels


def test_parts_are_kept_by_the_same_command_and_refused_to_another(
    articles: Path, whole: Path, tmp_path: Path
) -> None:
    args = ("--input", articles, "--rows_per_part", 30, "--output_dir", tmp_path / "out")
    assert "160 rows in" in run(*args).stderr
    parts = sorted((tmp_path / "out").glob("part-*.csv"))
    assert [path.name for path in parts] == [f"part-{n:05d}.csv" for n in range(6)]
    assert [row for path in parts for row in read_csv(path)] == read_csv(whole)
    before = parts[2].read_bytes()
    parts[2].unlink()
    assert "parts of an earlier run kept: 5" in run(*args).stderr
    assert parts[2].read_bytes() == before
    assert_refused(predict(*args, "--backend", "torch"), "holds parts of another run", "model")


def test_files_of_others_stay(articles: Path, tmp_path: Path) -> None:
    (tmp_path / ".notes.part").write_text("mine")
    run("--input", articles, "--output_dir", tmp_path)
    assert (tmp_path / ".notes.part").read_text() == "mine"
    for path in tmp_path.glob("part-*"):
        path.unlink()
    run("--input", articles, "--output_dir", tmp_path, "--rows_per_part", 99)
    other = tmp_path / "other"
    other.mkdir()
    (other / "run.json").write_text('{"mine": 1}')
    assert_refused(predict("--input", articles, "--output_dir", other), "another run")
    assert (other / "run.json").read_text() == '{"mine": 1}'


# Labels that a spreadsheet would run, and labels that it shows.
FORMULAS = ("=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "-inf", "-1_0", "=1", "=1")
HARMLESS = ("-1", "+2", "-1.5", "-.5e-3", "1", "a=1", "", " =1", "'=1", '["=1"]')


@pytest.fixture
def labelled(copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A function that renames FAKE and REAL, and labels a row of each in two files: into csv, and into jsonl."""
    monkeypatch.chdir(tmp_path)
    for name in ("=a.csv", "b.csv"):
        Path(name).write_text("text\nSHOCKING secret!!!\nCouncil votes\n")
    config = json.loads((copy / "config.json").read_text())

    def label(fake: str, real: str) -> tuple[list[dict], list[dict]]:
        names = {"id2label": {"0": fake, "1": real}, "label2id": {}}
        (copy / "config.json").write_text(json.dumps({**config, **names}))
        for name in ("out.csv", "out.jsonl"):
            run("--input", "=a.csv", "b.csv", "--model", copy, "--output", name)
        lines = Path("out.jsonl").read_text().splitlines()
        return read_csv(Path("out.csv")), [json.loads(line) for line in lines]

    return label


@pytest.mark.parametrize(("formula", "harmless"), list(zip(FORMULAS, HARMLESS, strict=True)))
def test_no_cell_of_csv_is_a_formula(labelled, formula: str, harmless: str) -> None:
    cells, rows = labelled(formula, harmless)
    assert [row["label"] for row in rows] == [formula, harmless] * 2
    shown = "'" + formula.replace(
        "\r", "\n"
    )  # csv cannot hold a carriage return before Python 3.13
    assert [row["label"] for row in cells] == [shown, harmless] * 2
    assert [row["file"] for row in rows] == ["=a.csv", "=a.csv", "b.csv", "b.csv"]
    assert [row["file"] for row in cells] == ["'=a.csv", "'=a.csv", "b.csv", "b.csv"]
    for cell, row in zip(cells, rows, strict=True):
        score = row["scores"][formula]
        assert cell[f"score_{formula}".replace("\r", "\n")] == f"{score:.6f}"


def test_a_killed_output_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = write_articles(tmp_path / "in.csv", 20_000)
    (tmp_path / "out.csv").write_text("old")
    command = [sys.executable, str(ROOT / "scripts" / "predict.py"), "--input", str(path)]
    command += ["--format", "csv", "--rows_per_part", "100", "--output", str(tmp_path / "out.csv")]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    while process.poll() is None and not any(p.stat().st_size for p in tmp_path.glob(".out*")):
        time.sleep(0.005)
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 143
    assert (tmp_path / "out.csv").read_text() == "old"
    assert {one.name for one in tmp_path.iterdir()} == {"in.csv", "out.csv"}
