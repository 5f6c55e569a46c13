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


FORMULAS = ("=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "-inf", "-1_0")
HARMLESS = ("-1", "+2", "-1.5", "-.5e-3", "1", "a=1", "", " =1", "'=1", '["=1"]')


@pytest.mark.parametrize("label", [*FORMULAS, *HARMLESS], ids=repr)
def test_no_cell_of_csv_is_a_formula(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, label: str
) -> None:
    config = json.loads((copy / "config.json").read_text())
    config |= {"id2label": {"0": label, "1": label + "b"}, "label2id": {}}
    (copy / "config.json").write_text(json.dumps(config))
    monkeypatch.chdir(tmp_path)
    for name in ("=a.csv", "b.csv"):
        Path(name).write_text("text\nCouncil votes\nSHOCKING secret!!!\n")
    args = ("--input", "=a.csv", "b.csv", "--model", copy, "--rows_per_part", 3)
    for kind in ("csv", "jsonl"):
        run(*args, "--output_dir", kind, "--format", kind)
    for name in ("whole.csv", "whole.parquet"):
        run(*args, "--output", name)
    shown = read_csv(Path("whole.csv"))
    assert [row for path in sorted(Path("csv").glob("*.csv")) for row in read_csv(path)] == shown
    raw = [json.loads(line) for path in sorted(Path("jsonl").glob("part*")) for line in path.open()]
    assert [row["label"] for row in raw] == pq.read_table("whole.parquet")["label"].to_pylist()
    assert {row["label"] for row in raw} <= {label, label + "b"}
    assert {row["file"] for row in raw} == {"=a.csv", "b.csv"}
    assert {row["file"] for row in shown} == {"'=a.csv", "b.csv"}
    for row, before in zip(shown, raw, strict=True):
        whole = before["label"]
        is_formula = whole.startswith(("=", "+", "-", "@", "\t", "\r"))
        is_number = whole in HARMLESS
        cell = whole.replace("\r", "\n")
        assert row["label"] == (f"'{cell}" if is_formula and not is_number else cell)
        assert row[f"score_{label}".replace("\r", "\n")] == f"{before['scores'][label]:.6f}"


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
