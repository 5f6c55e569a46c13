"""scripts/predict.py on inputs of any size: formats, folders of parts, shards, a kill, and mistakes."""

import csv
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from support import ROOT, assert_refused, run_script, write_articles

from glove_lstm.inference.checkpoint_files import DEFAULT_CHECKPOINT


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """The shipped checkpoint with an ONNX file, which starts in a fraction of a second."""
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from glove_lstm.inference.onnx_export import export_onnx

    folder = Path(shutil.copytree(DEFAULT_CHECKPOINT, tmp_path_factory.mktemp("model") / "out"))
    export_onnx(folder)
    return folder


def predict(model: Path, *args: object, **options: object) -> subprocess.CompletedProcess[str]:
    return run_script("predict", "--model", model, *args, **options)


def succeed(model: Path, *args: object, **options: object) -> str:
    done = predict(model, *args, **options)
    assert done.returncode == 0, done.stderr
    return done.stderr


def rows_of(path: Path) -> list[dict]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def assert_same(found: list[dict], wanted: list[dict]) -> None:
    """Equal but for what windows of other sizes may change: the last digit of a score."""
    for one, other in zip(found, wanted, strict=True):
        assert (int(one["row"]), one["label"]) == (int(other["row"]), other["label"])
        for name in ("score", "score_FAKE", "score_REAL"):
            assert float(one[name]) == pytest.approx(float(other[name]), abs=1e-5)


@pytest.fixture(scope="module")
def whole(model: Path, articles: Path, tmp_path_factory) -> Path:
    """What one undisturbed run writes, in windows of 30."""
    path = tmp_path_factory.mktemp("whole") / "labels.csv"
    args = ("--input", articles, "--format", "csv", "--rows_per_part", 30, "--output", path)
    assert "160 rows in" in succeed(model, *args)
    return path


def test_every_way_in_gives_the_same_rows(model: Path, articles: Path, whole: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    pq.write_table(pyarrow.csv.read_csv(articles), data / "in.parquet", row_group_size=30)
    with (data / "in.jsonl").open("w") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows_of(articles))
    out = tmp_path / "out.csv"
    common = ("--format", "csv", "--output", out, "--rows_per_part", 30)
    for source in (
        ["--input", data / "in.parquet"],
        ["--input", data / "in.jsonl"],
        ["--dataset_name", articles.parent],
    ):
        succeed(model, *source, *common)
        assert out.read_bytes() == whole.read_bytes(), source
        out.unlink()
    for kind, path in (("csv", articles), ("jsonl", data / "in.jsonl")):
        with path.open() as file:
            succeed(model, "--input", "-", "--input_format", kind, *common, stdin=file)
        assert out.read_bytes() == whole.read_bytes(), kind
    succeed(model, "--input", data / "*.parquet", data / "in.jsonl", *common)
    found = rows_of(out)
    assert [row["file"] for row in found] == [str(data / "in.parquet")] * 160 + [str(data / "in.jsonl")] * 160
    assert_same(found, rows_of(whole) * 2)


def test_parts_of_shards_are_those_of_one_process(
    model: Path, articles: Path, whole: Path, tmp_path: Path
) -> None:
    args = ("--input", articles, "--rows_per_part", 30, "--output_dir")
    for index in (1, 0):
        errors = succeed(model, *args, tmp_path / "out", "--num_shards", 2, "--shard_index", index)
        assert "rows/s" in errors
        assert ("parts of other shards are missing" in errors) == (index == 1)
    succeed(model, *args, tmp_path / "one")
    parts = sorted((tmp_path / "out").glob("part-*.csv"))
    assert [path.name for path in parts] == [f"part-{n:05d}.csv" for n in range(6)]
    assert [path.read_bytes() for path in parts] == [
        (tmp_path / "one" / path.name).read_bytes() for path in parts
    ]
    assert [row for path in parts for row in rows_of(path)] == rows_of(whole)
    assert "complete already: 160 rows in 6 parts" in succeed(model, *args, tmp_path / "one")
    assert_refused(predict(model, *args, tmp_path / "out"), "another number of shards")
    assert_refused(predict(model, *args, tmp_path / "one", "--max_length", 5), "another model")
    assert_refused(predict(model, *args, tmp_path / "one", "--backend", "torch"), "another model")


@pytest.mark.slow
@pytest.mark.parametrize("option", ["--output", "--output_dir"])
def test_killed_and_run_again(model: Path, tmp_path: Path, option: str) -> None:
    path = write_articles(tmp_path / "in.csv", 4000)
    args = ["--input", str(path), "--format", "csv", "--rows_per_part", "100"]
    succeed(model, *args, "--output", tmp_path / "whole.csv")
    folder = tmp_path / ("out.parts" if option == "--output" else "out")
    command = [sys.executable, str(ROOT / "scripts" / "predict.py"), "--model", str(model), *args]
    for more in (1, 5, 8):
        enough = len(list(folder.glob("part-*.csv"))) + more
        process = subprocess.Popen([*command, option, str(tmp_path / "out")], stderr=subprocess.DEVNULL)
        while process.poll() is None and len(list(folder.glob("part-*.csv"))) < enough:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    succeed(model, *args, option, tmp_path / "out")
    found = (
        rows_of(tmp_path / "out")
        if option == "--output"
        else [row for path in sorted(folder.glob("part-*.csv")) for row in rows_of(path)]
    )
    assert found == rows_of(tmp_path / "whole.csv")


def test_bad_rows_end_the_run_or_are_reported(model: Path, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_bytes(b"text\ngood\ncaf\xe9\ngood too\n")
    args = ("--input", tmp_path / "in.csv", "--format", "csv")
    assert_refused(predict(model, *args), "in.csv, row 2 (line 3)", "not UTF-8", "--on_error skip")
    done = predict(model, *args, "--on_error", "skip")
    assert done.returncode == 0
    assert [line.split(",")[0] for line in done.stdout.splitlines()] == ["row", "1", "3"]
    assert "skipped: " in done.stderr
    assert "1 skipped" in done.stderr.splitlines()[-1]


def test_parquet_out(model: Path, articles: Path, whole: Path, tmp_path: Path) -> None:
    succeed(model, "--input", articles, "--format", "parquet", "--output", tmp_path / "out.parquet")
    assert_same(pq.read_table(tmp_path / "out.parquet").to_pylist(), rows_of(whole))


def test_mistakes(model: Path, articles: Path, tmp_path: Path) -> None:
    out = ("--output_dir", tmp_path / "out")
    for args, words in (
        (("--input", articles, "--num_shards", 2), "--output_dir"),
        (("--input", articles, *out, "--output", "a.csv"), "not both"),
        (("--input", articles, *out, "--format", "table"), "csv, jsonl and parquet"),
        (("--input", articles, *out, "--num_shards", 2, "--shard_index", 2), "no shard 2 of 2"),
        (("--input", articles, "--format", "parquet"), "standard output"),
        (("--input", articles, "--dataset_name", "x"), "either texts or --input or --dataset_name"),
        (("a", "--dataset_name", "x"), "either texts or --input or --dataset_name"),
        (("a", "--text_column_names", "text"), "belongs to --input and --dataset_name"),
        (("--input", articles, "--dataset_split", "test"), "--dataset_split belongs to --dataset_name"),
        (("a", "--dataset_config_name", "x"), "--dataset_config_name belongs to --dataset_name"),
        (("--dataset_revision", "main"), "--dataset_revision belongs to --dataset_name"),
        (("a", "--revision", "main"), "is a folder, which has no revision 'main'"),
        (("--dataset_name", tmp_path, "--dataset_revision", "v1"), "is a folder, which has no revision 'v1'"),
        (("a", "--num_shards", 2, *out), "Only files and --dataset_name"),
        (("--input", "-"), "--input_format"),
        (("--input", articles, "--input_format", "csv"), "--input -"),
        (("--input", "-", articles, "--input_format", "csv"), "alone"),
        (("--input", tmp_path / "*.csv"), "No file matches"),
        (("--dataset_name", "nobody/nothing"), "could not be loaded"),
    ):
        assert_refused(predict(model, *args, stdin=subprocess.DEVNULL), words)
    assert not (tmp_path / "out").exists()
