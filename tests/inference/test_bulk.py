"""Labelling of many files: each output is whole or not there, in constant memory."""

import importlib.util
import os
import re
import subprocess
import sys
from functools import partial

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support import ROOT, assert_command_names, read_csv, run_here, succeed, write_articles

from glove_lstm import LightClassifier
from glove_lstm.commands import predict as command
from glove_lstm.inference.bulk import chunks
from glove_lstm.tables.columns import Row

run = partial(succeed, command.main)
predict = partial(run_here, command.main)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_very_long_rows_are_read_in_smaller_chunks():
    rows = [Row("here", number, "abc") for number in range(10)]
    assert [len(chunk) for chunk in chunks(rows, most_characters=12)] == [4, 4, 2]
    assert [len(chunk) for chunk in chunks(rows, most_rows=5)] == [5, 5]


def test_each_file_has_an_output_and_those_that_are_there_stay(articles, tmp_path):
    other = write_articles(tmp_path / "other.csv", 10)
    out = tmp_path / "labels"
    words = ["--input", articles, other, "--output_dir", out]
    assert "170 rows in" in run(*words).stderr
    run("--input", articles, other, "--output", tmp_path / "whole.csv")
    rows = read_csv(out / "articles.csv") + read_csv(out / "other.csv")
    whole = read_csv(tmp_path / "whole.csv")
    for name in ("file", "row", "label"):
        assert [row[name] for row in rows] == [row[name] for row in whole]

    (out / "articles.csv").write_text("mine")
    (out / "other.csv").unlink()
    done = run(*words)
    assert "10 rows in" in done.stderr
    assert "kept: 1" in done.stderr
    assert read_csv(out / "other.csv") == rows[160:]
    assert (out / "articles.csv").read_text() == "mine"


def test_a_bad_row_ends_the_run_and_its_file_has_no_output(tmp_path):
    write_articles(tmp_path / "a.csv", 10)
    (tmp_path / "b.csv").write_text("title,text\na,b\n1,2,3\n")
    done = predict("--input", f"{tmp_path}/*.csv", "--output_dir", tmp_path / "out")
    assert_command_names(done, "b.csv, row 2")
    assert list(contents(tmp_path / "out")) == ["a.csv"]


def test_outputs_that_would_be_lost_are_refused(tmp_path):
    """An output that is an input would be skipped, one of two inputs would have the rows of one."""
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        write_articles(tmp_path / folder / "in.csv", 3)
    words = ["--input", f"{tmp_path}/*/in.csv", "--output_dir"]
    assert_command_names(predict(*words, tmp_path / "a"), "a/in.csv is an input")
    assert_command_names(predict(*words, tmp_path / "out"), "out/in.csv", "2 files", "folders")
    assert_command_names(predict("a", "--output_dir", tmp_path / "out"), "--output_dir", "--input")
    assert not (tmp_path / "out").exists()


_MEASURE = """
import re, sys
from pathlib import Path
import numpy as np
from glove_lstm import LightClassifier
from glove_lstm.commands.predict import main
LightClassifier.predict_proba = lambda self, texts, pairs: np.full((len(texts), 2), 0.5)
output, *inputs = sys.argv[1:]
for path in inputs:
    main(["--input", path, "--output", output])
    print(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_memory_does_not_grow_with_the_input(tmp_path, kind):
    """The highest use of memory of a process after a short input, and then after a long one."""
    words = "some words " * 90  # 1 kB
    paths = []
    for count in (10_000, 80_000):
        path = tmp_path / f"{count}.{kind}"
        texts = [f"row {row} {words}" for row in range(count)]
        if kind == "parquet":  # one row group
            pq.write_table(
                pa.table({"text": texts}), path, compression="none", use_dictionary=False
            )
        else:
            path.write_text("text\n" + "\n".join(texts))
        paths.append(path)
    # Arrow's own pools keep some 15 MB more for later, once, however long the input.
    env = {**os.environ, "ARROW_DEFAULT_MEMORY_POOL": "system"}
    command = [sys.executable, "-c", _MEASURE, tmp_path / f"out.{kind}", *paths]
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
    small, large = map(int, done.stdout.split())
    assert large - small < 16 * 1024  # kB, for 70 MB more


# The two programs under "Label many texts" in docs/predict.md, as people copy them

TEXTS = ["SHOCKING secret they hide!!!", "Council votes on the bridge", ""] * 5
_, MANY_TEXTS = (ROOT / "docs" / "predict.md").read_text().split("## Label many texts\n")
PROGRAMS = re.findall(r"```python\n(.+?)```", MANY_TEXTS, re.DOTALL)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "hub").symlink_to(ROOT / "hub")
    (tmp_path / "news").mkdir()
    pq.write_table(pa.table({"text": TEXTS}), tmp_path / "news" / "a.parquet")
    return tmp_path


def run_program(program, folder, env=None):
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", env=env)
    assert done.returncode == 0, done.stderr


def test_datasets_in_several_processes(folder):
    run_program(PROGRAMS[0], folder)
    wanted = LightClassifier.from_pretrained(ROOT / "hub")(TEXTS)
    found = pq.read_table(folder / "labels.parquet", columns=["label", "score"]).to_pylist()
    assert [row["label"] for row in found] == [row["label"] for row in wanted]
    scores = [row["score"] for row in wanted]
    assert [row["score"] for row in found] == pytest.approx(scores, abs=1e-5)


@pytest.mark.skipif(not importlib.util.find_spec("ray"), reason="needs ray: pip install '.[ray]'")
def test_ray_in_actors(folder):
    # Ray's processes find each other by this machine's outer address, which the guard of the tests refuses.
    env = {**os.environ, "PYTHONPATH": "", "RAY_USAGE_STATS_ENABLED": "0"}
    run_program(PROGRAMS[1], folder, env)
    found = pq.read_table(folder / "labels")
    label_of = dict(zip(found["text"].to_pylist(), found["label"].to_pylist(), strict=True))
    light = LightClassifier.from_pretrained(ROOT / "hub")
    assert found.num_rows == len(TEXTS)
    assert label_of == {text: light([text])[0]["label"] for text in set(TEXTS)}
